# SPDX-License-Identifier: Apache-2.0
"""Patterns of map files, matched in bounded time: whatever pattern and line are, each place of the line is tried at most once with each part of the pattern.

People write their own maps, and a pattern like `(a+)+b` would hold up Python's `re` for hours over one bad line. So the usual subset of its syntax is
compiled here into a small program that is run with a memory of what has failed, as RE2's backtracker does it (R. Cox, "Regular Expression Matching: the
Virtual Machine Approach"). Not in the subset: back references, looking around, anchors (a pattern always takes the whole line), flags.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_ALL = frozenset(range(256))
_DIGITS = frozenset(b"0123456789")
_SPACES = frozenset(b" \t\r\n\f\v")
_WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CLASSES = {"d": _DIGITS, "D": _ALL - _DIGITS, "s": _SPACES, "S": _ALL - _SPACES, "w": _WORDS, "W": _ALL - _WORDS}
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}
PARTS_MAX = 2000
"""Parts of a compiled pattern. Chosen: ten times what the longest shipped map needs."""
REPEATS_MAX = 100
DEPTH_MAX = 20


class PatternError(ValueError):
    """The pattern is not understood; the text says what and where."""


@dataclass
class Node:
    """A piece of a parsed pattern. kind: `set` (one character), `seq`, `alt`, `rep` (`low` to `high` times, -1: no end), `group`."""

    kind: str
    chars: frozenset[int] = frozenset()
    parts: list[Node] = field(default_factory=list)
    name: str = ""
    low: int = 1
    high: int = 1
    greedy: bool = True


class _Parser:
    """Recursive descent over the pattern's text."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0
        self.names: list[str] = []

    def parse(self) -> Node:
        node = self._alternatives()
        if self._at < len(self._text):
            raise self._error("a closing bracket without an opening one")
        return node

    def _error(self, what: str) -> PatternError:
        return PatternError(f"{what}, at place {self._at + 1} of {self._text!r}")

    def _peek(self, count: int = 1) -> str:
        return self._text[self._at : self._at + count]

    def _take(self, what: str) -> bool:
        if not self._text.startswith(what, self._at):
            return False
        self._at += len(what)
        return True

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise self._error("the pattern ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(f"more than {DEPTH_MAX} brackets in each other")
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        self._depth -= 1
        return Node("alt", parts=parts) if len(parts) > 1 else parts[0]

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return Node("seq", parts=parts)

    def _repeated(self, node: Node) -> Node:
        sign = self._peek()
        if sign not in ("?", "*", "+", "{") or not sign:
            return node
        self._at += 1
        low, high = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}.get(sign) or self._counts()
        greedy = not self._take("?")
        if self._peek() in ("?", "*", "+", "{") and self._peek():
            raise self._error("a repetition of a repetition; use (?:...)")
        return Node("rep", parts=[node], low=low, high=high, greedy=greedy)

    def _counts(self) -> tuple[int, int]:
        text = ""
        while not self._take("}"):
            text += self._next()
        low, comma, high = text.partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()):
            raise self._error("expected {n}, {n,} or {n,m}")
        counts = (int(low), int(high) if high else -1 if comma else int(low))
        if max(counts) > REPEATS_MAX or 0 <= counts[1] < counts[0]:
            raise self._error(f"expected counts that rise, up to {REPEATS_MAX}")
        return counts

    def _atom(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return Node("set", self._class())
        if char == ".":
            return Node("set", _ALL - {10})
        if char == "\\":
            return Node("set", self._escape())
        if char in "*+?{^$":
            self._at -= 1
            raise self._error("a pattern takes the whole line, so ^ and $ are not needed" if char in "^$" else f"nothing to repeat before {char!r}")
        return Node("set", self._one(char))

    def _one(self, char: str) -> frozenset[int]:
        if ord(char) > 255:
            raise self._error(f"{char!r} is no character that a scale sends")
        return frozenset((ord(char),))

    def _escape(self) -> frozenset[int]:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return frozenset((_CONTROLS[char],))
        if char == "x":
            digits = self._next() + self._next()
            try:
                return frozenset((int(digits, 16),))
            except ValueError:
                raise self._error("expected two hex digits after \\x") from None
        if char.isalnum():
            raise self._error(f"\\{char} is not known here")
        return self._one(char)

    def _class(self) -> frozenset[int]:
        negated, chars, first = self._take("^"), frozenset[int](), True
        while first or self._peek() != "]":
            first = False
            char = self._next()
            low = self._escape() if char == "\\" else self._one(char)
            if self._peek() == "-" and self._peek(2) not in ("-", "-]"):
                self._at += 1
                end = self._next()
                high = self._escape() if end == "\\" else self._one(end)
                if len(low) != 1 or len(high) != 1 or min(low) > min(high):
                    raise self._error("expected a range like 0-9")
                low = frozenset(range(min(low), min(high) + 1))
            chars |= low
        self._at += 1
        return _ALL - chars if negated else chars

    def _group(self) -> Node:
        name = ""
        if self._take("?P<"):
            while not self._take(">"):
                name += self._next()
            if not name.isidentifier() or name in self.names:
                raise self._error(f"the group name {name!r} is no word, or given twice")
            self.names.append(name)
        elif not self._take("?:") and self._peek() == "?":
            raise self._error("of the groups with ? only (?P<name>...) and (?:...) are known here")
        node = self._alternatives()
        if not self._take(")"):
            raise self._error("a closing bracket is missing")
        return Node("group", parts=[node], name=name)


@dataclass
class _Part:
    """One step of the program: `set` goes on when the character is in `chars`; `split` tries `to`, then `other`; `save` notes a place; `match` ends."""

    kind: str
    chars: frozenset[int] = frozenset()
    to: int = -1
    other: int = -1
    slot: str = ""


class Pattern:
    """A compiled pattern. Raises on construction: PatternError."""

    def __init__(self, text: str) -> None:
        parser = _Parser(text)
        self._program: list[_Part] = []
        self._emit(parser.parse())
        self._add(_Part("match"))
        self.text = text
        self.names = tuple(parser.names)

    def match(self, line: str) -> dict[str, str] | None:
        """The named groups that took part, or None: the pattern does not take the whole line. Characters above 255 match nothing."""
        codes = [ord(char) for char in line]
        width = len(codes) + 1
        tried = bytearray(len(self._program) * width)
        todo: list[tuple[int, int, dict[str, int]]] = [(0, 0, {})]
        while todo:
            at, place, saved = todo.pop()
            while not tried[at * width + place]:
                tried[at * width + place] = 1
                part = self._program[at]
                if part.kind == "match":
                    if place == len(codes):
                        return {name: line[saved[f"{name}<"] : saved[f"{name}>"]] for name in self.names if f"{name}>" in saved}
                    break
                if part.kind == "set":
                    if place == len(codes) or codes[place] not in part.chars:
                        break
                    place += 1
                    at += 1
                elif part.kind == "save":
                    saved = {**saved, part.slot: place}
                    at += 1
                else:
                    if part.other >= 0:
                        todo.append((part.other, place, saved))
                    at = part.to
        return None

    def _add(self, part: _Part) -> int:
        if len(self._program) >= PARTS_MAX:
            raise PatternError(f"the pattern is too large: more than {PARTS_MAX} parts when its repetitions are written out")
        self._program.append(part)
        return len(self._program) - 1

    def _emit(self, node: Node) -> None:
        if node.kind == "set":
            self._add(_Part("set", node.chars))
        elif node.kind == "alt":
            self._emit_alternatives(node.parts)
        elif node.kind == "rep":
            self._emit_repetition(node)
        else:
            slots = (f"{node.name}<", f"{node.name}>") if node.name else ()
            if slots:
                self._add(_Part("save", slot=slots[0]))
            for part in node.parts:
                self._emit(part)
            if slots:
                self._add(_Part("save", slot=slots[1]))

    def _emit_alternatives(self, parts: list[Node]) -> None:
        ends: list[int] = []
        for part in parts[:-1]:
            split = self._add(_Part("split", to=len(self._program) + 1))
            self._emit(part)
            ends.append(self._add(_Part("split")))
            self._program[split].other = len(self._program)
        self._emit(parts[-1])
        for end in ends:
            self._program[end].to = len(self._program)

    def _emit_repetition(self, node: Node) -> None:
        for _ in range(node.low):
            self._emit(node.parts[0])
        splits: list[int] = []
        for _ in range(node.high - node.low if node.high >= 0 else 1):
            splits.append(self._add(_Part("split")))
            self._emit(node.parts[0])
        if node.high < 0:
            self._add(_Part("split", to=splits[0]))
        for split in splits:
            inside, outside = split + 1, len(self._program)
            self._program[split].to, self._program[split].other = (inside, outside) if node.greedy else (outside, inside)

# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the line to a simulated device, by name and by seed: the same seed loses the same bytes.

Chance decides byte by byte in the order of the stream, never by how the stream happens to be cut; so a failing run can be run again.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from firmware_sims.engine.units import is_on, seconds

WayName = Literal["to_client", "to_device"]
_PROBABILITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(%?)")
_NOTED_MAX = 1000
"""Places of lost and changed bytes that are kept for people to look at."""


class FaultError(ValueError):
    """No such fault, or not a value for it; the text says what there is. `problems`: one for each name that is wrong."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass
class Faults:
    """What is wrong with the line just now; it may be changed at any time. Probabilities lie between 0 and 1.

    `mute`: bytes vanish in both directions while the connection stays up. `refuse`: nobody is let in. `chunk_bytes` above 0: answers come in such pieces.
    `drop`, `corrupt`: that a byte, either way, is lost or has one bit changed. `duplicate`, `reorder`: that a piece of an answer comes twice, or changes
    places with the next. `hang_up`: that the connection is cut instead of a piece being sent. `delay_s`, `jitter_s`: how late answers come, and how much
    later by chance; their order stays.
    """

    mute: bool = False
    refuse: bool = False
    chunk_bytes: int = 0
    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    hang_up: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0

    @property
    def spare_the_bytes(self) -> bool:
        """Whether answers pass as they are: at once, whole and unchanged."""
        return not (self.chunk_bytes or self.drop or self.corrupt or self.duplicate or self.reorder or self.hang_up or self.delay_s or self.jitter_s)

    def clear(self) -> None:
        """Nothing is wrong any more."""
        for each in fields(self):
            setattr(self, each.name, each.default)

    def shown(self) -> dict[str, str]:
        """What is wrong, as people write it."""
        return {name: show(getattr(self, attribute)) for name, (attribute, _, show) in SETTINGS.items() if getattr(self, attribute)}


def _probability(text: str) -> float:
    match = _PROBABILITY.fullmatch(text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 2.0
    if value > 1:
        raise ValueError(f"expected a probability between 0 and 1, such as 0.01 or 1%, got {text!r}")
    return value


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise ValueError(f"expected a number of bytes, got {text!r}")
    return int(text)


def _show_duration(value: float) -> str:
    return f"{value * 1000:g}ms" if value < 1 else f"{value:g}s"


def _on(value: object) -> str:
    return "on"


SETTINGS: dict[str, tuple[str, Callable[[str], float], Callable[[float], str]]] = {
    "mute": ("mute", is_on, _on),
    "refuse": ("refuse", is_on, _on),
    "chunk": ("chunk_bytes", _count, str),
    "drop": ("drop", _probability, "{:g}".format),
    "corrupt": ("corrupt", _probability, "{:g}".format),
    "duplicate": ("duplicate", _probability, "{:g}".format),
    "reorder": ("reorder", _probability, "{:g}".format),
    "hang_up": ("hang_up", _probability, "{:g}".format),
    "delay": ("delay_s", seconds, _show_duration),
    "jitter": ("jitter_s", seconds, _show_duration),
}
"""Faults that stay until they are changed: name as people write it -> attribute of `Faults`, how its text is read, how it is shown."""

HAPPENINGS = {
    "hang_up": "now",
    "half_open": "now",
    "brown_out": "2s",
    "clock": "2000",
}
"""Faults that happen once, with an example of their text: the connection is cut; the device forgets it without a word; the supply fails for so long and the
device starts anew; its clock is set to the beginning of that year."""


def read_faults(given: Mapping[str, str]) -> tuple[dict[str, float], dict[str, float]]:
    """Words as people write them: attributes of `Faults` to be set, and happenings with their number (year, seconds, 0).

    Raises: FaultError: names all that are wrong, and what there is.
    """
    settings: dict[str, float] = {}
    happenings: dict[str, float] = {}
    wrong: list[str] = []
    for name, text in given.items():
        try:
            if name in HAPPENINGS and (name not in SETTINGS or text == "now"):
                happenings[name] = _happening(name, text)
            elif name in SETTINGS:
                attribute, read, _ = SETTINGS[name]
                settings[attribute] = read(text)
            else:
                wrong.append(f"no fault {name!r}; there are: {', '.join(sorted(SETTINGS | HAPPENINGS))}")
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise FaultError(*wrong)
    return settings, happenings


def _happening(name: str, text: str) -> float:
    if name == "brown_out":
        return seconds(text)
    if name == "clock":
        if not re.fullmatch(r"(?:19|20)\d\d", text):
            raise ValueError(f"expected a year such as 2000, got {text!r}")
        return float(text)
    if text != "now":
        raise ValueError(f"expected now, got {text!r}")
    return 0.0


def _gap(dice: random.Random, probability: float) -> float:
    """How many bytes pass until the next one is hit: geometric, so that most bytes cost nothing."""
    return math.inf if probability <= 0 else 0.0 if probability >= 1 else math.floor(math.log(1.0 - dice.random()) / math.log(1.0 - probability))


@dataclass
class _Hits:
    """One kind of fault that hits single bytes of one stream."""

    dice: random.Random
    probability: float = 0.0
    next_at: float = math.inf

    def within(self, start: int, end: int, probability: float) -> list[int]:
        """Positions of the stream from `start` up to `end` that are hit."""
        if probability != self.probability:
            self.probability, self.next_at = probability, start + _gap(self.dice, probability)
        hit = []
        while self.next_at < end:
            hit.append(int(self.next_at))
            self.next_at += 1 + _gap(self.dice, probability)
        return hit


@dataclass
class FaultyLine:
    """One direction of the line to a device. What passes through it suffers from the faults that are set just then."""

    faults: Faults
    seed: int
    way: WayName
    lost_at: list[int] = field(default_factory=list)
    """Positions in the stream of the bytes that were lost, the first thousand."""
    changed_at: list[int] = field(default_factory=list)
    passed_bytes: int = 0

    def __post_init__(self) -> None:
        self._drop, self._corrupt = _Hits(self._dice("drop")), _Hits(self._dice("corrupt"))
        self._bits, self._pieces, self._late = self._dice("bits"), self._dice("pieces"), self._dice("jitter")

    def _dice(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {self.way} {what}")  # noqa: S311  # a simulation; text is hashed the same on each machine

    def bytes_through(self, data: bytes) -> bytes:
        """What is left of bytes on a bad line."""
        start, self.passed_bytes = self.passed_bytes, self.passed_bytes + len(data)
        changed = self._corrupt.within(start, self.passed_bytes, self.faults.corrupt)
        lost = self._drop.within(start, self.passed_bytes, self.faults.drop)
        if not changed and not lost:
            return data
        left = bytearray(data)
        for at in changed:
            left[at - start] ^= 1 << self._bits.randrange(8)
        for at in reversed(lost):
            del left[at - start]
        _note(self.changed_at, changed)
        _note(self.lost_at, lost)
        return bytes(left)

    def pieces_through(self, data: bytes) -> list[tuple[float, bytes | None]]:
        """The pieces in which an answer arrives, each with its delay in seconds; None: the connection is cut here."""
        pieces = self._cut(self.bytes_through(data))
        faults, dice = self.faults, self._pieces
        for at in range(len(pieces) - 1):
            if faults.reorder and dice.random() < faults.reorder:
                pieces[at : at + 2] = pieces[at + 1], pieces[at]
        out: list[tuple[float, bytes | None]] = []
        for piece in pieces:
            if faults.hang_up and dice.random() < faults.hang_up:
                return [*out, (self._delay_s(), None)]
            out.append((self._delay_s(), piece))
            if faults.duplicate and dice.random() < faults.duplicate:
                out.append((self._delay_s(), piece))
        return out

    def _cut(self, data: bytes) -> list[bytes]:
        """In pieces as large as they are to be; where pieces may change places and none are asked for, in two."""
        size = self.faults.chunk_bytes or (self._pieces.randint(1, len(data) - 1) if self.faults.reorder and len(data) > 1 else len(data))
        return [data[start : start + size] for start in range(0, len(data), size)] if data else []

    def _delay_s(self) -> float:
        return self.faults.delay_s + (self._late.random() * self.faults.jitter_s if self.faults.jitter_s else 0.0)


def _note(places: list[int], more: list[int]) -> None:
    places += more[: _NOTED_MAX - len(places)]

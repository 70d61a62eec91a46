# SPDX-License-Identifier: Apache-2.0
"""Topics and payloads with places in them: filled in one way, taken apart the other. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{(node|quantity|colour)(?::0?(\d))?\}")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
NODES_MAX = 10_000
JSON_BYTES_MAX = 65_536


class Nodes:
    """Which lights there are, `1-40,51`, and the names that some have in topics. Raises: ValueError: not understood."""

    def __init__(self, text: str, names: Mapping[str, int]) -> None:
        self.numbers = sorted({number for part in text.split(",") for number in _range(part)})
        self._known = set(self.numbers)
        self._names = {number: name for name, number in names.items()}
        self._by_name = dict(names)
        if strange := sorted(set(names.values()) - self._known):
            raise ValueError(f"`names` has light {strange[0]}, which is not in `nodes`")

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def text(self, number: int, digits: int) -> str:
        """How a light is called in topics."""
        return self._names.get(number) or f"{number:0{digits}d}"

    def number(self, text: str) -> int | None:
        """The light that is called so; None: none of ours."""
        number = self._by_name.get(text)
        if number is None and text.isascii() and text.isdigit() and len(text) <= 9:
            number = int(text)
        return number if number in self._known else None


def _range(text: str) -> Iterator[int]:
    found = re.fullmatch(r"\s*(\d{1,5})(?:-(\d{1,5}))?\s*", text)
    if found is None:
        raise ValueError(f"nodes {text!r} are not understood; write 1-40,51")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last <= NODES_MAX:
        raise ValueError(f"nodes {text!r} are not within 1 to {NODES_MAX}, the lower one first")
    yield from range(first, last + 1)


def filled(template: str, nodes: Nodes, node: int, quantity: int = 0, colour: str = "") -> str:
    """A topic or payload with its places filled in; other braces stay as they are."""

    def value(place: re.Match[str]) -> str:
        digits = int(place[2] or 0)
        return {"node": nodes.text(node, digits), "quantity": f"{quantity:0{digits}d}", "colour": colour}[place[1]]

    return _PLACE.sub(value, template)


class TopicPattern:
    """A topic with {node} and wildcards. Raises: ValueError: MQTT does not allow it."""

    def __init__(self, template: str) -> None:
        levels = template.split("/")
        if any("#" in level for level in levels[:-1]) or (levels[-1] != "#" and "#" in levels[-1]):
            raise ValueError(f"topic {template!r}: # stands alone and at the end")
        self.names_node = "{node" in template
        self.filter = "/".join("+" if _PLACE.search(level) else level for level in levels)
        self._pattern = re.compile("/".join(_level(level) for level in levels))

    def match(self, topic: str) -> str | None:
        """What stands in the place of the node; empty: it names none; None: it is another topic."""
        found = self._pattern.fullmatch(topic)
        return None if found is None else found.groupdict().get("node", "")


def _level(level: str) -> str:
    if level in ("+", "#"):
        return "[^/]*" if level == "+" else ".*"
    head, *rest = re.split(r"\{node(?::0?\d)?\}", level)
    return re.escape(head) + "".join(f"(?P<node>[^/]+?){re.escape(part)}" for part in rest[:1]) + "".join(f"[^/]+?{re.escape(part)}" for part in rest[1:])


def found_at(path: str, payload: bytes) -> str | None:
    """What stands at a path of a payload, as text: `.` the whole payload, else steps into JSON (a.b[0]). None: nothing."""
    text = payload.decode("utf-8", "replace")
    if path == ".":
        return text.strip()
    if len(payload) > JSON_BYTES_MAX:
        return None
    try:
        value: Any = json.loads(text)
        for name, index in _STEP.findall(path):
            value = value[name] if name else value[int(index)]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    if value is None or isinstance(value, dict | list):
        return None
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def quantity_of(text: str | None) -> int | None:
    """A whole number that is not negative; None: it is none."""
    found = re.fullmatch(r"\+?(\d{1,9})(?:\.0+)?", text.strip()) if text is not None and text.isascii() else None
    return int(found[1]) if found else None

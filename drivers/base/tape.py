# SPDX-License-Identifier: Apache-2.0
"""The last bytes of a device, both ways, kept in memory so that a disputed moment can be looked at and played through the driver again.

Of the conversation that goes on the beginning is kept (a session understands nothing without its set-up) and the end; what lay between is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

from contracts.readings import AnyReading

Kind = Literal["open", "from_device", "to_device", "command", "reading", "gap"]
_ENTRY_BYTES = 96  # what an entry takes beside its bytes, roughly
_HEAD_SHARE = 4


class Entry(NamedTuple):
    """One thing that happened at a monotonic second: bytes one way, a command given (name and arguments), or a reading made of them."""

    at_s: float
    kind: Kind
    content: bytes | str | AnyReading


def size_of(entry: Entry) -> int:
    """Memory that an entry takes, roughly, in bytes."""
    content = entry.content
    return _ENTRY_BYTES + (len(content) if isinstance(content, bytes | str) else _ENTRY_BYTES)


class Tape:
    """At most `bytes_max` of memory; 0: nothing is kept, listeners hear all the same."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._head: list[Entry] = []
        self._head_bytes = 0
        self._tail: deque[Entry] = deque()
        self._tail_bytes = 0
        self._gave_up = False
        self.listeners: set[Callable[[Entry], None]] = set()

    def opened(self, at_s: float) -> None:
        """A conversation begins; the beginning of the last one is kept no longer."""
        self._head, self._head_bytes, self._gave_up = [], 0, False
        self._tail.clear()
        self._tail_bytes = 0
        self.add(at_s, "open", b"")

    def add(self, at_s: float, kind: Kind, content: bytes | str | AnyReading) -> None:
        """Keep one thing."""
        entry = Entry(at_s, kind, content)
        for listener in tuple(self.listeners):
            listener(entry)
        size = size_of(entry)
        if not self._tail and not self._gave_up and self._head_bytes + size <= self._bytes_max // _HEAD_SHARE:
            self._head.append(entry)
            self._head_bytes += size
            return
        self._tail.append(entry)
        self._tail_bytes += size
        while self._tail and self._head_bytes + self._tail_bytes > self._bytes_max:
            self._tail_bytes -= size_of(self._tail.popleft())
            self._gave_up = True

    def entries(self) -> list[Entry]:
        """All that is kept, in order, with a mark where something was given up."""
        if not self._gave_up:
            return [*self._head, *self._tail]
        at_s = self._tail[0].at_s if self._tail else self._head[-1].at_s if self._head else 0.0
        return [*self._head, Entry(at_s, "gap", b""), *self._tail]

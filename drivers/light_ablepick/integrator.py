# SPDX-License-Identifier: Apache-2.0
"""What is done once, by whoever puts tags up: asking them what they are, setting them up for good, giving them their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from drivers.base.errors import LocalProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, SessionEvent
from drivers.light_ablepick.frames import ADDRESS_CHECK, NODES_PER_PORT, PERMANENT, Sub, details_of, model_of
from drivers.light_ablepick.orders import byte_of
from drivers.light_ablepick.tags import Say, Wishes

_DETAILS_TIMEOUT_S = 3.0  # chosen: a tag answers when the controller next asks it, within a second at 200 tags
_ADDRESS_TIMEOUT_S = 120.0  # chosen: so long somebody may walk to the tag whose key is to be pressed


class SayAll(Protocol):
    """Sends messages to all tags."""

    def __call__(self, *messages: tuple[Sub, bytes]) -> None:
        """Each message: sub-command and data."""


@dataclass
class _Asked:
    """Somebody waits for what a tag says of itself."""

    token: int
    deadline_s: float
    found: dict[str, Argument | None] = field(default_factory=dict)


@dataclass
class _Addressing:
    token: int
    number: int
    deadline_s: float


class Integrator:
    """`say` and `say_all` send; `report` is told how commands end."""

    def __init__(self, wishes: Wishes, say: Say, say_all: SayAll, report: Callable[[SessionEvent], None]) -> None:
        self._wishes = wishes
        self._say = say
        self._say_all = say_all
        self._report = report
        self._asked: dict[int, _Asked] = {}
        self._addressing: _Addressing | None = None

    def ask_details(self, token: int, node: int, now_s: float) -> None:
        """Ask a tag for its model and its details. Raises: LocalProtocolError: somebody asks it just now."""
        if node in self._asked:
            raise LocalProtocolError(f"pick tag {node} is being asked just now; wait for its answer")
        self._asked[node] = _Asked(token, now_s + _DETAILS_TIMEOUT_S, {"node": node})
        self._say(node, Sub.MODEL, b"")
        self._say(node, Sub.RESET_OK, b"")

    def on_model(self, node: int, data: bytes) -> None:
        """A tag told its model; only newer ones can (4.4.11), so its details end the question."""
        if asked := self._asked.get(node):
            asked.found["model"] = model_of(data)

    def is_asked(self, node: int) -> bool:
        """Whether somebody waits for what this tag says of itself. Older ones do not know the question, which is no fault of theirs."""
        return node in self._asked

    def on_details(self, node: int, data: bytes) -> bool:
        """A tag told its details, which it also does by itself when it starts; returns whether it was asked.

        One that starts in that moment is taken for the answer; then the answer is taken for its start, which comes to the same.
        """
        asked = self._asked.pop(node, None)
        if asked is not None:
            self._report(CommandDone(asked.token, asked.found | details_of(data)))
        return asked is not None

    def configure(self, node: int, arguments: Mapping[str, Argument]) -> bool:
        """Set one item of a tag (4.3.20); returns whether that was written to its EEPROM, which is done once for each value. Raises: LocalProtocolError."""
        item, value = byte_of(arguments, "item"), byte_of(arguments, "value")
        writes = bool(arguments.get("permanent", False)) and self._wishes.permanent.get((node, item)) != value
        self._say(node, Sub.CONFIGURE, bytes([item, value, PERMANENT] if writes else [item, value]))
        if writes:
            self._wishes.permanent[node, item] = value
        return writes

    def begin_addressing(self, token: int, arguments: Mapping[str, Argument], now_s: float) -> None:
        """All tags show a number; the one whose key is pressed then has it. Raises: LocalProtocolError."""
        number = int(arguments["number"])
        if not 1 <= number <= NODES_PER_PORT:
            raise LocalProtocolError(f"number {number} is not within 1 to {NODES_PER_PORT}")
        if not arguments.get("sure", False):
            raise LocalProtocolError("this stops all picking on this controller and renumbers the tag whose key is pressed next; say sure=true if nobody picks")
        if self._addressing is not None:
            raise LocalProtocolError(f"number {self._addressing.number} waits for its tag; press a key there first")
        self._addressing = _Addressing(token, number, now_s + _ADDRESS_TIMEOUT_S)
        self._say_all((Sub.SET_ADDRESS, bytes([number]) + ADDRESS_CHECK))

    def addressed(self, node: int) -> bool:
        """A confirm key was pressed: whether that gave a tag its number."""
        if self._addressing is None:
            return False
        done, self._addressing = self._addressing, None
        self._report(CommandDone(done.token, {"node": node, "number": done.number}))
        return True

    def advance_to(self, now_s: float) -> bool:
        """Give up what takes too long; returns whether tags are left that show numbers."""
        for node, asked in list(self._asked.items()):
            if now_s >= asked.deadline_s:
                del self._asked[node]
                self._report(CommandFailed(asked.token, ReplyTimeout(f"details of pick tag {node}", _DETAILS_TIMEOUT_S)))
        if self._addressing is None or now_s < self._addressing.deadline_s:
            return False
        failed, self._addressing = self._addressing, None
        self._report(CommandFailed(failed.token, ReplyTimeout(f"key press that gives number {failed.number} to a tag", _ADDRESS_TIMEOUT_S)))
        return True

    def next_deadline_s(self) -> float | None:
        """When something takes too long."""
        waits = [asked.deadline_s for asked in self._asked.values()]
        return min((*waits, *([self._addressing.deadline_s] if self._addressing else ())), default=None)

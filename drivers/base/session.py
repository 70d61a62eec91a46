# SPDX-License-Identifier: Apache-2.0
"""The sans-IO session: bytes in, events out, time as an argument. It opens nothing, waits for nothing and asks no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.base.errors import DriverError

Argument = str | int | float | bool


@dataclass(frozen=True)
class SessionEvent:
    """Base of what a session reports; each driver adds its own kinds."""


@dataclass(frozen=True)
class SessionReady(SessionEvent):
    """The conversation is established; the device counts as connected. `about` describes it (model, serial, firmware)."""

    about: str = ""


@dataclass(frozen=True)
class CommandDone(SessionEvent):
    """The command with this token was carried out; `result` has fields with their units last."""

    token: int
    result: Mapping[str, Argument | None]


@dataclass(frozen=True)
class CommandFailed(SessionEvent):
    """The command with this token was refused or never answered; the link may well be fine."""

    token: int
    error: DriverError


@dataclass(frozen=True)
class FrameRejected(SessionEvent):
    """Bytes were thrown away; `reason` is one of a small closed set (it becomes a metric's label), `data` what was dropped."""

    reason: str
    data: bytes = b""


@runtime_checkable
class TellsSerial(Protocol):
    """A session that learns the serial number of its device; `serial` is empty as long as it does not know it."""

    @property
    def serial(self) -> str:
        """As the device tells it."""
        ...


class Session(Protocol):
    """One conversation with a device. Times are monotonic seconds.

    `receive_bytes` and `advance_to` raise only ProtocolError or ReplyTimeout; after either the connection is to be closed.
    """

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Take what came from the device, cut anyhow; empty at the end of the stream is never passed in."""
        ...

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """Let time pass; called once right after connecting and then at or after each deadline."""
        ...

    def bytes_to_send(self) -> bytes:
        """What is to be written now; each byte is returned once."""
        ...

    def next_deadline_s(self) -> float | None:
        """When `advance_to` is due next; None: not before more bytes come."""
        ...

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Begin a command; its token comes back in CommandDone or CommandFailed, at once or later.

        Raises: LocalProtocolError: not possible now or ever; the text says why.
        """
        ...

    def farewell(self) -> bytes:
        """What to send before closing on purpose, perhaps nothing."""
        ...

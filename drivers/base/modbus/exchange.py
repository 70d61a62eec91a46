# SPDX-License-Identifier: Apache-2.0
"""One request at a time with one Modbus line, and the drain rule, without any input or output.

The drain rule: RTU replies carry no number. A reply that comes after its time-out would be taken for the reply to the next request, and every later
one would be shifted by one, with good checksums. So after a time-out or a reply that cannot be trusted nothing is sent, and what comes is thrown away,
until the latest moment at which that reply may still come has passed and the line has been silent. Gateways between TCP and RTU shift replies
likewise and put the new number on them; so the rule holds for TCP too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from drivers.base.errors import RemoteProtocolError
from drivers.base.modbus.frames import Reply, Request
from drivers.base.modbus.framing import Framing, Refused

DRAIN_SILENCE_S = 0.05  # measured: 50 ms of silence end every burst of late replies at 9600 baud
DRAIN_MAX_S = 10.0  # a line that is not silent for so long is broken
_LATE_BYTES_MAX = 256
REASONS = {
    "crc": "the reply has a wrong checksum; check baud rate, parity, termination of the line, and that no two devices have this address",
    "garbled": "what came is no reply; check baud rate, parity, and whether the adapter sends back what it sends (`echoes`)",
    "mismatch": "what came does not fit the request; check `unit_id` and the map",
}
"""What to look at, by why a reply was refused."""


class State(Enum):
    """Where the conversation stands: nothing asked, a request outstanding, or throwing away what may come too late."""

    IDLE = "idle"
    WAITING = "waiting"
    DRAINING = "draining"


@dataclass(frozen=True)
class TimedOut:
    """No reply came; the line drains."""


@dataclass(frozen=True)
class Late:
    """What came while the line drained; told when it is silent again."""

    data: bytes


@dataclass(frozen=True)
class Broken:
    """The stream is beyond repair; nothing more is to be had of this connection."""

    error: RemoteProtocolError


Outcome = Reply | Refused | TimedOut | Late | Broken


class Exchange:
    """The requests of one conversation. Times are monotonic seconds; `worst_reply_s` is the latest that a reply may come after its request."""

    def __init__(self, framing: Framing, reply_timeout_s: float, worst_reply_s: float) -> None:
        self._framing = framing
        self.reply_timeout_s = reply_timeout_s
        self.worst_reply_s = max(worst_reply_s, reply_timeout_s)
        self.state = State.IDLE
        self._asked_at_s = float("-inf")
        self._last_byte_s = float("-inf")
        self._drain_began_s = 0.0
        self._late = bytearray()

    @property
    def gap_s(self) -> float:
        """Silence that the line needs before a request."""
        return self._framing.gap_s

    def begin(self, now_s: float) -> None:
        """On a serial line the reply to what was asked before this connection may still come: measured, closing and opening does not lose it."""
        if not self._framing.keeps_frames:
            self._asked_at_s = now_s
            self._drain_from(now_s)

    def may_ask(self, now_s: float) -> bool:
        """Whether a request may be sent now."""
        return self.state is State.IDLE and now_s >= self.quiet_at_s

    @property
    def quiet_at_s(self) -> float:
        """When the line has been silent for long enough that an idle conversation may ask."""
        return self._last_byte_s + self._framing.gap_s

    def ask(self, request: Request, now_s: float) -> bytes:
        """The bytes of a request; its outcome comes from `receive` or `advance_to`."""
        self._asked_at_s = now_s
        self.state = State.WAITING
        return self._framing.ask(request)

    def next_deadline_s(self) -> float | None:
        """When the outstanding reply is overdue, or the line may be silent."""
        if self.state is State.WAITING:
            return self._asked_at_s + self.reply_timeout_s
        return self._drained_at_s() if self.state is State.DRAINING else None

    def advance_to(self, now_s: float) -> Sequence[Outcome]:
        """Let time pass."""
        outcomes: list[Outcome] = []
        if self.state is State.WAITING and now_s >= self._asked_at_s + self.reply_timeout_s:
            self._drain_from(now_s)
            outcomes.append(TimedOut())
        if self.state is State.DRAINING:
            outcomes += self._drain(now_s)
        return outcomes

    def receive(self, data: bytes, now_s: float) -> Sequence[Outcome]:
        """Mostly data is the whole reply; anything else is taken byte by byte, and comes to the same."""
        self._last_byte_s = now_s
        outcomes: list[Outcome] = []
        try:
            whole = self._framing.take_whole(data) if self.state is State.WAITING else None
            if whole is not None:
                outcomes += self._judged(whole, now_s)
            else:
                for byte in data:
                    outcomes += self._taken(byte, now_s)
        except RemoteProtocolError as error:
            outcomes.append(Broken(error))
        return outcomes

    def _taken(self, byte: int, now_s: float) -> Sequence[Outcome]:
        found = self._framing.take(byte) if self.state is State.WAITING or self._framing.keeps_frames else None
        if self.state is State.WAITING:
            return self._judged(found, now_s) if found is not None else ()
        if self.state is State.IDLE:
            self._drain_from(now_s)  # nobody was asked: replies may be out of step
        if len(self._late) < _LATE_BYTES_MAX:
            self._late.append(byte)
        return ()

    def _judged(self, found: Reply | Refused, now_s: float) -> Sequence[Outcome]:
        if isinstance(found, Reply):
            self.state = State.IDLE
        elif found.hopeless:
            self._drain_from(now_s)
        return (found,)

    def _drained_at_s(self) -> float:
        return max(self._asked_at_s + self.worst_reply_s, self._last_byte_s + DRAIN_SILENCE_S)

    def _drain_from(self, now_s: float) -> None:
        self.state = State.DRAINING
        self._drain_began_s = now_s

    def _drain(self, now_s: float) -> Sequence[Outcome]:
        if now_s >= self._drained_at_s():
            self.state = State.IDLE
            late, self._late = bytes(self._late), bytearray()
            return (Late(late),) if late else ()
        if now_s > max(self._drain_began_s, self._asked_at_s + self.worst_reply_s) + DRAIN_MAX_S:
            return (Broken(RemoteProtocolError(f"the line was not silent for {DRAIN_MAX_S:g} s; is another master on it?", bytes(self._late))),)
        return ()

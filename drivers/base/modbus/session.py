# SPDX-License-Identifier: Apache-2.0
"""What the sessions of all drivers of Modbus units have in common: one exchange at a time, and its share of a line. See `Session` and `SharesLine`."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from drivers.base.errors import RemoteProtocolError
from drivers.base.modbus.exchange import Exchange, Outcome, State
from drivers.base.session import SessionEvent


class ModbusSession(abc.ABC):
    """A subclass says what it wants the line for and what the outcomes of its exchanges mean."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._others: int | None = None
        """How many others use the line; None: nobody grants anything, and it takes its turns itself."""
        self._broken: RemoteProtocolError | None = None
        self._outgoing = b""
        self._events: list[SessionEvent] = []

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._exchange.state

    @property
    def worst_reply_s(self) -> float:
        """See `SharesLine.worst_reply_s`."""
        return self._exchange.worst_reply_s

    @property
    def gap_s(self) -> float:
        """See `SharesLine.gap_s`."""
        return self._exchange.gap_s

    @property
    def holds_line(self) -> bool:
        """See `SharesLine.holds_line`."""
        return self._exchange.state is not State.IDLE

    def shares_with(self, others: int) -> None:
        """See `SharesLine.shares_with`."""
        self._others = others

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: the Modbus TCP stream is beyond repair."""
        for outcome in self._exchange.receive(data, now_s):
            self._judge(outcome, now_s)
        if self._broken is not None and not self._events:
            raise self._broken
        self._go_on(now_s)
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data, self._outgoing = self._outgoing, b""
        return data

    def farewell(self) -> bytes:
        """Nothing: what is lit or switched on stays so."""
        return b""

    @abc.abstractmethod
    def _judge(self, outcome: Outcome, now_s: float) -> None:
        """What came of the exchange."""

    @abc.abstractmethod
    def _go_on(self, now_s: float) -> None:
        """Ask the next question, if it may be asked."""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

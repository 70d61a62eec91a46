# SPDX-License-Identifier: Apache-2.0
"""Lines that several devices share: one transport for each serial line or raw TCP endpoint, and a seat on it for each device.

The first device opens it, the last one closes it, and when it breaks all of them hear so at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from drivers.base.config import DeviceConfig, StreamConfig
from drivers.base.errors import DriverError, RemoteProtocolError, TransportError, shown
from drivers.base.line import Arbiter, SharesLine
from drivers.base.session import Session
from drivers.base.transports import Transport, open_transport


def line_key(config: StreamConfig) -> str:
    """What two configurations have in common that lead to the same line."""
    return os.path.realpath(config.path) if config.path else config.endpoint.lower()


def line_settings(config: StreamConfig) -> tuple[Any, ...]:
    """What all devices on a line have to agree on: speed and form of a character."""
    has_settings = config.path or config.serial_server == "rfc2217"
    return (config.baud_rate, config.parity, config.data_bits, config.stop_bits) if has_settings else ()


async def open_shared(config: DeviceConfig) -> Transport:
    """A seat on the device's line, which is opened if nobody has it yet.

    Raises: TransportError: the line cannot be opened, or others use it with other settings.
    """
    assert isinstance(config, StreamConfig), "only serial lines and TCP endpoints are shared"
    lines = _LINES.setdefault(asyncio.get_running_loop(), {})
    return await lines.setdefault(line_key(config), _Endpoint()).seat(config)


class _Endpoint:
    """One serial line or host and port; it is there before the line is open and after it broke."""

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        self._line: _Line | None = None
        self._failures = 0
        self._why = ""

    async def seat(self, config: StreamConfig) -> Transport:
        """Whoever waits while another tries in vain has its answer too: ten devices do not wait ten times for a server that is away.

        Raises: TransportError.
        """
        failures = self._failures
        async with self._opening:
            if self._line is not None and self._line.error is not None:
                await self._line.close()
                self._line = None
            if self._line is None:
                if self._failures > failures:
                    raise TransportError(self._why)
                self._line = await self._opened(config)
            elif self._line.settings != line_settings(config):
                raise TransportError(f"{config.endpoint} is in use by other devices with another speed, parity or number of bits; give all the same")
            return self._line.new_seat(self._left)

    async def _opened(self, config: StreamConfig) -> _Line:
        try:
            return _Line(await open_transport(config), line_settings(config))
        except TransportError as error:
            self._failures, self._why = self._failures + 1, error.message
            raise

    async def _left(self, line: _Line, seat: _Seat) -> None:
        line.leave(seat)
        if line.seats:
            return
        async with self._opening:
            if not line.seats:
                await line.close()
                if self._line is line:
                    self._line = None


log = logging.getLogger(__name__)
_LINES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Endpoint]] = WeakKeyDictionary()


class _Seat(Transport):
    """A device's share of a line. `read` never returns: bytes are handed over at once, so that none is left over for somebody else's turn."""

    def __init__(self, line: _Line, close: Callable[[], Any]) -> None:
        super().__init__(asyncio.StreamReader(), line.transport.write, close)
        self._line = line
        self.session: SharesLine | None = None
        self.receive: Callable[[bytes], None] = lambda data: None
        self.advance: Callable[[], None] = lambda: None

    def attend(self, session: Session, receive: Callable[[bytes], None], advance: Callable[[], None]) -> None:
        """See `Transport.attend`."""
        assert isinstance(session, SharesLine), "the driver of a shared line has sessions that can share"
        self.session, self.receive, self.advance = session, receive, advance
        self._line.arbiter.join(session)

    def settled(self) -> None:
        """See `Transport.settled`."""
        self._line.settled()


class _Line:
    """An open line. `error`: why it is lost."""

    def __init__(self, transport: Transport, settings: tuple[Any, ...]) -> None:
        self.transport = transport
        self.settings = settings
        self.seats: set[_Seat] = set()
        self.error: DriverError | None = None
        self._loop = asyncio.get_running_loop()
        self.arbiter = Arbiter(self._loop.time())
        self._timer: asyncio.TimerHandle | None = None
        self._choosing = False
        self._pump = self._loop.create_task(self._read(), name="line")

    def new_seat(self, left: Callable[[_Line, _Seat], Any]) -> _Seat:
        """A seat; whoever has it closes it."""
        seat = _Seat(self, lambda: left(self, seat))
        self.seats.add(seat)
        return seat

    def leave(self, seat: _Seat) -> None:
        """The device does not use the line any more; a second call does nothing."""
        self.seats.discard(seat)
        if seat.session is not None:
            self.arbiter.leave(seat.session, self._loop.time())
            seat.session = None
            self.settled()

    async def close(self) -> None:
        """Close the transport and end the reading."""
        if self._timer is not None:
            self._timer.cancel()
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self.transport.close()

    def settled(self) -> None:
        """Somebody's state changed: give the next one its turn, now or when the line has been silent."""
        if self._choosing or self.error is not None:
            return
        self._choosing = True
        try:
            while (session := self.arbiter.next_grant(self._loop.time())) is not None:
                self._do(self._seat_of(session), lambda seat: seat.advance())
        finally:
            self._choosing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self.arbiter.next_deadline_s()
        if due_s is not None:
            self._timer = self._loop.call_at(due_s, self.settled)

    def _seat_of(self, session: SharesLine) -> _Seat:
        return next(seat for seat in self.seats if seat.session is session)

    async def _read(self) -> None:
        try:
            while True:
                self._hand_over(await self.transport.read())
        except DriverError as error:
            self._broke(error)

    def _hand_over(self, data: bytes) -> None:
        """To whoever asked. Raises: RemoteProtocolError: the line is never silent."""
        session = self.arbiter.received(self._loop.time())
        if session is None:
            log.debug("bytes that nobody asked for", extra={"bytes": shown(data)})
            if self.arbiter.is_jammed():
                raise RemoteProtocolError("somebody talks on the line without being asked; is another master on it?", data)
            self.settled()
            return
        self._do(self._seat_of(session), lambda seat: seat.receive(data))

    def _do(self, seat: _Seat, what: Callable[[_Seat], None]) -> None:
        """Have a driver do something; what it raises ends its own conversation and nobody else's."""
        try:
            what(seat)
        except Exception as error:  # noqa: BLE001  # a driver's bug must not take the other devices of the line down
            seat.abort(error)
            self.leave(seat)

    def _broke(self, error: DriverError) -> None:
        self.error = error
        for seat in self.seats:
            seat.abort(RemoteProtocolError(error.message) if isinstance(error, RemoteProtocolError) else TransportError(error.message))

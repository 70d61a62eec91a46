# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell that all stream drivers share: it pumps bytes between a transport and a sans-IO session."""

from __future__ import annotations

import abc
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from contracts.readings import AnyReading, LinkChanged
from drivers.base.config import DeviceConfig
from drivers.base.errors import DriverError, RemoteProtocolError, TransportError, shown
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, Session, SessionEvent, SessionReady, TellsSerial
from drivers.base.spec import DriverSpec, Emit
from drivers.base.tape import Kind, Tape
from drivers.base.transports import Transport, open_transport
from drivers.base.usb import usb_serial_of

ConfigT = TypeVar("ConfigT", bound=DeviceConfig)
Result = Mapping[str, Argument | None]

_BYTES_PER_S_MAX = 4_000_000
"""Chosen: thirty times what the fastest reader of a door says. Whoever says more is broken or no such device, and would starve the others."""

log = logging.getLogger(__name__)


class StreamDriver(abc.ABC, Generic[ConfigT]):
    """Runs one session per connection. A subclass says which session and what its events mean; it parses nothing."""

    def __init__(
        self,
        device_id: str,
        config: ConfigT,
        *,
        clock: Callable[[], float] = time.monotonic,
        connect: Callable[[Any], Awaitable[Transport]] | None = None,
    ) -> None:
        self.device_id = device_id
        self.config = config
        self.rejected_frames: dict[str, int] = {}
        self.last_rejected: dict[str, bytes] = {}
        self.tape = Tape(config.record_bytes)
        self._clock = clock
        self._connect = connect or self.opener()
        self._session: Session | None = None
        self._transport: Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commands: dict[int, asyncio.Future[Result]] = {}
        self._emit: Emit = lambda reading: None
        self._second, self._second_bytes = 0, 0

    @property
    @abc.abstractmethod
    def spec(self) -> DriverSpec:
        """The driver's SPEC."""

    def opener(self) -> Callable[[ConfigT], Awaitable[Transport]]:
        """What makes the way to the device: TCP, a serial line or a file of the kernel, unless a driver says otherwise."""
        return open_transport

    @abc.abstractmethod
    def new_session(self) -> Session:
        """A session for a new connection."""

    @abc.abstractmethod
    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """What an event of the session means in terms of readings."""

    async def run(self, emit: Emit) -> None:
        """See `Driver.run`."""
        try:
            transport = await self._connect(self.config)
        except DriverError as error:
            error.device_id = self.device_id
            raise
        self._emit, self._transport, self._session = emit, transport, self.new_session()
        self.tape.opened(self._clock())
        try:
            transport.attend(self._session, self._receive, self._advance)
            self._step(self._session.advance_to(self._clock()))
            while True:
                self._receive(await transport.read())
        except DriverError as error:
            error.device_id = error.device_id or self.device_id
            await self._end(error)
            raise
        except asyncio.CancelledError:
            self._say_goodbye()
            raise
        finally:
            await self._end(TransportError("the link was closed", device_id=self.device_id))

    async def execute(self, command: str, arguments: Mapping[str, Argument]) -> Result:
        """See `Driver.execute`."""
        parsed = self.spec.command(command).parse(arguments)
        if self._session is None:
            raise TransportError("not connected", device_id=self.device_id, operation=command)
        self.tape.add(self._clock(), "command", " ".join([command, *(f"{key}={value}" for key, value in parsed.items())]))
        token = self._session.start_command(command, parsed, self._clock())
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._commands[token] = future
        self._advance()
        try:
            return await future
        finally:
            self._commands.pop(token, None)

    def _receive(self, data: bytes) -> None:
        """Raises: DriverError: the conversation is over."""
        if self._session is None:
            return
        self._check_rate(len(data))
        self._trace("from_device", data)
        self._step(self._session.receive_bytes(data, self._clock()))

    def _check_rate(self, size_bytes: int) -> None:
        """Raises: RemoteProtocolError: it says more in a second than any device has to say."""
        second = int(self._clock())
        self._second, self._second_bytes = second, size_bytes + (self._second_bytes if second == self._second else 0)
        if self._second_bytes > _BYTES_PER_S_MAX:
            raise RemoteProtocolError(f"more than {_BYTES_PER_S_MAX} bytes came in a second; look for a defect, or another device at this address")

    def _trace(self, kind: Kind, data: bytes) -> None:
        self.tape.add(self._clock(), kind, data)
        if log.isEnabledFor(logging.DEBUG):  # a busy door reads some hundred times a second: hex is made only when it is looked at
            log.debug("received" if kind == "from_device" else "sent", extra={"device": self.device_id, "bytes": shown(data)})

    def _step(self, events: Sequence[SessionEvent]) -> None:
        """Hand on what the session reported, send what it wants sent, and set the alarm clock to its next deadline."""
        for event in events:
            self._handle(event)
        if self._session is None or self._transport is None:
            return
        if data := self._session.bytes_to_send():
            self._trace("to_device", data)
            self._transport.write(data)
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self._session.next_deadline_s()
        self._timer = None
        if deadline_s is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline_s - self._clock()), self._ring)
        self._transport.settled()

    def _ring(self) -> None:
        """A deadline is there. Bytes that came before it, while this program was busy elsewhere, have their turn first."""
        asyncio.get_running_loop().call_soon(self._advance)

    def _advance(self) -> None:
        if self._session is None or self._transport is None:
            return
        try:
            self._step(self._session.advance_to(self._clock()))
        except Exception as error:  # noqa: BLE001  # nobody waits for a timer: a bug that ended there would leave a device that is never asked again
            self._transport.abort(error)

    def _handle(self, event: SessionEvent) -> None:
        at_s = self._clock()
        match event:
            case SessionReady(about=about):
                self._emit(LinkChanged(device=self.device_id, at_s=at_s, state="connected", reason=about, serial=self._serial()))
            case CommandDone(token=token, result=result):
                if (future := self._commands.get(token)) and not future.done():
                    future.set_result(result)
            case CommandFailed(token=token, error=error):
                error.device_id = self.device_id
                if (future := self._commands.get(token)) and not future.done():
                    future.set_exception(error)
            case FrameRejected(reason=reason, data=data):
                self.rejected_frames[reason] = self.rejected_frames.get(reason, 0) + 1
                self.last_rejected[reason] = data
                log.debug("frame rejected", extra={"device": self.device_id, "reason": reason, "bytes": shown(data)})
            case _:
                for reading in self.readings(event, at_s):
                    self.tape.add(at_s, "reading", reading)
                    self._emit(reading)

    def _serial(self) -> str:
        """What the device tells itself, or else the USB adapter that it hangs at."""
        return (self._session.serial if isinstance(self._session, TellsSerial) else "") or usb_serial_of(self.config.usb_path)

    def _say_goodbye(self) -> None:
        if self._session is not None and self._transport is not None and (data := self._session.farewell()):
            try:
                self._transport.write(data)
            except TransportError as error:
                log.debug("could not say goodbye", extra={"device": self.device_id, "reason": str(error)})

    async def _end(self, error: DriverError) -> None:
        transport, timer = self._transport, self._timer
        self._session = self._transport = self._timer = None
        if timer is not None:
            timer.cancel()
        for future in self._commands.values():
            if not future.done():
                future.set_exception(error)
        if transport is not None:
            await transport.close()

# SPDX-License-Identifier: Apache-2.0
"""Ways to a device: TCP and serial lines, both as an asyncio StreamReader and a `write`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import termios
import threading
from collections.abc import Awaitable, Callable

import serial

from drivers.base.config import StreamConfig
from drivers.base.errors import TransportError

_READ_BYTES = 65536
_CLOSE_TIMEOUT_S = 1.0


class Transport:
    """An open way to a device."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None], close: Callable[[], Awaitable[None]]) -> None:
        self._reader = reader
        self._write = write
        self._close: Callable[[], Awaitable[None]] | None = close

    async def read(self) -> bytes:
        """The next bytes, at least one. Raises: TransportError: the other side closed or the line broke."""
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise TransportError(f"connection lost: {error}") from error
        if not data:
            raise TransportError("connection closed by the device")
        return data

    def write(self, data: bytes) -> None:
        """Queue bytes for sending. Raises: TransportError: the line broke."""
        try:
            self._write(data)
        except OSError as error:
            raise TransportError(f"cannot write: {error}") from error

    def abort(self, error: Exception) -> None:
        """Make the pending and every later `read` raise `error`."""
        self._reader.set_exception(error)

    async def close(self) -> None:
        """Send what is queued, close, and give up politeness after a second; a second call does nothing."""
        if self._close is not None:
            close, self._close = self._close, None
            await close()


async def open_transport(config: StreamConfig) -> Transport:
    """Open the device's TCP connection or serial line. Raises: TransportError: says where and why."""
    return await _open_tcp(config) if config.host else _open_serial(config)


def _keep_alive(line: socket.socket) -> None:
    """Notice within 25 s that the other side of an idle connection is gone, for protocols that say nothing by themselves."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
        line.setsockopt(socket.IPPROTO_TCP, option, value)


def _reason(error: Exception) -> str:
    """What the system says, without the wrappings that libraries put around it."""
    number = getattr(error, "errno", None) or (error.args[0] if isinstance(error, termios.error) else None)
    if isinstance(error, socket.gaierror) or not isinstance(number, int) or number <= 0:
        return getattr(error, "strerror", None) or str(error)
    return os.strerror(number)


async def _addresses_of(host: str) -> list[str]:
    """The numeric addresses of a host name; a thread of its own looks them up, since nobody waits for that one when time is up or the program ends.

    Raises: OSError: the name is not known.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(outcome: list[str] | OSError) -> None:
        if found.done():
            return
        if isinstance(outcome, OSError):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)

    def look_up() -> None:
        outcome: list[str] | OSError
        try:
            outcome = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
        except OSError as error:
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return await found


async def _connect(config: StreamConfig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first address of the host that answers. Raises: OSError: none did, or the name is not known."""
    *others, last = await _addresses_of(config.host)
    for address in others:
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(address, config.port)
    return await asyncio.open_connection(last, config.port)


async def _open_tcp(config: StreamConfig) -> Transport:
    try:
        async with asyncio.timeout(config.connect_timeout_s):
            reader, writer = await _connect(config)
    except TimeoutError as error:
        raise TransportError(f"{config.endpoint} did not answer within {config.connect_timeout_s:g} s; is it switched on and in this network?") from error
    except OSError as error:
        raise TransportError(f"cannot connect to {config.endpoint}: {_reason(error)}; check host, port and that the device is on") from error
    _keep_alive(writer.get_extra_info("socket"))

    async def close() -> None:
        writer.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await writer.wait_closed()
        except (TimeoutError, OSError):
            writer.transport.abort()

    return Transport(reader, writer.write, close)


def _open_port(config: StreamConfig) -> serial.Serial:
    """Ptys force 8N1 and refuse anything else with EINVAL; there the line is opened as 8N1 instead."""
    framings = [(config.data_bits, config.parity, config.stop_bits)]
    if os.path.realpath(config.path).startswith("/dev/pts/"):
        framings.append((8, "N", 1))
    for attempt, (data_bits, parity, stop_bits) in enumerate(framings, 1):
        port = serial.Serial()
        port.port, port.baudrate, port.exclusive, port.timeout = config.path, config.baud_rate, True, 0
        port.bytesize, port.parity, port.stopbits = data_bits, parity, stop_bits
        try:
            port.open()
        except (OSError, serial.SerialException, termios.error) as error:
            port.close()
            if attempt == len(framings):
                raise TransportError(f"cannot open {config.path}: {_why_not(error)}") from error
        else:
            return port
    raise AssertionError("unreachable: the last framing either opened or raised")


def _why_not(error: Exception) -> str:
    """Why a serial line cannot be opened, and what to do. pyserial hides the error number of termios behind its own exception."""
    causes = [error, error.__context__] if error.__context__ is not None else [error]
    numbers = {cause.args[0] for cause in causes if isinstance(cause, OSError | termios.error) and cause.args}
    if numbers & {errno.ENOTTY, errno.EISDIR}:
        return "it is no serial line; give the path of one, like /dev/serial/by-id/..."
    if numbers & {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return "it is not there; check that it is plugged in, and the path (ls /dev/serial/by-id)"
    if numbers & {errno.EACCES, errno.EPERM}:
        return "no permission; add the user to the group of the device (often dialout)"
    if numbers & {errno.EAGAIN, errno.EBUSY}:
        return "another program uses it; stop that one"
    return f"{error}; check that it is plugged in, and that no other program uses it"


class _SerialLine:
    """Pumps a serial port's file descriptor into a StreamReader and a write buffer out of it."""

    def __init__(self, port: serial.Serial) -> None:
        self.port = port
        self.fd: int = port.fileno()
        self.reader = asyncio.StreamReader()
        self.unsent = bytearray()
        self.loop = asyncio.get_running_loop()
        os.set_blocking(self.fd, False)
        self.loop.add_reader(self.fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._broke(error)
            return
        if data:
            self.reader.feed_data(data)
        else:
            self._broke(OSError("serial line hung up"))

    def _broke(self, error: OSError) -> None:
        self.loop.remove_reader(self.fd)
        self.loop.remove_writer(self.fd)
        self.reader.set_exception(error)

    def write(self, data: bytes) -> None:
        self.unsent += data
        self._writable()

    def _writable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = os.write(self.fd, self.unsent)
            del self.unsent[:sent]
        if self.unsent:
            self.loop.add_writer(self.fd, self._writable)
        else:
            self.loop.remove_writer(self.fd)

    async def close(self) -> None:
        self.loop.remove_reader(self.fd)
        self.loop.remove_writer(self.fd)
        self.reader.feed_eof()
        self.port.close()


def _open_serial(config: StreamConfig) -> Transport:
    line = _SerialLine(_open_port(config))
    return Transport(line.reader, line.write, line.close)

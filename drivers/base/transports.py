# SPDX-License-Identifier: Apache-2.0
"""Ways to a device: TCP, serial lines and files of the kernel, each as an asyncio StreamReader and a `write`."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
import termios
import threading
from collections.abc import Awaitable, Callable

from drivers.base.com_port import ComPortLine
from drivers.base.config import DeviceConfig, KernelFileConfig, StreamConfig, TlsStreamConfig
from drivers.base.errors import ConfigError, LocalProtocolError, TransportError
from drivers.base.file_pump import FilePump
from drivers.base.serial_line import open_port, set_break, why_not
from drivers.base.session import Session

_READ_BYTES = 65536
_CLOSE_TIMEOUT_S = 1.0
_ASK_ANEW_S = 2.0  # chosen: more than the longest way to a device takes; the kernel asks a second time after one
_LOOK_UP_TIMEOUT_S = 5.0  # chosen: what a resolver takes that asks a second server because the first is dead
_TLS_TIMEOUT_S = 5.0  # chosen: small readers take a second or two for their half of the handshake
_BREAK_S = 0.25  # as tcsendbreak(3) makes it
_SEVEN_BITS = bytes(code & 0x7F for code in range(256))


class Transport:
    """An open way to a device. `hint` is what to look at when it is closed before anything came.

    `early` is what the device has said already. `incoming` makes the device's own bytes of what comes, perhaps none; `switch_break` begins and ends
    a break.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        write: Callable[[bytes], None],
        close: Callable[[], Awaitable[None]],
        hint: str = "",
        *,
        early: bytes = b"",
        incoming: Callable[[bytes], bytes] | None = None,
        switch_break: Callable[[bool], None] | None = None,
    ) -> None:
        self._reader = reader
        self._hint = hint
        self._write = write
        self._close: Callable[[], Awaitable[None]] | None = close
        self._early = early
        self._incoming = incoming
        self._switch_break = switch_break

    async def read(self) -> bytes:
        """The next bytes, at least one. Raises: TransportError: the other side closed or the line broke."""
        if self._early:
            data, self._early = self._early, b""
            return data
        while True:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError as error:
                raise TransportError(f"connection lost: {error}{self._hint}") from error
            if not data:
                raise TransportError(f"connection closed by the device{self._hint}")
            self._hint = ""
            if self._incoming is None or (data := self._incoming(data)):
                return data

    def write(self, data: bytes) -> None:
        """Queue bytes for sending. Raises: TransportError: the line broke."""
        try:
            self._write(data)
        except OSError as error:
            raise TransportError(f"cannot write: {error}") from error

    async def send_break(self) -> None:
        """Hold the line in a break for a quarter of a second. Raises: LocalProtocolError: there is no serial line to do it on. TransportError."""
        if self._switch_break is None:
            raise LocalProtocolError("a break needs a serial line, or a serial server with `serial_server` set to rfc2217")
        try:
            self._switch_break(True)
            await asyncio.sleep(_BREAK_S)
            self._switch_break(False)
        except OSError as error:
            raise TransportError(f"cannot send a break: {error}") from error

    def attend(self, session: Session, receive: Callable[[bytes], None], advance: Callable[[], None]) -> None:
        """A session begins to converse here: `receive` takes what is handed over at once instead of by `read`, `advance` lets the session go on."""

    def settled(self) -> None:
        """What the session had to say just now is said; on a line that several share it may be another's turn."""

    def abort(self, error: Exception) -> None:
        """Make the pending and every later `read` raise `error`."""
        self._reader.set_exception(error)

    async def close(self) -> None:
        """Send what is queued, close, and give up politeness after a second; a second call does nothing."""
        if self._close is not None:
            close, self._close = self._close, None
            await close()


async def open_transport(config: DeviceConfig) -> Transport:
    """Open the device's TCP connection, encrypted if wanted, its serial line, or its file.

    Raises: TransportError: says where and why. ConfigError: a file of certificates cannot be used.
    """
    if isinstance(config, KernelFileConfig):
        return open_kernel_file(config.path)
    assert isinstance(config, StreamConfig), "a driver whose device is elsewhere says so in `opener`"
    return await _open_tcp(config) if config.host else _open_serial(config)


def open_kernel_file(path: str, *, writes: bool = False, prepare: Callable[[int], None] = lambda fd: None) -> Transport:
    """A file of the kernel (hidraw, input events) or a named pipe; each of its reports comes whole. `prepare` gets the open file and may raise OSError.

    Raises: TransportError: says which file and why.
    """
    fd = -1
    try:
        fd = os.open(path, (os.O_RDWR if writes else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC)
        prepare(fd)
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise TransportError(f"cannot open {path}: {why_not(error, path)}") from error
    pump = FilePump(fd, lambda: os.close(fd), path)
    return Transport(pump.reader, pump.write, pump.close)


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


def _numeric(info: tuple[int, int, int, str, tuple[object, ...]]) -> str:
    """The address of a line of getaddrinfo, with the zone of a link-local one, which stands beside it."""
    address = str(info[4][0])
    zone = info[4][3] if info[0] == socket.AF_INET6 and len(info[4]) > 3 else 0
    return f"{address}%{zone}" if zone and "%" not in address else address


async def addresses_of(host: str) -> list[str]:
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
            outcome = list(dict.fromkeys(map(_numeric, socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))))
        except OSError as error:
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return await found


async def _looked_up(config: StreamConfig) -> list[str]:
    """Raises: OSError: the name is not known. TransportError: nobody said whether it is."""
    try:
        async with asyncio.timeout(_LOOK_UP_TIMEOUT_S):
            return await addresses_of(config.address)
    except TimeoutError as error:
        raise TransportError(f"{config.endpoint}: the name was not found within {_LOOK_UP_TIMEOUT_S:g} s; give the address instead") from error


async def _connect(addresses: list[str], config: StreamConfig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first address that answers; each gets its share of the time, so that a dead one does not take it all.

    Raises: OSError: none did. TimeoutError.
    """
    *others, last = addresses
    for address in others:
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(config.connect_timeout_s / (len(others) + 1)):
                return await _knock(address, config.port)
    return await _knock(last, config.port)


async def _knock(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and begin anew every two seconds: the kernel asks after 1, 3 and 7 s, and a device that comes back in between shall not wait for that.

    Raises: OSError.
    """
    while True:
        try:
            async with asyncio.timeout(_ASK_ANEW_S) as patience:
                return await asyncio.open_connection(address, port)
        except TimeoutError:
            if not patience.expired():
                raise


async def _open_tcp(config: StreamConfig) -> Transport:
    security = _security(config) if isinstance(config, TlsStreamConfig) and config.tls else None
    try:
        addresses = await _looked_up(config)
        async with asyncio.timeout(config.connect_timeout_s):
            reader, writer = await _connect(addresses, config)
    except TimeoutError as error:
        raise TransportError(f"{config.endpoint} did not answer within {config.connect_timeout_s:g} s; is it switched on and in this network?") from error
    except OSError as error:
        raise TransportError(f"cannot connect to {config.endpoint}: {_reason(error)}; check host, port and that the device is on") from error
    _keep_alive(writer.get_extra_info("socket"))
    if security is not None and isinstance(config, TlsStreamConfig):
        await _encrypt(config, security, writer)
    hint = "; does it ask for our certificate (`tls_certificate_file`)?" if security is not None else ""  # in TLS 1.3 that is told only after the handshake

    async def close() -> None:
        writer.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await writer.wait_closed()
        except (TimeoutError, OSError):
            writer.transport.abort()

    if config.serial_server == "rfc2217":
        return await _open_com_port(config, reader, writer, close, hint)
    return Transport(reader, writer.write, close, hint, incoming=_mask(config))


def _mask(config: StreamConfig) -> Callable[[bytes], bytes] | None:
    """With seven data bits the eighth is the parity, wherever a serial server or a pty leaves it in."""
    return (lambda data: data.translate(_SEVEN_BITS)) if config.data_bits == 7 else None


async def _open_com_port(
    config: StreamConfig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, close: Callable[[], Awaitable[None]], hint: str
) -> Transport:
    """Raises: TransportError, RemoteProtocolError: see `ComPortLine.open`."""
    line, mask = ComPortLine(config, reader, writer), _mask(config)
    try:
        await line.open()
    except BaseException:  # a cancelled attempt must not leave the server busy
        writer.transport.abort()
        raise
    incoming = (lambda data: mask(line.incoming(data))) if mask else line.incoming
    return Transport(reader, line.write, close, hint, early=mask(line.early) if mask else line.early, incoming=incoming, switch_break=line.switch_break)


def _security(config: TlsStreamConfig) -> ssl.SSLContext:
    """What the other side must show and what we show. Raises: ConfigError: names the field and the file.

    Devices sign for themselves and leave out what RFC 5280 wants beside the signature, so that is not asked of them; and one certificate of a chain
    is enough when it was given as believed.
    """
    field, path = "tls_ca_file", config.tls_ca_file
    try:
        context = ssl.create_default_context(cafile=path or None)
        context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
        field, path = "tls_certificate_file", config.tls_certificate_file
        if path:
            context.load_cert_chain(path, config.tls_key_file or None)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"`{field}` {path}: {_reason(error)}; it must be a readable PEM file with what its name says", operation="TLS") from error
    return context


async def _encrypt(config: TlsStreamConfig, security: ssl.SSLContext, writer: asyncio.StreamWriter) -> None:
    """Raises: TransportError: says what is wrong with the certificate, or that the other side speaks no TLS."""
    name = config.tls_name or config.address.partition("%")[0]
    try:
        await writer.start_tls(security, server_hostname=name, ssl_handshake_timeout=_TLS_TIMEOUT_S)
    except ssl.SSLCertVerificationError as error:
        writer.transport.abort()
        raise TransportError(f"{config.endpoint}: the certificate is not believed: {error.verify_message}; {_advice(error, name)}") from error
    except (OSError, EOFError) as error:  # ssl.SSLError is an OSError
        writer.transport.abort()
        what = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise TransportError(f"{config.endpoint}: no TLS there: {what}; is this the port for TLS, and does the device ask for our certificate?") from error


_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_... of OpenSSL


def _advice(error: ssl.SSLCertVerificationError, name: str) -> str:
    if error.verify_code == _EXPIRED:
        return "it has expired; give the device a new one"
    if error.verify_code == _NOT_YET:
        return "it is not valid yet; check the clock of this computer"
    if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        return f"it is not for {name!r}; give the name that stands in it as `tls_name`"
    return "give the authority that signed it, or the certificate itself, as `tls_ca_file`"


def _open_serial(config: StreamConfig) -> Transport:
    port = open_port(config)
    pump = FilePump(port.fileno(), port.close, config.path)
    return Transport(pump.reader, pump.write, pump.close, incoming=_mask(config), switch_break=lambda on: set_break(pump.fd, on=on))

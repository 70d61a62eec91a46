# SPDX-License-Identifier: Apache-2.0
"""A connection to a broker: made of the gateway's table, opened over a socket that is already connected, and ended politely or at once.

aiomqtt acknowledges what it receives before this program has seen it; that costs at most an acknowledgement or a command that central sends again. What it
cannot do (open over a given socket, end without waiting for a peer that says nothing) is done here on its insides; its version is pinned.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from contracts.addresses import BrokerAddress
from gateway.config import GatewayTable
from gateway.knocking import abandon

Version = aiomqtt.ProtocolVersion
CALLS_MAX = 64
"""More batches are not handed to the client before the broker took some."""
_KEEPALIVE_S = 10
_CALL_S = 3.0
_FAREWELL_S = 1.0
_UNSUPPORTED_VERSION = (1, 132)
"""MQTT 3.1.1, 3.2.2.3 (return code) and MQTT 5, 3.2.2.2 (reason code)."""


class MuteError(Exception):
    """The broker let us in and said nothing."""


class Connection(aiomqtt.Client):
    """One connection; never used again once it ended."""

    @asynccontextmanager
    async def over(self, opened: socket.socket, within_s: float) -> AsyncIterator[None]:
        """Connected inside. Leaving ends it at once, without a word, unless `farewell` was called.

        Raises: MuteError: no welcome within that time. MqttError: the broker said no, or what the broker and the network do.
        """
        handle = opened.dup()
        self._client._create_socket_connection = lambda: opened  # type: ignore[method-assign]  # noqa: SLF001
        self._client.connect_timeout = self.timeout = within_s
        self._dialled = asyncio.Event()
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            done, _ = await asyncio.wait([entering], timeout=within_s)
            if not done:
                raise MuteError(f"the broker let us in and said nothing for {within_s:.1f} s")
            entering.result()
            self.timeout = _CALL_S
            yield
        finally:
            if not self._dialled.is_set():
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)  # a TLS handshake ends only so
            await self._give_up(entering)
            for each in (opened, handle):
                abandon(each)

    async def _give_up(self, entering: asyncio.Future[Self]) -> None:
        """The thread that connects hands its socket to the event loop when it is done: before that nothing may be closed."""
        entering.add_done_callback(lambda _: self._dialled.set())
        await self._dialled.wait()
        self._client._sock_close()  # noqa: SLF001
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)  # and aiomqtt cancels its task by a callback
        for ended in (self._connected, self._disconnected):
            if ended.done() and not ended.cancelled():
                ended.exception()  # it is known by now

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        """What aiomqtt waits out: a broker that closes before its welcome, for it does not like a certificate or a version."""
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(f"the broker closed the connection before its welcome ({reason_code})"))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _client_connect(self) -> None:
        """In a thread."""
        try:
            super()._client_connect()
        finally:
            self._loop.call_soon_threadsafe(self._dialled.set)

    async def farewell(self) -> None:
        """End politely, so that the broker forgets the will."""
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self.__aexit__(None, None, None)


def refuses_version(error: BaseException) -> bool:
    """Whether a broker says that it does not speak this version of MQTT."""
    if not isinstance(error, MqttConnectError):
        return False
    code = error.rc
    return (code if isinstance(code, int) else getattr(code, "value", None)) in _UNSUPPORTED_VERSION


class ConnectionMaker:
    """Makes connections as the table `[gateway]` wants them; files are read each time, so that a renewed password or certificate needs no restart.

    `part` makes the client's name one of its own, beside the uplink's.
    """

    def __init__(self, table: GatewayTable, part: str = "") -> None:
        self._table = table
        self._part = part
        self._tls: tuple[tuple[tuple[str, int], ...], ssl.SSLContext] | None = None

    def make(self, broker: BrokerAddress, version: Version, will: aiomqtt.Will) -> Connection:
        """Raises: OSError, ValueError: a file that the table names cannot be read."""
        table = self._table
        password = Path(table.broker_password_file).read_text().strip() if table.broker_password_file else None
        connection = Connection(
            broker.host,
            broker.port,
            identifier=f"dockline-{table.site}-{table.id}{self._part}",
            username=(table.broker_username or table.id) if password else None,
            password=password,
            protocol=version,
            keepalive=_KEEPALIVE_S,
            timeout=_CALL_S,
            will=will,
            tls_context=self._context() if broker.tls else None,
            **({"clean_start": True} if version is Version.V5 else {"clean_session": True}),  # type: ignore[arg-type]
        )
        connection.pending_calls_threshold = CALLS_MAX
        return connection

    def _context(self) -> ssl.SSLContext:
        """A context is made anew only when a file has changed: a Raspberry Pi takes 50 ms for it."""
        table = self._table
        files = [path for path in (table.broker_ca_file, table.broker_certificate_file, table.broker_key_file) if path]
        stamps = tuple((path, Path(path).stat().st_mtime_ns) for path in files)
        if self._tls is None or self._tls[0] != stamps:
            context = ssl.create_default_context(cafile=table.broker_ca_file or None)
            if table.broker_certificate_file:
                context.load_cert_chain(table.broker_certificate_file, table.broker_key_file or None)
            self._tls = stamps, context
        return self._tls[1]

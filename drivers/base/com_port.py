# SPDX-License-Identifier: Apache-2.0
"""A serial line at the other end of a network, behind a serial server that speaks RFC 2217."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from drivers.base.config import StreamConfig
from drivers.base.errors import RemoteProtocolError, TransportError
from drivers.base.rfc2217 import ComPortClient

_READ_BYTES = 65536
_SETTLE_TIMEOUT_S = 0.5  # chosen: settings are answered within a round trip; a server that leaves some unanswered costs no more than this

log = logging.getLogger(__name__)


class ComPortLine:
    """Bytes of the device over an open connection. `early` is what the device said while the settings were agreed on."""

    def __init__(self, config: StreamConfig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._config = config
        self._reader = reader
        self._writer = writer
        self._client = ComPortClient(config)
        self.early = b""

    def write(self, data: bytes) -> None:
        """Queue bytes for the device."""
        self._client.send(data)
        self._flush()

    def incoming(self, data: bytes) -> bytes:
        """What the device said of what came. Raises: RemoteProtocolError."""
        said = self._client.receive_bytes(data)
        self._flush()
        return said

    def switch_break(self, on: bool) -> None:
        """Begin or end a break."""
        self._client.send_break(on=on)
        self._flush()

    async def open(self) -> None:
        """Agree with the server on speed and framing. Raises: TransportError: it does not answer. RemoteProtocolError: it does not do RFC 2217."""
        endpoint = self._config.endpoint
        try:
            async with asyncio.timeout(self._config.connect_timeout_s):
                self._flush()
                await self._agree()
                await self._settle()
        except TimeoutError as error:
            text = f'{endpoint} does not answer as a serial server with RFC 2217; set `serial_server` to "raw", or switch RFC 2217 on there'
            raise TransportError(text) from error
        except OSError as error:
            raise TransportError(f"{endpoint}: the serial server broke off: {error.strerror or error}; does it serve somebody else?") from error
        if differences := self._client.differences():
            log.warning("serial server differs", extra={"endpoint": endpoint, "differences": differences})

    def _flush(self) -> None:
        if data := self._client.bytes_to_send():
            self._writer.write(data)

    async def _hear(self) -> bytes:
        data = await self._reader.read(_READ_BYTES)
        if not data:
            raise TransportError(f"{self._config.endpoint}: the serial server closed the connection; does it serve somebody else?")
        return self.incoming(data)

    async def _agree(self) -> None:
        while self._client.accepted is None:
            await self._hear()  # what the device says before the settings is noise
        if not self._client.accepted:
            raise RemoteProtocolError(f'{self._config.endpoint}: the serial server refuses RFC 2217; set `serial_server` to "raw", or switch it on there')

    async def _settle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_TIMEOUT_S):
                while not self._client.is_settled:
                    self.early += await self._hear()

# SPDX-License-Identifier: Apache-2.0
"""What a person at the machine asks of the running gateway: a Unix socket in its data folder, so that whoever may read that folder may ask.

One request, a line of JSON, per connection; answers are lines of JSON, the last of them has `done` or `error`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway.clients import Clients

_NAME = "control"
_LINE_BYTES_MAX = 65_536
_REQUEST_TIMEOUT_S = 5.0
_BROKE_OFF = "the gateway ended before it had answered; look at its log, and ask again"

Answer = dict[str, Any]
Ask = Callable[[Answer], AsyncGenerator[Answer, None]]

log = logging.getLogger(__name__)


class ControlError(Exception):
    """The gateway cannot be asked, or refused; the text says why."""


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's address by the folder's descriptor: a path longer than the 107 bytes that the kernel takes would not do."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{_NAME}"
    finally:
        os.close(descriptor)


class ControlServer:
    """Hands each request to `asks[request["do"]]` and sends on what comes."""

    def __init__(self, data_dir: Path, asks: dict[str, Ask]) -> None:
        self._folder = data_dir
        self._asks = asks
        self._server: asyncio.Server | None = None
        self._clients = Clients(self._on_client)

    async def start(self) -> None:
        """Listen. Raises: OSError."""
        place = self._folder / _NAME
        place.unlink(missing_ok=True)  # of a process that was killed; two gateways on one folder are refused by the outbox
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _address(self._folder) as address:
                line.bind(address)
            place.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._clients.accept, sock=line, limit=_LINE_BYTES_MAX)
        except OSError:
            line.close()
            raise

    async def stop(self) -> None:
        """Stop listening and drop whoever is connected."""
        if self._server is None:
            return
        await self._clients.end(self._server)
        (self._folder / _NAME).unlink(missing_ok=True)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                line = await reader.readline()
            await self._serve(msgspec.json.decode(line, type=Answer), writer)
        except (OSError, TimeoutError, msgspec.DecodeError, ValueError) as error:
            log.debug("control request not served", extra={"reason": str(error)})

    async def _serve(self, request: Answer, writer: asyncio.StreamWriter) -> None:
        ask = self._asks.get(str(request.get("do")))
        if ask is None:
            await _say(writer, {"error": f"there is no {request.get('do')!r}; there are: {', '.join(self._asks)}"})
            return
        async with contextlib.aclosing(ask(request)) as answers:
            async for answer in answers:
                await _say(writer, answer)


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    await writer.drain()


def ask_gateway(data_dir: Path, request: Answer, timeout_s: float) -> Iterator[Answer]:
    """Ask the gateway that runs on a data folder; each line is awaited `timeout_s` long. Raises: ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        said: Answer = {}
        try:
            with _address(data_dir) as address:
                line.connect(address)
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as lines:
                for answer in lines:
                    said = msgspec.json.decode(answer, type=Answer)
                    if "error" in said:
                        raise ControlError(said["error"])
                    yield said
        except OSError as error:
            raise ControlError(f"no gateway answers in {data_dir}: {error.strerror or error}; does it run, and may this user ask it?") from error
        except msgspec.DecodeError as error:
            raise ControlError(_BROKE_OFF) from error
        if "done" not in said:
            raise ControlError(_BROKE_OFF)


def process_of(data_dir: Path) -> int:
    """The number of the process that serves this data folder; 0: none does, or this user may not ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, contextlib.suppress(OSError), _address(data_dir) as address:
        line.connect(address)
        process, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return int(process)
    return 0


def is_running(data_dir: Path) -> bool:
    """Whether a gateway serves this data folder."""
    return process_of(data_dir) > 0

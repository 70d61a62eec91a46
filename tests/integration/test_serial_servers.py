# SPDX-License-Identifier: Apache-2.0
"""Serial lines behind peers that we did not write: ser2net (raw and RFC 2217), pyserial's own RFC 2217 server, and socat."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import shutil
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import serial
import serial.rfc2217

from contracts.readings import ButtonPressed, LinkChanged
from drivers.base.errors import RemoteProtocolError, TransportError
from drivers.base.transports import Transport, open_transport
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from firmware_sims.engine.servers import PtyTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.stack import free_port
from tests.conformance.test_life import Readings

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R98")]

EVERY_BYTE = bytes(range(256)) + b"\xff\xff\r\n\xff\xf0\r\x00"
SER2NET = """
connection: &line
  accepter: {accepter},127.0.0.1,{port}
  connector: serialdev,{path},9600n81,local
"""


@contextmanager
def serial_line() -> Iterator[tuple[int, str]]:
    """A pty: the device's end, and the path of the other one."""
    device, line = pty.openpty()
    tty.setraw(line)
    yield device, os.ttyname(line)
    os.close(device)
    os.close(line)


@asynccontextmanager
async def program(port: int, *words: str) -> AsyncIterator[None]:
    """A server, until it listens and as long as it is needed."""
    path = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert path, f"{words[0]} is not installed; run: python3 tools/bootstrap.py system"
    process = await asyncio.create_subprocess_exec(path, *words[1:], stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not _listens(port):
                assert process.returncode is None, f"{words[0]} ended with status {process.returncode}"
                await asyncio.sleep(0.02)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    """Without connecting, since these servers take one client only."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


@asynccontextmanager
async def ser2net(folder: Path, line: str, accepter: str) -> AsyncIterator[int]:
    port = free_port()
    file = folder / "ser2net.yaml"
    file.write_text(SER2NET.format(accepter=accepter, port=port, path=line))
    async with program(port, "ser2net", "-n", "-c", str(file)):
        yield port


@asynccontextmanager
async def opened(port: int, **fields: object) -> AsyncIterator[Transport]:
    transport = await open_transport(LightAblepickConfig(host="127.0.0.1", port=port, **fields))  # type: ignore[arg-type]
    try:
        yield transport
    finally:
        await transport.close()


async def heard_by(device: int, size: int) -> bytes:
    """What the device hears, `size` bytes of it."""
    os.set_blocking(device, False)
    data = b""
    async with asyncio.timeout(20):
        while len(data) < size:
            with suppress(BlockingIOError):
                data += os.read(device, 4096)
            await asyncio.sleep(0.01)
    return data


async def heard_from(transport: Transport, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(20):
        while len(data) < size:
            data += await transport.read()
    return data


@pytest.mark.parametrize(
    ("accepter", "fields"),
    [
        ("telnet(rfc2217),tcp", {"serial_server": "rfc2217", "baud_rate": 19200}),
        ("telnet(rfc2217),tcp", {"serial_server": "rfc2217", "flow_control": "xonxoff"}),
        ("tcp", {}),
    ],
    ids=["rfc2217", "rfc2217-flow", "raw"],
)
async def test_every_byte_passes_ser2net_both_ways(tmp_path: Path, accepter: str, fields: dict[str, object]) -> None:
    data = EVERY_BYTE.translate(None, b"\x11\x13") if "flow_control" in fields else EVERY_BYTE
    with serial_line() as (device, line):
        async with ser2net(tmp_path, line, accepter) as port, opened(port, **fields) as transport:
            transport.write(data)
            assert await heard_by(device, len(data)) == data
            os.write(device, data)
            assert await heard_from(transport, len(data)) == data


async def test_seven_bits_with_parity_are_accepted_by_ser2net(tmp_path: Path) -> None:
    with serial_line() as (device, line):
        async with ser2net(tmp_path, line, "telnet(rfc2217),tcp") as port, opened(port, serial_server="rfc2217", parity="E", data_bits=7) as transport:
            transport.write(b"W")
            assert await heard_by(device, 1) == b"W"
            os.write(device, b"\x02\xb1\xb2\x8d")  # with even parity in the eighth bit, as a pty leaves it
            assert await heard_from(transport, 4) == b"\x0212\r"
            await transport.send_break()


async def test_conversation_full_of_escaped_bytes_passes_ser2net(tmp_path: Path) -> None:
    """The status of the pick lights has 22 bytes ff in a row."""
    server = PtyTwinServer(AblePickTwin())
    await server.start()
    readings = Readings()
    async with ser2net(tmp_path, server.path, "telnet(rfc2217),tcp") as port:
        driver = LightAblepickDriver("lights-1", LightAblepickConfig(host="127.0.0.1", port=port, serial_server="rfc2217"))
        running = asyncio.create_task(driver.run(readings.emit))
        await readings.until(lambda reading: isinstance(reading, LinkChanged))
        await driver.execute("show", {"node": 5, "quantity": 12})
        await _until(lambda: set(server.twin.lit) == {5})  # type: ignore[attr-defined]
        server.stimulate("press", node=5)
        await readings.until(lambda reading: isinstance(reading, ButtonPressed))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await server.stop()


async def test_server_without_rfc2217_is_told_and_not_waited_for_in_vain(tmp_path: Path) -> None:
    with serial_line() as (_, line):
        async with ser2net(tmp_path, line, "tcp") as port:
            with pytest.raises(TransportError, match="does not answer as a serial server with RFC 2217"):
                async with opened(port, serial_server="rfc2217", connect_timeout_s=0.5):
                    pass
        async with ser2net(tmp_path, line, "telnet,tcp") as port:
            with pytest.raises(RemoteProtocolError, match="refuses RFC 2217"):
                async with opened(port, serial_server="rfc2217"):
                    pass


class PortServer:
    """pyserial's server side of RFC 2217 at a port that echoes; `port` shows what was set."""

    def __init__(self) -> None:
        self.port = serial.serial_for_url("loop://", timeout=0)
        self.number = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[PortServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.number = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.port.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manager = serial.rfc2217.PortManager(self.port, writer, logging.getLogger("rfc2217"))
        with suppress(ConnectionError):
            while data := await reader.read(1024):
                self.port.write(b"".join(manager.filter(data)))
                while echoed := self.port.read(1024):
                    writer.write(b"".join(manager.escape(echoed)))
                manager.check_modem_lines()
        writer.close()


async def test_pyserials_server_is_set_as_configured_and_echoes_every_byte() -> None:
    settings = {"serial_server": "rfc2217", "baud_rate": 38400, "parity": "O", "stop_bits": 2, "flow_control": "rtscts"}
    async with PortServer().serving() as server, opened(server.number, **settings) as line:
        assert (server.port.baudrate, server.port.parity, server.port.bytesize, server.port.stopbits) == (38400, "O", 8, 2)
        for _ in range(3):
            line.write(EVERY_BYTE)
            assert await heard_from(line, len(EVERY_BYTE)) == EVERY_BYTE


@pytest.mark.parametrize("way", ["tcp", "pty"])
async def test_every_byte_passes_socat(tmp_path: Path, way: str) -> None:
    with serial_line() as (device, line):
        port, link = free_port(), tmp_path / "line"
        async with program(port, "socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"{line},raw,echo=0"):
            if way == "tcp":
                async with opened(port) as transport:
                    await _exchange(device, transport)
                return
            process = await asyncio.create_subprocess_exec("socat", f"PTY,link={link},raw,echo=0", f"TCP:127.0.0.1:{port}")
            try:
                await _until(link.exists)
                transport = await open_transport(LightAblepickConfig(path=str(link), parity="E", data_bits=8))
                await _exchange(device, transport)
                await transport.close()
            finally:
                with suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


async def _exchange(device: int, transport: Transport) -> None:
    transport.write(EVERY_BYTE)
    assert await heard_by(device, len(EVERY_BYTE)) == EVERY_BYTE
    os.write(device, EVERY_BYTE)
    assert await heard_from(transport, len(EVERY_BYTE)) == EVERY_BYTE


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # another process gives no event
            await asyncio.sleep(0.02)

# SPDX-License-Identifier: Apache-2.0
"""The bad network itself: each fault does to the bytes what it says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmware_sims.engine.mqtt_mangler import MqttMangler, MqttWay, packets
from firmware_sims.engine.network import LinkProxy


class _Echo:
    """A server that sends everything back, and counts."""

    def __init__(self) -> None:
        self.port = 0
        self.heard = bytearray()
        self.clients = 0
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[_Echo]:
        server = await asyncio.start_server(self._on_client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        try:
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self.ended.set()


@asynccontextmanager
async def _line() -> AsyncIterator[tuple[_Echo, LinkProxy, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with _Echo().running() as echo, LinkProxy(echo.port, seed=1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        try:
            yield echo, proxy, reader, writer
        finally:
            writer.close()


async def _silent(reader: asyncio.StreamReader, seconds: float = 0.1) -> bool:
    """Whether nothing comes, not even an end."""
    try:
        async with asyncio.timeout(seconds):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_healed_hole_delivers_what_was_sent_meanwhile() -> None:
    async with _line() as (echo, proxy, reader, writer):
        proxy.hole()
        writer.write(b"lost?")
        late_reader, late_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        late_writer.write(b"late")

        assert await _silent(reader)
        assert await _silent(late_reader, 0.01)
        assert (bytes(echo.heard), echo.clients) == (b"hello", 1)

        await proxy.heal()
        assert await reader.readexactly(5) == b"lost?"
        assert await late_reader.readexactly(4) == b"late"
        late_writer.close()


async def test_hole_that_forgets_never_answers_an_old_connection_and_lets_in_a_new_one() -> None:
    async with _line() as (echo, proxy, reader, writer):
        proxy.hole(forgets=True)
        writer.write(b"lost!")
        await proxy.heal()
        new_reader, new_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        new_writer.write(b"new")

        assert await new_reader.readexactly(3) == b"new"
        assert await _silent(reader)
        assert b"lost!" not in echo.heard
        assert not echo.ended.is_set(), "the target was told"
        new_writer.close()


async def test_hole_of_one_way_lets_the_other_through() -> None:
    async with _line() as (echo, proxy, reader, writer):
        proxy.hole("down")
        writer.write(b"up")

        assert await _silent(reader)
        assert bytes(echo.heard) == b"helloup"


async def test_cut_resets_and_refuses_until_it_is_healed() -> None:
    async with _line() as (_, proxy, reader, _):
        await proxy.cut()

        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.heal()
        new_reader, new_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        new_writer.write(b"again")
        assert await new_reader.readexactly(5) == b"again"
        new_writer.close()


async def test_half_open_ends_the_target_and_tells_the_client_nothing() -> None:
    async with _line() as (echo, proxy, reader, writer):
        proxy.half_open()
        async with asyncio.timeout(5):
            await echo.ended.wait()
        writer.write(b"swallowed")

        assert await _silent(reader)
        assert bytes(echo.heard) == b"hello"


async def test_slow_and_lossy_line_delivers_everything_in_order_and_late() -> None:
    async with _line() as (_, proxy, reader, writer):
        proxy.shape(bytes_per_s=200_000, delay_s=0.02, jitter_s=0.02, loss=0.1)
        data = random.Random(3).randbytes(20_000)
        began_s = asyncio.get_running_loop().time()
        writer.write(data)

        assert await reader.readexactly(len(data)) == data
        assert asyncio.get_running_loop().time() - began_s >= 0.1 + 0.02, "20 kB at 200 kB/s and 20 ms each way"


async def test_connection_that_ends_is_ended_at_the_target() -> None:
    async with _line() as (echo, proxy, _, writer):
        writer.close()
        async with asyncio.timeout(5):
            await echo.ended.wait()
            while proxy.connections:  # noqa: ASYNC110  # the proxy says nothing when it has tidied up
                await asyncio.sleep(0.01)


def _publish(number: int, packet_id: int) -> bytes:
    body = b"\x00\x01t" + packet_id.to_bytes(2, "big") + str(number).encode()
    return bytes((0x32, len(body))) + body


class _Recorder(MqttWay):
    """Keeps what it would send."""

    def __init__(self, mangler: MqttMangler, name: str) -> None:
        super().__init__(mangler, name)
        self.sent: list[bytes] = []

    def put(self, data: bytes) -> None:
        self.sent.append(data)


async def test_mangler_doubles_and_reorders_and_keeps_the_acknowledgement_of_a_copy_to_itself() -> None:
    mangler = MqttMangler(1, seed=1)
    mangler.mangle(duplicate=0.5, reorder=0.3)
    up, down = _Recorder(mangler, "up"), _Recorder(mangler, "down")
    up.back, down.back = down, up
    for number in range(1, 101):
        already = len(up.sent)
        up.take(_publish(number, number))
        for packet in up.sent[already:]:
            down.take(bytes((0x40, 2)) + packet[5:7])

    numbers = [int(packet[7:]) for packet in up.sent]
    assert set(numbers) >= set(range(1, 100)), "only the last may still be held back"
    assert len(numbers) - len(set(numbers)) == mangler.duplicated > 20
    assert numbers != sorted(numbers)
    assert mangler.reordered > 10
    acknowledged = [int.from_bytes(packet[2:4], "big") for packet in down.sent]
    assert sorted(acknowledged) == sorted(set(numbers)), "the sender hears once of each of its identifiers, and of no other"


def test_packets_are_found_however_the_bytes_are_cut() -> None:
    stream = b"".join(_publish(number, number) for number in range(1, 40)) + b"\xc0\x00" + bytes((0x30, 0x80, 0x01)) + b"\x00\x01t" + b"x" * 125
    whole = list(packets(bytearray(stream)))
    buffer = bytearray()
    found: list[bytes] = []
    for byte in stream:
        buffer.append(byte)
        found += packets(buffer)

    assert found == whole
    assert b"".join(found) == stream
    assert len(found) == 41

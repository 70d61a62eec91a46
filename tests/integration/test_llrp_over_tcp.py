# SPDX-License-Identifier: Apache-2.0
"""The LLRP driver and its twin over a real TCP connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from contracts.readings import AnyReading, InputChanged, LinkChanged, ReadingFailed, TagRead
from drivers.base.errors import DeviceFault, RemoteProtocolError, ReplyTimeout, TransportError
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.replay import captured_reads
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from gateway.metrics import Metrics
from gateway.supervisor import Supervisor

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E1")]

PATIENCE_S = 10.0
EPC = "3074257BF7194E4000001A85"


class Door:
    """A twin with its server, a driver, and what the driver said."""

    def __init__(self, twin: LlrpReaderTwin | None = None, **fields: object) -> None:
        self.twin = twin or LlrpReaderTwin()
        self.server = TcpTwinServer(self.twin, exclusive=True)
        self.readings: list[AnyReading] = []
        self._fields = fields
        self._changed = asyncio.Event()

    def driver(self, name: str = "reader-1") -> RfidLlrpDriver:
        return RfidLlrpDriver(name, RfidLlrpConfig(host="127.0.0.1", port=self.server.port, **self._fields))  # type: ignore[arg-type]

    def emit(self, reading: AnyReading) -> None:
        self.readings.append(reading)
        self._changed.set()

    async def until(self, wanted: Callable[[AnyReading], bool], count: int = 1) -> list[AnyReading]:
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [reading for reading in self.readings if wanted(reading)]) < count:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def connected(self, times: int = 1) -> None:
        await self.until(lambda reading: isinstance(reading, LinkChanged), times)

    def read(self, epc: str = EPC, antenna: int = 1, peak_rssi_dbm: float = -50.0) -> None:
        self.server.stimulate("read", epc=epc, antenna=antenna, peak_rssi_dbm=peak_rssi_dbm)


@asynccontextmanager
async def running(twin: LlrpReaderTwin | None = None, **fields: object) -> AsyncIterator[tuple[Door, RfidLlrpDriver, asyncio.Task[None]]]:
    door = Door(twin, **fields)
    await door.server.start()
    driver = door.driver()
    task = asyncio.create_task(driver.run(door.emit))
    try:
        await door.connected()
        yield door, driver, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await door.server.stop()


async def test_tag_before_the_antenna_becomes_a_read() -> None:
    async with running() as (door, _, _task):
        door.read(antenna=3, peak_rssi_dbm=-51.3)

        (read,) = await door.until(lambda reading: isinstance(reading, TagRead))

    assert isinstance(read, TagRead)
    assert (read.device, read.epc, read.antenna, read.peak_rssi_dbm, read.seen_count) == ("reader-1", EPC, 3, -51, 1)
    assert read.reader_time_us is not None


async def test_captured_pass_arrives_read_by_read_in_its_order() -> None:
    reads = captured_reads()[:400]
    async with running() as (door, _, _task):
        for one in reads:
            door.read(one.epc, one.antenna, one.peak_rssi_dbm)

        arrived = await door.until(lambda reading: isinstance(reading, TagRead), len(reads))

    assert [(read.epc, read.antenna) for read in arrived if isinstance(read, TagRead)] == [(one.epc, one.antenna) for one in reads]


async def test_collected_reads_arrive_although_the_report_is_not_full() -> None:
    async with running(report_every_n_tags=50, report_within_s=0.05) as (door, _, _task):
        for _ in range(3):
            door.read()

        (read, *_) = await door.until(lambda reading: isinstance(reading, TagRead))

    assert isinstance(read, TagRead)
    assert read.seen_count == 3


async def test_photo_eye_at_an_input_becomes_a_change() -> None:
    async with running() as (door, _, _task):
        door.server.stimulate("input", input=2, level=True)

        await door.until(lambda reading: isinstance(reading, InputChanged) and (reading.input, reading.level) == (2, True))


async def test_input_that_changed_while_nobody_listened_is_told_after_connecting() -> None:
    door = Door()
    await door.server.start()
    door.server.stimulate("input", input=4, level=True)
    task = asyncio.create_task(door.driver().run(door.emit))

    await door.until(lambda reading: isinstance(reading, InputChanged) and (reading.input, reading.level) == (4, True))

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await door.server.stop()


async def test_stack_light_at_an_output_is_switched() -> None:
    async with running() as (door, driver, _):
        assert await driver.execute("switch_output", {"output": "2", "on": "on"}) == {"output": 2, "on": True}
        assert door.twin.outputs == {1: False, 2: True, 3: False, 4: False}

        await driver.execute("switch_output", {"output": 2, "on": False})
        assert not door.twin.outputs[2]


async def test_output_that_burnt_out_is_a_device_fault_and_reading_goes_on() -> None:
    async with running() as (door, driver, _):
        door.server.stimulate("break_output", output=1)

        with pytest.raises(DeviceFault, match=r"reader-1: switch_output: the reader refuses: R_DeviceError \(401\)"):
            await driver.execute("switch_output", {"output": 1, "on": True})

        door.read()
        await door.until(lambda reading: isinstance(reading, TagRead))


async def test_pulled_antenna_cable_is_reported() -> None:
    async with running() as (door, _, _task):
        door.server.stimulate("antenna", antenna=4, connected=False)

        (failed,) = await door.until(lambda reading: isinstance(reading, ReadingFailed))

    assert isinstance(failed, ReadingFailed)
    assert (failed.quantity, failed.reason) == ("antenna", "antenna 4 is disconnected; check its cable")


async def test_reader_that_reboots_reads_again_after_reconnecting() -> None:
    async with running() as (door, driver, task):
        door.server.stimulate("reboot")
        door.server.drop_client()
        with pytest.raises(TransportError):
            await asyncio.wait_for(task, PATIENCE_S)
        assert door.twin.rospecs == {}

        again = asyncio.create_task(driver.run(door.emit))
        await door.connected(2)
        door.read()

        await door.until(lambda reading: isinstance(reading, TagRead))
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_reader_that_somebody_stopped_is_set_up_anew() -> None:
    async with running() as (door, driver, task):
        door.server.stimulate("halt")
        with pytest.raises(RemoteProtocolError, match="reader-1: the reader has stopped reading tags"):
            await asyncio.wait_for(task, PATIENCE_S)

        again = asyncio.create_task(driver.run(door.emit))
        await door.connected(2)
        door.read()

        await door.until(lambda reading: isinstance(reading, TagRead))
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_mute_reader_is_given_up() -> None:
    # How soon is a matter of the session, which is tested without a clock.
    async with running(keepalive_s=0.15) as (door, _, task):
        door.server.faults.mute = True

        with pytest.raises(ReplyTimeout, match="reader-1: no keepalive"):
            await asyncio.wait_for(task, PATIENCE_S)


async def test_keepalives_hold_a_quiet_link() -> None:
    # A busy machine may stop for a second; the link is lost after two keepalives and a little.
    async with running(keepalive_s=0.5) as (door, _, task):
        async with asyncio.timeout(PATIENCE_S):
            while door.twin.keepalive_acks < 3:
                await asyncio.wait([task], timeout=0.05)

        assert not task.done()


class HangsUp(LlrpReaderTwin):
    """A reader that takes GET_SUPPORTED_VERSION for an attack."""

    questions = 0

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        if data.startswith(bytes.fromhex("082e")):
            self.questions += 1
            self._wants_close = True
            return b""
        return super().receive_bytes(data, now_s)


async def test_reader_that_hangs_up_on_the_question_for_its_version_is_used_at_the_next_attempt() -> None:
    twin = HangsUp()
    door = Door(twin)
    await door.server.start()
    driver = door.driver()
    with pytest.raises(TransportError, match="closed by the device"):
        await asyncio.wait_for(driver.run(door.emit), PATIENCE_S)

    task = asyncio.create_task(driver.run(door.emit))
    await door.connected()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await door.server.stop()

    assert twin.questions == 1


async def test_reader_that_closes_by_itself_says_so_and_is_connected_again() -> None:
    async with running() as (door, driver, task):
        door.server.stimulate("close")
        with pytest.raises(RemoteProtocolError, match="reader-1: the reader closes the connection; it was restarted, or another client took it"):
            await asyncio.wait_for(task, PATIENCE_S)

        again = asyncio.create_task(driver.run(door.emit))
        await door.connected(2)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_clock_of_the_reader_is_handed_on_as_it_is_even_when_it_is_set_meanwhile() -> None:
    async with running() as (door, _, _task):
        for utc_us in (946_684_800_000_000, 1_800_000_000_000_000):
            door.server.stimulate("clock", utc_us=utc_us)
            door.read()
        reads = await door.until(lambda reading: isinstance(reading, TagRead), 2)

    times_us = [read.reader_time_us or 0 for read in reads if isinstance(read, TagRead)]
    assert [time_us // 1_000_000_000 for time_us in times_us] == [946_684, 1_800_000]
    assert reads[1].at_s >= reads[0].at_s


async def test_link_that_is_cut_in_the_middle_of_a_message_is_made_anew() -> None:
    async with running() as (door, driver, task):
        door.server._send(bytes.fromhex("043d 00000200 00000009 00f0 0020 8d30"))  # a report of 512 bytes of which 16 come
        door.server.drop_client()
        with pytest.raises(TransportError):
            await asyncio.wait_for(task, PATIENCE_S)

        again = asyncio.create_task(driver.run(door.emit))
        await door.connected(2)
        door.read()

        await door.until(lambda reading: isinstance(reading, TagRead))
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_reader_that_refuses_its_keepalive_stays_connected_and_a_mute_one_is_found() -> None:
    async with running(LlrpReaderTwin(refuses="KeepaliveSpec"), keepalive_s=0.15) as (door, _, task):
        await asyncio.wait([task], timeout=0.6)
        assert not task.done()
        door.read()
        await door.until(lambda reading: isinstance(reading, TagRead))
        door.server.faults.mute = True

        with pytest.raises(ReplyTimeout, match="reader-1: no keepalive"):
            await asyncio.wait_for(task, PATIENCE_S)


@pytest.mark.requirement("E17")
async def test_supervisor_finds_a_reader_again_that_was_away_and_one_that_another_client_let_go() -> None:
    """What counts is by whose clock: the attempts after the reader is back come at most 0.8 s apart, and one is enough."""
    door = Door()
    await door.server.start()
    other = asyncio.create_task(door.driver("other").run(door.emit))
    await door.connected()
    supervisor = Supervisor({"reader-1": ("rfid_llrp", door.driver())}, door.emit, Metrics(), time.monotonic)
    supervised = asyncio.create_task(supervisor.run())
    (lost,) = await door.until(lambda reading: isinstance(reading, LinkChanged) and reading.state == "lost")
    other.cancel()
    await door.until(lambda reading: isinstance(reading, LinkChanged) and reading.state == "connected", 2)

    door.server.stimulate("reboot")
    await door.server.stop()
    await door.until(lambda reading: isinstance(reading, LinkChanged) and reading.state == "lost", 2)
    await door.server.start()
    await door.until(lambda reading: isinstance(reading, LinkChanged) and reading.state == "connected", 3)
    door.read()
    await door.until(lambda reading: isinstance(reading, TagRead))
    supervised.cancel()
    await asyncio.gather(supervised, other, return_exceptions=True)
    await door.server.stop()

    assert isinstance(lost, LinkChanged)
    assert "another client is connected already; stop it" in lost.reason


async def test_second_client_is_told_that_another_is_connected() -> None:
    async with running() as (door, _, task):
        with pytest.raises(RemoteProtocolError, match="reader-2: the reader refuses the connection: another client is connected already"):
            await door.driver("reader-2").run(door.emit)

        assert not task.done()


async def test_port_that_speaks_no_llrp_is_told_as_such() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP ready\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))

    with pytest.raises(RemoteProtocolError, match="is this port an LLRP reader"):
        await driver.run(lambda reading: None)
    server.close()
    await server.wait_closed()


async def test_leaving_stops_the_reading_and_frees_the_reader() -> None:
    async with running() as (door, _, task):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        async with asyncio.timeout(PATIENCE_S):
            while door.server.has_client:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0)
        assert door.twin.rospecs == {}


async def test_answers_in_small_pieces_are_put_together() -> None:
    door = Door()
    door.server.faults.chunk_bytes = 1
    await door.server.start()
    task = asyncio.create_task(door.driver().run(door.emit))
    await door.connected()
    door.read()

    await door.until(lambda reading: isinstance(reading, TagRead))

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await door.server.stop()

# SPDX-License-Identifier: Apache-2.0
"""LLRP against programs that we did not write: sllurp and llrpkit as clients of our reader, llrpkit's emulator as the reader of our driver."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from llrpkit.emulator import EmulatedTag, LLRPEmulator
from llrpkit.exceptions import LLRPConnectionError
from llrpkit.reader import Reader
from sllurp.llrp import C1G2Write, LLRPReaderClient, LLRPReaderConfig, LLRPReaderState

from contracts.readings import AnyReading, InputChanged, LinkChanged, TagRead
from drivers.base.errors import DeviceFault, RemoteProtocolError
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from firmware_sims import sims
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.extensions import IMPINJ
from firmware_sims.rfid_llrp.rospecs import ACTIVE
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E15")]

PATIENCE_S = 20.0
EPC = "3074257BF7194E4000001A85"
EVERYTHING = {
    f"Enable{name}": True
    for name in (
        *("ROSpecID", "SpecIndex", "InventoryParameterSpecID", "AntennaID", "ChannelIndex"),
        *("PeakRSSI", "FirstSeenTimestamp", "LastSeenTimestamp", "TagSeenCount", "AccessSpecID"),
    )
}


@pytest.fixture
async def reader() -> AsyncIterator[TcpTwinServer]:
    server = TcpTwinServer(LlrpReaderTwin(), exclusive=True)
    await server.start()
    yield server
    await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Other people's threads wake nobody here, so look again and again, with a deadline."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


def reads(server: TcpTwinServer) -> bool:
    assert isinstance(server.twin, LlrpReaderTwin)
    return any(spec.state == ACTIVE for spec in server.twin.rospecs.values())


class Sllurp:
    """sllurp's client in its own thread, and what it was told."""

    def __init__(self, port: int, **fields: Any) -> None:
        self.tags: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.client = LLRPReaderClient("127.0.0.1", port, LLRPReaderConfig(fields))
        self.client.add_tag_report_callback(lambda reader, tags: self.tags.extend(tags))
        self.client.add_event_callback(lambda reader, event: self.events.append(event))

    async def __aenter__(self) -> Sllurp:
        await asyncio.to_thread(self.client.connect)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Asks politely first. sllurp waits for an answer only after it has asked, so a quick answer is missed at times; then its socket is closed."""
        await asyncio.to_thread(self.client.disconnect, 1.0)
        if self.client.is_alive():
            self.client.hard_disconnect()
            await asyncio.to_thread(self.client.join, PATIENCE_S)


async def test_sllurp_adds_a_rospec_and_receives_tags_from_our_reader(reader: TcpTwinServer) -> None:
    wanted = {"antennas": [1, 2], "report_every_n_tags": 1, "tag_content_selector": EVERYTHING, "tx_power_dbm": 27.0}
    async with Sllurp(reader.port, **wanted) as sllurp:
        await until(lambda: reads(reader) and sllurp.client.llrp.state == LLRPReaderState.STATE_INVENTORYING)

        reader.stimulate("read", epc=EPC, antenna=2, peak_rssi_dbm=-51.0)
        reader.stimulate("read", epc=EPC, antenna=3, peak_rssi_dbm=-51.0)  # not one of its antennas
        reader.stimulate("read", epc="F7013074257BF7194E4000001A850001", antenna=1, peak_rssi_dbm=-62.0)
        await until(lambda: len(sllurp.tags) >= 2)

    first, second = sllurp.tags
    assert (first["EPC"].decode().upper(), first["AntennaID"], first["PeakRSSI"], first["TagSeenCount"]) == (EPC, 2, -51, 1)
    assert (second["EPC"].decode().upper(), second["AntennaID"]) == ("F7013074257BF7194E4000001A850001", 1)


async def test_sllurp_hears_inputs_and_answers_keepalives_of_our_reader(reader: TcpTwinServer) -> None:
    wanted = {"antennas": [1], "event_selector": {"GPIEvent": True}, "gpi_ports_config": {1: True}, "keepalive_interval": 50}
    async with Sllurp(reader.port, **wanted) as sllurp:
        await until(lambda: reads(reader))

        reader.stimulate("input", input=1, level=True)
        await until(lambda: any("GPIEvent" in event for event in sllurp.events))
        assert isinstance(reader.twin, LlrpReaderTwin)
        twin = reader.twin
        await until(lambda: twin.keepalive_acks >= 3)

    assert sllurp.events[-1]["GPIEvent"] == {"GPIPortNumber": 1, "GPIEvent": True}


async def test_sllurp_reads_in_batches_with_a_timeout(reader: TcpTwinServer) -> None:
    async with Sllurp(reader.port, antennas=[1], report_every_n_tags=100, report_timeout_ms=50) as sllurp:
        await until(lambda: reads(reader))
        for _ in range(5):
            reader.stimulate("read", epc=EPC, antenna=1, peak_rssi_dbm=-50.0)

        await until(lambda: sum(tag["TagSeenCount"] for tag in sllurp.tags) == 5)


async def test_llrpkit_reads_capabilities_inventory_and_outputs_of_our_reader(reader: TcpTwinServer) -> None:
    assert isinstance(reader.twin, LlrpReaderTwin)
    async with Reader("127.0.0.1", reader.port) as client:
        assert (client.firmware, client.max_antennas, client.capabilities.transmit_powers[1]) == ("dockline-twin 1.0", 4, 10.0)
        await client.set_gpo(3, True)
        found = []
        tags = client.inventory(antennas=[1, 2], session=2, tx_power_dbm=20.0, tag_population=50, max_tags=2)
        collecting = asyncio.create_task(_collect(tags, found))
        await until(lambda: reads(reader))
        for antenna in (1, 3, 2):
            reader.stimulate("read", epc=EPC, antenna=antenna, peak_rssi_dbm=-48.0)
        await asyncio.wait_for(collecting, PATIENCE_S)

    assert [(tag.epc_hex.upper(), tag.antenna, tag.rssi_dbm) for tag in found] == [(EPC, 1, -48.0), (EPC, 2, -48.0)]
    assert reader.twin.outputs[3]


async def _collect(tags: AsyncIterator[Any], found: list[Any]) -> None:
    async for tag in tags:
        found.append(tag)  # noqa: PERF401 - what came before a failure is to be seen


async def test_llrpkit_hears_of_every_refusal_as_the_standard_has_it(reader: TcpTwinServer) -> None:
    from llrpkit.protocol import messages

    async with Reader("127.0.0.1", reader.port) as client:
        transact = client.client.transact
        nothing = [await transact(messages.GET_ROSPECS()), await transact(messages.GET_ACCESSSPECS())]
        unknown = [
            await transact(message)
            for message in (
                *(kind(ro_spec_id=77) for kind in (messages.ENABLE_ROSPEC, messages.START_ROSPEC, messages.STOP_ROSPEC, messages.DELETE_ROSPEC)),
                *(kind(access_spec_id=77) for kind in (messages.ENABLE_ACCESSSPEC, messages.DELETE_ACCESSSPEC)),
            )
        ]
        no_message = await transact(messages.KEEPALIVE())
        closed = await transact(messages.CLOSE_CONNECTION())

    assert [(answer.llrp_status.status_code, answer.ro_specs if index == 0 else answer.access_specs) for index, answer in enumerate(nothing)] == [
        (0, []),
        (0, []),
    ]
    assert {(answer.llrp_status.status_code, answer.llrp_status.error_description.split(" 77")[0]) for answer in unknown} == {
        (101, "there is no ROSpec"),
        (101, "there is no AccessSpec"),
    }
    assert (type(no_message), no_message.llrp_status.status_code) == (messages.ERROR_MESSAGE, 109)
    assert (type(closed), closed.llrp_status.status_code) == (messages.CLOSE_CONNECTION_RESPONSE, 0)


async def test_second_client_of_a_simulated_reader_is_refused_as_a_real_one_refuses_it() -> None:
    """The library serves a reader so by itself; the first client is not disturbed."""
    async with sims.rfid_llrp() as reader, Reader("127.0.0.1", reader.port) as first:
        with pytest.raises(LLRPConnectionError, match="Client_Initiated_Connection_Already_Exists"):
            await Reader("127.0.0.1", reader.port).connect()
        async with Sllurp(reader.port) as second:
            await until(lambda: not second.client.is_alive())
        assert [event["ConnectionAttemptEvent"] for event in second.events] == [{"Status": "Failed (a Client initiated connection already exists)"}]
        await first.set_gpo(2, True)
        assert isinstance(reader.twin, LlrpReaderTwin)
        assert reader.twin.outputs[2]


async def test_llrpkit_gates_an_inventory_by_an_input_of_our_reader(reader: TcpTwinServer) -> None:
    async with Reader("127.0.0.1", reader.port) as client:
        windows = client.windows(1, settle=0.05)
        first = asyncio.create_task(anext(windows))
        assert isinstance(reader.twin, LlrpReaderTwin)
        twin = reader.twin
        await until(lambda: any(spec.start_input and spec.state for spec in twin.rospecs.values()))

        await _enable_input_events(client)
        reader.stimulate("input", input=1, level=True)
        reader.stimulate("read", epc=EPC, antenna=1, peak_rssi_dbm=-48.0)
        reader.stimulate("input", input=1, level=False)
        window = await asyncio.wait_for(first, PATIENCE_S)
        await windows.aclose()

    assert [tag.epc_hex.upper() for tag in window.tags] == [EPC]


async def _enable_input_events(client: Reader) -> None:
    """llrpkit enables the port but leaves the event off, which in the standard is off at first."""
    from llrpkit.protocol import messages, params

    state = params.EventNotificationState(event_type=1, notification_state=True)
    spec = params.ReaderEventNotificationSpec(event_notification_states=[state])
    await client.client.transact(messages.SET_READER_CONFIG(reader_event_notification_spec=spec))


async def test_driver_works_with_the_reader_of_llrpkit() -> None:
    readings: list[AnyReading] = []
    tag = EmulatedTag(bytes.fromhex(EPC), antennas=(2,), rssi_dbm=-55.0)
    async with LLRPEmulator(tags=[tag], reads_per_sec=200) as emulator:
        driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(host="127.0.0.1", port=emulator.port, antennas=(1, 2), power_dbm=27.5, keepalive_s=0.1))
        task = asyncio.create_task(driver.run(readings.append))
        await until(lambda: sum(isinstance(reading, TagRead) for reading in readings) >= 20 and emulator.keepalive_acks >= 3)

        await emulator.set_gpi(2, True)
        assert await driver.execute("switch_output", {"output": 4, "on": True}) == {"output": 4, "on": True}
        await until(lambda: any(isinstance(reading, InputChanged) and (reading.input, reading.level) == (2, True) for reading in readings))
        second = RfidLlrpDriver("reader-2", driver.config)
        with pytest.raises(RemoteProtocolError, match="another client is connected already"):
            await second.run(readings.append)

        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    connected = [reading for reading in readings if isinstance(reading, LinkChanged)]
    (about,) = [reading.reason for reading in connected]
    assert about.startswith("Impinj model 700, firmware llrpkit-emu 0.1, 4 antennas, 4 inputs, 4 outputs, UTC clock; ")
    assert about.endswith("; LLRP 1.0.1")
    assert {(reading.epc, reading.antenna) for reading in readings if isinstance(reading, TagRead)} == {(EPC, 2)}
    assert driver.rejected_frames == {}


async def test_driver_accesses_tags_and_asks_for_impinjs_additions_at_the_reader_of_llrpkit() -> None:
    readings: list[AnyReading] = []
    tag = EmulatedTag(bytes.fromhex(EPC), antennas=(1,), rssi_dbm=-55.0)
    config = {"report_phase": True, "report_doppler": True, "fine_rssi": True, "search_mode": "dual_target", "report_every_n_tags": 20}
    async with LLRPEmulator(tags=[tag], reads_per_sec=200) as emulator:
        driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(host="127.0.0.1", port=emulator.port, **config))  # type: ignore[arg-type]
        task = asyncio.create_task(driver.run(readings.append))
        await until(lambda: any(isinstance(reading, TagRead) for reading in readings))
        place = {"epc": EPC, "bank": "user", "first_word": 0}

        written = await driver.execute("write_tag", {**place, "data": "CAFE0042"})
        read = await driver.execute("read_tag", {**place, "words": 2})
        await driver.execute("write_tag", {**place, "bank": "reserved", "data": "0000DEAD"})
        with pytest.raises(DeviceFault, match="lock_tag: the reader failed"):  # which that reader does not simulate
            await driver.execute("lock_tag", {"epc": EPC, "what": "user", "how": "lock"})
        killed = await driver.execute("kill_tag", {"epc": EPC, "password": "0000DEAD"})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    (first, *_) = [reading for reading in readings if isinstance(reading, TagRead)]
    assert (written["words_written"], read["data"], killed["result"]) == (2, "CAFE0042", "success")
    assert None not in (first.phase_rad, first.doppler_hz, first.channel)
    assert driver.rejected_frames == {}


async def test_llrpkit_reads_writes_and_kills_tags_of_our_reader(reader: TcpTwinServer) -> None:
    async def before_the_antenna(doing: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.create_task(doing)
        async with asyncio.timeout(PATIENCE_S):
            while not task.done():
                reader.stimulate("read", epc=EPC, antenna=1, peak_rssi_dbm=-48.0)
                await asyncio.wait([task], timeout=0.01)
        return task.result()

    async with Reader("127.0.0.1", reader.port) as client:
        written = await before_the_antenna(client.write_memory(bank="user", word_pointer=1, data=bytes.fromhex("CAFE"), target_epc=EPC))
        read = await before_the_antenna(client.read_memory(bank="user", word_pointer=0, word_count=3, target_epc=EPC))
        await before_the_antenna(client.write_memory(bank="reserved", word_pointer=0, data=bytes.fromhex("0000DEAD"), target_epc=EPC))
        killed = await before_the_antenna(client.kill_tag(kill_password=0xDEAD, target_epc=EPC))

    assert isinstance(reader.twin, LlrpReaderTwin)
    assert (written.status, read.status, read.data, killed.status) == ("Success", "Success", bytes.fromhex("0000CAFE0000"), "Success")
    assert reader.twin.tags[bytes.fromhex(EPC)].is_dead


async def test_sllurp_reads_phase_rssi_and_doppler_of_our_reader_as_impinjs() -> None:
    server = TcpTwinServer(LlrpReaderTwin(maker=IMPINJ), exclusive=True)
    await server.start()
    selector = {"EnableRFPhaseAngle": True, "EnablePeakRSSI": True, "EnableRFDopplerFrequency": True}
    wanted = {"antennas": [1], "report_every_n_tags": 1, "impinj_search_mode": "2", "impinj_tag_content_selector": selector}
    async with Sllurp(server.port, **wanted) as sllurp:
        await until(lambda: reads(server))
        server.stimulate("read", epc=EPC, antenna=1, peak_rssi_dbm=-51.25, phase_rad=math.pi, doppler_hz=-2.5)
        await until(lambda: bool(sllurp.tags))
    await server.stop()

    (tag, *_) = sllurp.tags
    assert (tag["ImpinjPeakRSSI"], tag["ImpinjRFPhaseAngle"], tag["ImpinjRFDopplerFrequency"]) == (-5125, 2048, -40)


async def test_sllurp_writes_to_a_tag_of_our_reader(reader: TcpTwinServer) -> None:
    assert isinstance(reader.twin, LlrpReaderTwin)
    write = C1G2Write(MB=3, WordPtr=1, WriteDataWordCount=1, WriteData=bytes.fromhex("CAFE"))
    async with Sllurp(reader.port, antennas=[1], report_every_n_tags=1) as sllurp:
        await until(lambda: reads(reader))
        await asyncio.to_thread(sllurp.client.start_access_spec, write, None, 0)  # at every read: sllurp may miss the first answer
        async with asyncio.timeout(PATIENCE_S):
            while not any("C1G2WriteOpSpecResult" in tag for tag in sllurp.tags):
                reader.stimulate("read", epc=EPC, antenna=1, peak_rssi_dbm=-50.0)
                await asyncio.sleep(0.01)

    (result, *_) = [tag["C1G2WriteOpSpecResult"] for tag in sllurp.tags if "C1G2WriteOpSpecResult" in tag]
    assert result == {"Result": 0, "OpSpecID": 0, "NumWordsWritten": 1}
    assert reader.twin.tags[bytes.fromhex(EPC)].banks[3][:2] == [0, 0xCAFE]

# SPDX-License-Identifier: Apache-2.0
"""Reading, writing, locking and killing tags, and what makers add, through the driver and over TCP, on tags with a memory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

import pytest

from contracts.readings import InputChanged, TagRead
from drivers.base.errors import DeviceFault, LocalProtocolError
from drivers.base.session import Argument
from drivers.rfid_llrp.driver import RfidLlrpDriver
from firmware_sims.rfid_llrp.extensions import IMPINJ, ZEBRA
from firmware_sims.rfid_llrp.rospecs import ACTIVE, INACTIVE
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from tests.integration.test_llrp_over_tcp import PATIENCE_S, Door, running

pytestmark = pytest.mark.requirement("E1")

EPC = "3074257BF7194E4000001A85"
SECRET = "0000ABCD"


async def carried_out(door: Door, driver: RfidLlrpDriver, command: str, **arguments: Argument) -> Mapping[str, Argument | None]:
    """The command, with the tag before antenna 1 as soon as the reader is ready for it."""
    doing = asyncio.create_task(driver.execute(command, {"epc": EPC, **arguments}))
    async with asyncio.timeout(PATIENCE_S):
        while not doing.done():
            door.read(EPC)
            await asyncio.wait([doing], timeout=0.01)
    return await doing


@pytest.mark.parametrize("version_max", [1, 2])
async def test_tag_is_written_read_locked_and_killed(version_max: int) -> None:
    async with running(LlrpReaderTwin(version_max=version_max)) as (door, driver, _):
        written = await carried_out(door, driver, "write_tag", bank="user", first_word="2", data="CAFE0042")
        read = await carried_out(door, driver, "read_tag", bank="user", first_word=1, words=4)
        await carried_out(door, driver, "write_tag", bank="reserved", first_word=0, data="0000DEAD0000ABCD")
        locked = await carried_out(door, driver, "lock_tag", what="user", how="lock", password=SECRET)
        with pytest.raises(DeviceFault, match="write_tag: the tag's memory is locked; give its access password"):
            await carried_out(door, driver, "write_tag", bank="user", first_word=0, data="FFFF")
        await carried_out(door, driver, "write_tag", bank="user", first_word=0, data="FFFF", password=SECRET)
        killed = await carried_out(door, driver, "kill_tag", password="0000DEAD")
        with pytest.raises(DeviceFault, match=r"read_tag: no tag with this EPC answered within 0\.05 s"):
            await carried_out(door, driver, "read_tag", bank="tid", first_word=0, words=2, within_s=0.05)

    assert written == {"epc": EPC, "result": "success", "words_written": 2}
    assert read == {"epc": EPC, "result": "success", "data": "0000CAFE00420000"}
    assert locked == killed == {"epc": EPC, "result": "success"}


@pytest.mark.parametrize(
    ("command", "arguments", "code_1_0_1", "code_1_1"),
    [
        ("read_tag", {"bank": "user", "first_word": 30, "words": 4}, "1 tag_error", "4 memory_overrun"),
        ("read_tag", {"bank": "user", "first_word": 0, "words": 1, "password": "12345678"}, "1 tag_error", "6 incorrect_password"),
        ("write_tag", {"bank": "tid", "first_word": 0, "data": "0000"}, "2 memory_locked", "2 memory_locked"),
        ("write_tag", {"bank": "user", "first_word": 31, "data": "00000000"}, "1 memory_overrun", "1 memory_overrun"),
        ("lock_tag", {"what": "tid", "how": "unlock"}, "2 tag_error", "7 memory_locked"),
        ("kill_tag", {"password": "00000001"}, "1 zero_kill_password", "1 zero_kill_password"),
    ],
)
@pytest.mark.parametrize("version_max", [1, 2])
async def test_tag_that_refuses_says_why_as_far_as_the_version_has_words(
    command: str, arguments: dict[str, Argument], code_1_0_1: str, code_1_1: str, version_max: int
) -> None:
    async with running(LlrpReaderTwin(version_max=version_max)) as (door, driver, _):
        with pytest.raises(DeviceFault) as refused:
            await carried_out(door, driver, command, **arguments)

        door.read()
        await door.until(lambda reading: isinstance(reading, TagRead))

    assert refused.value.code == (code_1_0_1, code_1_1)[version_max - 1]


async def test_new_epc_is_what_the_tag_answers_with() -> None:
    async with running() as (door, driver, _):
        await carried_out(door, driver, "write_tag", bank="epc", first_word=6, data="00001A86")
        door.read(EPC)

        await door.until(lambda reading: isinstance(reading, TagRead) and reading.epc == EPC[:-8] + "00001A86")


async def test_one_operation_at_a_time() -> None:
    async with running() as (_, driver, _task):
        first = asyncio.create_task(driver.execute("read_tag", {"epc": EPC, "bank": "tid", "first_word": 0, "words": 2, "within_s": 0.1}))
        await asyncio.wait([first], timeout=0.01)

        with pytest.raises(LocalProtocolError, match="read_tag goes on"):
            await driver.execute("kill_tag", {"epc": EPC, "password": "00000001"})
        with pytest.raises(DeviceFault, match="no tag with this EPC"):
            await first


async def test_impinj_reader_tells_phase_doppler_channel_and_fine_rssi() -> None:
    wanted = {"report_phase": True, "report_doppler": True, "fine_rssi": True, "search_mode": "dual_target"}
    async with running(LlrpReaderTwin(maker=IMPINJ), **wanted) as (door, _, _task):
        door.server.stimulate("read", epc=EPC, antenna=2, peak_rssi_dbm=-51.25, channel=3, phase_rad=math.pi / 2, doppler_hz=-2.5)

        (read,) = await door.until(lambda reading: isinstance(reading, TagRead))
        assert [spec.wanted["search_mode"] for spec in door.twin.rospecs.values()] == [2]

    assert isinstance(read, TagRead)
    assert (read.peak_rssi_dbm, read.channel, read.phase_rad, read.doppler_hz) == (-51.25, 3, pytest.approx(math.pi / 2), -2.5)


async def test_zebra_reader_tells_phase() -> None:
    async with running(LlrpReaderTwin(maker=ZEBRA), report_phase=True) as (door, _, _task):
        door.server.stimulate("read", epc=EPC, antenna=2, peak_rssi_dbm=-51.0, channel=2, phase_rad=math.pi / 4)

        (read,) = await door.until(lambda reading: isinstance(reading, TagRead))

    assert isinstance(read, TagRead)
    assert (read.channel, read.phase_rad) == (2, pytest.approx(math.pi / 4))


async def test_reading_starts_with_one_input_and_ends_with_another() -> None:
    triggers = {"start": "input", "start_input": 1, "stop": "input", "stop_input": 2, "stop_level": True, "stop_after_s": 60.0}
    async with running(**triggers) as (door, _, task):
        (spec,) = door.twin.rospecs.values()
        states = [spec.state]
        for number in (1, 2):
            door.server.stimulate("input", input=number, level=True)
            states.append(spec.state)
        await door.until(lambda reading: isinstance(reading, InputChanged) and (reading.input, reading.level) == (2, True))

        assert not task.done()

    assert states == [INACTIVE, ACTIVE, INACTIVE]


async def test_reader_of_1_1_is_set_up_in_1_1() -> None:
    async with running(LlrpReaderTwin(version_max=2)) as (door, _, _task):
        assert door.twin.version == 2
        door.read()

        await door.until(lambda reading: isinstance(reading, TagRead))


async def test_reader_that_says_nothing_of_its_version_is_set_up_in_1_0_1() -> None:
    async with running(LlrpReaderTwin(ignores_version=True), reply_timeout_s=0.2) as (door, _, _task):
        assert door.twin.version == 1

# SPDX-License-Identifier: Apache-2.0
"""What a device says is kept, written down, and played through the driver again: the same readings come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.readings import AnyReading, LinkChanged
from drivers import registry
from drivers.base.config import parse_config
from drivers.base.driver import StreamDriver
from drivers.base.tape import Tape
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.sensor_modbus.bus import BusTwin
from firmware_sims.sensor_modbus.twin import ModbusSensorTwin
from gateway.device_command import main
from gateway.recordings import Replay, difference, head_of, line_of, read_recording
from tests.integration.gateway_bench import eventually

pytestmark = [pytest.mark.requirement("E16"), pytest.mark.slow]


def _place(server: TcpTwinServer) -> None:
    server.stimulate("place", weight_g=1520.0)


def _scan(server: TcpTwinServer) -> None:
    server.stimulate("scan", text="4006381333931")


def _show_tag(server: TcpTwinServer) -> None:
    server.stimulate("read", epc="3034257BF7194E4000001A85", antenna=1, peak_rssi_dbm=-50.0)


def _warm(server: TcpTwinServer) -> None:
    server.stimulate("set", quantity="temperature_c", value=7.5)


async def recorded(driver: StreamDriver[Any], kind: Any, act: Callable[[], Any]) -> list[AnyReading]:
    """What the driver made of a conversation, up to and with the first reading of a kind."""
    readings: list[AnyReading] = []
    running = asyncio.create_task(driver.run(readings.append))
    try:
        await eventually(lambda: any(isinstance(reading, LinkChanged) for reading in readings))
        act()
        await eventually(lambda: any(type(reading) is not LinkChanged and isinstance(reading, kind) for reading in readings))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return [reading for reading in readings if not isinstance(reading, LinkChanged)]


def lines_of_driver(driver: StreamDriver[Any], name: str) -> list[str]:
    entries = driver.tape.entries()
    return [*head_of("d-1", name, driver.config), *(line for entry in entries for line in line_of(entry, entries[0].at_s))]


async def driver_of(name: str, twin: Any, **config: Any) -> tuple[StreamDriver[Any], TcpTwinServer]:
    server = TcpTwinServer(twin)
    await server.start()
    spec = registry.load(name)
    driver = spec.factory("d-1", parse_config(spec.config, {"driver": name, "host": "127.0.0.1", "port": server.port, **config}))
    assert isinstance(driver, StreamDriver)
    return driver, server


@pytest.mark.parametrize(
    ("name", "twin", "act", "config"),
    [
        ("scale_sics", SicsScaleTwin, _place, {}),
        ("scanner_serial", ScannerTwin, _scan, {}),
        ("rfid_llrp", LlrpReaderTwin, _show_tag, {}),
        ("sensor_modbus", ModbusSensorTwin, _warm, {"map": "xy_md02", "interval_s": 0.1}),
    ],
)
async def test_replay_of_a_recording_gives_the_readings_of_then(
    name: str, twin: Callable[[], Twin], act: Callable[[TcpTwinServer], None], config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver, server = await driver_of(name, twin(), **config)

    readings = await recorded(driver, object, lambda: act(server))
    await server.stop()

    file = tmp_path / "recording.txt"
    file.write_text("\n".join(lines_of_driver(driver, name)))
    replay = Replay(read_recording(file.read_text().splitlines()))
    assert difference(readings, list(replay.run())) == []
    assert replay.notes == []
    assert main(["replay", str(file), "--json"]) == 0
    assert f"{len(readings)} readings now, {len(readings)} then, 0 differences" in capsys.readouterr().err


async def test_command_given_then_is_given_again_in_the_replay() -> None:
    driver, server = await driver_of("light_ablepick", AblePickTwin())
    shown: list[asyncio.Task[Any]] = []

    def act() -> None:
        shown.append(asyncio.get_running_loop().create_task(driver.execute("show", {"node": 1, "quantity": 3})))
        shown[0].add_done_callback(lambda _: server.stimulate("press", node=1))

    readings = await recorded(driver, object, act)
    await server.stop()

    assert readings
    assert difference(readings, list(Replay(read_recording(lines_of_driver(driver, "light_ablepick"))).run())) == []


async def test_difference_says_what_another_driver_would_have_made_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    driver, server = await driver_of("scanner_serial", ScannerTwin())
    await recorded(driver, object, lambda: _scan(server))
    await server.stop()
    file = tmp_path / "recording.txt"
    file.write_text("\n".join(lines_of_driver(driver, "scanner_serial")).replace("34 30 30 36", "34 30 30 37"))

    assert main(["replay", str(file)]) == 1
    said = capsys.readouterr()
    assert "4007381333931" in said.out
    assert "2 differences" in said.err


def test_tape_keeps_the_beginning_and_the_end_within_its_bounds() -> None:
    tape = Tape(4000)
    tape.opened(0.0)
    for number in range(100):
        tape.add(float(number), "from_device", bytes([number]) * 40)

    entries = tape.entries()
    kept = [entry.content[0] for entry in entries if isinstance(entry.content, bytes) and entry.kind == "from_device"]

    assert (kept[0], kept[-1], kept == sorted(kept)) == (0, 99, True)
    assert [entry.kind for entry in entries].count("gap") == 1
    assert sum(96 + len(entry.content) for entry in entries if isinstance(entry.content, bytes)) <= 4096


def test_tape_begins_anew_with_each_conversation_and_keeps_nothing_when_told_so() -> None:
    tape, none = Tape(4000), Tape(0)
    for each in (tape, none):
        each.opened(0.0)
        each.add(1.0, "from_device", b"old")
        each.opened(2.0)
        each.add(3.0, "from_device", b"new")

    assert [entry.content for entry in tape.entries()] == [b"", b"new"]
    assert [entry.kind for entry in none.entries() if entry.kind != "gap"] == []


@pytest.mark.parametrize("text", ["", "nonsense", '# device {"id": "x"}', '# device {"id": "x", "driver": "scanner_serial"}\n?? 1'])
def test_file_that_is_no_recording_is_refused_in_words(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x"
    file.write_text(text)

    assert main(["replay", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


async def test_replay_of_a_unit_that_shared_its_line_gives_the_readings_of_then() -> None:
    """It had its turns when the other let it, and asked on the grid of a clock that did not begin with the recording."""
    spec = registry.load("sensor_modbus")
    server = TcpTwinServer(BusTwin(ModbusSensorTwin(framing="rtu", unit_id=unit) for unit in (1, 2)))
    await server.start()
    fields = {"driver": "sensor_modbus", "host": "127.0.0.1", "port": server.port, "framing": "rtu", "map": "xy_md02", "interval_s": 0.2}
    drivers = [spec.factory(name, parse_config(spec.config, {**fields, "unit_id": unit})) for unit, name in ((2, "d-2"), (1, "d-1"))]
    heard: list[AnyReading] = []
    running = [asyncio.create_task(driver.run(heard.append)) for driver in drivers]
    await eventually(lambda: sum(each.device == "d-1" for each in heard) >= 7)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await server.stop()
    driver = drivers[1]
    assert isinstance(driver, StreamDriver)

    recording = read_recording(lines_of_driver(driver, "sensor_modbus"))

    assert len(recording.then) >= 6
    assert difference(recording.then, list(Replay(recording).run())) == []

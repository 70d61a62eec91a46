# SPDX-License-Identifier: Apache-2.0
"""Contacts of a cold room: a door that stays open and mains that fail raise alarms."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.events import AlarmChanged
from contracts.readings import InputChanged, LinkChanged, Measured
from gateway.config import ColdRoom, ContactRef, OutputRef
from gateway.config_file import ConfigFileError, load_config
from gateway.stations.cold_room import ColdRoomStation
from tests.unit.gateway.virtual_time import Stage


def _stage() -> Stage:
    config = ColdRoom(
        id="cold-1", sensor="s", high_c=8.0, stale_s=10_000.0, siren=OutputRef(device="relay", output=1),
        door=ContactRef(device="di", input=1), door_open_s=120.0, mains=ContactRef(device="di", input=2, good=True), mains_failed_s=1.0,
    )  # fmt: skip
    stage = Stage(ColdRoomStation(config))
    stage.read(Measured(device="s", at_s=1.0, quantity="temperature_c", value=5.0))
    for number in (1, 2):
        stage.read(InputChanged(device="di", at_s=1.0, input=number, level=True))
    return stage


def _input(stage: Stage, at_s: float, number: int, level: bool) -> None:
    stage.read(InputChanged(device="di", at_s=at_s, input=number, level=level))


def _alarms(stage: Stage) -> list[tuple[str, str, float | None, str]]:
    return [(e.condition, e.state, e.monotonic_s, e.quantity) for e in stage.events(AlarmChanged) if isinstance(e, AlarmChanged)]


@pytest.mark.requirement("E10")
def test_door_that_stays_open_raises_an_alarm_and_the_siren_sounds() -> None:
    stage = _stage()

    _input(stage, 10.0, 1, level=False)
    stage.wait_until(200.0)
    _input(stage, 210.0, 1, level=True)
    stage.wait_until(220.0)

    assert _alarms(stage) == [("door_open", "unacknowledged", 130.0, "door"), ("door_open", "rtn_unacknowledged", 210.0, "door")]
    assert stage.actions() == [("switch_output", {"output": 1, "on": True})]


def test_door_that_is_closed_in_time_raises_none() -> None:
    stage = _stage()

    for at_s in (10.0, 200.0):
        _input(stage, at_s, 1, level=False)
        _input(stage, at_s + 100.0, 1, level=True)
    stage.wait_until(1000.0)

    assert _alarms(stage) == []


@pytest.mark.requirement("E10")
def test_mains_failure_raises_an_alarm_within_five_seconds() -> None:
    stage = _stage()

    _input(stage, 10.0, 2, level=False)
    stage.wait_until(15.0)

    assert _alarms(stage) == [("mains_failed", "unacknowledged", 11.0, "mains")]


def test_flicker_of_the_mains_raises_none() -> None:
    stage = _stage()

    _input(stage, 10.0, 2, level=False)
    _input(stage, 10.5, 2, level=True)
    stage.wait_until(60.0)

    assert _alarms(stage) == []


def test_mains_that_come_and_go_are_one_alarm_until_they_stay() -> None:
    stage = _stage()

    for n in range(20):  # the gateway's record and people's telephones shall not be flooded
        _input(stage, 10.0 + 4 * n, 2, level=False)
        _input(stage, 12.0 + 4 * n, 2, level=True)
    stage.wait_until(200.0)

    assert _alarms(stage) == [("mains_failed", "unacknowledged", 11.0, "mains"), ("mains_failed", "rtn_unacknowledged", 148.0, "mains")]


def test_delay_is_void_when_the_contacts_device_is_lost() -> None:
    stage = _stage()

    _input(stage, 10.0, 1, level=False)
    stage.read(LinkChanged(device="di", at_s=20.0, state="lost"))
    stage.wait_until(1000.0)

    assert _alarms(stage) == []


def test_stale_sensor_does_not_forget_the_open_door() -> None:
    config = ColdRoom(id="cold-1", sensor="s", high_c=8.0, stale_s=30.0, door=ContactRef(device="di", input=1), door_open_s=120.0)
    stage = Stage(ColdRoomStation(config))

    _input(stage, 10.0, 1, level=False)
    stage.wait_until(200.0)

    assert [condition for condition, *_ in _alarms(stage)] == ["stale", "door_open"]


def test_contact_must_be_at_a_device_that_senses_inputs(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text(
        '[gateway]\nid = "g"\nsite = "s"\n'
        '[[device]]\nid = "probe"\ndriver = "sensor_modbus"\nhost = "10.0.0.3"\nmap = "xy_md02"\n'
        '[[device]]\nid = "gun"\ndriver = "scanner_serial"\npath = "/dev/ttyUSB9"\n'
        '[[station]]\nid = "cold-1"\nkind = "cold_room"\nsensor = "probe"\nhigh_c = 8.0\n'
        'door = { device = "gun", input = 1 }\nmains = { device = "probe", input = 2, good = false }\n'
    )

    with pytest.raises(ConfigFileError) as found:
        load_config(file)

    assert [mistake.reason for mistake in found.value.mistakes] == ["device 'gun' is a scanner_serial, which does not sense inputs"]

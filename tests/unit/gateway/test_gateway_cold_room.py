# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commands import AcknowledgeAlarm
from contracts.events import AlarmChanged, SensorFailed, SensorMeasured
from contracts.readings import AnyReading, ButtonPressed, InputChanged, LinkChanged, Measured, ReadingFailed
from gateway.config import ButtonRef, ColdRoom, OutputRef
from gateway.stations.cold_room import ColdRoomStation
from gateway.stations.station import CommandRefusedError
from tests.unit.gateway.virtual_time import DEADLINE, Stage


def cold_room(**changes: object) -> ColdRoomStation:
    settings: dict[str, object] = {
        "id": "cold-1", "sensor": "s", "high_c": 8.0, "low_c": 2.0, "deadband_c": 0.5, "on_delay_s": 10.0, "off_delay_s": 5.0, "stale_s": 30.0,
        "sample_interval_s": 10.0, "siren": OutputRef(device="relay", output=1),
    }  # fmt: skip
    return ColdRoomStation(ColdRoom(**(settings | changes)))  # type: ignore[arg-type]


def run(samples: list[tuple[float, float]], until_s: float, **changes: object) -> Stage:
    stage = Stage(cold_room(**changes))
    for at_s, value in samples:
        stage.read(Measured(device="s", at_s=at_s, quantity="temperature_c", value=value))
    stage.wait_until(until_s)
    return stage


def alarms(stage: Stage) -> list[tuple[str, str, float]]:
    return [(e.condition, e.state, e.monotonic_s) for e in stage.events(AlarmChanged) if isinstance(e, AlarmChanged)]


def acknowledge(alarm: str) -> AcknowledgeAlarm:
    return AcknowledgeAlarm(command_id="c", station="cold-1", deadline_at=DEADLINE, alarm_id=alarm, actor="li")


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([(1, 5.0), (2, 9.0), (11, 9.0)], []),  # a fleeting spike of 9 s
        ([(1, 5.0), (2, 9.0), (12.5, 9.0)], [("high", "unacknowledged", 12.0)]),  # held for the on-delay
        ([(1, 5.0), (2, 8.0), (12.5, 8.0)], [("high", "unacknowledged", 12.0)]),  # the limit itself counts
        ([(1, 5.0), (2, 1.9), (12.5, 1.9)], [("low", "unacknowledged", 12.0)]),
        ([(1, 9.0), (5, 7.9), (6, 9.0), (14, 9.0)], []),  # the delay begins anew
        ([(1, 9.0), (12, 7.8), (25, 7.8)], [("high", "unacknowledged", 11.0)]),  # inside the deadband it stays
        ([(1, 9.0), (12, 7.4), (16, 7.4), (18, 7.4)], [("high", "unacknowledged", 11.0), ("high", "rtn_unacknowledged", 17.0)]),
        ([(1, 9.0), (12, 7.4), (14, 9.0), (20, 9.0)], [("high", "unacknowledged", 11.0)]),  # bouncing off-delay
    ],
)
@pytest.mark.requirement("E10")
def test_limits_raise_and_clear_with_their_delays(samples: list[tuple[float, float]], expected: list[tuple[str, str, float]]) -> None:
    stage = run(samples, until_s=samples[-1][0])

    assert alarms(stage) == expected


@pytest.mark.requirement("E10")
def test_siren_sounds_until_somebody_acknowledges() -> None:
    stage = run([(1, 9.0), (12, 9.0)], until_s=12)
    assert stage.actions() == [("switch_output", {"output": 1, "on": True})]

    stage.command(acknowledge("cold-1.high"))

    assert stage.actions()[-1] == ("switch_output", {"output": 1, "on": False})
    assert alarms(stage)[-1][:2] == ("high", "acknowledged")


def test_returned_alarm_needs_an_acknowledgement_to_be_normal() -> None:
    stage = run([(1, 9.0), (12, 5.0), (18, 5.0)], until_s=18)
    assert alarms(stage)[-1][:2] == ("high", "rtn_unacknowledged")

    stage.command(acknowledge("cold-1.high"))
    stage.command(acknowledge("cold-1.high"))

    assert [state for _, state, _ in alarms(stage)] == ["unacknowledged", "rtn_unacknowledged", "normal"]


def test_acknowledging_another_stations_alarm_is_refused() -> None:
    with pytest.raises(CommandRefusedError, match=r"cold-1\.high, cold-1\.low, cold-1\.stale"):
        Stage(cold_room()).command(acknowledge("cold-2.high"))


def test_silent_sensor_is_an_alarm_of_its_own_from_the_start() -> None:
    stage = run([], until_s=31)

    assert alarms(stage) == [("stale", "unacknowledged", 30.0)]


def test_gap_in_the_samples_counts_neither_as_inside_nor_as_beyond() -> None:
    late = run([(1, 5.0), (2, 9.0), (60, 5.0)], until_s=60, on_delay_s=100.0)

    assert alarms(late) == [("stale", "unacknowledged", 32.0), ("stale", "rtn_unacknowledged", 60.0)]


def test_alarm_survives_a_restart_and_sounds_at_the_reconnected_siren() -> None:
    before = run([(1, 9.0), (12, 9.0)], until_s=12)
    after = Stage(cold_room())
    after.station.restore(before.station.snapshot())

    after.read(LinkChanged(device="relay", at_s=1.0, state="connected"))
    after.read(Measured(device="s", at_s=2.0, quantity="temperature_c", value=9.0))
    after.wait_until(20)

    assert after.actions() == [("switch_output", {"output": 1, "on": True})]
    assert alarms(after) == []


def test_samples_are_thinned_inside_the_limits_and_complete_beyond_them() -> None:
    stage = run([(float(second), 5.0) for second in range(1, 21)] + [(21.0, 9.0), (22.0, 9.0)], until_s=22)

    assert [event.monotonic_s for event in stage.events(SensorMeasured) if isinstance(event, SensorMeasured)] == [1.0, 11.0, 21.0, 22.0]


def test_failed_readings_are_thinned_and_do_not_feed_the_stale_watch() -> None:
    stage = Stage(cold_room())
    for second in range(1, 41):
        stage.read(ReadingFailed(device="s", at_s=float(second), quantity="temperature_c", reason="sentinel"))

    assert len(stage.events(SensorFailed)) == 4
    assert alarms(stage) == [("stale", "unacknowledged", 30.0)]


@given(st.lists(st.tuples(st.floats(0.1, 40.0), st.floats(-5, 15)), max_size=40))
def test_states_follow_only_allowed_transitions(steps: list[tuple[float, float]]) -> None:
    allowed = {("normal", "unacknowledged"), ("unacknowledged", "rtn_unacknowledged"), ("rtn_unacknowledged", "unacknowledged")}
    at_s, samples = 0.0, []
    for pause_s, value in steps:
        at_s += pause_s
        samples.append((at_s, value))

    stage = run(samples, until_s=at_s + 100)

    states = {"high": "normal", "low": "normal", "stale": "normal"}
    for condition, state, _ in alarms(stage):
        assert (states[condition], state) in allowed
        states[condition] = state
    times = [at for _, _, at in alarms(stage)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("button", "press", "actor"),
    [
        (ButtonRef(device="io", input=3), InputChanged(device="io", at_s=13.0, input=3, level=True), "at the gateway: io input 3"),
        (ButtonRef(device="l", node=9), ButtonPressed(device="l", at_s=13.0, node=9, press="confirm"), "at the gateway: l node 9"),
    ],
)
@pytest.mark.requirement("E10")
@pytest.mark.requirement("E13")
def test_button_at_the_room_silences_the_siren_and_what_central_says_later_changes_nothing(button: ButtonRef, press: AnyReading, actor: str) -> None:
    stage = run([(1, 9.0), (12, 9.0)], until_s=12, acknowledge=button)

    stage.read(press)
    stage.command(acknowledge("cold-1.high"))

    assert stage.actions() == [("switch_output", {"output": 1, "on": True}), ("switch_output", {"output": 1, "on": False})]
    _, taken = stage.events(AlarmChanged)
    assert isinstance(taken, AlarmChanged)
    assert (taken.state, taken.actor, taken.monotonic_s) == ("acknowledged", actor, 13.0)


@pytest.mark.requirement("E10")
def test_button_pressed_after_central_acknowledged_changes_nothing_and_another_button_nothing_at_all() -> None:
    stage = run([(1, 9.0), (12, 9.0)], until_s=12, acknowledge=ButtonRef(device="io", input=3))

    for at_s, wrong in ((12.1, {"input": 2, "level": True}), (12.2, {"input": 3, "level": False})):
        stage.read(InputChanged(device="io", at_s=at_s, **wrong))  # type: ignore[arg-type]
    assert len(alarms(stage)) == 1
    stage.command(acknowledge("cold-1.high"))
    stage.read(InputChanged(device="io", at_s=13.0, input=3, level=True))

    assert [state for _, state, _ in alarms(stage)] == ["unacknowledged", "acknowledged"]


@pytest.mark.requirement("E10")
def test_button_takes_in_hand_every_alarm_of_the_room_also_one_that_returned_to_normal() -> None:
    stage = run([(1, 9.0), (12, 9.0), (13, 7.0), (19, 7.0)], until_s=60, acknowledge=ButtonRef(device="io", input=3))
    stage.read(InputChanged(device="io", at_s=61.0, input=3, level=True))

    assert [each[:2] for each in alarms(stage)] == [
        ("high", "unacknowledged"), ("high", "rtn_unacknowledged"), ("stale", "unacknowledged"), ("high", "normal"), ("stale", "acknowledged"),
    ]  # fmt: skip
    assert stage.actions()[-1] == ("switch_output", {"output": 1, "on": False})


@pytest.mark.requirement("E13")
def test_siren_that_sounded_before_a_power_cut_sounds_again_and_one_that_was_silenced_does_not() -> None:
    before = run([(1, 9.0), (12, 9.0)], until_s=12, acknowledge=ButtonRef(device="io", input=3))
    sounding = before.station.snapshot()
    before.read(InputChanged(device="io", at_s=13.0, input=3, level=True))
    silenced = before.station.snapshot()

    for state, on in ((sounding, True), (silenced, False)):
        after = Stage(cold_room(acknowledge=ButtonRef(device="io", input=3)))
        after.station.restore(state)
        after.read(LinkChanged(device="relay", at_s=1.0, state="connected"))
        assert after.actions() == [("switch_output", {"output": 1, "on": on})]

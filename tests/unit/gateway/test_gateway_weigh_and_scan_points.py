# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.events import ItemScanned, WeightRecorded
from contracts.readings import Identifiers, Scan, Weight
from gateway.config import ScanPoint, WeighPoint
from gateway.stations.scan_point import ScanPointStation
from gateway.stations.station import Remember
from gateway.stations.weigh_point import WeighPointStation
from tests.unit.gateway.virtual_time import Stage, instant

D, S, UNDER, OVER, ERROR = "dynamic", "stable", "underload", "overload", "error"


def records(loads: list[tuple[str, str | None]]) -> list[str]:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", load_min_g=20.0, stable_readings=2)))
    for number, (state, grams) in enumerate(loads):
        value = None if grams is None else Decimal(grams)
        stage.read(Weight(device="s", at_s=float(number), state=state, value=value, unit="g", text=f"{state} {grams}"))  # type: ignore[arg-type]
    return [event.value for event in stage.events(WeightRecorded) if isinstance(event, WeightRecorded)]


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([(S, "0"), (D, "300"), (S, "520.5"), (S, "520.5"), (S, "520.5")], ["520.5"]),
        ([(S, "0"), (S, "520"), (S, "521"), (S, "521")], ["521"]),
        ([(S, "0"), (S, "520"), (D, "520"), (S, "520")], []),  # motion between two equal readings
        ([(S, "5"), (S, "19.9"), (S, "19.9")], []),
        ([(S, "520"), (S, "520"), (S, "0"), (S, "520"), (S, "520")], ["520", "520"]),  # the same load again
        ([(S, "520"), (S, "520"), (S, "700"), (S, "700")], ["520"]),  # more was put on without taking it off
        ([(S, "520"), (S, "520"), (UNDER, None), (S, "300"), (S, "300")], ["520", "300"]),
        ([(S, "520"), (OVER, None), (S, "520"), (ERROR, None), (S, "520")], []),
        ([(S, "20"), (S, "20"), (S, "19.9"), (S, "20"), (S, "20")], ["20"]),  # a small load that trembles is one load
        ([(S, "20"), (S, "20"), (D, "9.9"), (S, "20"), (S, "20")], ["20", "20"]),
    ],
)
@pytest.mark.requirement("E7")
def test_each_load_gives_one_record_of_a_stable_weight(loads: list[tuple[str, str | None]], expected: list[str]) -> None:
    assert records(loads) == expected


def test_record_names_the_unit_scanned_before_and_only_once() -> None:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", scanner="k", stable_readings=1)))
    stage.read(Scan(device="k", at_s=1.0, text="106141411234567897", identifiers=Identifiers(sscc="106141411234567897")))
    for at_s, grams in ((2.0, "0"), (3.0, "500"), (4.0, "0"), (5.0, "600")):
        stage.read(Weight(device="s", at_s=at_s, state="stable", value=Decimal(grams), unit="g", text="S S"))

    first, second = (event for event in stage.events(WeightRecorded) if isinstance(event, WeightRecorded))
    assert first.subject.sscc == "106141411234567897"
    assert second.subject == Identifiers()


def test_old_scan_is_not_taken_for_the_load() -> None:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", scanner="k", stable_readings=1, subject_age_s_max=60.0)))
    stage.read(Scan(device="k", at_s=1.0, text="x"))
    stage.read(Weight(device="s", at_s=62.0, state="stable", value=Decimal(500), unit="g", text="S S"))

    (record,) = stage.events(WeightRecorded)
    assert isinstance(record, WeightRecorded)
    assert record.subject_text == ""


def test_refusal_gives_back_what_was_scanned_and_does_not_weigh_an_accepted_load_again() -> None:
    station = WeighPointStation(WeighPoint(id="w", scale="s", scanner="k", stable_readings=1))
    stage, before = Stage(station), station.parts()
    stage.read(Scan(device="k", at_s=1.0, text="x"))
    load = Weight(device="s", at_s=2.0, state="stable", value=Decimal(500), unit="g", text="S S")
    stage.read(load)
    station.restore_parts(before)
    station.refused(instant(2.0))
    stage.read(load)
    station.restore_parts(station.parts())  # this one is durable; what is refused now is something else
    station.refused(instant(3.0))
    stage.read(load)

    assert [event.subject_text for event in stage.events(WeightRecorded) if isinstance(event, WeightRecorded)] == ["x", "x"]


def test_load_that_was_not_accepted_is_weighed_again() -> None:
    station = WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1))
    stage, before = Stage(station), station.parts()
    stage.read(Weight(device="s", at_s=1.0, state="stable", value=Decimal(500), unit="g", text="S S"))
    station.restore_parts(before)
    station.refused(instant(1.0))
    stage.read(Weight(device="s", at_s=2.0, state="stable", value=Decimal(500), unit="g", text="S S"))

    assert len(stage.events(WeightRecorded)) == 2


@pytest.mark.requirement("E6")
def test_scan_becomes_an_event_with_the_time_of_its_last_byte() -> None:
    stage = Stage(ScanPointStation(ScanPoint(id="scan-1", scanner="k")))
    stage.wait_until(9.0)
    stage.read(Scan(device="k", at_s=8.5, text="4006381333931", symbology="]E0", identifiers=Identifiers(gtin="04006381333931")))

    (event,) = stage.events(ItemScanned)
    assert isinstance(event, ItemScanned)
    assert (event.monotonic_s, event.identifiers.gtin) == (8.5, "04006381333931")


def _restarted(station: WeighPointStation) -> Stage:
    """Another process with what was durable of the first."""
    again = WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1))
    again.restore_parts(dict(station.parts()))
    return Stage(again)


def _load(at_s: float, grams: str, state: str = "stable", unit: str = "g") -> Weight:
    return Weight(device="s", at_s=at_s, state=state, value=None if not grams else Decimal(grams), unit=unit, text=f"S S {grams}")  # type: ignore[arg-type]


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    ("after", "recorded"),
    [
        ([("520", S), ("520", S)], 0),  # the load that was recorded before the restart
        ([("510", D), ("520", S)], 0),
        ([("", ERROR), ("520", S)], 0),
        ([("521", S)], 1),  # another one was put there meanwhile
        ([("0", S), ("520", S)], 1),
        ([("", "zero"), ("520", S)], 1),
        ([("520", S), ("0", S), ("520", S)], 1),
        ([("520", S), ("700", S)], 0),
    ],
)
def test_load_that_lies_there_after_a_restart_is_not_recorded_again(after: list[tuple[str, str]], recorded: int) -> None:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1)))
    stage.read(_load(1.0, "520"))
    assert len(stage.events(WeightRecorded)) == 1

    again = _restarted(stage.station)  # type: ignore[arg-type]
    for number, (grams, state) in enumerate(after):
        again.read(_load(2.0 + number, grams, state))

    assert len(again.events(WeightRecorded)) == recorded


def test_load_taken_off_before_a_restart_is_remembered_so_that_an_equal_one_is_recorded() -> None:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1)))
    stage.read(_load(1.0, "520"))
    said = stage.read(_load(2.0, "0"))
    stage.read(_load(3.0, "0"))
    again = _restarted(stage.station)  # type: ignore[arg-type]
    again.read(_load(4.0, "520"))

    assert said == [Remember()]
    assert stage.outputs.count(Remember()) == 1
    assert len(again.events(WeightRecorded)) == 1


@pytest.mark.parametrize("state", ["zero", "underload"])
def test_scale_that_calls_it_zero_is_empty_whatever_it_shows(state: str) -> None:
    assert records([(S, "520"), (S, "520"), (state, None), (S, "520"), (S, "520")]) == ["520", "520"]


def test_stale_scale_begins_to_count_equal_readings_anew() -> None:
    assert records([(S, "520"), ("stale", None), (S, "520")]) == []
    assert records([(S, "520"), ("stale", None), (S, "520"), (S, "520")]) == ["520"]


@pytest.mark.parametrize("unit", ["", "PCS", "T"])
def test_weight_in_an_unknown_unit_is_not_recorded(unit: str) -> None:
    stage = Stage(WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1)))
    stage.read(_load(1.0, "520", unit=unit))

    assert stage.events(WeightRecorded) == []

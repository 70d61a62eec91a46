# SPDX-License-Identifier: Apache-2.0
"""Scans that are checked against a list of what is expected, without broker or central."""

from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.commands import LampTest, ScanLine, ScanWork
from contracts.events import ItemScanned, WeightRecorded
from contracts.readings import Identifiers, LinkChanged, Scan, Weight
from gateway.config import OutputRef, ScanPoint, WeighPoint
from gateway.stations.scan_point import ScanPointStation
from gateway.stations.station import CommandRefusedError
from gateway.stations.weigh_point import WeighPointStation
from tests.unit.gateway.virtual_time import DEADLINE, Stage, instant

MILK, CASE_OF_MILK = "00614141000012", "10614141000019"
PALLET = "006141411234567890"
GREEN, RED = OutputRef(device="io", output=1), OutputRef(device="io", output=2)
ON, OFF = True, False


def scan_point() -> ScanPointStation:
    return ScanPointStation(ScanPoint(id="pack-1", scanner="k", biz_step="packing", ok_light=GREEN, wrong_light=RED, light_s=1.0))


def work(version: int, *lines: ScanLine, checked: bool = True) -> ScanWork:
    return ScanWork(command_id=f"c-{version}", station="pack-1", deadline_at=DEADLINE, version=version, expected=list(lines) if checked else None)


def milk(quantity: int = 24, line: str = "t-1", **said: object) -> ScanLine:
    return ScanLine(line=line, codes={MILK: 1, CASE_OF_MILK: 12}, quantity=quantity, task=line, order="SO-1", **said)  # type: ignore[arg-type]


def scan(at_s: float, gtin: str = MILK, **said: object) -> Scan:
    return Scan(device="k", at_s=at_s, text=gtin, identifiers=Identifiers(gtin=gtin, **said))  # type: ignore[arg-type]


def said_by(stage: Stage) -> list[tuple[str, int, str]]:
    return [(event.checked, event.quantity, event.line) for event in stage.events(ItemScanned) if isinstance(event, ItemScanned)]


@pytest.mark.requirement("E13")
def test_scan_is_expected_until_all_of_it_was_scanned_and_then_repeated() -> None:
    stage = Stage(scan_point())
    stage.command(work(1, milk(24)))

    stage.read(scan(1, CASE_OF_MILK))
    for n in range(12):
        stage.read(scan(2 + n))
    stage.read(scan(20))
    stage.read(scan(21, CASE_OF_MILK))
    stage.read(scan(22, "00614141000029"))

    assert said_by(stage) == [("expected", 12, "t-1"), *[("expected", 1, "t-1")] * 12, ("repeated", 0, "t-1"), ("repeated", 0, "t-1"), ("unexpected", 0, "")]
    last = stage.events(ItemScanned)[0]
    assert isinstance(last, ItemScanned)
    assert (last.work_version, last.task, last.order) == (1, "t-1", "SO-1")


@pytest.mark.requirement("E13")
def test_label_is_checked_for_its_lot_its_serial_and_its_count_as_far_as_it_says_them() -> None:
    stage = Stage(scan_point())
    stage.command(
        work(1, milk(8, lot="L1"), ScanLine(line="t-2", codes={"00614141000043": 1}, quantity=2, serials=["7", "8"]), ScanLine(line=PALLET, codes={PALLET: 1}))
    )

    stage.read(scan(1, lot="L2"))
    stage.read(scan(2, lot="L1", count=5))
    stage.read(scan(3, count=5))
    stage.read(scan(4, count=3))
    for at_s, serial in ((5, "9"), (6, "7"), (7, "7"), (8, "8")):
        stage.read(scan(at_s, "00614141000043", serial=serial))
    for at_s in (9, 10):
        stage.read(Scan(device="k", at_s=at_s, text=f"00{PALLET}", identifiers=Identifiers(sscc=PALLET)))
    stage.read(Scan(device="k", at_s=11, text=MILK, error="check digit"))

    assert [checked for checked, _, _ in said_by(stage)] == [
        "unexpected", "expected", "repeated", "expected", "unexpected", "expected", "repeated", "expected", "expected", "repeated", "unexpected",
    ]  # fmt: skip


def test_code_of_the_house_is_expected_by_its_text() -> None:
    stage = Stage(scan_point())
    stage.command(work(1, ScanLine(line="t-1", codes={"BOX 7": 1})))

    stage.read(Scan(device="k", at_s=1, text="BOX 7 "))

    assert said_by(stage) == [("expected", 1, "t-1")]


def test_every_scan_is_answered_by_one_lamp_for_a_moment() -> None:
    stage = Stage(scan_point())
    stage.command(work(1, milk(1)))

    stage.read(scan(1))
    stage.read(scan(1.5))
    stage.wait_until(5)

    switched = [(arguments["output"], arguments["on"]) for _, arguments in stage.actions()]
    assert switched == [(1, ON), (1, OFF), (2, ON), (2, OFF)]
    stage.read(LinkChanged(device="io", at_s=6, state="connected"))
    assert [(arguments["output"], arguments["on"]) for _, arguments in stage.actions()[4:]] == [(1, OFF), (2, OFF)]


def test_scan_without_a_list_is_told_and_neither_judged_nor_answered() -> None:
    stage = Stage(scan_point())
    stage.read(scan(1))
    stage.command(work(3, checked=False))
    stage.read(scan(2))

    assert said_by(stage) == [("", 0, ""), ("", 0, "")]
    assert stage.actions() == []


@pytest.mark.requirement("E13")
def test_new_list_takes_back_nothing_that_was_scanned_and_an_older_one_changes_nothing() -> None:
    stage = Stage(scan_point())
    stage.command(work(5, milk(2), milk(2, "t-2")))
    stage.read(scan(1))
    stage.read(scan(2))

    stage.command(work(6, milk(2), milk(1, "t-3")))
    stage.read(scan(3))
    stage.command(work(4, milk(9)))
    stage.read(scan(4))
    stage.command(work(7, milk(5, here=3, elsewhere=1)))
    stage.read(scan(5))
    stage.read(scan(6))

    assert [checked for checked, _, _ in said_by(stage)] == ["expected", "expected", "expected", "repeated", "expected", "repeated"]


@pytest.mark.requirement("E13")
def test_list_and_what_was_scanned_of_it_outlive_a_power_cut() -> None:
    before = Stage(scan_point())
    before.command(work(1, milk(2)))
    before.read(scan(1))
    listed, counted = before.station.parts()[""], before.station.parts()["taken"]
    before.read(scan(2))

    after = Stage(scan_point())
    after.station.restore_parts({"": listed, "taken": counted})
    after.read(scan(1))
    after.read(scan(2))

    assert before.station.parts()[""] is listed, "a scan does not write the list to the card again"
    assert [checked for checked, _, _ in said_by(after)] == ["expected", "repeated"]
    with pytest.raises(ValueError, match="what is expected"):
        after.station.restore_parts({"": b"\xc1"})


def test_scan_that_was_not_accepted_does_not_count_and_shows_red() -> None:
    station = scan_point()
    stage = Stage(station)
    stage.command(work(1, milk(1)))
    durable = station.parts()
    stage.read(scan(1))

    station.restore_parts(durable)
    refused = station.refused(instant(1.0))
    stage.read(scan(2))

    assert [(action.arguments["output"], action.arguments["on"]) for action in refused] == [(1, OFF), (2, ON)]
    assert [checked for checked, _, _ in said_by(stage)] == ["expected", "expected"]


@pytest.mark.requirement("E13")
def test_weigh_point_answers_the_scan_at_once_and_counts_it_when_it_was_weighed() -> None:
    lights = {"ok_light": GREEN, "wrong_light": RED}
    stage = Stage(WeighPointStation(WeighPoint(id="pack-1", scale="s", scanner="k", stable_readings=1, **lights)))  # type: ignore[arg-type]
    stage.command(work(1, ScanLine(line=PALLET, codes={PALLET: 1}, task="", order="SO-1")))
    for at_s in (1.0, 4.0, 7.0):
        stage.read(Scan(device="k", at_s=at_s, text=PALLET, identifiers=Identifiers(sscc=PALLET)))
        if at_s > 1.0:
            stage.read(Weight(device="s", at_s=at_s + 1, state="stable", value=Decimal(0), unit="g", text="S S"))
            stage.read(Weight(device="s", at_s=at_s + 2, state="stable", value=Decimal(500), unit="g", text="S S"))
    stage.wait_until(20)

    records = [event for event in stage.events(WeightRecorded) if isinstance(event, WeightRecorded)]
    assert [(record.checked, record.work_version, record.order) for record in records] == [("expected", 1, "SO-1"), ("repeated", 1, "SO-1")]
    assert [arguments["output"] for _, arguments in stage.actions() if arguments["on"]] == [1, 1, 2]


def test_station_says_which_commands_it_does_not_take() -> None:
    test = LampTest(command_id="c", station="pack-1", deadline_at=DEADLINE)
    for station in (scan_point(), WeighPointStation(WeighPoint(id="w", scale="s"))):
        with pytest.raises(CommandRefusedError):
            station.on_command(test if isinstance(station, ScanPointStation) else work(1), instant(0))

# SPDX-License-Identifier: Apache-2.0
"""A label point in virtual time: no restart loses a job or prints it twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.commands import LampTest, PrintLabel
from contracts.events import LabelPrinted
from contracts.readings import LabelJobChanged, LabelsCounted, LinkChanged
from gateway.config import LabelPoint
from gateway.stations.label_point import JOBS_MAX, LabelPointStation
from gateway.stations.station import CommandRefusedError, DeviceAction, Remember
from tests.unit.gateway.virtual_time import DEADLINE, EPOCH, Stage

pytestmark = pytest.mark.requirement("R53", "E11")

LABEL = "^XA^FO20,20^A0N,40,40^FDA-01-02^FS^XZ"


def station() -> LabelPointStation:
    return LabelPointStation(LabelPoint(id="labels-1", printer="p"))


def asked(job: str = "c-1", **said: Any) -> PrintLabel:
    return PrintLabel(**{"command_id": job, "station": "labels-1", "deadline_at": DEADLINE, "data": LABEL, **said})


def linked(at_s: float, state: str = "connected") -> LinkChanged:
    return LinkChanged(device="p", at_s=at_s, state=state)  # type: ignore[arg-type]


def told(at_s: float, job: str = "c-1", state: str = "printed", labels: int | None = 1) -> LabelJobChanged:
    return LabelJobChanged(device="p", at_s=at_s, job=job, state=state, labels=labels)  # type: ignore[arg-type]


def counted(at_s: float, count: int) -> LabelsCounted:
    return LabelsCounted(device="p", at_s=at_s, count=count)


def prints(stage: Stage) -> list[tuple[Any, Any, Any]]:
    return [(said["job"], said["resume"], said["count_before"]) for command, said in stage.actions() if command == "print"]


def outcomes(stage: Stage) -> list[tuple[str, str, int | None]]:
    return [(event.command_id, event.outcome, event.labels) for event in stage.outputs if isinstance(event, LabelPrinted)]


def restarted(stage: Stage) -> Stage:
    """The gateway's program begins anew with what was durable."""
    after = station()
    after.restore_parts(stage.station.parts())
    return Stage(after)


def connected() -> Stage:
    stage = Stage(station())
    stage.read(linked(1))
    stage.read(counted(1, 700))
    return stage


def test_jobs_are_printed_one_after_the_other_and_each_outcome_is_told() -> None:
    stage = connected()

    stage.command(asked("c-1"))
    stage.command(asked("c-2"))
    first = prints(stage)
    stage.read(told(3, "c-1"))
    stage.read(counted(3, 701))
    stage.read(told(5, "c-2", "failed", 0))

    assert first == [("c-1", False, 700)]
    assert prints(stage) == [("c-1", False, 700), ("c-2", False, 701)]
    assert outcomes(stage) == [("c-1", "printed", 1), ("c-2", "failed", 0)]
    assert stage.station.next_deadline_s() is None


def test_same_command_twice_is_one_job() -> None:
    stage = connected()

    stage.command(asked())
    stage.command(asked())
    stage.read(told(3))

    assert prints(stage) == [("c-1", False, 700)]
    assert outcomes(stage) == [("c-1", "printed", 1)]


def test_job_is_durable_before_the_printer_is_given_it() -> None:
    stage = connected()

    said = stage.command(asked())

    assert isinstance(said[0], Remember)
    assert isinstance(said[-1], DeviceAction)
    assert restarted(stage).station.parts() == stage.station.parts()


def test_job_that_waited_is_printed_after_a_restart() -> None:
    stage = Stage(station())
    stage.read(linked(1, "lost"))
    stage.command(asked())

    after = restarted(stage)
    after.read(linked(2, "lost"))
    before = len(prints(after))
    after.read(linked(5))

    assert prints(stage) == []
    assert prints(after)[before:] == [("c-1", False, -1)]


def test_job_that_was_given_is_resumed_after_a_restart_with_what_was_counted_before_it() -> None:
    stage = connected()
    stage.command(asked())

    after = restarted(stage)
    after.read(linked(40))
    after.read(counted(40, 701))
    after.read(told(42))

    assert prints(after)[0] == ("c-1", True, 700)
    assert all(resume and before == 700 for _, resume, before in prints(after))
    assert outcomes(after) == [("c-1", "printed", 1)]


@pytest.mark.parametrize(("outcome", "labels", "before"), [("printed", 1, 701), ("printed", None, -1), ("failed", 3, 703), ("unknown", None, -1)])
def test_labels_of_the_job_before_are_not_taken_for_those_of_one_that_was_given_and_never_sent(outcome: str, labels: int | None, before: int) -> None:
    stage = connected()
    stage.command(asked("c-1"))
    stage.command(asked("c-2"))
    stage.read(told(3, "c-1", outcome, labels))  # c-2 is given; the program ends before the printer has told its counter anew

    after = restarted(stage)
    after.read(linked(9))

    assert prints(after)[-1] == ("c-2", True, before)


def test_job_given_before_the_first_link_is_given_anew_and_not_resumed() -> None:
    stage = Stage(station())
    stage.command(asked())
    stage.read(linked(3))
    stage.read(counted(3, 12))

    after = restarted(stage)
    after.read(linked(9))

    assert prints(stage) == [("c-1", False, -1), ("c-1", False, -1)]
    assert prints(after)[-1] == ("c-1", True, 12)


def test_job_is_resumed_when_the_link_comes_back() -> None:
    stage = connected()
    stage.command(asked())

    stage.read(linked(3, "lost"))
    stage.read(linked(8))
    stage.read(told(9, state="unknown", labels=None))

    assert prints(stage) == [("c-1", False, 700), ("c-1", True, 700)]
    assert outcomes(stage) == [("c-1", "unknown", None)]


def test_job_that_waits_in_the_printer_is_not_over() -> None:
    stage = connected()
    stage.command(asked())

    stage.read(told(3, state="waiting", labels=None))

    assert outcomes(stage) == []


def test_job_is_failed_when_the_printer_does_not_come_before_its_deadline() -> None:
    stage = Stage(station())
    stage.read(linked(1, "lost"))
    stage.command(asked(deadline_at=EPOCH + timedelta(seconds=60)))

    stage.wait_until(120)
    stage.read(linked(130))

    assert outcomes(stage) == [("c-1", "failed", 0)]
    assert prints(stage) == []


def test_outcome_of_a_job_of_somebody_else_is_not_told() -> None:
    stage = connected()

    stage.read(told(3, "by-hand"))

    assert outcomes(stage) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"data": "???", "encoding": "base64"}, "no base64"),
        ({"data": "  "}, "nothing to print"),
        ({"data": "^XA" * 1700, "copies": 999}, "print fewer at a time"),
    ],
    ids=["no base64", "empty", "too large"],
)
def test_job_that_cannot_be_read_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(CommandRefusedError, match=why):
        connected().command(asked(**said))


def test_jobs_are_refused_when_too_many_wait() -> None:
    stage = Stage(station())
    stage.read(linked(1, "lost"))
    for n in range(JOBS_MAX):
        stage.command(asked(f"c-{n}"))

    with pytest.raises(CommandRefusedError, match="look what keeps it from printing"):
        stage.command(asked("one-more"))


def test_station_takes_no_other_command_and_no_damaged_snapshot() -> None:
    with pytest.raises(CommandRefusedError, match="takes no LampTest"):
        connected().command(LampTest(command_id="x", station="labels-1", deadline_at=DEADLINE))
    with pytest.raises(ValueError, match="label point"):
        station().restore_parts({"": b"\xff"})


def test_label_stands_in_no_log_since_people_s_addresses_are_on_it() -> None:
    stage = connected()
    stage.command(asked(data="^XA^FO20,20^A0N,40,40^FDWang Fang, 13800000000, Century Avenue 1^FS^XZ"))

    (action,) = (output for output in stage.outputs if isinstance(output, DeviceAction))

    assert "Wang Fang" not in str(action.shown)
    assert action.shown["job"] == "c-1"

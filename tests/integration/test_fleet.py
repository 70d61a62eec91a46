# SPDX-License-Identifier: Apache-2.0
"""The fleet: what is known of devices, and commands that are asked for once whoever asks and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from central.errors import ConflictError, NotFoundError
from central.fleet import service as fleet
from central.fleet.handlers import device_links_changed
from central.fleet.tables import command, device
from central.ingest.registry import EventContext
from contracts.commands import CancelTasks
from contracts.events import DeviceLinkChanged
from tests.integration.warehouse import NOW, Warehouse


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


def link(house: Warehouse, state: str, seconds: float, *, historical: bool = False) -> None:
    at = NOW + timedelta(seconds=seconds)
    house.happen(DeviceLinkChanged(event_time=at, device="reader-1", state=state, historical=historical))  # type: ignore[arg-type]  # two words of the wire


@pytest.mark.requirement("E10")
def test_backfilled_link_does_not_overwrite_a_later_one(house: Warehouse) -> None:
    link(house, "connected", 60)
    link(house, "lost", 30, historical=True)

    (row,) = house.rows(device)
    assert (row.state, row.changed_at) == ("connected", NOW + timedelta(seconds=60))


def test_backfilled_link_counts_when_nothing_later_is_known(house: Warehouse) -> None:
    link(house, "connected", 0)
    link(house, "lost", 30, historical=True)

    assert [row.state for row in house.rows(device)] == ["lost"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("connected", 60, False), ("lost", 30, True)], ("connected", 60)),
        ([("connected", 60, True), ("lost", 30, False)], ("lost", 30)),
        ([("lost", 30, False), ("connected", 40, True), ("lost", 35, True)], ("connected", 40)),
        ([("lost", 5, True), ("lost", 6, True)], ("connected", 10)),
    ],
)
def test_links_that_come_together_end_as_if_they_came_one_after_the_other(
    house: Warehouse, said: list[tuple[str, float, bool]], expected: tuple[str, float]
) -> None:
    link(house, "connected", 10)
    events = [
        DeviceLinkChanged(event_time=NOW + timedelta(seconds=at_s), device="reader-1", state=state, historical=historical)  # type: ignore[arg-type]
        for state, at_s, historical in said
    ]
    context = EventContext(str(uuid4()), "s1", "gate-1", "e1", "telemetry", 1, NOW)

    house.do(lambda c: device_links_changed(c, [(context, each) for each in events]))

    (row,) = house.rows(device)
    assert (row.state, row.changed_at) == (expected[0], NOW + timedelta(seconds=expected[1]))


def cancel(*tasks: str) -> CancelTasks:
    return CancelTasks(command_id="c1", station="zone-a", deadline_at=NOW + timedelta(minutes=1), task_ids=list(tasks))


def test_command_is_kept_once_however_many_ask_at_once(house: Warehouse) -> None:
    start = Barrier(4)

    def ask(_: int) -> str:
        start.wait(20)
        return house.do(lambda c: fleet.send(c, "gate-1", cancel("t1"), house.now))

    with ThreadPoolExecutor(4) as people:
        assert list(people.map(ask, range(4))) == ["c1"] * 4

    assert [row.id for row in house.rows(command)] == ["c1"]


def test_command_id_with_another_command_and_an_unknown_gateway_are_refused(house: Warehouse) -> None:
    house.do(lambda c: fleet.send(c, "gate-1", cancel("t1"), house.now))

    with pytest.raises(ConflictError, match="used for another command"):
        house.do(lambda c: fleet.send(c, "gate-1", cancel("t2"), house.now))
    with pytest.raises(NotFoundError, match="not enrolled"):
        house.do(lambda c: fleet.send(c, "gate-9", cancel("t1"), house.now))


@pytest.mark.parametrize(("clock_moved_s", "is_due"), [(1.0, False), (3.0, True), (-1.0, False), (-7200.0, True)])
def test_unanswered_command_is_due_again_after_some_seconds_and_when_the_clock_was_set_back(house: Warehouse, clock_moved_s: float, is_due: bool) -> None:
    house.do(lambda c: fleet.send(c, "gate-1", cancel("t1"), house.now))
    house.do(lambda c: fleet.commands_published(c, ["c1"], house.now))

    due = house.do(lambda c: fleet.due_commands(c, house.now + timedelta(seconds=clock_moved_s)))

    assert bool(due) is is_due

# SPDX-License-Identifier: Apache-2.0
"""The count zone tells every tag once, when it is asked."""

from __future__ import annotations

import pytest

from contracts.commands import CountTags
from contracts.events import TagsCounted
from contracts.readings import TagRead
from gateway.config import CountZone
from gateway.stations.count_zone import CountZoneStation
from gateway.stations.station import CommandRefusedError
from tests.unit.gateway.virtual_time import DEADLINE, Stage

pytestmark = pytest.mark.requirement("R95", "E1")

COUNT = CountTags(command_id="c1", station="zone-1", deadline_at=DEADLINE, count_id="count-1", duration_s=10.0)


def stage_of(**changes: object) -> Stage:
    return Stage(CountZoneStation(CountZone(id="zone-1", reader="reader-1", **changes)))  # type: ignore[arg-type]


def read(stage: Stage, at_s: float, number: int, antenna: int = 1) -> None:
    stage.read(TagRead(device="reader-1", at_s=at_s, epc=f"{0x3074257BF7194E4000000000 + number:024x}", antenna=antenna, peak_rssi_dbm=-60.0))


def told(stage: Stage) -> list[TagsCounted]:
    return [event for event in stage.events(TagsCounted) if isinstance(event, TagsCounted)]


def test_each_tag_is_told_once_at_the_end_of_the_sweep() -> None:
    stage = stage_of()
    stage.command(COUNT)
    for number in (1, 2, 1, 3):
        read(stage, 1.0, number)
    stage.wait_until(11.0)

    (event,) = told(stage)
    assert (len(event.epc_list), event.seen, event.complete, event.count_id) == (3, 3, True, "count-1")
    assert all(epc.startswith("urn:epc:id:sgtin:") for epc in event.epc_list)


def test_nothing_is_told_without_being_asked() -> None:
    stage = stage_of()
    read(stage, 1.0, 1)
    stage.wait_until(60.0)

    assert told(stage) == []


def test_many_tags_are_told_in_parts() -> None:
    stage = stage_of()
    stage.command(COUNT)
    for number in range(1200):
        read(stage, 1.0 + number / 1000, number)
    stage.wait_until(11.0)

    events = told(stage)
    assert [len(event.epc_list) for event in events] == [500, 500, 200]
    assert [event.complete for event in events] == [False, False, True]
    assert len({epc for event in events for epc in event.epc_list}) == 1200


def test_other_antennas_and_glimpses_are_left_out() -> None:
    stage = stage_of(antennas=[1], reads_min=2)
    stage.command(COUNT)
    read(stage, 1.0, 1, antenna=2)
    read(stage, 1.1, 2)
    read(stage, 1.2, 3)
    read(stage, 1.3, 3)
    stage.wait_until(11.0)

    assert [event.seen for event in told(stage)] == [1]


def test_second_count_is_refused_while_one_is_under_way_and_the_same_one_is_not() -> None:
    stage = stage_of()
    stage.command(COUNT)
    stage.command(COUNT)

    with pytest.raises(CommandRefusedError, match="counting for count-1"):
        stage.command(CountTags(command_id="c2", station="zone-1", deadline_at=DEADLINE, count_id="count-2"))


def test_tag_of_no_known_scheme_is_told_as_it_is() -> None:
    stage = stage_of()
    stage.command(COUNT)
    stage.read(TagRead(device="reader-1", at_s=1.0, epc="e2801160600002", antenna=1, peak_rssi_dbm=-60.0))
    stage.wait_until(11.0)

    assert told(stage)[0].epc_list == ["urn:epc:raw:56.xE2801160600002"]

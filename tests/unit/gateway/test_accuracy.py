# SPDX-License-Identifier: Apache-2.0
"""The measuring of `make accuracy`, and a floor under what it measures on the excerpts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks.accuracy import captured, floor, yard
from benchmarks.accuracy.scores import Tally, calibration, share, wilson
from contracts.events import Direction, PalletPassed
from firmware_sims.yard.scenarios import carried, turned
from firmware_sims.yard.simulate import play
from gateway.portal.pallets import uri_of
from tests.unit.test_yard import small


def test_interval_is_wilsons() -> None:
    """Values of Newcombe 1998, table I (method 3)."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_share_of_nothing_is_no_number() -> None:
    assert share(0, 0)["share"] is None
    assert share(1, 4)["share"] == 0.25


def test_tally_tells_wrong_unknown_and_missed_apart() -> None:
    tally = Tally()
    for result, truth in (("moved_in", "moved_in"), ("moved_out", "moved_in"), ("unknown", "moved_in"), ("stayed", "moved_in"), ("stayed", "stayed")):
        tally.tag(result, 0.97, truth)
    tally.tag("moved_in", 0.6, "stayed")

    report = tally.report()

    assert {name: report["direction_of_tags"][name]["count"] for name in ("right", "wrong", "unknown")} == {"right": 1, "wrong": 1, "unknown": 1}
    assert (report["strays_accepted"]["count"], report["strays_accepted"]["of"]) == (1, 2)
    assert (report["missed"]["count"], report["missed"]["of"]) == (1, 4)
    assert (report["moving_versus_standing"]["count"], report["moving_versus_standing"]["of"]) == (3, 6)


def test_calibration_sorts_by_what_was_said() -> None:
    rows = calibration([(0.55, True), (0.96, True), (0.97, False), (1.0, True)])

    assert [(row["from"], row["right"]["count"], row["right"]["of"]) for row in rows] == [(0.5, 1, 1), (0.95, 1, 2), (0.99, 1, 1)]


@pytest.mark.requirement("E2")
@pytest.mark.requirement("E3")
def test_passes_of_three_captured_runs_are_all_told_the_right_way_each_cut_out_alone() -> None:
    total = Tally()
    for run in captured.runs(captured.EXCERPTS):
        assert [crossing.direction for crossing in run.crossings] == ["out", "in"] * 3
        total.add(captured.each_alone(run, "tight"))

    report = total.report()
    assert dict(total.passes) == {"right": 18, "invented": 0}
    assert total.direction["wrong"] == 0
    assert report["moving_versus_standing"]["share"] > 0.96
    assert report["strays_accepted"]["share"] < 0.04
    assert report["missed"]["share"] < 0.03


@pytest.mark.requirement("E2")
@pytest.mark.parametrize(("seed", "direction", "eyes"), [(2, "in", "both"), (3, "out", "none"), (4, "in", "presence"), (5, "out", "both")])
def test_plain_pallet_of_the_yard_is_told_by_its_door_with_its_sscc_and_way(seed: int, direction: str, eyes: str) -> None:
    scored = yard.score(play(small(seed, direction=direction, eyes=eyes)))

    assert dict(scored.pallets) == {"right": 1}, scored.notes
    assert scored.tally.passes["right"] == 1
    assert scored.tally.direction["wrong"] == 0


@pytest.mark.requirement("E3")
def test_pallet_that_turns_back_before_the_door_is_never_told_as_passed() -> None:
    scene = small(6)
    way = turned(scene, 1, "in", 2.0, 1.0, -1.5)
    scene.things = scene.things[:1]
    carried(scene, way, scene.epcs(20))
    scene.duration_s = way.end_s + 1

    scored = yard.score(play(scene))

    assert scored.never["wrong"] == 0
    assert scored.never.total() == 1


def test_scores_tell_wrong_from_doubtful_and_silent() -> None:
    scene = play(small(2))
    (true,) = scene.passes
    parent, cases = uri_of(true.epcs[0]), [uri_of(epc) for epc in true.epcs[1:]]

    def verdict(*events: PalletPassed) -> str:
        return yard.of_pallet(true, scene, [(1, event) for event in events])

    def event(direction: Direction, parent_id: str | None, children: list[str], after_s: float = 0.0, **more: list[str]) -> PalletPassed:
        at = floor.START + timedelta(seconds=true.crossed_s + after_s)
        return PalletPassed(event_time=at, read_point="x", direction=direction, confidence=0.99, parent_id=parent_id, child_epcs=children, **more)

    assert verdict() == "silent"
    assert verdict(event("in", parent, cases)) == "right"
    assert verdict(event("in", parent, cases, after_s=90)) == "wrong"
    assert verdict(event("out", parent, cases)) == "wrong"
    assert verdict(event("unknown", parent, cases)) == "doubtful"
    assert verdict(event("in", None, cases)) == "doubtful"
    assert verdict(event("in", None, cases, other_parents=[parent, "urn:epc:id:sscc:0614141.1999999999"])) == "doubtful"
    assert verdict(event("in", parent, [*cases, *(f"urn:epc:id:sgtin:0614141.812345.{n}" for n in range(20))])) == "mixed"
    assert yard.of_pallet(true, scene, [(2, event("in", parent, cases))]) == "wrong"

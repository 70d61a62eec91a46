# SPDX-License-Identifier: Apache-2.0
"""The simulated yard behaves as radio does, as the captures look, and as its truth says."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

from firmware_sims.yard.__main__ import main
from firmware_sims.yard.bodies import Stop, Way, forklift, load, person, standing
from firmware_sims.yard.doors import make_door
from firmware_sims.yard.eyes import edges
from firmware_sims.yard.radio import NEAR_DBM, Antenna, Body, Echoes, Point, answer_dbm, obstacle, read_probability
from firmware_sims.yard.scenarios import KINDS, Scene, carried, make, through, turned
from firmware_sims.yard.simulate import Played, play, played

AHEAD = Antenna(1, "inner", Point(0, 0, 1), Point(0, 1, 0))


class _NoEchoes(Echoes):
    def __init__(self) -> None:
        super().__init__(random.Random(0))

    def field(self, at: Point) -> complex:
        return 1 + 0j


def small(seed: int = 1, *, direction: str = "in", speed_m_s: float = 1.0, eyes: str = "both", fault: str = "") -> Scene:
    """One door, one pallet of 20 cases, 12 tags that stand beside."""
    rng = random.Random(seed)
    scene = Scene("small", seed, rng, 0.0)
    scene.doors = {1: make_door(1, rng, eyes, fault)}  # type: ignore[arg-type]
    scene.things.append(standing(scene.epcs(11), 1.8, 3.5, 0.5, rng))
    carried(scene, through(scene, 1, direction, 1.0, speed_m_s), scene.epcs(20))
    scene.duration_s = scene.things[-1].way.end_s + 1
    return scene


def test_strength_falls_by_12_db_with_twice_the_way_and_to_the_side() -> None:
    def at(y: float, x: float = 0.0) -> float:
        return answer_dbm(AHEAD, Point(x, y, 1), 0.0, _NoEchoes(), [])

    assert at(1.0) == pytest.approx(NEAR_DBM)
    assert at(1.0) - at(2.0) == pytest.approx(12.04, abs=0.01)
    assert at(1.0) - at(math.cos(math.radians(35)), math.sin(math.radians(35))) == pytest.approx(6.0, abs=0.2)
    assert at(-0.5) == pytest.approx(NEAR_DBM - 36 + 12.04, abs=0.01)
    assert at(-2.0) == -math.inf


def test_body_between_swallows_twice_and_one_beside_throws_back() -> None:
    tag = Point(0, 2.5, 1)
    alone = answer_dbm(AHEAD, tag, 0.0, _NoEchoes(), [])
    behind_truck = answer_dbm(AHEAD, tag, 0.0, _NoEchoes(), [obstacle(AHEAD, Body(0, 1.0, 0.5, 0.5, 25.0, 5.0))])
    beside = [answer_dbm(AHEAD, tag, 0.0, _NoEchoes(), [obstacle(AHEAD, Body(x / 50, 1.5, 0.2, 0.2, 25.0, 5.0))]) for x in range(60, 90)]

    assert alone - behind_truck > 5.0
    assert max(beside) - min(beside) > 3.0


def test_echoes_stay_the_same_at_a_place_and_change_over_a_few_centimetres() -> None:
    near, far = [], []
    for seed in range(200):
        echoes = Echoes(random.Random(seed))
        here = abs(echoes.field(Point(1, 1, 1)))
        assert abs(echoes.field(Point(1, 1, 1))) == here
        near.append((here, abs(echoes.field(Point(1.01, 1, 1)))))
        far.append((here, abs(echoes.field(Point(1.4, 1, 1)))))

    assert statistics.correlation(*zip(*near, strict=True)) > 0.95
    assert statistics.correlation(*zip(*far, strict=True)) < 0.5


def test_weak_answers_are_read_seldom() -> None:
    assert read_probability(-60.0) > 0.999
    assert read_probability(-76.0) == pytest.approx(0.5)
    assert read_probability(-90.0) == 0.0


@pytest.mark.parametrize("direction", ["in", "out"])
def test_pallet_is_read_by_one_side_first_and_by_the_other_last(direction: str) -> None:
    scene = play(small(3, direction=direction))

    (true,) = scene.passes
    (view,) = scene.doors
    first, last = ("outer", "inner") if direction == "in" else ("inner", "outer")
    seconds: dict[str, list[float]] = defaultdict(list)
    for read in view.reads:
        if read.epc in true.epcs:
            seconds[view.sides[read.antenna]].append(read.t_s)
    assert (true.door, true.direction, len(true.epcs), len(true.ssccs)) == (1, direction, 21, 1)
    assert statistics.mean(seconds[first]) < true.crossed_s < statistics.mean(seconds[last])
    assert next(edge.eye for edge in view.edges if edge.level) == first
    assert view.edges[-1] == (view.edges[-1].t_s, last, False)


def test_reads_look_like_those_of_the_captured_portal() -> None:
    moving, still, spread = [], [], []
    for seed in range(4):
        scene = play(small(seed))
        by_place: dict[tuple[str, int], list[float]] = defaultdict(list)
        for read in scene.doors[0].reads:
            (still if read.epc in scene.standing else moving).append(read.peak_rssi_dbm)
            if read.epc in scene.standing:
                by_place[read.epc, read.antenna].append(read.peak_rssi_dbm)
        spread += [statistics.pstdev(values) for values in by_place.values() if len(values) >= 5]

    assert -74 < statistics.median(moving) < -64
    assert -78 < statistics.median(still) < -70
    assert max(moving) < -40
    assert min(moving + still) > -81
    assert 0.7 < statistics.median(spread) < 1.9


def test_what_turns_back_is_no_pass_and_says_how_deep_it_came() -> None:
    scene = small()
    scene.things = scene.things[:1]
    way = turned(scene, 1, "out", 1.0, 1.0, 0.5)
    carried(scene, way, scene.epcs(8))
    scene.duration_s = way.end_s + 1

    seen = play(scene)

    assert seen.passes == ()
    (one,) = seen.turned
    assert (one.door, one.deepest_m, len(one.epcs)) == (1, 0.5, 9)


def test_person_is_seen_by_the_eyes_and_is_no_pass_of_goods() -> None:
    scene = small()
    way = through(scene, 1, "in", 1.0, 1.2)
    scene.things = [person(way)]

    seen = play(scene)

    assert seen.passes == ()
    assert [(door, direction) for door, _, direction in seen.people] == [(1, "in")]
    assert [edge.eye for edge in seen.doors[0].edges] == ["outer", "outer", "inner", "inner"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("outer dead", {"inner"}), ("inner stuck", {"outer", "inner"}), ("flicker", {"outer", "inner"})],
)
def test_eyes_fail_as_they_are_told_to(fault: str, expected: set[str]) -> None:
    scene = small(fault=fault)
    whole = small()

    seen = edges(scene.doors[1], scene.things, scene.duration_s, random.Random(1))
    healthy = edges(whole.doors[1], whole.things, whole.duration_s, random.Random(1))

    assert {edge.eye for edge in seen} == expected
    if fault == "inner stuck":
        assert [edge for edge in seen if edge.eye == "inner"] == [(0.0, "inner", True)]
    if fault == "flicker":
        assert len(seen) > len(healthy)


def test_same_seed_gives_the_same_reads_and_another_gives_others() -> None:
    assert play(small(7)) == play(small(7))
    assert play(small(7)).doors[0].reads != play(small(8)).doors[0].reads


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_scene_can_be_made_for_many_seeds(kind: str) -> None:
    for seed in range(20):
        scene = make(kind, seed)
        epcs = [tag.epc for thing in scene.things for tag in thing.tags]

        assert len(epcs) == len(set(epcs))
        assert all(len(epc) == 24 for epc in epcs)
        assert 10 < scene.duration_s < 200


def test_way_is_nowhere_before_and_after_and_crosses_where_it_changes_sides() -> None:
    way = Way([Stop(1.0, 0.0, -2.0), Stop(3.0, 0.0, 2.0), Stop(5.0, 0.0, -2.0)])

    assert (way.at(0.5), way.at(2.0), way.at(6.0)) == (None, (0.0, 0.0), None)
    assert way.crossings() == [(2.0, "in"), (4.0, "out")]
    assert forklift(way, 1).at(2.0) == (0.0, -1.9)
    assert load(way, ["A"], random.Random(1)).tags[0].epc == "A"


@pytest.mark.slow
def test_files_are_what_replay_takes_and_truth_is_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "5", "--kind", "neighbours", "--out", str(tmp_path)]) == 0

    scene: Played = played("neighbours", 5)
    folder = tmp_path / "neighbours-5"
    truth = json.loads((folder / "truth.json").read_text())
    assert [one["direction"] for one in truth["passes"]] == [one.direction for one in scene.passes]
    assert len(truth["passes"]) == 2
    assert "2 passes" in capsys.readouterr().out
    for view in scene.doors:
        rows = (folder / f"door-{view.number}" / "reads.csv").read_text().splitlines()
        assert rows[0] == "time_s,epc,antenna,peak_rssi_dbm"
        assert len(rows) == len(view.reads) + 1

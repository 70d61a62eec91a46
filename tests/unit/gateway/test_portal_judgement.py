# SPDX-License-Identifier: Apache-2.0
"""What a portal makes of windows of reads: who went, which way, and what only looks like it."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.portal import evidence
from gateway.portal import passed as passed_model
from gateway.portal import portal as portal_module
from gateway.portal.crossings import by_tag, find_crossings
from gateway.portal.files import load_reads
from gateway.portal.portal import Portal
from gateway.portal.reads import Edge, Pass, Read, Side, Window

SIDES: dict[int, Side] = {1: "inner", 2: "inner", 3: "outer", 4: "outer"}
CAPTURES = Path(__file__).parents[2] / "captures" / "rfid_portal"
EPC = "30340242201D8840{:08X}"


def carried(tags: int, at_s: float, *, inward: bool = True, seed: int = 1, speed_m_s: float = 1.0, first: int = 0) -> list[Read]:
    """Tags that are carried past the portal at a walking pace: strong when near, first on one side and then on the other."""
    rng = random.Random(seed)
    reads = []
    for tag in range(first, first + tags):
        offset_s = rng.uniform(-0.4, 0.4)
        for _ in range(rng.randint(6, 12)):
            after_s = rng.uniform(-2.0, 2.0)
            away_m = abs(speed_m_s * after_s)
            inner = (after_s + rng.gauss(0, 0.25) > 0) == inward
            antenna = rng.choice((1, 2) if inner else (3, 4))
            reads.append(Read(at_s + offset_s + after_s, EPC.format(tag), antenna, round(-52.0 - 8.0 * away_m + rng.gauss(0, 2), 1)))
    return reads


def standing(tags: int, from_s: float, to_s: float, *, seed: int = 2, first: int = 1000) -> list[Read]:
    """Tags that stand: each read now and then by its own antenna, always about as strong."""
    rng = random.Random(seed)
    reads = []
    for tag in range(first, first + tags):
        antenna, usual_dbm = rng.choice((1, 2, 3, 4)), rng.uniform(-75, -66)
        reads += [
            Read(rng.uniform(from_s, to_s), EPC.format(tag), antenna, round(usual_dbm + rng.gauss(0, 1.4), 1)) for _ in range(int((to_s - from_s) / 3) + 1)
        ]
    return reads


def window(*reads: list[Read], edges: tuple[Edge, ...] = (), from_s: float = 0.0, to_s: float = 12.0) -> Window:
    seen = sorted(read for some in reads for read in some)
    return Window(from_s, to_s, tuple(seen), edges, "quiet")


def only(passes: list[Pass]) -> Pass:
    assert len(passes) == 1, [(one.direction, one.reason, one.crossed_s) for one in passes]
    return passes[0]


@pytest.mark.requirement("E2")
@pytest.mark.parametrize("inward", [True, False])
def test_goods_that_are_carried_past_tags_that_stand_go_the_right_way(inward: bool) -> None:
    judged = Portal(SIDES).judge(window(carried(12, 6.0, inward=inward), standing(40, 0, 12)))

    passed = only(judged.passes)
    assert passed.direction == ("in" if inward else "out")
    assert passed.confidence > 0.95
    assert passed.crossed_s == pytest.approx(6.0, abs=0.7)
    assert {tag.epc for tag in passed.moved()} == {EPC.format(tag) for tag in range(12)}


@pytest.mark.requirement("E3")
def test_tags_that_stand_make_no_pass() -> None:
    portal = Portal(SIDES)

    assert [one for start in range(0, 120, 12) for one in portal.judge(window(standing(60, start, start + 12), from_s=start, to_s=start + 12)).passes] == []


def test_tag_that_stood_for_long_needs_more_to_be_believed_to_move() -> None:
    known, new = Portal(SIDES), Portal(SIDES)
    parked = standing(1, 0, 12, first=5)
    for read in parked * 20:
        known.learn_standing(read.epc, read.rssi_dbm)

    before = only(new.judge(window(carried(8, 6.0, first=100), parked)).passes)
    after = only(known.judge(window(carried(8, 6.0, first=100), parked)).passes)

    assert known.stands(EPC.format(5), -70.0)
    assert not known.stands(EPC.format(5), -50.0), "so strong it never was: somebody moves it"
    assert next(tag for tag in after.tags if tag.epc == EPC.format(5)).moved < next(tag for tag in before.tags if tag.epc == EPC.format(5)).moved


def test_what_a_portal_learnt_outlives_a_restart() -> None:
    portal, again = Portal(SIDES), Portal(SIDES)
    for _ in range(20):
        portal.learn_standing(EPC.format(1), -70.0)

    again.restore(portal.snapshot())

    assert again.stands(EPC.format(1), -70.0)
    with pytest.raises(ValueError, match="Expected `array`"):
        again.restore(b"{")


@pytest.mark.requirement("E3")
def test_eyes_and_antennas_that_disagree_leave_the_direction_unknown_with_both_told() -> None:
    edges = (Edge(4.5, "inner", True), Edge(5.5, "inner", False), Edge(6.5, "outer", True), Edge(7.5, "outer", False))

    passed = only(Portal(SIDES).judge(window(carried(12, 6.0), edges=edges)).passes)

    assert passed.direction == "unknown"
    assert passed.antennas == "in"
    assert passed.eyes == ("inner", "outer")
    assert passed.reason == "photo-eyes say out, antennas say in"


def test_eyes_that_agree_make_it_surer() -> None:
    edges = (Edge(4.5, "outer", True), Edge(5.5, "outer", False), Edge(6.5, "inner", True), Edge(7.5, "inner", False))
    few = carried(2, 6.0)

    alone, both = Portal(SIDES).judge(window(few)).passes, Portal(SIDES).judge(window(few, edges=edges)).passes

    assert only(both).direction == "in"
    assert only(both).confidence > (only(alone).confidence if alone else 0.0)


def test_eyes_alone_tell_a_pass_without_tags() -> None:
    edges = (Edge(4.5, "outer", True), Edge(5.5, "outer", False), Edge(6.5, "inner", True), Edge(7.5, "inner", False))

    passed = only(Portal(SIDES).judge(window(edges=edges)).passes)

    assert (passed.direction, passed.tags) == ("in", ())


@pytest.mark.requirement("E3")
def test_goods_that_turn_round_in_the_door_are_one_doubtful_pass() -> None:
    passed = only(Portal(SIDES).judge(window(carried(12, 5.0), carried(12, 10.5, inward=False), to_s=14.0)).passes)

    assert passed.direction == "unknown"
    assert passed.reason == "it turned round in the door"


def test_goods_that_linger_after_their_pass_are_not_told_twice() -> None:
    portal = Portal(SIDES)
    reads = carried(12, 6.0)
    portal.judge(window(reads))

    again = portal.judge(replace(window(reads), start_s=3.0))

    assert again.passes == []


def test_pass_that_is_still_under_way_is_left_to_the_next_window() -> None:
    portal = Portal(SIDES)
    reads = sorted(carried(12, 11.0))

    first = portal.judge(window([read for read in reads if read.t_s <= 12.0]), ended=False)
    second = portal.judge(window([read for read in reads if read.t_s >= first.keep_from_s], from_s=first.keep_from_s, to_s=20.0))

    assert first.passes == []
    assert only(second.passes).direction == "in"


def test_reader_that_tells_no_strengths_still_tells_the_way() -> None:
    reads = [read._replace(rssi_dbm=None) for read in carried(12, 6.0)]

    passed = only(Portal(SIDES).judge(window(reads)).passes)

    assert passed.direction == "in"
    assert all(tag.peak_dbm is None for tag in passed.tags)


@pytest.mark.requirement("E2")
def test_captured_stack_goes_to_and_fro_as_it_did() -> None:
    reads = load_reads(str(CAPTURES / "run2_excerpt.csv.gz")).reads

    signs = [crossing.sign for crossing in find_crossings(by_tag(reads, SIDES), reads[0].t_s, reads[-1].t_s) if crossing.clearness > 5]

    assert len(signs) >= 2
    assert all(one == -other for one, other in itertools.pairwise(signs)), "who went in comes out next"


@given(
    st.lists(
        st.builds(
            Read,
            st.floats(0, 30, allow_nan=False),
            st.sampled_from([EPC.format(tag) for tag in range(5)]),
            st.integers(1, 6),
            st.none() | st.floats(-130, 30, allow_nan=False),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_whatever_is_read_gives_an_answer_and_every_tag_once(reads: list[Read], ended: bool) -> None:
    judged = Portal(SIDES).judge(Window(0.0, 30.0, tuple(sorted(reads, key=lambda read: read.t_s))), ended=ended)

    for passed in judged.passes:
        assert len({tag.epc for tag in passed.tags}) == len(passed.tags)
        assert all(0.0 <= tag.confidence <= 1.0 for tag in passed.tags)
        assert (passed.direction == "unknown") == bool(passed.reason)


def test_person_before_and_truck_behind_do_not_make_the_eyes_doubt() -> None:
    pulses = [("outer", 3.2, 3.5), ("outer", 4.2, 5.2), ("inner", 5.0, 5.3), ("outer", 5.5, 6.8), ("inner", 5.8, 6.8), ("inner", 7.2, 8.6)]
    edges = sorted(edge for eye, from_s, to_s in pulses for edge in (Edge(from_s, eye, True), Edge(to_s, eye, False)))  # type: ignore[arg-type]

    passed = only(Portal(SIDES).judge(window(carried(12, 6.0), edges=tuple(edges))).passes)

    assert (passed.direction, passed.reason) == ("in", "")


def test_goods_that_leave_the_first_eye_last_have_turned_round() -> None:
    edges = (Edge(4.5, "outer", True), Edge(5.5, "inner", True), Edge(6.5, "inner", False), Edge(7.5, "outer", False))

    passed = only(Portal(SIDES).judge(window(carried(12, 6.0), edges=edges)).passes)

    assert (passed.direction, passed.reason) == ("unknown", "the photo-eyes saw it turn round")


def test_second_pallet_close_behind_the_first_is_not_lost() -> None:
    reads = window(carried(30, 5.0, seed=3), carried(9, 7.6, seed=4, first=200), to_s=14.0)

    moved = {tag.epc for passed in Portal(SIDES).judge(reads).passes for tag in passed.moved()}

    assert moved == {EPC.format(tag) for tag in (*range(30), *range(200, 209))}


def test_both_sides_that_hear_a_tag_all_through_are_told_apart_by_strength() -> None:
    rng = random.Random(5)
    reads = []
    for tag in range(3):
        for step in range(16):
            t_s = 4.0 + step * 0.25
            for antenna, peak_s in ((3, 5.5), (1, 6.5)):
                reads.append(Read(t_s + rng.uniform(0, 0.1), EPC.format(tag), antenna, round(-55 - 10 * abs(t_s - peak_s) + rng.gauss(0, 1.5), 1)))

    assert only(Portal(SIDES).judge(window(reads)).passes).direction == "in"


def test_models_that_are_shipped_know_every_number_by_name() -> None:
    for module, file in ((evidence, "moved.json"), (passed_model, "passed.json")):
        shipped = json.loads((Path(portal_module.__file__).parent / file).read_text(encoding="utf-8"))
        assert tuple(shipped["weights"]) == module.NAMES


def test_eye_that_saw_something_long_before_the_goods_does_not_make_them_turn() -> None:
    orphan = (Edge(0.2, "inner", True), Edge(0.4, "inner", False))
    edges = (*orphan, Edge(4.5, "outer", True), Edge(5.5, "outer", False), Edge(6.5, "inner", True), Edge(7.5, "inner", False))

    passed = only(Portal(SIDES).judge(window(carried(12, 6.0), edges=edges)).passes)

    assert (passed.direction, passed.eyes) == ("in", ("outer", "inner"))


def test_reads_whose_strength_was_not_told_do_not_outweigh_the_others() -> None:
    reads = [read._replace(rssi_dbm=None) if read.t_s > 7.2 else read for read in carried(12, 6.0)]

    passed = only(Portal(SIDES).judge(window(reads)).passes)

    assert passed.direction == "in"
    middles = sorted(tag.crossed_s for tag in passed.moved() if tag.crossed_s is not None)
    assert middles[len(middles) // 2] == pytest.approx(6.0, abs=0.5)

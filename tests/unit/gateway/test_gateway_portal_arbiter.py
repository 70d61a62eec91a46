# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.portal.arbiter import Arbiter, Claim, OpenWindow

pytestmark = pytest.mark.requirement("E3")


def arbiter(*doors: str, **windows: OpenWindow) -> Arbiter:
    made = Arbiter()
    for door in doors:
        made.join(door, lambda door=door: windows.get(door), 30.0)  # type: ignore[misc]
    return made


def claim(door: str, dbm: float | None, start_s: float = 0.0, end_s: float = 5.0, **beside: float) -> Claim:
    return Claim(door, start_s, end_s, end_s, {} if beside else {"TAG": dbm}, beside)


def test_door_alone_keeps_all_and_waits_for_nobody() -> None:
    alone = arbiter("one")
    mine = claim("one", -60.0)
    alone.claim(mine)

    assert alone.wait_until_s(mine) is None
    assert alone.rule(mine) == (frozenset(), frozenset(), ())


def test_tag_that_stood_clearly_nearer_to_a_neighbour_is_the_neighbours() -> None:
    yard = arbiter("one", "two")
    mine = claim("one", -70.0)
    yard.claim(mine)
    yard.claim(claim("two", None, TAG=-60.0))

    assert yard.rule(mine).neighbours == {"TAG"}


def test_passes_at_other_times_have_nothing_to_do_with_each_other() -> None:
    yard = arbiter("one", "two")
    mine = claim("one", -70.0)
    yard.claim(mine)
    yard.claim(claim("two", -40.0, 5.1, 9.0))

    assert yard.rule(mine).neighbours == frozenset()


def test_what_one_door_was_told_to_have_a_later_stronger_one_does_not_get_without_a_person() -> None:
    yard = arbiter("one", "two")
    first, late = claim("one", -70.0), claim("two", -40.0)
    yard.claim(first)
    assert yard.foresee(first).contested == frozenset()
    assert yard.rule(first).contested == frozenset()
    yard.claim(late)

    assert yard.rule(late).contested == {"TAG"}


def test_door_waits_only_for_neighbours_that_read_its_tags_since_before_its_pass_ended() -> None:
    mine = claim("one", -60.0)

    assert arbiter("one", "two", two=OpenWindow(4.0, {"TAG": -50.0})).wait_until_s(mine) == 35.0
    assert arbiter("one", "two", two=OpenWindow(4.0, {"OTHER": -50.0})).wait_until_s(mine) is None
    assert arbiter("one", "two", two=OpenWindow(5.1, {"TAG": -50.0})).wait_until_s(mine) is None
    assert arbiter("one", "two", one=OpenWindow(4.0, {"TAG": -50.0})).wait_until_s(mine) is None


@given(st.lists(st.one_of(st.none(), st.floats(-90, -30)), min_size=2, max_size=4))
def test_a_tag_is_never_told_to_be_at_two_doors_and_lost_by_none_that_is_clearly_strongest(strengths: list[float | None]) -> None:
    doors = [f"door-{number}" for number in range(len(strengths))]
    yard = arbiter(*doors)
    claims = [claim(door, dbm) for door, dbm in zip(doors, strengths, strict=True)]
    for one in claims:
        yard.claim(one)

    rulings = [yard.rule(one) for one in claims]

    owners = [number for number, ruling in enumerate(rulings) if not ruling.neighbours and not ruling.contested]
    assert len(owners) <= 1
    known = sorted((dbm for dbm in strengths if dbm is not None), reverse=True)
    if len(known) == len(strengths) and known[0] >= known[1] + 6.0:
        assert owners == [strengths.index(known[0])]


def test_tags_that_travel_together_are_settled_together() -> None:
    yard = arbiter("one", "two")
    strengths = {"A": -50.0, "B": -52.0, "C": -51.0, "WEAK": -66.0}
    mine = Claim("one", 0.0, 5.0, 5.0, strengths)
    yard.claim(mine)
    yard.claim(Claim("two", 1.0, 6.0, 6.0, {"A": -64.0, "B": -63.0, "C": -66.0, "WEAK": -64.0}))

    assert yard.rule(mine) == (frozenset(), frozenset(), ())

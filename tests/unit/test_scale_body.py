# SPDX-License-Identifier: Apache-2.0
"""How the body of all simulated scales behaves, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.engine.units import is_on, seconds, weight_mg
from firmware_sims.scales.body import ScaleBody, ScaleType, scale_type

pytestmark = pytest.mark.requirement("E15")


def _resting(load_mg: int, **kind: object) -> ScaleBody:
    body = ScaleBody(ScaleType(**kind))  # type: ignore[arg-type]
    body.advance(1.0)
    body.put(load_mg)
    body.advance(5.0)
    return body


@pytest.mark.parametrize(
    ("text", "expected_mg"),
    [
        ("12.5kg", 12_500_000),
        (" 12,5 kg ", 12_500_000),
        ("-3 g", -3_000),
        ("1lb", 453_592),
        ("0", 0),
        ("0.3 T", 300_000_000),
        (".5oz", 14_175),
        ("250 MG", 250),
    ],
)
def test_weight_is_read_as_people_write_it(text: str, expected_mg: int) -> None:
    assert weight_mg(text) == expected_mg


@pytest.mark.parametrize("text", ["", "12", "kg", "1 st", "1e3 g", "nan kg", "1 2 kg", "1.kg kg"])
def test_weight_without_number_or_unit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"like 12\.5kg"):
        weight_mg(text)


def test_durations_and_switches_are_read_as_people_write_them() -> None:
    assert [seconds(text) for text in ("2s", "250ms", "1.5 min", "3", "1h")] == [2.0, 0.25, 90.0, 3.0, 3600.0]
    assert [is_on(text) for text in ("on", "Off", "yes", "0")] == [True, False, True, False]
    with pytest.raises(ValueError, match="duration"):
        seconds("soon")
    with pytest.raises(ValueError, match="on or off"):
        is_on("perhaps")


def test_load_settles_and_is_stable_only_at_its_weight() -> None:
    body = ScaleBody(seed=7)
    body.advance(1.0)
    body.put(12_500_000)
    assert not body.is_stable
    seen: list[tuple[Decimal, bool]] = []
    for _ in range(60):
        body.advance(0.05)
        seen.append((body.gross, body.is_stable))

    assert {value for value, is_stable in seen if is_stable} == {Decimal("12.500")}
    assert 10 < sum(not is_stable for _, is_stable in seen) < 30
    assert seen[0][0] < Decimal(11)


def test_touched_load_is_never_stable_and_comes_back_to_its_weight() -> None:
    body = _resting(5_000_000)
    body.touch(10.0)
    for _ in range(195):
        body.advance(0.05)
        assert not body.is_stable
    body.advance(3.0)

    assert (body.gross, body.is_stable) == (Decimal("5.000"), True)


def test_same_seed_shows_the_same_and_steps_of_time_do_not_matter() -> None:
    def shown(step_s: float, seed: int) -> list[Decimal]:
        body, values = ScaleBody(ScaleType(noise_divisions=0.8), seed=seed), []
        body.put(1_000_000)
        for _ in range(10):
            for _ in range(round(0.5 / step_s)):
                body.advance(step_s)
            values.append(body.gross)
        return values

    assert shown(0.5, 3) == shown(0.05, 3) == shown(0.01, 3)
    assert shown(0.5, 3) != shown(0.5, 4)


def test_nothing_is_shown_above_max_and_nine_divisions() -> None:
    assert _resting(60_009_000).limit == ""
    assert _resting(60_010_000).limit == "over"
    assert _resting(-20_000).limit == ""
    assert _resting(-21_000).limit == "under"


def test_zero_is_set_within_four_per_cent_and_at_rest_only() -> None:
    body = _resting(2_400_000)
    body.put(2_401_000)
    assert body.zero() == "moving"
    body.advance(2.0)
    assert body.zero() == "over"
    body.put(2_390_000)
    body.advance(3.0)

    assert body.zero() == ""
    assert body.gross == 0
    assert body.is_centre_of_zero
    body.put(0)
    body.advance(3.0)
    assert body.limit == "under"


def test_switched_on_a_scale_takes_up_to_a_fifth_for_zero_and_waits_for_less_when_there_is_more() -> None:
    body = _resting(12_000_000)
    body.switch_on()
    body.advance(1.0)
    assert (body.gross, body.is_zeroed) == (Decimal("0.000"), True)
    body.put(13_000_000)
    body.advance(3.0)
    body.switch_on()
    body.advance(1.0)
    assert not body.is_zeroed

    body.put(500_000)
    body.advance(3.0)

    assert (body.gross, body.is_zeroed) == (Decimal("0.000"), True)


def test_tare_is_weighed_or_preset_and_shown_with_the_rest() -> None:
    body = _resting(1_500_000)
    assert body.take_tare() == ""
    assert (body.net, body.tare, body.gross) == (Decimal(0), Decimal("1.500"), Decimal("1.500"))
    assert body.tare_kind == "weighed"
    assert body.preset_tare(Decimal("0.2504")) == ""
    kinds = [body.tare_kind]
    assert (body.net, body.tare, kinds) == (Decimal("1.250"), Decimal("0.250"), ["preset"])
    assert (body.preset_tare(Decimal(61)), body.preset_tare(Decimal(-1))) == ("over", "under")
    body.put(-5_000)
    body.advance(3.0)
    assert body.take_tare() == "under"
    body.put(70_000_000)
    body.advance(3.0)
    assert body.take_tare() == "over"
    body.clear_tare()
    assert not body.is_net


def test_other_unit_has_a_division_that_is_no_finer() -> None:
    body = _resting(12_500_000)
    body.show_in("lb")

    assert (body.gross, body.division, body.unit) == (Decimal("27.560"), Decimal("0.005"), "lb")
    body.show_in("g")
    assert (body.gross, body.division) == (Decimal(12500), Decimal(1))
    body.show_in("kg")
    assert (body.gross, body.division) == (Decimal("12.500"), Decimal("0.001"))
    with pytest.raises(ValueError, match="'st'"):
        body.show_in("st")


def test_zero_follows_slow_drift_and_a_load_does_not() -> None:
    tracked, loaded = ScaleBody(), _resting(1_000_000)
    for body in (tracked, loaded):
        body.drift_mg_per_s = 50.0
        for _ in range(1000):
            body.advance(0.1)

    assert tracked.gross == 0
    assert loaded.gross == Decimal("1.005")


def test_load_cell_creeps_by_its_share_of_the_load() -> None:
    body = _resting(50_000_000, creep_share=0.0002)
    before = body.gross
    for _ in range(60):
        body.advance(60.0)

    assert before == Decimal("50.000")
    assert body.gross == Decimal("50.010")


def test_shaking_floor_keeps_the_scale_from_resting() -> None:
    body = _resting(1_000_000)
    body.vibration_divisions = 5.0
    states = []
    for _ in range(100):
        body.advance(0.05)
        states.append(body.is_stable)

    assert not any(states[5:])


def test_ten_times_finer_shows_a_tenth_of_a_division() -> None:
    body = _resting(1_000_300, noise_divisions=0.0)

    assert (body.gross, body.fine) == (Decimal("1.000"), Decimal("1.0003"))


def test_division_that_no_scale_has_is_refused() -> None:
    with pytest.raises(ValueError, match="1, 2 or 5"):
        scale_type(60_000, 3.0)
    assert scale_type(150_000, 50.0).division == Decimal("0.05")
    assert scale_type(1_500_000, 20_000, "kg").division == Decimal(20)


@given(st.lists(st.tuples(st.sampled_from(["put", "touch", "tare", "zero", "unit", "on", "clear"]), st.integers(-80_000_000, 90_000_000), st.floats(0, 400))))
def test_whatever_happens_what_is_shown_are_whole_divisions(story: list[tuple[str, int, float]]) -> None:
    body = ScaleBody()
    for action, amount, seconds_later in story:
        actions: dict[str, Callable[[], object]] = {
            "put": partial(body.put, amount),
            "touch": partial(body.touch, abs(amount) / 1e8),
            "tare": body.take_tare,
            "zero": body.zero,
            "unit": partial(body.show_in, ("kg", "lb", "g", "oz")[amount % 4]),
            "on": body.switch_on,
            "clear": body.clear_tare,
        }
        actions[action]()
        body.advance(seconds_later)

        assert body.gross % body.division == 0
        assert body.net == body.gross - body.tare

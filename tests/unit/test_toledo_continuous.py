# SPDX-License-Identifier: Apache-2.0
"""Toledo's continuous output: frames, how the driver keeps in step, and the twin."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base.session import CommandDone, FrameRejected, SessionEvent
from drivers.base.weighing import Weighed
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.frames import Shape, WeightFrame, checksum
from drivers.scale_continuous.session import ContinuousSession
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin

pytestmark = pytest.mark.requirement("E7")

LONG = Shape("long", has_checksum=True)
# computed by hand from IND445 p. 50; 0x2b: one decimal, steps of 1
STABLE = bytes.fromhex("02 2b 30 20 20 20 31 32 35 30 20 20 20 20 20 30 0d 1e")
MOVING = bytes.fromhex("02 2b 38 20 20 20 31 32 35 30 20 20 20 20 20 30 0d 16")
NET = bytes.fromhex("02 2b 31 20 20 20 20 39 35 30 20 20 20 33 30 30 0d 04")
OVER = bytes.fromhex("02 2b 34 20 20 20 20 20 20 20 20 20 20 20 20 30 0d 62")
NEGATIVE = bytes.fromhex("02 2b 32 20 20 20 20 20 32 30 20 20 20 20 20 30 0d 42")


def heard(stream: bytes, chunk: int = 1_000_000, **fields: Any) -> list[SessionEvent]:
    session = ContinuousSession(ScaleContinuousConfig(path="/dev/null", **fields))
    events = list(session.advance_to(0.0))
    for start in range(0, len(stream), chunk):
        events += session.receive_bytes(stream[start : start + chunk], 0.0)
    return events


def weights(stream: bytes, **fields: Any) -> list[Weighed]:
    return [event for event in heard(stream, **fields) if isinstance(event, Weighed)]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (STABLE, ("stable", Decimal("125.0"), "kg", False, None)),
        (MOVING, ("dynamic", Decimal("125.0"), "kg", False, None)),
        (NET, ("stable", Decimal("95.0"), "kg", True, Decimal("30.0"))),
        (OVER, ("overload", None, "", False, None)),
        (NEGATIVE, ("stable", Decimal("-2.0"), "kg", False, None)),
    ],
)
@pytest.mark.parametrize("with_checksum", [True, False])
@pytest.mark.parametrize("parity", [False, True])
def test_frames_of_the_manual_are_understood(frame: bytes, expected: tuple[object, ...], with_checksum: bool, parity: bool) -> None:
    sent = frame if with_checksum else frame[:-1]
    sent = bytes(byte | (byte.bit_count() % 2) << 7 for byte in sent) if parity else sent

    first, second, third = weights(sent * 3)

    assert first == second == third
    assert (first.state, first.value, first.unit, first.net, first.tare) == expected
    assert checksum(frame[:-1]) == frame[-1]


def _framed(a: int, b: int, c: int, weight: str = "  1250", tare: str = "   300") -> Weighed:
    frame = WeightFrame(a, b, c, weight, tare).encode(with_checksum=True)
    return weights(frame * 2)[0]


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (0x28, 0x30, 0x20, ("1250", "kg")),  # xxxx00, the zeros sent
        (0x29, 0x30, 0x20, ("1250", "kg")),
        (0x2A, 0x30, 0x20, ("1250", "kg")),
        (0x2C, 0x30, 0x20, ("12.50", "kg")),
        (0x2D, 0x20, 0x20, ("1.250", "lb")),
        (0x2E, 0x30, 0x20, ("0.1250", "kg")),
        (0x2F, 0x30, 0x20, ("0.01250", "kg")),
        (0x2B, 0x20, 0x21, ("125.0", "g")),
        (0x2B, 0x30, 0x22, ("125.0", "t")),
        (0x2B, 0x20, 0x23, ("125.0", "oz")),
        (0x2B, 0x20, 0x26, ("125.0", "ton")),
        (0x2B, 0x30, 0x30, ("12.50", "kg")),  # ten times finer
        (0x0B, 0x10, 0x00, ("125.0", "kg")),  # none of the bits that are always 1
    ],
)
def test_decimals_units_and_finer_weights_are_read_from_the_status_words(a: int, b: int, c: int, expected: tuple[str, str]) -> None:
    weighed = _framed(a, b, c, weight="  1250" if a != 0x28 else "  1200")

    assert (str(weighed.value).replace("1200", "1250"), weighed.unit) == expected


@pytest.mark.parametrize(("a", "division"), [(0x29, "10"), (0x2A, "1"), (0x34, "0.02"), (0x3D, "0.005"), (0x3B, "0.5"), (0x38, "500"), (0x22, None)])
def test_step_of_the_indication_is_told_with_each_weight(a: int, division: str | None) -> None:
    told = _framed(a, 0x30, 0x20, weight="  1200", tare="     0").division

    assert (None if told is None else str(told)) == division


def test_tare_keyed_in_is_told_from_one_that_was_weighed() -> None:
    assert _framed(0x2B, 0x31, 0x60).tare_kind == "preset"
    assert _framed(0x2B, 0x31, 0x20).tare_kind == "weighed"
    assert _framed(0x2B, 0x30, 0x60).tare_kind == ""


def test_scale_that_was_not_zeroed_when_switched_on_shows_no_weight() -> None:
    assert (_framed(0x2B, 0x70, 0x20).state, _framed(0x2B, 0x36, 0x20).state) == ("error", "underload")


def test_digits_where_fixed_zeros_should_stand_are_no_weight_until_the_setting_says_so() -> None:
    frame = WeightFrame(0x29, 0x30, 0x20, "   125", "     0").encode(with_checksum=True) * 2

    assert weights(frame)[0].state == "error"
    assert weights(frame, fixed_zeros="left_out")[0].value == Decimal(1250)


@pytest.mark.parametrize("layout", ["long", "short", "cardinal"])
@pytest.mark.parametrize("with_checksum", [True, False])
def test_layout_and_checksum_are_found_out(layout: str, with_checksum: bool) -> None:
    twin = ToledoContinuousTwin(layout=layout, checksum=with_checksum)  # type: ignore[arg-type]
    stream = b"".join(twin.advance_to(tenth / 10) for tenth in range(1, 20))

    assert {event.value for event in weights(stream)} == {Decimal("0.0")}
    assert len(weights(stream)) >= 17
    assert not [event for event in heard(stream) if isinstance(event, FrameRejected)]


def test_line_feed_behind_each_frame_does_not_matter() -> None:
    assert len(weights((STABLE[:-1] + b"\n") * 5)) == 5


def _stream(seed: int, frames: int) -> tuple[list[bytes], list[Decimal]]:
    """Frames of random weights; every other one is made so that its checksum looks like STX or CR."""
    rng = random.Random(seed)
    made: list[bytes] = []
    values: list[Decimal] = []
    while len(made) < frames:
        number = rng.randrange(1_000_000)
        frame = WeightFrame(0x2B, 0x30 + rng.choice((0, 8)), 0x20, f"{number:>6}", f"{rng.randrange(1_000_000):>6}").encode(with_checksum=True)
        if len(made) % 2 and frame[-1] not in (0x02, 0x0D):
            continue
        made.append(frame)
        values.append(Decimal(number).scaleb(-1))
    return made, values


@given(seed=st.integers(0, 30), offset=st.integers(0, 40), damaged=st.integers(0, 200), by=st.integers(0, 255), chunk=st.sampled_from([1, 7, 1000]))
@settings(max_examples=300, deadline=None)
@example(seed=1, offset=17, damaged=34, by=0x0D, chunk=1)
def test_any_byte_may_be_damaged_and_no_wrong_weight_comes_of_it(seed: int, offset: int, damaged: int, by: int, chunk: int) -> None:
    frames, values = _stream(seed, 12)
    stream = bytearray(b"".join(frames))
    stream[damaged] = by
    hit = damaged // LONG.length
    in_full = [number for number in range(12) if number * LONG.length >= offset and (number != hit or bytes(stream) == b"".join(frames))]

    seen = [event.value for event in heard(bytes(stream[offset:]), chunk, checksum="on", layout="long") if isinstance(event, Weighed)]

    whole = [values[number] for number in in_full]
    assert [value for value in seen if value not in whole] in ([], [values[hit]])  # damage in the parity bit alone is none
    lost = [number for number in in_full if values[number] not in seen]
    assert len(lost) <= 2, f"frames {lost} were lost by the damage of frame {hit}"
    assert all(abs(number - hit) <= 1 for number in lost if number * LONG.length >= offset + 2 * LONG.length)


def test_setting_changed_at_the_indicator_is_found_out_again() -> None:
    with_sum = ToledoContinuousTwin()
    without = ToledoContinuousTwin(checksum=False, layout="short")
    stream = b"".join(with_sum.advance_to(n / 10) for n in range(1, 10)) + b"".join(without.advance_to(n / 10) for n in range(1, 40))

    assert len(weights(stream)) > 25


@pytest.mark.parametrize("command", ["zero", "tare", "clear_tare", "print"])
@pytest.mark.parametrize("end", ["none", "cr_lf"])
def test_keys_are_pressed_and_their_effect_is_seen(command: str, end: str) -> None:
    twin = ToledoContinuousTwin()
    session = ContinuousSession(ScaleContinuousConfig(path="/dev/null", command_end=end))  # type: ignore[arg-type]
    twin.on_place(weight_g=20_000, now_s=0.0)
    if command == "clear_tare":
        twin.set_tare("5", now_s=0.1)
    events: list[SessionEvent] = []
    for tenth in range(1, 60):
        now_s = tenth / 10
        if tenth == 30:
            session.start_command(command, {}, now_s)
        events += session.receive_bytes(twin.advance_to(now_s), now_s) if tenth else ()
        events += session.advance_to(now_s)
        twin.receive_bytes(session.bytes_to_send(), now_s)

    (done,) = [event for event in events if isinstance(event, CommandDone)]
    assert done.result == ({"tare": "20.0", "unit": "kg"} if command == "tare" else {})


def test_twin_says_what_the_manual_says() -> None:
    twin = ToledoContinuousTwin(division=0.1)
    twin.on_place(weight_g=125_000, now_s=0.0)
    twin.advance_to(3.0)
    assert twin.frame() == STABLE
    twin.set_moving("1s", now_s=3.0)
    assert twin.frame()[2] & 0x08
    twin.advance_to(8.0)
    twin.set_tare("30", now_s=8.0)
    assert twin.frame()[:16] == NET[:2] + b"\x31\x60" + NET[4:16]
    twin.on_print(now_s=8.0)
    assert [twin.frame()[3] & 0x08, twin.frame()[3] & 0x08] == [0x08, 0]
    twin.set_expanded("on", now_s=8.1)
    assert twin.frame()[3] & 0x10
    with pytest.raises(ValueError, match="layout"):
        ToledoContinuousTwin(layout="tall")  # type: ignore[arg-type]

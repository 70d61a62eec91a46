# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.session import CommandFailed, FrameRejected, SessionEvent
from drivers.base.weighing import Weighed
from drivers.scale_cas.config import ScaleCasConfig
from drivers.scale_cas.frames import WeightFrame
from drivers.scale_cas.session import CasSession
from drivers.scale_cas_pos.config import ScaleCasPosConfig
from drivers.scale_cas_pos.frames import WeightBlock
from drivers.scale_cas_pos.session import CasPosSession
from firmware_sims.scale_cas.twin import CasIndicatorTwin
from firmware_sims.scale_cas_pos.twin import CasCounterScaleTwin


def _heard(data: bytes) -> list[SessionEvent]:
    session = CasSession(ScaleCasConfig(path="/dev/null"))
    session.advance_to(0.0)
    return list(session.receive_bytes(data, 0.1))


def _weights(events: Iterable[SessionEvent]) -> list[tuple[str, str | None]]:
    return [(event.state, None if event.value is None else str(event.value)) for event in events if isinstance(event, Weighed)]


def _frame(device: int, lamp: int, data: str = "+00013.5") -> bytes:
    return WeightFrame("ST", "GS", data, "kg", device, lamp).encode()


@pytest.mark.requirement("E5")
@given(device=st.integers(0, 255), lamp=st.integers(0x80, 0xFF), count=st.integers(1, 3))
def test_frame_is_taken_by_position_whatever_its_id_and_lamp_are(device: int, lamp: int, count: int) -> None:
    weights = _weights(_heard(_frame(device, lamp) * count))

    assert weights == [("dynamic" if lamp & 0x10 else "stable", "13.5")] * count


def test_id_and_lamp_that_look_like_the_end_of_a_line_do_no_harm() -> None:
    assert _weights(_heard(_frame(0x0A, 0x8D) + _frame(0x0D, 0x8A) + _frame(0x2C, 0xAC))) == [("stable", "13.5")] * 3


@given(garbage=st.binary(max_size=30), cut=st.integers(0, 21))
def test_session_is_in_step_again_within_two_frames(garbage: bytes, cut: int) -> None:
    events = _heard(garbage + _frame(1, 0xC4)[cut:] + _frame(1, 0xC4) * 3)

    assert _weights(events)[-2:] == [("stable", "13.5")] * 2


def test_short_frame_after_a_long_one_is_understood() -> None:
    assert _weights(_heard(_frame(1, 0xC4) + b"US,NT,-0001.25kg\r\n" + _frame(1, 0xC5, "+00000.0"))) == [
        ("stable", "13.5"),
        ("dynamic", "-1.25"),
        ("zero", "0.0"),
    ]


def test_error_that_is_said_instead_of_a_weight_is_one() -> None:
    """CI-6000A manual p. 63."""
    events = _heard(_frame(1, 0xC4) + b"ERR 03\r\n" + _frame(1, 0xC4))

    assert _weights(events) == [("stable", "13.5"), ("error", None), ("stable", "13.5")]
    assert [event.code for event in events if isinstance(event, Weighed)] == ["", "ERR 03", ""]


def test_twin_sends_a_weight_as_the_manual_does() -> None:
    twin = CasIndicatorTwin(division=0.1)
    twin.connected(0.0)
    twin.on_place(weight_g=13_500, now_s=0.0)
    twin.advance_to(5.0)

    frame = twin.advance_to(5.2)[:22]

    assert frame == b"ST,GS,1\xc4,000013.5 kg\r\n"  # CI-600D p. 74: 0 0 0 0 1 3 . 5
    assert twin.advance_to(5.3)[9:17] == b"000013.5"


def test_frame_without_its_end_is_no_weight() -> None:
    events = _heard(_frame(1, 0xC4)[:-2] + b"xx" + _frame(1, 0xC4))

    assert _weights(events) == [("stable", "13.5")]
    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["out_of_step"]


@pytest.mark.parametrize(("data", "state"), [("+       ", "overload"), ("-       ", "underload"), ("", "overload")])
def test_overload_has_no_value(data: str, state: str) -> None:
    frame = b"OL,GS,1\xc4," + data.ljust(8).encode() + b" kg\r\n"

    assert _weights(_heard(frame)) == [(state, None)]


def test_indicator_that_does_not_know_a_command_is_told_with_advice() -> None:
    session = CasSession(ScaleCasConfig(path="/dev/null", device_number=3))
    session.advance_to(0.0)
    session.start_command("zero", {}, 0.0)
    session.receive_bytes(_frame(1, 0xC4), 0.1)
    session.advance_to(0.1)
    assert session.bytes_to_send() == b"03MZ\r\n"

    (failed,) = [event for event in session.receive_bytes(_frame(1, 0xC4) + b"?\r\n", 0.2) if isinstance(event, CommandFailed)]

    assert "check `commands` and `device_number`" in str(failed.error)


def test_indicator_twin_answers_only_to_its_number() -> None:
    twin = CasIndicatorTwin(mode="command", device_number=7)

    assert twin.receive_bytes(b"08RW\r\n", 0.0) == b""
    assert twin.receive_bytes(b"07RW\r\n", 1.0) == b"ST,GS,7\xc5,00000.00 kg\r\n"
    assert twin.receive_bytes(b"07XX\r\n", 1.0) == b"?\r\n"
    assert twin.receive_bytes(b"07KT\r\n", 1.0) == b"07KT\r\n"


def test_indicator_twin_streams_ten_frames_a_second() -> None:
    twin = CasIndicatorTwin()
    said = twin.connected(0.0)
    for tenth in range(1, 11):
        said += twin.advance_to(tenth / 10)

    assert said.count(b"\r\n") == 10


# Counter scales


class Counter:
    """A session and a twin of a counter scale, with the bytes between them in hand."""

    def __init__(self) -> None:
        self.session = CasPosSession(ScaleCasPosConfig(path="/dev/null"))
        self.now_s = 0.0
        self.session.advance_to(0.0)

    def asked(self) -> bytes:
        while not (said := self.session.bytes_to_send()):
            self.now_s += 0.01
            self.session.advance_to(self.now_s)
        return said

    def says(self, data: bytes) -> list[SessionEvent]:
        return list(self.session.receive_bytes(data, self.now_s))

    def answers(self, block: bytes) -> list[SessionEvent]:
        assert self.asked() == b"\x05"
        self.says(b"\x06")
        assert self.asked() == b"\x11"
        return self.says(block)


BLOCK = WeightBlock("S", " ", "01.250", "kg").encode()


def test_block_of_the_manual_is_understood() -> None:
    (event,) = [event for event in Counter().answers(BLOCK) if isinstance(event, Weighed)]

    assert (event.state, event.value, event.unit) == ("stable", Decimal("1.250"), "kg")


@pytest.mark.parametrize("place", range(2, 13))
@pytest.mark.parametrize("bit", range(7))
def test_no_flipped_bit_of_a_block_passes_for_a_weight(place: int, bit: int) -> None:
    counter = Counter()
    counter.answers(BLOCK)
    flipped = bytearray(BLOCK)
    flipped[place] ^= 1 << bit

    assert _weights(counter.answers(bytes(flipped))) == []


@pytest.mark.parametrize("bit", range(7))
def test_no_flipped_bit_of_the_very_first_block_passes_for_a_weight(bit: int) -> None:
    flipped = bytearray(BLOCK)
    flipped[8] ^= 1 << bit

    assert _weights(Counter().answers(bytes(flipped))) == []


def test_other_cover_of_the_check_character_is_believed_when_it_comes_twice() -> None:
    counter, block = Counter(), WeightBlock("S", " ", "01.250", "kg", 3).encode()

    assert _weights(counter.answers(block)) == []
    assert _weights(counter.answers(block)) == [("stable", "1.250")]


def test_scale_that_says_nak_shows_no_weight() -> None:
    counter = Counter()
    assert counter.asked() == b"\x05"

    assert _weights(counter.says(b"\x15")) == [("dynamic", None)]


def test_counter_twin_answers_dc1_only_after_enq() -> None:
    twin = CasCounterScaleTwin()

    assert twin.receive_bytes(b"\x11", 0.0) == b""
    assert twin.receive_bytes(b"\x05", 0.5) == b"\x06"
    assert twin.receive_bytes(b"\x11", 0.5) == b"\x01\x02S 00.000kg\x61\x03\x04"
    assert twin.receive_bytes(b"\x11", 0.5) == b""

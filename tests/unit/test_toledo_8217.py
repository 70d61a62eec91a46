# SPDX-License-Identifier: Apache-2.0
"""The driver and the twin of 8213/8217 scales, each against the bytes of the manuals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError
from drivers.base.session import CommandDone, CommandFailed, SessionEvent
from drivers.base.weighing import Weighed
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.frames import Answer
from drivers.scale_8217.session import Session8217
from firmware_sims.scale_8217.twin import Toledo8217Twin

pytestmark = pytest.mark.requirement("E7")


@pytest.mark.parametrize(
    ("frame", "state", "value", "net"),
    [
        (b"\x0201.250\r", "stable", "1.250", False),
        (b"\x0202.500N\r", "stable", "2.500", True),
        (b"\x02 1.250KG\r", "stable", "1.250", False),
        (b"\x02001.25NLB\r", "stable", "1.25", True),
        (b"\x02?\x61\r", "dynamic", None, False),
        (b"\x02?\x01\r", "dynamic", None, False),  # emupos
        (b"\x02?\xe1\r", "dynamic", None, False),  # with parity
        (b"\x02?\x62\r", "overload", None, False),
        (b"\x02?\x02\r", "overload", None, False),
        (b"\x02?\x63\r", "overload", None, False),
        (b"\x02?\x64\r", "underload", None, False),
        (b"\x02?\x65\r", "underload", None, False),
        (b"\x02?\x68\r", "error", None, False),
        (b"\x02?\x0d\r", "underload", None, False),  # motion, under zero, not zeroed: the status looks like CR
        (b"\x02?\x70\r", "zero", None, False),
        (b"\x02?\x50\r", "zero", None, False),
        (b"\x02?\x60\r", "error", None, False),
    ],
)
def test_answer_is_read_with_five_bits_of_its_status(frame: bytes, state: str, value: str | None, net: bool) -> None:
    answer = Answer.decode(frame)

    assert (answer.state, answer.value, answer.is_net) == (state, None if value is None else Decimal(value), net)


@pytest.mark.parametrize("frame", [b"\x0212.3.4\r", b"\x02ABCD\r", b"\x02?ab\r", b"\x02--\r", b"\x0212,5\r"])
def test_what_is_neither_weight_nor_status_is_refused(frame: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Answer.decode(frame)


class Scale:
    """Plays the scale by hand."""

    def __init__(self, **fields: Any) -> None:
        self.session = Session8217(Scale8217Config(path="/dev/null", **{"default_unit": "kg", **fields}))
        self.now_s = 0.0
        self.events: list[SessionEvent] = []
        self.passes(0.0)
        self.passes(0.2)

    def passes(self, seconds: float) -> Sequence[SessionEvent]:
        self.now_s += seconds
        events = self.session.advance_to(self.now_s)
        self.events += events
        return events

    def says(self, data: bytes) -> Sequence[SessionEvent]:
        events = self.session.receive_bytes(data, self.now_s)
        self.events += events
        return events

    def asked(self) -> bytes:
        return self.session.bytes_to_send()

    def weighs(self, data: bytes) -> Sequence[SessionEvent]:
        """Answers the next W with this."""
        self.passes(self.session.config.interval_s)
        assert self.asked() == b"W"
        return self.says(data)


def test_unit_is_that_of_the_configuration_unless_the_scale_sends_one() -> None:
    scale = Scale(default_unit="lb")
    scale.asked()

    assert scale.says(b"\x0201.250\r")[-1] == Weighed("stable", Decimal("1.250"), "lb", "01.250")
    assert scale.weighs(b"\x0201.250KG\r") == [Weighed("stable", Decimal("1.250"), "kg", "01.250KG")]


def test_line_feed_behind_each_answer_is_nothing_to_be_told() -> None:
    """Some clones end every answer with CR LF."""
    scale = Scale()
    scale.asked()
    scale.says(b"\x0201.250\r\n")

    assert [type(event) for event in scale.weighs(b"\x0201.250\r\n")] == [Weighed]
    assert [type(event) for event in scale.weighs(b"\x0201.250\r\n\r\n")] == [Weighed]


def test_twin_takes_a_bare_t_for_tare_when_something_else_follows() -> None:
    """Programs for tills send the letters alone; with PSC a CR belongs behind T, since digits may follow it."""
    twin = Toledo8217Twin()
    twin.advance_to(0.0)
    twin.on_place(weight_g=1250, now_s=0.0)
    twin.advance_to(5.0)

    assert twin.receive_bytes(b"T", 5.0) == b""
    assert twin.receive_bytes(b"W", 6.0) == b"\x02?\x60\r\x0200.000N\r"


def test_weight_without_any_unit_has_none() -> None:
    scale = Scale(default_unit="")
    scale.asked()

    assert scale.says(b"\x0201.250\r")[-1] == Weighed("stable", Decimal("1.250"), "", "01.250")


def test_status_that_looks_like_the_end_or_the_beginning_is_cut_by_its_place() -> None:
    scale = Scale()
    scale.asked()
    scale.says(b"\x0200.000\r")

    states = [event for data in (b"\x02?\r", b"\x02?\x02") for event in (*scale.weighs(data), *scale.says(b"\r"))]

    assert [event.state for event in states if isinstance(event, Weighed)] == ["underload", "overload"]


def test_beginning_of_the_test_is_told_from_a_status_by_what_was_asked() -> None:
    scale = Scale()
    scale.asked()
    scale.says(b"\x0200.000\r")
    token = scale.session.start_command("test", {}, scale.now_s)
    scale.passes(0.0)
    assert scale.asked() == b"A"

    scale.says(b"\x02?\r")
    scale.passes(0.0)

    assert scale.asked() == b"B"
    assert scale.says(b"\x02@\r")[-1] == CommandDone(token, {"outcome": "@"})


def test_scale_without_a_test_of_its_own_says_so() -> None:
    scale = Scale()
    scale.asked()
    scale.says(b"\x0200.000\r")
    scale.session.start_command("test", {}, scale.now_s)
    scale.passes(0.0)

    (failed,) = scale.says(b"\x02?\x50\r")

    assert isinstance(failed, CommandFailed)
    assert "no test of its own" in str(failed.error)


@pytest.mark.parametrize(("preset", "sent"), [("0.5", b"T00500\r"), ("12.345", b"T12345\r"), ("0", b"T00000\r")])
def test_known_tare_is_sent_as_five_digits_with_the_decimals_of_the_weights(preset: str, sent: bytes) -> None:
    scale = Scale()
    scale.asked()
    scale.says(b"\x0201.250\r")
    scale.session.start_command("tare", {"preset": preset}, scale.now_s)
    scale.passes(0.0)

    assert scale.asked() == sent


@pytest.mark.parametrize("preset", ["-1", "100", "0.0001", "x", "nan", "1e9"])
def test_known_tare_that_does_not_fit_is_refused(preset: str) -> None:
    with pytest.raises(LocalProtocolError, match="known tare"):
        Scale().session.start_command("tare", {"preset": preset}, 0.2)


def test_unknown_command_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalProtocolError, match="zero, tare, clear_tare"):
        Scale().session.start_command("dance", {}, 0.2)


def test_echo_that_comes_back_changed_is_a_fault_and_echo_is_ended_all_the_same() -> None:
    scale = Scale()
    scale.asked()
    scale.says(b"\x0200.000\r")
    token = scale.session.start_command("test_line", {}, scale.now_s)
    said = b""
    for answer in (b"\x02E\r", b"u", b"\x02F\r"):
        scale.passes(0.0)
        said += scale.asked()
        scale.says(answer)

    (failed,) = [event for event in scale.events if isinstance(event, CommandFailed)]
    assert said == b"EUF"
    assert failed.token == token
    assert isinstance(failed.error, DeviceFault)
    assert "changed" in str(failed.error)


def _said(twin: Toledo8217Twin, asked: bytes, now_s: float = 0.1) -> bytes:
    return twin.receive_bytes(asked, now_s)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"W", b"\x0200.000\r"),
        (b"H", b"\x0200.0000\r"),
        (b"Z", b"\x02?\x70\r"),
        (b"A", b"\x02?\r"),
        (b"B", b"\x02@\r"),
        (b"EW5F", b"\x02E\rW5\x02F\r"),
        (b"Q", b"\x02?\x70\r"),
        (b"T00500\rW", b"\x02?\x74\r\x02?\x74\r"),
        (b"T005W", b"\x02?\x70\r"),
        (b"\r\n", b""),
    ],
)
def test_twin_answers_as_the_manuals_say(asked: bytes, answered: bytes) -> None:
    twin = Toledo8217Twin()
    twin.set_vibration("0", now_s=0.0)

    assert _said(twin, asked) == answered


def test_twin_says_why_it_shows_no_weight() -> None:
    twin = Toledo8217Twin()
    twin.on_place(weight_g=1_250, now_s=0.0)
    assert _said(twin, b"W", 0.1) == b"\x02?\x61\r"
    assert _said(twin, b"W", 3.0) == b"\x0201.250\r"
    twin.on_place(weight_g=16_000, now_s=3.0)
    assert _said(twin, b"W", 6.0) == b"\x02?\x62\r"
    twin.on_place(weight_g=-500, now_s=6.0)
    assert _said(twin, b"W", 9.0) == b"\x02?\x64\r"
    twin.on_place(weight_g=5_000, now_s=9.0)
    _said(twin, b"", 12.0)
    twin.on_reboot(now_s=12.0)
    assert _said(twin, b"W", 15.0) == b"\x02?\x68\r"


def test_twin_with_the_habits_of_emupos() -> None:
    twin = Toledo8217Twin(habit="emupos")
    assert _said(twin, b"Q") == b"\x02?\x50\r"
    assert _said(twin, b"EF") == b"\x02E\r"
    twin.on_place(weight_g=2_500, now_s=0.2)

    assert _said(twin, b"W", 0.3) == b"\x02?\x01\r"


def test_twin_sets_the_parity_bit_where_the_line_shows_it_and_the_driver_takes_it_off() -> None:
    twin = Toledo8217Twin(parity=True)
    twin.on_place(weight_g=1_250, now_s=0.0)
    _said(twin, b"", 3.0)
    said = _said(twin, b"\xd7", 3.1)  # W with its parity bit

    assert all(byte.bit_count() % 2 == 0 for byte in said)
    assert said != b"\x0201.250\r"
    assert Answer.decode(said).value == Decimal("1.250")

# SPDX-License-Identifier: Apache-2.0
"""What all sessions of scales share, tried with NCI's protocol."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.base.weighing import Weighed, number, plain, unit_name
from drivers.scale_nci.config import ScaleNciConfig
from drivers.scale_nci.session import NciSession

ZERO = b"\n0.000KG\r\n20\r\x03"
LOAD = b"\n1.250KG\r\n00\r\x03"


class Scale:
    """Plays the scale by hand."""

    def __init__(self, **fields: Any) -> None:
        self.session = NciSession(ScaleNciConfig(path="/dev/null", **fields))
        self.now_s = 0.0
        self.events: list[SessionEvent] = list(self.session.advance_to(0.0))

    def says(self, data: bytes, after_s: float = 0.0) -> Sequence[SessionEvent]:
        self.now_s += after_s
        return self._kept(self.session.receive_bytes(data, self.now_s))

    def passes(self, seconds: float) -> Sequence[SessionEvent]:
        """Time goes by in the steps that the session asks for."""
        until_s, seen = self.now_s + seconds, len(self.events)
        while (due_s := self.session.next_deadline_s()) is not None and due_s <= until_s:
            self.now_s = max(self.now_s, due_s)
            self._kept(self.session.advance_to(self.now_s))
        self.now_s = until_s
        self._kept(self.session.advance_to(self.now_s))
        return self.events[seen:]

    def told(self, name: str, **arguments: Any) -> int:
        token = self.session.start_command(name, arguments, self.now_s)
        self._kept(self.session.advance_to(self.now_s))
        return token

    def asked(self) -> bytes:
        return self.session.bytes_to_send()

    def _kept(self, events: Sequence[SessionEvent]) -> Sequence[SessionEvent]:
        self.events += events
        return events


def _asked(scale: Scale) -> Scale:
    scale.passes(0.2)
    assert scale.asked() == b"W\r"
    return scale


def test_session_is_ready_with_its_first_weight() -> None:
    scale = _asked(Scale())

    ready, weighed = scale.says(ZERO)

    assert ready == SessionReady()
    assert weighed == Weighed("zero", Decimal("0.000"), "kg", "0.000KG 20")


def test_session_drops_what_arrives_before_anything_was_asked() -> None:
    scale = Scale()
    scale.says(LOAD, after_s=0.01)

    rejected = scale.passes(0.2)

    assert rejected == [FrameRejected("late", LOAD)]
    assert scale.asked() == b"W\r"


@pytest.mark.requirement("E9")
def test_late_answer_is_not_taken_for_the_answer_to_the_next_question() -> None:
    """A scale that answers each question after anything up to twice the time-out; the weight is the number of the question."""
    scale, chance = _asked(Scale(reply_timeout_s=0.25, stale_after_s=5, silence_timeout_s=100)), random.Random(7)
    accepted: list[tuple[int, str]] = []
    for number_of_question in range(1, 500):
        delay_s = chance.uniform(0.0, 0.49)
        before = scale.passes(delay_s)
        assert scale.asked() == b"", "asked again while the last answer may still come"
        events = [*before, *scale.says(b"\n%d.0kg\r\n00\r\x03" % number_of_question)]
        accepted += [(number_of_question, str(event.value)) for event in events if isinstance(event, Weighed) and event.value is not None]
        for _ in range(1000):
            if scale.asked():
                break
            scale.passes(0.001)

    assert len(accepted) > 150
    assert [value for _, value in accepted] == [f"{asked}.0" for asked, _ in accepted]


def test_silence_makes_the_weight_stale_once_and_then_ends_the_link() -> None:
    scale = _asked(Scale(stale_after_s=2, silence_timeout_s=6))
    scale.says(LOAD)

    stale = scale.passes(5)

    assert [event for event in stale if isinstance(event, Weighed)] == [Weighed("stale")]
    with pytest.raises(ReplyTimeout, match="no weight within 6 s"):
        scale.passes(2)


def test_nothing_is_stale_before_the_first_weight() -> None:
    scale = Scale(stale_after_s=0.1, silence_timeout_s=6)

    scale.passes(5)

    assert not [event for event in scale.events if isinstance(event, Weighed)]


def test_garbled_answers_are_named_when_the_link_ends() -> None:
    scale = _asked(Scale(silence_timeout_s=3))
    scale.says(b"\xff\x80\x91\x03")

    with pytest.raises(ReplyTimeout, match="7f 00 11 03, which is nothing of this protocol"):
        scale.passes(4)


def test_scale_that_talks_by_itself_is_told_so() -> None:
    scale = _asked(Scale(silence_timeout_s=60))
    scale.passes(1.1)

    def talks_on() -> None:
        for _ in range(200):
            scale.says(LOAD, after_s=0.05)

    with pytest.raises(RemoteProtocolError, match="talks without being asked"):
        talks_on()


def test_link_of_a_scale_with_a_print_key_is_never_lost_by_silence() -> None:
    scale = Scale(silence_timeout_s=0)

    events = scale.passes(3600)

    assert scale.events[0] == SessionReady()
    assert [event for event in events if isinstance(event, Weighed)] == [Weighed("stale")]


def test_weigh_takes_no_weight_that_was_asked_for_before() -> None:
    scale = _asked(Scale())
    scale.now_s += 0.05
    token = scale.told("weigh")

    assert not [event for event in scale.says(LOAD) if isinstance(event, CommandDone)]
    scale.passes(0.3)
    done = [event for event in scale.says(LOAD) if isinstance(event, CommandDone)]

    assert [event.token for event in done] == [token]
    assert done[0].result == {"weight": "1.250", "unit": "kg", "weight_mg": 1_250_000, "text": "1.250KG 00"}


def test_weigh_fails_when_the_load_never_rests() -> None:
    scale = _asked(Scale())
    scale.says(LOAD)
    scale.told("weigh", wait_s=1.0)
    for _ in range(8):
        scale.passes(0.2)
        scale.asked()
        scale.says(b"\n10\r\x03")

    failed = [event for event in scale.events if isinstance(event, CommandFailed)]

    assert len(failed) == 1
    assert isinstance(failed[0].error, DeviceFault)
    assert "within 1 s" in str(failed[0].error)


def test_tare_waits_until_the_load_rests() -> None:
    scale = _asked(Scale())
    scale.says(b"\n10\r\x03")
    scale.told("tare")
    assert scale.asked() == b"W\r"
    scale.says(b"\n10\r\x03")
    scale.passes(0.2)
    assert scale.asked() == b"W\r"

    scale.says(LOAD)

    assert scale.asked() == b"T\r"
    scale.says(b"\n00\r\x03")
    scale.passes(0.2)
    events = scale.says(b"\n0.000KG\r\n00\r\x03")
    assert events[0] == Weighed("stable", Decimal("0.000"), "kg", "0.000KG 00")
    assert isinstance(events[1], CommandDone)
    scale.passes(0.2)
    assert scale.says(b"\n0.500KG\r\n00\r\x03")[0] == Weighed("stable", Decimal("0.500"), "kg", "0.500KG 00", net=True)


@pytest.mark.parametrize("wait_s", [0, -1, 121])
def test_weigh_refuses_to_wait_for_ever(wait_s: float) -> None:
    with pytest.raises(LocalProtocolError, match="at most 120 seconds"):
        Scale().told("weigh", wait_s=wait_s)


def test_commands_without_end_are_refused() -> None:
    scale = Scale()
    for _ in range(16):
        scale.told("status")

    with pytest.raises(LocalProtocolError, match="already wait"):
        scale.told("status")


def test_silence_must_be_longer_than_staleness() -> None:
    with pytest.raises(ValueError, match="must be longer than"):
        ScaleNciConfig(path="/dev/null", stale_after_s=5, silence_timeout_s=5)


@pytest.mark.parametrize(
    ("text", "value"), [("  1.250", "1.250"), ("-  8.5", "-8.5"), ("+000.10", "0.10"), (".5", "0.5"), ("12.", "12"), ("1.2.3", None), ("", None), ("-", None)]
)
def test_number_keeps_the_decimals_as_sent(text: str, value: str | None) -> None:
    assert str(number(text)) == str(value)


def test_units_are_spelt_in_one_way_only_where_they_mean_one_thing() -> None:
    assert [unit_name(text) for text in ("KG", "Lb", "lbs", "g ", "T", "tl.g", "lb_")] == ["kg", "lb", "lb", "g", "T", "tl.g", "lb"]


def test_plain_text_of_a_frame_loses_no_byte() -> None:
    assert plain(b"\x01A\xffz\r\n") == "\\x01A\\xffz"

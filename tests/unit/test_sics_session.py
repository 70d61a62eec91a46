# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.base.weighing import Weighed
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.session import LINE_BYTES_MAX, SicsSession

ZERO = b"S S       0.00 kg\r\n"
SERIAL = b'I4 A "B021002593"\r\n'


class Scale:
    """Plays the scale by hand: says lines, and looks at what the session asks."""

    def __init__(self, **fields: Any) -> None:
        self.session = SicsSession(ScaleSicsConfig(path="/dev/null", **fields))
        self.now_s = 0.0
        self.events: list[SessionEvent] = []
        self._take(self.session.advance_to(0.0))

    def _take(self, events: Sequence[SessionEvent]) -> None:
        self.events += events

    def asked(self) -> bytes:
        return self.session.bytes_to_send()

    def says(self, line: bytes, after_s: float = 0.0) -> list[SessionEvent]:
        self.now_s += after_s
        seen = len(self.events)
        self._take(self.session.receive_bytes(line, self.now_s))
        return self.events[seen:]

    def passes(self, seconds: float) -> list[SessionEvent]:
        self.now_s += seconds
        seen = len(self.events)
        self._take(self.session.advance_to(self.now_s))
        return self.events[seen:]

    def told(self, command: str, **arguments: Any) -> int:
        token = self.session.start_command(command, arguments, self.now_s)
        self._take(self.session.advance_to(self.now_s))
        return token


def _ready(**fields: Any) -> Scale:
    """A scale whose greeting is over: the first question of its routine is out."""
    scale = Scale(**{"tare_check_s": 0, **fields})
    assert scale.asked() == b"SI\r\n"
    scale.says(ZERO)
    assert scale.asked() == b"I4\r\n"
    scale.says(SERIAL)
    assert scale.asked() == b"I0\r\n"
    scale.says(b"ES\r\n")
    return scale


def _radwag(**fields: Any) -> Scale:
    """The same for a scale of Radwag that is asked weight by weight."""
    scale = Scale(tare_check_s=0, mode="poll", dialect="radwag", **fields)
    assert scale.asked() == b"C0\r\n"
    scale.says(b"C0 A\r\n")
    assert scale.asked() == b"NB\r\n"
    scale.says(b'NB A "353417"\r\n')
    assert scale.asked() == b"PC\r\n"
    scale.says(b'PC A "Z,T,OT,UT,S,SI,C1,C0,NB,PC"\r\n')
    assert scale.asked() == b"SI\r\n"
    return scale


def _streaming(**fields: Any) -> Scale:
    scale = _ready(**fields)
    assert scale.asked() == b"SIR\r\n"
    scale.says(ZERO)
    return scale


def test_session_is_ready_with_the_serial_number_when_greeted() -> None:
    scale = _ready()

    assert scale.events == [SessionReady("serial number B021002593")]


def test_weights_before_the_serial_number_are_stale() -> None:
    scale = Scale()

    scale.says(b"S S      99.00 kg\r\n" * 3)
    scale.says(SERIAL + b"ES\r\n")

    assert [type(event) for event in scale.events] == [FrameRejected, FrameRejected, SessionReady]


@pytest.mark.parametrize(
    ("line", "state", "value"),
    [
        (b"S S      12.50 kg\r\n", "stable", Decimal("12.50")),
        (b"S D      12.50 kg\r\n", "dynamic", Decimal("12.50")),
        (b"SI S      12.50 kg\r\n", "stable", Decimal("12.50")),
        (b"S +\r\n", "overload", None),
        (b"S -\r\n", "underload", None),
        (b"S I\r\n", "error", None),
        (b"S S Error 1b\r\n", "error", None),
        (b"S S 12.50\r\n", "error", None),
        (b"S   12.50 kg\r\n", "error", None),  # the status letter was lost on the line
    ],
)
def test_only_stable_and_dynamic_weights_have_a_value(line: bytes, state: str, value: Decimal | None) -> None:
    scale = _streaming()

    (weighed,) = scale.says(line, after_s=0.1)

    assert isinstance(weighed, Weighed)
    assert (weighed.state, weighed.value) == (state, value)
    assert weighed.text == line.decode().strip()


def test_stream_that_falls_silent_is_asked_again_then_given_up() -> None:
    scale = _streaming(reply_timeout_s=2.0)
    scale.says(ZERO)

    scale.passes(2.0)

    assert scale.asked() == b"SIR\r\n"
    with pytest.raises(ReplyTimeout, match="SIR"):
        scale.passes(2.0)


def test_scale_that_answers_the_stream_with_one_line_is_polled_instead() -> None:
    scale = _streaming(reply_timeout_s=2.0, interval_s=0.2)

    scale.passes(2.0)

    assert scale.asked() == b"SI\r\n"
    assert scale.says(ZERO)
    scale.passes(0.2)
    assert scale.asked() == b"SI\r\n"


def test_scale_without_serial_number_is_used_all_the_same() -> None:
    scale = Scale(tare_check_s=0, reply_timeout_s=2.0)
    scale.says(ZERO)
    assert scale.asked() == b"SI\r\nI4\r\n"

    assert scale.passes(2.0) == [SessionReady("")]

    assert scale.asked() == b"SIR\r\n"
    token = scale.told("identify")
    scale.says(ZERO)
    failed = scale.passes(2.0)[-1]
    assert isinstance(failed, CommandFailed)
    assert failed.token == token


def test_garbled_lines_are_shown_when_no_answer_was_understood() -> None:
    scale = Scale(reply_timeout_s=2.0)
    scale.says(b"S\xa0S\xa0\xb1.\xb25\xa0\xeb\xe7\r\n")

    with pytest.raises(ReplyTimeout, match=r"no answer to SI but 53 a0 53 .*check baud rate, parity"):
        scale.passes(2.0)


def test_scale_without_stream_is_polled_instead() -> None:
    scale = _ready(interval_s=0.2)
    assert scale.asked() == b"SIR\r\n"

    scale.says(b"ES\r\n")

    assert scale.asked() == b"SI\r\n"
    assert scale.says(b"SI S 1.00 kg\r\n") == [Weighed("stable", Decimal("1.00"), "kg", "SI S 1.00 kg")]
    scale.passes(0.1)
    assert scale.asked() == b""
    scale.passes(0.1)
    assert scale.asked() == b"SI\r\n"


def test_poll_without_answer_is_a_timeout() -> None:
    scale = _ready(mode="poll", reply_timeout_s=1.0)

    with pytest.raises(ReplyTimeout, match="SI"):
        scale.passes(1.0)


def test_tare_drops_weights_that_were_on_the_way() -> None:
    scale = _streaming()
    token = scale.told("tare")
    assert scale.asked() == b"T\r\n"

    stale, done = scale.says(b"S S      12.50 kg\r\nT S      12.50 kg\r\n")

    assert stale == FrameRejected("stale", b"S S      12.50 kg")
    assert done == CommandDone(token, {"tare": "12.50", "unit": "kg", "tare_mg": 12_500_000})
    (weighed,) = scale.says(b"S S       0.00 kg\r\n")
    assert weighed == Weighed("stable", Decimal("0.00"), "kg", "S S       0.00 kg", net=True, tare=Decimal("12.50"), tare_kind="weighed")


@pytest.mark.parametrize(("answer", "code"), [(b"Z I\r\n", "Z I"), (b"Z +\r\n", "Z +"), (b"Z -\r\n", "Z -"), (b"ES\r\n", "ES"), (b"EL\r\n", "EL")])
def test_refused_zero_is_a_device_fault_with_its_code(answer: bytes, code: str) -> None:
    scale = _streaming()
    token = scale.told("zero")

    (failed,) = scale.says(answer)

    assert isinstance(failed, CommandFailed)
    assert failed.token == token
    assert isinstance(failed.error, DeviceFault)
    assert failed.error.code == code


def test_weigh_asks_behind_a_barrier_so_that_no_line_of_the_stream_answers_it() -> None:
    scale = _streaming()
    token = scale.told("weigh")
    assert scale.asked() == b"SI\r\n"

    scale.says(b"S S       0.00 kg\r\n")  # of the stream
    assert scale.asked() == b"I4\r\n"
    scale.says(b"S S       0.00 kg\r\n")  # answers SI
    scale.says(SERIAL)
    assert scale.asked() == b"S\r\n"
    weighed, done = scale.says(b"S S      12.50 kg\r\n", after_s=1.0)

    assert weighed == Weighed("stable", Decimal("12.50"), "kg", "S S      12.50 kg")
    assert done == CommandDone(token, {"weight": "12.50", "unit": "kg", "weight_mg": 12_500_000, "text": "S S      12.50 kg"})
    assert scale.asked() == b"SIR\r\n"


def test_weigh_does_not_take_begun_for_done() -> None:
    scale = _radwag()
    scale.says(b"SI   0.00 kg\r\n")
    scale.asked()
    token = scale.told("weigh")

    assert scale.says(b"S A\r\n") == []
    _, done = scale.says(b"S      -      8.5 g  \r\n")

    assert isinstance(done, CommandDone)
    assert (done.token, done.result["weight"]) == (token, "-8.5")


def test_weigh_that_moves_is_asked_again_until_it_rests() -> None:
    scale = _ready(mode="poll", interval_s=0.2)
    scale.says(ZERO)
    scale.asked()
    scale.told("weigh")
    assert scale.asked() == b"S\r\n"

    (moving,) = scale.says(b"S D 3.00 kg\r\n")
    assert scale.asked() == b""
    scale.passes(0.2)

    assert isinstance(moving, Weighed)
    assert scale.asked() == b"S\r\n"


def test_weigh_that_never_rests_is_cancelled_on_the_scale() -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.asked()
    token = scale.told("weigh", wait_s=3.0)
    assert scale.asked() == b"S\r\n"

    (failed,) = scale.passes(3.0)

    assert isinstance(failed, CommandFailed)
    assert failed.token == token
    assert isinstance(failed.error, ReplyTimeout)
    assert scale.asked() == b"SI\r\n"
    scale.says(b"S S 7.00 kg\r\n")  # too late
    assert scale.asked() == b"I4\r\n"


def test_weigh_on_an_overloaded_scale_is_a_device_fault() -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.told("weigh")

    _, failed = scale.says(b"S +\r\n")

    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, DeviceFault)
    assert failed.error.code == "S +"


def test_reset_overtakes_and_cancels_what_waits() -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.asked()
    weigh = scale.told("weigh")
    assert scale.asked() == b"S\r\n"

    reset = scale.told("reset")

    assert scale.asked() == b"@\r\n"
    failed = scale.events[-1]
    assert isinstance(failed, CommandFailed)
    assert failed.token == weigh
    assert scale.says(SERIAL)[-1] == CommandDone(reset, {"serial": "B021002593"})


def test_radwag_zero_is_done_only_when_it_says_so() -> None:
    scale = _radwag()
    scale.says(b"SI   0.00 kg\r\n")
    token = scale.told("zero")

    assert scale.says(b"Z A\r\n") == []
    assert scale.says(b"Z D\r\n") == [CommandDone(token, {})]


def test_mettler_zero_is_done_at_once() -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    token = scale.told("zero")

    assert scale.says(b"Z A\r\n") == [CommandDone(token, {})]


def test_held_tare_makes_the_weights_net() -> None:
    scale = _ready(mode="poll", tare_check_s=5.0)
    assert scale.asked().endswith(b"TA\r\n")

    scale.says(b"TA A       1.50 kg\r\n")
    (weighed,) = scale.says(b"S S      11.00 kg\r\n")

    assert weighed == Weighed("stable", Decimal("11.00"), "kg", "S S      11.00 kg", net=True, tare=Decimal("1.50"))


def test_tare_question_without_answer_is_not_asked_again() -> None:
    scale = _ready(mode="poll", tare_check_s=0.1, reply_timeout_s=1.0)
    scale.asked()

    assert scale.passes(1.0) == []

    assert scale.asked() == b"SI\r\n"


def test_scale_that_was_switched_on_again_is_asked_to_stream_again() -> None:
    scale = _streaming()

    scale.says(b'I4 A "B021002593"\r\n')

    assert scale.asked() == b"SIR\r\n"


def test_preset_tare_is_sent_with_its_unit() -> None:
    scale = _streaming()
    token = scale.told("tare", preset="1.50", unit="kg")
    assert scale.asked() == b"TA 1.50 kg\r\n"

    assert scale.says(b"TA A       1.50 kg\r\n") == [CommandDone(token, {"tare": "1.50", "unit": "kg", "tare_mg": 1_500_000})]


@pytest.mark.parametrize(
    "arguments", [{"preset": "1.5"}, {"preset": "1.5\r\n@", "unit": "kg"}, {"preset": "x", "unit": "kg"}, {"preset": "1.5", "unit": "k g"}]
)
def test_preset_tare_that_would_garble_the_line_is_refused(arguments: dict[str, str]) -> None:
    scale = _streaming()

    with pytest.raises(LocalProtocolError):
        scale.told("tare", **arguments)


@pytest.mark.parametrize("wait_s", [0.0, -1.0, 1e9, float("nan")])
def test_wait_without_sense_is_refused(wait_s: float) -> None:
    with pytest.raises(LocalProtocolError, match="wait_s"):
        _streaming().told("weigh", wait_s=wait_s)


def test_unknown_command_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalProtocolError, match="zero, tare, clear_tare, weigh"):
        Scale().told("dance")


def test_commands_without_end_are_refused() -> None:
    scale = Scale()
    for _ in range(16):
        scale.told("identify")

    with pytest.raises(LocalProtocolError, match="already wait"):
        scale.told("identify")


def test_endless_line_is_dropped_once_and_the_next_is_read() -> None:
    scale = _streaming()

    rejected = scale.says(b"x" * LINE_BYTES_MAX) + scale.says(b"y" * 5 * LINE_BYTES_MAX)
    (weighed,) = scale.says(b"z\r\nS S 1.00 kg\r\n")

    assert rejected == [FrameRejected("too_long", (b"x" * LINE_BYTES_MAX + b"y")[:LINE_BYTES_MAX])]
    assert isinstance(weighed, Weighed)


def test_farewell_ends_the_stream() -> None:
    assert _streaming().session.farewell() == b"SI\r\n"
    assert _ready(mode="poll").session.farewell() == b""


LIST = b'I0 B 0 "I0"\r\nI0 B 0 "I2"\r\nI0 B 0 "I3"\r\nI0 B 0 "S"\r\nI0 B 0 "SI"\r\nI0 B 0 "SIR"\r\nI0 A 3 "PW"\r\n'


def _listed(listed: bytes = LIST, **fields: Any) -> Scale:
    scale = Scale(**fields)
    scale.says(ZERO + SERIAL + listed)
    return scale


@pytest.mark.requirement("E7")
def test_only_what_the_scale_lists_is_asked_for_and_told() -> None:
    scale = _listed(rate_hz=5.0)
    scale.says(b'I2 A "WKC204C 220.0090 g"\r\nI3 A "2.10 10.28.0.493.142"\r\n')

    assert scale.asked() == b"SI\r\nI4\r\nI0\r\nI2\r\nI3\r\nSIR\r\n"
    assert scale.events == [SessionReady("WKC204C 220.0090 g, software 2.10 10.28.0.493.142, serial number B021002593")]


def test_command_that_the_scale_does_not_list_is_refused_here() -> None:
    scale = _listed()

    with pytest.raises(LocalProtocolError, match="does not list TAC"):
        scale.told("clear_tare")


def test_scale_without_sir_in_its_list_is_polled() -> None:
    scale = _listed(LIST.replace(b'I0 B 0 "SIR"\r\n', b"").replace(b'"I2"', b'"D"').replace(b'"I3"', b'"K"'))

    assert scale.asked().endswith(b"I0\r\nSI\r\n")


def test_long_list_may_take_longer_than_one_answer() -> None:
    scale = Scale(reply_timeout_s=1.0)
    scale.says(ZERO + SERIAL)
    for number in range(5):
        assert scale.says(b'I0 B 2 "M%d"\r\n' % number, after_s=0.9) == []
        scale.passes(0.0)


def test_update_rate_is_set_where_wanted_and_a_refusal_is_told() -> None:
    scale = Scale(rate_hz=20.0, tare_check_s=0)
    scale.says(ZERO + SERIAL + b"ES\r\n")
    assert scale.asked().endswith(b"UPD 20\r\n")

    (ready,) = scale.says(b"UPD L\r\n")

    assert ready == SessionReady("serial number B021002593, the scale does not take 20 weights a second (UPD L)")


def _on_change(**fields: Any) -> Scale:
    scale = _ready(mode="on_change", **fields)
    assert scale.asked().startswith(b"SR")
    scale.says(ZERO)
    return scale


def test_changes_are_told_as_they_come_and_the_rest_is_asked_for_once_more() -> None:
    scale = _on_change()
    assert scale.asked() == b""

    moving, resting = scale.says(b"S D       7.00 kg\r\nS S      12.50 kg\r\n", after_s=3.0)

    assert isinstance(moving, Weighed)
    assert isinstance(resting, Weighed)
    assert (moving.state, resting.state) == ("dynamic", "stable")
    assert scale.asked() == b"SR\r\n"
    assert len(scale.says(b"S S      12.50 kg\r\n")) == 1
    assert scale.asked() == b""


def test_least_change_is_sent_and_a_scale_that_refuses_it_is_given_up_with_the_reason() -> None:
    scale = _ready(mode="on_change", change="0.05 lb")
    assert scale.asked() == b"SR 0.05 lb\r\n"

    with pytest.raises(RemoteProtocolError, match=r"does not take change = '0\.05 lb'"):
        scale.says(b"S L\r\n")


def test_scale_that_never_changes_is_asked_again_after_the_refresh_time() -> None:
    scale = _on_change(refresh_s=10.0)

    scale.passes(9.9)
    assert scale.asked() == b""
    scale.passes(0.1)
    assert scale.asked() == b"SR\r\n"


def test_questions_that_do_not_end_the_changes_do_not_ask_for_them_again() -> None:
    scale = _on_change()
    scale.told("identify")
    assert scale.asked() == b"I4\r\n"

    scale.says(SERIAL)

    assert scale.asked() == b""


def test_scale_without_sr_streams() -> None:
    scale = _ready(mode="on_change")
    assert scale.asked() == b"SR\r\n"

    scale.says(b"ES\r\n")

    assert scale.asked() == b"SIR\r\n"


@pytest.mark.requirement("E7")
def test_scale_that_says_nothing_of_a_weight_becomes_stale_once() -> None:
    scale = _ready(mode="poll", stale_after_s=3.0, reply_timeout_s=5.0)
    scale.says(ZERO)

    assert scale.passes(2.9) == []
    assert scale.passes(0.1) == [Weighed("stale")]
    assert scale.passes(1.0) == []
    (weighed,) = scale.says(ZERO)

    assert isinstance(weighed, Weighed)
    assert weighed.state == "stable"


def test_stale_time_that_a_healthy_scale_would_exceed_is_refused() -> None:
    with pytest.raises(ValueError, match="stale_after_s"):
        ScaleSicsConfig(path="/dev/null", mode="poll", interval_s=30.0)


@pytest.mark.parametrize(
    ("piece", "load", "outcome"),
    [
        (b"PW A      20.00 g", b"S S     401.00 g", 20),
        (b"PW A      20.00 g", b"S S     410.00 g", "no whole number"),
        (b"PW A       0.02 g", b"S S     410.00 g", "too light"),
        (b"PW A       0.00 g", b"S S     410.00 g", "no piece weight"),
        (b"PW A      20.00 g", b"S S     0.410 kg", "both to one unit"),
        (b"ES", b"S S     410.00 g", "no piece weight"),
    ],
)
def test_pieces_are_counted_only_when_the_count_is_certain(piece: bytes, load: bytes, outcome: int | str) -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.asked()
    token = scale.told("count")
    assert scale.asked() == b"PW\r\n"
    scale.says(piece + b"\r\n")
    assert scale.asked() == b"S\r\n"

    ended = scale.says(load + b"\r\n")[-1]

    if isinstance(outcome, int):
        assert isinstance(ended, CommandDone)
        assert (ended.token, ended.result["pieces"], ended.result["piece_weight"]) == (token, outcome, "20.00")
    else:
        assert isinstance(ended, CommandFailed)
        assert outcome in str(ended.error)


def test_piece_weight_is_set_with_its_unit() -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.asked()
    token = scale.told("piece_weight", value="20.00", unit="g")
    assert scale.asked() == b"PW 20.00 g\r\n"

    assert scale.says(b"PW A\r\n") == [CommandDone(token, {})]


@pytest.mark.parametrize(
    ("name", "asked", "answer"), [("zero", b"ZI\r\n", b"ZI D\r\n"), ("zero", b"ZI\r\n", b"ZI A\r\n"), ("tare", b"TI\r\n", b"TI D       1.00 kg\r\n")]
)
def test_zero_and_tare_at_once_do_not_wait(name: str, asked: bytes, answer: bytes) -> None:
    scale = _ready(mode="poll")
    scale.says(ZERO)
    scale.asked()
    scale.told(name, at_once=True)
    assert scale.asked() == asked

    assert isinstance(scale.says(answer)[-1], CommandDone)


def test_cleared_tare_is_known_at_once() -> None:
    scale = _streaming()
    scale.told("tare")
    scale.says(b"T S      12.50 kg\r\n")
    scale.says(ZERO)
    scale.told("clear_tare")
    scale.says(b"TAC A\r\n" + ZERO)

    (weighed,) = scale.says(b"S S      12.50 kg\r\n")

    assert weighed == Weighed("stable", Decimal("12.50"), "kg", "S S      12.50 kg")


def test_tare_in_another_unit_is_not_told_with_the_weight() -> None:
    scale = _streaming()
    scale.told("tare")
    scale.says(b"T S      12.50 kg\r\n")

    (weighed,) = scale.says(b"S S       1.00 lb\r\n")

    assert weighed == Weighed("stable", Decimal("1.00"), "lb", "S S       1.00 lb", net=True)


def test_radwag_tare_is_known_when_it_was_asked_for() -> None:
    scale = Scale(mode="poll", dialect="radwag", tare_check_s=5.0)
    scale.says(b'C0 A\r\nNB A "353417"\r\nES\r\n')
    scale.asked()
    scale.says(b"OT     0.000 kg  \r\n")
    token = scale.told("tare", preset="1.5", unit="kg")
    scale.asked()
    scale.says(b"SI         2.000 kg \r\n")
    assert scale.asked() == b"UT 1.5\r\n"
    assert scale.says(b"UT OK\r\n") == [CommandDone(token, {})]
    assert scale.asked() == b"OT\r\n"
    scale.says(b"OT     1.500 kg  \r\n")
    scale.passes(0.2)

    (weighed,) = scale.says(b"SI         0.500 kg \r\n")

    assert weighed == Weighed("stable", Decimal("0.500"), "kg", "SI         0.500 kg", net=True, tare=Decimal("1.500"), tare_kind="preset")


def test_radwag_has_no_reset() -> None:
    with pytest.raises(LocalProtocolError, match="cannot do that: reset"):
        _radwag().told("reset")

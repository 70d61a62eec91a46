# SPDX-License-Identifier: Apache-2.0
from decimal import Decimal

import pytest

from contracts.readings import WeightState
from drivers.base.session import CommandDone, SessionEvent
from drivers.base.weighing import Weighed
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.session import SicsSession
from firmware_sims.engine.twin import Twin
from firmware_sims.scale_sics.twin import LookAlikeScaleTwin, RadwagScaleTwin, SicsScaleTwin


def _after(twin: Twin, seconds: float, said: bytes) -> bytes:
    return twin.advance_to(seconds) + twin.receive_bytes(said, seconds)


def test_twin_waits_with_s_until_the_load_rests() -> None:
    twin = SicsScaleTwin()
    twin.on_place(weight_g=12_500, now_s=1.0)

    assert twin.receive_bytes(b"S\r\n", 1.1) == b""
    said, rests_at_s = b"", 0.0
    while not said:
        rests_at_s = twin.next_deadline_s() or 99.0
        said = twin.advance_to(rests_at_s)

    assert 1.5 < rests_at_s < 2.5
    assert said == b"S S     12.500 kg\r\n"


def test_twin_gives_up_waiting_when_the_load_never_rests() -> None:
    twin = SicsScaleTwin(stability_timeout_s=3.0)
    twin.on_move(now_s=1.0, duration_s=100.0)

    assert twin.receive_bytes(b"T\r\n", 1.1) == b""

    assert twin.advance_to(4.1) == b"T I\r\n"


def test_twin_streams_ten_lines_a_second_until_si() -> None:
    twin = SicsScaleTwin()
    said = twin.receive_bytes(b"SIR\r\n", 0.0)
    for tenth in range(1, 11):
        said += twin.advance_to(tenth / 10)

    assert said.count(b"\r\n") == 11
    assert twin.receive_bytes(b"SI\r\n", 1.05) == b"S S      0.000 kg\r\n"
    assert twin.next_deadline_s() is None


def test_twin_goes_on_streaming_while_other_commands_are_answered() -> None:
    twin = SicsScaleTwin()
    twin.receive_bytes(b"SIR\r\n", 0.0)

    assert twin.receive_bytes(b"I4\r\n", 0.05) == b'I4 A "B021002593"\r\n'

    assert twin.advance_to(0.1) == b"S S      0.000 kg\r\n"


def test_twin_keeps_tare_and_zero_over_a_lost_connection_but_not_over_a_reset() -> None:
    twin = SicsScaleTwin()
    twin.on_place(weight_g=1_000, now_s=0.0)
    assert _after(twin, 2.0, b"T\r\n") == b"T S      1.000 kg\r\n"

    twin.disconnected(2.1)
    assert _after(twin, 2.2, b"SI\r\n") == b"S S      0.000 kg\r\n"
    assert _after(twin, 2.3, b"@\r\nTA\r\n") == b'I4 A "B021002593"\r\nTA A      0.000 kg\r\n'


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"nonsense\r\n", b"ES\r\n"),
        (b"si\r\n", b"ES\r\n"),
        (b"SI 1\r\n", b"ES\r\n"),
        (b"\xff\r\n", b"ET\r\n"),
        (b"TA 1.500 kg\r\n", b"TA A      1.500 kg\r\n"),
        (b"TA 1.500 lb\r\n", b"TA L\r\n"),
        (b"TA many kg\r\n", b"TA L\r\n"),
        (b"TAC\r\n", b"TAC A\r\n"),
        (b"ZI\r\n", b"ZI S\r\n"),
        (b"TI\r\n", b"TI S      0.000 kg\r\n"),
        (b"x" * 1000 + b"\r\n", b"ES\r\n"),
        (b"I1\r\n", b'I1 A "0123" "2.30" "2.22" "2.33" "2.20"\r\n'),
        (b"I2\r\n", b'I2 A "Dockline bench 60.000 kg"\r\n'),
        (b"I5\r\n", b'I5 A "11111111A"\r\n'),
        (b"PW\r\n", b"PW A          0 kg\r\n"),
        (b"PW 0.020 kg\r\nPW\r\n", b"PW A\r\nPW A      0.020 kg\r\n"),
        (b"PW 20 g\r\n", b"PW L\r\n"),
        (b"UPD\r\n", b"UPD A 10.0\r\n"),
        (b"UPD 5\r\nUPD\r\n", b"UPD A\r\nUPD A 5.0\r\n"),
        (b"UPD nan\r\n", b"UPD L\r\n"),
        (b"SR 0 kg\r\n", b"S L\r\n"),
    ],
)
def test_twin_answers_as_the_manual_says(asked: bytes, answered: bytes) -> None:
    assert SicsScaleTwin().receive_bytes(asked, 0.0) == answered


def test_twin_lists_its_commands() -> None:
    lines = SicsScaleTwin().receive_bytes(b"I0\r\n", 0.0).split(b"\r\n")

    assert b'I0 B 0 "S"' in lines
    assert lines[-2].startswith(b"I0 A ")


def test_twin_switched_on_again_takes_a_small_load_for_zero() -> None:
    twin = SicsScaleTwin()
    twin.on_place(weight_g=1_000, now_s=0.0)

    assert twin.on_reboot(now_s=2.0) == b'I4 A "B021002593"\r\n'

    assert _after(twin, 2.5, b"SI\r\n") == b"S S      0.000 kg\r\n"


def _states(twin: SicsScaleTwin, mode: str) -> list[SessionEvent]:
    """Five simulated seconds: a load at 1 s, a touch at 3 s, gone at 4 s."""
    session = SicsSession(ScaleSicsConfig(path="/dev/null", mode=mode, interval_s=0.1))  # type: ignore[arg-type]
    events: list[SessionEvent] = []
    for step in range(500):
        now_s = step / 100
        heard = {100: lambda: twin.on_place(weight_g=12_500, now_s=1.0), 300: lambda: twin.on_move(now_s=3.0), 400: lambda: twin.on_remove(now_s=4.0)}.get(
            step, lambda: b""
        )()
        heard += twin.advance_to(now_s)
        events += session.advance_to(now_s)
        while heard or (asked := session.bytes_to_send()):
            if heard:
                events += session.receive_bytes(heard, now_s)
                heard = b""
            else:
                heard = twin.receive_bytes(asked, now_s)
    return events


@pytest.mark.requirement("E7")
@pytest.mark.parametrize("mode", ["stream", "poll"])
@pytest.mark.parametrize("twin_type", [SicsScaleTwin, LookAlikeScaleTwin])
def test_stable_weights_are_only_those_at_rest(twin_type: type[SicsScaleTwin], mode: str) -> None:
    weighed = [event for event in _states(twin_type(), mode) if isinstance(event, Weighed)]

    stable = {event.value for event in weighed if event.state == "stable"}
    states: list[WeightState] = [event.state for event in weighed]
    assert stable == {Decimal("0.0"), Decimal("12.5")}
    assert states.count("dynamic") > 5
    assert len(weighed) > 35


def test_driver_weighs_the_load_that_is_there_when_asked() -> None:
    """The load changes just before the command: no line of the stream that is older may answer it."""
    twin, session = SicsScaleTwin(), SicsSession(ScaleSicsConfig(path="/dev/null"))
    done: list[CommandDone] = []
    for step in range(300):
        now_s = step / 100
        heard = b""
        if step == 100:
            heard += twin.on_place(weight_g=8_000, now_s=now_s)
            session.start_command("weigh", {}, now_s)
        heard += twin.advance_to(now_s)
        events = list(session.advance_to(now_s))
        for _ in range(20):
            events += session.receive_bytes(heard, now_s) if heard else ()
            heard = twin.receive_bytes(session.bytes_to_send(), now_s)
        done += [event for event in events if isinstance(event, CommandDone)]

    assert [event.result["weight"] for event in done] == ["8.000"]


def _played(twin: SicsScaleTwin, seconds: float) -> bytes:
    """What it says by itself until then."""
    said = b""
    while (due_s := twin.next_deadline_s()) is not None and due_s <= seconds:
        said += twin.advance_to(due_s)
    return said + twin.advance_to(seconds)


def test_sr_tells_a_change_once_moving_and_once_at_rest_and_snr_only_at_rest() -> None:
    for command, letters in ((b"SR", b"DS"), (b"SNR", b"S")):
        twin = SicsScaleTwin()
        assert twin.receive_bytes(command + b"\r\n", 0.0) == b"S S      0.000 kg\r\n"
        twin.on_place(weight_g=5_000, now_s=1.0)
        lines = _played(twin, 5.0).splitlines()
        twin.on_place(weight_g=5_010, now_s=5.0)  # less than 12.5 %

        assert bytes(line[2] for line in lines) == letters
        assert lines[-1] == b"S S      5.000 kg"
        assert _played(twin, 9.0) == b""


def test_defect_is_told_instead_of_a_weight() -> None:
    twin = SicsScaleTwin()
    twin.set_error("1b", now_s=0.0)

    assert twin.receive_bytes(b"SI\r\nS\r\n", 0.1) == b"S S Error 1b\r\n" * 2


RADWAG = [
    (b"SI", b"SI        0.000 kg \r\n"),
    (b"S", b"S A\r\nS         0.000 kg \r\n"),
    (b"Z", b"Z A\r\nZ D\r\n"),
    (b"T", b"T A\r\nT D\r\n"),
    (b"UT 1.5", b"UT OK\r\n"),
    (b"UT x", b"ES\r\n"),
    (b"UT 99", b"UT I\r\n"),
    (b"OT", b"OT     0.000 kg  \r\n"),
    (b"NB", b'NB A "353417"\r\n'),
    (b"C1", b"C1 A\r\n"),
    (b"I4", b"ES\r\n"),
    (b"SI 1", b"ES\r\n"),
]


@pytest.mark.parametrize(("asked", "answered"), RADWAG, ids=[asked.decode() for asked, _ in RADWAG])
def test_radwag_answers_as_its_manual_says(asked: bytes, answered: bytes) -> None:
    assert RadwagScaleTwin().receive_bytes(asked + b"\r\n", 0.0) == answered


def test_radwag_marks_what_moves_and_what_is_beyond_its_limits() -> None:
    twin = RadwagScaleTwin()
    twin.on_place(weight_g=8_500, now_s=0.0)
    assert twin.receive_bytes(b"SI\r\n", 0.0)[3:4] == b"?"
    assert _after(twin, 3.0, b"SI\r\n") == b"SI        8.500 kg \r\n"
    twin.set_tare("9", now_s=3.0)
    assert _after(twin, 3.1, b"SI\r\n") == b"SI   -    0.500 kg \r\n"
    twin.on_place(weight_g=70_000, now_s=4.0)

    assert _after(twin, 8.0, b"SI\r\n")[3:4] == b"^"

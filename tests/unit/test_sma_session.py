# SPDX-License-Identifier: Apache-2.0
from decimal import Decimal

import pytest

from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.weighing import Weighed
from drivers.scale_sma.config import ScaleSmaConfig
from drivers.scale_sma.frames import AboutMessage, DiagnosticsMessage, Refusal, WeightMessage, decode
from drivers.scale_sma.session import SmaSession
from firmware_sims.scale_sma.twin import SmaScaleTwin


@pytest.mark.requirement("E5")
@pytest.mark.parametrize(
    ("line", "state", "value", "net"),
    [
        ("\n 1G       5.025lb \r", "stable", "5.025", False),  # PR 5220 manual, examples
        ("\n 1N      100000lb \r", "stable", "100000", True),
        ("\nZ1G       0.000lb \r", "zero", "0.000", False),
        ("\n 1GM      7.650kg \r", "dynamic", "7.650", False),
        ("\n 1NM       3.85lb_\r", "dynamic", "3.85", True),
        ("\n_1G_______5.025lb_\r", "stable", "5.025", False),
        ("\nO1G      35.000lb \r", "overload", "35.000", False),
        ("\nU1G      -1.000lb \r", "underload", "-1.000", False),
        ("\nT1NM ----------lb_\r", "error", None, True),
        ("\nE1G  ----------kg \r", "error", None, False),
        ("\nI1G  ----------kg \r", "error", None, False),
        ("\ne1G           0lb \r", "error", "0", False),  # Cardinal 190 manual p. 124: the weight is not being displayed
        ("\n 2g      5.0025kg\r", "stable", "5.0025", False),
        ("\n 1G       5.025\r", "stable", "5.025", False),
    ],
)
def test_weight_of_the_standard_is_understood(line: str, state: str, value: str | None, net: bool) -> None:
    message = decode(line.encode())

    assert isinstance(message, WeightMessage)
    assert (message.state, message.value, message.is_net) == (state, None if value is None else Decimal(value), net)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\n?\r", Refusal("?")),
        (b"\n!\r", Refusal("!")),
        (b"\n    \r", DiagnosticsMessage(True, True, True)),
        (b"\n_E__\r", DiagnosticsMessage(True, False, True)),
        (b"\nSMA:2/1.0\r", AboutMessage("SMA", "2/1.0")),
        (b"\nSN_:4711\r", AboutMessage("SN", "4711")),
        (b"\nEND:\r", AboutMessage("END", "")),
    ],
)
def test_other_message_of_the_standard_is_understood(line: bytes, message: object) -> None:
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"\nhello\r", b"\n 1X       5.025lb \r", b"\n 1G      5.0.25lb \r", b"\n\xff1G       5.025lb \r", b"\n 1G       5.025pounds\r"]
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(line)


def test_scale_without_about_weighs_all_the_same() -> None:
    session, now_s, events = SmaSession(ScaleSmaConfig(path="/dev/null", reply_timeout_s=0.2)), 0.0, []
    session.advance_to(0.0)
    for _ in range(300):
        now_s += 0.01
        events += session.advance_to(now_s)
        if session.bytes_to_send() == b"\nW\r":
            events += session.receive_bytes(b"\n 1G       5.025lb \r", now_s)
            break

    assert [event.state for event in events if isinstance(event, Weighed)] == ["stable"]


@pytest.mark.parametrize("preset", ["much", "-1", "12345678901", "1;5"])
def test_preset_that_is_no_weight_is_refused(preset: str) -> None:
    session = SmaSession(ScaleSmaConfig(path="/dev/null"))

    with pytest.raises(LocalProtocolError, match="preset"):
        session.start_command("tare", {"preset": preset}, 0.0)


def _twin() -> SmaScaleTwin:
    twin = SmaScaleTwin()
    twin.receive_bytes(b"", 0.0)
    return twin


def test_twin_waits_with_p_for_rest_and_forgets_it_at_the_next_command() -> None:
    twin = _twin()
    twin.on_place(weight_g=907, now_s=0.0)

    assert twin.receive_bytes(b"\nP\r", 0.1) == b""
    due_s = twin.next_deadline_s()
    assert due_s is not None
    assert twin.advance_to(3.0) == b"\n 1G       2.000lb \r"
    twin.on_move(now_s=4.0)
    assert twin.receive_bytes(b"\nP\r\nD\r", 4.1) == b"\n    \r"
    assert twin.advance_to(9.0) == b""


def test_twin_repeats_until_another_command_comes() -> None:
    twin = _twin()

    assert twin.receive_bytes(b"\nR\r", 1.0) == b"\nZ1G       0.000lb \r"
    assert twin.advance_to(1.1) == b"\nZ1G       0.000lb \r"
    assert twin.receive_bytes(b"\n\x1b\r", 1.15) == b""
    assert twin.next_deadline_s() is None


def test_twin_tells_about_itself_line_by_line_and_then_no_more() -> None:
    twin = _twin()

    said = twin.receive_bytes(b"\nA\r" + b"\nB\r" * 6, 1.0)

    assert said == b"\nSMA:2/1.1\r\nMFG:DOCKLINE\r\nMOD:TWIN-30\r\nREV:1.00\r\nSN_:SMA004711\r\nEND:\r\n?\r"
    assert twin.receive_bytes(b"\nI\r" + b"\nN\r" * 4, 1.0) == b"\nSMA:2/1.1\r\nTYP:S\r\nCAP:lb :30:5:3\r\nCMD:HPQTMCURIN\r\nEND:\r"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(b"\nX\r", b"\n?\r"), (b"\n\xff\r", b"\n!\r"), (b"W\r", b""), (b"\nW1\r", b"\n?\r"), (b"\nTx\r", b"\n?\r"), (b"\nT40\r", b"\nT1G  ----------lb \r"),
     (b"\nT1.5\r", b"\n 1N      -1.500lb \r"), (b"\nM\r", b"\nZ1T       0.000lb \r"), (b"\nH\r", b"\nZ1g      0.0000lb \r")],
)  # fmt: skip
def test_twin_answers_as_the_standard_says(asked: bytes, answered: bytes) -> None:
    assert _twin().receive_bytes(asked, 1.0) == answered


def test_twin_that_could_not_be_zeroed_says_i() -> None:
    twin = _twin()
    twin.on_place(weight_g=10_000, now_s=0.0)
    twin.advance_to(3.0)
    twin.on_reboot(now_s=3.0)

    assert twin.receive_bytes(b"\nW\r", 5.0)[:2] == b"\nI"

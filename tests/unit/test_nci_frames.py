# SPDX-License-Identifier: Apache-2.0
from decimal import Decimal

import pytest

from drivers.base.errors import RemoteProtocolError
from drivers.base.session import CommandDone
from drivers.scale_nci.config import ScaleNciConfig
from drivers.scale_nci.frames import Reply
from drivers.scale_nci.session import NciSession
from firmware_sims.scale_nci.twin import NciScaleTwin


@pytest.mark.requirement("E5")
@pytest.mark.parametrize(
    ("frame", "state", "value", "unit"),
    [
        (b"\n1.250KG\r\nS00\r\x03", "stable", "1.250", "kg"),  # B-TEK T419S p. 66
        (b"\n0007.26LB\r\n00\r\x03", "stable", "7.26", "lb"),
        (b"\n01lb 04.5oz\r\n00\r\x03", "stable", "20.5", "oz"),
        (b"\n 12.50 kg\r\n20\r\x03", "stable", "12.50", "kg"),
        (b"\n  0.00lb\r\n20\r\x03", "zero", "0.00", "lb"),
        (b"\n-0.50lb\r\n00\r\x03", "stable", "-0.50", "lb"),
        (b"\n_1250g_\r\n00\r\x03", "stable", "1250", "g"),  # Salter Brecknell 3700LP manual p. 11, grams
        (b"\n1.250KG\r10\x03", "dynamic", "1.250", "kg"),  # serial-nci-scale expects no second LF and no CR
        (b"\n10\r\x03", "dynamic", None, ""),
        (b"\n02\r\x03", "overload", None, ""),
        (b"\n01\r\x03", "underload", None, ""),
        (b"\n^^^^^^kg\r\n0p0\r\x03", "overload", None, ""),  # Adam MDW manual 8.5.3
        (b"\n______kg\r\n0p0\r\x03", "underload", None, ""),
        (b"\n---------kg\r\n0p0\r\x03", "error", None, ""),
        (b"\nError 3lb\r\n00\r\x03", "error", None, ""),
        (b"\n1.250KG\r\n40\r\x03", "error", "1.250", "kg"),  # RAM error
        (b"\n1.250KG\r\n0p8\r\x03", "error", "1.250", "kg"),  # not zeroed when switched on
        (b"\n1.250KG\r\n0pp2\r\x03", "stable", "1.250", "kg"),
        (b"\n1\xae250K\xc7\r\n\xb0\xb0\r\x03", "stable", "1.250", "kg"),  # with parity bits
    ],
)
def test_reply_of_any_maker_is_understood(frame: bytes, state: str, value: str | None, unit: str) -> None:
    reply = Reply.decode(frame)

    assert (reply.state, reply.value, reply.unit) == (state, None if value is None else Decimal(value), unit)


@pytest.mark.parametrize("frame", [b"\n1.250KG\r\x03", b"\n0p\r\x03", b"\n0pp0\r\n\r\n1\r\x03", b"\n0\r\x03", b"\x03", b"\n?x\r\x03"])
def test_reply_with_too_few_status_bytes_is_refused(frame: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Reply.decode(frame)


@pytest.mark.parametrize("frame", [b"\n?\r\x03", b"\n?\r", b"\r?\n"])
def test_unknown_command_is_understood_in_both_orders(frame: bytes) -> None:
    assert Reply.decode(frame).is_unknown_command


@pytest.mark.parametrize("answer", [b"\nLB\r\n00\r\x03", b"\n2.756LB\r\n00\r\x03"], ids=["SCP-01", "B-TEK T419S p. 66"])
def test_unit_key_gives_the_new_unit_whether_or_not_the_weight_comes_with_it(answer: bytes) -> None:
    session = NciSession(ScaleNciConfig(path="/dev/null"))
    session.advance_to(0.0)
    session.advance_to(0.2)
    session.bytes_to_send()
    session.receive_bytes(b"\n1.250KG\r\n00\r\x03", 0.2)
    token = session.start_command("next_unit", {}, 0.2)
    session.advance_to(0.2)
    assert session.bytes_to_send() == b"U\r"

    assert list(session.receive_bytes(answer, 0.3)) == [CommandDone(token, {"unit": "lb"})]


def test_twin_shows_net_in_its_third_byte_and_metric_in_its_fourth() -> None:
    twin = NciScaleTwin(status_bytes=4)
    twin.receive_bytes(b"", 0.0)
    twin.on_place(weight_g=1000, now_s=0.0)
    assert twin.receive_bytes(b"W\r", 0.05) == b"\n1pp4\r\x03"

    assert twin.receive_bytes(b"T\rW\r", 3.0) == b"\n0pt4\r\x03\n0.000KG\r\n0pt4\r\x03"


def test_twin_answers_what_it_does_not_know_as_its_maker_does() -> None:
    assert NciScaleTwin(unknown="swapped").receive_bytes(b"X\r", 0.0) == b"\r?\n"
    assert NciScaleTwin().receive_bytes(b"w\r\x00\xffW\r", 0.0) == b"\n?\r\x03\n?\r\x03"


def test_twin_says_nothing_of_the_weight_with_a_faulty_calibration() -> None:
    twin = NciScaleTwin()
    twin.change("fault", "calibration", 0.0)

    assert twin.receive_bytes(b"W\r", 5.0) == b"\n28\r\x03"
    with pytest.raises(ValueError, match="calibration or none"):
        twin.change("fault", "fire", 0.0)

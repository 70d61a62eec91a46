# SPDX-License-Identifier: Apache-2.0
"""Bytes that real scales, their manuals and other people's programs send, each through the driver's session and, where it says them itself, the twin."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from contracts.readings import Weight
from drivers.base.session import Session, SessionEvent
from drivers.base.weighing import Weighed, number, unit_name, weight_mg
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.session import Session8217
from drivers.scale_cas.config import ScaleCasConfig
from drivers.scale_cas.session import CasSession
from drivers.scale_cas_pos.config import ScaleCasPosConfig
from drivers.scale_cas_pos.session import CasPosSession
from drivers.scale_hid.config import ScaleHidConfig
from drivers.scale_hid.session import HidScaleSession
from drivers.scale_lines.config import ScaleLinesConfig
from drivers.scale_lines.maps import load_map
from drivers.scale_lines.session import LinesSession
from drivers.scale_nci.config import ScaleNciConfig
from drivers.scale_nci.session import NciSession
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.session import SicsSession
from drivers.scale_sma.config import ScaleSmaConfig
from drivers.scale_sma.session import SmaSession
from firmware_sims.scale_8217.twin import Toledo8217Twin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scale_sma.twin import SmaScaleTwin
from gateway.config import WeighPoint
from gateway.stations.weigh_point import WeighPointStation
from tests.unit.gateway.virtual_time import instant

pytestmark = [pytest.mark.requirement("E5"), pytest.mark.requirement("E7")]

PATH = "/dev/null"


def sics() -> Session:
    return SicsSession(ScaleSicsConfig(path=PATH, mode="poll", tare_check_s=0.0))


def toledo_8217() -> Session:
    return Session8217(Scale8217Config(path=PATH, default_unit="kg"))


def nci() -> Session:
    return NciSession(ScaleNciConfig(path=PATH))


def sma() -> Session:
    return SmaSession(ScaleSmaConfig(path=PATH, asks_about=False))


def cas() -> Session:
    return CasSession(ScaleCasConfig(path=PATH))


def cas_pos() -> Session:
    return CasPosSession(ScaleCasPosConfig(path=PATH))


def hid() -> Session:
    return HidScaleSession(ScaleHidConfig(path="/dev/hidraw0"))


def hid_without_number() -> Session:
    return HidScaleSession(ScaleHidConfig(path="/dev/hidraw0", report_id=0))


def kern() -> Session:
    return LinesSession(ScaleLinesConfig(path=PATH, map="kern_gs"), load_map("kern_gs"))


def sartorius() -> Session:
    return LinesSession(ScaleLinesConfig(path=PATH, map="sartorius_sbi"), load_map("sartorius_sbi"))


_BEFORE = {
    b"SI\r\n": b"S S       0.00 g\r\n",
    b"I4\r\n": b'I4 A "1"\r\n',
    b"I0\r\n": b"ES\r\n",
    b"I1\r\n": b"ES\r\n",
    b"I2\r\n": b"ES\r\n",
    b"I3\r\n": b"ES\r\n",
    b"I5\r\n": b"ES\r\n",
    b"\x05": b"\x06",
}
"""What must be answered before the question whose answer is tried."""
_QUESTIONS_MAX = 12


def heard(session: Session, answer: bytes) -> Weighed:
    """What the session makes of `answer` as the last of its questions, or as what the scale says by itself."""
    now_s, events = 0.0, list[SessionEvent](session.advance_to(0.0))
    for _ in range(_QUESTIONS_MAX):
        now_s += 0.25
        events += session.advance_to(now_s)
        asked = session.bytes_to_send()
        while asked in _BEFORE and not (asked == b"SI\r\n" and any(isinstance(event, Weighed) for event in events)):
            events += session.receive_bytes(_BEFORE[asked], now_s)
            asked = session.bytes_to_send()
        if asked or not any(isinstance(event, Weighed) for event in events):
            said: Sequence[SessionEvent] = session.receive_bytes(answer, now_s)
            found = [event for event in said if isinstance(event, Weighed)]
            if found:
                return found[-1]
    raise AssertionError(f"nothing was understood: {events[-3:]}")


def cas_block(weight: str) -> bytes:
    """SOH STX, status, sign, weight, unit, XOR of STA to UN2, ETX EOT (SW-II manual p. 15)."""
    check = 0
    for byte in (data := f"S {weight}kg".encode()):
        check ^= byte
    return b"\x01\x02" + data + bytes((check,)) + b"\x03\x04"


@pytest.mark.parametrize(
    ("session", "answer", "state", "value", "unit", "net"),
    [
        (sics, "53 20 53 20 20 20 20 20 31 30 30 2e 30 30 20 67 0d 0a", "stable", "100.00", "g", False),
        (toledo_8217, "02 30 31 2e 32 35 30 0d", "stable", "1.250", "kg", False),
        (toledo_8217, "02 30 32 2e 35 30 30 4e 0d", "stable", "2.500", "kg", True),
        (toledo_8217, "02 3f 01 0d", "dynamic", None, "", False),  # emupos, as are the next three
        (toledo_8217, "02 3f 02 0d", "overload", None, "", False),
        (toledo_8217, "02 3f 04 0d", "underload", None, "", False),
        (toledo_8217, "02 3f 50 0d", "zero", None, "", False),
        (toledo_8217, "02 3f 61 0d", "dynamic", None, "", False),
        (nci, "0a 31 2e 32 35 30 4b 47 0d 0a 53 30 30 0d 03", "stable", "1.250", "kg", False),
        (nci, "0a 31 30 0d 03", "dynamic", None, "", False),
        (nci, "0a 30 32 0d 03", "overload", None, "", False),
        (sma, "0a 20 31 4e 4d 20 20 20 20 20 20 20 33 2e 38 35 6c 62 5f 0d", "dynamic", "3.85", "lb", True),  # emupos
        (cas, "53 54 2c 47 53 2c 31 c4 2c 2b 30 30 30 31 32 2e 35 20 6b 67 0d 0a", "stable", "12.5", "kg", False),
        (cas, "53 54 2c 47 53 2c 2c 8a 2c 2b 30 30 30 31 32 2e 35 20 6b 67 0d 0a", "stable", "12.5", "kg", False),
        (cas_pos, "01 02 53 20 30 31 2e 32 35 30 6b 67 67 03 04", "stable", "1.250", "kg", False),
        (hid_without_number, "04 02 00 14 00", "stable", "20", "g", False),  # antradar
        (hid_without_number, "04 0b ff 34 19", "stable", "645.2", "oz", False),
        (hid, "03 04 0b ff 34 19", "stable", "645.2", "oz", False),
    ],
)
def test_bytes_of_a_document_are_understood(session: Any, answer: str, state: str, value: str | None, unit: str, net: bool) -> None:
    weighed = heard(session(), bytes.fromhex(answer))

    assert (weighed.state, None if weighed.value is None else str(weighed.value), weighed.unit, weighed.net) == (state, value, unit, net)


def test_twins_say_the_bytes_of_the_documents() -> None:
    bench = SicsScaleTwin(capacity_g=220, division_g=0.01, unit="g", load="100g")
    assert bench.receive_bytes(b"SI\r\n", 5.0) == bytes.fromhex("53 20 53 20 20 20 20 20 31 30 30 2e 30 30 20 67 0d 0a")

    counter = Toledo8217Twin()
    counter.receive_bytes(b"", 0.0)
    counter.on_place(weight_g=1250, now_s=1.0)
    assert counter.receive_bytes(b"W", 1.0) == bytes.fromhex("02 3f 61 0d")
    assert counter.receive_bytes(b"W", 6.0) == bytes.fromhex("02 30 31 2e 32 35 30 0d")

    till = Toledo8217Twin(habit="emupos")
    assert till.receive_bytes(b"X", 5.0) == bytes.fromhex("02 3f 50 0d")
    for weight_g, answer in ((1250, "02 3f 01 0d"), (20_000, "02 3f 02 0d"), (-1000, "02 3f 04 0d")):
        till.on_place(weight_g=weight_g, now_s=till.present_s)
        said = till.receive_bytes(b"W", till.present_s + (0.0 if weight_g == 1250 else 5.0))
        assert said == bytes.fromhex(answer), weight_g

    pounds = SmaScaleTwin()
    pounds.receive_bytes(b"", 0.0)
    pounds.on_place(weight_g=5.025 * 453.59237, now_s=0.0)
    assert pounds.receive_bytes(b"\nW\r", 5.0) == b"\n 1G       5.025lb \r"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"), ("-0.00", "-0.00"), ("000001.250", "1.250"), ("-000.5", "-0.5"), ("999999999.999", "999999999.999"),
        ("0000000000000000000000000001", "1"),
        ("1000000000", None), ("9" * 200, None), ("0." + "1" * 10, None),
        ("1,250", None), ("1.250,5", None), ("1 250", None), ("1'250", None), ("NaN", None), ("Infinity", None), ("1e3", None), ("1E3", None), ("0x10", None),
        ("--1", None), ("+-1", None), ("1-", None), ("\u0661", None), ("1_000", None), (".", None), ("+", None),
    ],
)  # fmt: skip
def test_number_is_what_scales_write_and_nothing_else(text: str, value: str | None) -> None:
    found = number(text)

    assert (None if found is None else str(found)) == value


def test_largest_number_in_the_largest_unit_fits_into_63_bits_of_milligrams() -> None:
    largest = number("999999999.999999999")
    assert largest is not None
    assert (weight_mg(largest, "t") or 0) < 2**63


def test_unit_that_may_be_milligrams_or_megagrams_is_left_as_it_came() -> None:
    assert [unit_name(text) for text in ("mg", "MG", "Mg")] == ["mg", "MG", "Mg"]


HUGE = "9" * 12


@pytest.mark.parametrize(
    ("session", "answer"),
    [
        (sics, b"S S 1,250 kg\r\n"),
        (sics, b"S S 1 250 kg\r\n"),
        (sics, b"S S NaN kg\r\n"),
        (sics, f"S S {HUGE} kg\r\n".encode()),
        (sics, b"S S " + b"9" * 200 + b" t\r\n"),
        (nci, b"\n1,250KG\r\n00\r\x03"),
        (nci, b"\n1 250KG\r\n00\r\x03"),
        (nci, f"\n{HUGE}KG\r\n00\r\x03".encode()),
        (nci, f"\n{HUGE}lb 1.0oz\r\n00\r\x03".encode()),
        (nci, f"\n1lb {HUGE}oz\r\n00\r\x03".encode()),
        (cas, b"ST,GS,1\xc4,+0012,50 kg\r\n"),
        (cas, b"ST,GS,1\xc4,  1 2.50 kg\r\n"),
        (cas, b"ST,GS,1\xc4,     nan kg\r\n"),
        (cas_pos, cas_block("01,250")),
        (cas_pos, cas_block("1 .250")),
    ],
)
def test_number_that_cannot_be_read_for_sure_is_an_error_and_no_weight(session: Any, answer: bytes) -> None:
    weighed = heard(session(), answer)

    assert (weighed.state, weighed.value) == ("error", None)
    assert weighed.text


@pytest.mark.parametrize(
    ("session", "answer"),
    [
        (toledo_8217, b"\x0201,250\r"),
        (toledo_8217, b"\x021 250\r"),
        (toledo_8217, f"\x02{HUGE}\r".encode()),
        (sma, b"\n 1G       5,025lb \r"),
        (sma, b"\n 1G     1 5.025lb \r"),
        (sma, b"\n 1G  9999999999lb \r"),
        (kern, b"ST,GS    1,250KG\r\n"),
        (kern, b"ST,GS   1 250.0KG\r\n"),
        (sartorius, b"+    1,250 kg \r\n"),
        (sartorius, b"+  1 250.5 kg \r\n"),
        (hid, bytes.fromhex("03 04 08 09 ff ff")),
    ],
)
def test_line_with_a_number_that_cannot_be_read_for_sure_is_thrown_away(session: Any, answer: bytes) -> None:
    with pytest.raises(AssertionError, match=r"nothing was understood"):
        heard(session(), answer)


@pytest.mark.parametrize("value", ["-0.00", "0.00"])
def test_negative_zero_is_an_empty_pan(value: str) -> None:
    weighed = heard(sics(), f"S S {value:>10} kg\r\n".encode())
    station = WeighPointStation(WeighPoint(id="w", scale="s", stable_readings=1))

    said = [station.on_reading(Weight(device="s", at_s=1.0, state="stable", value=value_, unit="kg", text="x"), instant(1.0))
            for value_ in (Decimal(5), weighed.value, Decimal(5))]  # fmt: skip

    assert str(weighed.value) == value
    assert [len(outputs) for outputs in said] == [1, 1, 1], "recorded, taken off, recorded"

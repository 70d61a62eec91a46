# SPDX-License-Identifier: Apache-2.0
from decimal import Decimal

import pytest

from drivers.base.errors import RemoteProtocolError
from drivers.scale_sics.frames import Command, Reply


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"S S     100.00 g", Reply("S", "S", Decimal("100.00"), "g")),
        (b"S D      -0.5 kg", Reply("S", "D", Decimal("-0.5"), "kg")),
        (b"SI S      12.50 kg", Reply("SI", "S", Decimal("12.50"), "kg")),
        (b"S S 1.000   g  ", Reply("S", "S", Decimal("1.000"), "g")),
        (b"s d 1.000 g", Reply("S", "D", Decimal("1.000"), "g")),
        (b"S S -    1.25 KG", Reply("S", "S", Decimal("-1.25"), "kg")),
        (b"S S 1.25 MG", Reply("S", "S", Decimal("1.25"), "MG")),
        (b"S v", Reply("S", "v")),
        (b"S +", Reply("S", "+")),
        (b"S -", Reply("S", "-")),
        (b"S I", Reply("S", "I")),
        (b"S A", Reply("S", "A")),
        (b"T S       1.50 kg", Reply("T", "S", Decimal("1.50"), "kg")),
        (b"TA A       0.00 g", Reply("TA", "A", Decimal("0.00"), "g")),
        (b"Z A", Reply("Z", "A")),
        (b'I4 A "B021002593"', Reply("I4", "A", detail="B021002593")),
        (b'I2 A "WKC204C 220.0090 g"', Reply("I2", "A", detail="WKC204C 220.0090 g")),
        (b"S S Error 1b", Reply("S", "S", detail="Error 1b")),
        (b"S S 100.00", Reply("S", "S", detail="100.00")),  # torn: no unit
        (b"S S 1,00 g", Reply("S", "S", detail="1,00 g")),
        (b"ES", Reply("ES", "")),
        # Radwag: blank mark is stable, sign apart from the mass (manual of APP balances, p. 203)
        (b"S      -      8.5 g  ", Reply("S", "", Decimal("-8.5"), "g")),
        (b"SI ?       18.5 kg ", Reply("SI", "?", Decimal("18.5"), "kg")),
        (b"S  ^      900.0 g  ", Reply("S", "^", Decimal("900.0"), "g")),
    ],
)
def test_line_is_read_by_fields(line: bytes, reply: Reply) -> None:
    assert Reply.decode(line) == reply


def test_decimals_of_the_scale_are_kept() -> None:
    assert str(Reply.decode(b"S S     100.00 g").value) == "100.00"


@pytest.mark.parametrize("line", [b"", b"S", b"100.00 g", b"s q 1.0 g", b"S S\xa0 1.0 g", b"SSSSSSS S 1.0 g", b"S Q 1.0 g", b"ES S", b"I4"])
def test_line_that_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Reply.decode(line)


def test_weight_is_written_in_the_columns_of_the_manual() -> None:
    assert Reply("S", "S", Decimal("100.00"), "g").encode() == b"S S     100.00 g\r\n"
    assert Reply("I4", "A", detail="B021002593").encode() == b'I4 A "B021002593"\r\n'
    assert Command("TA", ("12.50", "kg")).encode() == b"TA 12.50 kg\r\n"

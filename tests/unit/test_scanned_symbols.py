# SPDX-License-Identifier: Apache-2.0
"""Symbols drawn and read by ZXing, sent as a scanner sends them, and read by our drivers: nobody of us wrote what is in between."""

import pytest
import zxingcpp

from drivers.base.codes.reading import Scanned
from drivers.base.session import SessionEvent
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.session import ScannerSession

GS1 = [
    ("(00)106141412345678908", {"00": "106141412345678908"}),
    ("(01)09506000134352(17)261231(10)L1", {"01": "09506000134352", "17": "261231", "10": "L1"}),
    ("(01)09506000134352(10)AB(21)C", {"01": "09506000134352", "10": "AB", "21": "C"}),
]


def _scanned(symbol: zxingcpp.Barcode) -> Scanned:
    """Drawn, found in the image, and said over a serial line with its AIM identifier."""
    (found,) = zxingcpp.read_barcodes(zxingcpp.write_barcode_to_image(symbol, scale=4))
    session = ScannerSession(ScannerSerialConfig(path="/dev/null"))
    session.advance_to(0.0)
    events: list[SessionEvent] = [*session.receive_bytes(found.symbology_identifier.encode() + found.bytes + b"\r", 1.0)]
    (event,) = events
    assert isinstance(event, Scanned)
    return event


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(("text", "elements"), GS1)
@pytest.mark.parametrize(
    ("kind", "symbology"), [(zxingcpp.BarcodeFormat.Code128, "]C1"), (zxingcpp.BarcodeFormat.DataMatrix, "]d2"), (zxingcpp.BarcodeFormat.QRCode, "]Q3")]
)
def test_gs1_symbol_is_drawn_found_and_understood(kind: zxingcpp.BarcodeFormat, symbology: str, text: str, elements: dict[str, str]) -> None:
    scanned = _scanned(zxingcpp.create_barcode(text, kind, gs1=True))

    assert (scanned.symbology, scanned.elements, scanned.error) == (symbology, elements, None)


@pytest.mark.parametrize(
    ("kind", "text", "symbology", "gtin"),
    [
        (zxingcpp.BarcodeFormat.EAN13, "6901234567892", "]E0", "06901234567892"),
        (zxingcpp.BarcodeFormat.EAN8, "02345673", "]E4", "00000002345673"),
        (zxingcpp.BarcodeFormat.ITF, "10614141000415", "]I1", "10614141000415"),
        (zxingcpp.BarcodeFormat.QRCode, "https://id.gs1.org/01/09506000134352", "]Q1", "09506000134352"),
        (zxingcpp.BarcodeFormat.Code128, "SF1234567890123", "]C0", None),
    ],
)
def test_other_symbol_is_what_its_identifier_says(kind: zxingcpp.BarcodeFormat, text: str, symbology: str, gtin: str | None) -> None:
    scanned = _scanned(zxingcpp.create_barcode(text, kind))

    assert (scanned.text, scanned.elements.get("01"), scanned.error) == (text, gtin, None)
    assert scanned.symbology == symbology

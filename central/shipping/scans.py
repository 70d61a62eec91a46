# SPDX-License-Identifier: Apache-2.0
"""What a scanned text names: a GS1 element string, a GTIN, an SSCC, or a code of the house."""

from __future__ import annotations

from sqlalchemy import Connection

from central.catalog import service as catalog
from central.errors import DomainError
from central.shipping.rules import Scanned
from contracts.identifiers import IdentifierError, check_sscc

_SSCC_DIGITS = 18
_AI_SSCC = "00"


def sscc_in(text: str) -> str | None:
    """The SSCC of a scanned label: bare, with its AI, or with brackets; None when it carries none."""
    digits = text.strip().removeprefix("]C1").replace("(", "").replace(")", "").replace(" ", "")
    for candidate in (digits, digits.removeprefix(_AI_SSCC), _message(text).get(_AI_SSCC, "")):
        try:
            return check_sscc(candidate)
        except IdentifierError:
            continue
    return None


def _message(text: str) -> dict[str, str]:
    """AI -> value of a GS1 element string; empty when it is none."""
    if text.isdigit() and len(text) in (8, 12, 13, 14):
        return {}
    import biip  # its tables of company prefixes cost 21 MiB: only who scans at a pack station pays for them

    result = biip.parse(text.removeprefix("]C1"), config=biip.ParseConfig(gs1_element_strings_verify_date=False))
    return {element.ai.ai: element.value for element in result.gs1_message.element_strings} if result.gs1_message else {}


def read_scan(connection: Connection, text: str) -> Scanned:
    """The item that a scan names, with lot, serial and count where the code carries them. Raises: UnknownItemError, DomainError `scan_unreadable`."""
    text = text.strip()
    values = _message(text)
    code = values.get("01") or values.get("02")
    if values and code is None:
        # A code of the house may look like an element string: it is one only if nothing has this name.
        if text not in catalog.all_named(connection, [text]):
            raise DomainError("scan_unreadable", f"scan {text!r} names no item (AI 01 or 02); scan the label of the goods")
        values = {}
    found = catalog.named(connection, code or text)
    count = int(values.get("37", 1)) * found.quantity
    serials = (values["21"],) if "21" in values else ()
    return Scanned(found.item, values.get("10"), count if count != 1 or "37" in values else None, serials)

# SPDX-License-Identifier: Apache-2.0
"""What a scanned text names: a GS1 element string, a GTIN, an SSCC, or a code of the house."""

from __future__ import annotations

from sqlalchemy import Connection

from central.catalog import service as catalog
from central.errors import DomainError
from central.outbound.scanned_text import elements_in, without_symbology
from central.shipping.rules import Scanned
from contracts.identifiers import IdentifierError, check_sscc

_AI_SSCC = "00"
_GTIN_LENGTHS = (8, 12, 13, 14)


def sscc_in(text: str) -> str | None:
    """The SSCC of a scanned label: bare, with its AI, or with brackets; None when it carries none."""
    text = without_symbology(text)
    for candidate in (text.replace(" ", ""), elements_in(text.replace(" ", "")).get(_AI_SSCC, "")):
        try:
            return check_sscc(candidate)
        except IdentifierError:
            continue
    return None


def read_scan(connection: Connection, text: str) -> Scanned:
    """The item that a scan names, with lot, serial and count where the code carries them. Raises: UnknownItemError, DomainError `scan_unreadable`."""
    text = without_symbology(text)
    values = {} if text.isdigit() and len(text) in _GTIN_LENGTHS else elements_in(text)
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

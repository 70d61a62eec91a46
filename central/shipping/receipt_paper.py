# SPDX-License-Identifier: Apache-2.0
"""The receipt of a pallet on paper: what was announced and what came, line by line, and what differed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from central.catalog.tables import partner
from central.inbound.receipts import receipt_of
from central.shipping.labels import gs1
from central.shipping.labels.label import bars
from central.shipping.labels.typesetting import typeset
from central.shipping.labels.wording import Language, word, words

_BAR_MODULE_MM = 0.375
_BAR_WIDTH_MM = 75


def receipt_paper(connection: Connection, sscc: str, language: Language, now: datetime, notice: str | None = None) -> bytes:
    """The receipt of a pallet as PDF. Raises: NotFoundError: it was not received. NoFontError."""
    return typeset("paper", contents(connection, sscc, language, now, notice), "pdf")


def contents(connection: Connection, sscc: str, language: Language, now: datetime, notice: str | None = None) -> dict[str, Any]:
    """All that is printed, as the template takes it. Raises: NotFoundError."""
    kept = receipt_of(connection, sscc, notice)
    return {
        "words": words(language),
        "title": word("receipt", language),
        "number": f"{kept['notice']} / {sscc}",
        "bars": bars((gs1.sscc(sscc),), _BAR_MODULE_MM, _BAR_WIDTH_MM),
        "facts": _facts(connection, kept, language),
        "parts": [_lines(kept, language), *([_differences(kept, language)] if kept["discrepancies"] else [])],
        "signatures": [word("signed_receiver", language)],
        "footer": f"{word('printed', language)} {now:%Y-%m-%d %H:%M} UTC",
    }


def _facts(connection: Connection, kept: Mapping[str, Any], say: Language) -> list[tuple[str, str]]:
    name = connection.execute(select(partner.c.name).where(partner.c.code == kept["supplier"])).scalar()
    return [
        (word("from", say), name or kept["supplier"]),
        (word("site", say), kept["site"]),
        (word("place", say), kept["place"]),
        (word("received_at", say), f"{kept['received_at']:%Y-%m-%d %H:%M} UTC  {kept['station']}"),
    ]


def _lines(kept: Mapping[str, Any], say: Language) -> dict[str, Any]:
    heads = [word(key, say) for key in ("line", "item", "name", "lot", "expiry", "announced", "came")]
    rows = [
        [str(n), line["item"], line["name"], line["lot"] or "-", str(line["expiry"] or "-"), str(line["quantity"]), str(line["received"])]
        for n, line in enumerate(kept["lines"], start=1)
    ]
    return {"title": "", "heads": heads, "rows": rows, "widths": [13, 26, 0, 26, 24, 19, 19], "numbers": [0, 5, 6], "sscc": kept["sscc"]}


def _differences(kept: Mapping[str, Any], say: Language) -> dict[str, Any]:
    heads = [word(key, say) for key in ("line", "difference", "item", "lot", "quantity", "answer")]
    rows = [
        [str(n), _said(each["kind"], say), each["item"] or "-", each["lot"] or "-", str(each["quantity"]), word(f"answer_{each['state']}", say)]
        for n, each in enumerate(kept["discrepancies"], start=1)
    ]
    return {"title": word("differences", say), "heads": heads, "rows": rows, "widths": [13, 0, 28, 26, 19, 26], "numbers": [0, 4], "sscc": ""}


def _said(kind: str, say: Language) -> str:
    """What differs; what was only asked before it could be received is one word."""
    return word(f"differs_{kind}" if f"differs_{kind}" in words(say) else "differs_asked", say)

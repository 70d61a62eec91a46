# SPDX-License-Identifier: Apache-2.0
"""Which locations get a label, and what stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from central.catalog.tables import location
from central.errors import DomainError, NotFoundError
from central.shipping.labels.location import LocationLabel
from central.shipping.labels.wording import Language
from central.shipping.tables import shipping_site

LABELS_MAX = 200
"""At once: one message to a gateway holds so many, and a roll has 500 to 2,000 (chosen)."""
_DPI = 203


class Which(NamedTuple):
    """Locations of a site; None: all. `codes` in the order in which they are printed."""

    site: str
    aisle: str | None = None
    zone: str | None = None
    codes: Sequence[str] | None = None


def labels_of(connection: Connection, which: Which, language: Language) -> tuple[LocationLabel, ...]:
    """The labels, in the order in which a person walks. Raises: NotFoundError: one is not known, or there are none. DomainError: too many."""
    query = select(location).where(location.c.site == which.site)
    for column, wanted in ((location.c.aisle, which.aisle), (location.c.zone, which.zone)):
        query = query if wanted is None else query.where(column == wanted)
    query = query if which.codes is None else query.where(location.c.code.in_(list(which.codes)))
    rows = connection.execute(query.order_by(location.c.aisle, location.c.pick_rank, location.c.code).limit(LABELS_MAX + 1)).all()
    if len(rows) > LABELS_MAX:
        raise DomainError("too_many_labels", f"these are more than {LABELS_MAX} locations; choose an aisle or a zone, or name some of them")
    by_code = {row.code: row for row in rows}
    for code in which.codes or ():
        if code not in by_code:
            raise NotFoundError("unknown_location", f"location {code} of {which.site} is not in the catalog; see GET /api/v1/catalog/locations")
    if not rows:
        raise NotFoundError("unknown_location", f"{which.site} has no such locations; see GET /api/v1/catalog/locations")
    chosen = rows if which.codes is None else [by_code[code] for code in dict.fromkeys(which.codes)]
    return tuple(LocationLabel(row.code, row.zone, row.aisle, row.condition, language) for row in chosen)


def printer_of(connection: Connection, site: str) -> tuple[str, int]:
    """The label printer of a site and its dots per inch; empty: none is set."""
    row = connection.execute(select(shipping_site.c.printer, shipping_site.c.dpi).where(shipping_site.c.site == site)).one_or_none()
    return (row.printer, row.dpi) if row is not None else ("", _DPI)

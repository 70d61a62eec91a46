# SPDX-License-Identifier: Apache-2.0
"""Numbers of our own: which prefixes are ours, and the one counter of SSCCs, for handling units and for packages. Each runs inside the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal, or_, select

from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger.tables import handling_unit
from central.stock import rules
from central.stock.tables import sscc_range, sscc_series


def keep_range(connection: Connection, site: str, prefix: str) -> None:
    """From now on SSCCs of a site (empty: of all others) begin with `prefix`: extension digit and GS1 company prefix, 5 to 13 digits.

    Raises: DomainError: no such prefix. ConflictError: as `own_prefix`.
    """
    if not (prefix.isdigit() and 5 <= len(prefix) <= 13):
        raise DomainError("sscc_prefix", f"{prefix!r} is not an extension digit and a company prefix of 4 to 12 digits")
    own_prefix(connection, prefix)
    statement = insert_or_leave(connection, sscc_range).values(site=site, prefix=prefix)
    connection.execute(statement.on_conflict_do_update(index_elements=[sscc_range.c.site], set_={"prefix": prefix}))


def own_prefix(connection: Connection, prefix: str) -> None:
    """Count numbers of a prefix from now on; one that counts already goes on where it stood.

    Raises: ConflictError: another prefix of ours is the beginning of this one, or this one of it, so that both would make the same numbers.
    """
    begins = or_(literal(prefix).like(sscc_series.c.prefix + "%"), sscc_series.c.prefix.like(f"{prefix}%"))
    other = connection.execute(select(sscc_series.c.prefix).where(sscc_series.c.prefix != prefix, begins).limit(1)).scalar()
    if other is not None:
        text = f"numbers that begin with {prefix} would meet those that begin with {other}; use {other}, or a prefix apart"
        raise ConflictError("sscc_prefix_overlaps", text)
    connection.execute(insert_or_leave(connection, sscc_series).values(prefix=prefix, next=0).on_conflict_do_nothing())


def next_sscc(connection: Connection, site: str) -> str:
    """A new SSCC for a handling unit of a site. Raises: NotFoundError: nobody said which numbers are ours. DomainError: they are used up."""
    mine = select(sscc_range.c.prefix).where(sscc_range.c.site.in_((site, ""))).order_by(func.length(sscc_range.c.site).desc())
    prefix = connection.execute(mine.limit(1)).scalar()
    if prefix is None:
        raise NotFoundError("no_sscc_range", f"no numbers for handling units of {site}; give the unit's SSCC, or tell which GS1 company prefix is ours")
    return issue(connection, prefix)


def issue(connection: Connection, prefix: str) -> str:
    """The next SSCC of a prefix; given once, whatever becomes of what it names. Numbers that a unit got by hand are passed over.

    Raises: DomainError: the prefix has no number left.
    """
    while True:
        statement = insert_or_leave(connection, sscc_series).values(prefix=prefix, next=1)
        counted = statement.on_conflict_do_update(index_elements=["prefix"], set_={"next": sscc_series.c.next + 1})
        number = rules.sscc(prefix, int(connection.execute(counted.returning(sscc_series.c.next)).scalar_one()) - 1)
        if connection.execute(select(handling_unit.c.sscc).where(handling_unit.c.sscc == number)).scalar() is None:
            return number

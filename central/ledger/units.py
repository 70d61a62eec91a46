# SPDX-License-Identifier: Apache-2.0
"""Handling units nested pallet > case > each: a unit stands in one place with everything in it; an account names the innermost unit.

Every function runs inside the caller's transaction, after `record`. `lock` takes the fences of the goods and, under the item name `STRUCTURE`, the
fence of the site's units: whoever changes what stands on what, or where, holds it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, literal, select, update

from central.bulk import among, insert_rows
from central.database import micros
from central.errors import ConflictError, NotFoundError
from central.ledger import claims
from central.ledger import service as ledger
from central.ledger.rules import Account
from central.ledger.tables import balance, handling_unit

STRUCTURE: Final = "@units"
"""The fence of a site's units: no item can have this name, for codes do not begin with @."""
MAX_DEPTH: Final = 4
"""Pallet, case, inner and each: what GS1's logistic hierarchies name."""
_WITHIN: Final = ("pallet", "tote", "carton", "case")
"""What may stand in what: a kind carries kinds that come after it, and its own (cases in a case; a pallet on a pallet when stacked)."""

_UNIT_COLUMNS: Final[tuple[Any, ...]] = (
    handling_unit.c.sscc,
    handling_unit.c.kind,
    handling_unit.c.parent,
    handling_unit.c.site,
    handling_unit.c.place,
    handling_unit.c.state,
)


def lock(connection: Connection, sites: Iterable[str], site_items: Iterable[tuple[str, str]] = ()) -> None:
    """Take the fences of goods and of the units of `sites`, all in one call."""
    ledger.lock(connection, {*site_items, *((site, STRUCTURE) for site in sites)})


def unit_by_code(connection: Connection, sscc: str) -> Row[Any]:
    """A unit's row. Raises: NotFoundError."""
    row: Row[Any] | None = connection.execute(select(*_UNIT_COLUMNS).where(handling_unit.c.sscc == sscc)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_unit", f"handling unit {sscc} is not known; make it first, or scan its label again")
    return row


def _descend(roots: Collection[str]) -> Any:
    """Units below `roots` with their depth, the roots at 0. Deeper than any valid tree is not followed, so that a damaged one cannot loop."""
    base = select(handling_unit.c.sscc, literal(0).label("depth")).where(handling_unit.c.sscc.in_(roots)).cte("below", recursive=True)
    step = select(handling_unit.c.sscc, base.c.depth + 1).join(base, handling_unit.c.parent == base.c.sscc).where(base.c.depth <= MAX_DEPTH)
    return base.union_all(step)


def tree(connection: Connection, root: str) -> list[Row[Any]]:
    """The unit and all that stands in it, outermost first, each with its depth (the unit itself 0). Raises: NotFoundError."""
    below = _descend([root])
    query = select(*_UNIT_COLUMNS, below.c.depth).join(below, below.c.sscc == handling_unit.c.sscc).order_by(below.c.depth, handling_unit.c.sscc)
    rows: list[Row[Any]] = list(connection.execute(query))
    if not rows:
        unit_by_code(connection, root)
    return rows


def ancestors(connection: Connection, sscc: str) -> list[str]:
    """What the unit stands in, innermost first, without itself."""
    found: list[str] = []
    parent = unit_by_code(connection, sscc).parent
    while parent is not None and len(found) <= MAX_DEPTH:
        found.append(parent)
        parent = unit_by_code(connection, parent).parent
    return found


def goods_in(connection: Connection, roots: Collection[str]) -> Sequence[Row[Any]]:
    """The balances of all goods in these units, however deep, in the order of their accounts."""
    below = _descend(roots)
    query = select(balance).where(balance.c.unit.in_(select(below.c.sscc)))
    return connection.execute(query.order_by(balance.c.unit, balance.c.item, balance.c.lot, balance.c.owner, balance.c.status)).all()


def lock_tree(connection: Connection, root: str, to_site: str = "") -> list[Row[Any]]:
    """Take the fences of a unit, of all goods in it and, with `to_site`, of the same goods there; returns its tree as it then is.

    Raises: NotFoundError.
    """
    site = unit_by_code(connection, root).site
    sites = {site, to_site} - {""}
    lock(connection, sites, _pairs_in(connection, root, sites))
    # Goods may have come in before the fence was ours; then their fences are taken as well.
    ledger.lock(connection, _pairs_in(connection, root, sites))
    return tree(connection, root)


def _pairs_in(connection: Connection, root: str, sites: Collection[str]) -> set[tuple[str, str]]:
    return {(site, row.item) for row in goods_in(connection, [root]) for site in (row.site, *sites)}


def make(connection: Connection, fact_id: str, sscc: str, kind: str, place: str, now: datetime, parent: str | None = None) -> None:
    """Know a unit from now on. Raises: ConflictError: it is known already."""
    if connection.execute(select(handling_unit.c.sscc).where(handling_unit.c.sscc == sscc)).scalar() is not None:
        raise ConflictError("unit_exists", f"handling unit {sscc} is known already; an SSCC names one unit")
    values = {"sscc": sscc, "kind": kind, "parent": parent, "site": place.partition("/")[0], "place": place, "made_at": now, "changed_by": fact_id}
    connection.execute(insert(handling_unit).values(**values))


def make_many(connection: Connection, made: Sequence[tuple[str, str, str, str]], now: datetime) -> None:
    """Know units from now on, each (fact id, SSCC, kind, place), that the register does not know; it was looked at with the fences held."""
    rows = [(sscc, kind, place.partition("/")[0], place, micros(now), fact_id) for fact_id, sscc, kind, place in made]
    insert_rows(connection, handling_unit, ("sscc", "kind", "site", "place", "made_at", "changed_by"), rows)


def known_of(connection: Connection, ssccs: Collection[str]) -> set[str]:
    """Which of these the register knows."""
    return set(connection.execute(select(handling_unit.c.sscc).where(among(connection, handling_unit.c.sscc, ssccs))).scalars())


def arrive(connection: Connection, fact_id: str, sscc: str, kind: str, place: str, now: datetime) -> None:
    """A unit of others comes in: it is made, or, when it is known because it left or was on its way, it stands here with all that is in it."""
    row = connection.execute(select(*_UNIT_COLUMNS).where(handling_unit.c.sscc == sscc)).one_or_none()
    if row is None:
        make(connection, fact_id, sscc, kind, place, now)
    else:
        set_place(connection, fact_id, [each.sscc for each in tree(connection, sscc)], place, "open")


def set_place(connection: Connection, fact_id: str, ssccs: Collection[str], place: str, state: str | None = None) -> None:
    """Units stand somewhere else; `state` None leaves their states."""
    values: dict[str, Any] = {"place": place, "site": place.partition("/")[0], "changed_by": fact_id}
    if state is not None:
        values["state"] = state
    connection.execute(update(handling_unit).where(handling_unit.c.sscc.in_(ssccs)).values(**values))


def require_open(row: Row[Any]) -> None:
    """Raises: ConflictError: the unit takes nothing in and gives nothing out."""
    if row.state != "open":
        raise ConflictError("unit_not_open", f"handling unit {row.sscc} is {row.state}; open it first")


def require_here(connection: Connection, sscc: str, place: str) -> Row[Any]:
    """The unit, which must be open and stand at `place`. Raises: NotFoundError. ConflictError: closed, gone, or elsewhere."""
    row = unit_by_code(connection, sscc)
    require_open(row)
    if row.place != place:
        text = f"handling unit {sscc} stands at {row.place or 'no place'}, not at {place}; scan the place or move the unit there"
        raise ConflictError("unit_elsewhere", text)
    return row


def nest(connection: Connection, fact_id: str, child: str, parent: str | None) -> None:
    """Stand a unit in another one at the same place, or (None) on the floor beside it. Fences of the site's units are held.

    Raises: NotFoundError. ConflictError: it would stand in itself, too deep, in a smaller kind, or they are at two places.
    """
    row = unit_by_code(connection, child)
    if parent is not None:
        outer = require_here(connection, parent, row.place)
        if parent == child or child in ancestors(connection, parent):
            raise ConflictError("unit_in_itself", f"handling unit {parent} stands in {child}; take it out first")
        if _WITHIN.index(outer.kind) > _WITHIN.index(row.kind):
            raise ConflictError("unit_too_large", f"a {row.kind} does not go into a {outer.kind}; stand {parent} on {child} instead")
        depth = len(ancestors(connection, parent)) + 2 + max(each.depth for each in tree(connection, child))
        if depth > MAX_DEPTH:
            raise ConflictError("unit_too_deep", f"handling unit {child} would stand {depth} deep, {MAX_DEPTH} is the most; take something out first")
    connection.execute(update(handling_unit).where(handling_unit.c.sscc == child).values(parent=parent, changed_by=fact_id))


def move(connection: Connection, fact_id: str, root: str, to_place: str, state: str | None = None, *, with_claims: bool = False) -> list[claims.Claim]:
    """Move a unit with everything in it in one posting; it leaves what it stood in. `lock_tree` holds the fences.

    Returns the claims that moved along. Raises: InsufficientStockError: goods in it are reserved and `with_claims` is false.
    """
    units = tree(connection, root)
    rows = [row for row in goods_in(connection, [root]) if row.place != to_place]
    moved = [(ledger.account_of(row), ledger.account_of(row).at(to_place), int(row.on_hand)) for row in rows]
    along = claims.move(connection, fact_id, moved, along=with_claims)
    set_place(connection, fact_id, [each.sscc for each in units], to_place, state)
    if units[0].parent is not None:
        nest(connection, fact_id, root, None)
    return along


def merge(connection: Connection, fact_id: str, source: str, target: str) -> list[claims.Claim]:
    """Put everything of one unit into another at the same place: its goods and the units in it; the empty one is dissolved. Fences are held.

    Returns the claims that moved along. Raises: NotFoundError. ConflictError: elsewhere, closed, or one stands in the other.
    """
    row = unit_by_code(connection, source)
    require_here(connection, target, row.place)
    if source == target or source in ancestors(connection, target):
        raise ConflictError("unit_in_itself", f"handling unit {target} stands in {source} or is it; choose another unit")
    along = _rehouse(connection, fact_id, source, target)
    _end(connection, fact_id, source)
    return along


def dissolve(connection: Connection, fact_id: str, sscc: str) -> list[claims.Claim]:
    """The unit is unpacked: its goods and units stand loose where it stood, or in what it stood in. Fences are held; returns the claims that moved."""
    row = unit_by_code(connection, sscc)
    require_open(row)
    along = _rehouse(connection, fact_id, sscc, row.parent or "")
    _end(connection, fact_id, sscc)
    return along


def _rehouse(connection: Connection, fact_id: str, source: str, target: str) -> list[claims.Claim]:
    own = connection.execute(select(balance).where(balance.c.unit == source)).all()
    moved = [(account, in_unit(account, target), int(row.on_hand)) for row in own for account in [ledger.account_of(row)]]
    along = claims.move(connection, fact_id, moved, along=True)
    for child in connection.execute(select(handling_unit.c.sscc).where(handling_unit.c.parent == source).order_by(handling_unit.c.sscc)).scalars().all():
        nest(connection, fact_id, child, target or None)
    return along


def _end(connection: Connection, fact_id: str, sscc: str) -> None:
    gone = {"state": "dissolved", "place": "", "parent": None, "changed_by": fact_id}
    connection.execute(update(handling_unit).where(handling_unit.c.sscc == sscc).values(**gone))


def in_unit(account: Account, sscc: str) -> Account:
    """The same goods in another unit; empty text: loose."""
    return Account(account.place, account.item, account.lot, account.owner, account.status, sscc)


def set_state(connection: Connection, fact_id: str, sscc: str, state: str, allowed: Collection[str]) -> None:
    """Open or close a unit and those in it. Raises: NotFoundError. ConflictError: it is in none of the states `allowed`."""
    row = unit_by_code(connection, sscc)
    if row.state not in allowed:
        raise ConflictError("unit_state", f"handling unit {sscc} is {row.state}; that can only be done while it is {' or '.join(sorted(allowed))}")
    ssccs = [each.sscc for each in tree(connection, sscc)]
    connection.execute(update(handling_unit).where(handling_unit.c.sscc.in_(ssccs)).values(state=state, changed_by=fact_id))


def check(connection: Connection) -> Iterator[str]:
    """What is wrong with units, as lines: goods in a unit that is not known or stands elsewhere, nested units apart, cycles, gone units with goods."""
    stands = (handling_unit.c.sscc, handling_unit.c.place.label("stands"), handling_unit.c.state)
    query: Select[Any] = select(balance.c.place, balance.c.item, balance.c.unit, *stands)
    joined = query.outerjoin(handling_unit, handling_unit.c.sscc == balance.c.unit).where(balance.c.unit != "")
    for row in connection.execute(joined):
        if row.sscc is None:
            yield f"{row.place}: item {row.item} lies in handling unit {row.unit}, which is not known"
        elif row.stands != row.place:
            yield f"{row.place}: item {row.item} lies in handling unit {row.unit}, which stands at {row.stands or 'no place'} ({row.state})"
    outer = handling_unit.alias("outer")
    apart = select(handling_unit.c.sscc, handling_unit.c.place, outer.c.sscc.label("parent"), outer.c.place.label("parent_place"))
    for row in connection.execute(apart.join(outer, outer.c.sscc == handling_unit.c.parent).where(outer.c.place != handling_unit.c.place)):
        yield f"handling unit {row.sscc} stands at {row.place} in {row.parent}, which stands at {row.parent_place}"
    yield from _loops(connection)


def _loops(connection: Connection) -> Iterator[str]:
    reached = _descend_from_floor()
    units = select(func.count()).select_from(handling_unit)
    lost = int(connection.execute(units).scalar_one()) - int(connection.execute(select(func.count()).select_from(reached)).scalar_one())
    if lost:
        yield f"{lost} handling units stand in each other or deeper than {MAX_DEPTH}"


def _descend_from_floor() -> Any:
    base = select(handling_unit.c.sscc, literal(0).label("depth")).where(handling_unit.c.parent.is_(None)).cte("reached", recursive=True)
    step = select(handling_unit.c.sscc, base.c.depth + 1).join(base, handling_unit.c.parent == base.c.sscc).where(base.c.depth <= MAX_DEPTH)
    return base.union_all(step)

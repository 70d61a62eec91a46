# SPDX-License-Identifier: Apache-2.0
"""The verifier: rebuilds the balances from the entries, checks sums, reservations, the sealed chain and FEFO. It reports; it never repairs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from central.ledger import past, rules, sealer, serials, units
from central.ledger.queries import rebuilt
from central.ledger.rules import Account
from central.ledger.tables import balance, block, entry, event, fence, reservation


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up. `check` is one of entries, balances, reservations, snapshots, seals, fefo, events, units, serials."""

    check: str
    text: str


@dataclass(slots=True)
class Findings:
    """What the verifier found, and over how much it looked."""

    found: list[Finding] = field(default_factory=list)
    events: int = 0
    entries: int = 0
    balances: int = 0
    reservations: int = 0
    sealed: int = 0

    @property
    def sound(self) -> bool:
        """Whether everything adds up."""
        return not self.found

    def texts(self) -> list[str]:
        """The findings as lines."""
        return [f"{each.check}: {each.text}" for each in self.found]


def verify(connection: Connection) -> Findings:
    """Check everything on the snapshot of `connection`."""
    findings = Findings()
    for table, name in ((event, "events"), (entry, "entries"), (balance, "balances"), (reservation, "reservations")):
        setattr(findings, name, connection.execute(select(func.count()).select_from(table)).scalar())
    for check in _CHECKS:
        findings.found += check(connection)
    findings.found += [Finding("units", text) for text in units.check(connection)]
    findings.found += [Finding("serials", text) for text in serials.check(connection)]
    findings.found += _broken_seals(connection, findings)
    return findings


def _unbalanced_events(connection: Connection) -> Iterator[Finding]:
    total = func.sum(entry.c.quantity)
    query = select(entry.c.event_id, entry.c.item, total.label("total")).group_by(entry.c.event_id, entry.c.item).having(total != 0)
    for row in connection.execute(query):
        yield Finding("entries", f"event {row.event_id}: its entries of item {row.item} sum to {row.total} instead of 0")


def _drifted_balances(connection: Connection) -> Iterator[Finding]:
    kept: dict[Account, int] = {_account(row): row.on_hand for row in connection.execute(select(balance))}
    for row in rebuilt(connection):
        account, there = _account(row), int(row.quantity)
        if kept.get(account, 0) != there:
            yield Finding("balances", f"{account}: balance says {kept.get(account, 0)}, the entries sum to {there}")
        kept.pop(account, None)
    for account, on_hand in kept.items():
        yield Finding("balances", f"{account}: balance says {on_hand}, no entries stand behind it")


def _account(row: Any) -> Account:
    return Account(row.place, row.item, row.lot, row.owner, row.status, row.unit)


def _drifted_reservations(connection: Connection) -> Iterator[Finding]:
    claimed: dict[Account, int] = defaultdict(int)
    for row in connection.execute(select(reservation).where(reservation.c.state == "pending")):
        claimed[Account(row.place, row.item, row.lot, row.owner, "available", row.unit)] += row.quantity - row.taken
    for row in connection.execute(select(balance)):
        account = _account(row)
        pending = claimed.pop(account, 0)
        if row.reserved != pending:
            yield Finding("reservations", f"{account}: balance says {row.reserved} reserved, pending reservations sum to {pending}")
        if not 0 <= row.reserved <= row.on_hand:
            yield Finding("reservations", f"{account}: {row.reserved} reserved of {row.on_hand} on hand")
    for account, pending in claimed.items():
        yield Finding("reservations", f"{account}: {pending} reserved where nothing is on hand")


def _drifted_snapshots(connection: Connection) -> Iterator[Finding]:
    for by, at, row in past.drifted(connection):
        differs = f"{row['quantity']} pieces and {row['value_minor']} minor units more by the entries than in the snapshot"
        yield Finding("snapshots", f"{_named(row)}: {differs} of {at:%Y-%m} by {by}; was an entry recorded under an old time?")


def _named(row: Mapping[str, Any]) -> Account:
    return Account(*(row[name] for name in past.ACCOUNT))


def _mistimed_entries(connection: Connection) -> Iterator[Finding]:
    differs = or_(entry.c.occurred_at != event.c.occurred_at, entry.c.recorded_at != event.c.recorded_at)
    for row in connection.execute(select(entry.c.event_id).distinct().join(event, event.c.id == entry.c.event_id).where(differs)):
        yield Finding("entries", f"event {row.event_id}: its entries carry other times than the event")


def _changed_bodies(connection: Connection) -> Iterator[Finding]:
    for row in connection.execute(select(event.c.id, event.c.body, event.c.body_hash).execution_options(yield_per=1000)):
        # SQLite keeps whatever kind of value a hand wrote there: what is not bytes was not written by us.
        if not isinstance(row.body, bytes) or hashlib.sha256(row.body).digest() != row.body_hash:
            yield Finding("events", f"event {row.id}: its body does not fit its hash")
    orphans = select(entry.c.event_id).distinct().where(~select(event.c.id).where(event.c.id == entry.c.event_id).exists())
    for row in connection.execute(orphans):
        yield Finding("events", f"event {row.event_id}: entries are there, the event is not")


def _unfair_reservations(connection: Connection) -> Iterator[Finding]:
    """A reservation, open or done, is unfair when stock that goes before it by its rule was free at its turn, and still is as it was then: its balance has
    not been touched since (`balance.turn` below the reservation's turn; changes of the catalogue that matter give a new turn too)."""
    free_then = and_(
        balance.c.site == reservation.c.site,
        balance.c.item == reservation.c.item,
        balance.c.owner == reservation.c.owner,
        balance.c.status == "available",
        balance.c.pickable,
        ~balance.c.locked,
        ~balance.c.held,
        balance.c.on_hand > balance.c.reserved,
        balance.c.turn < reservation.c.turn,
        or_(reservation.c.min_expiry.is_(None), balance.c.expiry >= reservation.c.min_expiry),
    )
    columns = (reservation.c.id, reservation.c.line_id, reservation.c.place, reservation.c.made_at, reservation.c.rule)
    query = select(*columns, balance.c.expiry, balance.c.place.label("passed_over")).join(balance, and_(free_then, _before_by_rule()))
    for row in connection.execute(query):
        # What had expired when the reservation was made was rightly left alone.
        if row.expiry >= row.made_at.date():
            yield Finding(
                "fefo", f"reservation {row.id} of line {row.line_id} took {row.place} and passed over {row.passed_over}, which goes before it by {row.rule}"
            )
    for unfenced in connection.execute(select(balance.c.place, balance.c.item).join(fence, _same_fence()).where(balance.c.turn > fence.c.turn)):
        yield Finding("fefo", f"{unfenced.place}: item {unfenced.item} was changed without its fence")


def _before_by_rule() -> ColumnElement[bool]:
    """That a balance stands in an earlier group than the reservation's, of the same rule."""
    rule = reservation.c.rule
    return or_(
        and_(rule == "fefo", balance.c.expiry < reservation.c.expiry),
        and_(rule == "fifo", balance.c.in_date < reservation.c.in_date),
        and_(rule == "lifo", balance.c.in_date > reservation.c.in_date),
        and_(rule == "closest", balance.c.pick_rank < reservation.c.pick_rank),
        and_(rule == "least_packages", balance.c.on_hand - balance.c.reserved > reservation.c.free),
    )


def _same_fence() -> Any:
    return and_(fence.c.site == balance.c.site, fence.c.item == balance.c.item)


_CHECKS = (
    _unbalanced_events,
    _mistimed_entries,
    _drifted_balances,
    _drifted_reservations,
    _drifted_snapshots,
    _changed_bodies,
    _unfair_reservations,
)


def _broken_seals(connection: Connection, findings: Findings) -> Iterator[Finding]:
    previous: dict[str, tuple[int, bytes]] = {}
    seen: set[int] = set()
    for row in sealer.blocks(connection):
        n, before = previous.get(row.site, (0, sealer.FIRST_PREVIOUS))
        positions = rules.unpack_positions(row.members)
        name = f"site {row.site or '(none)'}, block {row.n}"
        if row.n != n + 1 or row.previous != before:
            yield Finding("seals", f"{name}: does not follow block {n}; a block is missing or was changed")
        if rules.block_hash(row.site, row.n, row.previous, row.root, row.members) != row.hash:
            yield Finding("seals", f"{name}: was changed after it was sealed")
        if seen & set(positions):
            yield Finding("seals", f"{name}: seals events that an earlier block sealed")
        there = sealer.leaves(connection, positions)
        if len(there) != len(positions):
            yield Finding("seals", f"{name}: {len(positions) - len(there)} of its events are gone")
        elif rules.merkle_root([leaf for _, leaf in there]) != row.root:
            yield Finding("seals", f"{name}: an event or one of its entries was changed after it was sealed")
        seen.update(positions)
        previous[row.site] = (row.n, row.hash)
    findings.sealed = len(seen)
    yield from _never_sealed(connection, seen)


def _never_sealed(connection: Connection, sealed: set[int]) -> Iterator[Finding]:
    """What lies above all that is sealed waits for its turn, however old it seems: the clock may have been set back after the last block."""
    newest = connection.execute(select(func.max(block.c.sealed_at))).scalar()
    if newest is None:
        return
    long_before = newest - timedelta(seconds=sealer.LATE_COMMIT_S)
    old = select(event.c.position).where(event.c.recorded_at < long_before, event.c.position < max(sealed, default=0))
    missing = [position for position in connection.execute(old).scalars() if position not in sealed]
    if missing:
        yield Finding("seals", f"{len(missing)} events were recorded long before the last block and never sealed, first at position {min(missing)}")

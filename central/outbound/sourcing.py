# SPDX-License-Identifier: Apache-2.0
"""Choosing the sites that send an order: reads sites, load and what each could send, asks the rules, and keeps why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, func, select

from central.catalog import service as catalog
from central.catalog.rules import SiteRow
from central.catalog.tables import location
from central.catalog.tables import site as site_table
from central.errors import DomainError, NotFoundError
from central.ledger.tables import balance
from central.outbound import sourcing_rules
from central.outbound.parting_rules import Shelf, Terms, Want
from central.outbound.sourcing_rules import CANDIDATES_MAX, Candidate, Position
from central.outbound.tables import promise as promise_table


@dataclass(frozen=True)
class Plan:
    """Who sends which lines (by site, nearest first), and why in words and numbers for people."""

    shares: Mapping[str, Sequence[Want]]
    why: dict[str, Any]


def named(connection: Connection, code: str) -> SiteRow:
    """The site that an order names. Raises: NotFoundError: nobody ever said anything about it; an order there would wait for ever."""
    known = select(exists().where(location.c.site == code) | exists().where(site_table.c.code == code))
    if not connection.execute(known).scalar():
        raise NotFoundError("unknown_site", f"site {code} is not in the catalog; correct it, or add its locations first")
    return catalog.site_of(connection, code)


def candidates(connection: Connection, items: Collection[str]) -> list[SiteRow]:
    """Sites that send orders; of more than twelve those that hold most of the items, read without locks.

    Raises: DomainError: there is none.
    """
    senders = [site for site in catalog.sites(connection) if site.ships_orders]
    if not senders:
        raise DomainError("no_site_for_order", "no site sends orders; name a site in the order, or add one that ships orders to the catalog")
    if len(senders) <= CANDIDATES_MAX:
        return senders
    query = select(balance.c.site, func.count(balance.c.item.distinct()).label("number")).where(
        balance.c.item.in_(sorted(items)), balance.c.status == "available"
    )
    held = {row.site: row.number for row in connection.execute(query.group_by(balance.c.site))}
    return sorted(sorted(senders, key=lambda site: -held.get(site.code, 0))[:CANDIDATES_MAX], key=lambda site: site.code)


def plan(
    connection: Connection,
    wants: Sequence[Want],
    sites: Sequence[SiteRow],
    shelves: Mapping[str, Shelf],
    terms: Terms,
    position: Position | None,
    priority: int,
    *,
    asked: str | None,
) -> Plan:
    """Spread the lines over sites. The fences of all items at all sites are held."""
    if asked is not None:
        return Plan({asked: wants}, {"reason": "the order names its site", "chosen": [asked]})
    needs: dict[str, int] = defaultdict(int)
    for want in wants:
        needs[want.item] += want.quantity
    keep_days = {want.item: want.keep_days for want in wants}
    loads = _loads(connection, sites)
    offered = [
        Candidate(site.code, {item: _offer(shelves[site.code], item, keep_days[item], terms) for item in needs}, _distance(site, position), loads[site.code])
        for site in sites
    ]
    choice = sourcing_rules.choose_sites(needs, offered, priority)
    shares = _spread(wants, choice.sites, {each.site: dict(each.offers) for each in offered})
    return Plan(shares, _why(needs, offered, choice, tuple(shares), priority))


def _offer(shelf: Shelf, item: str, keep_days: int, terms: Terms) -> int:
    """What a site could send first: the item itself, and for a kit what can be made of its components."""
    own = shelf.can(item, keep_days)
    components = (terms.kits or {}).get(item, ())
    return own + min((shelf.can(part, keep_days) // each for part, each in components), default=0)


def _distance(site: SiteRow, position: Position | None) -> float | None:
    if position is None or site.latitude_deg is None or site.longitude_deg is None:
        return None
    return sourcing_rules.distance_km(Position(site.latitude_deg, site.longitude_deg), position)


def _loads(connection: Connection, sites: Sequence[SiteRow]) -> dict[str, float]:
    """Lines that wait at each site as a part of what it can do in a day; 0 where no limit is known."""
    limited = {site.code: site.lines_per_day for site in sites if site.lines_per_day}
    query = select(promise_table.c.site, func.count().label("number")).where(promise_table.c.site.in_(sorted(limited))).group_by(promise_table.c.site)
    waiting = {row.site: row.number for row in connection.execute(query)} if limited else {}
    return {site.code: waiting.get(site.code, 0) / limited[site.code] if site.code in limited else 0.0 for site in sites}


def _spread(wants: Sequence[Want], sites: Sequence[str], offers: dict[str, dict[str, int]]) -> dict[str, list[Want]]:
    """The lines by site, in the order of the sites; a site that gets nothing is left out."""
    shares: dict[str, list[Want]] = {site: [] for site in sites}
    for want in wants:
        here = {site: offers[site][want.item] for site in sites}
        for site, quantity in sourcing_rules.assign(want.quantity, sites, here):
            offers[site][want.item] -= min(quantity, here[site])
            shares[site].append(Want(want.n, want.item, quantity, want.keep_days))
    return {site: mine for site, mine in shares.items() if mine}


def _why(needs: Mapping[str, int], offered: Sequence[Candidate], choice: sourcing_rules.Choice, chosen: Sequence[str], priority: int) -> dict[str, Any]:
    shown = [
        {
            "site": each.site,
            "can_send": sum(min(each.offers[item], wanted) for item, wanted in needs.items()),
            "distance_km": None if each.distance_km is None else round(each.distance_km, 1),
            "load": round(each.load, 3),
            "full": each.full,
            "chosen": each.site in chosen,
        }
        for each in offered
    ]
    wanted = sum(needs.values())
    return {
        "reason": "the fewest shipments that send as much as all candidates together could; then sites that are not full, then the nearest",
        "wanted": wanted,
        "uncovered": choice.uncovered,
        "exact": choice.exact,
        "priority": priority,
        "chosen": list(chosen),
        "candidates": shown,
    }

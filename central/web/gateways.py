# SPDX-License-Identifier: Apache-2.0
"""The list of a fleet's gateways and how it is read: every gateway with what is found about it.

Frozen and without relative times, so that two readings can be compared; instants are aware UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, select

from central.fleet.conditions import conditions_held
from central.fleet.configurations import WANTED
from central.fleet.tables import configuration, device, gateway
from central.ingest import gaps
from central.ingest.tables import mark
from central.web.board import Region
from central.web.device_conditions import DeviceCondition
from central.web.gateway_devices import device_row
from central.web.gateway_findings import Finding, Heard, Lost, Pushed, findings_of, is_urgent

State = Literal["away", "wants", "well", "revoked"]
FLEET = "fleet"

_SHOWN_MAX = 500


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """A gateway in the list. `since`: of its state; `findings`: what needs a person first."""

    id: str
    site: str
    state: State
    since: datetime | None
    findings: tuple[Finding, ...]
    version: str
    seen_at: datetime | None
    pending: int
    devices_up: int
    devices: int
    in_force: int
    wanted: int | None

    @property
    def troubled(self) -> bool:
        """Whether somebody should look."""
        return self.state in ("away", "wants")


@dataclass(frozen=True, slots=True)
class Fleet:
    """The list; with no arguments the one before the first data. The troubled come first, `more` are left out."""

    lines: Region[tuple[GatewayLine, ...]] = field(default_factory=lambda: Region("loading"))
    more: int = 0

    def region(self, name: str) -> Region[Any]:
        """The one region there is."""
        assert name == FLEET
        return self.lines


@dataclass(frozen=True, slots=True)
class GapRow:
    """Numbers that never came. `reason` is a code of `central.ingest.gaps`."""

    lane: str
    first: int
    last: int
    reason: str
    found_at: datetime


def lines(connection: Connection, site: str, now: datetime) -> tuple[GatewayLine, ...]:
    """Every gateway of a site (empty: of all): those that want somebody first, then by site and name."""
    query = select(gateway).order_by(gateway.c.site, gateway.c.id)
    rows = connection.execute(query.where(gateway.c.site == site) if site else query).all()
    seen = Seen.read(connection, [row.id for row in rows])
    found = [line_of(row, seen, now) for row in rows]
    return tuple(sorted(found, key=lambda line: ({"away": 0, "wants": 1, "well": 2, "revoked": 3}[line.state], line.site, line.id)))


def fleet_of(connection: Connection, site: str, now: datetime) -> Fleet:
    """The list as the page shows it."""
    found = lines(connection, site, now)
    return Fleet(Region("ready", found[:_SHOWN_MAX]), max(0, len(found) - _SHOWN_MAX))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, by gateway."""

    links: Mapping[str, Sequence[Row[Any]]]
    pushed: Mapping[str, Pushed]
    missing: Mapping[str, Sequence[GapRow]]
    heard: Mapping[str, datetime]
    conditions: Mapping[tuple[str, str], Sequence[Row[Any]]]

    @classmethod
    def read(cls, connection: Connection, ids: Sequence[str]) -> Seen:
        """Read it for these gateways."""
        one = ids[0] if len(ids) == 1 else None
        links: dict[str, list[Row[Any]]] = defaultdict(list)
        query = select(device).order_by(device.c.gateway, device.c.device)
        for row in connection.execute(query.where(device.c.gateway == one) if one else query):
            links[row.gateway].append(row)
        missing: dict[str, list[GapRow]] = defaultdict(list)
        for (name, _, lane), rows in gaps.of_gateways(connection, ids).items():
            missing[name] += [GapRow(lane, row["first_seq"], row["last_seq"], row["reason"], row["found_at"]) for row in rows]
        moved = select(mark.c.gateway, func.max(mark.c.moved_at)).group_by(mark.c.gateway)
        heard = dict(connection.execute(moved.where(mark.c.gateway == one) if one else moved).all())
        return cls(links, _pushed(connection, one), missing, heard, conditions_held(connection, one))

    def conditions_of(self, gateway_id: str) -> tuple[DeviceCondition, ...]:
        """What holds of a gateway's devices."""
        mine = [row for (name, _), rows in self.conditions.items() if name == gateway_id for row in rows]
        return tuple(DeviceCondition(row.device, row.condition, row.reason, row.changed_at) for row in mine)


def _pushed(connection: Connection, one: str | None) -> dict[str, Pushed]:
    """By gateway the newest version that was pushed, and the newest that it shall have."""
    wanted = {row.gateway: row for row in _newest(connection, one, configuration.c.state.in_(WANTED))}
    found = {}
    for row in _newest(connection, one, configuration.c.state != "superseded"):
        shall = wanted.get(row.gateway)
        found[row.gateway] = Pushed(row.version, row.state, row.reason, row.made_at, shall.version if shall else None, shall.digest if shall else "")
    return found


def _newest(connection: Connection, one: str | None, which: ColumnElement[bool]) -> Sequence[Any]:
    """The newest version of each gateway among those."""
    highest = select(configuration.c.gateway, func.max(configuration.c.version).label("version")).where(which).group_by(configuration.c.gateway)
    newest = (highest.where(configuration.c.gateway == one) if one else highest).subquery()
    columns = (configuration.c.gateway, configuration.c.version, configuration.c.digest, configuration.c.state, configuration.c.reason, configuration.c.made_at)
    query = select(*columns).join(newest, (newest.c.gateway == configuration.c.gateway) & (newest.c.version == configuration.c.version))
    return connection.execute(query).all()


def line_of(row: Row[Any], seen: Seen, now: datetime) -> GatewayLine:
    """A gateway (a row of its table) with what is to be said of it."""
    links = [device_row(each, {}, {}) for each in seen.links.get(row.id, ())]
    pushed = seen.pushed.get(row.id)
    lost = tuple(Lost(each.id, each.state, each.since, each.reason, each.found, each.expected) for each in links if each.state not in ("up", "gone"))
    missing = [(gap.lane, gap.last - gap.first + 1, gap.reason, gap.found_at) for gap in seen.missing.get(row.id, ())]
    held = [(each.device, each.condition, each.reason, each.since, each.wants_somebody) for each in seen.conditions_of(row.id)]
    findings = findings_of(_heard(row), lost, pushed, missing, now, held)
    state: State = "revoked" if row.revoked_at else "away" if not row.online else "wants" if any(map(is_urgent, findings)) else "well"
    seen_at = max((at for at in (row.last_seen_at, seen.heard.get(row.id)) if at), default=None)
    since = {"revoked": row.revoked_at, "away": row.last_death_at or seen_at}.get(state, row.last_birth_at)
    known = sum(each.state != "gone" for each in links)
    # Links are told as they change, counts come with a report every half minute.
    total = max(known, (row.devices_up or 0) + (row.devices_down or 0))
    up = total - len(lost)
    wanted = pushed.wanted if pushed else None
    return GatewayLine(row.id, row.site, state, since, findings, row.version, seen_at, row.pending_events or 0, up, total, row.config_version, wanted)


def _heard(row: Row[Any]) -> Heard:
    return Heard(
        online=row.online,
        away_since=row.last_death_at,
        revoked_at=row.revoked_at,
        birth_at=row.last_birth_at,
        restarted=row.restarted,
        safe_mode=row.safe_mode,
        clock=row.clock,
        pending=row.pending_events or 0,
        oldest_pending_s=row.oldest_pending_s or 0,
        certificate_until=row.certificate_until,
        card_life_days=row.card_life_days,
        disk_free_bytes=row.disk_free_bytes,
        in_force=row.config_version,
        digest=row.config_hash,
        fault=row.config_fault,
        outbox=row.outbox,
    )


def site_of(connection: Connection, gateway_id: str) -> str | None:
    """Where a gateway is enrolled; None: nowhere."""
    found: str | None = connection.execute(select(gateway.c.site).where(gateway.c.id == gateway_id)).scalar()
    return found


def in_force(connection: Connection, gateway_id: str) -> int:
    """The version of the configuration that a gateway works by; 0: its own file."""
    return connection.execute(select(gateway.c.config_version).where(gateway.c.id == gateway_id)).scalar() or 0

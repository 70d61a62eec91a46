# SPDX-License-Identifier: Apache-2.0
"""The view model of the fleet's pages and how it is read: every gateway with what is found about it, and one with its devices, lists, configurations.

Frozen and without relative times, so that two readings can be compared; instants are aware UTC.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, select

from central.fleet import queries as fleet
from central.fleet.configurations import WANTED
from central.fleet.tables import command, configuration, device, gateway
from central.ingest import gaps
from central.ingest.tables import mark
from central.shipping import door_lists, scan_lists
from central.shipping.door_queries import list_state
from central.web.board import Region
from central.web.gateway_findings import Finding, Heard, Lost, Pushed, findings_of, is_urgent
from contracts import wire
from contracts.commands import DoorWork, ScanWork, SwapDevice

State = Literal["away", "wants", "well", "revoked"]
DeviceState = Literal["up", "down", "given_up", "another", "gone"]
FLEET, ONE = "fleet", "gateway"

_SHOWN_MAX = 500
_VERSIONS_SHOWN = 20
_CERTIFICATES_SHOWN = 5
_COMMANDS_LOOKED_AT = 200
_ANOTHER = re.compile(r"has serial (.+?), expected (.+?); ")
_GIVEN_UP = re.compile(r"given up, tried again every [^:]*?: ")
_GONE = "it is not configured any more"


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
class DeviceRow:
    """A device. `driver` and `expected` serial as far as central knows its configuration; `found` answers there; `swap` is the last swap's command."""

    id: str
    state: DeviceState
    since: datetime
    driver: str
    expected: str
    found: str
    reason: str
    swap: str = ""
    swap_state: str = ""
    swap_reason: str = ""
    swapped_at: datetime | None = None
    swapped_by: str = ""
    serial_before: str = ""


@dataclass(frozen=True, slots=True)
class StationRow:
    """A door or scan point that works by a list. `list_at`: when the list was made that it has; None: it has none. `newest`: it is the newest one."""

    station: str
    purpose: str
    state: str
    list_at: datetime | None
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A configuration pushed and what became of it."""

    version: int
    state: str
    actor: str
    note: str
    again_of: int | None
    made_at: datetime
    ended_at: datetime | None
    reasons: tuple[str, ...]
    is_wanted: bool
    is_in_force: bool


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate of the gateway."""

    serial: str
    made_at: datetime
    valid_until: datetime
    how: str
    revoked_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """Numbers that never came. `reason` is a code of `central.ingest.gaps`."""

    lane: str
    first: int
    last: int
    reason: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class GatewayShown:
    """Everything about one gateway."""

    line: GatewayLine
    devices: tuple[DeviceRow, ...]
    stations: tuple[StationRow, ...]
    versions: tuple[VersionRow, ...]
    certificates: tuple[CertificateRow, ...]
    gaps: tuple[GapRow, ...]
    enrolled_at: datetime
    birth_at: datetime | None
    restarted: str
    clock: str
    certificate_until: datetime | None
    card_life_days: int | None
    disk_free_mb: int | None
    rss_mb: int | None
    oldest_pending_s: int
    config_hash: str


@dataclass(frozen=True, slots=True)
class OneGateway:
    """What stands on the page of one gateway."""

    shown: Region[GatewayShown] = field(default_factory=lambda: Region("loading"))

    def region(self, name: str) -> Region[Any]:
        """The one region there is."""
        assert name == ONE
        return self.shown


def lines(connection: Connection, site: str, now: datetime) -> tuple[GatewayLine, ...]:
    """Every gateway of a site (empty: of all): those that want somebody first, then by site and name."""
    query = select(gateway).order_by(gateway.c.site, gateway.c.id)
    rows = connection.execute(query.where(gateway.c.site == site) if site else query).all()
    seen = _Seen.read(connection, [row.id for row in rows])
    found = [_line(row, seen, now) for row in rows]
    return tuple(sorted(found, key=lambda line: ({"away": 0, "wants": 1, "well": 2, "revoked": 3}[line.state], line.site, line.id)))


def fleet_of(connection: Connection, site: str, now: datetime) -> Fleet:
    """The list as the page shows it."""
    found = lines(connection, site, now)
    return Fleet(Region("ready", found[:_SHOWN_MAX]), max(0, len(found) - _SHOWN_MAX))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read, by gateway."""

    links: Mapping[str, Sequence[Row[Any]]]
    pushed: Mapping[str, Pushed]
    missing: Mapping[str, Sequence[GapRow]]
    heard: Mapping[str, datetime]

    @classmethod
    def read(cls, connection: Connection, ids: Sequence[str]) -> _Seen:
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
        return cls(links, _pushed(connection, one), missing, heard)


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


def _line(row: Row[Any], seen: _Seen, now: datetime) -> GatewayLine:
    links = [_device(each, {}, {}) for each in seen.links.get(row.id, ())]
    pushed = seen.pushed.get(row.id)
    lost = tuple(Lost(each.id, each.state, each.since, each.reason, each.found, each.expected) for each in links if each.state not in ("up", "gone"))
    missing = [(gap.lane, gap.last - gap.first + 1, gap.reason, gap.found_at) for gap in seen.missing.get(row.id, ())]
    findings = findings_of(_heard(row), lost, pushed, missing, now)
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


def shown(connection: Connection, gateway_id: str, now: datetime) -> GatewayShown | None:
    """One gateway; None: it is not known."""
    row = connection.execute(select(gateway).where(gateway.c.id == gateway_id)).one_or_none()
    if row is None:
        return None
    seen = _Seen.read(connection, [gateway_id])
    line = _line(row, seen, now)
    return GatewayShown(
        line,
        _devices(connection, row, seen.links.get(gateway_id, ())),
        _stations(connection, row),
        _versions(connection, row, line.wanted),
        _certificates(connection, gateway_id),
        tuple(sorted(seen.missing.get(gateway_id, ()), key=lambda gap: gap.found_at, reverse=True)),
        row.enrolled_at,
        row.last_birth_at,
        row.restarted,
        row.clock,
        row.certificate_until,
        None if row.card_life_days is None else int(row.card_life_days),
        None if row.disk_free_bytes is None else row.disk_free_bytes // 10**6,
        None if row.rss_bytes is None else row.rss_bytes // 10**6,
        row.oldest_pending_s or 0,
        row.config_hash,
    )


def site_of(connection: Connection, gateway_id: str) -> str | None:
    """Where a gateway is enrolled; None: nowhere."""
    found: str | None = connection.execute(select(gateway.c.site).where(gateway.c.id == gateway_id)).scalar()
    return found


def in_force(connection: Connection, gateway_id: str) -> int:
    """The version of the configuration that a gateway works by; 0: its own file."""
    return connection.execute(select(gateway.c.config_version).where(gateway.c.id == gateway_id)).scalar() or 0


def _devices(connection: Connection, row: Row[Any], links: Sequence[Row[Any]]) -> tuple[DeviceRow, ...]:
    configured, swaps = _configured(connection, row), last_swaps(connection, row.id)
    order = ("another", "given_up", "down", "up", "gone")
    return tuple(sorted((_device(each, configured, swaps) for each in links), key=lambda each: (order.index(each.state), each.id)))


def _device(row: Row[Any], configured: Mapping[str, tuple[str, str]], swaps: Mapping[str, Row[Any]]) -> DeviceRow:
    driver, expected = configured.get(row.device, ("", ""))
    another = _ANOTHER.search(row.reason)
    swap = swaps.get(row.device)
    return DeviceRow(
        row.device,
        _device_state(row, another is not None),
        row.changed_at,
        driver,
        another[2] if another else row.serial or expected,
        another[1] if another else "",
        _GIVEN_UP.sub("", row.reason, count=1),
        swap.id if swap else "",
        swap.state if swap else "",
        swap.reason if swap else "",
        row.swapped_at,
        row.swapped_by,
        row.serial_before,
    )


def _device_state(row: Row[Any], is_another: bool) -> DeviceState:
    if row.state == "connected":
        return "up"
    if row.reason == _GONE:
        return "gone"
    return "another" if is_another else "given_up" if _GIVEN_UP.match(row.reason) else "down"


def _configured(connection: Connection, row: Row[Any]) -> dict[str, tuple[str, str]]:
    """Driver and serial number of each device by the configuration in force; empty where that is the gateway's own file, which central never saw."""
    mine = (configuration.c.gateway == row.id) & (configuration.c.version == row.config_version)
    document = connection.execute(select(configuration.c.document).where(mine)).scalar()
    tables = tomllib.loads(document).get("device", []) if document else []
    devices = [each for each in tables if isinstance(each, dict)] if isinstance(tables, list) else []
    return {str(each.get("id", "")): (str(each.get("driver", "")), str(each.get("serial_number", ""))) for each in devices}


def last_swaps(connection: Connection, gateway_id: str) -> dict[str, Row[Any]]:
    """The last command to swap each device of a gateway."""
    found: dict[str, Row[Any]] = {}
    for row in _commands(connection, gateway_id, SwapDevice.__name__):
        asked = wire.decode_command(row.body)
        if isinstance(asked, SwapDevice):
            found.setdefault(asked.device, row)
    return found


def _commands(connection: Connection, gateway_id: str, *kinds: str) -> Sequence[Row[Any]]:
    mine = (command.c.gateway == gateway_id) & command.c.kind.in_(kinds)
    return connection.execute(select(command).where(mine).order_by(command.c.made_at.desc(), command.c.id.desc()).limit(_COMMANDS_LOOKED_AT)).all()


def _stations(connection: Connection, row: Row[Any]) -> tuple[StationRow, ...]:
    """Doors and scan points that work by lists, with the list that each of them has."""
    taken: dict[str, datetime] = {}
    for each in _commands(connection, row.id, DoorWork.__name__, ScanWork.__name__):
        if each.state == "done":
            taken.setdefault(each.station, each.made_at)
    points = [(each, "door") for each in door_lists.as_they_are(connection)]
    points += [(each, each.purpose) for each in scan_lists.as_they_are(connection)]
    mine = [(each, purpose) for each, purpose in points if each.gateway == row.id and each.site == row.site]
    return tuple(StationRow(each.station, purpose, list_state(each), taken.get(each.station), each.list_sent_at) for each, purpose in mine)


def _versions(connection: Connection, row: Row[Any], wanted: int | None) -> tuple[VersionRow, ...]:
    """Configurations pushed, newest first."""
    pushed = fleet.configurations(connection, row.id, None, _VERSIONS_SHOWN).items
    return tuple(version_row(each, row.config_version, wanted) for each in pushed)


def version_row(row: Mapping[str, Any], in_force: int, wanted: int | None) -> VersionRow:
    """A configuration as it is shown."""
    number = row["version"]
    words = (number, row["state"], row["actor"], row["note"], row["again_of"], row["made_at"], row["ended_at"], mistakes(row["reason"]))
    return VersionRow(*words, number == wanted, number == in_force)


def mistakes(reason: str) -> tuple[str, ...]:
    """What a gateway has against a configuration, one mistake each; the name of the file in which it kept the text for the check is of no use to anybody."""
    parts = reason.splitlines() if "\n" in reason else reason.split("; ")
    return tuple(_IN_ITS_FILE.sub("", part).strip() for part in parts if part.strip())


_IN_ITS_FILE = re.compile(r"^\S*\.toml: ")


def _certificates(connection: Connection, gateway_id: str) -> tuple[CertificateRow, ...]:
    found = fleet.certificates(connection, gateway_id, None, _CERTIFICATES_SHOWN).items
    return tuple(CertificateRow(each["serial"], each["made_at"], each["valid_until"], each["how"], each["revoked_at"], each["reason"]) for each in found)

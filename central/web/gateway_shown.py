# SPDX-License-Identifier: Apache-2.0
"""One gateway as its page shows it: its devices, the lists that it works by, its configurations and certificates, and what never came.

Frozen and without relative times, so that two readings can be compared; instants are aware UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from central.fleet import queries as fleet
from central.fleet.tables import gateway
from central.shipping import door_lists, scan_lists
from central.shipping.door_queries import list_state
from central.web.board import Region
from central.web.gateway_devices import DeviceRow, devices_of, newest_commands
from central.web.gateways import GapRow, GatewayLine, Seen, line_of
from contracts.commands import DoorWork, ScanWork

ONE = "gateway"

_VERSIONS_SHOWN = 20
_CERTIFICATES_SHOWN = 5
_IN_ITS_FILE = re.compile(r"^\S*\.toml: ")


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


def shown(connection: Connection, gateway_id: str, now: datetime) -> GatewayShown | None:
    """One gateway; None: it is not known."""
    row = connection.execute(select(gateway).where(gateway.c.id == gateway_id)).one_or_none()
    if row is None:
        return None
    seen = Seen.read(connection, [gateway_id])
    line = line_of(row, seen, now)
    return GatewayShown(
        line,
        devices_of(connection, row, seen.links.get(gateway_id, ()), seen.conditions_of(gateway_id)),
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


def _stations(connection: Connection, row: Row[Any]) -> tuple[StationRow, ...]:
    """Doors and scan points that work by lists, with the list that each of them has."""
    taken: dict[str, datetime] = {}
    for each in newest_commands(connection, row.id, DoorWork.__name__, ScanWork.__name__):
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


def _certificates(connection: Connection, gateway_id: str) -> tuple[CertificateRow, ...]:
    found = fleet.certificates(connection, gateway_id, None, _CERTIFICATES_SHOWN).items
    return tuple(CertificateRow(each["serial"], each["made_at"], each["valid_until"], each["how"], each["revoked_at"], each["reason"]) for each in found)

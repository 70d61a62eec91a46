# SPDX-License-Identifier: Apache-2.0
"""Reading the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from central.fleet.conditions import conditions_held
from central.fleet.configuration_rules import drift_of
from central.fleet.tables import command, configuration, device, gateway, gateway_certificate
from central.paging import Page, down, page, up


def gateways(connection: Connection, site: str | None = None) -> Sequence[Any]:
    """Rows of `gateway`, by site and id."""
    query = select(gateway).order_by(gateway.c.site, gateway.c.id)
    return connection.execute(query if site is None else query.where(gateway.c.site == site)).all()


def gateways_online(connection: Connection) -> int:
    """How many gateways said a birth last."""
    return int(connection.execute(select(func.count()).select_from(gateway).where(gateway.c.online)).scalar() or 0)


def gateway_page(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Rows of `gateway` in pages, by site and id, with the configuration that each shall have and how it differs from what it has. Raises: BadCursorError."""
    newest = configuration.alias("newest")
    highest = select(func.max(newest.c.version)).where(newest.c.gateway == gateway.c.id, newest.c.state.in_(("sent", "applied"))).scalar_subquery()
    is_wanted = (configuration.c.gateway == gateway.c.id) & (configuration.c.version == highest)
    query = select(gateway, configuration.c.version.label("wanted_version"), configuration.c.digest.label("wanted_hash"))
    query = query.select_from(gateway.outerjoin(configuration, is_wanted))
    found: Page[dict[str, Any]] = page(connection, query, [up(gateway.c.site), up(gateway.c.id)], after, limit)
    for row in found.items:
        row["wanted_hash"] = row["wanted_hash"] or ""
        row["drift"] = drift_of(row["wanted_version"], row["wanted_hash"], row["config_version"], row["config_hash"], row["config_fault"])
    return found


def configurations(connection: Connection, gateway_id: str, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Configurations pushed to a gateway, newest first. Raises: BadCursorError."""
    return page(connection, select(configuration).where(configuration.c.gateway == gateway_id), [down(configuration.c.version)], after, limit)


def devices(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Rows of `device`, by gateway and device: the last known state of each link. Raises: BadCursorError."""
    held = conditions_held(connection)
    found: Page[dict[str, Any]] = page(connection, select(device), [up(device.c.gateway), up(device.c.device)], after, limit)
    for row in found.items:
        row["conditions"] = [
            {"condition": each.condition, "reason": each.reason, "since": each.changed_at} for each in held.get((row["gateway"], row["device"]), ())
        ]
    return found


def commands(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Commands with their states, newest first. Raises: BadCursorError."""
    return page(connection, select(command), [down(command.c.made_at), down(command.c.id)], after, limit)


def certificates(connection: Connection, gateway_id: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Certificates of all gateways or of one, newest first. Raises: BadCursorError."""
    query = select(gateway_certificate)
    query = query if gateway_id is None else query.where(gateway_certificate.c.gateway == gateway_id)
    return page(connection, query, [down(gateway_certificate.c.made_at), down(gateway_certificate.c.serial)], after, limit)

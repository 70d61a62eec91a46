# SPDX-License-Identifier: Apache-2.0
"""Reading the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from central.fleet.tables import command, device, gateway, gateway_certificate
from central.paging import Page, down, page, up


def gateways(connection: Connection, site: str | None = None) -> Sequence[Any]:
    """Rows of `gateway`, by site and id."""
    query = select(gateway).order_by(gateway.c.site, gateway.c.id)
    return connection.execute(query if site is None else query.where(gateway.c.site == site)).all()


def gateways_online(connection: Connection) -> int:
    """How many gateways said a birth last."""
    return int(connection.execute(select(func.count()).select_from(gateway).where(gateway.c.online)).scalar() or 0)


def gateway_page(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Rows of `gateway` in pages, by site and id. Raises: BadCursorError."""
    return page(connection, select(gateway), [up(gateway.c.site), up(gateway.c.id)], after, limit)


def devices(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Rows of `device`, by gateway and device: the last known state of each link. Raises: BadCursorError."""
    return page(connection, select(device), [up(device.c.gateway), up(device.c.device)], after, limit)


def commands(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Commands with their states, newest first. Raises: BadCursorError."""
    return page(connection, select(command), [down(command.c.made_at), down(command.c.id)], after, limit)


def certificates(connection: Connection, gateway_id: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Certificates of all gateways or of one, newest first. Raises: BadCursorError."""
    query = select(gateway_certificate)
    query = query if gateway_id is None else query.where(gateway_certificate.c.gateway == gateway_id)
    return page(connection, query, [down(gateway_certificate.c.made_at), down(gateway_certificate.c.serial)], after, limit)

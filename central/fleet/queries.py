# SPDX-License-Identifier: Apache-2.0
"""Reading the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from central.fleet.tables import command, device, gateway


def gateways(connection: Connection, site: str | None = None) -> Sequence[Any]:
    """Rows of `gateway`, by site and id."""
    query = select(gateway).order_by(gateway.c.site, gateway.c.id)
    return connection.execute(query if site is None else query.where(gateway.c.site == site)).all()


def gateways_online(connection: Connection) -> int:
    """How many gateways said a birth last."""
    return int(connection.execute(select(func.count()).select_from(gateway).where(gateway.c.online)).scalar() or 0)


def devices(connection: Connection) -> Sequence[Any]:
    """Rows of `device`, by gateway and device: the last known state of each link."""
    return connection.execute(select(device).order_by(device.c.gateway, device.c.device)).all()


def commands(connection: Connection, limit: int = 100) -> Sequence[Any]:
    """The newest commands with their states."""
    return connection.execute(select(command).order_by(command.c.made_at.desc(), command.c.id).limit(limit)).all()

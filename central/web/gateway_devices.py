# SPDX-License-Identifier: Apache-2.0
"""The devices of a gateway as its page shows them: what its links say, what it is configured to, and what became of the last swap."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from central.fleet.tables import command, configuration
from central.web.device_conditions import DeviceCondition
from contracts import wire
from contracts.commands import SwapDevice

DeviceState = Literal["up", "down", "given_up", "another", "gone"]

_COMMANDS_LOOKED_AT = 200
_ANOTHER = re.compile(r"has serial (.+?), expected (.+?); ")
_GIVEN_UP = re.compile(r"given up, tried again every [^:]*?: ")
_GONE = "it is not configured any more"


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
    conditions: tuple[DeviceCondition, ...] = ()


def devices_of(connection: Connection, row: Row[Any], links: Sequence[Row[Any]], held: Sequence[DeviceCondition] = ()) -> tuple[DeviceRow, ...]:
    """The devices of a gateway (a row of its table) from the rows of their links and of what holds of them, those that want somebody first."""
    configured, swaps = _configured(connection, row), last_swaps(connection, row.id)
    order = ("another", "given_up", "down", "up", "gone")
    rows = [device_row(each, configured, swaps) for each in links]
    made = [replace(each, conditions=tuple(one for one in held if one.device == each.id and each.state == "up")) for each in rows]
    return tuple(sorted(made, key=lambda each: (order.index(each.state), not any(one.wants_somebody for one in each.conditions), each.id)))


def device_row(row: Row[Any], configured: Mapping[str, tuple[str, str]], swaps: Mapping[str, Row[Any]]) -> DeviceRow:
    """One from the row of its link; `configured` and `swaps` are by device, empty where only its state matters."""
    driver, expected = configured.get(row.device, ("", ""))
    another = _ANOTHER.search(row.reason)
    swap = swaps.get(row.device)
    return DeviceRow(
        row.device,
        _state_of(row, another is not None),
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


def _state_of(row: Row[Any], is_another: bool) -> DeviceState:
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
    for row in newest_commands(connection, gateway_id, SwapDevice.__name__):
        asked = wire.decode_command(row.body)
        if isinstance(asked, SwapDevice):
            found.setdefault(asked.device, row)
    return found


def newest_commands(connection: Connection, gateway_id: str, *kinds: str) -> Sequence[Row[Any]]:
    """The newest commands of these kinds to a gateway."""
    mine = (command.c.gateway == gateway_id) & command.c.kind.in_(kinds)
    return connection.execute(select(command).where(mine).order_by(command.c.made_at.desc(), command.c.id.desc()).limit(_COMMANDS_LOOKED_AT)).all()

# SPDX-License-Identifier: Apache-2.0
"""Use cases of pushed configurations: signed, numbered upwards, sent until the gateway says what became of them (docs/decisions/0029)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.errors import DomainError, NotFoundError
from central.fleet.authority import Authority
from central.fleet.configuration_rules import difference, digest_of, fault_of_document
from central.fleet.service import GatewayRevokedError, UnknownGatewayError, send_configuration, supersede
from central.fleet.tables import configuration
from central.fleet.tables import gateway as gateway_table
from central.ingest.registry import EventContext
from contracts import signatures
from contracts.commands import GATEWAY, ConfigureGateway
from contracts.events import ConfigurationChanged

WANTED = ("sent", "applied")
"""States of a version that a gateway shall have; the newest of them counts."""


class BadConfigurationError(DomainError):
    """A text that cannot be this gateway's configuration."""

    def __init__(self, gateway: str, fault: str) -> None:
        super().__init__("bad_configuration", f"this is no configuration of gateway {gateway}: {fault}")


class UnknownConfigurationError(NotFoundError):
    """No such version was ever pushed."""

    def __init__(self, gateway: str, version: int) -> None:
        super().__init__("unknown_configuration", f"gateway {gateway} never had a configuration {version} of this central")


def push(
    connection: Connection,
    authority: Authority,
    gateway: str,
    document: str,
    now: datetime,
    *,
    actor: str = "",
    note: str = "",
    above: int = 0,
    again_of: int | None = None,
) -> int:
    """Sign a configuration and have it sent; returns its version. The one that is wanted already stays what it is.

    `above`: for a database that has forgotten which numbers the gateway had. Raises: UnknownGatewayError. GatewayRevokedError. BadConfigurationError.
    """
    known = connection.execute(select(gateway_table).where(gateway_table.c.id == gateway).with_for_update()).one_or_none()
    if known is None:
        raise UnknownGatewayError(gateway)
    if known.revoked_at is not None:
        raise GatewayRevokedError(gateway)
    if fault := fault_of_document(document, gateway, known.site):
        raise BadConfigurationError(gateway, fault)
    before = wanted(connection, gateway)
    if before is not None and before.document == document and before.version > above:
        return int(before.version)
    highest: int = connection.execute(select(func.max(configuration.c.version)).where(configuration.c.gateway == gateway)).scalar() or 0
    version = max(highest, int(known.config_version), above) + 1
    payload = signatures.configuration_payload(gateway, known.site, version, document)
    row = {"gateway": gateway, "version": version, "document": document, "digest": digest_of(document), "again_of": again_of}
    row |= {"signature": signatures.sign(authority.signing_pem, "configuration", payload), "actor": actor, "note": note, "made_at": now, "state": "sent"}
    waiting = (configuration.c.gateway == gateway) & (configuration.c.state == "sent")
    connection.execute(update(configuration).where(waiting).values(state="superseded", ended_at=now))
    supersede(connection, gateway, GATEWAY, ConfigureGateway, f"version {version} takes its place")
    connection.execute(insert(configuration).values(**row))
    send_configuration(connection, gateway, version, now)
    return version


def push_again(connection: Connection, authority: Authority, gateway: str, version: int, now: datetime, *, actor: str = "", note: str = "") -> int:
    """Have the content of an earlier version once more, as a new version. Raises: UnknownConfigurationError, and what `push` raises."""
    row = one(connection, gateway, version)
    return push(connection, authority, gateway, row.document, now, actor=actor, note=note, again_of=version)


def wanted(connection: Connection, gateway: str) -> Row[Any] | None:
    """The version that the gateway shall have; None: nothing was pushed that it could have."""
    mine = (configuration.c.gateway == gateway) & configuration.c.state.in_(WANTED)
    return connection.execute(select(configuration).where(mine).order_by(configuration.c.version.desc()).limit(1)).one_or_none()


def one(connection: Connection, gateway: str, version: int) -> Row[Any]:
    """A version with its text. Raises: UnknownConfigurationError."""
    row = connection.execute(select(configuration).where(configuration.c.gateway == gateway, configuration.c.version == version)).one_or_none()
    if row is None:
        raise UnknownConfigurationError(gateway, version)
    return row


def last_before(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """The last version before this one that was in force; None: none was."""
    earlier = (configuration.c.gateway == row.gateway) & (configuration.c.version < row.version) & (configuration.c.state == "applied")
    return connection.execute(select(configuration).where(earlier).order_by(configuration.c.version.desc()).limit(1)).one_or_none()


def difference_to_last(connection: Connection, row: Row[Any]) -> str:
    """What a version changes against the last one before it that was in force."""
    before = last_before(connection, row)
    if before is None:
        return difference("", row.document, "nothing pushed before", f"version {row.version}")
    return difference(before.document, row.document, f"version {before.version}", f"version {row.version}")


def configuration_changed(connection: Connection, context: EventContext, event: ConfigurationChanged) -> None:
    """The gateway says what became of a version. What it refuses to have once more it has had before."""
    mine = (configuration.c.gateway == context.gateway) & (configuration.c.version == event.version)
    if event.outcome == "refused":
        mine &= configuration.c.state == "sent"
    values = {"state": event.outcome, "reason": event.reason, "ended_at": event.event_time}
    connection.execute(update(configuration).where(mine).values(**values))
    fault = "" if event.outcome == "applied" else event.reason
    told = {"config_version": event.in_force, "config_fault": fault}
    connection.execute(update(gateway_table).where(gateway_table.c.id == context.gateway).values(**told))

# SPDX-License-Identifier: Apache-2.0
"""Use cases of the fleet: gateways come and go, commands are sent and answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, update

from central.database import insert_or_leave
from central.errors import BusyError, ConflictError, ForbiddenError, NotFoundError
from central.fleet.tables import command as command_table
from central.fleet.tables import configuration
from central.fleet.tables import gateway as gateway_table
from contracts import wire
from contracts.commands import GATEWAY, Command, ConfigureGateway
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState

RESEND_AFTER_S = 3.0
"""A command without an answer is published again after this long; a gateway does it once all the same."""
CONFIGURE_WITHIN = timedelta(minutes=10)
"""A gateway that does not answer by then gets its configuration when it is born the next time."""


class UnknownGatewayError(NotFoundError):
    """A gateway that never spoke to this central."""

    def __init__(self, gateway: str) -> None:
        super().__init__("unknown_gateway", f"gateway {gateway} is not enrolled; start it once with this broker, then try again")


class GatewaySiteError(ConflictError):
    """A gateway speaks under another site than it is enrolled at."""

    def __init__(self, gateway: str, enrolled: str, said: str) -> None:
        super().__init__("gateway_site", f"gateway {gateway} is enrolled at site {enrolled} and speaks as one of {said}; give one of the two another id")


class GatewayRevokedError(ForbiddenError):
    """A gateway from which all trust was taken still speaks."""

    def __init__(self, gateway: str) -> None:
        super().__init__("gateway_revoked", f"gateway {gateway} was revoked and speaks all the same; see what is at its place, or enrol it with a new code")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A command to be published: its id, the topic and the bytes."""

    command_id: str
    topic: str
    payload: bytes


def check_site(connection: Connection, gateway: str, site: str) -> None:
    """Raises: GatewaySiteError: the gateway is enrolled at another site."""
    enrolled = connection.execute(select(gateway_table.c.site).where(gateway_table.c.id == gateway)).scalar()
    if enrolled not in (None, site):
        raise GatewaySiteError(gateway, enrolled, site)


def enrol(connection: Connection, address: GatewayAddress, now: datetime, *, is_anew: bool = False) -> bool:
    """Make sure that a gateway is known; True if it is new. `is_anew`: a person enrols it, also after it was revoked.

    Raises: GatewaySiteError: its id is enrolled at another site. GatewayRevokedError.
    """
    known = connection.execute(select(gateway_table.c.site, gateway_table.c.revoked_at).where(gateway_table.c.id == address.gateway)).one_or_none()
    if known is None:
        row = {"id": address.gateway, "site": address.site, "partition": address.partition, "enrolled_at": now, "online": False}
        made = connection.execute(insert_or_leave(connection, gateway_table).values(**row).on_conflict_do_nothing().returning(gateway_table.c.id))
        if made.scalar() is None:
            raise BusyError
        return True
    if known.site != address.site:
        raise GatewaySiteError(address.gateway, known.site, address.site)
    if known.revoked_at is not None and not is_anew:
        raise GatewayRevokedError(address.gateway)
    return False


def good_standing(connection: Connection, addresses: Collection[GatewayAddress]) -> set[GatewayAddress]:
    """Those that are enrolled under these addresses and not revoked: for them `enrol` has nothing to do and nothing to refuse. One look for all."""
    ids = sorted({address.gateway for address in addresses})
    rows = connection.execute(select(gateway_table.c.id, gateway_table.c.site).where(gateway_table.c.id.in_(ids), gateway_table.c.revoked_at.is_(None)))
    sites = {row.id: row.site for row in rows}
    return {address for address in addresses if sites.get(address.gateway) == address.site}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of gateways before their births: who is in good standing, and the version of the configuration that each shall have."""

    good: Collection[GatewayAddress]
    wanted: Mapping[str, int]


def standing_of(connection: Connection, addresses: Collection[GatewayAddress]) -> Standing:
    """Two looks for all of them."""
    ids = sorted({address.gateway for address in addresses})
    is_wanted = configuration.c.gateway.in_(ids) & configuration.c.state.in_(("sent", "applied"))
    wanted = select(configuration.c.gateway, func.max(configuration.c.version)).where(is_wanted).group_by(configuration.c.gateway)
    return Standing(good_standing(connection, addresses), {row[0]: row[1] for row in connection.execute(wanted)})


_BORN = update(gateway_table).where(gateway_table.c.id == bindparam("of_gateway"))


def gateway_state_changed(connection: Connection, address: GatewayAddress, state: GatewayState, now: datetime, known: Standing | None = None) -> bool:
    """Take a birth or death; False if it was a late death of an earlier session and nothing changed. `known`: as looked up in the same transaction.

    Raises: GatewaySiteError, GatewayRevokedError.
    """
    known = known or standing_of(connection, [address])
    if address not in known.good:
        enrol(connection, address, now)
    if not state.online:
        mine = gateway_table.c.id == address.gateway
        same_session = (gateway_table.c.boot_id == state.boot_id) & (gateway_table.c.session_id == state.session_id)
        died = connection.execute(update(gateway_table).where(mine, same_session).values(online=False, last_death_at=now))
        return died.rowcount == 1
    values = {"boot_id": state.boot_id, "session_id": state.session_id, "epoch": state.epoch, "version": state.version, "config_hash": state.config_hash}
    began = {"config_version": state.config_version, "safe_mode": state.safe_mode, "restarted": state.restarted, "outbox": state.outbox}
    connection.execute(_BORN, {"of_gateway": address.gateway, "online": True, "last_birth_at": now, "last_seen_at": now, **values, **began})
    wanted = known.wanted.get(address.gateway, 0)
    if wanted > state.config_version:
        _configure_again(connection, address.gateway, wanted, now)
    return True


def _configure_again(connection: Connection, gateway: str, version: int, now: datetime) -> None:
    """A gateway that was away when its configuration was sent, or that has another card now, gets it once more."""
    pending = (command_table.c.gateway == gateway) & (command_table.c.kind == ConfigureGateway.__name__) & (command_table.c.state == "pending")
    if connection.execute(select(command_table.c.id).where(pending).limit(1)).scalar() is None:
        send_configuration(connection, gateway, version, now)


def send_configuration(connection: Connection, gateway: str, version: int, now: datetime) -> None:
    """Send a version of a gateway's configuration, under a new command each time; the gateway tries each version once."""
    mine = (configuration.c.gateway == gateway) & (configuration.c.version == version)
    row = connection.execute(select(configuration).where(mine)).one()
    connection.execute(update(configuration).where(mine).values(sent_at=now, attempts=configuration.c.attempts + 1))
    command = ConfigureGateway(
        command_id=f"configure:{gateway}:{version}:{row.attempts + 1}",
        station=GATEWAY,
        deadline_at=now + CONFIGURE_WITHIN,
        version=version,
        document=row.document,
        signature=row.signature,
        actor=row.actor,
    )
    send(connection, gateway, command, now)


def send(connection: Connection, gateway: str, command: Command, now: datetime) -> str:
    """Queue a command for a gateway; it is published after the commit and again until it is answered or its deadline passes. Returns its id.

    Sending the same id again changes nothing. Raises: UnknownGatewayError. ConflictError: the id is used for another command.
    """
    body = wire.encode(command)
    if connection.execute(select(gateway_table.c.id).where(gateway_table.c.id == gateway)).scalar() is None:
        raise UnknownGatewayError(gateway)
    row = {
        "id": command.command_id,
        "gateway": gateway,
        "station": command.station,
        "kind": type(command).__name__,
        "body": body,
        "state": "pending",
        "made_at": now,
        "deadline_at": command.deadline_at,
    }
    made = connection.execute(insert_or_leave(connection, command_table).values(**row).on_conflict_do_nothing().returning(command_table.c.id)).scalar()
    if made is None and connection.execute(select(command_table.c.body).where(command_table.c.id == command.command_id)).scalar_one() != body:
        raise ConflictError("identity_reused", f"command id {command.command_id} is used for another command; use a new id")
    return command.command_id


def supersede(connection: Connection, gateway: str, station: str, kind: type[Command], reason: str) -> None:
    """Give up commands of a kind that a station has not answered, because a newer one takes their place; an answer that comes all the same is kept."""
    mine = (command_table.c.gateway == gateway) & (command_table.c.station == station) & (command_table.c.kind == kind.__name__)
    connection.execute(update(command_table).where(mine, command_table.c.state == "pending").values(state="unanswered", reason=reason))


def due_commands(connection: Connection, now: datetime, limit: int = 200, partitions: Collection[int] | None = None) -> Sequence[Outgoing]:
    """Commands to publish now, to gateways of these partitions (None: of all); say `commands_published` afterwards.

    Reads only: what lights a lamp does not wait for a disk.
    """
    published_at, patience = command_table.c.published_at, timedelta(seconds=RESEND_AFTER_S)
    # One that was published in the future was so before the clock was set back; it would not be sent again until then.
    stale = published_at.is_(None) | (published_at <= now - patience) | (published_at > now + patience)
    query = (
        select(command_table.c.id, command_table.c.body, gateway_table.c.partition, gateway_table.c.site, gateway_table.c.id.label("gateway"))
        .join(gateway_table, gateway_table.c.id == command_table.c.gateway)
        .where(command_table.c.state == "pending", stale)
        .order_by(command_table.c.made_at, command_table.c.id)
        .limit(limit)
    )
    if partitions is not None:
        query = query.where(gateway_table.c.partition.in_(partitions))
    return [Outgoing(row.id, GatewayAddress(row.partition, row.site, row.gateway).topic("down"), row.body) for row in connection.execute(query)]


def commands_published(connection: Connection, command_ids: Sequence[str], now: datetime) -> None:
    """Mark commands as published; those whose deadline has passed are closed as `unanswered`."""
    mine = command_table.c.id.in_(command_ids) & (command_table.c.state == "pending")
    connection.execute(update(command_table).where(mine).values(published_at=now, attempts=command_table.c.attempts + 1))
    # A gateway answers `expired` by itself; the margin lets that answer arrive first.
    over = now - timedelta(seconds=2 * RESEND_AFTER_S)
    reason = "no answer before the deadline; see whether the gateway is connected"
    late = (command_table.c.state == "pending") & (command_table.c.deadline_at < over)
    connection.execute(update(command_table).where(late).values(state="unanswered", reason=reason))

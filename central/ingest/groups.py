# SPDX-License-Identifier: Apache-2.0
"""Groups of messages in one transaction: births and deaths, movements, telemetry; at its end the leases are still held, or none of it counts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from central.database import in_transaction
from central.errors import BusyError, DomainError
from central.ingest import births, leases
from central.ingest.leases import LeaseLostError
from central.ingest.service import Door, Message, Taken, look_up, refuse_message, take_message
from central.ingest.shares import TERM_S
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState

log = logging.getLogger(__name__)
T = TypeVar("T")
_IDLE_TOO_LONG = "25P03"
"""idle_in_transaction_session_timeout: PostgreSQL documentation, appendix A. This worker stood still."""


@dataclass(frozen=True, slots=True)
class Grip:
    """The leases that a worker held when it began with a group: partition -> fence."""

    worker: str
    held: Mapping[int, int]
    term_s: float = TERM_S


@dataclass(frozen=True, slots=True)
class Said:
    """A birth or death. `is_retained`: the broker kept it from before this worker listened."""

    address: GatewayAddress
    state: GatewayState
    is_retained: bool = False


@dataclass(slots=True)
class Group:
    """What came together: births and deaths in the order of arrival, and batches."""

    states: list[Said] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def partitions(self) -> set[int]:
        """Whose leases it needs."""
        return {said.address.partition for said in self.states} | {message.address.partition for message in self.messages}


def take_group(engine: Engine, group: Group, door: Door, clock: Callable[[], datetime], grip: Grip | None = None) -> list[Taken]:
    """Take a group in one transaction; when that does not go, each message in its own: two that are busy then do not wait for each other's fences,
    and one that breaks the program does not take the others with it. Without `grip` no lease is asked for.

    Raises: BusyError, DBAPIError: the database is busy, full or gone; LeaseLostError: another worker has taken over. Nothing may be acknowledged.
    """
    if not (group.states or group.messages):
        return []
    group.messages.sort(key=lambda each: each.batch is None or each.batch.lane != "movements")
    partitions = group.partitions()

    def together(connection: Connection) -> list[Taken]:
        before = births.look_up(connection, [said.address for said in group.states]) if group.states else None
        for said in group.states:
            _take_state(connection, said, door, clock(), before)
        known = look_up(connection, group.messages)
        return [take_message(connection, each, door, clock(), known) for each in group.messages]

    try:
        return in_transaction(engine, _gripping(grip, partitions, together), attempts=1)
    except LeaseLostError:
        raise
    except Exception as error:  # ingest loop: each alone then finds out which message it was
        if _is_away(error):
            raise
        if not isinstance(error, BusyError):
            log.exception("group of messages broke", extra={"messages": len(group.messages)})
    for said in group.states:
        _take_state_alone(engine, said, door, clock, grip)
    return [_take_alone(engine, each, door, clock, grip) for each in group.messages]


def _is_away(error: Exception) -> bool:
    """Whether it is the database that fails, not the message."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, DBAPIError) and (error.connection_invalidated or getattr(error.orig, "sqlstate", None) == _IDLE_TOO_LONG)


def _gripping(grip: Grip | None, partitions: Collection[int], work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The same work, refused at its end when a lease was lost meanwhile."""
    if grip is None:
        return work

    def gripping(connection: Connection) -> T:
        leases.bound(connection, grip.term_s)
        done = work(connection)
        leases.check(connection, grip.worker, grip.held, partitions)
        return done

    return gripping


def _take_state(connection: Connection, said: Said, door: Door, now: datetime, before: births.Before | None = None) -> None:
    before = before or births.look_up(connection, [said.address])
    try:
        births.take_state(connection, said.address, said.state, door, now, is_retained=said.is_retained, before=before)
    except BusyError:
        raise
    except DomainError as error:
        log.warning("state refused", extra={"gateway": said.address.gateway, "reason": error.message})


def _take_state_alone(engine: Engine, said: Said, door: Door, clock: Callable[[], datetime], grip: Grip | None) -> None:
    try:
        in_transaction(engine, _gripping(grip, (said.address.partition,), partial(_take_state, said=said, door=door, now=clock())))
    except (BusyError, LeaseLostError):
        raise
    except Exception as error:  # ingest loop: a birth that cannot be stored is left out, the gateway says its next one
        if _is_away(error):
            raise
        log.exception("state broke", extra={"gateway": said.address.gateway})


def _take_alone(engine: Engine, message: Message, door: Door, clock: Callable[[], datetime], grip: Grip | None) -> Taken:
    partitions = (message.address.partition,)
    try:
        taken = _gripping(grip, partitions, lambda connection: take_message(connection, message, door, clock()))
        return in_transaction(engine, taken, attempts=10)
    except (BusyError, LeaseLostError):
        raise
    except Exception as error:  # ingest loop: a message that breaks the program is kept and shown, those behind it go on
        if _is_away(error):
            raise
        log.exception("message broke", extra={"topic": message.topic})
        fault = f"it could not be taken: {type(error).__name__}: {error}"
        return in_transaction(engine, _gripping(grip, partitions, lambda connection: refuse_message(connection, message, fault, door, clock())))

# SPDX-License-Identifier: Apache-2.0
"""Take batches of events: each event exactly once, stored and applied in the transaction that moves the mark."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from central.database import insert_or_leave, savepoint
from central.errors import BusyError, DomainError
from central.fleet import clocks
from central.fleet.service import GatewayRevokedError, GatewaySiteError, enrol, good_standing
from central.ingest import gaps
from central.ingest.registry import EventContext, Handler, HandlerMany, RaiseWorkOrder
from central.ingest.rules import Piece, fact_id_of, recorded_body, source_of, split_at_mark
from central.ingest.tables import mark, quarantine
from central.ledger.rules import Fact
from central.ledger.service import record_new
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import Event
from contracts.topics import GatewayAddress
from contracts.wire import Ack, Batch

log = logging.getLogger(__name__)

UNREADABLE = "Unreadable"


@dataclass(frozen=True, slots=True)
class Message:
    """What came on a topic: `batch` is None when it is none, then `fault` says why."""

    topic: str
    address: GatewayAddress
    payload: bytes
    batch: Batch | None
    fault: str = ""


@dataclass(slots=True)
class Taken:
    """What became of a message. `ack` is None when there is nothing to acknowledge. `events` are those that were applied."""

    address: GatewayAddress
    lane: str = ""
    ack: Ack | None = None
    applied: int = 0
    excepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    gaps: int = 0
    missing: int = 0
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Door:
    """To whom events go: their handlers, alone and for many that follow each other (by area), and what raises a work order."""

    handlers: Mapping[type[Event], tuple[Handler, ...]]
    raise_work_order: RaiseWorkOrder
    handlers_many: Mapping[type[Event], Mapping[str, HandlerMany]] = field(default_factory=dict)


@dataclass(slots=True)
class Known:
    """What a transaction found out at its beginning for all its messages at once: who is enrolled, and the marks by (gateway, epoch, lane)."""

    enrolled: set[GatewayAddress]
    marks: dict[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A new event: who says it, its bytes, and what they mean (None: unreadable, `fault` says why)."""

    context: EventContext
    piece: Piece
    event: Event | None
    fault: str = ""


def read_message(topic: str, address: GatewayAddress, lane: str, payload: bytes) -> Message:
    """Decode the envelope; the events in it stay as they came."""
    try:
        batch = wire.decode_batch(payload)
    except wire.WireError as error:
        return Message(topic, address, payload, None, str(error))
    if (batch.gateway, batch.lane) != (address.gateway, lane):
        return Message(topic, address, payload, None, f"came as {topic} and says gateway {batch.gateway}, lane {batch.lane}")
    if not batch.first_seq:
        return Message(topic, address, payload, None, "first event has number 0; numbers begin with 1")
    return Message(topic, address, payload, batch)


def look_up(connection: Connection, messages: Sequence[Message]) -> Known:
    """Two looks for all messages instead of two for each."""
    gateways = sorted({message.address.gateway for message in messages})
    marks = connection.execute(select(mark.c.gateway, mark.c.epoch, mark.c.lane, mark.c.upto).where(mark.c.gateway.in_(gateways)))
    return Known(good_standing(connection, {message.address for message in messages}), {(row[0], row[1], row[2]): row[3] for row in marks})


def take_message(connection: Connection, message: Message, door: Door, now: datetime, known: Known | None = None) -> Taken:
    """Take one message; `known`: what was looked up for it in the same transaction.

    Raises: BusyError: another worker moved the mark; take it again in a new transaction.
    """
    known = known or Known(set(), {})
    batch = message.batch
    if batch is None:
        return refuse_message(connection, message, message.fault, door, now)
    try:
        if message.address not in known.enrolled:
            enrol(connection, message.address, now)
            known.enrolled.add(message.address)
    except (GatewayRevokedError, GatewaySiteError) as error:
        return refuse_message(connection, message, error.message, door, now)
    taken = Taken(message.address, batch.lane)
    lane = (batch.gateway, batch.epoch, batch.lane)
    before = known.marks[lane] if lane in known.marks else _mark(connection, batch, now)
    upto = max(before, batch.oldest_seq - 1)
    taken.missing = upto - before
    if taken.missing:
        _tell_missing(connection, batch, before + 1, upto, door, now)
    split = split_at_mark(batch, upto)
    if split.gap and not batch.events:
        _note_forgotten(connection, batch, now)
    taken.ack = Ack(epoch=batch.epoch, lane=batch.lane, upto=split.new[-1].seq if split.new else upto, resend=split.gap)
    taken.gaps = int(split.gap)
    taken.duplicates = len(split.repeated)
    if split.repeated:
        _compare_repeated(connection, message, split.repeated, door, now)
    if split.new:
        _store_and_apply(connection, message, split.new, door, taken, now)
    if split.new or split.repeated or taken.missing:
        _move_mark(connection, batch, before, taken, now)
    known.marks[lane] = taken.ack.upto
    return taken


def _mark(connection: Connection, batch: Batch, now: datetime) -> int:
    key = (mark.c.gateway == batch.gateway) & (mark.c.epoch == batch.epoch) & (mark.c.lane == batch.lane)
    upto: int | None = connection.execute(select(mark.c.upto).where(key)).scalar()
    if upto is not None:
        return upto
    row = {"gateway": batch.gateway, "epoch": batch.epoch, "lane": batch.lane, "upto": 0, "moved_at": now}
    made = connection.execute(insert_or_leave(connection, mark).values(**row).on_conflict_do_nothing().returning(mark.c.upto))
    if made.scalar() is None:
        raise BusyError
    return 0


_COUNTED = ("applied", "excepted", "quarantined", "duplicates", "missing")
_MOVE = (
    update(mark)
    .where(mark.c.gateway == bindparam("of_gateway"), mark.c.epoch == bindparam("of_epoch"), mark.c.lane == bindparam("of_lane"))
    .where(mark.c.upto == bindparam("was"))
    .values(upto=bindparam("to"), moved_at=bindparam("at"), ended="", **{name: mark.c[name] + bindparam(f"more_{name}") for name in _COUNTED})
)


def _move_mark(connection: Connection, batch: Batch, upto: int, taken: Taken, now: datetime) -> None:
    """Compare-and-set: the mark is the fence against a second worker that took the same events."""
    assert taken.ack is not None
    key = {"of_gateway": batch.gateway, "of_epoch": batch.epoch, "of_lane": batch.lane, "was": upto}
    more = {f"more_{name}": getattr(taken, name) for name in _COUNTED}
    moved = connection.execute(_MOVE, {**key, **more, "to": taken.ack.upto, "at": now})
    if moved.rowcount != 1:
        raise BusyError


def _note_forgotten(connection: Connection, batch: Batch, now: datetime) -> None:
    """A gateway that asks from beyond the mark was told more than is here: this database was restored. It sends again what it keeps, or counts anew."""
    key = (mark.c.gateway == batch.gateway) & (mark.c.epoch == batch.epoch) & (mark.c.lane == batch.lane)
    connection.execute(update(mark).where(key).values(ended="central_restored", ended_at=now))


def _tell_missing(connection: Connection, batch: Batch, first: int, last: int, door: Door, now: datetime) -> None:
    """The gateway was told that these are safe and has deleted them, and they are not here: waiting for them would stop the lane for ever."""
    source = source_of(batch.gateway, batch.epoch, batch.lane)
    log.error("events are missing", extra={"source": source, "first": first, "last": last})
    text = (
        f"events {first} to {last} of {batch.gateway} ({batch.lane}) were acknowledged once and are not in this database; "
        "was it restored from an older copy? Count what the gateway's stations handled since then"
    )
    door.raise_work_order(connection, "events_missing", f"{source}/{first}-{last}", text, None, now)
    gaps.note(connection, batch.gateway, batch.epoch, batch.lane, first, last, "central_restored", now)


def _store_and_apply(connection: Connection, message: Message, pieces: Sequence[Piece], door: Door, taken: Taken, now: datetime) -> None:
    assert message.batch is not None
    arrivals = _dated(connection, message.address.gateway, [_arrival(message, piece, now) for piece in pieces])
    record_new(connection, [_fact(each) for each in arrivals], now)
    for each in arrivals:
        if each.event is None:
            _set_aside(connection, message, each, each.fault, door, taken)
    readable = [each for each in arrivals if each.event is not None]
    if not _apply_together(connection, readable, door, taken):
        for each in readable:
            _apply_alone(connection, message, each, door, taken)


def _dated(connection: Connection, gateway: str, arrivals: Sequence[_Arrival]) -> Sequence[_Arrival]:
    """Events of a clock that nobody had set: with the time at which they happened, where that is known by now. What they said is kept beside."""
    boots = {each.event.boot_id for each in arrivals if each.event is not None and each.event.clock == "unsynced"}
    settings = {boot_id: known for boot_id in boots if (known := clocks.setting_of(connection, gateway, boot_id)) is not None}
    if not settings:
        return arrivals
    for boot_id, setting in settings.items():
        clocks.keep(connection, setting, [(each.context.fact_id, each.event) for each in arrivals if each.event is not None and each.event.boot_id == boot_id])
    return [_at_its_time(each, settings) for each in arrivals]


def _at_its_time(arrival: _Arrival, settings: Mapping[str, clocks.Setting]) -> _Arrival:
    event = arrival.event
    setting = None if event is None else settings.get(event.boot_id)
    at = None if event is None or setting is None else setting.date(event)
    return arrival if event is None or at is None else replace(arrival, event=clocks.dated(event, at))


def _arrival(message: Message, piece: Piece, now: datetime) -> _Arrival:
    batch = message.batch
    assert batch is not None
    source = source_of(batch.gateway, batch.epoch, batch.lane)
    context = EventContext(fact_id_of(source, piece.seq), message.address.site, batch.gateway, batch.epoch, batch.lane, piece.seq, now)
    try:
        event = wire.decode_event(piece.body)
    except wire.WireError as error:
        return _Arrival(context, piece, None, str(error))
    if event.seq != piece.seq:
        return _Arrival(context, piece, None, f"says number {event.seq} and stands at {piece.seq}")
    return _Arrival(context, piece, event)


def _fact(arrival: _Arrival) -> Fact:
    context, event = arrival.context, arrival.event
    kind, occurred_at = (UNREADABLE, context.now) if event is None else (type(event).__name__, event.event_time)
    source = source_of(context.gateway, context.epoch, context.lane)
    return Fact(context.fact_id, source, context.seq, kind, recorded_body(arrival.piece.body), context.gateway, occurred_at, context.site)


def _apply_together(connection: Connection, arrivals: Sequence[_Arrival], door: Door, taken: Taken) -> bool:
    """The common case in one savepoint: all events of the batch go through. False: one did not, and nothing was done."""
    try:
        with savepoint(connection):
            for kind, same in groupby(arrivals, key=lambda each: type(each.event)):
                _hand_over_many(connection, kind, list(same), door)
    except BusyError:
        raise
    except Exception as error:  # noqa: BLE001  # ingest loop: one by one then finds out which event it was and deals with that one
        _reraise_if_database_fails(error)
        return False
    taken.applied += len(arrivals)
    taken.events += [each.event for each in arrivals if each.event is not None]
    return True


def _apply_alone(connection: Connection, message: Message, arrival: _Arrival, door: Door, taken: Taken) -> None:
    try:
        with savepoint(connection):
            _hand_over(connection, arrival, door)
    except BusyError:
        raise
    except DomainError as error:
        taken.excepted += 1
        context = arrival.context
        door.raise_work_order(connection, error.code, f"{context.gateway}/{context.lane}/{context.seq}", error.message, context.fact_id, context.now)
    except Exception as error:  # ingest loop: an event that breaks its handler must not stop those behind it
        _reraise_if_database_fails(error)
        log.exception("handler broke", extra={"kind": type(arrival.event).__name__, "gateway": arrival.context.gateway, "seq": arrival.context.seq})
        _set_aside(connection, message, arrival, f"its use case broke: {type(error).__name__}: {error}", door, taken)
        return
    taken.applied += 1
    if arrival.event is not None:
        taken.events.append(arrival.event)


def _hand_over(connection: Connection, arrival: _Arrival, door: Door) -> None:
    for handler in door.handlers.get(type(arrival.event), ()):  # type: ignore[arg-type]  # an event is never None here
        handler(connection, arrival.context, arrival.event)


def _hand_over_many(connection: Connection, kind: type[Any], arrivals: Sequence[_Arrival], door: Door) -> None:
    """Events of one type that follow each other: through the doors for many, where there are any."""
    if kind not in door.handlers_many:
        for each in arrivals:
            _hand_over(connection, each, door)
        return
    for handler in door.handlers_many[kind].values():
        handler(connection, [(each.context, each.event) for each in arrivals])


def _reraise_if_database_fails(error: Exception) -> None:
    """A database that is busy, full or gone is no fault of the event: nothing is acknowledged, and it comes again."""
    if isinstance(error, DBAPIError) and not isinstance(error, (IntegrityError, DataError)):
        raise error


def _set_aside(connection: Connection, message: Message, arrival: _Arrival, reason: str, door: Door, taken: Taken) -> None:
    taken.quarantined += 1
    context = arrival.context
    kept = _keep(connection, message, arrival.piece, context.epoch, context.lane, reason, context.now)
    if kept:
        subject = f"{context.gateway}/{context.lane}/{context.seq}"
        text = f"event {context.seq} of {context.gateway} ({context.lane}) is in quarantine: {reason}; look at its bytes and enter by hand what it reports"
        door.raise_work_order(connection, "event_quarantined", subject, text, context.fact_id, context.now)


def _keep(connection: Connection, message: Message, piece: Piece, epoch: str, lane: str, reason: str, now: datetime) -> bool:
    row = {
        "topic": message.topic,
        "gateway": message.address.gateway,
        "epoch": epoch,
        "lane": lane,
        "seq": piece.seq,
        "reason": reason,
        "body": piece.body,
        "body_hash": hashlib.sha256(piece.body).digest(),
        "came_at": now,
    }
    kept = connection.execute(insert_or_leave(connection, quarantine).values(**row).on_conflict_do_nothing().returning(quarantine.c.id))
    return kept.scalar() is not None


def refuse_message(connection: Connection, message: Message, fault: str, door: Door, now: datetime) -> Taken:
    """Keep a whole message in quarantine; it is not acknowledged, for nobody knows which events are in it."""
    if _keep(connection, message, Piece(0, message.payload), "", "", fault, now):
        text = f"a message of {message.address.gateway} is in quarantine: {fault}; look at the gateway's version and configuration"
        door.raise_work_order(connection, "message_quarantined", message.address.gateway, text, None, now)
    return Taken(message.address, quarantined=1)


def _compare_repeated(connection: Connection, message: Message, pieces: Sequence[Piece], door: Door, now: datetime) -> None:
    """The same identity with other content is an alarm, not an update."""
    batch = message.batch
    assert batch is not None
    source = source_of(batch.gateway, batch.epoch, batch.lane)
    query = select(event_table.c.source_seq, event_table.c.body_hash).where(
        event_table.c.source == source, event_table.c.source_seq.in_([piece.seq for piece in pieces])
    )
    stored = {row.source_seq: row.body_hash for row in connection.execute(query)}
    for piece in pieces:
        if stored.get(piece.seq) == hashlib.sha256(recorded_body(piece.body)).digest():
            continue
        reason = "the number was used before for other content"
        if _keep(connection, message, piece, batch.epoch, batch.lane, reason, now):
            text = f"event {piece.seq} of {batch.gateway} ({batch.lane}) came again with other content; was an old image of its outbox restored?"
            door.raise_work_order(connection, "identity_reused", f"{source}/{piece.seq}", text, fact_id_of(source, piece.seq), now)

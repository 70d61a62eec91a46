# SPDX-License-Identifier: Apache-2.0
"""Use cases of capture: a document with many events as a job, one event alone. Each runs inside the caller's transaction.

A job is done within its request and kept: it has the same life as one that runs for long (an address, a state, errors with their places) and
outlives a restart, for events and job are written in one transaction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from central.bulk import among, insert_rows
from central.database import insert_or_leave
from central.trace import checks, forms, hashing, indexing, subscriptions, vocabulary
from central.trace.faults import CaptureLimitError, Fault, ValidationError, told
from central.trace.naming import canonical_or_same
from central.trace.tables import epcis_attribute, epcis_capture, epcis_event, epcis_master, epcis_number, epcis_term, epcis_within

Behaviour = Literal["rollback", "proceed"]
EVENTS_MAX = 1000
"""Events of one capture; more would hold up other writers for longer than a person at a light notices."""
BYTES_MAX = 16 * 1024 * 1024
"""Bytes of one capture."""
_AT_ONCE = 250
_DEPTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event that may be stored: as it came, its id, and what it says beside it."""

    event: Mapping[str, Any]
    event_id: str
    declaration: str
    hash: str
    context: str
    prefixes: Mapping[str, str]
    at: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return indexing.key_of(self.event_id), self.declaration


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture came to: ids of all its events in their order, those that are new, and faults."""

    job: str
    events: tuple[str, ...]
    new: tuple[Prepared, ...]
    faults: tuple[Fault, ...]


def read(text: bytes) -> Any:
    """The JSON of a request. Raises: ValidationError: it is none, or holds what no database keeps. CaptureLimitError."""
    if len(text) > BYTES_MAX:
        raise CaptureLimitError(f"the document has {len(text)} bytes, at most {BYTES_MAX} are taken at once; send it in parts")
    try:
        document = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
        _check_values(document)
    except RecursionError as error:
        raise ValidationError("the document is nested too deeply") from error
    except ValueError as error:
        raise ValidationError(f"the document is no JSON: {error}") from error
    return document


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _check_values(value: Any, depth: int = 0) -> None:
    if depth > _DEPTH_MAX:
        raise ValueError(f"it is nested more than {_DEPTH_MAX} deep")
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value)):
            raise ValueError("a text contains the character NUL or half a character")
    elif isinstance(value, bool):
        return
    elif isinstance(value, int | float):
        if not abs(value) < 1e300:
            raise ValueError("a number is too large")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_values(name, depth)
            _check_values(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check_values(each, depth + 1)


def checked_events(document: Any, behaviour: Behaviour, now: datetime) -> tuple[list[Prepared], list[Fault]]:
    """The events of a document that may be stored, and the faults of the others.

    Raises: ValidationError: the document itself is none; or, when all shall be rolled back, one of its events has not the form of one. CaptureLimitError.
    """
    faults = forms.document_faults(document)
    outside = [fault for fault in faults if not _is_of_event(document, fault)]
    if outside or (faults and behaviour == "rollback"):
        raise ValidationError(told(outside or faults), outside or faults)
    base, events = forms.events_of(document)
    if len(events) > EVENTS_MAX:
        raise CaptureLimitError(f"the document has {len(events)} events, at most {EVENTS_MAX} are taken at once; send it in parts")
    good: list[Prepared] = []
    for n, event in enumerate(events):
        at = f"{base}/{n}" if base else ""
        bad = [fault for fault in faults if fault.at == at or fault.at.startswith(f"{at}/")] or list(_faults(event, document.get("@context"), now, at))
        faults = faults if any(fault.form for fault in bad) else [*faults, *bad]
        if not bad:
            good.append(prepare(event, document.get("@context"), at))
    return good, faults


def _is_of_event(document: Any, fault: Fault) -> bool:
    if not isinstance(document, dict) or document.get("type") not in ("EPCISDocument", "EPCISQueryDocument"):
        return False
    path = "/epcisBody/eventList/" if document["type"] == "EPCISDocument" else "/epcisBody/queryResults/resultsBody/eventList/"
    return fault.at.startswith(path)


def _faults(event: Mapping[str, Any], context: Any, now: datetime, at: str) -> Iterator[Fault]:
    yield from checks.rule_faults(event, now, at)
    yield from checks.undeclared(event, checks.prefixes(_contexts(context, event)), at)


def _contexts(context: Any, event: Mapping[str, Any]) -> list[Any]:
    return [part for each in (context, event.get("@context")) if each is not None for part in (each if isinstance(each, list) else [each])]


def prepare(event: Mapping[str, Any], context: Any, at: str = "") -> Prepared:
    """An event that has no faults, with its id: the one that it has, or the hash of its content."""
    contexts = _contexts(context, event)
    own = checks.beyond_the_standard(contexts)
    prefixes = checks.namespaces(contexts)
    hashed = hashing.event_hash(event, prefixes)
    bare = {name: value for name, value in event.items() if name != "@context"}
    text = json.dumps(own, ensure_ascii=False) if own else ""
    return Prepared(bare, event.get("eventID", hashed), hashing.declaration_key(event), hashed, text, prefixes, at)


def capture(connection: Connection, document: Any, behaviour: Behaviour, actor: str, now: datetime) -> Captured:
    """Store the events and master data of a document as a job.

    An event that is known with the same content is no error and not stored again. Raises: ValidationError, CaptureLimitError: nothing is stored, no job.
    """
    good, faults = checked_events(document, behaviour, now)
    job = str(uuid.uuid4())
    new: tuple[Prepared, ...] = ()
    if not faults or behaviour == "proceed":
        good, new, conflicts = _store_or_undo(connection, good, job, behaviour, now)
        faults += conflicts
    kept = not faults or behaviour == "proceed"
    if kept:
        keep_master_data(connection, forms.vocabularies_of(document), document.get("@context"), now)
    _keep_job(connection, job, behaviour, faults, len(new), actor, now)
    return Captured(job, tuple(each.event_id for each in good) if kept else (), new, tuple(faults))


def capture_one(connection: Connection, event: Any, now: datetime) -> Captured:
    """Store one event. Raises: ValidationError: it is none, or its id is known with other content."""
    if isinstance(event, dict) and event.get("type") in ("EPCISDocument", "EPCISQueryDocument"):
        raise ValidationError(f"an {event['type']} is sent to /capture; here is one event alone")
    good, faults = checked_events(event, "rollback", now)
    new: tuple[Prepared, ...] = ()
    if not faults:
        good, new, faults = _store_or_undo(connection, good, None, "rollback", now)
    if faults:
        raise ValidationError(told(faults), faults)
    return Captured("", (good[0].event_id,), new, ())


def _store_or_undo(
    connection: Connection, events: Sequence[Prepared], job: str | None, behaviour: Behaviour, now: datetime
) -> tuple[list[Prepared], tuple[Prepared, ...], list[Fault]]:
    """The events that are stored now (or were before), those of them that are new, and faults of those that contradict what is stored."""
    conflicts: list[Fault] = []
    part = connection.begin_nested()
    new = store(connection, events, now, conflicts, job=job)
    if conflicts and behaviour == "rollback":
        part.rollback()
        return [], (), conflicts
    part.commit()
    refused = {fault.at for fault in conflicts}
    return [each for each in events if each.at not in refused or not refused], tuple(new), conflicts


def store(
    connection: Connection, events: Sequence[Prepared], now: datetime, conflicts: list[Fault], *, job: str | None = None, facts: Mapping[str, str] | None = None
) -> list[Prepared]:
    """Store events that are not known yet; returns them. Those whose id is known with other content go to `conflicts`.

    `facts`: the fact of the ledger that each event tells of, by the event's id.
    """
    first: dict[tuple[str, str], Prepared] = {}
    for each in events:
        known = first.setdefault(each.key, each)
        if known.hash != each.hash:
            conflicts.append(_conflict(each))
    stored: list[Prepared] = []
    waiting = list(first.values())
    for start in range(0, len(waiting), _AT_ONCE):
        stored += _store_some(connection, waiting[start : start + _AT_ONCE], now, conflicts, job, facts or {})
    return stored


def _conflict(event: Prepared) -> Fault:
    return Fault(f"{event.at}/eventID", f"{event.event_id} is known with other content; an event's id is its own", form=False)


def _store_some(
    connection: Connection, events: Sequence[Prepared], now: datetime, conflicts: list[Fault], job: str | None, facts: Mapping[str, str]
) -> list[Prepared]:
    before = _hashes(connection, events)
    stored = {each.key: each.hash for each in events if not each.declaration} | before
    fresh = []
    for each in events:
        fault = _contradiction(each, before.get(each.key), stored.get((each.key[0], "")))
        if fault is not None:
            conflicts.append(fault)
        elif each.key not in before:
            fresh.append(each)
    made = _insert(connection, [_row(each, now, job, facts.get(each.event_id)) for each in fresh])
    late = [each for each in fresh if each.key not in made]
    if late:  # somebody else stored them at the same time
        known = _hashes(connection, late)
        conflicts += [_conflict(each) for each in late if known[each.key] != each.hash]
    _index(connection, [(each, made[each.key]) for each in fresh if each.key in made])
    subscriptions.tell(connection, sorted(made.values()), now)
    return [each for each in fresh if each.key in made]


def _contradiction(event: Prepared, same: str | None, original: str | None) -> Fault | None:
    if same is not None and same != event.hash:
        return _conflict(event)
    if event.declaration and original is not None and original != event.hash:
        return Fault(f"{event.at}/errorDeclaration", f"declares an error in {event.event_id} and does not repeat that event", form=False)
    return None


def _hashes(connection: Connection, events: Sequence[Prepared]) -> dict[tuple[str, str], str]:
    ids = sorted({each.key[0] for each in events})
    stored = select(epcis_event.c.event_id, epcis_event.c.declaration, epcis_event.c.hash).where(among(connection, epcis_event.c.event_id, ids))
    return {(row.event_id, row.declaration): row.hash for row in connection.execute(stored)} if ids else {}


def _insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    if not rows:
        return {}
    insertion = insert_or_leave(connection, epcis_event).values(rows).on_conflict_do_nothing()
    made = connection.execute(insertion.returning(epcis_event.c.n, epcis_event.c.event_id, epcis_event.c.declaration))
    return {(row.event_id, row.declaration): int(row.n) for row in made}


def _index(connection: Connection, made: Sequence[tuple[Prepared, int]]) -> None:
    terms, numbers = [], []
    for each, n in made:
        found = indexing.found_by(each.event, each.prefixes)
        terms += [(kind, value, n) for kind, value in sorted(found.terms)]
        numbers += [(n, k, kind, value) for k, (kind, value) in enumerate(sorted(found.numbers))]
    insert_rows(connection, epcis_term, ("kind", "value", "event"), terms)
    insert_rows(connection, epcis_number, ("event", "k", "kind", "value"), numbers)


def _row(each: Prepared, now: datetime, job: str | None, fact: str | None) -> dict[str, Any]:
    body = {**each.event, "eventID": each.event_id}
    event_id, declaration = each.key
    columns = indexing.columns_of(each.event)
    text = json.dumps(body, ensure_ascii=False)
    return {
        **columns,
        "event_id": event_id,
        "declaration": declaration,
        "hash": each.hash,
        "recorded_at": now,
        "body": text,
        "context": each.context,
        "job": job,
        "fact": fact,
    }


def _keep_job(connection: Connection, job: str, behaviour: Behaviour, faults: Sequence[Fault], captured: int, actor: str, now: datetime) -> None:
    errors = [
        {"type": "epcisException:ValidationException", "title": "Event refused", "status": 400, "detail": f"{each.at}: {each.text}", "at": each.at}
        for each in faults
    ]
    values = {"id": job, "behaviour": behaviour, "success": not faults, "captured": captured, "errors": json.dumps(errors, ensure_ascii=False)}
    connection.execute(insert(epcis_capture).values(**values, actor=actor, created_at=now, finished_at=now))


def keep_master_data(connection: Connection, vocabularies: Sequence[Mapping[str, Any]], context: Any, now: datetime) -> None:
    """Store what ids mean; what was captured last counts. `context`: the document's, for the names of attributes."""
    prefixes = {**vocabulary.CONTEXT_PREFIXES, **checks.namespaces(context)}
    for each in vocabularies:
        for element in each.get("vocabularyElementList", ()):
            name = indexing.key_of(canonical_or_same(element["id"]))
            values = {"id": name, "vocabulary": each["type"], "body": json.dumps(element, ensure_ascii=False), "captured_at": now}
            insertion = insert_or_leave(connection, epcis_master).values(**values)
            changed = {"body": values["body"], "captured_at": now}
            connection.execute(insertion.on_conflict_do_update(index_elements=["id", "vocabulary"], set_=changed))
            mine = (epcis_attribute.c.id == name) & (epcis_attribute.c.vocabulary == each["type"])
            connection.execute(delete(epcis_attribute).where(mine))
            rows = [(name, each["type"], k, *pair) for k, pair in enumerate(indexing.attributes_of(element, prefixes))]
            insert_rows(connection, epcis_attribute, ("id", "vocabulary", "k", "name", "value"), rows)
            for child in element.get("children", ()):
                pair = {"child": indexing.key_of(canonical_or_same(child)), "parent": name}
                connection.execute(insert_or_leave(connection, epcis_within).values(**pair).on_conflict_do_nothing())

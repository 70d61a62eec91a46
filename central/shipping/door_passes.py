# SPDX-License-Identifier: Apache-2.0
"""What a pass through a door does to the vehicle that stands there. Runs inside ingest's transaction.

What went out and belongs to the load is loaded; what does not is told at once and keeps the load from being closed; what comes in again is unloaded; what is
doubtful is asked, and nothing is loaded. Goods have passed already, so nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from central.bulk import among
from central.database import insert_or_leave
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.fleet.tables import command
from central.ingest.registry import EventContext
from central.ledger import units
from central.ledger.tables import handling_unit
from central.shipping import dispatch, door_lists, door_rules, doors, loads, packing, readiness, vehicles
from central.shipping.dispatch import Dock
from central.shipping.tables import door_pass, load, load_package, package
from contracts.events import PalletPassed
from contracts.identifiers import IdentifierError, sscc_from_uri

LAMPS = ("door_lamp_green", "door_lamp_red")


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where a pass is judged: the dock, the door's row (None: not set up), and the open load that stands there."""

    dock: Dock
    event: PalletPassed
    door: Row[Any] | None
    load: Row[Any] | None

    @property
    def load_number(self) -> str:
        """For people."""
        return str(self.load.number) if self.load is not None else "-"


@dataclass(slots=True)
class _Found:
    """What came of a pass, pallet by pallet."""

    loaded: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    unloaded: list[str] = field(default_factory=list)
    wrong: list[Message] = field(default_factory=list)
    outcome: str = "seen"

    def close(self) -> None:
        """The most telling of what happened names the pass."""
        for word, any_of in (("loaded", self.loaded), ("already", self.already), ("unloaded", self.unloaded)):
            if any_of and self.outcome == "seen":
                self.outcome = word


def passed(connection: Connection, context: EventContext, event: PalletPassed) -> None:
    """Take a pass through a door; one whose `pass_id` was taken before changes nothing."""
    door = doors.door_of(connection, context.site, event.station)
    if door is not None and not door.gateway:
        doors.learn_gateway(connection, context.site, event.station, context.gateway)
    labels = _labels(event)
    contents = _contents(connection, labels)
    if not _concerns(door, event, contents) or not _claim(connection, context, event, labels):
        return
    dock = Dock(context.fact_id, context.site, event.station, context.now)
    ours = sorted(set().union(*contents.values()) if contents else set())
    loads.hold_of_packages(connection, ours, context.site, event.station)
    for order_id, site in _orders(connection, ours):
        packing.hold_packing(connection, order_id, site, context.now)
    scene = _Scene(dock, event, door, doors.load_at(connection, context.site, event.station))
    found = _Found()
    if _is_overtaken(connection, scene, labels):
        found.outcome = "late"
    elif event.direction == "unknown":
        _ask(connection, scene, ours, found)
    elif event.direction == "in":
        _came_back(connection, scene, labels, ours, found)
    else:
        _went_out(connection, scene, contents, found)
    found.close()
    if event.direction == "out" and found.outcome != "late":
        _ask_doubtful(connection, scene)
    _judge_lamp(connection, scene, labels, found)
    _note(connection, scene, found)


def passed_many(connection: Connection, said: Sequence[tuple[EventContext, PalletPassed]]) -> None:
    """Take passes in turn; those that concern no vehicle, as of goods that are received, are told apart together."""
    found = doors.doors_of(connection, {(context.site, event.station) for context, event in said})
    contents = _contents(connection, sorted({label for _, event in said for label in _labels(event)}))
    for context, event in said:
        door = found.get((context.site, event.station))
        speaks_first = door is not None and not door.gateway
        if speaks_first or _concerns(door, event, {label: contents[label] for label in _labels(event)}):
            passed(connection, context, event)


def _labels(event: PalletPassed) -> list[str]:
    """SSCCs that went with the goods: the pallet's, or all of several."""
    return _ssccs([*([event.parent_id] if event.parent_id else []), *event.other_parents])


def _ssccs(uris: Iterable[str]) -> list[str]:
    found = set()
    for uri in uris:
        try:
            found.add(sscc_from_uri(uri))
        except IdentifierError:
            continue
    return sorted(found)


def _contents(connection: Connection, labels: Sequence[str]) -> dict[str, set[str]]:
    """Our packages on each label: the package itself, or those that stand on the unit; empty for what is not ours."""
    found: dict[str, set[str]] = {label: set() for label in labels}
    root = {label: label for label in labels}
    wave = set(labels)
    for _ in range(units.MAX_DEPTH):
        if not wave:
            break
        for sscc in connection.execute(select(package.c.sscc).where(among(connection, package.c.sscc, sorted(wave)))).scalars():
            found[root[sscc]].add(sscc)
        query = select(handling_unit.c.sscc, handling_unit.c.parent).where(among(connection, handling_unit.c.parent, sorted(wave)))
        below = {row.sscc: root[row.parent] for row in connection.execute(query) if row.sscc not in root}
        root |= below
        wave = set(below)
    return found


def _concerns(door: Row[Any] | None, event: PalletPassed, contents: dict[str, set[str]]) -> bool:
    """A door where vehicles are loaded; any door with a timetable through which our packages go."""
    loading = event.biz_step in door_rules.LEAVING or (door is not None and door.state in door_rules.LOADS)
    return loading or (door is not None and any(contents.values()))


def _claim(connection: Connection, context: EventContext, event: PalletPassed, labels: Sequence[str]) -> bool:
    """Of two that say the same pass, one is first."""
    values = {
        "event_id": context.fact_id,
        "pass_id": event.pass_id,
        "site": context.site,
        "station": event.station,
        "passed_at": event.event_time,
        "direction": event.direction,
        "sscc": labels[0] if labels else "",
        "strength_dbm": _strength(event, labels[0]) if labels else None,
        "params": {},
        "checked": event.checked,
        "work_version": event.work_version,
    }
    made = insert_or_leave(connection, door_pass).values(**values).on_conflict_do_nothing().returning(door_pass.c.event_id)
    return connection.execute(made).scalar() is not None


def _is_overtaken(connection: Connection, scene: _Scene, labels: Sequence[str]) -> bool:
    """Whether the label went through another door since this pass, which is told late: where it is now is known better. A door tells its own in turn."""
    event, dock = scene.event, scene.dock
    if not labels or event.clock == "unsynced":
        return False
    later = door_pass.c.passed_at.between(event.event_time + door_rules.SAME_PASS, dock.now) & (door_pass.c.station != dock.station)
    moved = door_pass.c.outcome.in_(("loaded", "unloaded", "wrong", "back"))
    query = select(door_pass.c.event_id).where(door_pass.c.sscc == labels[0], door_pass.c.site == dock.site, later, moved)
    return connection.execute(query.limit(1)).scalar() is not None


def _strength(event: PalletPassed, sscc: str) -> float | None:
    return next((strength for uri, strength in event.strengths_dbm.items() if _ssccs([uri]) == [sscc]), None)


def _orders(connection: Connection, ssccs: Sequence[str]) -> Sequence[tuple[str, str]]:
    query = select(package.c.order_id, package.c.site).where(among(connection, package.c.sscc, ssccs)).distinct().order_by(package.c.order_id)
    return [(row.order_id, row.site) for row in connection.execute(query)]


def _rows(connection: Connection, ssccs: Sequence[str]) -> list[Row[Any]]:
    return list(connection.execute(select(package).where(among(connection, package.c.sscc, ssccs)).order_by(package.c.sscc)))


# ---- out


def _went_out(connection: Connection, scene: _Scene, contents: dict[str, set[str]], found: _Found) -> None:
    ours = sorted(set().union(*contents.values()) if contents else set())
    rows = _rows(connection, ours)
    reasons = readiness.blocked(connection, rows) if rows else {}
    planned = _planned(connection, ours)
    for row in rows:
        told = _why_wrong(scene, row, planned.get(row.sscc, []), reasons.get(row.sscc, ""))
        if told is None:
            outcome = dispatch.put_aboard(connection, scene.dock, row)
            (found.loaded if outcome.verdict == "loaded" else found.already).append(row.sscc)
        else:
            _wrong(connection, scene, row.sscc, told, found)
    if scene.load is not None:
        for label in sorted(label for label, its in contents.items() if not its):
            told = message("wrong_pallet_unknown", station=scene.dock.station, sscc=label, load=scene.load_number)
            _wrong(connection, scene, label, told, found)
        if not contents and scene.event.child_epcs:
            _ask_unlabelled(connection, scene, found)


def _planned(connection: Connection, ssccs: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The open loads that each package is on."""
    query = select(load_package.c.sscc, load_package.c.loaded_at.label("aboard_at"), load).join(load, load.c.id == load_package.c.load_id)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.where(load.c.state == "open", among(connection, load_package.c.sscc, ssccs)).order_by(load.c.created_at)):
        found.setdefault(row.sscc, []).append(row)
    return found


def _why_wrong(scene: _Scene, row: Row[Any], plans: Sequence[Row[Any]], reason: str) -> Message | None:
    """Why a package may not be on the vehicle at this door; None: it is right there."""
    said = {"station": scene.dock.station, "sscc": row.sscc, "load": scene.load_number}
    here = scene.load.id if scene.load is not None else None
    mine = next((plan for plan in plans if plan.id == here), None)
    other = next((plan for plan in plans if plan.id != here and (here is not None or plan.door not in ("", scene.dock.station))), None)
    if row.site != scene.dock.site:
        return message("wrong_pallet_blocked", **said, reason=f"it belongs to {row.site}")
    if row.state == "shipped":
        return None if mine is not None else message("wrong_pallet_blocked", **said, reason="it left before")
    if mine is None and other is not None:
        return message("wrong_pallet_load", **said, other=other.number, door=other.door or "-")
    if mine is None and (here is not None or (scene.door is not None and (scene.door.state not in door_rules.LOADS or scene.door.load_id is not None))):
        return message("wrong_pallet_unplanned", **said)
    return message("wrong_pallet_blocked", **said, reason=reason) if reason else None


def _wrong(connection: Connection, scene: _Scene, sscc: str, told: Message, found: _Found) -> None:
    if _passed_elsewhere(connection, scene, sscc):
        found.outcome = "neighbour"
        return
    dock, here = scene.dock, scene.load
    urgency = door_rules.priority(dock.now, scene.door.until_at if scene.door is not None else None, _missing(connection, here))
    about = {"load": here.id if here is not None else ""}
    number = exceptions.ask_person(connection, told, sscc, dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=urgency, about=about)
    if here is not None:
        vehicles.believe_inside(connection, here.id, sscc, dock.station, told.code, number, dock.fact_id, dock.now)
    found.wrong.append(told)
    found.outcome = "wrong"


def _missing(connection: Connection, here: Row[Any] | None) -> int:
    if here is None:
        return 1
    waiting = select(func.count()).select_from(load_package).where(load_package.c.load_id == here.id, load_package.c.loaded_at.is_(None))
    return int(connection.execute(waiting).scalar_one())


def _passed_elsewhere(connection: Connection, scene: _Scene, sscc: str) -> bool:
    """Whether another door read the same label at the same time so much stronger that it passed there: this one looked past its frame."""
    mine_dbm, at = _strength(scene.event, sscc), scene.event.event_time
    query = select(door_pass.c.strength_dbm).where(door_pass.c.sscc == sscc, door_pass.c.site == scene.dock.site, door_pass.c.station != scene.dock.station)
    near = query.where(door_pass.c.passed_at.between(at - door_rules.SAME_PASS, at + door_rules.SAME_PASS), door_pass.c.outcome.in_(("loaded", "already")))
    return any(door_rules.was_read_elsewhere(mine_dbm, theirs) for theirs in connection.execute(near).scalars())


# ---- in, and nobody knows


def _came_back(connection: Connection, scene: _Scene, labels: Sequence[str], ours: Sequence[str], found: _Found) -> None:
    dock = scene.dock
    _asked_by_inbound(connection, scene, ours)
    out = [sscc for sscc in sorted({*labels, *ours}) if vehicles.is_out(connection, sscc, dock.site, f"came in again at {dock.station}", dock.now)]
    for row in _rows(connection, ours):
        if dispatch.unload(connection, dock, row):
            found.unloaded.append(row.sscc)
        elif row.state == "shipped":
            told = message("pallet_back", station=dock.station, sscc=row.sscc)
            exceptions.ask_person(connection, told, row.sscc, dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=2)
            found.wrong.append(told)
            found.outcome = "back"
    if out and not found.unloaded and found.outcome == "seen":
        found.outcome = "unloaded"


def _ask(connection: Connection, scene: _Scene, ours: Sequence[str], found: _Found) -> None:
    """Nobody knows which way it went: a person looks, and nothing is loaded. What is on the vehicle already stays there."""
    _asked_by_inbound(connection, scene, ours)
    waiting = [row.sscc for row in _rows(connection, ours) if row.state in ("open", "closed")]
    for sscc in waiting:
        reason = scene.event.evidence.reason or scene.event.evidence.eyes or "no clear order of reads"
        found.wrong.append(_unclear(connection, scene, sscc, reason))
    found.outcome = "unclear"


def _asked_by_inbound(connection: Connection, scene: _Scene, ours: Sequence[str]) -> None:
    """Our own package at a door that also receives is no delivery that nobody announced."""
    for sscc in ours:
        exceptions.settle(connection, ("pallet_direction_unknown", "pallet_unknown"), sscc, scene.dock.site, "it is a package of ours", scene.dock.now)


def _ask_unlabelled(connection: Connection, scene: _Scene, found: _Found) -> None:
    """Goods that went out without a label that could be read: perhaps right, perhaps not."""
    dock, tags = scene.dock, len(scene.event.child_epcs)
    told = message("load_label_missing", station=dock.station, count=tags, load=scene.load_number)
    exceptions.ask_person(connection, told, scene.event.child_epcs[0], dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=2)
    found.wrong.append(told)
    found.outcome = "unclear"


def _ask_doubtful(connection: Connection, scene: _Scene) -> None:
    """Labels that perhaps went with the goods and perhaps not."""
    contents = _contents(connection, _ssccs(scene.event.doubtful_epcs))
    ours = sorted(set().union(*contents.values()) if contents else set())
    for row in _rows(connection, ours):
        if row.state == "closed":
            _unclear(connection, scene, row.sscc, "it was read beside goods that went out")


def _unclear(connection: Connection, scene: _Scene, sscc: str, reason: str) -> Message:
    dock = scene.dock
    told = message("pallet_loading_unclear", station=dock.station, sscc=sscc, reason=reason)
    about = {"load": scene.load.id if scene.load is not None else ""}
    exceptions.ask_person(connection, told, sscc, dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=2, about=about)
    return told


# ---- the lamp, and what is kept


def _judge_lamp(connection: Connection, scene: _Scene, labels: Sequence[str], found: _Found) -> None:
    """The gateway decided its lamp by its own list; where that showed something else than central knows, people are told at once."""
    event, dock, door = scene.event, scene.dock, scene.door
    if not event.checked or door is None or found.outcome in ("neighbour", "late"):
        return
    if event.direction == "out":
        lamp = door_rules.judge_lamp(event.checked, right=not found.wrong and bool(found.loaded or found.already))
        if lamp in ("green_wrong", "red_wrong"):
            sscc = labels[0] if labels else "-"
            said = {"station": dock.station, "sscc": sscc, "had": event.work_version, "newest": door.list_version}
            told, urgency = (message("door_lamp_green", **said), 1) if lamp == "green_wrong" else (message("door_lamp_red", **said), 3)
            exceptions.ask_person(connection, told, f"{dock.station}/{sscc}", dock.fact_id, dock.now, site=dock.site, station=dock.station, priority=urgency)
    answered_at = connection.execute(select(command.c.answered_at).where(command.c.id == door.list_command, command.c.state == "done")).scalar()
    if door_rules.is_forgotten(door.list_version, event.work_version, answered_at, event.event_time):
        door_lists.forgotten(connection, dock.site, dock.station)


def _note(connection: Connection, scene: _Scene, found: _Found) -> None:
    told = found.wrong[0] if found.wrong else None
    values: dict[str, Any] = {
        "load_id": scene.load.id if scene.load is not None else None,
        "outcome": found.outcome,
        "loaded": len(found.loaded),
        "reason": told.code if told is not None else "",
        "params": told.params if told is not None else {},
    }
    connection.execute(update(door_pass).where(door_pass.c.event_id == scene.dock.fact_id).values(**values))

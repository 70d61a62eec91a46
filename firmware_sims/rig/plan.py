# SPDX-License-Identifier: Apache-2.0
"""The file that describes a rig. Whatever is wrong in it is told at once, each with its place and what is right."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from firmware_sims import registry
from firmware_sims.engine.faults import FaultError, read_faults
from firmware_sims.engine.twin import Twin
from firmware_sims.world.rooms import RoomPlan

Over = Literal["tcp", "pty", "pipe"]
_OVER: tuple[Over, ...] = ("tcp", "pty", "pipe")
QUANTITIES = ("air_c", "product_c", "humidity_pct", "door", "mains_fail", "compressor", "defrost")
"""What a room has for sensors to show."""
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class PlanError(ValueError):
    """The file cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class SimPlan:
    """One device. `over`: how it is reached; `link`: a symbolic link to its pty or pipe that stays the same. `faults` and `conditions` as people write them.

    `room` feeds it: `feeds` maps its conditions to quantities of the room; empty: what a sensor shows by itself, of the air or the product (`feels`).
    """

    id: str
    device: str
    over: Over = "tcp"
    host: str = "127.0.0.1"
    port: int = 0
    link: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    room: str = ""
    feels: Literal["air", "product"] = "air"
    feeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RoomEntry:
    """One room of the world, with what it is built of."""

    id: str
    plan: RoomPlan = field(default_factory=RoomPlan)
    temperature_c: float | None = None


@dataclass(frozen=True)
class DoorEntry:
    """One dock door: the device that is its reader, and which of the reader's inputs its photo-eyes are wired to."""

    id: str
    reader: str
    eye_outer: int = 1
    eye_inner: int = 2


@dataclass(frozen=True)
class Plan:
    """A whole rig. `seed` None: another one each time. `speed`: seconds of the rooms in one of the clock."""

    sims: tuple[SimPlan, ...] = ()
    rooms: tuple[RoomEntry, ...] = ()
    doors: tuple[DoorEntry, ...] = ()
    speed: float = 1.0
    seed: int | None = None


def read_plan(path: Path) -> Plan:
    """Raises: PlanError: the file is not there, is no TOML, or has mistakes; all of them."""
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise PlanError([f"{path}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError([f"{path}: this is no TOML: {error}"]) from error
    return _Reader(str(path), text).plan(tables)


class _Reader:
    """Collects what is wrong while it reads."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = {header: [number for number, line in enumerate(text.splitlines(), 1) if line.split("#")[0].strip() == header] for header in _HEADERS}
        self._problems: list[str] = []

    def plan(self, tables: Mapping[str, Any]) -> Plan:
        """Raises: PlanError."""
        self._known(self._name, tables, ("seed", "sim", "world"))
        world = self._table(self._name, tables, "world")
        self._known(f"{self._name}: [world]", world, ("speed", "room", "door"))
        rooms = tuple(self._room(*entry) for entry in self._entries(world, "room", "[[world.room]]"))
        ids = {room.id for room in rooms}
        sims = tuple(self._sim(*entry, rooms=ids) for entry in self._entries(tables, "sim", "[[sim]]"))
        doors = tuple(self._door(*entry, sims=sims) for entry in self._entries(world, "door", "[[world.door]]"))
        if not sims and not self._problems:
            self._problems.append(f"{self._name}: there is no [[sim]]; a device needs at least id and device")
        self._check_unique(sims, [room.id for room in rooms] + [door.id for door in doors])
        speed = self._value(f"{self._name}: [world]", world, "speed", float, 1.0)
        if not 0 < speed <= 10_000:
            self._problems.append(f"{self._name}: [world] speed: lies between 0 and 10000, got {speed:g}")
        seed = self._value(self._name, tables, "seed", int, None)
        if self._problems:
            raise PlanError(self._problems)
        return Plan(sims, rooms, doors, speed, seed)

    def _entries(self, table: Mapping[str, Any], key: str, header: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """Each entry of an array of tables with its place in words."""
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            self._problems.append(f"{self._name}: {key}: is written as {header}")
            return
        for number, entry in enumerate(entries):
            line = f":{self._lines[header][number]}" if number < len(self._lines[header]) else ""
            named = f' "{entry["id"]}"' if isinstance(entry.get("id"), str) else ""
            yield f"{self._name}{line}: {header}{named}", entry

    def _known(self, place: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
        names = list(allowed)
        for key in table:
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                advice = f", did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names) or 'none'}"
                self._problems.append(f"{place}: there is no {key!r}{advice}")

    def _value(self, place: str, table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
        value = table.get(key, default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if value is not default and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
            self._problems.append(f"{place} {key}: takes {words[kind]}, got {value!r}")
            return default
        return value

    def _table(self, place: str, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, Mapping):
            self._problems.append(f"{place} {key}: is a table, {key} = {{ name = value }}, got {value!r}")
            return {}
        return value

    def _id(self, place: str, table: Mapping[str, Any]) -> str:
        found = self._value(place, table, "id", str, "")
        if not _ID.fullmatch(found):
            self._problems.append(f"{place} id: takes small letters, digits, '-', '_' and '.', got {found!r}")
        return str(found)

    def _sim(self, place: str, table: Mapping[str, Any], rooms: set[str]) -> SimPlan:
        self._known(place, table, _SIM_KEYS)
        device = self._value(place, table, "device", str, "")
        twin = self._twin(place, device)
        options = self._table(place, table, "options")
        if twin is not None:
            self._check_options(place, device, options)
        plan = SimPlan(
            id=self._id(place, table),
            device=device,
            over=self._over(place, table, twin),
            host=self._value(place, table, "host", str, "127.0.0.1"),
            port=self._port(place, table),
            link=self._link(place, table),
            options=options,
            conditions=self._conditions(place, table, twin),
            faults=self._faults(place, table),
            seed=self._value(place, table, "seed", int, None),
            room=self._value(place, table, "room", str, ""),
            feels=self._value(place, table, "feels", str, "air"),
            feeds=self._feeds(place, table, twin),
        )
        self._check_room(place, plan, rooms)
        return plan

    def _twin(self, place: str, device: str) -> type[Twin] | None:
        try:
            return registry.twin_class(device)
        except registry.TwinNameError as error:
            near = difflib.get_close_matches(device, registry.names(), 1)
            self._problems.append(f"{place} device: {f'no simulator {device!r}, did you mean {near[0]!r}?' if near else error}")
            return None

    def _check_options(self, place: str, device: str, options: Mapping[str, Any]) -> None:
        known = registry.options(device)
        self._known(f"{place} options", options, known)
        for name, value in options.items():
            if name in known:
                try:
                    known[name].read(value)
                except ValueError as error:
                    self._problems.append(f"{place} options: {error}")

    def _over(self, place: str, table: Mapping[str, Any], twin: type[Twin] | None) -> Over:
        given = [name for name in _OVER if name in table or (name == "tcp" and "port" in table)]
        if len(given) > 1:
            self._problems.append(f"{place}: is reached by one of port, pty and pipe, not by {' and '.join(given)}")
        if given:
            return given[0]
        return "pipe" if twin is not None and twin.is_only_heard else "tcp"

    def _port(self, place: str, table: Mapping[str, Any]) -> int:
        port = self._value(place, table, "port", int, 0)
        if not 0 <= port <= 65_535:
            self._problems.append(f"{place} port: lies between 0 (a free one) and 65535, got {port}")
        return int(port)

    def _link(self, place: str, table: Mapping[str, Any]) -> str:
        """`pty = true` or `pty = "path"`, the same for `pipe`."""
        for name in ("pty", "pipe"):
            if isinstance(table.get(name), str):
                return str(table[name])
            if table.get(name, True) is not True:
                self._problems.append(f"{place} {name}: takes true, or the path of a link to it, got {table[name]!r}")
        if table.get("tcp", True) is not True:
            self._problems.append(f"{place} tcp: takes true; its port is written as port = 4001")
        return ""

    def _texts(self, place: str, table: Mapping[str, Any], key: str) -> dict[str, str]:
        """Values as people write them on the command line."""
        return {name: as_text(value) for name, value in self._table(place, table, key).items()}

    def _conditions(self, place: str, table: Mapping[str, Any], twin: type[Twin] | None) -> dict[str, str]:
        given = self._texts(place, table, "conditions")
        if twin is not None:
            self._known(f"{place} conditions", given, twin.conditions())
        return given

    def _faults(self, place: str, table: Mapping[str, Any]) -> dict[str, str]:
        given = self._texts(place, table, "faults")
        try:
            read_faults(given)
        except FaultError as error:
            self._problems += [f"{place} faults: {problem}" for problem in error.problems]
        return given

    def _feeds(self, place: str, table: Mapping[str, Any], twin: type[Twin] | None) -> dict[str, str]:
        given = self._texts(place, table, "feeds")
        if twin is not None:
            self._known(f"{place} feeds", given, twin.conditions())
        for name, quantity in given.items():
            if quantity not in QUANTITIES:
                self._problems.append(f"{place} feeds: {name}: a room has {', '.join(QUANTITIES)}, not {quantity!r}")
        return given

    def _check_room(self, place: str, plan: SimPlan, rooms: set[str]) -> None:
        if plan.room and plan.room not in rooms:
            self._problems.append(f"{place} room: there is no [[world.room]] {plan.room!r}; there are: {', '.join(sorted(rooms)) or 'none'}")
        if plan.feels not in ("air", "product"):
            self._problems.append(f"{place} feels: takes air or product, got {plan.feels!r}")

    def _room(self, place: str, table: Mapping[str, Any]) -> RoomEntry:
        known = {each.name for each in dataclasses.fields(RoomPlan)}
        self._known(place, table, ("id", "temperature_c", *sorted(known)))
        numbers = {name: self._value(place, table, name, float, None) for name in table if name in known}
        temperature_c = self._value(place, table, "temperature_c", float, None)
        return RoomEntry(self._id(place, table), RoomPlan(**{name: value for name, value in numbers.items() if value is not None}), temperature_c)

    def _door(self, place: str, table: Mapping[str, Any], sims: tuple[SimPlan, ...]) -> DoorEntry:
        self._known(place, table, ("id", "reader", "eye_outer", "eye_inner"))
        reader = self._value(place, table, "reader", str, "")
        readers = [sim.id for sim in sims if sim.device in registry.names() and {"read", "input"} <= set(registry.twin_class(sim.device).stimuli())]
        if reader not in readers:
            self._problems.append(f"{place} reader: names a device that reads tags and has inputs; there are: {', '.join(readers) or 'none'}; got {reader!r}")
        eyes = (self._value(place, table, name, int, default) for name, default in (("eye_outer", 1), ("eye_inner", 2)))
        return DoorEntry(self._id(place, table), reader, *eyes)

    def _check_unique(self, sims: tuple[SimPlan, ...], places: list[str]) -> None:
        ids = [sim.id for sim in sims] + places
        for double in sorted({one for one in ids if ids.count(one) > 1}):
            self._problems.append(f"{self._name}: {double!r} is the id of several; each needs its own")
        ports = [sim.port for sim in sims if sim.port]
        for port in sorted({one for one in ports if ports.count(one) > 1}):
            self._problems.append(f"{self._name}: port {port} is given to several: {', '.join(sim.id for sim in sims if sim.port == port)}")


def as_text(value: Any) -> str:
    """A value of the file as on the command line."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


_HEADERS = ("[[sim]]", "[[world.room]]", "[[world.door]]")
_SIM_KEYS = ("id", "device", "host", "port", "tcp", "pty", "pipe", "options", "conditions", "faults", "seed", "room", "feels", "feeds")

# SPDX-License-Identifier: Apache-2.0
"""What a rig consists of while it runs: devices on their lines, and rooms; all are shown, changed and made to do things in the same way."""

from __future__ import annotations

import abc
import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from firmware_sims import registry
from firmware_sims.engine.arguments import arguments_of, by_looks, read_arguments
from firmware_sims.engine.faults import FaultError, read_faults
from firmware_sims.engine.servers import PipeTwinServer, PtyTwinServer, TcpTwinServer, TwinServer
from firmware_sims.engine.twin import Twin, UnknownStimulusError
from firmware_sims.rig.plan import DoorEntry, RoomEntry, SimPlan, as_text
from firmware_sims.world.door_controls import DoorTwin
from firmware_sims.world.portals import PhotoEyes
from firmware_sims.world.room_controls import RoomTwin
from firmware_sims.world.rooms import ColdRoom

_BESIDE = ("now_s",)
_NO_FAULTS = "none"


def seed_of(seed: int, part: str) -> int:
    """Each part has dice of its own, so that one more device does not change the others'."""
    return zlib.crc32(f"{seed} {part}".encode())


class Part(abc.ABC):
    """A device or a room, by its id."""

    def __init__(self, part_id: str, kind: str, twin: Twin) -> None:
        self.id = part_id
        self.kind = kind
        self.twin = twin

    def do(self, name: str, given: Mapping[str, Any]) -> None:
        """Let something happen to it. Raises: UnknownStimulusError, ValueError: says what there is."""
        if name not in self.twin.stimuli():
            raise UnknownStimulusError(f"{self.id} has no stimulus {name!r}; it has: {', '.join(self.twin.stimuli()) or 'none'}")
        method = getattr(type(self.twin), f"on_{name}", None)
        try:
            # a twin that hands its stimuli on to another has no method that says what each takes
            arguments = by_looks(given) if method is None else read_arguments(method, given, beside=_BESIDE)
        except ValueError as error:
            raise ValueError(f"{self.id} {name}: {error}") from error
        self._stimulate(name, arguments)

    def set(self, given: Mapping[str, Any]) -> None:
        """Change conditions, as people write them. Nothing is changed when a name is wrong.

        Raises: UnknownStimulusError, ValueError: says what there is.
        """
        known = self.twin.conditions()
        for name in given:
            if name not in known:
                raise UnknownStimulusError(f"{self.id} has no condition {name!r}; it has: {', '.join(known) or 'none'}")
        for name, value in given.items():
            try:
                self._change(name, as_text(value))
            except ValueError as error:
                raise ValueError(f"{self.id} {name}: {error}") from error

    def shown(self) -> dict[str, Any]:
        """Everything that can be said of it, for JSON."""
        stimuli = {name: {each.name: each.takes() for each in _taken(self.twin, name)} for name in self.twin.stimuli()}
        return {"id": self.id, "device": self.kind, "conditions": self.twin.conditions(), "stimuli": stimuli, "state": self.state()}

    @abc.abstractmethod
    def fault(self, given: Mapping[str, Any]) -> None:
        """Make something wrong with it, or right again. Raises: FaultError: says what there is."""

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """How it stands."""

    @abc.abstractmethod
    def _stimulate(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Let something happen to it now."""

    @abc.abstractmethod
    def _change(self, name: str, text: str) -> None:
        """Change a condition now."""


def _taken(twin: Twin, name: str) -> Any:
    method = getattr(type(twin), f"on_{name}", None)
    return [] if method is None else arguments_of(method, beside=_BESIDE).values()


class Device(Part):
    """A simulated device on its line. Raises: ValueError: an option does not do."""

    def __init__(self, plan: SimPlan, seed: int) -> None:
        super().__init__(plan.id, plan.device, registry.make(plan.device, plan.options))
        self.plan = plan
        self.server = _server(plan, self.twin, seed_of(seed, plan.id) if plan.seed is None else plan.seed)

    async def start(self) -> None:
        """Set its conditions and faults and listen. Raises: OSError: its place is taken. ValueError: a condition or a fault does not do."""
        await self.server.start()
        try:
            self.set(self.plan.conditions)
            self.fault(self.plan.faults)
        except ValueError:
            await self.server.stop()
            raise

    async def stop(self) -> None:
        """Switch it off."""
        await self.server.stop()

    @property
    def place(self) -> dict[str, Any]:
        """Where a driver finds it: host and port, or path."""
        if isinstance(self.server, TcpTwinServer):
            return {"host": self.server.host, "port": self.server.port}
        return {"path": getattr(self.server, "path", "")}

    def where(self) -> str:
        """The same in one word."""
        return self.place.get("path") or f"{self.place['host']}:{self.place['port']}"

    def fault(self, given: Mapping[str, Any]) -> None:
        """See `Part.fault`; `none` clears all."""
        words = {name: as_text(value) for name, value in given.items() if name != _NO_FAULTS}
        settings, happenings = read_faults(words)
        if "clock" in happenings and "clock" not in self.twin.stimuli():
            raise FaultError(f"{self.id} has no clock that could be wrong")
        if _NO_FAULTS in given:
            self.server.faults.clear()
        for attribute, value in settings.items():
            setattr(self.server.faults, attribute, value)
        for name, number in happenings.items():
            self._let_happen(name, number)

    def _let_happen(self, name: str, number: float) -> None:
        if name == "hang_up":
            self.server.drop_client()
        elif name == "half_open":
            self.server.forget_client()
        elif name == "brown_out":
            self.server.brown_out(number)
        else:
            self.server.stimulate("clock", utc_us=round(datetime(int(number), 1, 1, tzinfo=UTC).timestamp() * 1e6))

    def state(self) -> dict[str, Any]:
        """See `Part.state`: what the twin keeps in public and can be written down."""
        names = {*vars(self.twin), *(name for name in dir(type(self.twin)) if isinstance(getattr(type(self.twin), name), property))}
        found = {name: getattr(self.twin, name) for name in sorted(names) if not name.startswith("_") and name != "wants_close"}
        return {name: value for name, value in found.items() if isinstance(value, str | int | float | bool | None)}

    def shown(self) -> dict[str, Any]:
        """See `Part.shown`."""
        server = self.server
        line = {"seed": server.seed, "faults": server.faults.shown(), "has_client": server.has_client, "is_dark": server.is_dark}
        hit = {"lost_to_client": server.said.lost_at, "lost_to_device": server.heard.lost_at}
        hit |= {"changed_to_client": server.said.changed_at, "changed_to_device": server.heard.changed_at}
        return super().shown() | self.place | {"listens": self.where()} | line | hit

    def _stimulate(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.server.stimulate(name, **arguments)

    def _change(self, name: str, text: str) -> None:
        self.server.change(name, text)

    def feel(self, shown: Mapping[str, float]) -> None:
        """The room has changed: show it as this device does. Raises: ValueError: it does not take such a quantity."""
        for name, quantity in self._feeds().items():
            try:
                self.server.change(name, _written(quantity, shown[quantity]))
            except ValueError as error:
                raise ValueError(f"{self.id} does not take {quantity} of a room as its {name}: {error}") from error
        if not self._feeds() and "set" in self.twin.stimuli():
            self.server.stimulate("set", quantity="temperature_c", value=shown[f"{self.plan.feels}_c"])
            if self.plan.feels == "air":
                self.server.stimulate("set", quantity="humidity_pct", value=shown["humidity_pct"])

    def _feeds(self) -> Mapping[str, str]:
        if self.plan.feeds:
            return self.plan.feeds
        conditions = self.twin.conditions()
        usual = {"temperature": f"{self.plan.feels}_c", "humidity": "humidity_pct"}
        return {name: quantity for name, quantity in usual.items() if name in conditions}


def _written(quantity: str, value: float) -> str:
    if quantity.endswith("_c"):
        return f"{value:.1f}C"
    return f"{value:.1f}%" if quantity.endswith("_pct") else as_text(bool(value))


def _server(plan: SimPlan, twin: Twin, seed: int) -> TwinServer:
    if plan.over == "pty":
        return PtyTwinServer(twin, link=plan.link, seed=seed)
    if plan.over == "pipe":
        return PipeTwinServer(twin, link=plan.link, seed=seed)
    return TcpTwinServer(twin, host=plan.host, port=plan.port, exclusive=twin.is_exclusive, seed=seed)


class Room(Part):
    """A room of the world. `fed`: the devices in it."""

    def __init__(self, entry: RoomEntry, seed: int, speed: float) -> None:
        self.room = ColdRoom(entry.plan, seed=seed_of(seed, entry.id), temperature_c=entry.temperature_c)
        self._controls = RoomTwin(self.room, speed)
        super().__init__(entry.id, "room", self._controls)
        self.fed: list[Device] = []

    def advance(self, now_s: float) -> None:
        """Let time pass in it, and its devices feel it."""
        self._controls.advance_to(now_s)
        shown = self.room.shown()
        for device in self.fed:
            device.feel(shown)

    def fault(self, given: Mapping[str, Any]) -> None:
        """See `Part.fault`; a room has no line."""
        raise FaultError(f"{self.id} is a room and has no line; set its door, compressor or mains instead")

    def state(self) -> dict[str, Any]:
        """See `Part.state`."""
        room = self.room
        masses = {"air_c": round(room.air_c, 2), "goods_c": round(room.goods_c, 2), "humidity_pct": round(room.humidity_pct, 1), "goods_kg": room.goods_kg}
        return masses | {"door_is_open": room.door_is_open, "compressor_runs": room.compressor_runs, "is_defrosting": room.is_defrosting}

    def _stimulate(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.twin.stimulate(name, arguments, time.monotonic())

    def _change(self, name: str, text: str) -> None:
        self.twin.change(name, text, time.monotonic())


class Door(Part):
    """A dock door of the world, with its reader."""

    def __init__(self, entry: DoorEntry, reader: Device, seed: int) -> None:
        self.door = DoorTwin(reader.server, PhotoEyes(entry.eye_outer, entry.eye_inner), seed_of(seed, entry.id))
        super().__init__(entry.id, "door", self.door)

    def fault(self, given: Mapping[str, Any]) -> None:
        """See `Part.fault`; a door has no line."""
        raise FaultError(f"{self.id} is a door and has no line; its reader has")

    def state(self) -> dict[str, Any]:
        """See `Part.state`; `last_epcs`: the tags of the last pallet that can be read, its own first."""
        last = self.door.last
        about = {"last_sscc": last.sscc, "last_epcs": last.readable_tags} if last else {}
        return {"passed": self.door.passed, "waiting": self.door.waiting, **about}

    def _stimulate(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.twin.stimulate(name, arguments, time.monotonic())

    def _change(self, name: str, text: str) -> None:
        self.twin.change(name, text, time.monotonic())

# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant is told to look for: one discovery message for each entity (MQTT discovery, one topic per component); pure.

No message holds a template, so nothing that a device says is ever worked out over there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from gateway.config import GatewayConfig, HomeAssistantNorth
from gateway.north.picture import Key
from gateway.north.quantities import class_of, unit_of, words_for

Component = Literal["sensor", "binary_sensor"]
_ORIGIN = "Dockline"
_SEPARATOR = re.compile(r"(?<!_)_(?!_)")

DEVICE, ALARM, GATEWAY = "dev", "alarm", "gw"
"""First part of an object's id: what it is about."""
ALARM_WORDS = {"high": "Too high", "low": "Too low", "stale": "No value"}


def joined(*names: str) -> str:
    """One id of several names of ours, each of which begins and ends with a letter or digit: a single `_` parts them, those inside are doubled.

    Different names never give the same id.
    """
    return "_".join(name.replace("_", "__") for name in names)


def parted(joined_id: str) -> list[str]:
    """The names that `joined` put together."""
    return [name.replace("__", "_") for name in _SEPARATOR.split(joined_id)]


class Topics(NamedTuple):
    """Where things are told. `node`: this gateway's own word in all ids and discovery topics."""

    prefix: str
    base: str
    node: str

    @property
    def availability(self) -> str:
        """Whether the gateway is there: `online` or `offline`, retained; the will."""
        return f"{self.base}/state"

    def config(self, component: str, object_id: str) -> str:
        """Where an entity is announced."""
        return f"{self.prefix}/{component}/{self.node}/{object_id}/config"

    def object_of(self, topic: str) -> list[str] | None:
        """The names in an announcement of this gateway; None: it is another topic."""
        parts = topic.removeprefix(f"{self.prefix}/").split("/")
        return parted(parts[2]) if topic.startswith(f"{self.prefix}/") and len(parts) == 4 and parts[1] == self.node and parts[3] == "config" else None

    def link(self, device: str) -> str:
        """Whether a device is connected: `online` or `offline`, retained."""
        return f"{self.base}/{DEVICE}/{device}/state"

    def value(self, device: str, quantity: str) -> str:
        """The value of one quantity."""
        return f"{self.base}/{DEVICE}/{device}/{quantity}"

    def alarm(self, alarm_id: str) -> str:
        """Whether an alarm's condition is there: `ON` or `OFF`."""
        return f"{self.base}/{ALARM}/{alarm_id}"

    def gateway(self, what: str) -> str:
        """What the gateway says of itself."""
        return f"{self.base}/{GATEWAY}/{what}"


def topics_of(table: HomeAssistantNorth, config: GatewayConfig) -> Topics:
    """The topics of one gateway, of which no other has any."""
    site, gateway = config.gateway.site, config.gateway.id
    return Topics(table.discovery_prefix, f"{table.base_topic}/{site}/{gateway}", joined("dockline", site, gateway))


class Announcer:
    """Makes the announcements of one gateway."""

    def __init__(self, topics: Topics, config: GatewayConfig, version: str, stale_s: Callable[[Key], float]) -> None:
        self._topics = topics
        self._config = config
        self._version = version
        self._stale_s = stale_s

    def announcements(self, known: Iterable[Key], alarms: Iterable[str]) -> dict[str, bytes]:
        """What is to be retained, by topic."""
        made = dict([*self._of_gateway(), *map(self._of_quantity, known), *map(self._of_alarm, alarms)])
        return {topic: msgspec.json.encode(entity) for topic, entity in made.items()}

    def _of_gateway(self) -> list[tuple[str, dict[str, Any]]]:
        about = {"device": self._gateway_device(), "entity_category": "diagnostic", "availability": [self._available()]}
        counts = {"name": "Events waiting for central", "state_class": "measurement"}
        memory = {"name": "Memory", "state_class": "measurement", "device_class": "data_size", "unit_of_measurement": "B"}
        return [
            self._entity("binary_sensor", GATEWAY, "uplink", self._topics.gateway("uplink"), {"name": "Central", "device_class": "connectivity", **about}),
            self._entity("sensor", GATEWAY, "pending", self._topics.gateway("pending"), {**counts, **about}),
            self._entity("sensor", GATEWAY, "rss", self._topics.gateway("rss"), {**memory, **about}),
            self._entity("sensor", GATEWAY, "down", self._topics.gateway("down"), {"name": "Devices away", "state_class": "measurement", **about}),
        ]

    def _of_quantity(self, key: Key) -> tuple[str, dict[str, Any]]:
        device, quantity = key
        unit, device_class = unit_of(quantity), class_of(quantity)
        entity: dict[str, Any] = {"name": words_for(quantity), "state_class": "measurement", "expire_after": max(1, math.ceil(self._stale_s(key)))}
        entity |= {"unit_of_measurement": unit} if unit else {}
        entity |= {"device_class": device_class} if device_class else {}
        entity["device"] = self._device(f"{device} ({self._place()})", f"{self._topics.node}_{joined(DEVICE, device)}", self._config.drivers.get(device, ""))
        entity |= {"availability": [self._available(), self._available(self._topics.link(device))], "availability_mode": "all"}
        return self._entity("sensor", DEVICE, device, self._topics.value(device, quantity), entity, quantity)

    def _of_alarm(self, alarm_id: str) -> tuple[str, dict[str, Any]]:
        station, _, condition = alarm_id.rpartition(".")
        entity: dict[str, Any] = {"name": ALARM_WORDS.get(condition, condition), "device_class": "problem", "availability": [self._available()]}
        entity["device"] = self._device(f"{station} ({self._place()})", f"{self._topics.node}_{joined(ALARM, station)}", "cold_room")
        return self._entity("binary_sensor", ALARM, station, self._topics.alarm(alarm_id), entity, condition)

    def _entity(self, component: Component, kind: str, name: str, topic: str, entity: Mapping[str, Any], *more: str) -> tuple[str, dict[str, Any]]:
        object_id = joined(kind, name, *more)
        origin = {"name": _ORIGIN, "sw_version": self._version}
        return self._topics.config(component, object_id), {
            "unique_id": f"{self._topics.node}_{object_id}",
            "state_topic": topic,
            "origin": origin,
            **entity,
        }

    def _place(self) -> str:
        return f"{self._config.gateway.site}, {self._config.gateway.id}"

    def _gateway_device(self) -> dict[str, Any]:
        names = {"name": f"Gateway {self._config.gateway.id} ({self._config.gateway.site})", "manufacturer": _ORIGIN, "model": "Gateway"}
        return {"identifiers": [self._topics.node], "sw_version": self._version, **names}

    def _device(self, name: str, identifier: str, model: str) -> dict[str, Any]:
        return {"identifiers": [identifier], "name": name, "via_device": self._topics.node, **({"model": model} if model else {})}

    def _available(self, topic: str = "") -> dict[str, str]:
        return {"topic": topic or self._topics.availability}

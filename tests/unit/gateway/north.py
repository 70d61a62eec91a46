# SPDX-License-Identifier: Apache-2.0
"""What the tests of the north sides share: a gateway's surroundings under a clock of their own, and Eclipse Tahu, which reads what we wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from tahutils.parse import parse_metric_value
from tahutils.tahu import sparkplug_b as tahu

from contracts.events import AlarmState
from contracts.readings import AnyReading, LinkChanged, Measured, ReadingFailed
from drivers.base.config import DeviceConfig
from gateway.clock import Instant
from gateway.config import ColdRoom, GatewayConfig, GatewayTable
from gateway.north.picture import Picture
from gateway.north.side import Message, Side, Surroundings

DAY = datetime(2026, 11, 22, tzinfo=UTC)
DAY_MS = int(DAY.timestamp() * 1000)


@dataclass
class Site:
    """A gateway with two sensors; `sensor-1` stands in a cold room."""

    now_s: float = 1000.0
    alarms: dict[str, AlarmState] = field(default_factory=lambda: {"room-1.high": "normal"})
    has_uplink: bool = True

    def __post_init__(self) -> None:
        room = ColdRoom(id="room-1", sensor="sensor-1", high_c=8.0, stale_s=30.0)
        devices = {name: DeviceConfig() for name in ("sensor-1", "sensor-2", "scale-1")}
        drivers = {"sensor-1": "sensor_modbus", "sensor-2": "sensor_modbus", "scale-1": "scale_sics"}
        self.config = GatewayConfig(gateway=GatewayTable(id="gw-1", site="hall_7"), devices=devices, drivers=drivers, stations={"room-1": room})
        self.picture = Picture(self.now)
        self.around = Surroundings(lambda: self.config, self.picture, lambda: self.alarms, lambda: self.has_uplink, "1.2.3")

    def now(self) -> Instant:
        return Instant(DAY + timedelta(seconds=self.now_s - 1000.0), self.now_s, "synced", "boot")

    def hear(self, *readings: AnyReading) -> None:
        for reading in readings:
            self.picture.hear(reading)

    def link(self, device: str, *, up: bool = True) -> None:
        self.hear(LinkChanged(device=device, at_s=self.now_s, state="connected" if up else "lost"))

    def measure(self, value: float, device: str = "sensor-1", quantity: str = "temperature_c") -> None:
        self.hear(Measured(device=device, at_s=self.now_s, quantity=quantity, value=value))

    def fail(self, device: str = "sensor-1", quantity: str = "temperature_c") -> None:
        self.hear(ReadingFailed(device=device, at_s=self.now_s, quantity=quantity, reason="sentinel"))

    def without(self, *devices: str) -> None:
        """Take devices out of the configuration, as a reload does."""
        left = {name: device for name, device in self.config.devices.items() if name not in devices}
        self.config = msgspec.structs.replace(self.config, devices=left)
        self.picture.keep(left)

    def said(self, side: Side) -> list[Message]:
        """Let the side look, and take all that it has to say."""
        side.look(self.now())
        messages = []
        while (message := side.next(self.now())) is not None:
            messages.append(message)
            assert len(messages) < 1000
        return messages


class Heard(NamedTuple):
    """A Sparkplug message as Eclipse Tahu reads it."""

    verb: str
    device: str
    seq: int | None
    metrics: Mapping[str, Any]
    payload: Any
    message: Message

    def metric(self, name: str) -> Any:
        return next(metric for metric in self.payload.metrics if metric.name == name)


def read(message: Message) -> Heard:
    namespace, _, verb, _, *device = message.topic.split("/")
    assert namespace == "spBv1.0"
    payload = tahu.Payload()
    payload.ParseFromString(message.payload)
    assert payload.IsInitialized()
    metrics = {metric.name: parse_metric_value(metric) for metric in payload.metrics}
    return Heard(verb, "/".join(device), payload.seq if payload.HasField("seq") else None, metrics, payload, message)


def command(**flags: bool) -> bytes:
    """An NCMD as Tahu writes it."""
    payload = tahu.Payload()
    payload.timestamp = DAY_MS
    for name, value in flags.items():
        tahu.addMetric(payload, name, None, tahu.MetricDataType.Boolean, value)
    return bytes(payload.SerializeToString())


REBIRTH = command(**{"Node Control/Rebirth": True})

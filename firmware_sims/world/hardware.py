# SPDX-License-Identifier: Apache-2.0
"""The devices of the simulated warehouse: a twin and a line for each, and the gateway file that describes them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer, has_pseudo_terminals
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.sensor_modbus.twin import ModbusRelayTwin, ModbusSensorTwin

BINS = tuple(f"A-{rack:02d}-{level}" for rack in range(1, 5) for level in range(1, 4))
"""Shelf bins of the pick zone, in order of their lights' nodes from 1."""


@dataclass
class Hardware:
    """All twins, on loopback ports and ptys of their own; where there are no ptys, serial devices sit behind TCP as behind a serial server."""

    reader_1: LlrpReaderTwin = field(default_factory=LlrpReaderTwin)
    reader_2: LlrpReaderTwin = field(default_factory=LlrpReaderTwin)
    reader_3: LlrpReaderTwin = field(default_factory=LlrpReaderTwin)
    lights: AblePickTwin = field(default_factory=AblePickTwin)
    scale: SicsScaleTwin = field(default_factory=lambda: SicsScaleTwin(capacity_g=150_000.0, division_g=5.0))
    relay: ModbusRelayTwin = field(default_factory=ModbusRelayTwin)
    servers: dict[str, TcpTwinServer | PtyTwinServer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        serial_line = PtyTwinServer if has_pseudo_terminals() else TcpTwinServer
        self.servers = {
            "reader-1": TcpTwinServer(self.reader_1),
            "reader-2": TcpTwinServer(self.reader_2),
            "reader-3": TcpTwinServer(self.reader_3),
            "lights-a": TcpTwinServer(self.lights),
            "scale-1": TcpTwinServer(self.scale),
            "scanner-dock": serial_line(ScannerTwin()),
            "scanner-pack": serial_line(ScannerTwin()),
            "probe-1": TcpTwinServer(ModbusSensorTwin("comet_tx5xx", "tcp")),
            "probe-2": serial_line(ModbusSensorTwin("xy_md02", "rtu")),
            "siren-relay": TcpTwinServer(self.relay),
        }

    async def start(self, stack: AsyncExitStack) -> None:
        """Switch everything on; the stack switches it off."""
        for server in self.servers.values():
            await server.start()
            stack.push_async_callback(server.stop)

    def gateway_file(self, *, broker_url: str, data_dir: str, listen: str) -> str:
        """The gateway's configuration for this hardware, as a person would write it."""
        parts = [_GATEWAY.format(broker=broker_url, data_dir=data_dir, listen=listen)]
        parts += [_DEVICE.format(id=name, driver=driver, line=self._line(name), extra="\n".join(extra)) for name, driver, *extra in _DEVICES]
        bins = ", ".join(f'"{code}" = {node}' for node, code in enumerate(BINS, 1))
        return "\n".join([*parts, _STATIONS.format(bins=bins)])

    def _line(self, name: str) -> str:
        server = self.servers[name]
        if isinstance(server, TcpTwinServer):
            return f'host = "{server.host}"\nport = {server.port}'
        return f'path = "{server.path}"'


_DEVICES: Iterable[tuple[str, ...]] = (
    ("reader-1", "rfid_llrp", "power_dbm = 30.0", "keepalive_s = 2.0"),
    ("reader-2", "rfid_llrp", "power_dbm = 30.0", "keepalive_s = 2.0"),
    ("reader-3", "rfid_llrp", "power_dbm = 30.0", "keepalive_s = 2.0"),
    ("lights-a", "light_ablepick"),
    ("scale-1", "scale_sics"),
    ("scanner-dock", "scanner_serial"),
    ("scanner-pack", "scanner_serial"),
    ("probe-1", "sensor_modbus", 'map = "comet_tx5xx"', "interval_s = 1.0"),
    ("probe-2", "sensor_modbus", 'map = "xy_md02"', 'framing = "rtu"', "interval_s = 1.0"),
    ("siren-relay", "sensor_modbus", 'map = "waveshare_relay"'),
)

_GATEWAY = """\
[gateway]
id = "dock-1"
site = "shanghai-1"
broker = "{broker}"
data_dir = "{data_dir}"
listen = "{listen}"
"""

_DEVICE = """\
[[device]]
id = "{id}"
driver = "{driver}"
{line}
{extra}
"""

_STATIONS = """\
[[station]]
id = "door-1"
kind = "dock_door"
reader = "reader-1"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = {{ device = "reader-1", input = 1 }}
photo_eye_inner = {{ device = "reader-1", input = 2 }}
stack_light = {{ device = "reader-1", output = 1 }}
stack_light_red = {{ device = "reader-1", output = 2 }}
read_point = "urn:epc:id:sgln:0614141.00001.1"

[[station]]
id = "door-2"
kind = "dock_door"
reader = "reader-2"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
read_point = "urn:epc:id:sgln:0614141.00001.2"

[[station]]
id = "door-3"
kind = "dock_door"
reader = "reader-3"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = {{ device = "reader-3", input = 1 }}
photo_eye_inner = {{ device = "reader-3", input = 2 }}
stack_light = {{ device = "reader-3", output = 1 }}
stack_light_red = {{ device = "reader-3", output = 2 }}
biz_step = "loading"
read_point = "urn:epc:id:sgln:0614141.00001.3"

[[station]]
id = "zone-a"
kind = "pick_zone"
lights = "lights-a"
bins = {{ {bins} }}

[[station]]
id = "weigh-1"
kind = "weigh_point"
scale = "scale-1"
scanner = "scanner-pack"

[[station]]
id = "scan-1"
kind = "scan_point"
scanner = "scanner-dock"
biz_step = "receiving"

[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "probe-1"
high_c = 8.0
low_c = 2.0
deadband_c = 0.5
on_delay_s = 2.0
off_delay_s = 2.0
siren = {{ device = "siren-relay", output = 1 }}

[[station]]
id = "cold-2"
kind = "cold_room"
sensor = "probe-2"
high_c = 8.0
low_c = 2.0
deadband_c = 0.5
on_delay_s = 2.0
off_delay_s = 2.0
siren = {{ device = "siren-relay", output = 2 }}
"""

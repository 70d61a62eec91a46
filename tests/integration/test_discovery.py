# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway discover`: what is there is recognised by what it says, what is not sure is not named, and nobody is hurt."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.probe import Probe
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.printer_zpl.twin import ZplPrinterTwin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin
from firmware_sims.scale_nci.twin import NciScaleTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.scanner_ssi.twin import SsiScannerTwin
from firmware_sims.scanner_tcp.twin import CognexTwin, KeyenceTwin
from firmware_sims.sensor_modbus.twin import ModbusSensorTwin
from firmware_sims.tower_patlite.twin import PatliteTwin
from gateway import discovery
from gateway.command import main
from gateway.discovery import Discovery, Found, addresses, as_toml, serial_lines
from gateway.discovery_kernel import kernel_devices
from tests.integration.gateway_bench import eventually

pytestmark = [pytest.mark.requirement("R98"), pytest.mark.slow]

HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def _short_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_LISTEN_S", 0.3)


def _hasty() -> Discovery:
    """All probes, none of which waits: for places where nothing is to be recognised, however late it says something."""
    return Discovery([(driver, dataclasses.replace(probe, within_s=0.05)) for driver, probe in registry.probes()])


def _moved(port: int, name: str) -> Discovery:
    """All probes, those of one driver's own TCP port at another one: the twin cannot have the real one."""
    return Discovery([(driver, dataclasses.replace(probe, ports=(port,)) if driver == name and probe.ports else probe) for driver, probe in registry.probes()])


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("rfid_llrp", LlrpReaderTwin),
        ("light_ablepick", AblePickTwin),
        ("sensor_modbus", ModbusSensorTwin),
        ("scanner_tcp", KeyenceTwin),
        ("scanner_tcp", CognexTwin),
        ("scanner_tcp", lambda: CognexTwin(knows_header_mode=False, negotiates=True)),
        ("tower_patlite", PatliteTwin),
        ("tower_patlite", lambda: PatliteTwin("nh")),
        ("printer_zpl", ZplPrinterTwin),
    ],
    ids=["rfid_llrp", "light_ablepick", "sensor_modbus", "keyence", "cognex", "older_cognex", "la6", "nh", "printer_zpl"],
)
async def test_device_on_its_own_port_is_recognised_and_its_table_is_a_configuration(name: str, twin: Callable[[], Twin]) -> None:
    server = TcpTwinServer(twin())
    await server.start()
    looked = _moved(server.port, name)

    await looked.look([HERE])
    await server.stop()

    (found,) = looked.found
    assert (found.driver, found.fields["port"]) == (name, server.port)
    parse_config(registry.load(name).config, {"driver": name, **found.fields})


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("scale_sics", SicsScaleTwin()),
        ("scale_nci", NciScaleTwin()),
        ("scale_continuous", ToledoContinuousTwin(parity=True)),
        ("sensor_modbus", ModbusSensorTwin(framing="rtu", unit_id=3)),
        ("scanner_ssi", SsiScannerTwin()),
        ("scanner_ssi", SsiScannerTwin(asleep=True, checksum_low_first=True)),
    ],
    ids=["scale_sics", "scale_nci", "scale_continuous", "sensor_modbus", "scanner_ssi", "scanner_ssi_asleep"],
)
async def test_device_behind_a_serial_server_is_recognised(name: str, twin: Twin) -> None:
    server = TcpTwinServer(twin)
    await server.start()
    looked = Discovery([each for each in registry.probes() if each[0] == name])

    await looked.look([HERE], stream_ports=[server.port])
    await server.stop()

    (found,) = looked.found
    assert found.driver == name
    parse_config(registry.load(name).config, {"driver": name, **found.fields})


async def test_device_on_a_serial_line_is_recognised() -> None:
    server = PtyTwinServer(SicsScaleTwin())
    await server.start()
    looked = Discovery()

    await looked.look(lines=[server.path])
    await server.stop()

    (found,) = looked.found
    assert (found.driver, found.fields["path"], found.fields["baud_rate"]) == ("scale_sics", server.path, 9600)
    assert "serial number" in found.about


async def test_what_says_nothing_or_something_else_is_not_named() -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(b"220 mail ready\r\n" + data)
        writer.close()

    silent, other = TcpTwinServer(ScannerTwin()), await asyncio.start_server(chatter, HERE, 0)
    await silent.start()
    port = other.sockets[0].getsockname()[1]
    looked = _hasty()

    await looked.look([HERE], stream_ports=[silent.port, port])
    await silent.stop()
    other.close()
    await other.wait_closed()

    assert looked.found == []
    assert looked.seen >= 2


async def test_line_that_another_program_has_is_left_alone() -> None:
    server = PtyTwinServer(SicsScaleTwin())
    await server.start()
    driver = registry.load("scale_sics").factory("scale-1", parse_config(registry.load("scale_sics").config, {"driver": "scale_sics", "path": server.path}))
    readings: list[object] = []
    running = asyncio.create_task(driver.run(readings.append))
    await eventually(lambda: bool(readings))
    looked = Discovery()

    await looked.look(lines=[server.path])

    assert looked.found == []
    assert [skipped.where for skipped in looked.skipped] == [server.path]
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.stop()


async def test_line_on_which_somebody_talks_is_not_asked_anything() -> None:
    asked = bytearray()

    async def other_master(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes.fromhex("010400010002200b"))
        while data := await reader.read(1000):
            asked.extend(data)
        writer.close()

    server = await asyncio.start_server(other_master, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    looked = Discovery([(name, probe) for name, probe in registry.probes() if name in ("sensor_modbus", "scale_sics")])

    await looked.look([HERE], stream_ports=[port])
    server.close()
    await server.wait_closed()

    assert (bytes(asked), looked.found) == (b"", [])
    assert [(each.where, "talks there unasked" in each.why) for each in looked.skipped if each.where == f"{HERE}:{port}"] == [(f"{HERE}:{port}", True)]


async def test_device_that_this_computer_is_connected_to_keeps_its_client() -> None:
    server = TcpTwinServer(AblePickTwin())
    await server.start()
    reader, writer = await asyncio.open_connection(HERE, server.port)
    await eventually(lambda: server.has_client)
    looked = _moved(server.port, "light_ablepick")

    await looked.look([HERE])

    assert looked.found == []
    assert f"{HERE} port {server.port}" in [each.where for each in looked.skipped]
    assert not reader.at_eof()
    writer.close()
    await server.stop()


async def test_who_never_stops_talking_is_not_listened_to_for_ever() -> None:
    looked_at: list[int] = []

    def never(said: bytes) -> None:
        looked_at.append(len(said))

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(range(1, 251)) * 200)
                await writer.drain()

    server = await asyncio.start_server(floods, HERE, 0)
    port = server.sockets[0].getsockname()[1]

    await Discovery([("x", Probe(never, within_s=60.0, ports=(port,)))]).look([HERE])
    server.close()

    assert max(looked_at) < 200_000


async def test_name_that_nobody_knows_is_told_once() -> None:
    looked = Discovery()

    await looked.look(["no-such-host.invalid"])

    assert [each.where for each in looked.skipped] == ["no-such-host.invalid"]


async def test_reader_that_is_looked_at_goes_on_reading_for_its_next_client() -> None:
    twin = LlrpReaderTwin()
    server = TcpTwinServer(twin)
    await server.start()

    await _moved(server.port, "rfid_llrp").look([HERE])

    assert twin.rospecs == {}
    await eventually(lambda: not server.has_client)
    await server.stop()


def test_scales_and_probes_that_the_kernel_knows_are_found(tmp_path: Path) -> None:
    for name, descriptor in (("hidraw0", b"\x05\x01\x09\x06"), ("hidraw1", b"\x05\x8d\x09\x20")):
        folder = tmp_path / "sys/class/hidraw" / name / "device"
        folder.mkdir(parents=True)
        (folder / "report_descriptor").write_bytes(descriptor)
        (folder / "uevent").write_text("DRIVER=hid-generic\nHID_ID=0003:00000922:00008003\nHID_NAME=Stamps.com 2510\n")
    for probe in ("28-0316a2791e0b", "00-400000000000"):
        (tmp_path / "sys/bus/w1/devices" / probe).mkdir(parents=True)

    found = list(kernel_devices(tmp_path))

    assert [(each.driver, each.fields) for each in found] == [("scale_hid", {"usb_id": "0922:8003"}), ("sensor_onewire", {})]
    assert "/dev/hidraw1" in found[0].about
    assert "28-0316a2791e0b" in found[1].about
    for each in found:
        parse_config(registry.load(each.driver).config, {"driver": each.driver, **each.fields})


def test_serial_lines_are_named_by_their_lasting_names(tmp_path: Path) -> None:
    (tmp_path / "serial/by-id").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyACM0"):
        (tmp_path / name).touch()
    (tmp_path / "serial/by-id/usb-FTDI_1-if00").symlink_to(tmp_path / "ttyUSB0")
    adapter = tmp_path / "sys/ttyUSB0/device"
    adapter.mkdir(parents=True)
    (adapter / "idVendor").write_text("0403\n")
    (adapter / "serial").write_text("1\n")

    assert serial_lines(tmp_path, tmp_path / "sys") == [str(tmp_path / "ttyACM0"), str(tmp_path / "serial/by-id/usb-FTDI_1-if00")]


def test_network_that_is_too_large_is_refused_with_what_to_do() -> None:
    assert addresses(["192.0.2.0/30", "printer"]) == ["192.0.2.1", "192.0.2.2", "printer"]
    with pytest.raises(ValueError, match="65536 addresses; name a network"):
        addresses(["10.0.0.0/16"])
    assert addresses(["2001:db8::8/126", "2001:db8::1"]) == ["2001:db8::9", "2001:db8::a", "2001:db8::b", "2001:db8::1"]
    with pytest.raises(ValueError, match="18446744073709551616 addresses"):
        addresses(["2001:db8::/64"])


def test_proposal_is_a_table_of_a_gateways_file() -> None:
    text = "\n".join(
        as_toml([Found("scale_sics", "x", "a scale", {"path": "/dev/ttyUSB0", "baud_rate": 9600}), Found("scale_sics", "y", "another", {"low_latency": True})])
    )

    devices = tomllib.loads(text)["device"]
    assert [device["id"] for device in devices] == ["scale-sics-1", "scale-sics-2"]
    assert devices[0]["baud_rate"] == 9600


def test_command_says_that_nothing_proved_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--no-lines", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"found": [], "skipped": []}
    assert main(["discover", "--no-lines", "10.0.0.0/8"]) == 2


async def test_printer_that_is_asked_what_it_is_prints_nothing() -> None:
    twin = ZplPrinterTwin()
    server = TcpTwinServer(twin)
    await server.start()
    looked = _moved(server.port, "printer_zpl")

    await looked.look([HERE])
    await server.stop()

    assert [found.about for found in looked.found] == ["ZPL label printer ZT411-203dpi, firmware V92.21.17Z, 8 dots per mm"]
    assert (twin.labels, list(twin.body.queue)) == ([], [])

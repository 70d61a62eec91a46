# SPDX-License-Identifier: Apache-2.0
import asyncio
import re
import shlex
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.readings import AnyReading, LinkChanged, Weight
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, RemoteProtocolError, TransportError
from drivers.base.weighing import Weighed
from drivers.scale_hid import driver as hid_driver
from drivers.scale_hid import finding
from drivers.scale_hid.config import ScaleHidConfig
from drivers.scale_hid.driver import SPEC, ScaleHidDriver
from drivers.scale_hid.frames import WeightReport
from drivers.scale_hid.session import HidScaleSession
from firmware_sims.engine.servers import PipeTwinServer
from firmware_sims.scale_hid.twin import HidScaleTwin
from gateway.metrics import Metrics
from gateway.supervisor import Supervisor

PATIENCE_S = 8.0
SCALE_DESCRIPTOR = bytes.fromhex("058d 0920 a101 8503 0932 75 08 9504 8102 c0".replace(" ", ""))
KEYBOARD_DESCRIPTOR = bytes.fromhex("0501 0906 a101 0507 19e0 29e7 c0".replace(" ", ""))


@pytest.mark.requirement("E5")
@pytest.mark.parametrize(
    ("report", "state", "value", "unit"),
    [
        ("03 04 02 00 14 00", "stable", "20", "g"),  # antradar: 20 g
        ("03 04 0b ff 34 19", "stable", "645.2", "oz"),  # antradar: 40 lb 5.2 oz
        ("03 02 0b ff 00 00", "zero", "0.0", "oz"),  # rfg-scale
        ("03 03 0c fe 7b 00", "dynamic", "1.23", "lb"),
        ("03 05 02 00 0a 00", "underload", "10", "g"),
        ("03 06 02 00 ff ff", "overload", "65535", "g"),
        ("03 01 02 00 00 00", "error", "0", "g"),
        ("03 04 03 02 01 00", "stable", "1E+2", "kg"),
    ],
)
def test_report_is_understood(report: str, state: str, value: str, unit: str) -> None:
    decoded = WeightReport.decode(bytes.fromhex(report))

    assert (decoded.state, decoded.value, decoded.unit) == (state, Decimal(value), unit)


@pytest.mark.parametrize(
    "report",
    ["", "03 04 02 00 14", "04 04 02 00 14 00", "03 00 02 00 14 00", "03 09 02 00 14 00", "03 04 00 00 14 00", "03 04 0d 00 14 00", "03 04 02 64 14 00"],
)
def test_report_with_what_there_is_not_is_refused(report: str) -> None:
    with pytest.raises(RemoteProtocolError):
        WeightReport.decode(bytes.fromhex(report))


@given(garbage=st.binary(min_size=1, max_size=20))
def test_session_is_in_step_again_after_garbage(garbage: bytes) -> None:
    session, report = HidScaleSession(ScaleHidConfig(path="/dev/hidraw0")), WeightReport(4, 2, 0, 300).encode()
    session.advance_to(0.0)
    session.receive_bytes(garbage, 0.1)

    events = [*session.receive_bytes(report * 6, 0.2)]

    assert events[-1] == Weighed("stable", Decimal(300), "g", "03 04 02 00 2c 01")


def _plug_in(root: Path, number: int, descriptor: bytes, usb_id: str, serial: str) -> None:
    """As the kernel shows it: /sys/class/hidraw/hidrawN/device -> HID device, inside an interface, inside the USB device."""
    usb = root / f"usb-{number}"
    hid = usb / "1-1:1.0" / f"0003:{usb_id.upper()}.0001"
    hid.mkdir(parents=True)
    vendor, product = usb_id.split(":")
    (hid / "report_descriptor").write_bytes(descriptor)
    (hid / "uevent").write_text(f"DRIVER=hid-generic\nHID_ID=0003:0000{vendor.upper()}:0000{product.upper()}\nHID_NAME=A scale\n")
    (usb / "idVendor").write_text(vendor + "\n")
    (usb / "serial").write_text(serial + "\n")
    node = root / "hidraw" / f"hidraw{number}"
    node.mkdir(parents=True)
    (node / "device").symlink_to(hid)


@pytest.fixture
def hidraws(tmp_path: Path) -> Path:
    _plug_in(tmp_path, 0, KEYBOARD_DESCRIPTOR, "046d:c31c", "K1")
    _plug_in(tmp_path, 1, SCALE_DESCRIPTOR, "0922:8003", "0071431044934")
    _plug_in(tmp_path, 2, SCALE_DESCRIPTOR, "0eb8:f000", "")
    return tmp_path / "hidraw"


@pytest.mark.parametrize(
    ("usb_id", "serial", "names"),
    [("", "", ["hidraw1", "hidraw2"]), ("0922:8003", "", ["hidraw1"]), ("", "0071431044934", ["hidraw1"]), ("0EB8:F000", "", ["hidraw2"]),
     ("046d:c31c", "", []), ("0922:8003", "other", [])],
)  # fmt: skip
def test_scale_is_found_by_what_is_known_of_it(hidraws: Path, usb_id: str, serial: str, names: list[str]) -> None:
    assert finding.paths_of_scales(usb_id, serial, hidraws, Path("/dev")) == [f"/dev/{name}" for name in names]


def test_no_scales_where_the_kernel_has_no_hidraw(tmp_path: Path) -> None:
    assert finding.paths_of_scales("", "", tmp_path / "nothing") == []


@given(descriptor=st.binary(max_size=60))
def test_any_descriptor_is_read_to_its_end(descriptor: bytes) -> None:
    assert all(0 <= page <= 0xFFFFFFFF for page in finding.usage_pages(descriptor))


async def test_no_or_several_scales_are_told_with_advice(hidraws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def within(usb_id: str, serial: str) -> list[str]:
        return finding.paths_of_scales(usb_id, serial, hidraws)

    monkeypatch.setattr(hid_driver, "paths_of_scales", within)

    with pytest.raises(TransportError, match=r"scale-1.*several USB scales.*/dev/hidraw1, /dev/hidraw2"):
        await ScaleHidDriver("scale-1", ScaleHidConfig()).run(lambda reading: None)
    with pytest.raises(TransportError, match="no USB scale 0922:8004 is there"):
        await ScaleHidDriver("scale-1", ScaleHidConfig(usb_id="0922:8004")).run(lambda reading: None)
    with pytest.raises(TransportError, match="/dev/hidraw1"):  # found; not there on this computer
        await ScaleHidDriver("scale-1", ScaleHidConfig(serial_number="0071431044934")).run(lambda reading: None)


class Readings:
    """Collects what a driver emits; `until` waits for something to come."""

    def __init__(self) -> None:
        self.all: list[AnyReading] = []
        self._more = asyncio.Event()

    def emit(self, reading: AnyReading) -> None:
        self.all.append(reading)
        self._more.set()

    async def until(self, wanted: Callable[[AnyReading], bool], after: int = 0) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(wanted(reading) for reading in self.all[after:]):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def _served() -> AsyncIterator[PipeTwinServer]:
    server = PipeTwinServer(HidScaleTwin())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _is_weight(state: str) -> Callable[[AnyReading], bool]:
    return lambda reading: isinstance(reading, Weight) and reading.state == state


async def test_scale_that_falls_asleep_and_wakes_up_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hid_driver, "LOOK_S", 0.01)
    async with _served() as server:
        readings, device = Readings(), ScaleHidDriver("scale-1", ScaleHidConfig(path=server.path))
        running = asyncio.create_task(device.run(readings.emit))
        await readings.until(_is_weight("zero"))

        await server.stop()  # it vanishes from the bus
        await readings.until(_is_weight("stale"))
        with pytest.raises(TransportError, match="not connected"):
            await device.execute("weigh", {})
        seen = len(readings.all)
        await server.start()
        await readings.until(_is_weight("zero"), after=seen)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert sum(_is_weight("stale")(reading) for reading in readings.all) == 1
    assert all(reading.state == "connected" for reading in readings.all if isinstance(reading, LinkChanged))


async def test_gateway_hears_of_no_loss_while_the_scale_sleeps(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(hid_driver, "LOOK_S", 0.01)
    async with _served() as server:
        readings, device = Readings(), ScaleHidDriver("scale-1", ScaleHidConfig(path=server.path))
        supervisor = Supervisor({"scale-1": ("scale_hid", device)}, readings.emit, Metrics(), time.monotonic)
        running = asyncio.create_task(supervisor.run())
        for _ in range(3):
            seen = len(readings.all)
            await readings.until(_is_weight("zero"), after=seen)
            await server.stop()
            await readings.until(_is_weight("stale"), after=seen)
            await server.start()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert [record.getMessage() for record in caplog.records if record.levelname in ("INFO", "WARNING", "ERROR")] == ["device connected"]
    assert [reading.state for reading in readings.all if isinstance(reading, LinkChanged)] == ["connected"]


async def test_scale_that_sleeps_too_long_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hid_driver, "LOOK_S", 0.01)
    now_s = [0.0]
    readings = Readings()
    async with _served() as server:
        device = ScaleHidDriver("scale-1", ScaleHidConfig(path=server.path, asleep_s_max=3600), clock=lambda: now_s[0])
        emitted = readings.emit

        def emit(reading: AnyReading) -> None:
            emitted(reading)
            if _is_weight("zero")(reading) and server.has_client:
                server.faults.refuse = True
                server.drop_client()
            elif _is_weight("stale")(reading):
                (Path(server.path)).unlink()
                now_s[0] += 3601

        with pytest.raises(TransportError, match="scale-1"):
            await device.run(emit)

    assert sum(_is_weight("stale")(reading) for reading in readings.all) == 1


def test_twin_tells_a_negative_weight_by_its_status_alone() -> None:
    twin = HidScaleTwin()
    twin.connected(0.0)
    twin.on_place(weight_g=-10, now_s=0.0)

    assert twin.advance_to(3.0) == bytes.fromhex("03 05 02 00 0a 00")


def test_twin_that_could_not_find_its_zero_says_so() -> None:
    twin = HidScaleTwin()
    twin.connected(0.0)
    twin.on_place(weight_g=5000, now_s=0.0)
    twin.advance_to(3.0)
    twin.on_reboot(now_s=3.0)

    assert twin.advance_to(5.0)[1] == 8


def test_udev_rules_have_the_form_that_udev_wants() -> None:
    lines = (Path(__file__).parents[2] / "deploy" / "udev" / "70-dockline-scales.rules").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    part = re.compile(r"(SUBSYSTEM|ATTRS\{id(Vendor|Product)\})==[0-9a-z\[\]-]+|(GROUP|MODE)=[a-z0-9]+|SYMLINK\+=dockline/scale-\$attr\{serial\}")

    assert rules
    for rule in rules:
        parts = [piece.strip() for piece in shlex.split(rule.replace(",", " "))]
        assert all(part.fullmatch(piece) for piece in parts), rule


def test_usb_id_that_is_none_is_told() -> None:
    assert [command.name for command in SPEC.commands] == ["weigh"]
    with pytest.raises(ConfigError, match=r"\$\.usb_id"):
        parse_config(ScaleHidConfig, {"driver": "scale_hid", "usb_id": "dymo"})

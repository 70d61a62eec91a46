# SPDX-License-Identifier: Apache-2.0
"""Drivers of scales and scanners against their twins over TCP and a serial line, and the scale against somebody else's emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mtsics.core.state import ScaleState
from mtsics.profiles import load
from mtsics.protocol.engine import MTSICSEngine
from mtsics.transport.tcp import TCPConfig, TCPTransport

from contracts.readings import AnyReading, LinkChanged, Scan, Weight
from drivers.base.driver import StreamDriver
from drivers.base.errors import DeviceFault, LocalProtocolError, ReplyTimeout, TransportError
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.driver import Scale8217Driver
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.driver import ScaleContinuousDriver
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.driver import ScaleSicsDriver
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.driver import ScannerSerialDriver
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer, TwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.scale_8217.twin import Toledo8217Twin
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin
from firmware_sims.scale_sics.twin import RadwagScaleTwin, SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from tests.conformance.transcripts import CAPTURES, read_transcript

pytestmark = pytest.mark.slow

PATIENCE_S = 8.0
R = TypeVar("R")
_OTHERS: dict[str, tuple[Callable[[], Twin], Callable[[dict[str, Any]], StreamDriver[Any]]]] = {
    "scale_8217": (Toledo8217Twin, lambda address: Scale8217Driver("s", Scale8217Config(**address, default_unit="kg", interval_s=0.05))),
    "scale_continuous": (
        lambda: ToledoContinuousTwin(capacity=60, division=0.01, parity=True),
        lambda address: ScaleContinuousDriver("s", ScaleContinuousConfig(**address)),
    ),
    "radwag": (RadwagScaleTwin, lambda address: ScaleSicsDriver("s", ScaleSicsConfig(**address, dialect="radwag", tare_check_s=0.2))),
    "on_change": (SicsScaleTwin, lambda address: ScaleSicsDriver("s", ScaleSicsConfig(**address, mode="on_change", tare_check_s=0.2, refresh_s=1.0))),
}


class Heard:
    """What a driver emits; `next` waits for the next reading of a kind that is as wanted."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[AnyReading] = asyncio.Queue()

    def emit(self, reading: AnyReading) -> None:
        self._queue.put_nowait(reading)

    async def next(self, kind: type[R], wanted: Callable[[R], bool] = lambda reading: True) -> R:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                reading = await self._queue.get()
                if isinstance(reading, kind) and wanted(reading):
                    return reading


@asynccontextmanager
async def _running(driver: StreamDriver[Any]) -> AsyncIterator[Heard]:
    heard = Heard()
    task = asyncio.create_task(driver.run(heard.emit))
    try:
        await heard.next(LinkChanged, lambda link: link.state == "connected")
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _served(twin: Twin, way: str) -> AsyncIterator[tuple[TwinServer, dict[str, Any]]]:
    server = TcpTwinServer(twin) if way == "tcp" else PtyTwinServer(twin)
    await server.start()
    try:
        yield server, {"host": "127.0.0.1", "port": server.port} if isinstance(server, TcpTwinServer) else {"path": server.path}
    finally:
        await server.stop()


ways = pytest.mark.parametrize("way", ["tcp", "serial"])


@pytest.mark.slow
@pytest.mark.requirement("E7")
@pytest.mark.requirement("R98")
@ways
@pytest.mark.parametrize("mode", ["stream", "poll"])
async def test_scale_is_weighed_tared_and_zeroed(way: str, mode: Any) -> None:
    async with _served(SicsScaleTwin(), way) as (server, address):
        driver = ScaleSicsDriver("scale-1", ScaleSicsConfig(**address, mode=mode, interval_s=0.05))
        async with _running(driver) as heard:
            await heard.next(Weight, lambda weight: weight.state == "stable" and weight.value == 0)

            server.stimulate("place", weight_g=12_500)
            await heard.next(Weight, lambda weight: weight.state == "dynamic")
            stable = await heard.next(Weight, lambda weight: weight.state == "stable")
            weighed = await driver.execute("weigh", {})
            tared = await driver.execute("tare", {})
            net = await heard.next(Weight, lambda weight: weight.net)
            with pytest.raises(DeviceFault) as refused:
                await driver.execute("zero", {})

    assert (stable.value, stable.unit, stable.text) == (Decimal("12.500"), "kg", "S S     12.500 kg")
    assert weighed["weight_mg"] == 12_500_000
    assert tared == {"tare": "12.500", "unit": "kg", "tare_mg": 12_500_000}
    assert net.value == 0
    assert refused.value.code == "Z +"


@ways
async def test_overload_has_no_value(way: str) -> None:
    async with _served(SicsScaleTwin(), way) as (server, address), _running(ScaleSicsDriver("scale-1", ScaleSicsConfig(**address))) as heard:
        server.stimulate("place", weight_g=99_000)

        overload = await heard.next(Weight, lambda weight: weight.state == "overload")

    assert (overload.value, overload.text) == (None, "S +")


async def test_scale_gives_its_serial_number_and_takes_a_reset() -> None:
    async with _served(SicsScaleTwin(serial="B7"), "tcp") as (_, address):
        driver = ScaleSicsDriver("scale-1", ScaleSicsConfig(**address))
        async with _running(driver):
            assert await driver.execute("identify", {}) == {"serial": "B7"}
            assert await driver.execute("tare", {"preset": "1.5", "unit": "kg"}) == {"tare": "1.500", "unit": "kg", "tare_mg": 1_500_000}
            assert await driver.execute("reset", {}) == {"serial": "B7"}
            with pytest.raises(LocalProtocolError, match="weight_s"):
                await driver.execute("weigh", {"weight_s": 1})


async def test_waiting_for_rest_can_be_cancelled_and_the_scale_used_again() -> None:
    twin = SicsScaleTwin()
    async with _served(twin, "tcp") as (server, address):
        driver = ScaleSicsDriver("scale-1", ScaleSicsConfig(**address))
        async with _running(driver) as heard:
            server.stimulate("move", duration_s=60.0)
            with pytest.raises(ReplyTimeout):
                await driver.execute("weigh", {"wait_s": 0.2})

            moving = await heard.next(Weight, lambda weight: weight.state == "dynamic")

    assert moving.value is not None


async def test_mute_scale_is_given_up() -> None:
    async with _served(SicsScaleTwin(), "tcp") as (server, address):
        driver, heard = ScaleSicsDriver("scale-1", ScaleSicsConfig(**address, reply_timeout_s=1.0)), Heard()
        task = asyncio.create_task(driver.run(heard.emit))
        await heard.next(Weight)
        server.faults.mute = True

        with pytest.raises(ReplyTimeout, match="scale-1"):
            async with asyncio.timeout(PATIENCE_S):
                await task


async def test_unplugged_scale_is_a_transport_error() -> None:
    async with _served(SicsScaleTwin(), "serial") as (server, address):
        heard = Heard()
        task = asyncio.create_task(ScaleSicsDriver("scale-1", ScaleSicsConfig(**address)).run(heard.emit))
        await heard.next(Weight)
        await server.stop()

        with pytest.raises(TransportError, match="scale-1"):
            async with asyncio.timeout(PATIENCE_S):
                await task


@asynccontextmanager
async def _emulator() -> AsyncIterator[tuple[ScaleState, int]]:
    state = ScaleState(config=load("ohaus-defender5000"))
    transport = TCPTransport(MTSICSEngine(state), cfg=TCPConfig(host="127.0.0.1", port=0, sir_rate=50.0))
    _, port = await transport.start()
    try:
        yield state, port
    finally:
        await transport.close()


@pytest.mark.requirement("E7")
@pytest.mark.parametrize("mode", ["stream", "poll"])
async def test_somebody_elses_scale_is_understood(mode: Any) -> None:
    """mt-sics-emulator answers SI with `SI S`, S in motion with `S D` at once, knows no TA, and ends its stream at any command."""
    async with _emulator() as (state, port):
        driver = ScaleSicsDriver("scale-1", ScaleSicsConfig(host="127.0.0.1", port=port, mode=mode, interval_s=0.02))
        async with _running(driver) as heard:
            await heard.next(Weight, lambda weight: weight.state == "stable" and weight.value == 0)
            state.set_weight(12.5, stable=False)
            moving = await heard.next(Weight, lambda weight: weight.value == Decimal("12.50"))
            weighing = asyncio.create_task(driver.execute("weigh", {}))
            await heard.next(Weight, lambda weight: weight.text.startswith("S D"))
            state.set_weight(12.5, stable=True)
            weighed = await weighing
            tared = await driver.execute("tare", {})
            net = await heard.next(Weight, lambda weight: weight.net)
            with pytest.raises(DeviceFault) as refused:
                await driver.execute("zero", {})
            identity = await driver.execute("identify", {})
            state.set_weight(500.0)
            overload = await heard.next(Weight, lambda weight: weight.state == "overload")
            await driver.execute("reset", {})

    assert moving.state == "dynamic"
    assert (weighed["weight"], weighed["unit"]) == ("12.50", "kg")
    assert tared["tare"] == "12.50"
    assert net.value == 0
    assert refused.value.code == "Z I"
    assert identity == {"serial": "B123456789"}
    assert overload.value is None


def test_look_alike_capture_is_what_the_emulator_says() -> None:
    state = ScaleState(config=load("ohaus-defender5000"))
    engine = MTSICSEngine(state)
    said = b""
    for step in read_transcript(CAPTURES / "scale_sics" / "defender5000_look_alike_poll.hex"):
        if step.kind == "to_device":
            said += engine.handle(step.data.decode()).encode()
        elif step.kind == "stimulus":
            state.set_weight(dict(step.arguments)["weight_g"] / 1000, stable=False)  # type: ignore[operator]
        elif step.kind == "time" and step.at_s >= 2.0:
            state.set_weight(12.5, stable=True)
        elif step.kind == "from_device":
            assert said[: len(step.data)] == step.data
            said = said[len(step.data) :]

    assert said == b""


@pytest.mark.requirement("E7")
@ways
@pytest.mark.parametrize("kind", ["scale_8217", "scale_continuous", "radwag", "on_change"])
async def test_scales_of_other_protocols_are_weighed_tared_and_cleared(way: str, kind: str) -> None:
    """Also over a pseudo terminal, which gives eight bits whatever was asked."""
    twin, make = _OTHERS[kind]
    async with _served(twin(), way) as (server, address):
        driver = make(address)
        async with _running(driver) as heard:
            await heard.next(Weight, lambda weight: weight.state == "stable" and weight.value == 0)
            server.stimulate("place", weight_g=1_250)
            stable = await heard.next(Weight, lambda weight: weight.state == "stable" and bool(weight.value))
            weighed = await driver.execute("weigh", {})
            await driver.execute("tare", {})
            net = await heard.next(Weight, lambda weight: weight.net and weight.state == "stable")
            await driver.execute("clear_tare", {})
            gross = await heard.next(Weight, lambda weight: not weight.net and weight.state == "stable")

    assert (stable.value, stable.unit, gross.value) == (Decimal("1.25"), "kg", Decimal("1.25"))
    assert weighed["weight_mg"] == 1_250_000
    assert net.value == 0


@pytest.mark.requirement("E6")
@pytest.mark.requirement("R98")
@ways
async def test_scan_becomes_a_reading_with_its_identifiers(way: str) -> None:
    async with _served(ScannerTwin(), way) as (server, address), _running(ScannerSerialDriver("scanner-1", ScannerSerialConfig(**address))) as heard:
        server.stimulate("scan", text="01095060001343521727030010L1\x1d21S1", symbology="]C1")
        scan = await heard.next(Scan)

    assert scan.symbology == "]C1"
    assert (scan.identifiers.gtin, scan.identifiers.expiry, scan.identifiers.lot, scan.identifiers.serial) == ("09506000134352", "2027-03-31", "L1", "S1")
    assert (scan.device, scan.error) == ("scanner-1", None)


@ways
async def test_scanner_without_suffix_is_read_by_its_silence(way: str) -> None:
    config = {"suffix": "none", "gap_s": 0.02}
    async with _served(ScannerTwin(suffix="none"), way) as (server, address):
        server.faults.chunk_bytes = 3
        async with _running(ScannerSerialDriver("scanner-1", ScannerSerialConfig(**address, **config))) as heard:  # type: ignore[arg-type]
            server.stimulate("scan", text="00106141412345678908")
            scan = await heard.next(Scan)

    assert scan.identifiers.sscc == "106141412345678908"


async def test_scanner_takes_no_command() -> None:
    async with _served(ScannerTwin(), "tcp") as (_, address):
        driver = ScannerSerialDriver("scanner-1", ScannerSerialConfig(**address))
        async with _running(driver):
            with pytest.raises(LocalProtocolError, match="none"):
                await driver.execute("beep", {})


async def test_missing_serial_line_is_a_transport_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="scanner-9"):
        await ScannerSerialDriver("s", ScannerSerialConfig(path=str(tmp_path / "scanner-9"))).run(Heard().emit)

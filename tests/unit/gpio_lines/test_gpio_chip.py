# SPDX-License-Identifier: Apache-2.0
"""The driver on gpiod's interface: there is no chip here, so a class stands in that does what gpiod 2 documents."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Direction, Drive, Edge, Value

from contracts.readings import InputChanged, LinkChanged
from drivers.base.config import parse_config
from drivers.base.errors import RemoteProtocolError, TransportError
from drivers.gpio_lines.chip import ChipLines
from drivers.gpio_lines.config import GpioLinesConfig
from drivers.gpio_lines.driver import GpioLinesDriver
from tests.conformance.test_life import Readings

NAMES = {"GPIO17": 17, "GPIO27": 27}


class FakeRequest:
    """`gpiod.LineRequest`: logical values by offset, a file descriptor that is readable while edges wait, and release."""

    def __init__(self, settings: dict[int, gpiod.LineSettings]) -> None:
        self.settings = settings
        self.values = {offset: each.output_value for offset, each in settings.items()}
        self.released = False
        self._edges: list[gpiod.EdgeEvent] = []
        self._seqno = dict.fromkeys(settings, 0)
        self.fd, self._end = os.pipe()
        self.offsets = list(settings)

    def get_values(self, lines: list[int]) -> list[Value]:
        return [self.values[line] for line in lines]

    def set_value(self, line: int, value: Value) -> None:
        if self.settings[line].direction is not Direction.OUTPUT:
            raise OSError(errno.EPERM, "not an output")
        self.values[line] = value

    def read_edge_events(self) -> list[gpiod.EdgeEvent]:
        if os.read(self.fd, 1) == b"!":
            raise OSError(errno.ENODEV, "chip is gone")
        events, self._edges = self._edges, []
        return events

    def release(self) -> None:
        self.released = True
        os.close(self.fd)
        os.close(self._end)

    def edge(self, offset: int, level: bool) -> int:
        """The line changes; returns the time of its edge in ns of CLOCK_MONOTONIC."""
        self.values[offset] = Value.ACTIVE if level else Value.INACTIVE
        self._seqno[offset] += 1
        kind = gpiod.EdgeEvent.Type.RISING_EDGE if level else gpiod.EdgeEvent.Type.FALLING_EDGE
        at_ns = time.monotonic_ns() - 3_000_000
        self._edges.append(gpiod.EdgeEvent(kind.value, at_ns, offset, self._seqno[offset], self._seqno[offset]))
        os.write(self._end, b".")
        return at_ns

    def vanish(self) -> None:
        os.write(self._end, b"!")


class FakeChip:
    """`gpiod.Chip`: information, names of lines, and requests of lines that nobody else has."""

    def __init__(self, path: str) -> None:
        if path != "/dev/gpiochip0":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self.requests: list[FakeRequest] = []
        self.busy: set[int] = set()
        self.closed = False

    def get_info(self) -> Any:
        return SimpleNamespace(name="gpiochip0", label="pinctrl-bcm2711", num_lines=58)

    def get_line_info(self, offset: int) -> Any:
        name = next((name for name, known in NAMES.items() if known == offset), "")
        return SimpleNamespace(name=name, used=offset in self.busy or any(offset in each.offsets for each in self.requests), consumer="w1-gpio")

    def __enter__(self) -> FakeChip:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = False  # the same object is opened again

    def line_offset_from_id(self, name: str) -> int:
        if name not in NAMES:
            raise OSError(errno.ENOENT, "Failed to find line offset")
        return NAMES[name]

    def request_lines(self, config: dict[int, gpiod.LineSettings], consumer: str) -> FakeRequest:
        assert consumer == "dockline"
        if set(config) & self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        self.requests.append(FakeRequest(config))
        return self.requests[-1]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> FakeChip:
    made = FakeChip("/dev/gpiochip0")

    def opened(path: str) -> FakeChip:
        FakeChip(path)
        return made

    monkeypatch.setattr(gpiod, "Chip", opened)
    return made


def _driver(chip: str = "/dev/gpiochip0", line: str = "GPIO17") -> GpioLinesDriver:
    fields = {
        "driver": "gpio_lines",
        "chip": chip,
        "inputs": [{"input": 1, "line": line, "active_low": True, "pull": "up", "debounce_ms": 80}],
        "outputs": [{"output": 2, "line": 27, "drive": "open_drain", "at_start": True}],
    }
    return GpioLinesDriver("pins-1", parse_config(GpioLinesConfig, fields))


def _changed(level: bool) -> Any:
    return lambda reading: isinstance(reading, InputChanged) and reading.level is level


@pytest.mark.requirement("E8")
async def test_edges_carry_the_kernels_time_and_outputs_end_safe(chip: FakeChip) -> None:
    driver, readings = _driver(), Readings()
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    await readings.until(_changed(False))
    watched, driven = chip.requests

    at_ns = watched.edge(17, True)
    await readings.until(_changed(True))
    first = dict(await driver.execute("read", {}))
    await driver.execute("switch_output", {"output": 2, "on": False})
    second = driven.values[27]
    await driver.execute("switch_output", {"output": 2, "on": True})
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    settings = watched.settings[17]
    assert (settings.edge_detection, settings.bias, settings.active_low) == (Edge.BOTH, Bias.PULL_UP, True)
    assert settings.debounce_period.total_seconds() == 0.08
    assert (driven.settings[27].drive, driven.settings[27].output_value) == (Drive.OPEN_DRAIN, Value.ACTIVE)
    assert [reading.at_s for reading in readings.all if isinstance(reading, InputChanged)][1] == at_ns / 1e9
    assert first == {"input_1": True, "output_2": True}
    assert second is Value.INACTIVE
    assert driven.values[27] is Value.INACTIVE
    assert watched.released
    assert driven.released
    assert chip.closed


async def test_chip_that_vanishes_loses_the_link(chip: FakeChip) -> None:
    driver, readings = _driver(), Readings()
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))

    chip.requests[0].vanish()

    with pytest.raises(TransportError, match="chip is gone"):
        async with asyncio.timeout(8):
            await running
    assert chip.closed


@pytest.mark.parametrize(
    ("line", "busy", "wanted"),
    [
        ("GPIO99", set(), "ENOENT"),
        ("99", set(), "ENOENT"),
        ("GPIO17", {17}, r"line 17 \(GPIO17\) is taken by 'w1-gpio'; another program.*EBUSY"),
        ("GPIO17", {27}, "start: line 27 .GPIO27. is taken by 'w1-gpio'; .*EBUSY"),
    ],
)
async def test_line_that_cannot_be_had_says_why(chip: FakeChip, line: str, busy: set[int], wanted: str) -> None:
    chip.busy = busy

    with pytest.raises(RemoteProtocolError, match=wanted):
        await _driver(line=line).run(lambda reading: None)

    assert chip.closed
    assert all(request.released for request in chip.requests)


@pytest.mark.usefixtures("chip")
async def test_missing_chip_says_where_to_look() -> None:
    with pytest.raises(TransportError, match=r"pins-1.*gpiochip7.*ls /dev/gpiochip"):
        await _driver("/dev/gpiochip7").run(lambda reading: None)


def test_chip_is_found_by_its_label_whatever_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    labels = {"gpiochip0": "brcmvirt-gpio", "gpiochip4": "pinctrl-rp1", "gpiochip5": "twin", "gpiochip6": "twin"}
    opened: list[LabelledChip] = []

    class LabelledChip:
        def __init__(self, path: str) -> None:
            self.name, self.closed = Path(path).name, False
            opened.append(self)

        def get_info(self) -> Any:
            return SimpleNamespace(name=self.name, label=labels[self.name], num_lines=54)

        def __enter__(self) -> LabelledChip:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            self.closed = True

    for name in labels:
        (tmp_path / name).touch()
    (tmp_path / "gpiochip9").symlink_to("gpiochip4")  # Raspberry Pi OS keeps an old number so
    monkeypatch.setattr(gpiod, "Chip", LabelledChip)

    lines = ChipLines("pinctrl-rp1", tmp_path)

    assert lines.answer(b"hello\n") == b"chip pinctrl-rp1 54 monotonic\n"
    assert [chip.name for chip in opened if not chip.closed] == ["gpiochip4"]
    with pytest.raises(TransportError, match=r"no GPIO chip is called 'pinctrl-bcm2711'; there are: .*gpiochip0 'brcmvirt-gpio'"):
        ChipLines("pinctrl-bcm2711", tmp_path)
    with pytest.raises(TransportError, match="2 chips are called 'twin'; give the path"):
        ChipLines("twin", tmp_path)

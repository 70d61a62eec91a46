# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of digital inputs and outputs and its SPEC. gpiod is loaded only where a chip of this computer is used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from contracts.readings import AnyReading, InputChanged
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.gpio_lines.chip import ChipLines
from drivers.gpio_lines.config import GpioLinesConfig
from drivers.gpio_lines.session import GpioLinesSession, InputSeen


class GpioLinesDriver(StreamDriver[GpioLinesConfig]):
    """Lines of one chip. `outputs` is what they shall be; it outlives connections."""

    def __init__(self, device_id: str, config: GpioLinesConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self.outputs: dict[int, bool] = {}

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[GpioLinesConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: a chip of this computer, TCP or a serial line."""
        return _open

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return GpioLinesSession(self.config, self.outputs)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A level becomes InputChanged, at the kernel's time of the edge where that is known."""
        if isinstance(event, InputSeen):
            yield InputChanged(device=self.device_id, at_s=at_s if event.at_s is None else event.at_s, input=event.input, level=event.level)


async def _open(config: GpioLinesConfig) -> Transport:
    return _ChipWay(ChipLines(config.chip)).transport if config.chip else await open_transport(config)


class _ChipWay:
    """Lines to the chip and back, and its edges as they come."""

    def __init__(self, chip: ChipLines) -> None:
        self._chip = chip
        self._reader = asyncio.StreamReader()
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._watching: int | None = None
        self.transport = Transport(self._reader, self._write, self._close)

    def _write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for each in lines:
            self._reader.feed_data(self._chip.answer(each + b"\n"))
        if self._watching is None and (fd := self._chip.fd) is not None:
            self._watching = fd
            self._loop.add_reader(fd, self._readable)

    def _readable(self) -> None:
        try:
            if edges := self._chip.edges():
                self._reader.feed_data(edges)
        except OSError as error:
            self._stop_watching()
            self._reader.set_exception(error)

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._loop.remove_reader(self._watching)
            self._watching = None

    async def _close(self) -> None:
        self._stop_watching()
        self._chip.close()


SPEC = DriverSpec(
    name="gpio_lines",
    config=GpioLinesConfig,
    factory=GpioLinesDriver,
    capabilities=frozenset({"senses_inputs", "switches_outputs"}),
    twin="firmware_sims.gpio_lines.twin:GpioBoxTwin",
    source="Linux, Documentation/userspace-api/gpio/chardev.rst (uAPI v2); libgpiod 2, Python bindings",
    commands=(
        CommandSpec(
            "switch_output",
            "Switch an output",
            (
                ArgumentSpec("output", int, "Its number in the configuration", "count"),
                ArgumentSpec("on", bool, "Whether it shall be on", "flag"),
            ),
        ),
        CommandSpec("read", "Read all levels now"),
    ),
)

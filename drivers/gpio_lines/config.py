# SPDX-License-Identifier: Apache-2.0
"""Configuration of digital inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from drivers.base.config import StreamConfig, described


class InputTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input."""

    input: Annotated[int, described("Number by which stations name it", "count", ge=1, le=65535)]
    line: Annotated[int | str, described("Line of the chip: its offset or its name, like GPIO17", "name")]
    active_low: Annotated[bool, described("Whether a low voltage is on (a contact to ground with a pull-up)", "flag")] = False
    pull: Annotated[Literal["as_is", "none", "up", "down"], described("Resistor inside the chip", "choice")] = "as_is"
    debounce_ms: Annotated[
        int, described("A change shorter than this is none; door contacts bounce 50 to 200 ms, photo-eyes hardly", "ms", ge=0, le=10_000)
    ] = 50


class OutputTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output."""

    output: Annotated[int, described("Number by which stations name it", "count", ge=1, le=65535)]
    line: Annotated[int | str, described("Line of the chip: its offset or its name, like GPIO27", "name")]
    active_low: Annotated[bool, described("Whether a low voltage switches it on (most relay boards)", "flag")] = False
    drive: Annotated[Literal["push_pull", "open_drain", "open_source"], described("How the line is driven", "choice")] = "push_pull"
    at_start: Annotated[bool, described("What it is until somebody switches it", "flag")] = False
    safe: Annotated[
        Literal["off", "on", "keep"],
        described("What it is left as when this program ends on purpose. After a crash or power cut the hardware decides: wire for that", "choice"),
    ] = "off"


class GpioLinesConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gpio_lines"):
    """Lines of one chip of this computer (`chip`, needs dockline[gpio]), or of a microcontroller (`host` or `path`)."""

    chip: Annotated[
        str, described("GPIO chip of this computer: /dev/gpiochip0, or better its label, like pinctrl-rp1 (gpiodetect); empty: `host` or `path`", "name")
    ] = ""
    port: Annotated[int, described("TCP port of the microcontroller", "count", ge=0, le=65535)] = 4803
    baud_rate: Annotated[int, described("Serial speed of the microcontroller", "baud", ge=300, le=4_000_000)] = 115_200
    inputs: Annotated[
        list[InputTable],
        described("Lines that are watched, each with `input`, `line`, and if need be `active_low`, `pull` (as_is, none, up, down), `debounce_ms`", "name"),
    ] = msgspec.field(default_factory=list)
    outputs: Annotated[
        list[OutputTable],
        described(
            "Lines that are switched, each with `output`, `line`, and if need be `active_low`, `drive` (push_pull, open_drain, open_source), `at_start`, "
            "`safe` (off, on, keep)",
            "name",
        ),
    ] = msgspec.field(default_factory=list)
    resync_s: Annotated[float, described("How often all levels are read, in case a change was missed", "s", ge=0.1, le=3600)] = 10.0
    reply_timeout_s: Annotated[float, described("How long an answer may take; then the link counts as lost", "s", gt=0, le=60)] = 3.0

    def __post_init__(self) -> None:
        if bool(self.host) + bool(self.path) + bool(self.chip) != 1:
            raise ValueError("give one of `chip` (this computer), `host` (TCP) or `path` (serial line)")
        if not self.chip:
            super().__post_init__()
        if not self.inputs and not self.outputs:
            raise ValueError("give `inputs`, `outputs` or both")
        _check_once([entry.input for entry in self.inputs], "input")
        _check_once([entry.output for entry in self.outputs], "output")
        _check_once([*(str(entry.line) for entry in self.inputs), *(str(entry.line) for entry in self.outputs)], "line")

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return self.chip or super().endpoint


def _check_once(found: Sequence[int | str], what: str) -> None:
    if twice := [one for one in found if list(found).count(one) > 1]:
        raise ValueError(f"{what} {twice[0]} is given twice")

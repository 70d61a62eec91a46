# SPDX-License-Identifier: Apache-2.0
"""A GPIO chip of this computer (gpiod 2) behind the lines of frames.py. Nothing here blocks: each call is one ioctl, edges are read when they are there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.base.errors import ConfigError, RemoteProtocolError, TransportError
from drivers.gpio_lines.frames import Line, decode, line

if TYPE_CHECKING:
    import gpiod

CONSUMER = "dockline"


class ChipLines:
    """Answers lines and tells edges. `chip`: its path, or its label: numbers of chips may change with the kernel, labels do not.

    Raises: ConfigError: gpiod is missing. TransportError: the chip cannot be opened.
    """

    def __init__(self, chip: str, devices: Path = Path("/dev")) -> None:
        try:
            import gpiod
        except ImportError as error:
            raise ConfigError("pins of this computer need gpiod; pip install dockline[gpio]", operation="gpio") from error
        self._gpiod: Any = gpiod
        self._chip: gpiod.Chip = self._opened(chip) if "/" in chip else self._labelled(chip, devices)
        self._inputs: dict[int, tuple[int, Any]] = {}
        self._outputs: dict[int, tuple[int, Any]] = {}
        self._watched: gpiod.LineRequest | None = None
        self._driven: gpiod.LineRequest | None = None

    def _opened(self, path: str) -> gpiod.Chip:
        """Raises: TransportError."""
        try:
            return self._gpiod.Chip(path)  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise TransportError(f"cannot open {path}: {error}; ls /dev/gpiochip*, and is the user in the group gpio?") from error

    def _labelled(self, label: str, devices: Path) -> gpiod.Chip:
        """The chip with this label or name. Raises: TransportError: there is none, or several: a board may have two alike."""
        found, labels = [], []
        for path in sorted({path.resolve() for path in devices.glob("gpiochip*")}):
            with self._opened(str(path)) as chip:
                info = chip.get_info()
            labels.append(f"{path} {info.label!r}")
            if label in (info.label, info.name):
                found.append(str(path))
        if len(found) != 1:
            several = f"{len(found)} chips are called {label!r}; give the path" if found else f"no GPIO chip is called {label!r}"
            raise TransportError(f"{several}; there are: {', '.join(labels) or 'none'}")
        return self._opened(found[0])

    @property
    def fd(self) -> int | None:
        """What becomes readable when there are edges; None: no input is watched."""
        return self._watched.fd if self._watched is not None else None

    def close(self) -> None:
        """Give the lines free; what the outputs are then is the chip's business, mostly as they were."""
        for request in (self._watched, self._driven):
            if request is not None:
                request.release()
        self._watched = self._driven = None
        self._chip.close()

    def answer(self, request: bytes) -> bytes:
        """The lines that answer a line."""
        try:
            asked = decode(request)
        except RemoteProtocolError:
            return line("error", "-", "EINVAL").encode()
        subject = asked.words[1] if len(asked.words) > 1 else "-"
        try:
            return b"".join(told.encode() for told in self._obey(asked))
        except OSError as error:
            return line("error", subject, errno.errorcode.get(error.errno or 0, "EIO"), error.strerror or os.strerror(error.errno or 0)).encode()
        except (KeyError, ValueError) as error:
            return line("error", subject, "EINVAL", str(error) or "-").encode()

    def edges(self) -> bytes:
        """The edges that are there. Raises: OSError: the chip is gone."""
        if self._watched is None:
            return b""
        numbers = {offset: number for number, (offset, _) in self._inputs.items()}
        rising = self._gpiod.EdgeEvent.Type.RISING_EDGE
        return b"".join(
            line("edge", numbers[event.line_offset], event.event_type is rising, event.timestamp_ns, event.line_seqno).encode()
            for event in self._watched.read_edge_events()
        )

    def _obey(self, asked: Line) -> list[Line]:
        match asked.words:
            case ("hello",):
                info = self._chip.get_info()
                return [line("chip", info.label or info.name, info.num_lines, "monotonic")]
            case ("input", number, name, active, pull, debounce_ms):
                self._inputs[int(number)] = (self._offset(name), self._input_settings(active, pull, int(debounce_ms)))
                return [line("input", number)]
            case ("output", number, name, active, drive, level):
                self._outputs[int(number)] = (self._offset(name), self._output_settings(active, drive, level))
                return [line("output", number)]
            case ("start",):
                self._take_lines()
                return [line("started")]
            case ("set", number, level) if self._driven is not None:
                self._driven.set_value(self._outputs[int(number)][0], self._value(level))
                return [line("set", number, level)]
            case ("get",):
                return [*self._levels(), line("levels")]
            case _:
                raise ValueError("no such request now")

    def _offset(self, name: str) -> int:
        """Raises: OSError: there is no line of that offset or name."""
        if name.isdigit():
            if int(name) >= self._chip.get_info().num_lines:
                raise OSError(errno.ENOENT, "no such line")
            return int(name)
        return int(self._chip.line_offset_from_id(name))

    def _value(self, level: str) -> Any:
        return self._gpiod.line.Value.ACTIVE if level == "1" else self._gpiod.line.Value.INACTIVE

    def _input_settings(self, active: str, pull: str, debounce_ms: int) -> Any:
        lines = self._gpiod.line
        return self._gpiod.LineSettings(
            direction=lines.Direction.INPUT,
            edge_detection=lines.Edge.BOTH,
            bias={"as_is": lines.Bias.AS_IS, "none": lines.Bias.DISABLED, "up": lines.Bias.PULL_UP, "down": lines.Bias.PULL_DOWN}[pull],
            active_low=active == "low",
            debounce_period=timedelta(milliseconds=debounce_ms),
            event_clock=lines.Clock.MONOTONIC,
        )

    def _output_settings(self, active: str, drive: str, level: str) -> Any:
        lines = self._gpiod.line
        drives = {"push_pull": lines.Drive.PUSH_PULL, "open_drain": lines.Drive.OPEN_DRAIN, "open_source": lines.Drive.OPEN_SOURCE}
        return self._gpiod.LineSettings(direction=lines.Direction.OUTPUT, drive=drives[drive], active_low=active == "low", output_value=self._value(level))

    def _take_lines(self) -> None:
        """Raises: OSError: a line cannot be had; one that somebody else has is named, and who has it."""
        try:
            if self._inputs:
                self._watched = self._chip.request_lines(config=dict(self._inputs.values()), consumer=CONSUMER)
            if self._outputs:
                self._driven = self._chip.request_lines(config=dict(self._outputs.values()), consumer=CONSUMER)
        except OSError as error:
            if error.errno == errno.EBUSY and (taken := ", ".join(self._taken())):
                raise OSError(errno.EBUSY, taken) from error
            raise

    def _taken(self) -> Iterator[str]:
        """The lines of ours that somebody else has, and what they call themselves."""
        ours = set(self._watched.offsets if self._watched is not None else ())
        for offset in sorted({offset for offset, _ in (*self._inputs.values(), *self._outputs.values())} - ours):
            info = self._chip.get_line_info(offset)
            if info.used:
                yield f"line {offset}{f' ({info.name})' if info.name else ''} is taken by {info.consumer or 'the kernel'!r}"

    def _levels(self) -> list[Line]:
        if self._watched is None:
            return []
        values = self._watched.get_values([offset for offset, _ in self._inputs.values()])
        return [line("level", number, bool(value)) for number, value in zip(self._inputs, values, strict=True)]

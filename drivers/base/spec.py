# SPDX-License-Identifier: Apache-2.0
"""How a driver describes itself: the registry, the command line, the docs and the conformance suite all read its SPEC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from contracts.readings import AnyReading
from drivers.base.config import DeviceConfig
from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument

Emit = Callable[[AnyReading], None]
Capability = Literal["reads_tags", "weighs", "scans", "shows_quantities", "measures", "switches_outputs", "senses_inputs", "prints"]
_TRUE, _FALSE = ("true", "on", "1", "yes"), ("false", "off", "0", "no")


class Driver(Protocol):
    """The asyncio shell around a session."""

    device_id: str

    async def run(self, emit: Emit) -> None:
        """Connect and converse until the link is lost or the task is cancelled; emits LinkChanged(connected) once established.

        Raises: DriverError: why the link was lost or could not be made. The caller decides whether and when to try again.
        """
        ...

    async def execute(self, command: str, arguments: Mapping[str, Argument]) -> Mapping[str, Argument | None]:
        """Carry out one command of the SPEC on the connected device.

        Raises: LocalProtocolError: unknown command or argument. DeviceFault: the device refused. ReplyTimeout, TransportError: no answer, no link.
        """
        ...


@dataclass(frozen=True)
class ArgumentSpec:
    """One argument of a command. `unit` as in configuration fields; an argument with a default may be left out."""

    name: str
    kind: type[str] | type[int] | type[float] | type[bool]
    description: str
    unit: str
    default: Argument | None = None
    required: bool = True


@dataclass(frozen=True)
class CommandSpec:
    """A command that a driver takes."""

    name: str
    description: str
    arguments: tuple[ArgumentSpec, ...] = ()

    def parse(self, given: Mapping[str, Argument]) -> dict[str, Argument]:
        """Check names and turn text into the declared kinds. Raises: LocalProtocolError: says which argument and why."""
        known = {argument.name: argument for argument in self.arguments}
        if unknown := sorted(set(given) - set(known)):
            raise LocalProtocolError(f"command {self.name} has no argument {unknown[0]!r}; it takes: {', '.join(known) or 'none'}")
        parsed: dict[str, Argument] = {}
        for argument in self.arguments:
            if argument.name in given:
                parsed[argument.name] = _converted(self.name, argument, given[argument.name])
            elif argument.required:
                raise LocalProtocolError(f"command {self.name} needs {argument.name}=... ({argument.description})")
            elif argument.default is not None:
                parsed[argument.name] = argument.default
        return parsed


def _converted(command: str, argument: ArgumentSpec, value: Argument) -> Argument:
    if argument.kind is bool and isinstance(value, str):
        if value.lower() in _TRUE + _FALSE:
            return value.lower() in _TRUE
        raise LocalProtocolError(f"command {command}: {argument.name} expects on or off, got {value!r}")
    try:
        return argument.kind(value)
    except ValueError as error:
        raise LocalProtocolError(f"command {command}: {argument.name} expects {argument.kind.__name__}, got {value!r}") from error


@dataclass(frozen=True)
class DriverSpec:
    """`twin` names the simulator as `module:class`; `source` the maker's document that the frames were written from."""

    name: str
    config: type[DeviceConfig]
    factory: Callable[[str, Any], Driver]
    capabilities: frozenset[Capability]
    twin: str
    source: str
    commands: tuple[CommandSpec, ...] = field(default=())

    def command(self, name: str) -> CommandSpec:
        """Raises: LocalProtocolError: the driver has no such command; the text lists those it has."""
        for command in self.commands:
            if command.name == name:
                return command
        raise LocalProtocolError(f"driver {self.name} has no command {name!r}; it takes: {', '.join(c.name for c in self.commands) or 'none'}")

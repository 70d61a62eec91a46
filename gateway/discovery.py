# SPDX-License-Identifier: Apache-2.0
"""Looks for devices politely: only where a person said, listening before asking, one question at a time, and naming only what proved itself.

A line on which somebody talks unasked is not asked anything: it may be another master. A network is asked only at the ports at which devices of ours
listen, a few hosts at a time and each host at one port after the other. What this computer has in use already is left alone (`discovery_manners`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers import registry
from drivers.base.config import StreamConfig
from drivers.base.errors import DriverError, TransportError
from drivers.base.probe import Line, Probe, Recognised
from drivers.base.session import Argument
from drivers.base.transports import Transport, addresses_of, open_transport
from drivers.base.usb import stable_path_of
from gateway.discovery_manners import connected_to, why_not_to_ask

ADDRESSES_MAX = 1024
"""Chosen: a /22; who has more knows where the devices are."""
_AT_ONCE = 32
_CONNECT_S = 0.7
_LISTEN_S = 1.2
"""Continuous scales speak ten times a second; a reader greets within a fraction of that."""
_NAME_S = 5.0
_HEARD_BYTES_MAX = 65_536
"""Chosen: no device needs so many to prove itself; what says more is none."""
_NOISE = b"\x00\xff"
"""What opening a line, or one without bias resistors, makes of silence."""
_SERIAL_NAMES = ("ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS[0-3]", "rfcomm*")

NamedProbe = tuple[str, Probe]


@dataclass(frozen=True)
class Found:
    """A device that proved what it is. `fields` are those of its table in the configuration."""

    driver: str
    where: str
    about: str
    fields: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """A place that could not be asked, and why."""

    where: str
    why: str


class _Line(StreamConfig, frozen=True, kw_only=True, tag="discovery"):
    """Where a probe goes."""


def serial_lines(devices: Path = Path("/dev"), ttys: Path = Path("/sys/class/tty")) -> list[str]:
    """The serial lines of this machine, by their lasting names where they have one."""
    names = sorted({path.resolve().name for pattern in _SERIAL_NAMES for path in devices.glob(pattern)})
    return [stable_path_of(name, ttys, devices) for name in names]


def addresses(words: Sequence[str]) -> list[str]:
    """Hosts, and the addresses of networks (192.0.2.0/28). Raises: ValueError: no network, or too many addresses."""
    found: list[str] = []
    for word in words:
        if "/" not in word:
            found.append(word)
            continue
        network = ipaddress.ip_network(word, strict=False)
        if network.num_addresses > ADDRESSES_MAX:
            raise ValueError(f"{word} has {network.num_addresses} addresses; name a network of at most {ADDRESSES_MAX}, or the hosts")
        found += [str(address) for address in network.hosts()]
    return found


class Discovery:
    """One look around. `found` and `skipped` fill up; `seen` counts the places that were there to be asked."""

    def __init__(self, probes: Sequence[NamedProbe] | None = None) -> None:
        self._probes = registry.probes() if probes is None else list(probes)
        self.found: list[Found] = []
        self.skipped: list[Skipped] = []
        self.seen = 0

    async def look(self, hosts: Sequence[str] = (), lines: Sequence[str] = (), stream_ports: Sequence[int] = (), *, are_named: bool = False) -> None:
        """At hosts, serial lines, and such TCP ports of the hosts behind which a serial server has a line. `are_named`: a person named these lines."""
        at_once = asyncio.Semaphore(_AT_ONCE)
        in_use = connected_to()
        async with asyncio.TaskGroup() as tasks:
            for host in hosts:
                tasks.create_task(self._host(host, stream_ports, in_use, at_once), name=f"discover {host}")
            for path in lines:
                tasks.create_task(self._serial(path, is_named=are_named), name=f"discover {path}")

    async def _host(self, host: str, stream_ports: Sequence[int], in_use: set[tuple[str, int]], at_once: asyncio.Semaphore) -> None:
        own = sorted({port for _, probe in self._probes for port in probe.ports})
        async with at_once:
            try:
                async with asyncio.timeout(_NAME_S):
                    known_as = [address.partition("%")[0] for address in await addresses_of(host.strip("[]"))]
            except OSError:  # TimeoutError is one
                self.skipped.append(Skipped(host, "the name is not known; give the address"))
                return
            for port in dict.fromkeys([*own, *stream_ports]):
                if any((address, port) in in_use for address in known_as):
                    self.skipped.append(Skipped(f"{host} port {port}", "a program of this computer is connected to it"))
                else:
                    await self._tcp(host, port, is_stream=port in stream_ports)

    async def _tcp(self, host: str, port: int, *, is_stream: bool) -> None:
        probes = [(name, probe) for name, probe in self._probes if port in probe.ports or (is_stream and probe.lines)]
        where = _Line(host=host, port=port, connect_timeout_s=_CONNECT_S, record_bytes=0)
        try:
            answer = await self._ask_all(where, probes, is_line=is_stream)
        except TransportError:
            return  # nobody listens there, which is no news: most addresses are nobody's
        if answer.found is not None:
            name, recognised = answer.found
            self.found.append(Found(name, where.endpoint, recognised.about, {"host": host, "port": port, **recognised.fields}))
        elif answer.talks:
            self.skipped.append(Skipped(where.endpoint, _TALKS))

    async def _serial(self, path: str, *, is_named: bool) -> None:
        if why := why_not_to_ask(path, is_named=is_named):
            self.skipped.append(Skipped(path, why))
            return
        talks = False
        settings: list[Line] = list(dict.fromkeys(line for _, probe in self._probes for line in probe.lines))
        for baud, parity, data_bits in settings:
            probes = [(name, probe) for name, probe in self._probes if (baud, parity, data_bits) in probe.lines]
            where = _Line(path=path, baud_rate=baud, parity=parity, data_bits=data_bits, record_bytes=0)
            try:
                answer = await self._ask_all(where, probes, is_line=True)
            except TransportError as error:
                self.skipped.append(Skipped(path, error.message))
                return
            if answer.found is not None:
                name, recognised = answer.found
                line: dict[str, Argument] = {"path": path, "baud_rate": baud, "parity": parity, "data_bits": data_bits}
                self.found.append(Found(name, path, recognised.about, line | dict(recognised.fields)))
                return
            talks |= answer.talks
        if talks:
            self.skipped.append(Skipped(path, _TALKS))

    async def _ask_all(self, where: StreamConfig, probes: Sequence[NamedProbe], *, is_line: bool) -> _Answer:
        """Listen, then ask one question after the other, but not on a line on which somebody talks. Raises: TransportError: nobody is there."""
        transport = await open_transport(where)
        self.seen += 1
        listens = [(name, probe) for name, probe in probes if not probe.asks]
        goodbye = next((probe.goodbye for _, probe in listens if probe.goodbye), b"")
        answer = _Answer()
        try:
            said = _Heard(transport)
            if listens or is_line:
                answer.found = await said.recognised_within(listens, max([_LISTEN_S, *(probe.within_s for _, probe in listens)]))
                answer.talks = answer.found is None and is_line and said.is_more_than_noise
            if not answer.talks and answer.found is None:
                answer.found = await _asked(transport, said, [each for each in probes if each[1].asks])
        except DriverError:
            pass  # it hung up on a question that is none of its own
        finally:
            with contextlib.suppress(DriverError):
                if goodbye:
                    transport.write(goodbye)
            await transport.close()
        return answer


_TALKS = "somebody talks there unasked and did not prove what it is, so nothing was asked"


@dataclass
class _Answer:
    """What came of a place. `talks`: somebody said something unasked."""

    found: tuple[str, Recognised] | None = None
    talks: bool = False


async def _asked(transport: Transport, said: _Heard, probes: Sequence[NamedProbe]) -> tuple[str, Recognised] | None:
    """Raises: DriverError: it hung up."""
    for named in probes:
        said.forget()
        transport.write(named[1].asks)
        if (found := await said.recognised_within([named], named[1].within_s)) is not None:
            return found
    return None


class _Heard:
    """What came since the last question."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._said = bytearray()

    @property
    def is_more_than_noise(self) -> bool:
        """Whether somebody said something since the last question."""
        return bool(self._said.strip(_NOISE))

    def forget(self) -> None:
        """A new question."""
        self._said.clear()

    async def recognised_within(self, probes: Sequence[NamedProbe], within_s: float) -> tuple[str, Recognised] | None:
        """Raises: TransportError: it hung up."""
        until_s = time.monotonic() + within_s
        while (left_s := until_s - time.monotonic()) > 0 and len(self._said) < _HEARD_BYTES_MAX:
            try:
                async with asyncio.timeout(left_s):
                    self._said += await self._transport.read()
            except TimeoutError:
                break
            for name, probe in probes:
                if (found := probe.recognise(bytes(self._said))) is not None:
                    return name, found
        return None


def as_toml(found: Sequence[Found]) -> Iterator[str]:
    """Tables for a gateway's configuration; the names are proposals."""
    counts: dict[str, int] = {}
    for each in found:
        counts[each.driver] = counts.get(each.driver, 0) + 1
        yield f"# {''.join(letter if letter.isprintable() else '?' for letter in each.about)}"
        yield "[[device]]"
        yield f'id = "{each.driver.replace("_", "-")}-{counts[each.driver]}"'
        yield f'driver = "{each.driver}"'
        yield from (f"{key} = {_toml(value)}" for key, value in each.fields.items())
        yield ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)

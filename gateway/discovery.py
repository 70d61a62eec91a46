# SPDX-License-Identifier: Apache-2.0
"""Looks for devices politely: only where a person said, listening before asking, one question at a time, and naming only what proved itself.

A serial line that another program has is left alone; a network is asked only at the ports at which devices of ours listen, a few at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
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
from drivers.base.transports import Transport, open_transport

ADDRESSES_MAX = 1024
"""Chosen: a /22; who has more knows where the devices are."""
_AT_ONCE = 32
_CONNECT_S = 0.7
_LISTEN_S = 1.2
"""Continuous scales speak ten times a second; a reader greets within a fraction of that."""
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


def serial_lines(devices: Path = Path("/dev")) -> list[str]:
    """The serial lines of this machine, by their lasting names where they have one."""
    by_id = devices / "serial" / "by-id"
    named = {link.resolve(): link for link in sorted(by_id.iterdir())} if by_id.is_dir() else {}
    plain = sorted({path.resolve() for pattern in _SERIAL_NAMES for path in devices.glob(pattern)})
    return [str(named.get(path, path)) for path in plain]


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

    async def look(self, hosts: Sequence[str] = (), lines: Sequence[str] = (), stream_ports: Sequence[int] = ()) -> None:
        """At hosts, serial lines, and such TCP ports of the hosts behind which a serial server has a line."""
        at_once = asyncio.Semaphore(_AT_ONCE)
        own = sorted({port for _, probe in self._probes for port in probe.ports})
        async with asyncio.TaskGroup() as tasks:
            for host in hosts:
                for port in dict.fromkeys([*own, *stream_ports]):
                    tasks.create_task(self._tcp(host, port, at_once, is_stream=port in stream_ports), name=f"discover {host}:{port}")
            for path in lines:
                tasks.create_task(self._serial(path), name=f"discover {path}")

    async def _tcp(self, host: str, port: int, at_once: asyncio.Semaphore, *, is_stream: bool) -> None:
        probes = [(name, probe) for name, probe in self._probes if port in probe.ports or (is_stream and probe.lines)]
        where = _Line(host=host, port=port, connect_timeout_s=_CONNECT_S, record_bytes=0)
        async with at_once:
            try:
                found = await self._ask_all(where, probes)
            except TransportError:
                return  # nobody listens there, which is no news: most addresses are nobody's
            if found is not None:
                name, recognised = found
                self.found.append(Found(name, where.endpoint, recognised.about, {"host": host, "port": port, **recognised.fields}))

    async def _serial(self, path: str) -> None:
        settings: list[Line] = list(dict.fromkeys(line for _, probe in self._probes for line in probe.lines))
        for baud, parity, data_bits in settings:
            probes = [(name, probe) for name, probe in self._probes if (baud, parity, data_bits) in probe.lines]
            where = _Line(path=path, baud_rate=baud, parity=parity, data_bits=data_bits, record_bytes=0)
            try:
                found = await self._ask_all(where, probes)
            except TransportError as error:
                self.skipped.append(Skipped(path, error.message))
                return
            if found is not None:
                name, recognised = found
                line: dict[str, Argument] = {"path": path, "baud_rate": baud, "parity": parity, "data_bits": data_bits}
                self.found.append(Found(name, path, recognised.about, line | dict(recognised.fields)))
                return

    async def _ask_all(self, where: StreamConfig, probes: Sequence[NamedProbe]) -> tuple[str, Recognised] | None:
        """Listen, then ask; each question waits until what was said before it has ended. Raises: TransportError: nobody is there."""
        transport = await open_transport(where)
        self.seen += 1
        goodbye = b""
        try:
            said = _Heard(transport)
            listens = [(name, probe) for name, probe in probes if not probe.asks]
            goodbye = next((probe.goodbye for _, probe in listens if probe.goodbye), b"")
            found = await said.recognised_within(listens, max([_LISTEN_S, *(probe.within_s for _, probe in listens)])) if listens else None
            for name, probe in probes:
                if found is not None:
                    break
                if probe.asks:
                    said.forget()
                    transport.write(probe.asks)
                    found = await said.recognised_within([(name, probe)], probe.within_s)
        except DriverError:
            found = None  # it hung up on a question that is none of its own
        finally:
            with contextlib.suppress(DriverError):
                if goodbye:
                    transport.write(goodbye)
            await transport.close()
        return found


class _Heard:
    """What came since the last question."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._said = bytearray()

    def forget(self) -> None:
        """A new question."""
        self._said.clear()

    async def recognised_within(self, probes: Sequence[NamedProbe], within_s: float) -> tuple[str, Recognised] | None:
        """Raises: TransportError: it hung up."""
        until_s = time.monotonic() + within_s
        while (left_s := until_s - time.monotonic()) > 0:
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
        yield f"# {each.about}"
        yield "[[device]]"
        yield f'id = "{each.driver.replace("_", "-")}-{counts[each.driver]}"'
        yield f'driver = "{each.driver}"'
        yield from (f"{key} = {_toml(value)}" for key, value in each.fields.items())
        yield ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)

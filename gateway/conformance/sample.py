# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite has to know of a driver. A simulated device and its server are described by what they do: this package knows none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hypothesis.strategies import SearchStrategy

StimulusValue = str | int | float | bool


class AnyTwin(Protocol):
    """A simulated device without its network; see `firmware_sims.engine.twin.Twin`."""

    def connected(self, now_s: float) -> bytes:
        """A client has connected; what the device says by itself."""
        ...

    def disconnected(self, now_s: float) -> None:
        """The client is gone."""
        ...

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """Take bytes of the client and return the answer."""
        ...

    def advance_to(self, now_s: float) -> bytes:
        """Let time pass; what the device says by itself."""
        ...

    def stimulate(self, name: str, arguments: Mapping[str, StimulusValue], now_s: float) -> bytes:
        """Something happens to the device; what it then says."""
        ...


class AnyServer(Protocol):
    """What puts a twin where a driver finds it; see `firmware_sims.engine.servers`."""

    @property
    def twin(self) -> Any:
        """The simulated device."""
        ...

    @property
    def has_client(self) -> bool:
        """Whether somebody is connected."""
        ...

    async def start(self) -> None:
        """Be there; after `stop` at the same place again."""
        ...

    async def stop(self) -> None:
        """Be gone."""
        ...

    def drop_client(self) -> None:
        """Cut the connection."""
        ...

    def stimulate(self, name: str, **arguments: StimulusValue) -> None:
        """Let something happen to the device now."""
        ...


@dataclass(frozen=True)
class RoundTrip:
    """Frames to try, and how the driver writes and reads them."""

    name: str
    frames: SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


@dataclass(frozen=True)
class Way:
    """How a twin is put where its driver finds it: a server, the configuration's fields that lead to it, and fields that lead to nothing.

    `refused` is what the error must name when nobody is there.
    """

    serve: Callable[[Any], AnyServer]
    fields: Callable[[Any], Mapping[str, Any]]
    nowhere: Callable[[int], Mapping[str, Any]]
    refused: Callable[[int], str]


def over_tcp(serve: Callable[[Any], Any]) -> Way:
    """By host and port; `serve` is a server with both, such as `firmware_sims.engine.servers.TcpTwinServer`."""
    return Way(
        serve,
        lambda server: {"host": server.host, "port": server.port},
        lambda port: {"host": "127.0.0.1", "port": port},
        lambda port: f"127.0.0.1:{port}",
    )


def over_file(serve: Callable[[Any], Any]) -> Way:
    """By the path of a file; `serve` is a server with one, such as `firmware_sims.engine.servers.PipeTwinServer`."""
    return Way(serve, lambda server: {"path": server.path}, lambda port: {"path": f"/dev/nothing-{port}"}, lambda port: f"/dev/nothing-{port}")


@dataclass(frozen=True)
class Entry:
    """One driver. `fields` are those of its configuration beside the address; `stimulus` is something that makes its twin cause `reading`.

    `way`: how the twin is put where the driver finds it. `faults` names captures in which the device refuses something, with the code of the maker's
    document that has to come out.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    twin_arguments: Mapping[str, Any] = field(default_factory=dict)
    stimulus: tuple[str, Mapping[str, StimulusValue]] | None = None
    reading: str = ""
    round_trips: tuple[RoundTrip, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    way: Way | None = None

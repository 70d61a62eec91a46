# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite has to know of a driver; each has a file of its own in `samples/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis.strategies import SearchStrategy

from firmware_sims.engine.servers import PipeTwinServer, TcpTwinServer
from firmware_sims.engine.twin import StimulusValue, Twin

AnyServer = TcpTwinServer | PipeTwinServer


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

    serve: Callable[[Twin], AnyServer]
    fields: Callable[[Any], Mapping[str, Any]]
    nowhere: Callable[[int], Mapping[str, Any]]
    refused: Callable[[int], str]


OVER_TCP = Way(
    TcpTwinServer, lambda server: {"host": server.host, "port": server.port}, lambda port: {"host": "127.0.0.1", "port": port}, lambda port: f"127.0.0.1:{port}"
)
OVER_PIPE = Way(PipeTwinServer, lambda server: {"path": server.path}, lambda port: {"path": f"/dev/nothing-{port}"}, lambda port: f"/dev/nothing-{port}")


@dataclass(frozen=True)
class Entry:
    """One driver. `fields` are those of its configuration beside the address; `stimulus` is something that makes its twin cause `reading`.

    `faults` names captures in which the device refuses something, with the code of the maker's document that has to come out.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    twin_arguments: Mapping[str, Any] = field(default_factory=dict)
    stimulus: tuple[str, Mapping[str, StimulusValue]] | None = None
    reading: str = ""
    round_trips: tuple[RoundTrip, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    way: Way = OVER_TCP

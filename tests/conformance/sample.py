# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite has to know of a built-in driver; each has a file of its own in `samples/`."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sims.engine.servers import PipeTwinServer, TcpTwinServer
from firmware_sims.engine.twin import StimulusValue
from gateway.conformance import sample
from gateway.conformance.sample import AnyServer, RoundTrip, Way, over_file, over_tcp

__all__ = ["OVER_PIPE", "OVER_TCP", "AnyServer", "Entry", "RoundTrip", "StimulusValue", "Way"]

OVER_TCP = over_tcp(TcpTwinServer)
OVER_PIPE = over_file(PipeTwinServer)


@dataclass(frozen=True)
class Entry(sample.Entry):
    """See `gateway.conformance.sample.Entry`; most devices are reached over TCP."""

    way: Way = OVER_TCP

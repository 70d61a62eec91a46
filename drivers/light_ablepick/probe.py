# SPDX-License-Identifier: Apache-2.0
"""An ABLEPick controller tells which tags are connected when asked (manual 4.4.9); nothing is lit."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Probe, Recognised
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.frames import NODES_PER_PORT, STATUS_OFFSET, Frame, Sub, decode, size_of, unconnected_nodes


def _by_status(said: bytes) -> Recognised | None:
    try:
        size = size_of(said)
        frame = decode(said[:size]) if size is not None and len(said) >= size else None
    except RemoteProtocolError:
        return None
    if frame is None or frame.sub != Sub.STATUS or len(frame.data) < STATUS_OFFSET + NODES_PER_PORT // 8:
        return None
    return Recognised(f"ABLEPick controller with {NODES_PER_PORT - len(unconnected_nodes(frame.data))} tags on port 1")


PROBES = (Probe(_by_status, Frame(Sub.STATUS).encode(), ports=(LightAblepickConfig(host="controller").port,)),)

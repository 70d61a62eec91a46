# SPDX-License-Identifier: Apache-2.0
"""AISpecs of the simulated reader: with which antennas one item of a ROSpec reads, and what ends it.

Source: LLRP 1.0.1, 10.2.2 and 16.2.4.2. The items of a ROSpec are carried out one after the other; one whose stop trigger is Null lasts until the ROSpec ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sims.rfid_llrp.codec import MalformedError, Node

_STOP_DURATION, _STOP_GPI, _STOP_OBSERVATION = 1, 2, 3  # of ROSpecs and AISpecs alike, but the last
_UPON_N_TAGS, _UPON_QUIET, _UPON_ATTEMPTS = 0, 1, 2  # TagObservationTrigger, 16.2.4.2.1.1.1
_ROUND_MS = 100
"""How long one attempt to see all tags takes; guessed, of the size that readers need for some hundred tags."""


class UnsupportedError(ValueError):
    """The ROSpec asks for what this reader cannot do."""


@dataclass
class AiSpec:
    """One AISpec. `index` counts from 1; `antennas` empty: all; `inventory_id` is that of its InventoryParameterSpec; `runs_ms` 0: not limited."""

    index: int = 1
    antennas: frozenset[int] = frozenset()
    inventory_id: int = 1
    inventories: int = 1
    runs_ms: int = 0
    stop_input: tuple[int, bool] | None = None
    ends_after_tags: int = 0
    ends_when_quiet_ms: int = 0

    @classmethod
    def of(cls, index: int, node: Node) -> AiSpec:
        """From a parsed AISpec. Raises: UnsupportedError, MalformedError: why it cannot be taken."""
        antennas = frozenset(node.fields[0])
        inventories = node.find_all("InventoryParameterSpec")
        number = inventories[0].fields[0] if inventories else 1
        spec = cls(index, frozenset() if 0 in antennas else antennas, number, len(inventories))
        if (stop := node.find("AISpecStopTrigger")) is not None:
            spec.runs_ms, spec.stop_input = ends_of(stop)
            if stop.fields[0] == _STOP_OBSERVATION and (observed := stop.find("TagObservationTrigger")):
                spec._take_observation(observed)
        return spec

    def _take_observation(self, observed: Node) -> None:
        kind, _, tags, attempts, quiet_ms, timeout_ms = observed.fields
        self.runs_ms = timeout_ms
        if kind == _UPON_N_TAGS:
            self.ends_after_tags = tags
        elif kind == _UPON_QUIET:
            self.ends_when_quiet_ms = quiet_ms
        elif kind == _UPON_ATTEMPTS:
            self.runs_ms = min(attempts * _ROUND_MS, timeout_ms or attempts * _ROUND_MS)
        else:
            raise UnsupportedError(f"there is no tag observation trigger {kind}")


def ends_of(stop: Node) -> tuple[int, tuple[int, bool] | None]:
    """After how many milliseconds (0: never) and by which input and level a ROSpec or an AISpec ends. Raises: MalformedError: see `trigger_of`."""
    kind, duration_ms = stop.fields
    if kind == _STOP_GPI:
        edge, timeout_ms = trigger_of(stop)
        return timeout_ms, edge
    return (duration_ms if kind == _STOP_DURATION else 0), None


def trigger_of(node: Node) -> tuple[tuple[int, bool], int]:
    """Input and level of a GPI trigger, and its time-out in milliseconds (0: none). Raises: MalformedError: it has no GPITriggerValue."""
    value = node.find("GPITriggerValue")
    if value is None:
        raise MalformedError("a GPI trigger needs a GPITriggerValue")
    port, flags, timeout_ms = value.fields
    return (port, bool(flags & 0x80)), timeout_ms

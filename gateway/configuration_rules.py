# SPDX-License-Identifier: Apache-2.0
"""What a changed configuration means: who must begin anew, which versions may be tried, when one has proved good, and what counts after a start; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

import msgspec

from gateway.config import GatewayConfig, GatewayTable

FIXED = ("id", "site", "data_dir", "trust_dir")
"""Keys of [gateway] by which a gateway finds itself and its files: only its own file can say them."""
_HOT = ("report_interval_s", "configuration_health_s")
_BAD_KEPT = 20
_SETTLED_S = 3.0
"""Chosen: what is up must stay up for so long before it counts."""

Outcome = Literal["applied", "refused", "returned"]


class Change(NamedTuple):
    """What must be done to come from one configuration to another. `restart`: keys of [gateway], and `north`, that count only for a new process."""

    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    stations_gone: tuple[str, ...] = ()
    stations_put: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


def compare(old: GatewayConfig, new: GatewayConfig) -> Change:
    """Devices that go, come, or begin anew because they or a station of theirs changed; all others keep their connection and state."""
    put = tuple(name for name, station in new.stations.items() if old.stations.get(name) != station)
    touched = {device for name in put for device in new.stations[name].devices()}
    kept = [device for device in new.devices if device in old.devices]
    anew = tuple(device for device in kept if device in touched or (old.drivers[device], old.devices[device]) != (new.drivers[device], new.devices[device]))
    keys = [key for key in GatewayTable.__struct_fields__ if getattr(old.gateway, key) != getattr(new.gateway, key)]
    return Change(
        gone=tuple(device for device in old.devices if device not in new.devices),
        new=tuple(device for device in new.devices if device not in old.devices),
        anew=anew,
        stations_gone=tuple(name for name in old.stations if name not in new.stations),
        stations_put=put,
        restart=(*(key for key in keys if key not in _HOT and key not in FIXED), *(["north"] if old.north != new.north else [])),
        forbidden=tuple(key for key in keys if key in FIXED),
    )


class Trial(msgspec.Struct, kw_only=True, frozen=True):
    """A configuration that has to prove itself. `must`: devices that were up before; `starts`: processes that began with it."""

    version: int
    starts: int = 0
    must: tuple[str, ...] = ()
    must_uplink: bool = False
    actor: str = ""
    digest: str = ""


class Said(msgspec.Struct, kw_only=True, frozen=True):
    """What central has to hear of a configuration."""

    version: int
    outcome: Outcome
    in_force: int
    reason: str = ""
    actor: str = ""


class Standing(msgspec.Struct, kw_only=True, frozen=True):
    """Where this gateway stands: kept in its data folder, replaced as a whole. Version 0 is the gateway's own file.

    `bad`: versions (and own files, by digest) that did not prove good, with the reason. `overridden`: the own file was taken over after `highest`.
    """

    in_force: int = 0
    highest: int = 0
    trying: Trial | None = None
    bad: dict[str, str] = {}
    fault: str = ""
    overridden: bool = False
    untold: tuple[Said, ...] = ()

    @property
    def running(self) -> int:
        """The version that this process runs with."""
        return self.trying.version if self.trying else self.in_force


class Verdict(NamedTuple):
    """Whether a version may be tried; `done`: nothing is left to do."""

    action: Literal["try", "done", "refuse"]
    reason: str = ""


def judge(standing: Standing, version: int) -> Verdict:
    """Whether a signed version may be tried. What is older than anything this gateway ever tried is refused: somebody may play it back."""
    if standing.trying is not None and standing.trying.version == version:
        return Verdict("done", f"version {version} is being tried")
    if version == standing.in_force and not standing.overridden:
        return Verdict("done", f"version {version} is in force already")
    if version < standing.highest:
        return Verdict("refuse", f"version {version} is older than {standing.highest}, which this gateway had; what was comes back as a new version only")
    if (bad := standing.bad.get(str(version))) is not None:
        return Verdict("refuse", f"version {version} was tried before: {bad}")
    if version == standing.highest and standing.overridden:
        return Verdict("refuse", f"version {version} was replaced here by the gateway's own file; push a new version")
    return Verdict("try")


def tried(standing: Standing, trial: Trial) -> Standing:
    """A trial begins."""
    return msgspec.structs.replace(standing, trying=trial, highest=max(standing.highest, trial.version), fault="")


def proved(standing: Standing) -> Standing:
    """The trial was good: it is in force from now on."""
    trial = standing.trying
    assert trial is not None
    said = Said(version=trial.version, outcome="applied", in_force=trial.version, actor=trial.actor)
    own = trial.version == 0
    return msgspec.structs.replace(
        standing, in_force=trial.version, trying=None, fault="", overridden=own and standing.highest > 0, untold=(*standing.untold, said)
    )


def returned(standing: Standing, reason: str) -> Standing:
    """The trial was not good: what was in force before is again, and this is not tried once more."""
    trial = standing.trying
    assert trial is not None
    name = f"own:{trial.digest}" if trial.version == 0 else str(trial.version)
    said = Said(version=trial.version, outcome="returned", in_force=standing.in_force, reason=reason, actor=trial.actor)
    bad = dict([*standing.bad.items(), (name, reason)][-_BAD_KEPT:])
    fault = f"version {trial.version}: {reason}" if trial.version else f"the gateway's own file: {reason}"
    return msgspec.structs.replace(standing, trying=None, bad=bad, fault=fault, untold=(*standing.untold, said))


def at_start(standing: Standing) -> Standing:
    """What counts for a process that begins. A trial whose first process did not live to see its end has failed."""
    trial = standing.trying
    if trial is None:
        return standing
    if trial.starts:
        return returned(standing, "the gateway ended before this configuration had proved good")
    return msgspec.structs.replace(standing, trying=msgspec.structs.replace(trial, starts=1))


class HealthGate:
    """Whether what was up before is up again. Time is passed in."""

    def __init__(self, trial: Trial, began_s: float, limit_s: float) -> None:
        self._trial = trial
        self._began_s = began_s
        self._limit_s = limit_s
        self._good_since_s: float | None = None

    def look(self, now_s: float, up: Collection[str], reasons: Mapping[str, str], *, uplink: bool) -> str | None:
        """None: not yet; empty: it is good; else why it is not."""
        missing = [device for device in self._trial.must if device not in up]
        uplink_missing = self._trial.must_uplink and not uplink
        if not missing and not uplink_missing:
            self._good_since_s = now_s if self._good_since_s is None else self._good_since_s
            return "" if now_s - self._good_since_s >= min(_SETTLED_S, self._limit_s / 4) else None
        self._good_since_s = None
        if now_s - self._began_s < self._limit_s:
            return None
        away = [f"{device} was connected before and is not now ({reasons.get(device) or 'no reason said'})" for device in missing]
        return "; ".join([*away, *(["there is no way to central any more"] if uplink_missing else [])])

# SPDX-License-Identifier: Apache-2.0
"""What a gateway does for the update that brought it: says whether it is healthy, or gives itself back; and what it knows of the last update."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from gateway.clock import Now
from gateway.configuration import Running
from gateway.configuration_rules import HealthGate, Trial
from gateway.updates import launcher

_LOOK_S = 0.25
_AGAIN_S = 5.0
UPDATE = "update"

log = logging.getLogger(__name__)


class UpdateTrial(msgspec.Struct, kw_only=True, frozen=True):
    """A version on trial, as it stands in ROOT/standing.json and as the launcher hands it on. `must`: devices that were up before."""

    id: str
    version: str
    previous: str
    must: tuple[str, ...] = ()
    must_uplink: bool = False
    health_s: float = launcher.HEALTH_S
    grace_s: float = launcher.GRACE_S
    data_dir: str = ""


class LastUpdate(msgspec.Struct, kw_only=True, frozen=True):
    """How the last trial ended: `proved` or `returned`."""

    id: str = ""
    version: str = ""
    previous: str = ""
    outcome: str = ""
    reason: str = ""

    @property
    def fault(self) -> str:
        """What people have to know of it."""
        return f"update to {self.version} returned: {self.reason}" if self.outcome == "returned" else ""


def last_update(data_dir: Path) -> LastUpdate:
    """What is known in a data folder."""
    try:
        return msgspec.convert(launcher.read_json(str(data_dir / UPDATE / "verdict.json")), LastUpdate)
    except msgspec.ValidationError:
        return LastUpdate()


def trial_of_this_process(data_dir: Path) -> UpdateTrial | None:
    """The trial that began with this process and has not ended."""
    try:
        trial = msgspec.json.decode(os.environ.get(launcher.ENVIRONMENT_TRIAL, "null"), type=UpdateTrial | None)
    except msgspec.DecodeError:
        return None
    if trial is None or last_update(data_dir).id == trial.id:
        return None
    return trial


async def prove_update(data_dir: Path, running: Running, now: Now, give_back: Callable[[], None]) -> NoReturn:
    """Write down whether what was up before the update is up again; if not, `give_back` ends the process for the version before."""
    trial = trial_of_this_process(data_dir)
    if trial is not None:
        reason = await _health(trial, running, now)
        await _say(trial, data_dir, reason)
        if reason:
            log.error("update given back", extra={"version": trial.version, "previous": trial.previous, "reason": reason})
            give_back()
        else:
            log.info("update proved good", extra={"version": trial.version, "previous": trial.previous})
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def _health(trial: UpdateTrial, running: Running, now: Now) -> str:
    if trial.must and running.is_safe:
        return "it began in safe mode"
    must = tuple(device for device in trial.must if device in running.config.devices)
    gate = HealthGate(Trial(version=0, must=must, must_uplink=trial.must_uplink), now().monotonic_s, trial.health_s)
    while True:
        verdict = gate.look(now().monotonic_s, running.up, running.reasons, uplink=running.has_uplink)
        if verdict is not None:
            return verdict
        await asyncio.sleep(_LOOK_S)


async def _say(trial: UpdateTrial, data_dir: Path, reason: str) -> None:
    """Durable when it returns. A disk that takes nothing is tried again until the launcher's watcher ends the trial."""
    facts = {**msgspec.to_builtins(trial), "data_dir": str(data_dir)}
    while True:
        try:
            await asyncio.to_thread(launcher.say, facts, facts, "returned" if reason else "proved", reason)
        except OSError as error:
            log.error("how the update fares cannot be noted", extra={"reason": str(error)})  # noqa: TRY400  # the reason says all
            await asyncio.sleep(_AGAIN_S)
        else:
            return

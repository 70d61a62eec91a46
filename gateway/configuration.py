# SPDX-License-Identifier: Apache-2.0
"""Configurations pushed from central, and the gateway's own file when it was edited: checked, tried, and given back if they do not prove good.

A step at a time, each of them durable, so that a power cut or a kill at any of them leaves a configuration that works (docs/decisions/0029):
checked by a child process -> noted as on trial -> only what changed begins anew -> what was up before is up again -> in force; or the last one returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

import msgspec

from contracts.commands import GATEWAY, ConfigureGateway
from contracts.events import ConfigurationChanged
from drivers.base.errors import ConfigError
from gateway.clock import Now
from gateway.config import GatewayConfig
from gateway.config_file import ConfigFileError, load_config
from gateway.configuration_rules import Change, HealthGate, Said, Standing, Trial, compare, judge, proved, returned, tried
from gateway.configuration_store import OWN, ConfigurationStore
from gateway.gateway_commands import Handled
from gateway.outbox import OutboxFullError
from gateway.store import Store
from gateway.trust import TrustError, digest_of
from gateway.trust_asking import ask_child

_LOOK_S = 0.25
_TELL_AGAIN_S = 10.0

log = logging.getLogger(__name__)


class Running(Protocol):
    """What a change of the configuration needs of the running gateway."""

    @property
    def config(self) -> GatewayConfig:
        """What it runs with."""
        ...

    @property
    def up(self) -> Collection[str]:
        """Devices that are connected."""
        ...

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why devices are not connected."""
        ...

    @property
    def has_uplink(self) -> bool:
        """Whether central can be reached."""
        ...

    @property
    def is_safe(self) -> bool:
        """Whether it leaves its devices alone."""
        ...

    async def change(self, config: GatewayConfig, change: Change) -> None:
        """Move only what must be moved. Raises: ConfigError, OSError, ValueError: nothing was."""
        ...

    def announce(self, standing: Standing) -> None:
        """Have the birth say what is in force."""
        ...

    def restart(self) -> None:
        """End this process for a new one."""
        ...


@dataclass(frozen=True)
class _Prepared:
    """A configuration that was found good on paper."""

    config: GatewayConfig
    document: str
    trial: Trial
    change: Change


class Configurator:
    """Takes configurations, one after the other. `standing` says where this gateway stands."""

    def __init__(self, files: ConfigurationStore, running: Running, store: Store, now: Now) -> None:
        self._files = files
        self._running = running
        self._store = store
        self._now = now
        self._prepared: _Prepared | None = None
        self._trial: asyncio.Task[None] | None = None
        self._telling = asyncio.Lock()

    @property
    def standing(self) -> Standing:
        """Which configuration is in force, which is on trial, and why the newest is not in force."""
        return self._files.standing

    async def run(self) -> NoReturn:
        """See a trial through that began with this process, and tell central what it has not heard, until cancelled."""
        try:
            self._files.remember_own(self._running.config.config_hash)
            if self.standing.trying is not None:
                self._trial = asyncio.create_task(self._prove_started(self.standing.trying), name="configuration-trial")
            while True:
                await self._tell()
                await asyncio.sleep(_TELL_AGAIN_S)
        finally:
            if self._trial is not None:
                self._trial.cancel()
                await asyncio.gather(self._trial, return_exceptions=True)

    async def handle(self, command: ConfigureGateway) -> Handled:
        """See `gateway_commands.Handler`. `done`: it is on trial or in force; what becomes of it is told by ConfigurationChanged."""
        await self.settled()
        verdict = judge(self.standing, command.version)
        if verdict.action != "try":
            is_ready = self._prepared is not None and self._prepared.trial.version == command.version
            return Handled("refused" if verdict.action == "refuse" else "done", verdict.reason, afterwards=self._begin if is_ready else None)
        try:
            fault = await self._prepare(command)
        except (TrustError, OSError) as error:
            fault = f"it could not be checked: {error}"
        if fault:
            log.warning("configuration refused", extra={"version": command.version, "reason": fault})
            said = Said(version=command.version, outcome="refused", in_force=self.standing.in_force, reason=fault, actor=command.actor)
            return Handled("refused", fault, events=[self._event(said)])
        return Handled("done", f"version {command.version} is being tried", afterwards=self._begin)

    async def reload(self, actor: str) -> str:
        """Take over the gateway's own file as it is now; returns why not (empty: it is in force, or a new process tries it) once that is known."""
        await self.settled()
        try:
            document = self._files.own_document()
            path = self._files.put_candidate(document)
            fault = await ask_child("dry_run", path=str(path)) or self._plan(load_config(path), document, OWN, actor)
        except (TrustError, ConfigFileError, OSError, UnicodeDecodeError) as error:
            fault = str(error)
        if fault:
            log.error("the gateway's own file is not taken over", extra={"reason": fault})
            await self._say(Said(version=OWN, outcome="refused", in_force=self.standing.in_force, reason=fault, actor=actor))
            return fault
        self._begin()
        await self.settled()
        return self.standing.bad.get(f"own:{digest_of(document)}", "")

    async def settled(self) -> None:
        """Returns when no trial is going on."""
        if self._trial is not None:
            await asyncio.wait([self._trial])

    async def _prepare(self, command: ConfigureGateway) -> str:
        """Why a version must not be tried; empty: it is noted as on trial. Raises: TrustError, OSError."""
        table = self._running.config.gateway
        if not table.trust_dir:
            return "this gateway is not enrolled, so it cannot tell who signed; set gateway.trust_dir ('dockline gateway enrol')"
        path = self._files.put_candidate(command.document)
        fields = {"gateway": table.id, "site": table.site, "version": command.version, "document": command.document, "signature": command.signature}
        if fault := await ask_child("check", trust_dir=table.trust_dir, path=str(path), **fields):
            return fault
        try:
            config = load_config(path)
        except ConfigFileError as error:
            return str(error)
        return self._plan(config, command.document, command.version, command.actor)

    def _plan(self, config: GatewayConfig, document: str, version: int, actor: str) -> str:
        """Note a configuration that is good on paper as on trial. Returns why it cannot be. Raises: OSError."""
        now = self._running.config
        change = compare(now, config)
        if change.forbidden:
            keys = ", ".join(f"gateway.{key}" for key in change.forbidden)
            return f"{keys}: a gateway finds itself and its files by this; change it in its own file and start it anew"
        must = () if self._running.is_safe else tuple(sorted(device for device in self._running.up if device in config.devices))
        trial = Trial(version=version, must=must, must_uplink=self._running.has_uplink, actor=actor, digest=digest_of(document))
        if version != OWN:
            self._files.put(version, document)
        self._files.keep(tried(self.standing, trial))
        self._prepared = _Prepared(config, document, trial, change)
        return ""

    def _begin(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self._trial = asyncio.get_running_loop().create_task(self._try(prepared), name="configuration-trial")

    async def _try(self, prepared: _Prepared) -> None:
        """See one through, without a restart where none is needed."""
        if prepared.change.restart or self._running.is_safe:
            log.info("configuration needs a new process", extra={"version": prepared.trial.version, "because": prepared.change.restart or "safe mode"})
            self._running.restart()
            return
        self._files.keep(tried(self.standing, msgspec.structs.replace(prepared.trial, starts=1)))
        before = self._running.config
        reason = await self._moved(prepared.config, prepared.change)
        reason = reason or await self._health(prepared.trial, before.gateway.configuration_health_s)
        if reason:
            self._files.keep(returned(self.standing, reason))
            await self._moved(before, compare(self._running.config, before))
        else:
            self._keep_proved(prepared.document)
        log.log(logging.WARNING if reason else logging.INFO, "configuration tried", extra={"version": prepared.trial.version, "reason": reason or "good"})
        self._running.announce(self.standing)
        await self._tell()

    async def _moved(self, config: GatewayConfig, change: Change) -> str:
        """Go over to another configuration. Returns why that was not possible."""
        try:
            await self._running.change(config, change)
        except (ConfigError, OSError, ValueError) as error:
            return f"it cannot be carried out: {error}"
        return ""

    async def _prove_started(self, trial: Trial) -> None:
        """The trial of the process itself: if it fails, the next process has the configuration before."""
        reason = await self._health(trial, self._running.config.gateway.configuration_health_s)
        if reason:
            self._files.keep(returned(self.standing, reason))
            log.warning("configuration tried", extra={"version": trial.version, "reason": reason})
            await self._tell()
            self._running.restart()
            return
        self._keep_proved(self._files.own_document() if trial.version == OWN else "")
        log.info("configuration tried", extra={"version": trial.version, "reason": "good"})
        await self._tell()

    def _keep_proved(self, document: str) -> None:
        standing = proved(self.standing)
        if standing.in_force == OWN:
            self._files.put(OWN, document)
        self._files.keep(standing)
        self._files.forget_older({OWN, standing.in_force})

    async def _health(self, trial: Trial, limit_s: float) -> str:
        gate = HealthGate(trial, self._now().monotonic_s, limit_s)
        while True:
            verdict = gate.look(self._now().monotonic_s, self._running.up, self._running.reasons, uplink=self._running.has_uplink)
            if verdict is not None:
                return verdict
            await asyncio.sleep(_LOOK_S)

    def _event(self, said: Said) -> ConfigurationChanged:
        fields = msgspec.structs.asdict(said)
        return ConfigurationChanged(**self._now().stamp(), station=GATEWAY, **fields)

    async def _say(self, said: Said) -> None:
        self._files.keep(msgspec.structs.replace(self.standing, untold=(*self.standing.untold, said)))
        await self._tell()

    async def _tell(self) -> None:
        """Hand over to the outbox what central has to hear. What was cut off between the two is told twice, which changes nothing."""
        async with self._telling:
            untold = self.standing.untold
            if not untold:
                return
            try:
                await self._store.append([self._event(said) for said in untold], {}, {})
            except OutboxFullError as error:
                log.error("what became of a configuration is told later", extra={"reason": str(error)})  # noqa: TRY400  # the reason says all
                return
            self._files.keep(msgspec.structs.replace(self.standing, untold=self.standing.untold[len(untold) :]))

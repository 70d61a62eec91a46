# SPDX-License-Identifier: Apache-2.0
"""Simulated warehouse devices for other people's programs and tests.

    from firmware_sims import sims

    with sims.scale_sics() as scale:
        scale.do("place", weight_g=12500)
        my_program(scale.host, scale.port)

Every device of `dockline sim list` is a function here, called with the device's options and the conditions it begins with. It needs no asyncio; where there
is an event loop already, `async with` lets the device run in it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from firmware_sims import registry
from firmware_sims.engine.twin import Twin
from firmware_sims.rig.parts import Device
from firmware_sims.rig.plan import Over, SimPlan, as_text, read_plan
from firmware_sims.rig.rig import Rig
from firmware_sims.rig.thread import SHARED, do_within, wait_for

T = TypeVar("T")
SEED_VARIABLE = "DOCKLINE_SIMS_SEED"
"""Environment variable with the seed of the faults; without it, each process takes another one."""
default_seed: int = int(os.environ.get(SEED_VARIABLE) or random.randrange(2**31))  # noqa: S311  # no secret
"""The seed of devices that are given none."""


class SimulatedDevice:
    """A device that can be switched on and off, by `with`, by `async with`, or by `start` and `stop`.

    `host` and `port` for TCP, `path` for a pty or a pipe; `twin` is its state, to be looked at.
    """

    def __init__(self, plan: SimPlan, seed: int) -> None:
        self._device = Device(plan, seed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_guest = False

    # Switching it on and off

    def start(self) -> Self:
        """Switch it on, in a thread of its own.

        Raises: OSError: its place is taken. ValueError: a condition or a fault does not do. RuntimeError: it is on already.
        """
        if self._loop is not None:
            raise RuntimeError(f"{self.id} is switched on already; for another one call sims.{self.kind}(...) again")
        loop = SHARED.enter()
        try:
            wait_for(loop, self._device.start())
        except BaseException:
            SHARED.leave()
            raise
        self._loop, self._is_guest = loop, False
        return self

    def stop(self) -> None:
        """Switch it off; once more does nothing. Raises: RuntimeError: `async with` switched it on and will switch it off."""
        if self._loop is not None and self._is_guest:
            raise RuntimeError(f"{self.id} was switched on by 'async with', which switches it off at its end")
        loop, self._loop = self._loop, None
        if loop is not None:
            try:
                wait_for(loop, self._device.stop())
            finally:
                SHARED.leave()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError(f"{self.id} is switched on already; for another one call sims.{self.kind}(...) again")
        await self._device.start()
        self._loop, self._is_guest = asyncio.get_running_loop(), True
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop = None
        await self._device.stop()

    # What is done to it

    def set(self, **conditions: str | float | bool) -> Self:
        """Change conditions, as people write them: `set(load="12.5 kg")`. Raises: ValueError: says which there are, or what is understood."""
        self._act(lambda: self._device.set(conditions))
        return self

    def do(self, stimulus: str, /, **arguments: Any) -> Self:
        """Let something happen to it: `do("scan", text="4006381333931")`. Raises: ValueError: says which stimuli there are, or what one takes."""
        self._act(lambda: self._device.do(stimulus, arguments))
        return self

    def faults(self, **faults: str | float | bool) -> Self:
        """Make the line bad, or good again: `faults(drop=0.01, delay="50ms")`, `faults(hang_up="now")`, `faults(none=True)`.

        Raises: ValueError: says which faults there are.
        """
        self._act(lambda: self._device.fault(faults))
        return self

    def shown(self) -> Mapping[str, Any]:
        """Everything that can be said of it: where it is, its conditions and stimuli, its state, its faults, and which bytes they hit."""
        return self._act(self._device.shown)

    def story(self) -> str:
        """In one line: what it was, its seed, what was wrong with its line and how many bytes that hit; also after it was switched off."""
        server = self._device.server
        hit = f"lost {len(server.said.lost_at)} + {len(server.heard.lost_at)}, changed {len(server.said.changed_at)} + {len(server.heard.changed_at)} bytes"
        faults = ", ".join(f"{name}={text}" for name, text in server.faults.shown().items()) or "none"
        return f"{self.id} ({self.kind}) seed {server.seed}; faults: {faults}; to client + to device: {hit}"

    def _act(self, act: Callable[[], T]) -> T:
        if self._loop is None:
            raise RuntimeError(f"{self.id} is switched off; use it within 'with'")
        return do_within(self._loop, act)

    # What it is

    @property
    def id(self) -> str:
        """Its name among others."""
        return self._device.id

    @property
    def kind(self) -> str:
        """The simulator's name."""
        return self._device.kind

    @property
    def seed(self) -> int:
        """What decides which bytes its faults hit; given as `seed`, the same bytes are hit again."""
        return self._device.server.seed

    @property
    def twin(self) -> Twin:
        """The device's state."""
        return self._device.twin

    @property
    def host(self) -> str:
        """Address, empty for a pty or a pipe."""
        return str(self._device.place.get("host", ""))

    @property
    def port(self) -> int:
        """TCP port, 0 for a pty or a pipe."""
        return int(self._device.place.get("port", 0))

    @property
    def path(self) -> str:
        """File that a driver opens, empty for TCP."""
        return str(self._device.place.get("path", ""))

    @property
    def has_client(self) -> bool:
        """Whether somebody is connected."""
        return self._device.server.has_client


def device(
    kind: str,
    /,
    *,
    over: Over | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    link: str = "",
    faults: Mapping[str, str | float | bool] | None = None,
    seed: int | None = None,
    id: str = "",  # noqa: A002  # the word of the file
    **settings: Any,
) -> SimulatedDevice:
    """A device by the name of its simulator, still switched off. `settings` are its options and the conditions it begins with.

    `over`: tcp (a free port unless `port` says which), pty or pipe (with `link` as a name that stays). `seed` decides which bytes the faults hit, and what the
    device itself leaves to chance.
    Raises: ValueError: there is no such simulator, option or condition; says which there are.
    """
    twin, options = registry.twin_class(kind), registry.options(kind)
    if seed is not None and "seed" in options:
        settings["seed"] = seed
    conditions = {name: as_text(value) for name, value in settings.items() if name not in options and name in twin.conditions()}
    plan = SimPlan(
        id or kind,
        kind,
        over or ("pipe" if twin.is_only_heard else "tcp"),
        host,
        port,
        link,
        options={name: value for name, value in settings.items() if name not in conditions},
        conditions=conditions,
        faults={name: as_text(value) for name, value in (faults or {}).items()},
        seed=seed,
    )
    return SimulatedDevice(plan, default_seed)


class SimulatedRig:
    """All devices and rooms of a file: `with sims.up("sims.toml") as rig: rig["scale-1"].set(...)`."""

    def __init__(self, path: str | Path, seed: int | None = None) -> None:
        self._rig = Rig(read_plan(Path(path)), default_seed if seed is None else seed)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._loop = SHARED.enter()
        try:
            wait_for(self._loop, self._rig.__aenter__())
        except BaseException:
            SHARED.leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            try:
                wait_for(loop, self._rig.__aexit__(kind, error, trace))
            finally:
                SHARED.leave()

    def __getitem__(self, part_id: str) -> RigPart:
        if self._loop is None:
            raise RuntimeError("the rig is switched off; use it within 'with'")
        return RigPart(self._rig, part_id, self._loop)


class RigPart:
    """One device or room of a rig that runs. Raises: ValueError: there is no such part."""

    def __init__(self, rig: Rig, part_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self._part = rig.part(part_id)
        self._loop = loop

    def set(self, **conditions: str | float | bool) -> Self:
        """See `SimulatedDevice.set`."""
        do_within(self._loop, lambda: self._part.set(conditions))
        return self

    def do(self, stimulus: str, /, **arguments: Any) -> Self:
        """See `SimulatedDevice.do`."""
        do_within(self._loop, lambda: self._part.do(stimulus, arguments))
        return self

    def faults(self, **faults: str | float | bool) -> Self:
        """See `SimulatedDevice.faults`."""
        do_within(self._loop, lambda: self._part.fault(faults))
        return self

    def shown(self) -> Mapping[str, Any]:
        """See `SimulatedDevice.shown`."""
        return do_within(self._loop, self._part.shown)


def up(path: str | Path, *, seed: int | None = None) -> SimulatedRig:
    """The rig that a file describes, still switched off. Raises: PlanError: all that is wrong in the file."""
    return SimulatedRig(path, seed)


def names() -> list[str]:
    """The simulators there are."""
    return registry.names()


if TYPE_CHECKING:
    from firmware_sims.kinds import *  # noqa: F403  # the functions by name, with what each takes
else:

    def __getattr__(name: str) -> Callable[..., SimulatedDevice]:
        """`sims.NAME(...)` is `device("NAME", ...)`."""
        if name not in registry.names():
            raise AttributeError(f"no simulator {name!r}; there are: {', '.join(registry.names())}")

        def make(**settings: Any) -> SimulatedDevice:
            return device(name, **settings)

        make.__name__ = name
        make.__doc__ = registry.twin_class(name).__doc__
        return make


def __dir__() -> list[str]:
    """What the module has, and all simulators."""
    return sorted([*globals(), *registry.names()])

# SPDX-License-Identifier: Apache-2.0
"""The driver of HID scales. A scale that goes to sleep vanishes from the bus: its last weight becomes stale, and the link does not count as lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from contracts.readings import AnyReading, ConditionChanged, LinkChanged, Weight
from drivers.base.errors import TransportError
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec, Emit
from drivers.base.transports import Transport, open_kernel_file
from drivers.base.usb import usb_serial_of
from drivers.base.weighing import WEIGH, ScaleDriver
from drivers.scale_hid.config import ScaleHidConfig
from drivers.scale_hid.finding import HIDRAWS, paths_of_scales
from drivers.scale_hid.session import ConditionSeen, HidScaleSession

LOOK_S = 1.0
"""How often a sleeping scale is looked for."""


class ScaleHidDriver(ScaleDriver[ScaleHidConfig]):
    """One scale."""

    _path = ""
    _awake = False
    _seen_s: float | None = None

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[ScaleHidConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`."""
        return self._open

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        session = HidScaleSession(self.config)
        session.serial = usb_serial_of(self._path, HIDRAWS)
        return session

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, ConditionSeen):
            yield ConditionChanged(device=self.device_id, at_s=at_s, condition=event.condition, active=event.active, reason=event.reason)
        yield from super().readings(event, at_s)

    async def run(self, emit: Emit) -> None:
        """See `Driver.run`. Returns to a scale that was asleep; emits one stale weight when it falls asleep."""

        def listen(reading: AnyReading) -> None:
            self._awake = self._awake or isinstance(reading, LinkChanged)
            emit(reading)

        self._awake, self._seen_s = False, None
        while True:
            try:
                await super().run(listen)
            except TransportError:
                self._fall_asleep(emit)
                if not self._is_asleep():
                    raise
            await asyncio.sleep(LOOK_S)

    def _fall_asleep(self, emit: Emit) -> None:
        if self._awake and self.config.asleep_s_max:
            self._awake, self._seen_s = False, self._clock()
            emit(Weight(device=self.device_id, at_s=self._seen_s, state="stale"))

    def _is_asleep(self) -> bool:
        return self._seen_s is not None and self._clock() - self._seen_s < self.config.asleep_s_max

    async def _open(self, config: ScaleHidConfig) -> Transport:
        """Raises: TransportError: it is not there, or several are."""
        self._path = config.path or _found(config)
        return open_kernel_file(self._path)


def _found(config: ScaleHidConfig) -> str:
    """Raises: TransportError: none or several."""
    paths = paths_of_scales(config.usb_id, config.serial_number)
    if len(paths) == 1:
        return paths[0]
    wanted = " ".join(part for part in (config.usb_id, config.serial_number) if part) or "of the class HID"
    if not paths:
        raise TransportError(f"no USB scale {wanted} is there; check that it is plugged in and switched on")
    raise TransportError(f"several USB scales {wanted} are there: {', '.join(paths)}; give `serial_number`, or `path` where they tell none")


SPEC = DriverSpec(
    name="scale_hid",
    config=ScaleHidConfig,
    factory=ScaleHidDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_hid.twin:HidScaleTwin",
    source="USB Implementers' Forum, HID Point of Sale Usage Tables 1.02, section 5 (Scale Usage Page 8D hex); HID 1.11, 6.2.2",
    commands=(WEIGH,),
)

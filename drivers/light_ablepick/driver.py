# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the ABLEPick driver and its SPEC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.readings import AnyReading, ConditionChanged
from drivers.base.light_driver import LightDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.events import LitTag, SupplyChanged
from drivers.light_ablepick.session import LightAblepickSession
from drivers.light_ablepick.tags import Wishes

_SUPPLY = {
    "voltage_low": "the supply of the pick lights' controller is too low; check its power pack and the length of the line",
    "voltage_high": "the supply of the pick lights' controller is too high; check its power pack",
    "system_abnormal": "the controller of the pick lights reports a fault of its own; restart it, and replace it if that does not help",
}


class LightAblepickDriver(LightDriver[LightAblepickConfig]):
    """Pick tags of one controller. `wishes` is what shall be lit, and more; it outlives connections and is stated again on each new one."""

    def __init__(self, device_id: str, config: LightAblepickConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self.wishes = Wishes()

    @property
    def lit(self) -> dict[int, LitTag]:
        """What each tag shall show."""
        return self.wishes.lit

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LightAblepickSession(self.config, self.wishes)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `LightDriver`; of an AT400 also the conditions voltage_low, voltage_high and system_abnormal."""
        if isinstance(event, SupplyChanged):
            reason = _SUPPLY[event.condition] if event.active else ""
            yield ConditionChanged(device=self.device_id, at_s=at_s, condition=event.condition, active=event.active, reason=reason)
        yield from super().readings(event, at_s)


_NODE = ArgumentSpec("node", int, "Number of the pick tag, 1-200 on port 1, 201-400 on port 2", "count")
_QUANTITY = ArgumentSpec("quantity", int, "Number to show, 0 to 999999", "count")
_COLOUR = ArgumentSpec("colour", str, "red, green, orange, blue, pink or cyan", "choice", default="green", required=False)
_FLASH = ArgumentSpec("flash", bool, "Whether it blinks", "flag", default=False, required=False)
_ON = ArgumentSpec("on", bool, "Whether the buzzer sounds", "flag")
_KEY = ArgumentSpec("key", str, "confirm or shortage", "choice")
_ENABLED = ArgumentSpec("on", bool, "Whether the key does anything", "flag")
_MODE = ArgumentSpec("mode", str, "pick, or stock: what is counted at the tag is told", "choice")
_ITEM = ArgumentSpec("item", int, "DATA[0] of sub-command 1F in the maker's manual, 4.3.20 (0 colour, 1 digits that + and - change)", "count")
_VALUE = ArgumentSpec("value", int, "DATA[1], 0 to 255", "count")
_PERMANENT = ArgumentSpec(
    "permanent", bool, "Write it to the tag's EEPROM, which wears out; a value that was written already is not written again", "flag", False, False
)
_NUMBER = ArgumentSpec("number", int, "Number that the tag shall have, 1 to 200", "count")
_SURE = ArgumentSpec("sure", bool, "true: nobody picks here now, and no other tag of this controller has that number", "flag", default=False, required=False)

SPEC = DriverSpec(
    name="light_ablepick",
    config=LightAblepickConfig,
    factory=LightAblepickDriver,
    capabilities=frozenset({"shows_quantities"}),
    twin="firmware_sims.light_ablepick.twin:AblePickTwin",
    source="ATOP, ABLEPick Pick-to-light Communication Protocol User Manual, V2.4 (2012-04-25) and V2.9 (2018-08-20)",
    commands=(
        CommandSpec("show", "Light a pick tag with a quantity", (_NODE, _QUANTITY, _COLOUR, _FLASH)),
        CommandSpec("clear", "Put a pick tag out", (_NODE,)),
        CommandSpec("buzz", "Switch a pick tag's buzzer", (_NODE, _ON)),
        CommandSpec("test", "Light all tags for a while, then show again what was lit"),
        CommandSpec("refresh", "Put everything out, then show again what shall be lit"),
        CommandSpec("press", "Do as if a key of the tag were pressed", (_NODE, _KEY)),
        CommandSpec("keys", "Switch a key of a pick tag on or off", (_NODE, _KEY, _ENABLED)),
        CommandSpec("mode", "Switch a pick tag between picking and counting stock", (_NODE, _MODE)),
        CommandSpec("identify", "Have a pick tag show its number, until `refresh`", (_NODE,)),
        CommandSpec("reset", "Restart a pick tag", (_NODE,)),
        CommandSpec("info", "Ask a pick tag for its model, firmware and settings", (_NODE,)),
        CommandSpec("configure", "Set up a pick tag, for good only if `permanent`", (_NODE, _ITEM, _VALUE, _PERMANENT)),
        CommandSpec(
            "address",
            "For integrators: all tags stop picking and show a number; the one whose confirm key is pressed within two minutes has it for good",
            (_NUMBER, _SURE),
        ),
    ),
)

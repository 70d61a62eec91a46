# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the signal tower driver and its SPEC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.readings import AnyReading, InputChanged, ReadingFailed
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.tower_patlite.config import TowerPatliteConfig
from drivers.tower_patlite.session import InputSeen, TowerFault, TowerPatliteSession, Wish


class TowerPatliteDriver(StreamDriver[TowerPatliteConfig]):
    """One tower. `wish` is what it shall show; it outlives connections and is said again on each new one."""

    def __init__(self, device_id: str, config: TowerPatliteConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self.wish = Wish()

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return TowerPatliteSession(self.config, self.wish)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A signal wire becomes InputChanged, a fault ReadingFailed of `output_<n>`, or of `tower`."""
        match event:
            case InputSeen(input=number, level=level):
                yield InputChanged(device=self.device_id, at_s=at_s, input=number, level=level)
            case TowerFault(output=output, code=code, meaning=meaning):
                quantity = f"output_{output}" if output else "tower"
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=quantity, reason=f"{meaning} (code {code})")


_OUTPUT = ArgumentSpec("output", int, "1 to 5: lamps from the top (NH, LR5: red, amber, green, blue, white); 6: buzzer", "count")

SPEC = DriverSpec(
    name="tower_patlite",
    config=TowerPatliteConfig,
    factory=TowerPatliteDriver,
    capabilities=frozenset({"switches_outputs", "senses_inputs"}),
    twin="firmware_sims.tower_patlite.twin:PatliteTwin",
    source="Patlite, Signal Tower LA6-POE Operation Manual, 5.1 (pages 31-43); NHL User Manual, 3.6 (page 27); programs of example for LA6-POE, LR5-LAN",
    commands=(
        CommandSpec("switch_output", "Switch a lamp or the buzzer", (_OUTPUT, ArgumentSpec("on", bool, "Whether it shall be on", "flag"))),
        CommandSpec(
            "set_output",
            "Give a lamp or the buzzer one of the patterns of its manual",
            (_OUTPUT, ArgumentSpec("pattern", int, "0 off; lamps 1 steady, 2 and more flashing; buzzer 1 and more", "count")),
        ),
        CommandSpec(
            "colours",
            "Give every tier a colour (LA6-POE)",
            (
                ArgumentSpec(
                    "colours", str, "Five colours from the top, with commas: off, red, yellow, lemon, green, sky_blue, blue, purple, peach, white", "text"
                ),
                ArgumentSpec("flashing", bool, "Whether they flash", "flag", default=False, required=False),
                ArgumentSpec("buzzer", int, "Pattern of the buzzer, 0 to 11", "count", default=0, required=False),
            ),
        ),
        CommandSpec(
            "smart", "Run a group of patterns that was set up in the tower (LA6-POE)", (ArgumentSpec("group", int, "Number of the group, 1 to 31", "count"),)
        ),
        CommandSpec("mute", "Silence the buzzer and leave the lamps (LA6-POE)", (ArgumentSpec("on", bool, "Whether it shall be silent", "flag"),)),
        CommandSpec("clear", "Put everything out"),
        CommandSpec("read", "Ask what the tower shows"),
    ),
)

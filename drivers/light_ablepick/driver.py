# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the ABLEPick driver and its SPEC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.readings import AnyReading, ButtonPressed, LampTestEnded, ReadingFailed
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.session import LightAblepickSession, LitTag, TagAnswered, TagFault, TagsTested


class LightAblepickDriver(StreamDriver[LightAblepickConfig]):
    """Pick tags of one controller. `lit` is what shall be lit; it outlives connections and is re-lit on each new one."""

    def __init__(self, device_id: str, config: LightAblepickConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self.lit: dict[int, LitTag] = {}

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LightAblepickSession(self.config, self.lit)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A press becomes ButtonPressed, a tag's fault ReadingFailed of `node_<n>`, the end of a lamp test LampTestEnded."""
        match event:
            case TagAnswered(node=node, press=press, quantity=quantity):
                yield ButtonPressed(device=self.device_id, at_s=at_s, node=node, press=press, quantity=quantity)
            case TagFault(node=node, code=code, meaning=meaning):
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=f"node_{node}", reason=f"{meaning} (code {code})")
            case TagsTested(dead=dead):
                yield LampTestEnded(device=self.device_id, at_s=at_s, dead=list(dead))


_NODE = ArgumentSpec("node", int, "Number of the pick tag, 1-200 on port 1, 201-400 on port 2", "count")
_QUANTITY = ArgumentSpec("quantity", int, "Number to show, 0 to 999999", "count")
_COLOUR = ArgumentSpec("colour", str, "red, green, orange, blue, pink or cyan", "choice", default="green", required=False)
_ON = ArgumentSpec("on", bool, "Whether the buzzer sounds", "flag")

SPEC = DriverSpec(
    name="light_ablepick",
    config=LightAblepickConfig,
    factory=LightAblepickDriver,
    capabilities=frozenset({"shows_quantities"}),
    twin="firmware_sims.light_ablepick.twin:AblePickTwin",
    source="ATOP, ABLEPick Pick-to-light Communication Protocol User Manual, V2.4 (2012-04-25) and V2.9 (2018-08-20)",
    commands=(
        CommandSpec("show", "Light a pick tag with a quantity", (_NODE, _QUANTITY, _COLOUR)),
        CommandSpec("clear", "Put a pick tag out", (_NODE,)),
        CommandSpec("buzz", "Switch a pick tag's buzzer", (_NODE, _ON)),
        CommandSpec("test", "Light all tags for a while, then show again what was lit"),
    ),
)

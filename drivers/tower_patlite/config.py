# SPDX-License-Identifier: Apache-2.0
"""Configuration of a Patlite signal tower."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from drivers.base.config import StreamConfig, described


class TowerPatliteConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tower_patlite"):
    """One tower. Outputs 1 to 5 are its lamps from the top (NH, LR5: red, amber, green, blue, white), output 6 is its buzzer."""

    port: Annotated[int, described("TCP port on which the tower takes PNS commands", "count", ge=0, le=65535)] = 10000
    model: Annotated[
        Literal["la6", "lr5", "nh"],
        described("la6: LA6-POE; lr5: LR5-LAN; nh: NHL, NHP, NHB, NH-FV and others of that series (product id XX)", "choice"),
    ] = "la6"
    flashing: Annotated[list[int], described("Lamps (1-5) that flash where they are switched on; the others are steady", "count")] = msgspec.field(
        default_factory=list
    )
    buzzer_pattern: Annotated[
        int, described("Sound of the buzzer where it is switched on; the tower's manual lists them (lr5 has 1 only)", "count", ge=1, le=11)
    ] = 1
    clear_on_connect: Annotated[bool, described("Put everything out on connecting, before what shall be lit is lit again", "flag")] = False
    watchdog_s: Annotated[float, described("How often the tower is asked what it shows; this also keeps the connection alive", "s", ge=0.1, le=600)] = 2.0
    reply_timeout_s: Annotated[float, described("How long it may take to answer; then the link counts as lost", "s", gt=0, le=60)] = 3.0
    restate_max: Annotated[
        int, described("How often it is told again when it shows something else, before that is reported as a fault", "count", ge=1, le=100)
    ] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(not 1 <= lamp <= 5 for lamp in self.flashing):
            raise ValueError("`flashing` names lamps by number, 1 to 5 from the top")
        most = {"la6": 11, "lr5": 1, "nh": 4}[self.model]
        if self.buzzer_pattern > most:
            raise ValueError(f"`buzzer_pattern` of model {self.model} is 1 to {most}")

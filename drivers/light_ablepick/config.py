# SPDX-License-Identifier: Apache-2.0
"""Configuration of an ATOP ABLEPick controller."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described

AT500_NODES = 200  # 4.1: tag addresses 01-C8
AT400_NODES = 30  # 3.1.2: light modules that an AT400 takes
FLASH_CODES = {"fast": 0, "medium": 2, "slow": 4}
"""4.3.9: blinking every 0.25, 0.5 and 1 second."""


class LightAblepickConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="light_ablepick"):
    """An ABLEPick controller with up to 200 tags on each of its ports."""

    port: Annotated[int, described("TCP port of the controller", "count", ge=0, le=65535)] = 4660
    controller: Annotated[
        Literal["at500", "at400"], described("Model: AT500 with up to 200 tags, AT400 with up to 30, which also watches its power supply", "choice")
    ] = "at500"
    tag_series: Annotated[
        Literal["at7xx", "at5xx"],
        described("Tags: AT7xx have six colours, AT5xx red, green and orange; blue, pink and cyan are these three there, blinking", "choice"),
    ] = "at7xx"
    ports: Annotated[Literal[1, 2], described("Tag ports in use (AT500: 1); nodes 1-200 are on port 1, 201-400 are tags 1-200 of port 2", "count")] = 1
    clear_on_connect: Annotated[bool, described("Put everything out on connecting, before what shall be lit is lit again", "flag")] = False
    watchdog_s: Annotated[float, described("How often the controller is asked which tags are connected", "s", ge=1, le=600)] = 10.0
    reply_timeout_s: Annotated[float, described("How long it may take to answer that; then the link counts as lost", "s", gt=0, le=60)] = 3.0
    press_filter_s: Annotated[float, described("A second press of the same tag within this time is a double press and is dropped", "s", ge=0, le=5)] = 0.6
    resend_delay_s: Annotated[float, described("Pause before a tag that was busy or silent is told again", "s", ge=0.02, le=10)] = 0.2
    resend_max: Annotated[int, described("How often a tag is told again before it is reported as faulty", "count", ge=1, le=100)] = 5
    stuck_after_s: Annotated[float, described("A key that is held down for so long is reported as stuck, and its tag as faulty", "s", gt=0, le=600)] = 5.0
    editable_digits: Annotated[
        int,
        described("Digits that the keys + and - may change, as the sum of 1 (rightmost), 2, 4, 8, 16; 0: none; -1: as the tags are set", "count", ge=-1, le=31),
    ] = -1
    flash_interval: Annotated[Literal["fast", "medium", "slow"], described("How fast a lamp blinks: every 0.25, 0.5 or 1 s", "choice")] = "medium"
    last_node: Annotated[
        int,
        described("Highest tag number that the controller has to ask; the fewer, the quicker. 0: as the controller is set", "count", ge=0, le=200),
    ] = 0
    lamp_test_s: Annotated[float, described("How long the command `test` lights everything", "s", gt=0, le=60)] = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.controller == "at400" and (self.ports > 1 or self.last_node > AT400_NODES):
            raise ValueError(f"an AT400 has one port with up to {AT400_NODES} tags; set `ports` to 1 and `last_node` to at most {AT400_NODES}")

    @property
    def nodes_per_port(self) -> int:
        """How many tags there may be on a port."""
        return AT400_NODES if self.controller == "at400" else AT500_NODES

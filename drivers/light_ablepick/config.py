# SPDX-License-Identifier: Apache-2.0
"""Configuration of an ATOP ABLEPick controller."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class LightAblepickConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="light_ablepick"):
    """An ABLEPick controller with up to 200 tags on each of its ports."""

    port: Annotated[int, described("TCP port of the controller", "count", ge=0, le=65535)] = 4660
    ports: Annotated[Literal[1, 2], described("Tag ports in use (AT500: 1); nodes 1-200 are on port 1, 201-400 are tags 1-200 of port 2", "count")] = 1
    clear_on_connect: Annotated[bool, described("Put everything out on connecting, before what shall be lit is lit again", "flag")] = False
    watchdog_s: Annotated[float, described("How often the controller is asked which tags are connected", "s", ge=1, le=600)] = 10.0
    reply_timeout_s: Annotated[float, described("How long it may take to answer that; then the link counts as lost", "s", gt=0, le=60)] = 3.0
    press_filter_s: Annotated[float, described("A second press of the same tag within this time is a double press and is dropped", "s", ge=0, le=5)] = 0.6
    resend_delay_s: Annotated[float, described("Pause before a tag that was busy or silent is told again", "s", ge=0.02, le=10)] = 0.2
    resend_max: Annotated[int, described("How often a tag is told again before it is reported as faulty", "count", ge=1, le=100)] = 5
    lamp_test_s: Annotated[float, described("How long the command `test` lights everything", "s", gt=0, le=60)] = 2.0

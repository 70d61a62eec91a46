# SPDX-License-Identifier: Apache-2.0
"""Configuration of an MT-SICS scale."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class ScaleSicsConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_sics"):
    """A scale with the MT-SICS command set, level 0 and 1; of the higher levels SNR, UPD and PW are used where it has them."""

    mode: Annotated[
        Literal["stream", "poll", "on_change"],
        described("Weights by themselves, about 10/s (SIR); or asked for one by one (SI); or told when they change (SR), for lines that are shared", "choice"),
    ] = "stream"
    interval_s: Annotated[float, described("Time from one question to the next in mode poll", "s", ge=0.02, le=60)] = 0.2
    rate_hz: Annotated[
        float, described("Weights a second in mode stream, where the scale lets that be set (UPD); 0: as it is set there", "Hz", ge=0, le=100)
    ] = 0.0
    change: Annotated[
        str,
        described(
            "Mode on_change: least change that is told, with the unit that the scale shows, like `0.05 kg`; empty: the scale's own, 12.5 %",
            "text",
            pattern=r"^([0-9]+(\.[0-9]+)? [A-Za-z]+)?$",
        ),
    ] = ""
    refresh_s: Annotated[float, described("Mode on_change: after so long without a change the weight is asked for again", "s", gt=0, le=3600)] = 10.0
    dialect: Annotated[
        Literal["mettler", "radwag"], described("Whose commands and letters: with radwag `Z A` is not yet done and no letter means stable", "choice")
    ] = "mettler"
    reply_timeout_s: Annotated[float, described("How long the scale may take to answer before the link counts as lost", "s", gt=0, le=60)] = 2.0
    stability_timeout_s: Annotated[
        float, described("How long zero, tare and weigh wait for the load to rest; not less than the scale's own setting", "s", gt=0, le=120)
    ] = 10.0
    stale_after_s: Annotated[float, described("After so long without a weight or its state, the last one counts as stale; 0: never", "s", ge=0, le=3600)] = 15.0
    tare_check_s: Annotated[float, described("Time between questions for the tare, which tells net from gross; 0 for never", "s", ge=0, le=3600)] = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "on_change" and self.dialect == "radwag":
            raise ValueError("`mode` on_change needs SR, which Radwag's scales do not have; use stream or poll")
        slowest_s = {"stream": self.reply_timeout_s, "poll": self.interval_s, "on_change": self.refresh_s}[self.mode]
        if self.stale_after_s and self.stale_after_s <= slowest_s:
            raise ValueError(f"`stale_after_s` must be more than {slowest_s:g} s, the longest that a healthy scale is silent in this mode; or 0 for never")

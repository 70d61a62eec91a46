# SPDX-License-Identifier: Apache-2.0
"""Configuration of an MT-SICS scale."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class ScaleSicsConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_sics"):
    """A scale with the MT-SICS command set, level 0 and 1."""

    mode: Annotated[Literal["stream", "poll"], described("Weights by themselves, about 10/s (SIR), or asked for one by one (SI)", "choice")] = "stream"
    interval_s: Annotated[float, described("Time from one question to the next in mode poll", "s", ge=0.02, le=60)] = 0.2
    dialect: Annotated[Literal["mettler", "radwag"], described("Whose letters: with radwag `Z A` is not yet done and no letter means stable", "choice")] = (
        "mettler"
    )
    reply_timeout_s: Annotated[float, described("How long the scale may take to answer before the link counts as lost", "s", gt=0, le=60)] = 2.0
    stability_timeout_s: Annotated[
        float, described("How long zero, tare and weigh wait for the load to rest; not less than the scale's own setting", "s", gt=0, le=120)
    ] = 10.0
    tare_check_s: Annotated[float, described("Time between questions for the tare, which tells net from gross; 0 for never", "s", ge=0, le=3600)] = 5.0

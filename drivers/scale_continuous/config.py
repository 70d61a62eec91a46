# SPDX-License-Identifier: Apache-2.0
"""Configuration of an indicator with Toledo's continuous output."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class ScaleContinuousConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_continuous"):
    """An indicator that sends 10 to 20 frames a second; 9600 baud 7E1 when nobody set it otherwise. It is not asked: `interval_s` has no use here."""

    parity: Annotated[Literal["N", "E", "O"], described("Serial parity: none, even, odd", "choice")] = "E"
    data_bits: Annotated[Literal[7, 8], described("Serial data bits", "count")] = 7
    checksum: Annotated[
        Literal["auto", "on", "off"], described("Whether a checksum follows each frame; auto finds out. With on, what does not add up is dropped", "choice")
    ] = "auto"
    layout: Annotated[
        Literal["auto", "long", "short", "cardinal"],
        described("With tare (long), without (short), or with > before the tare (cardinal); auto finds out", "choice"),
    ] = "auto"
    fixed_zeros: Annotated[
        Literal["sent", "left_out"],
        described("Scales with steps of 10 and more: whether the last digits, which are always 0, stand in the frame. Compare with the display", "choice"),
    ] = "sent"
    command_end: Annotated[Literal["none", "cr_lf"], described("What follows a command letter; IND445 and Kern want CR LF", "choice")] = "none"

# SPDX-License-Identifier: Apache-2.0
"""Configuration of an 8213/8217 scale."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class Scale8217Config(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_8217"):
    """A scale that answers the letter W; 9600 baud 7E1 when nobody set it otherwise. It sends no unit: give `default_unit`, or nothing is recorded."""

    parity: Annotated[Literal["N", "E", "O"], described("Serial parity: none, even, odd", "choice")] = "E"
    data_bits: Annotated[Literal[7, 8], described("Serial data bits", "count")] = 7
    ends_commands: Annotated[bool, described("Send CR behind W, Z and H too; most scales want the bare letter", "flag")] = False

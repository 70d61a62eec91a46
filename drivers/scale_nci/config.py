# SPDX-License-Identifier: Apache-2.0
"""Configuration of an NCI / SCP-01 scale."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class ScaleNciConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_nci"):
    """A scale that answers W, S, Z and T as NCI's general protocol SCP-01 says; its lines are 9600 baud 7E1 when nobody set them otherwise."""

    parity: Annotated[Literal["N", "E", "O"], described("Serial parity: none, even, odd", "choice")] = "E"
    data_bits: Annotated[Literal[7, 8], described("Serial data bits", "count")] = 7

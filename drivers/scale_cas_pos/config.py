# SPDX-License-Identifier: Apache-2.0
"""Configuration of a CAS counter scale."""

from __future__ import annotations

from drivers.base.weighing import ScaleConfig


class ScaleCasPosConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_cas_pos"):
    """A counter scale whose serial output is set to the register type ENQ, ACK, DC1 (PD-II: type 6, ER-670)."""

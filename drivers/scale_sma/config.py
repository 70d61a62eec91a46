# SPDX-License-Identifier: Apache-2.0
"""Configuration of an SMA scale."""

from __future__ import annotations

from typing import Annotated

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class ScaleSmaConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_sma"):
    """A scale with the protocol SMA SCP-0499, level 1 or 2."""

    asks_about: Annotated[bool, described("Ask once who the scale is (A, B); some scales of level 1 are silent to that", "flag")] = True

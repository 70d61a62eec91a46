# SPDX-License-Identifier: Apache-2.0
"""Configuration of a scale whose output is a line of text."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class ScaleLinesConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_lines"):
    """A scale by its map. Settings of the line that are not given are those of the map, which are what the maker delivers."""

    map: Annotated[
        str,
        described(
            "Map of the make: and_18, cas_10, dini_ext, kern_fkb, kern_gs, ohaus_ranger, sartorius_sbi, or the path of a map file of your own (.toml)",
            "name",
            min_length=1,
        ),
    ]
    request: Annotated[Literal["map", "none"], described("`none`: the scale is set to send by itself, it is not asked, whatever the map says", "choice")] = (
        "map"
    )
    baud_rate: Annotated[int, described("Serial speed; 0: as in the map", "baud", ge=0, le=4_000_000)] = 0
    parity: Annotated[Literal["", "N", "E", "O"], described("Serial parity: none, even, odd; empty: as in the map", "choice")] = ""  # type: ignore[assignment]
    data_bits: Annotated[Literal[0, 7, 8], described("Serial data bits; 0: as in the map", "count")] = 0  # type: ignore[assignment]
    stop_bits: Annotated[Literal[0, 1, 2], described("Serial stop bits; 0: as in the map", "count")] = 0  # type: ignore[assignment]

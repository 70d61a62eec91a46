# SPDX-License-Identifier: Apache-2.0
"""What one advertisement says, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """`values` by quantity; `failed`: quantity, code of the maker's document, reason. `sequence` tells repetitions apart; None: the format has none.

    `contacts` and `buttons` by name and number; `battery_low` None: not told. `identity`: the address in the data. `sleepy`: it tells something only when
    something happens.
    """

    format: str
    values: tuple[tuple[str, float], ...] = ()
    failed: tuple[tuple[str, str, str], ...] = ()
    sequence: int | None = None
    contacts: tuple[tuple[str, bool], ...] = ()
    buttons: tuple[tuple[int, str], ...] = ()
    battery_low: bool | None = None
    battery_pct: float | None = None
    identity: str = ""
    sleepy: bool = False

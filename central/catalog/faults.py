# SPDX-License-Identifier: Apache-2.0
"""What is wrong with one row of many."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class RowFault:
    """What is wrong in a row, by the number that its sender gave it. `column` is empty when the whole row is meant; `code` is stable."""

    row: int
    column: str
    code: str
    message: str

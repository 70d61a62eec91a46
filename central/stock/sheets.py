# SPDX-License-Identifier: Apache-2.0
"""Stock as a spreadsheet."""

from __future__ import annotations

from central.sheets.registry import SheetKind
from central.stock.opening import plan_opening
from central.stock.opening_posting import undo_opening
from central.stock.opening_rules import OpeningRow, repeated_rows

SHEETS = [SheetKind("stock", "Opening stock", "期初库存", OpeningRow, repeated_rows, plan_opening, undo_opening)]
"""Lists of stock that come from spreadsheets."""

# SPDX-License-Identifier: Apache-2.0
"""CSV as spreadsheets write it: UTF-8 with or without a mark, or GB18030; comma, semicolon or tab; English or Chinese headings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from central.catalog.faults import RowFault as SheetError
from central.catalog.rules import Row, repeated

SHEET_BYTES_MAX = 16 << 20
"""A larger file is refused: about 200 000 items."""

HEADINGS_ZH = {
    "编码": "code",
    "条码": "gtin",
    "商品条码": "gtin",
    "名称": "name",
    "中文名称": "name_zh",
    "单位": "uom",
    "单重克": "unit_weight_g",
    "保质期天数": "shelf_life_days",
    "储存条件": "condition",
    "供应商": "supplier",
    "仓库": "site",
    "类型": "kind",
    "库区": "zone",
    "拣货顺序": "pick_rank",
    "冷库": "cold_room",
    "网关": "gateway",
    "工位": "station",
    "库位": "location",
    "商品": "item",
    "最小库存": "minimum",
    "最大库存": "maximum",
}


@dataclass(frozen=True)
class Sheet:
    """What could be read: the rows with their numbers, and everything that is wrong."""

    rows: tuple[tuple[int, Row], ...]
    errors: tuple[SheetError, ...]


class SheetUnreadableError(ValueError):
    """The file as a whole cannot be read; the message says why and what to do."""


def decode_text(data: bytes) -> str:
    """The text of a spreadsheet's file. UTF-8 is tried first: hardly any GB18030 text is valid UTF-8 by accident.

    Raises: SheetUnreadableError: too large, or neither encoding.
    """
    if len(data) > SHEET_BYTES_MAX:
        raise SheetUnreadableError(f"file of {len(data)} bytes is over {SHEET_BYTES_MAX}; split it")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetUnreadableError("file is neither UTF-8 nor GB18030; save it as 'CSV UTF-8'")


def read_sheet(data: bytes, kind: type[Row]) -> Sheet:
    """Read rows of one kind, with every error of every row.

    Raises: SheetUnreadableError: no text, no heading, or columns that the kind does not know.
    """
    reader = csv.reader(io.StringIO(decode_text(data), newline=""), delimiter=_delimiter(data))
    try:
        lines = list(reader)
    except csv.Error as error:
        raise SheetUnreadableError(f"line {reader.line_num} is no CSV: {error}") from error
    if not lines:
        raise SheetUnreadableError("file is empty; the first row must name the columns")
    columns = _columns(lines[0], kind)
    return _check(lines[1:], columns, kind)


def _delimiter(data: bytes) -> str:
    heading = data.split(b"\n", 1)[0]
    return max((b",", b";", b"\t"), key=heading.count).decode()


def _columns(heading: Sequence[str], kind: type[Row]) -> list[str]:
    columns = [HEADINGS_ZH.get(name.strip(), name.strip().lower()) for name in heading]
    known = list(kind.model_fields)
    unknown = [heading[index] for index, name in enumerate(columns) if name not in known]
    if unknown:
        raise SheetUnreadableError(f"columns {', '.join(map(repr, unknown))} are not known; known are {', '.join(known)}")
    needed = [name for name, field in kind.model_fields.items() if field.is_required() and name not in columns]
    if needed:
        raise SheetUnreadableError(f"columns {', '.join(needed)} are missing")
    if len(set(columns)) != len(columns):
        raise SheetUnreadableError(f"a column stands twice in {', '.join(columns)}")
    return columns


def _check(lines: Sequence[Sequence[str]], columns: list[str], kind: type[Row]) -> Sheet:
    rows: list[tuple[int, Row]] = []
    errors: list[SheetError] = []
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            errors.append(SheetError(number, "", "cells_too_many", f"{len(cells)} cells under {len(columns)} headings"))
            continue
        try:
            rows.append((number, kind.model_validate({name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()})))
        except ValidationError as error:
            errors.extend(_errors_of(number, error))
    twice = repeated([row for _, row in rows])
    errors.extend(SheetError(rows[index][0], "", "repeated", text) for index, text in twice.items())
    return Sheet(tuple(rows), tuple(sorted(errors, key=lambda each: (each.row, each.column))))


def _errors_of(number: int, error: ValidationError) -> list[SheetError]:
    return [
        SheetError(number, str(each["loc"][0]) if each["loc"] else "", each["type"], each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False)
    ]

# SPDX-License-Identifier: Apache-2.0
"""Lists as files: CSV that Excel opens in Chinese, and Excel workbooks. Both are written row by row and never held whole."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import IO, Any, Literal, cast

from central.sheets.rules import heading

Format = Literal["csv", "xlsx"]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
XLSX_ROWS_MAX = 1_048_575
"""Excel's rows without the heading."""
_SPOOLED_BYTES = 4 << 20
_LETTERS_EXACT_MAX = 10**15
"""Excel keeps 15 digits of a number; longer ones are written as text."""


class ListTooLongError(ValueError):
    """More rows than the format holds."""


def write_list(kind: Format, columns: Sequence[str], rows: Iterable[Sequence[Any]], language: str = "en", remarks: Iterable[Sequence[str]] = ()) -> IO[bytes]:
    """A list as a file, open at its beginning; `remarks` are lines under the heading that imports leave out.

    Raises: ListTooLongError: Excel does not hold so many rows.
    """
    headings = [heading(column, language) for column in columns]
    file = cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES))  # noqa: SIM115  # the response closes it
    if kind == "csv":
        _write_csv(file, headings, remarks, rows)
    else:
        _write_workbook(file, headings, remarks, rows)
    file.seek(0)
    return file


def _write_csv(file: IO[bytes], headings: Sequence[str], remarks: Iterable[Sequence[str]], rows: Iterable[Sequence[Any]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(remarks)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)
    text.flush()
    text.detach()


def _csv_cell(value: Any) -> Any:
    said = _plain(value)
    # A cell that a spreadsheet would take for a formula could run a command of whoever wrote the name.
    return f"'{said}" if isinstance(said, str) and said[:1] in ("=", "+", "-", "@") else said


def _plain(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case int() | float() | str():
            return value
        case list() | tuple():
            return " ".join(str(each) for each in value)
    return str(value)


def _write_workbook(file: IO[bytes], headings: Sequence[str], remarks: Iterable[Sequence[str]], rows: Iterable[Sequence[Any]]) -> None:
    import xlsxwriter

    workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "in_memory": False})
    sheet = workbook.add_worksheet("list")
    bold, day = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "yyyy-mm-dd"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(0, len(headings) - 1), 16)
    for column, text in enumerate(headings):
        sheet.write_string(0, column, text, bold)
    number = 0
    for number, row in enumerate((*remarks,), start=1):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text)
    for line, row in enumerate(rows, start=number + 1):
        if line > XLSX_ROWS_MAX:
            workbook.close()
            raise ListTooLongError(f"Excel holds {XLSX_ROWS_MAX} rows; take CSV, or fewer rows by a filter")
        for column, value in enumerate(row):
            _write_cell(sheet, line, column, value, day)
    workbook.close()


def _write_cell(sheet: Any, line: int, column: int, value: Any, day: Any) -> None:
    if type(value) is date:
        sheet.write_datetime(line, column, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001  # a day has no zone
    elif type(value) in (int, float) and abs(value) < _LETTERS_EXACT_MAX:
        sheet.write_number(line, column, value)
    elif (said := _plain(value)) != "":
        sheet.write_string(line, column, str(said))

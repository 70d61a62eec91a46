# SPDX-License-Identifier: Apache-2.0
"""Files as spreadsheets write them, as lines of cells: CSV in UTF-8 or GB18030 with comma, semicolon or tab, and Excel workbooks (.xlsx).

A file from outside may be made to hurt: a workbook is refused before it is opened if it would unpack to more than it is worth.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from central.sheets.rules import SheetUnreadableError

SHEET_BYTES_MAX = 16 << 20
"""A larger file is refused: about 200 000 items."""
UNPACKED_BYTES_MAX = 256 << 20
ROWS_MAX = 200_000
COLUMNS_MAX = 200
CELLS_MAX = 4_000_000
CELL_TEXT_MAX = 2000
"""Characters of a cell; no column takes more."""
_TEXT_BUDGET = 1 << 30
_MEMBERS_MAX = 1000
_XLSX = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,4})?([0-9]{1,10})["']""")
_TAGS_OF_A_CELL = 4
"""`<c t="s"><v>1</v></c>` has so many; fewer say no text."""

Line = tuple[int, list[str]]
"""A line by its number as a spreadsheet shows it, with its cells."""


def read_lines(data: bytes) -> tuple[list[str], list[Line]]:
    """The heading and the lines with text below it. Raises: SheetUnreadableError."""
    if len(data) > SHEET_BYTES_MAX:
        raise SheetUnreadableError(f"file of {len(data)} bytes is over {SHEET_BYTES_MAX}; split it")
    if data.startswith(_OLD_EXCEL):
        raise SheetUnreadableError("file is an old or an encrypted Excel workbook; save it as .xlsx without a password, or as CSV")
    lines = list(_workbook_lines(data) if data.startswith(_XLSX) else _text_lines(data))
    if not lines or lines[0][0] != 1:
        raise SheetUnreadableError("file is empty; the first row must name the columns" if not lines else "the first row must name the columns; it is empty")
    return _trimmed(lines[0][1]), lines[1:]


def _trimmed(heading: list[str]) -> list[str]:
    while heading and not heading[-1]:
        heading = heading[:-1]
    return heading


def decode_text(data: bytes) -> str:
    """The text of a CSV file. UTF-8 is tried first: hardly any GB18030 text is valid UTF-8 by accident. Raises: SheetUnreadableError."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetUnreadableError("file is neither UTF-8 nor GB18030; save it as 'CSV UTF-8'")


def _text_lines(data: bytes) -> Iterator[Line]:
    heading = data.split(b"\n", 1)[0]
    delimiter = max((b",", b";", b"\t"), key=heading.count).decode()
    reader = csv.reader(io.StringIO(decode_text(data), newline=""), delimiter=delimiter)
    try:
        yield from _counted(reader)
    except csv.Error as error:
        raise SheetUnreadableError(f"line {reader.line_num} is no CSV: {error}") from error


def _counted(rows: Any) -> Iterator[Line]:
    for number, cells in enumerate(rows, start=1):
        if number > ROWS_MAX + 1:
            raise SheetUnreadableError(f"file has more than {ROWS_MAX} rows; split it")
        texts = [cell_text(cell) for cell in cells]
        if any(texts) or number == 1:
            yield number, texts


def cell_text(value: Any) -> str:
    """What a cell says, as a person would type it."""
    match value:
        case str():
            text = value.strip()
            # Exports put an apostrophe before what a spreadsheet would take for a formula.
            return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("minutes")
        case timedelta():
            return f"{int(value.total_seconds()) // 3600:02d}:{int(value.total_seconds()) // 60 % 60:02d}"
    return "" if value is None else str(value)


def _workbook_lines(data: bytes) -> Iterator[Line]:
    _check_workbook(data)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet = workbook.get_sheet_by_index(0)
        rows: Sequence[Sequence[Any]] = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise SheetUnreadableError(f"file is no Excel workbook that can be read ({error}); save it as .xlsx or CSV") from error
    yield from _counted(rows)


def _check_workbook(data: bytes) -> None:
    """Raises: SheetUnreadableError: damaged, or larger inside than a list of goods can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > _MEMBERS_MAX or len(set(names)) != len(names):
                raise SheetUnreadableError("workbook has too many parts; save only the list as .xlsx")
            left, cells, longest = UNPACKED_BYTES_MAX, 0, 0
            for name in names:
                part = _unpacked(archive, name, left)
                left -= len(part)
                if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".xml"):
                    cells = max(cells, part.count(b"<") // _TAGS_OF_A_CELL)
                    _check_area(part)
                if name.lower().endswith("sharedstrings.xml"):
                    longest = max((len(text) for text in part.split(b"<si")), default=0)
            if cells > CELLS_MAX or (cells * longest > _TEXT_BUDGET and longest > CELL_TEXT_MAX):
                raise SheetUnreadableError("workbook has too many cells or too long texts; split it")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise SheetUnreadableError(f"workbook is damaged or encrypted ({error}); save it anew as .xlsx") from error


def _unpacked(archive: zipfile.ZipFile, name: str, left: int) -> bytes:
    # What the archive says about its sizes need not be true: what really comes out is counted.
    with archive.open(name) as member:
        part = member.read(left + 1)
    if len(part) > left:
        raise SheetUnreadableError(f"workbook unpacks to more than {UNPACKED_BYTES_MAX} bytes; split it")
    return part


def _check_area(part: bytes) -> None:
    """A cell far out makes the reader fill all the cells before it."""
    for column, row in _REFERENCE.findall(part):
        if int(row) > ROWS_MAX + 1 or (len(column) > 1 and _column_number(column) > COLUMNS_MAX):
            raise SheetUnreadableError(
                f"workbook has a cell at {(column + row).decode()}; at most {ROWS_MAX} rows and {COLUMNS_MAX} columns, delete the others"
            )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number

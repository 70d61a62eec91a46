# SPDX-License-Identifier: Apache-2.0
"""A spreadsheet as rows of a kind."""

from __future__ import annotations

from pydantic import BaseModel

from central.sheets.cells import read_lines
from central.sheets.rules import Repeated, Sheet, check_rows, columns_meant


def read_sheet(data: bytes, model: type[BaseModel], repeated: Repeated) -> Sheet:
    """Read rows of one kind, with every error of every row; a line that begins with # in its first cell is a remark.

    Raises: SheetUnreadableError: no text, no heading, or columns that the kind does not know.
    """
    headings, lines = read_lines(data)
    columns = columns_meant(headings, model)
    return check_rows((line for line in lines if not line[1][0].startswith("#")), columns, model, repeated)

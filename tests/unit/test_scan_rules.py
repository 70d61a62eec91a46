# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from central.shipping.scan_rules import LINES_MAX, SERIALS_MAX, Line, ScanList, fitting
from contracts import wire
from contracts.commands import ScanLine, ScanWork

pytestmark = pytest.mark.requirement("E13")


def listed(lines: int, serials: int) -> ScanList:
    """So many lines that share so many serials of 20 characters, the longest that a label can say."""
    named = tuple(f"{number:020}" for number in range(serials // lines))
    return ScanList(
        tuple(Line(f"{number:036}", {f"{number:014}": 1, f"{number:013}": 12}, 24, "L" * 20, named, 0, 0, f"{number:036}") for number in range(lines))
    )


@pytest.mark.parametrize("said", [listed(LINES_MAX, SERIALS_MAX), listed(LINES_MAX, 200 * LINES_MAX), listed(1, 1)])
def test_list_that_names_no_more_than_it_may_fits_into_a_message(said: ScanList) -> None:
    lines = fitting(said).lines
    assert lines is not None
    expected = [ScanLine(line=each.line, codes=dict(each.codes), quantity=each.quantity, lot=each.lot, serials=list(each.serials)) for each in lines]
    work = ScanWork(command_id="scans:s:p:1", station="p", deadline_at=datetime(2026, 11, 22, tzinfo=UTC), version=1, expected=expected)

    assert len(wire.encode(work)) < wire.MESSAGE_BYTES_MAX
    assert len(lines) == said.size


def test_too_many_serials_are_not_named_and_too_many_lines_are_not_checked() -> None:
    assert fitting(listed(10, SERIALS_MAX)) == listed(10, SERIALS_MAX)
    assert {line.serials for line in fitting(listed(10, SERIALS_MAX + 10)).lines or ()} == {()}
    assert fitting(listed(LINES_MAX + 1, 0)).lines is None

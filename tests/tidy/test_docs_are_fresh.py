# SPDX-License-Identifier: Apache-2.0
"""What is generated from the code says what the code says now."""

from __future__ import annotations

import pytest

from tools import docs, requirement_pages
from tools.markdown import between, table

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", sorted(docs.generated()))
def test_generated_file_is_fresh(path: str) -> None:
    assert not docs.stale(path), f"{path} is stale; run: make docs"


def test_tests_name_only_rows_that_the_requirements_have() -> None:
    assert requirement_pages.unknown_marks() == []


def test_requirements_are_numbered_without_holes() -> None:
    names = [row.name for row in requirement_pages.rows()]

    for letter in ("R", "E", "X"):
        numbers = [int(name[1:]) for name in names if name.startswith(letter)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_table_escapes_what_would_break_a_row() -> None:
    assert table(["a"], [["x|y\nz"]]) == "| a |\n|---|\n| x\\|y z |\n"


def test_marked_part_is_replaced_and_the_rest_is_kept() -> None:
    assert between("a <!-- m -->old<!-- /m --> b", "m", "new") == "a <!-- m -->\n\nnew\n\n<!-- /m --> b"


def test_missing_marker_is_an_error_rather_than_a_silent_loss() -> None:
    with pytest.raises(ValueError, match="markers"):
        between("nothing here", "m", "new")

# SPDX-License-Identifier: Apache-2.0
"""The numbers of the READMEs are those of the last measurement."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tidy.tree import ROOT
from tools import bench_table

_MARKERS = "<!-- devices -->\n<!-- /devices -->\n<!-- thingsboard -->\n<!-- /thingsboard -->\n<!-- field -->\n<!-- /field -->\n"


@pytest.mark.parametrize("name", bench_table.READMES)
def test_readme_shows_what_was_measured_last(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert bench_table.filled(text, name, bench_table.reports()) == text, f"{name} is stale; run: python -m tools.bench_table"


def test_what_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "uplink.json").write_text(json.dumps({"results": {"worst": {"noticed_s": 2.41}, "medians": {"samples": {"noticed_s": 2.2}}}}), encoding="utf-8")

    text = bench_table.filled(_MARKERS, "README.md", bench_table.reports(tmp_path))

    assert "| a silent line is noticed after, median / worst | 2.2 / 2.4 s |" in text
    assert "| the backlog of temperatures is sent at | not measured yet |" in text


def test_cell_in_chinese_has_chinese_units() -> None:
    measured = {"uplink": {"outage": 2.41, "count": 1234}}

    assert bench_table.cell("{uplink.outage} s; {uplink.count:9} events", measured, 0) == "2.4 s; 1 234 events"
    assert bench_table.cell("{uplink.outage} s; {uplink.count:9} events", measured, 1) == "2.4 秒；1 234 个事件"


def test_no_english_word_is_left_in_a_chinese_cell() -> None:
    cells = [cell for rows in (bench_table.DEVICES, bench_table.THINGSBOARD, bench_table.FIELD, bench_table.STORED) for row in rows for cell in row.cells]
    measured = _every_number(cells)

    left = [word for cell in cells for word in re.findall(r"[A-Za-z]+", bench_table.cell(cell, measured, 1))]

    assert set(left) == {"GB", "MiB", "TCP", "biip"}


def _every_number(cells: Sequence[str]) -> dict[str, Any]:
    """Reports in which each number that the cells name is 1."""
    measured: dict[str, Any] = {}
    for path in re.findall(r"\{([^}:]+)", " ".join(cells)):
        *groups, name = path.split(".")
        group = measured
        for each in groups:
            group = group.setdefault(each, {})
        group[name] = 1
    return measured


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (16024.262, 2, "16 000"),
        (1000, 9, "1 000"),
        (30.0, 2, "30"),
        (0.062, 2, "0.062"),
        (348, 4, "348"),
        (1234567.8, 2, "1 200 000"),
        (99.6, 2, "100"),
        (0, 2, "0"),
    ],
)
def test_figure_has_so_many_digits_that_count(value: float, digits: int, shown: str) -> None:
    assert bench_table.figure(float(value), digits) == shown

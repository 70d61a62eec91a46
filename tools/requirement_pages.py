# SPDX-License-Identifier: Apache-2.0
"""Which rows of docs/requirements.md a test shows to work: the coverage page and the tables of both READMEs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from tools import source_scan
from tools.markdown import page, table

SOURCE = source_scan.ROOT / "docs" / "requirements.md"
_CHINESE_SECTIONS = {
    "Purchasing and inbound": "采购与入库",
    "Storage and stock control": "储存与库存管理",
    "Counting": "盘点",
    "Orders and outbound": "订单与出库",
    "Stores, replenishment, forecast": "门店、补货与预测",
    "Cold chain, IoT, automation": "冷链、物联网与自动化",
    "Platform": "平台",
    "The edge": "现场设备与网关",
    "What users expect without being asked": "用户不说也期待的功能",
}


@dataclass(frozen=True)
class Row:
    """One row of the requirements, e.g. R49, within its section."""

    name: str
    text: str
    section: str


def rows() -> list[Row]:
    """All rows in the order of the document."""
    found: list[Row] = []
    section = ""
    for line in SOURCE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = re.sub(r"^[A-Z]\. ", "", line[3:])
        elif match := re.match(r"- \*\*([A-Z]\d+)\*\* (.+)", line):
            found.append(Row(match.group(1), match.group(2), section))
    return found


def coverage_page() -> str:
    """docs/reference/requirements.md."""
    marks = source_scan.requirement_marks()
    known = rows()
    shown = [row for row in known if row.name in marks]
    introduction = (
        f"{len(shown)} of {len(known)} rows of [the requirements](../requirements.md) are named by at least one test. A named row is not always finished: "
        "the tests say how far it goes."
    )
    covered = table(["row", "what", "shown by"], [(row.name, row.text, _shown_by(marks[row.name])) for row in shown])
    missing = table(["row", "what"], [(row.name, row.text) for row in known if row.name not in marks])
    return page("Requirement coverage", introduction, [("Rows with tests", covered), ("Rows without a test yet", missing)])


def _shown_by(tests: Iterable[str]) -> str:
    """The names of tests as the sentences that they are, by their files."""
    by_file: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        by_file.setdefault(file, []).append(name.removeprefix("test_").replace("_", " "))
    return "<br>".join(f"`{file}`: {'; '.join(names)}" for file, names in by_file.items())


def readme_table() -> str:
    """The table of README.md: rows that a test names, by section."""
    marks = source_scan.requirement_marks()
    known = rows()
    count = f"{sum(row.name in marks for row in known)} of {len(known)} rows are named by tests "
    count += "([which tests](docs/reference/requirements.md), [all rows](docs/requirements.md)). "
    count += "A test names a row when it shows some of it; few rows are whole yet."
    return f"{count}\n\n{table(['part', 'named / all', 'rows'], _by_section(known, marks))}"


def readme_table_chinese() -> str:
    """The table of README.zh-CN.md."""
    lines = [(_CHINESE_SECTIONS.get(section, section), count, names) for section, count, names in _by_section(rows(), source_scan.requirement_marks())]
    links = "[哪些测试](docs/reference/requirements.md)，[全部条目](docs/requirements.md)（英文）。测试只证明条目的一部分，完整的还很少："
    return f"{links}\n\n{table(['部分', '有测试 / 全部', '条目'], lines)}"


def _by_section(known: Iterable[Row], marks: Container[str]) -> list[tuple[str, str, str]]:
    sections: dict[str, list[str]] = {}
    for row in known:
        sections.setdefault(row.section, []).append(row.name)
    shown = {section: [name for name in members if name in marks] for section, members in sections.items()}
    return [(section, f"{len(names)} / {len(sections[section])}", ", ".join(names)) for section, names in shown.items() if names]


def unknown_marks() -> list[str]:
    """Rows that tests name and the document does not have."""
    return sorted(set(source_scan.requirement_marks()) - {row.name for row in rows()})

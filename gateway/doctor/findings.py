# SPDX-License-Identifier: Apache-2.0
"""Findings: one thing that is wrong, where, and what to do. The sentences stand in sentences.toml, in English and Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

Level = Literal["red", "yellow", "ok"]
Language = Literal["en", "zh"]
_ORDER: tuple[Level, ...] = ("red", "yellow", "ok")
_MARKS: dict[Level, dict[Language, str]] = {
    "red": {"en": "RED   ", "zh": "严重"},
    "yellow": {"en": "YELLOW", "zh": "注意"},
    "ok": {"en": "ok    ", "zh": "正常"},
}


class Finding(NamedTuple):
    """One thing. `code` names its sentence, `where` the part or device, `values` fill the sentence."""

    code: str
    where: str
    values: dict[str, Any]

    @property
    def level(self) -> Level:
        """How bad it is: red needs somebody now, yellow soon."""
        level: Level = _sentences()[self.code]["level"]
        return level

    def sentence(self, language: Language = "en") -> str:
        """What is wrong and what to do."""
        entry = _sentences()[self.code]
        return "; ".join(entry[key].format(**self.values) for key in (language, f"{language}_do") if entry.get(key))


def finding(code: str, where: str, **values: Any) -> Finding:
    """A finding. Raises: KeyError: it has no sentence."""
    _sentences()[code]
    return Finding(code, where, values)


@cache
def _sentences() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))


def codes() -> list[str]:
    """All codes, the most important first: as they stand in the file."""
    return list(_sentences())


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The most important first: by level, then as the sentences stand in their file."""
    ranks = {code: rank for rank, code in enumerate(_sentences())}
    return sorted(findings, key=lambda each: (_ORDER.index(each.level), ranks[each.code], each.where))


def line_of(each: Finding, language: Language) -> str:
    """One line for a person."""
    return f"{_MARKS[each.level][language]} {each.where}: {each.sentence(language)}"

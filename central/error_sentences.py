# SPDX-License-Identifier: Apache-2.0
"""What an error says, in Chinese with its values, for all errors that can reach a page. The sentences stand in error_sentences.toml.

An error's English sentence is kept as it was raised (on a work order, in the address of a page), so its values are read from it by its form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "error_sentences.toml"
_VALUE = re.compile(r"\{(\w+)\}")


@cache
def written() -> Mapping[str, list[tuple[str, str]]]:
    """Code -> forms of its sentences, each in English and in Chinese, with the names of the values in braces."""
    return {code: [(english, chinese) for english, chinese in forms] for code, forms in _file()["sentences"].items()}


@cache
def _file() -> dict[str, dict[str, list[list[str]]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _forms(code: str) -> list[tuple[re.Pattern[str], str]]:
    return [(_pattern(english), chinese) for english, chinese in written().get(code, ())]


def _pattern(english: str) -> re.Pattern[str]:
    # Odd parts are names: re.split keeps what its group takes.
    parts = [f"(?P<{part}>.+?)" if n % 2 else re.escape(part) for n, part in enumerate(_VALUE.split(english))]
    return re.compile("".join(parts), re.DOTALL)


def in_chinese(code: str, sentence: str) -> str | None:
    """The Chinese of an error's English sentence; None when it has none of the forms of its code."""
    words = _file()["values"]
    for form, chinese in _forms(code):
        if found := form.fullmatch(sentence):
            return chinese.format(**{name: words.get(value, value) for name, value in found.groupdict().items()})
    return None

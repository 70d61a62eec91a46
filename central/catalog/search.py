# SPDX-License-Identifier: Apache-2.0
"""Finding something by a few typed letters: its code, its names, the pinyin of its Chinese name, the initials of that pinyin."""

from __future__ import annotations

import re
from functools import cache

_HAN = re.compile(r"[\u3400-\u9fff]+")
SEARCH_LENGTH_MAX = 1000


def search_text(*texts: str) -> str:
    """What typed letters are looked for in: the texts in lower case, and of Chinese ones the pinyin and its initials (niunai nn)."""
    said = [text.lower() for text in dict.fromkeys(texts) if text]
    spoken = [form for text in said if _HAN.search(text) for form in _pinyin(text)]
    return " ".join([*said, *dict.fromkeys(spoken)])[:SEARCH_LENGTH_MAX]


@cache
def _syllables(text: str) -> tuple[str, ...]:
    # Loaded late: its dictionary costs 20 MB, which only those pay who write Chinese names.
    from pypinyin import lazy_pinyin

    return tuple(lazy_pinyin(text))


def _pinyin(text: str) -> tuple[str, str]:
    whole, initials = [], []
    last = 0
    for found in _HAN.finditer(text):
        between = text[last : found.start()].replace(" ", "")
        syllables = _syllables(found[0])
        whole.append(between + "".join(syllables))
        initials.append(between + "".join(syllable[:1] for syllable in syllables))
        last = found.end()
    rest = text[last:].replace(" ", "")
    return "".join(whole) + rest, "".join(initials) + rest


def like_pattern(typed: str) -> str:
    """A LIKE pattern (escape character `!`) that finds what was typed anywhere in a search text."""
    plain = re.sub(r"\s+", " ", typed.strip().lower())
    return "%" + re.sub(r"([!%_])", r"!\1", plain) + "%"

# SPDX-License-Identifier: Apache-2.0
"""Items that look like one thing under two codes, for a person to judge."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Likeness = Literal["code", "name", "similar_name", "gtin", "size"]
SIMILAR_MIN = 0.75
"""Shared trigrams of all trigrams from which two names count as similar; guessed, tried on lists of groceries."""
_BLOCK_MAX = 60
"""More items than this that share a size are a standard carton and say nothing."""
_WORD = re.compile(r"[0-9]+(?:\.[0-9]+)?|[a-z]+|[\u3400-\u9fff]")
_BARE = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an item. `size` is length, width, height in millimetres and weight in grams; None: not known."""

    code: str
    gtin: str | None
    name: str
    name_zh: str
    size: tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two items that may be one, and by what they look alike."""

    one: str
    other: str
    alike: tuple[Likeness, ...]


def look_alikes(items: Iterable[Known]) -> list[Pair]:
    """Pairs of items that may be one thing, by code; the more they look alike the more reasons are named."""
    alike: dict[tuple[str, str], set[Likeness]] = defaultdict(set)
    known = list(items)
    for reason, one, other in (*_same_codes(known), *_same_names(known), *_same_gtins(known), *_same_sizes(known)):
        alike[min(one, other), max(one, other)].add(reason)
    return sorted(Pair(one, other, tuple(sorted(reasons))) for (one, other), reasons in alike.items())


def _pairs(groups: Iterable[Sequence[str]], reason: Likeness) -> Iterator[tuple[Likeness, str, str]]:
    for group in groups:
        # Of many alike, each is paired with the first: a person judges the group.
        for other in group[1:]:
            yield reason, group[0], other


def _grouped(known: Sequence[Known], key: dict[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for item in known:
        if key.get(item.code):
            groups[key[item.code]].append(item.code)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def bare_code(code: str) -> str:
    """A code without case, marks and leading zeros of its numbers: A-001 and a1 are the same slip."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", _BARE.sub("", _plain(code)))


def name_words(name: str) -> str:
    """The words of a name in order, without case, marks and spaces: `Milk, 250 g` and `250G milk` are one name."""
    return " ".join(sorted(_WORD.findall(_plain(name))))


def _same_codes(known: Sequence[Known]) -> Iterator[tuple[Likeness, str, str]]:
    yield from _pairs(_grouped(known, {item.code: bare_code(item.code) for item in known}), "code")


def _same_names(known: Sequence[Known]) -> Iterator[tuple[Likeness, str, str]]:
    yield from _pairs(_grouped(known, {item.code: name_words(item.name) for item in known}), "name")
    yield from _pairs(_grouped(known, {item.code: name_words(item.name_zh) for item in known}), "name")


def _same_gtins(known: Sequence[Known]) -> Iterator[tuple[Likeness, str, str]]:
    # GTINs that differ only in the indicator digit are one trade item and its packaging (GS1 General Specifications, 2.1.7).
    yield from _pairs(_grouped(known, {item.code: item.gtin[1:13] for item in known if item.gtin}), "gtin")


def _same_sizes(known: Sequence[Known]) -> Iterator[tuple[Likeness, str, str]]:
    """Items of one size whose names share most of their trigrams."""
    blocks: dict[tuple[int | None, ...], list[Known]] = defaultdict(list)
    for item in known:
        if None not in item.size:
            blocks[item.size].append(item)
    for block in blocks.values():
        if len(block) > _BLOCK_MAX:
            continue
        grams = [(item.code, _trigrams(item.name)) for item in block]
        for n, (one, mine) in enumerate(grams):
            for other, theirs in grams[n + 1 :]:
                if mine and theirs and len(mine & theirs) >= SIMILAR_MIN * len(mine | theirs):
                    yield "similar_name", one, other
                    yield "size", one, other


def _trigrams(name: str) -> frozenset[str]:
    text = f"  {_BARE.sub(' ', _plain(name)).strip()} "
    return frozenset(text[n : n + 3] for n in range(len(text) - 2))

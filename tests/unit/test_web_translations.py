# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from central.web import languages
from central.web.extract import source_texts

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with languages.CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


def forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def entries(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


@pytest.mark.requirement("X11")
def test_every_text_of_the_pages_is_in_the_chinese_catalogue(chinese: Catalog) -> None:
    known = {(message.id, message.context) for message in entries(chinese)}

    missing = [message.id for message in entries(source_texts()) if (message.id, message.context) not in known]

    assert not missing, "run python -m central.web.extract and translate these"


@pytest.mark.requirement("X11")
def test_every_text_is_translated_and_none_is_a_guess(chinese: Catalog) -> None:
    assert not [message.id for message in entries(chinese) if not all(forms(message.string)) or message.fuzzy]


def test_catalogue_holds_nothing_that_no_page_says(chinese: Catalog) -> None:
    used = {(message.id, message.context) for message in entries(source_texts())}

    assert not [message.id for message in entries(chinese) if (message.id, message.context) not in used]
    assert not chinese.obsolete


def test_translations_have_the_placeholders_of_their_source(chinese: Catalog) -> None:
    def placeholders(text: str) -> list[str]:
        return sorted(PLACEHOLDER.findall(text))

    wrong = [
        (message.id, translated)
        for message in entries(chinese)
        for translated in forms(message.string)
        if placeholders(translated) != placeholders(forms(message.id)[-1])
    ]

    assert not wrong


def test_translations_use_full_width_punctuation(chinese: Catalog) -> None:
    ascii_after_han = re.compile(r"[\u3400-\u9fff][,;:!?()]")

    assert not [text for message in entries(chinese) for text in forms(message.string) if ascii_after_han.search(text)]


def test_chinese_stands_in_the_catalogue_only() -> None:
    package = Path(languages.__file__).parent
    sources = chain(package.rglob("*.py"), package.rglob("*.html"), package.rglob("*.js"), package.rglob("*.css"))

    assert not [path.name for path in sources if HAN.search(path.read_text(encoding="utf-8"))]

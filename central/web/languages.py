# SPDX-License-Identifier: Apache-2.0
"""Which language a reader gets, and its catalogue: English stands in the source, Chinese in `locale/zh/LC_MESSAGES/messages.po`."""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
HTML_LANG: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}
COOKIE = "dockline_language"
CATALOGUE = Path(__file__).parent / "locale" / "zh" / "LC_MESSAGES" / "messages.po"


@cache
def catalogue(language: Language) -> gettext.NullTranslations:
    """The translations of a language; those of English give every text back as it is. Compiled in memory, so no binary file is kept."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with CATALOGUE.open("rb") as text:
        write_mo(compiled, read_po(text, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def named(code: str | None) -> Language | None:
    """The language that a query or a cookie names; None if it names none of ours."""
    return next((language for language in LANGUAGES if language == code), None)


def choose(query: str | None, cookie: str | None, accept_language: str) -> Language:
    """The reader's language: asked for in the address, else kept in the cookie, else the browser's, else English."""
    return named(query) or named(cookie) or _accepted(accept_language) or "en"


def _accepted(header: str) -> Language | None:
    """The best of ours in an Accept-Language header (RFC 9110, 12.5.4); `zh-CN`, `zh-Hans` and `zh-TW` all read as `zh`."""
    weighted = []
    for position, part in enumerate(header.split(",")):
        tag, _, quality = part.partition(";")
        weighted.append((-_weight(quality), position, tag.strip()))
    wanted = [tag for weight, _, tag in sorted(weighted) if weight < 0]
    return named(negotiate_locale(wanted, LANGUAGES, sep="-"))


def _weight(quality: str) -> float:
    value = quality.strip().removeprefix("q=")
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0

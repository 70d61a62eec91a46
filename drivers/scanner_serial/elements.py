# SPDX-License-Identifier: Apache-2.0
"""GS1 element strings and Digital Links. Source: GS1 General Specifications 24, sections 3 and 7.8; GS1 Digital Link URI Syntax 1.4.

The formats of the application identifiers are biip's, read as data: importing biip costs 21 MiB of memory for tables of company prefixes that nobody
here needs, and its parser takes ten times longer. Where both accept a code they agree on it (a test compares them); this one also refuses what
GS1's own engine refuses: a missing separator, a doubled one, one identifier with two values.
"""

from __future__ import annotations

import calendar
import importlib.util
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from contracts.identifiers import IdentifierError, check_digit
from contracts.readings import Identifiers

GS = "\x1d"
Elements = dict[str, str]
"""Values by application identifier, in the order of the code: {"01": "09506000134352", "10": "ABC123"}."""

KEYS_WITH_CHECK_DIGIT = {
    **dict.fromkeys(("01", "02", "03", "8006", "8026", "8003"), 14),
    **dict.fromkeys(("410", "411", "412", "413", "414", "415", "416", "417", "253", "255"), 13),
    **dict.fromkeys(("00", "8017", "8018"), 18),
    "402": 17,
}
"""At which length the key ends with its check digit (GenSpecs 7.9)."""
_DATES = {**dict.fromkeys(("11", "12", "13", "15", "16", "17"), True), **dict.fromkeys(("4326", "7003", "7006", "7007", "7011", "8008"), False)}
"""Values that begin with YYMMDD, and whether day 00 is allowed (GenSpecs 3.4: it means the last of the month)."""
_LINK_KEYS = frozenset({"00", "01", "253", "255", "401", "402", "414", "415", "417", "8003", "8004", "8006", "8010", "8013", "8017", "8018"})
"""Primary identification keys of a Digital Link (URI Syntax 1.4, section 4.3)."""


class ElementError(ValueError):
    """A code that says it is GS1 and is not; the message says what is wrong with which element."""


@dataclass(frozen=True)
class _Application:
    """An application identifier: what its value looks like, and whether a separator must follow when it is not the last."""

    ai: str
    value: re.Pattern[str]
    needs_separator: bool


@cache
def _applications() -> dict[str, _Application]:
    found = importlib.util.find_spec("biip")
    if found is None or not found.submodule_search_locations:
        raise ImportError("the package biip, which holds GS1's list of application identifiers, is not installed; run: pip install biip")
    table = Path(found.submodule_search_locations[0]) / "gs1_application_identifiers" / "_application_identifiers.json"
    entries = json.loads(table.read_text(encoding="utf-8"))
    return {
        entry["ai"]: _Application(
            entry["ai"], re.compile(entry["pattern"].removeprefix("^" + entry["ai"]).removesuffix("$"), re.ASCII), entry["separator_required"]
        )
        for entry in entries
    }


def load_applications() -> None:
    """Read the table of application identifiers now, so that the first scan need not wait for it. Raises: ImportError: biip is not installed."""
    _applications()


def _application_at(text: str) -> _Application:
    known = _applications()
    for length in (2, 3, 4):  # no identifier is the beginning of another
        if application := known.get(text[:length]):
            return application
    raise ElementError(f"{text[:8]!r} begins with no GS1 application identifier")


def parse_elements(text: str) -> Elements:
    """Read a GS1 element string, GS between elements where one is needed.

    Raises: ElementError: unknown identifier, value of the wrong form, wrong check digit or date, separator missing or doubled, contradiction.
    """
    elements: Elements = {}
    while text:
        application = _application_at(text)
        match = application.value.match(text, len(application.ai))
        if match is None or not match[0]:
            raise ElementError(f"({application.ai}) is followed by {text[len(application.ai) :][:20]!r}, which is none of its values")
        text = text[match.end() :]
        if text.startswith(GS):
            text = text[1:]
        elif text and application.needs_separator:
            raise ElementError(f"({application.ai}) ends with {match[0]!r}, yet {text[:8]!r} follows without a separator")
        _keep(elements, application.ai, match[0])
    return elements


def _keep(elements: Elements, ai: str, value: str) -> None:
    if elements.setdefault(ai, value) != value:
        raise ElementError(f"({ai}) is both {elements[ai]!r} and {value!r}")
    if length := KEYS_WITH_CHECK_DIGIT.get(ai):
        check_key(value[:length], f"({ai})")
    if ai in _DATES:
        _check_date(ai, value)


def check_key(digits: str, what: str) -> None:
    """Raises: ElementError: the last digit is not the check digit of those before."""
    try:
        expected = check_digit(digits[:-1])
    except IdentifierError as error:
        raise ElementError(f"{what} {error}") from error
    if digits[-1] != expected:
        raise ElementError(f"{what} {digits} has check digit {digits[-1]}, expected {expected}; scan again")


def _check_date(ai: str, value: str) -> None:
    for yymmdd in (value[:6], value[6:] if ai == "7007" else ""):
        if yymmdd and not _is_date(yymmdd, allows_day_zero=_DATES[ai]):
            raise ElementError(f"({ai}) {value} is no date")


def _is_date(yymmdd: str, *, allows_day_zero: bool) -> bool:
    year, month, day = 2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    return 1 <= month <= 12 and (0 if allows_day_zero else 1) <= day <= calendar.monthrange(year, month)[1]


def parse_digital_link(text: str) -> Elements | None:
    """Read a GS1 Digital Link: keys and qualifiers in the path, attributes in the query. None: an ordinary link, or none at all.

    Raises: ElementError: a Digital Link with a wrong value.
    """
    try:
        link = urlsplit(text)
        if link.scheme.lower() not in ("http", "https") or not link.netloc:
            return None
    except ValueError:  # an unclosed bracket in the host
        return None
    segments = link.path.split("/")
    start = next((i for i, segment in enumerate(segments[:-1]) if segment in _LINK_KEYS and segments[i + 1][:1].isdigit()), None)
    if start is None:
        return None
    pairs = [(ai, unquote(value)) for ai, value in zip(segments[start::2], segments[start + 1 :: 2], strict=False)]
    pairs += [(ai, value) for ai, value in parse_qsl(link.query, keep_blank_values=True) if ai in _applications()]
    elements: Elements = {}
    for ai, value in pairs:
        application = _applications().get(ai)
        if application is None or not value or not application.value.fullmatch(value):
            raise ElementError(f"the link holds ({ai}) {value!r}, which GS1 does not allow there")
        _keep(elements, ai, value)
    return elements


def identifiers_of(elements: Elements, this_year: int) -> Identifiers:
    """What the warehouse wants of a code. The GTIN is AI 01, or AI 02 (contents of a logistic unit) where there is no 01."""
    weight_ai = next((ai for ai in elements if ai.startswith("310")), None)
    return Identifiers(
        sscc=elements.get("00"),
        gtin=elements.get("01", elements.get("02")),
        lot=elements.get("10"),
        expiry=_iso_date(elements["17"], this_year) if "17" in elements else None,
        serial=elements.get("21"),
        count=int(elements["37"]) if "37" in elements else None,
        weight_g=_grams(weight_ai, elements[weight_ai]) if weight_ai else None,
    )


def _iso_date(yymmdd: str, this_year: int) -> str:
    """The century nearest to this year (GenSpecs 7.12: 51 to 99 ahead is the last century, 50 to 99 behind the next); day 00 is the last of the month."""
    year = this_year - this_year % 100 + int(yymmdd[:2])
    if year - this_year > 50:
        year -= 100
    elif year - this_year <= -50:
        year += 100
    month, day = int(yymmdd[2:4]), int(yymmdd[4:])
    return f"{year:04}-{month:02}-{day or calendar.monthrange(year, month)[1]:02}"


def _grams(ai: str, value: str) -> int:
    """310n: kilograms with n decimals; rounded half to even below a gram."""
    return int(Decimal(value).scaleb(3 - int(ai[3])).to_integral_value())

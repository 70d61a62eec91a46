# SPDX-License-Identifier: Apache-2.0
"""GS1 element strings and Digital Links. Source: GS1 General Specifications 24, sections 3 and 7.8; GS1 Digital Link URI Syntax 1.4.

Where biip accepts a code too, both agree on it (a test compares them); this also refuses what GS1's own engine refuses: a missing separator, a doubled
one, one identifier with two values.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from contracts.epc.digits import IdentifierError
from contracts.gs1 import values
from contracts.gs1.applications import Application, Component, application, known, lengths

GS = "\x1d"
Elements = dict[str, str]
"""Values by application identifier, in the order of the code: {"01": "09506000134352", "10": "ABC123"}."""

KEYS_WITH_CHECK_DIGIT = frozenset(
    ("00", "01", "02", "03", "253", "255", "402", "410", "411", "412", "413", "414", "415", "416", "417", "8003", "8006", "8017", "8018", "8026")
)
"""Their check digit vouches for a code that no symbology identifier calls GS1 (GenSpecs 7.9)."""
QUALIFIERS = {
    **dict.fromkeys(("00", "253", "255", "401", "402", "8003", "8013"), ((),)),
    "01": (("22", "10", "21"), ("235",)),
    "414": (("254",), ("7040",)),
    "415": (("8020",),),
    "417": (("7040",),),
    "8004": (("7040",),),
    "8006": (("22", "10", "21"),),
    "8010": (("8011",),),
    **dict.fromkeys(("8017", "8018"), (("8019",),)),
}
"""Primary keys of a Digital Link, and what may stand behind them in its path, in this order (URI Syntax 1.4, section 4.3; Syntax Dictionary, dlpkey)."""
_CHARACTERS = {"N": "[0-9]", "X": '[!"%-?A-Z_a-z]', "Y": "[-#/0-9A-Z]", "Z": "[-0-9A-Za-z_=]"}
_PRINTED = re.compile(r"\(([0-9]{2,4})\)")


class ElementError(IdentifierError):
    """A code that says it is GS1 and is not; the message says what is wrong with which element."""


class _Format(NamedTuple):
    """How to read one value: `length` where it is known beforehand, else 0; the checks by the part of the value that they look at."""

    length: int
    matches: Callable[[str], re.Match[str] | None]
    checks: tuple[tuple[slice, values.Check], ...]


def _pattern(component: Component) -> str:
    length = f"{{{component.length_min},{component.length_max}}}"
    return f"(?:{_CHARACTERS[component.kind]}{length}){'?' if component.is_optional else ''}"


def _checks(form: Application) -> tuple[tuple[slice, values.Check], ...]:
    """Only the last component is of variable length, so that all begin at a known place."""
    found, start = [], 0
    for component in form.components:
        if component.check:
            found.append((slice(start, start + component.length_max), values.CHECKS[component.check]))
        start += component.length_max
    return tuple(found)


@cache
def _format(ai: str) -> _Format | None:
    """None: GS1 has no such identifier. Compiled when first met: a floor meets a dozen of the five hundred."""
    if not known(ai):
        return None
    form = application(ai)
    length = 0 if form.needs_separator else sum(component.length_max for component in form.components)
    return _Format(length, re.compile("".join(map(_pattern, form.components))).fullmatch, _checks(form))


_READY: dict[str, _Format] = {}
"""The formats met so far: a dictionary is asked in a third of the time that a cached function takes."""


def _first_met(ai: str, text: str) -> _Format:
    found = _format(ai)
    if found is None:
        raise ElementError(f"{text[:8]!r} begins with no GS1 application identifier")
    _READY[ai] = found
    return found


def parse_elements(text: str, *, checks_values: bool = True) -> Elements:
    """Read a GS1 element string, GS between elements where one is needed.

    Without `checks_values` it is enough that values have the right length and characters: for who wants to know what a label names, and not whether it
    is right, or checks that himself.

    Raises: ElementError: unknown identifier, value of the wrong form, wrong check digit or date, separator missing or doubled, contradiction.
    """
    ai_lengths, elements, at, end = lengths(), Elements(), 0, len(text)
    while at < end:
        ai = text[at : at + ai_lengths.get(text[at : at + 2], 2)]
        length, matches, checks = _READY.get(ai) or _first_met(ai, text[at:])
        at += len(ai)
        stop = at + length if length else text.find(GS, at)
        value = text[at:] if stop < 0 else text[at:stop]
        if not matches(value):
            raise ElementError(f"({ai}) is followed by {value[:100]!r}, which is none of its values; is a separator missing?")
        for part, check in checks if checks_values else ():
            if (component := value[part]) and (wrong := check(component)):
                raise ElementError(f"({ai}) {wrong}")
        if elements.setdefault(ai, value) != value:
            raise ElementError(f"({ai}) is both {elements[ai]!r} and {value!r}")
        at = end if stop < 0 else stop
        if text[at : at + 1] == GS:
            at += 1
    return elements


def split_printed(text: str) -> list[tuple[str, str]]:
    """Identifiers and values of an element string as it stands below the bars, `(01)09506000134352(10)ABC`; the values are not looked at.

    A value may hold brackets: only an identifier that there is begins the next. Raises: ElementError: it begins with none.
    """
    starts = [match for match in _PRINTED.finditer(text) if known(match[1])]
    if not starts or starts[0].start():
        raise ElementError(f"{text[:100]!r} does not begin with an application identifier in brackets, like (01)")
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return [(match[1], text[match.end() : end]) for match, end in zip(starts, ends, strict=True)]


def check_key(digits: str, what: str) -> None:
    """Raises: ElementError: no ASCII digits, or the last is not the check digit of those before."""
    if not (digits.isascii() and digits.isdigit()):
        raise ElementError(f"{what} {digits!r} has other characters than digits")
    if wrong := values.key(digits):
        raise ElementError(f"{what} {wrong}")


def load_applications() -> None:
    """Read the table now, so that the first scan need not wait for it."""
    lengths()
    parse_elements("00000000000000000000" + "0100000000000000" + "17000100" + "100" + GS + "210" + GS + "370" + GS + "3103000000" + "11000100" + "15000100")


def combination_error(elements: Mapping[str, str], *, needs_companions: bool) -> str:
    """What is wrong with which elements stand together; empty: nothing. Source: Syntax Dictionary, attributes `ex` and `req`.

    GS1 wants companions on the same item, not in the same barcode: a logistic label has its SSCC in one and its contents in others. So they are asked
    for only when `needs_companions`.
    """
    return _combination_error(tuple(elements), needs_companions)


@lru_cache(256)  # a floor has a dozen kinds of labels
def _combination_error(ais: tuple[str, ...], needs_companions: bool) -> str:
    for ai in ais:
        excluded, required = _companions(ai)
        for other in ais:
            if other != ai and excluded(other):
                return f"({ai}) and ({other}) must not be on the same item"
        for alternatives in required if needs_companions else ():
            if not any(all(any(map(one, ais)) for one in group) for _, group in alternatives):
                return f"({ai}) needs {' or '.join(name for name, _ in alternatives)} on the same item"
    return ""


_Matches = Callable[[str], object]


@cache
def _companions(ai: str) -> tuple[_Matches, tuple[tuple[tuple[str, tuple[_Matches, ...]], ...], ...]]:
    """Whether an identifier is excluded by this one; and of each condition the alternatives, named for people."""
    form = application(ai)
    excluded = re.compile("|".join(form.excluded) or "(?!)").fullmatch
    required = tuple(
        tuple((" with ".join(f"({one.replace('.', 'n')})" for one in group), tuple(re.compile(one).fullmatch for one in group)) for group in alternatives)
        for alternatives in form.required
    )
    return excluded, required


def parse_digital_link(text: str) -> Elements | None:
    """Read a GS1 Digital Link: keys and qualifiers in the path, attributes in the query. None: an ordinary link, or none at all.

    Raises: ElementError: a Digital Link with a wrong value, or with qualifiers in the wrong place.
    """
    try:
        link = urlsplit(text)
        if link.scheme.lower() not in ("http", "https") or not link.netloc:
            return None
    except ValueError:  # an unclosed bracket in the host
        return None
    segments = link.path.split("/")
    start = next((i for i, segment in enumerate(segments[:-1]) if segment in QUALIFIERS and segments[i + 1][:1].isdigit()), None)
    if start is None:
        return None
    path = _path(segments[start:])
    elements: Elements = {}
    for ai, value in path + [(ai, value) for ai, value in parse_qsl(link.query, keep_blank_values=True) if known(ai)]:
        _keep_of_link(elements, ai, value)
    return elements


def _path(segments: list[str]) -> list[tuple[str, str]]:
    """Identifiers and values up to the first segment that is no identifier: a page of the brand's behind the key changes nothing of it.

    Raises: ElementError: qualifiers of another key, or out of order.
    """
    pairs = list(zip(segments[::2], segments[1::2], strict=False))
    path = [(ai, unquote(value)) for ai, value in itertools.takewhile(lambda pair: known(pair[0]), pairs)]
    places = [iter(order) for order in QUALIFIERS[segments[0]]]
    if not any(all(ai in order for ai, _ in path[1:]) for order in places):  # `in` uses the iterator up: order counts
        raise ElementError(f"the link's path holds {'/'.join(ai for ai, _ in path)}; behind a key stand only its qualifiers, in their order")
    return path


def _keep_of_link(elements: Elements, ai: str, value: str) -> None:
    form = _format(ai)
    if form is None or not form.matches(value):
        raise ElementError(f"the link holds ({ai}) {value!r}, which GS1 does not allow there")
    for part, check in form.checks:
        if (component := value[part]) and (wrong := check(component)):
            raise ElementError(f"({ai}) {wrong}")
    if elements.setdefault(ai, value) != value:
        raise ElementError(f"({ai}) is both {elements[ai]!r} and {value!r}")

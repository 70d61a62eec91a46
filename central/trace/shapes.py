# SPDX-License-Identifier: Apache-2.0
"""Values of JSON and their forms: each checker takes a value and its place and yields its faults. They never accept more than the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from central.trace import vocabulary
from central.trace.faults import Fault
from central.trace.naming import meant

Checker = Callable[[Any, str], Iterator[Fault]]

_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_AUTHORITY = (
    r"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*:(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
)
"""RFC 3986, section 3 and appendix A."""
_TIME = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_UOM = re.compile(r"[A-Z0-9]{2,3}")
_HEX = re.compile(r"[A-Fa-f0-9]+")
_CBV = re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/")
_VOC = re.compile(r"https?://(?:www\.)?gs1\.org/voc/")


def is_uri(value: Any) -> bool:
    """Whether a value is an absolute URI (RFC 3986)."""
    return isinstance(value, str) and _URI.fullmatch(value) is not None


def instant_of(value: str) -> datetime | None:
    """The instant of a date-time with its time zone (RFC 3339); None: it is none."""
    if not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        return None


def written(at: datetime) -> str:
    """An instant in UTC as events and answers write it, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def escape(name: str) -> str:
    """A name as a part of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def text(value: Any, at: str) -> Iterator[Fault]:
    """A string."""
    if not isinstance(value, str):
        yield Fault(at, f"is {_kind(value)}, not text")


def uri(value: Any, at: str) -> Iterator[Fault]:
    """An absolute URI. What a scanner or a reader gave is named as events name it."""
    if not isinstance(value, str):
        yield Fault(at, f"is {_kind(value)}, not a URI")
    elif not is_uri(value):
        hint = meant(value)
        yield Fault(at, f"{value!r} is no URI" + (f"; write {hint}" if hint else ", as urn:epc:id:... or https://..."))


def time(value: Any, at: str) -> Iterator[Fault]:
    """An instant with its time zone."""
    if not isinstance(value, str) or instant_of(value) is None:
        yield Fault(
            at, f"{value!r} is no date and time with a time zone, as 2026-11-21T08:00:00Z" if isinstance(value, str) else f"is {_kind(value)}, not a time"
        )


def number(value: Any, at: str) -> Iterator[Fault]:
    """A number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield Fault(at, f"is {_kind(value)}, not a number")


def boolean(value: Any, at: str) -> Iterator[Fault]:
    """True or false."""
    if not isinstance(value, bool):
        yield Fault(at, f"is {_kind(value)}, not true or false")


def _fitting(pattern: re.Pattern[str], what: str) -> Checker:
    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield Fault(at, f"{value!r} is no {what}" if isinstance(value, str) else f"is {_kind(value)}, not a {what}")

    return check


offset = _fitting(_OFFSET, "offset from UTC, as +08:00")
version = _fitting(_VERSION, "version, as 2.0")
uom = _fitting(_UOM, "unit of measure of UN/CEFACT Recommendation 20, as KGM")
hexadecimal = _fitting(_HEX, "hexadecimal number")


def word(known: Collection[str], what: str, *, ours: re.Pattern[str] | None = _CBV) -> Checker:
    """One of the vocabulary's words, or a URI that is not the vocabulary's own in another spelling (`ours`; None: only the words)."""

    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield Fault(at, f"is {_kind(value)}, not a {what}")
        elif value not in known and (ours is None or not is_uri(value) or ours.match(value)):
            hint = _word_meant(value, known)
            text = f"none of {', '.join(sorted(known))}" if ours is None else f"neither a {what} of CBV 2.0 nor a URI of another vocabulary"
            yield Fault(at, f"{value!r} is {text}" + (f"; write {hint}" if hint else ""))

    return check


def _word_meant(value: str, known: Collection[str]) -> str | None:
    """The word that is meant by its URN of CBV 1.x, with a prefix, or in other letters."""
    said = re.split(r"[:/\-]", value)[-1].replace(" ", "_").casefold()
    return next((each for each in known if each.casefold() == said), None)


action = word(vocabulary.ACTIONS, "action", ours=None)
biz_step = word(vocabulary.BIZ_STEPS, "business step")
disposition = word(vocabulary.DISPOSITIONS, "disposition")
transaction_type = word(vocabulary.TRANSACTION_TYPES, "business transaction type")
party_type = word(vocabulary.PARTY_TYPES, "source or destination type")
error_reason = word(vocabulary.ERROR_REASONS, "error reason")
component = word(vocabulary.COMPONENTS, "component")
measurement = word(vocabulary.MEASUREMENTS, "measurement type", ours=_VOC)
alert = word(vocabulary.ALERTS, "sensor alert", ours=_VOC)


def many(of: Checker, *, least: int = 0, unique: bool = False) -> Checker:
    """A list."""

    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield Fault(at, f"is {_kind(value)}, not a list")
            return
        if len(value) < least:
            yield Fault(at, f"has {len(value)} entries, at least {least} are needed")
        seen: set[str] = set()  # by their texts: a list of a whole container's EPCs is long
        for n, each in enumerate(value):
            yield from of(each, f"{at}/{n}")
            if unique:
                same = json.dumps(each, sort_keys=True)
                if same in seen:
                    yield Fault(f"{at}/{n}", f"{each!r} stands twice")
                seen.add(same)

    return check


def either(one: Checker, other: Checker, is_one: type) -> Checker:
    """`one` for values of the type `is_one`, else `other`."""

    def check(value: Any, at: str) -> Iterator[Fault]:
        yield from (one if isinstance(value, is_one) else other)(value, at)

    return check


def structure(fields: Mapping[str, Checker], required: Collection[str] = (), *, extensions: bool = True) -> Checker:
    """An object of known fields; other names must be URIs or have a prefix (`extensions`), or are refused."""

    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(at, f"is {_kind(value)}, not an object")
            return
        for name in required:
            if name not in value:
                yield Fault(at, f"{name} is missing")
        for name, each in value.items():
            if name in fields:
                yield from fields[name](each, f"{at}/{escape(name)}")
            elif not extensions or not is_uri(name):
                yield Fault(
                    f"{at}/{escape(name)}",
                    f"{name!r} is no field here" + ("; fields of your own have a declared prefix, as example:field" if extensions else ""),
                )

    return check


def anything(_value: Any, _at: str) -> Iterator[Fault]:
    """Whatever it is."""
    return iter(())


def extension_only(value: Any, at: str) -> Iterator[Fault]:
    """An object of which all names are URIs or have a prefix."""
    yield from structure({})(value, at)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}[type(value)]

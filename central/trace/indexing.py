# SPDX-License-Identifier: Apache-2.0
"""What an event can be found by: its columns, its texts and its numbers, from whichever spelling it came in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from central.database import micros
from central.trace import vocabulary
from central.trace.naming import canonical_or_same
from central.trace.shapes import instant_of

_KEPT_WHOLE = 400
_GOODS = {"epcList": "epc", "childEPCs": "epc", "inputEPCList": "input", "outputEPCList": "output"}
_CLASSES = {"quantityList": "class", "childQuantityList": "class", "inputQuantityList": "in_class", "outputQuantityList": "out_class"}
SENSOR_TEXTS = (
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
    "stringValue",
    "hexBinaryValue",
    "booleanValue",
)
SENSOR_VALUES = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue")
SENSOR_TIMES = ("time", "startTime", "endTime")
HAS = "has"
"""Kind of a term that says that a field is there at all."""


@dataclass(slots=True)
class Found:
    """`terms` are (kind, value), `numbers` (kind, value)."""

    terms: set[tuple[str, str]] = field(default_factory=set)
    numbers: set[tuple[str, float]] = field(default_factory=set)


def key_of(text: str) -> str:
    """A text as it is searched by: a long one by its beginning and its hash, for an index does not hold it whole."""
    return text if len(text) <= _KEPT_WHOLE else text[:_KEPT_WHOLE] + hashlib.sha256(text.encode()).hexdigest()


def columns_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `epcis_event` that a well-formed event fills."""
    declared = event.get("errorDeclaration", {})
    return {
        "type": key_of(event["type"]),
        "event_at": _instant(event["eventTime"]),
        "action": event.get("action", ""),
        "biz_step": key_of(vocabulary.bare_word("bizStep", event.get("bizStep", ""))),
        "disposition": key_of(vocabulary.bare_word("disposition", event.get("disposition", ""))),
        "read_point": key_of(canonical_or_same(event.get("readPoint", {}).get("id", ""))),
        "biz_location": key_of(canonical_or_same(event.get("bizLocation", {}).get("id", ""))),
        "transformation": key_of(canonical_or_same(event.get("transformationID", ""))),
        "declared_at": _instant(declared["declarationTime"]) if declared else None,
    }


def _instant(text: str) -> datetime:
    at = instant_of(text)
    assert at is not None
    return at


def found_by(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Found:
    """The terms and numbers of a well-formed event."""
    found = Found()
    found.terms.update((kind, key_of(value)) for kind, value in _terms(event))
    for kind, value in _numbers(event):
        found.numbers.add((kind, value))
    for kind, where in _extensible(event):
        for name, value in where.items():
            if ":" in name:
                _extension(found, kind, name, value, prefixes)
    return found


def _terms(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, kind in _GOODS.items():
        yield from ((kind, canonical_or_same(each)) for each in event.get(name, ()))
    if "parentID" in event:
        yield "parent", canonical_or_same(event["parentID"])
    for name, kind in _CLASSES.items():
        yield from ((kind, canonical_or_same(each["epcClass"])) for each in event.get(name, ()))
    for each in event.get("bizTransactionList", ()):
        yield f"bt:{vocabulary.bare_word('transaction', each.get('type', ''))}", canonical_or_same(each["bizTransaction"])
    for name, kind, key in (("sourceList", "src", "source"), ("destinationList", "dst", "destination")):
        for each in event.get(name, ()):
            yield f"{kind}:{vocabulary.bare_word('party', each['type'])}", canonical_or_same(each[key])
    for name in ("set", "unset"):
        yield from ((name, vocabulary.bare_word("disposition", each)) for each in event.get("persistentDisposition", {}).get(name, ()))
    yield from (("corrective", canonical_or_same(each)) for each in event.get("errorDeclaration", {}).get("correctiveEventIDs", ()))
    if "reason" in event.get("errorDeclaration", {}):
        yield "reason", vocabulary.bare_word("reason", event["errorDeclaration"]["reason"])
    yield from ((HAS, name) for name in ("ilmd", "errorDeclaration", "sensorElementList") if event.get(name))
    for each in event.get("sensorElementList", ()):
        yield from _sensor_terms(each)


def _sensor_terms(element: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in (element.get("sensorMetadata", {}), *element["sensorReport"]):
        yield from ((f"s:{name}", canonical_or_same(_text(part[name]))) for name in SENSOR_TEXTS if name in part)
    for report in element["sensorReport"]:
        yield "s:type", vocabulary.bare_word("measurement", report["type"])
        yield from (
            (f"s:{name}", vocabulary.bare_word(kind, report[name])) for name, kind in (("exception", "alert"), ("component", "component")) if name in report
        )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _numbers(event: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in _CLASSES:
        for each in event.get(name, ()):
            if "quantity" in each:
                yield "quantity", float(each["quantity"])
                yield f"quantity:{each.get('uom', '')}", float(each["quantity"])
    for element in event.get("sensorElementList", ()):
        for part in (element.get("sensorMetadata", {}), *element["sensorReport"]):
            yield from ((name, float(micros(_instant(part[name])))) for name in SENSOR_TIMES if name in part)
        for report in element["sensorReport"]:
            for name in SENSOR_VALUES:
                if name in report:
                    yield f"{name}:{key_of(report.get('uom', ''))}", float(report[name])
            if "percRank" in report:
                yield "percRank", float(report["percRank"])


def _extensible(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where fields of one's own may stand, by the word of the query language."""
    yield "", event
    for name, kind in (("ilmd", "ILMD"), ("errorDeclaration", "ERROR_DECLARATION"), ("readPoint", "readPoint"), ("bizLocation", "bizLocation")):
        if name in event:
            yield kind, event[name]
    for element in event.get("sensorElementList", ()):
        yield "SENSORELEMENT", element
        if "sensorMetadata" in element:
            yield "SENSORMETADATA", element["sensorMetadata"]
        for report in element["sensorReport"]:
            yield "SENSORREPORT", report


def field_kind(where: str, name: str, *, inner: bool) -> str:
    """The kind of a term or number that is a field of one's own. `name`: with its prefix, or its whole URI."""
    return key_of(f"f:{'INNER_' if inner else ''}{where}{'_' if where else ''}{name}")


def _extension(found: Found, where: str, name: str, value: Any, prefixes: Mapping[str, str], *, inner: bool = False) -> None:
    if isinstance(value, list):
        for each in value:
            _extension(found, where, name, each, prefixes, inner=inner)
        return
    kinds = [field_kind(where, each, inner=inner) for each in names_of(name, prefixes)]
    found.terms.update((HAS, kind) for kind in kinds)
    if isinstance(value, dict):
        for key, each in value.items():
            if not key.startswith("@"):
                _extension(found, where, key, each, prefixes, inner=True)
        return
    for kind in kinds:
        if value is not None:
            found.terms.add((kind, key_of(canonical_or_same(_text(value)))))
            number = as_number(value)
            if number is not None:
                found.numbers.add((kind, number))


def attributes_of(element: Mapping[str, Any], prefixes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names and values of the attributes of an element of master data; what is an object has no value to search by."""
    return [
        (key_of(name), "" if isinstance(value, dict) else key_of(canonical_or_same(_text(value))))
        for each in element.get("attributes", ())
        for value in [each.get("attribute", "")]
        for name in sorted(names_of(each["id"], prefixes))
    ]


def names_of(name: str, prefixes: Mapping[str, str]) -> set[str]:
    """A field's name as it is written, and as its whole URI."""
    prefix, colon, local = name.partition(":")
    return {name, prefixes[prefix] + local} if colon and prefix in prefixes else {name}


def as_number(value: Any) -> float | None:
    """A number, or an instant as microseconds since 1970, for fields that are compared by size."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    at = instant_of(value)
    if at is not None:
        return float(micros(at))
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None

# SPDX-License-Identifier: Apache-2.0
"""Event hash ids (CBV 2.0, section 8.9): the same event has the same id whoever computes it, from whichever spelling of it.

The order of properties and what is sorted follow the standard's reference implementation (epcis-event-hash-generator 1.9.3), so that both give the same id.
Its own quirk is kept: bizTransactionList, sourceList, destinationList, ilmd and extensions come after all else, in the order of their texts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any

from central.trace import naming, vocabulary
from central.trace.shapes import instant_of, written

_EPC_LISTS = ("epcList", "inputEPCList", "childEPCs")
_QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList")
_LEFT_OUT = frozenset({"@context", "type", "recordTime", "eventID", "errorDeclaration", "rdfs:comment", "comment"})
_PAIRS = {"bizTransactionList": ("transaction", "bizTransaction"), "sourceList": ("party", "source"), "destinationList": ("party", "destination")}
_METADATA = ("time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_REPORT = [
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
]
_TIMES = frozenset({"eventTime", "time", "startTime", "endTime"})
_KINDS = {"bizStep": "bizStep", "disposition": "disposition", "exception": "alert", "component": "component"}


def event_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """The id `ni:///sha-256;...?ver=CBV2.0` of a well-formed event. `prefixes`: namespaces of the prefixes that its @context declares."""
    digest = hashlib.sha256(pre_hash(event, prefixes).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """The text of which the hash is made."""
    writer = _Writer(prefixes)
    parts = ["eventType=" + writer.name(event["type"]), *writer.ordered(event), *sorted(writer.rest(event))]
    return "".join(parts)


class _Writer:
    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes

    def name(self, name: str) -> str:
        """A field's name, with its namespace in braces."""
        prefix, colon, local = name.partition(":")
        return f"{{{self._prefixes[prefix]}}}{local}" if colon and prefix in self._prefixes else name

    def value(self, value: Any) -> str:
        """A value in its canonical spelling."""
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, int | float):
            return _number(str(value))
        prefix, colon, local = value.partition(":")
        if colon and prefix in self._prefixes and not local.startswith("//"):
            value = self._prefixes[prefix] + local
        return naming.canonical_or_same(_number(_web(value.strip())))

    def field(self, name: str, value: Any, kind: str = "") -> str:
        """`name=value`, empty when the value is."""
        text = _time(value) if name in _TIMES else self.value(vocabulary.web_uri(kind, value) if kind else value)
        return f"{name}={text}" if text else ""

    def ordered(self, event: Mapping[str, Any]) -> Iterator[str]:
        """The fields that have a place in the standard's order."""
        yield from self._fields(event, ("eventTime", "eventTimeZoneOffset"))
        certificates = event.get("certificationInfo", [])
        yield from sorted(self.field("certificationInfo", each) for each in (certificates if isinstance(certificates, list) else [certificates]))
        yield from self._fields(event, ("parentID",))
        for name in _EPC_LISTS:
            yield from self._epcs(event, name)
        for name in _QUANTITY_LISTS:
            yield from self._quantities(event, name)
        yield from self._epcs(event, "outputEPCList")
        yield from self._quantities(event, "outputQuantityList")
        yield from self._fields(event, ("action", "transformationID", "bizStep", "disposition"))
        yield from self._persistent(event)
        for name in ("readPoint", "bizLocation"):
            if name in event:
                yield name + self._element(event[name], ("id",), self.field)
        yield from self._sensors(event)

    def _fields(self, event: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            if name in event:
                yield self.field(name, event[name], _KINDS.get(name, ""))

    def _epcs(self, event: Mapping[str, Any], name: str) -> Iterator[str]:
        if event.get(name):
            yield name + "".join(sorted(self.field("epc", each) for each in event[name]))

    def _quantities(self, event: Mapping[str, Any], name: str) -> Iterator[str]:
        if event.get(name):
            elements = ("".join(self.field(key, each[key]) for key in ("epcClass", "quantity", "uom") if key in each) for each in event[name])
            yield name + "".join(sorted("quantityElement" + each for each in elements))

    def _persistent(self, event: Mapping[str, Any]) -> Iterator[str]:
        said = event.get("persistentDisposition")
        if said:
            words = [sorted(self.field(name, each, "disposition") for each in said.get(name, ())) for name in ("set", "unset")]
            yield "persistentDisposition" + "".join(words[0] + words[1])

    def _sensors(self, event: Mapping[str, Any]) -> Iterator[str]:
        if event.get("sensorElementList"):
            yield "sensorElementList" + "".join(sorted("sensorElement" + self._sensor(each) for each in event["sensorElementList"]))

    def _sensor(self, element: Mapping[str, Any]) -> str:
        parts = []
        if element.get("sensorMetadata"):
            parts.append("sensorMetadata" + self._element(element["sensorMetadata"], _METADATA, self.field))
        parts += sorted("sensorReport" + self._element(each, _REPORT, self._report_field) for each in element["sensorReport"])
        return "".join(parts) + self._extensions(element)

    def _report_field(self, name: str, value: Any) -> str:
        return self.field(name, value, "measurement" if name == "type" else _KINDS.get(name, ""))

    def _element(self, element: Mapping[str, Any], names: tuple[str, ...] | list[str], write: Callable[[str, Any], str]) -> str:
        return "".join(write(name, element[name]) for name in names if name in element) + self._extensions(element)

    def _extensions(self, element: Mapping[str, Any]) -> str:
        return "".join(sorted(text for name, value in element.items() if ":" in name and name not in _LEFT_OUT for text in self._free(name, value)))

    def rest(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Fields without a place in the order."""
        for name, (kind, field) in _PAIRS.items():
            if event.get(name):
                pairs = ((self.field("type", each["type"], kind) if "type" in each else "") + self.field(field, each[field]) for each in event[name])
                yield name + "".join(sorted(pairs))
        for name, value in event.items():
            if (":" in name or name == "ilmd") and name not in _LEFT_OUT:
                yield from self._free(name, value)

    def _free(self, name: str, value: Any) -> Iterator[str]:
        """A field of any form: lists are its repetition, objects what is in them, sorted."""
        if isinstance(value, list):
            for each in value:
                yield from self._free(name, each)
        elif isinstance(value, dict):
            inner = sorted(text for key, each in value.items() if key not in _LEFT_OUT for text in self._free(key, each))
            yield self.name(name) + "".join(inner)
        else:
            text = "" if value is None else self.value(value)
            yield self.name(name) + (f"={text}" if text else "")


def _web(text: str) -> str:
    for kind in ("bizStep", "disposition", "transaction", "party", "reason"):
        word = vocabulary.bare_word(kind, text) if text.startswith("urn:epcglobal:cbv:") else text
        if word != text:
            return vocabulary.web_uri(kind, word)
    return text


def _number(text: str) -> str:
    try:
        value = float(text)
        return str(int(value)) if value == int(value) else str(value)
    except (ValueError, OverflowError):
        return text


def _time(text: str) -> str:
    at = instant_of(text)
    if at is None:
        return text
    utc = at.astimezone(UTC)
    ms = round(utc.microsecond, -3)
    return written(utc.replace(microsecond=0) + timedelta(microseconds=ms))


def declaration_key(event: Mapping[str, Any]) -> str:
    """What an error declaration says, for telling two of them apart; empty when the event has none."""
    said = event.get("errorDeclaration")
    return "" if said is None else hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

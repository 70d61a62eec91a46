# SPDX-License-Identifier: Apache-2.0
"""The forms of EPCIS 2.0: events of all types, documents with events and master data, query documents (EPCIS 2.0, sections 7 and 9; its JSON Schema)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from central.trace import vocabulary
from central.trace.faults import Fault
from central.trace.shapes import (
    Checker,
    action,
    alert,
    anything,
    biz_step,
    boolean,
    component,
    disposition,
    either,
    error_reason,
    extension_only,
    hexadecimal,
    is_uri,
    many,
    measurement,
    number,
    offset,
    party_type,
    structure,
    text,
    time,
    transaction_type,
    uom,
    uri,
    version,
)

_QUANTITY = structure({"epcClass": uri, "quantity": number, "uom": uom}, ("epcClass",), extensions=False)
_QUANTITIES = many(_QUANTITY)
_EPCS = many(uri)
_EPC_SET = many(uri, unique=True)
_PLACE = structure({"id": uri}, ("id",))
_TRANSACTION = structure({"type": transaction_type, "bizTransaction": uri}, ("bizTransaction",), extensions=False)
_SOURCE = structure({"type": party_type, "source": uri}, ("type", "source"), extensions=False)
_DESTINATION = structure({"type": party_type, "destination": uri}, ("type", "destination"), extensions=False)
_DECLARATION = structure({"declarationTime": time, "reason": error_reason, "correctiveEventIDs": many(uri)}, ("declarationTime",))
_METADATA = structure(
    {
        "time": time,
        "startTime": time,
        "endTime": time,
        **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), uri),
    }
)
_REPORT = structure(
    {
        "type": measurement,
        "exception": alert,
        "time": time,
        "component": component,
        "stringValue": text,
        "booleanValue": boolean,
        "hexBinaryValue": hexadecimal,
        "uom": text,
        **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), number),
        **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), uri),
        **dict.fromkeys(("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"), uri),
    },
    ("type",),
)
_SENSOR = structure({"sensorMetadata": _METADATA, "sensorReport": many(_REPORT, least=1)}, ("sensorReport",))


def _persistent(value: Any, at: str) -> Iterator[Fault]:
    words = many(disposition, least=1, unique=True)
    yield from structure({"set": words, "unset": words}, extensions=False)(value, at)
    if isinstance(value, dict) and not value.keys() & {"set", "unset"}:
        yield Fault(at, "has neither set nor unset")


def _context(value: Any, at: str) -> Iterator[Fault]:
    part = either(anything, uri, dict)
    yield from (many(part, unique=True) if isinstance(value, list) else part)(value, at)


_COMMON: Mapping[str, Checker] = {
    "@context": _context,
    "type": text,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": offset,
    "eventID": uri,
    "certificationInfo": either(many(uri), uri, list),
    "errorDeclaration": _DECLARATION,
    "bizStep": biz_step,
    "disposition": disposition,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": many(_TRANSACTION),
    "sourceList": many(_SOURCE),
    "destinationList": many(_DESTINATION),
    "sensorElementList": many(_SENSOR),
}
_WHEN = ("eventTime", "eventTimeZoneOffset")
_CHILDREN: Mapping[str, Checker] = {**_COMMON, "action": action, "parentID": uri, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES}
_OBJECT: Mapping[str, Checker] = {
    **_COMMON,
    "action": action,
    "epcList": _EPC_SET,
    "quantityList": _QUANTITIES,
    "persistentDisposition": _persistent,
    "ilmd": extension_only,
}
_TRANSACTED: Mapping[str, Checker] = {
    **_COMMON,
    "action": action,
    "parentID": uri,
    "epcList": _EPCS,
    "quantityList": _QUANTITIES,
    "bizTransactionList": many(_TRANSACTION, least=1),
}
_TRANSFORMED: Mapping[str, Checker] = {
    **_COMMON,
    "inputEPCList": _EPC_SET,
    "inputQuantityList": _QUANTITIES,
    "outputEPCList": _EPC_SET,
    "outputQuantityList": _QUANTITIES,
    "transformationID": uri,
    "persistentDisposition": _persistent,
    "ilmd": extension_only,
}
_FORMS: Mapping[str, Checker] = {
    "ObjectEvent": structure(_OBJECT, (*_WHEN, "action")),
    "AggregationEvent": structure(_CHILDREN, (*_WHEN, "action")),
    "AssociationEvent": structure(_CHILDREN, (*_WHEN, "action", "parentID")),
    "TransactionEvent": structure(_TRANSACTED, (*_WHEN, "action", "bizTransactionList")),
    "TransformationEvent": structure(_TRANSFORMED, _WHEN),
}
_EXTENDED = structure({**_CHILDREN, **_OBJECT, **_TRANSFORMED, "childEPCs": _EPCS}, _WHEN)
"""An event of a type of one's own: its fields are those of the standard or have a prefix."""


def event_faults(event: Any, at: str = "") -> Iterator[Fault]:
    """What is wrong with the form of an event in a document."""
    if not isinstance(event, dict):
        yield Fault(at, "is not an object")
        return
    kind = event.get("type")
    if not isinstance(kind, str):
        yield Fault(at, "type is missing" if kind is None else "type is not text")
    elif kind in _FORMS:
        yield from _FORMS[kind](event, at)
        yield from (Fault(at, fault) for fault in _what(kind, event))
    elif is_uri(kind):
        yield from _EXTENDED(event, at)
    else:
        yield Fault(f"{at}/type", f"{kind!r} is none of {', '.join(vocabulary.EVENT_TYPES)}, and no URI of a type of your own")


def _what(kind: str, event: Mapping[str, Any]) -> Iterator[str]:
    """What an event must say of its goods."""
    deletes = event.get("action") == "DELETE"
    if kind == "ObjectEvent":
        sensed = bool(event.get("sensorElementList")) and "readPoint" in event
        if "epcList" not in event and not event.get("quantityList") and not sensed:
            yield "says nothing of goods: give epcList, quantityList, or sensorElementList with readPoint"
        if "ilmd" in event and event.get("action") != "ADD":
            yield "ilmd belongs to action ADD only"
    elif kind in ("AggregationEvent", "AssociationEvent"):
        if not event.get("childEPCs") and not event.get("childQuantityList") and not deletes:
            yield "has no children: give childEPCs or childQuantityList"
    elif kind == "TransactionEvent":
        if "epcList" not in event and not event.get("quantityList") and not deletes:
            yield "says nothing of goods: give epcList or quantityList"
    else:
        yield from _transformed(event)


def _transformed(event: Mapping[str, Any]) -> Iterator[str]:
    put_in = event.get("inputEPCList") or event.get("inputQuantityList")
    came_out = event.get("outputEPCList") or event.get("outputQuantityList")
    if "transformationID" in event:
        if not put_in and not came_out:
            yield "has neither input nor output"
    elif not put_in or not came_out:
        yield "has no " + ("output" if put_in else "input") + ": give both, or a transformationID that joins several events"


_ATTRIBUTE = structure({"id": uri, "attribute": anything}, ("id",))
_ELEMENT = structure({"id": uri, "type": text, "isA": text, "attributes": many(_ATTRIBUTE), "children": many(uri)}, ("id",))
_VOCABULARY = structure({"type": uri, "vocabularyElementList": many(_ELEMENT)}, ("type",))


def _attributes(value: Any, at: str) -> Iterator[Fault]:
    """An attribute is text, a number or an object."""
    for n, vocabulary_ in enumerate(value):
        for m, element in enumerate(vocabulary_.get("vocabularyElementList", ())):
            for k, each in enumerate(element.get("attributes", ())):
                given = each.get("attribute", "")
                if given is None or isinstance(given, bool | list):
                    yield Fault(f"{at}/{n}/vocabularyElementList/{m}/attributes/{k}/attribute", "is neither text, a number nor an object")


def _vocabularies(value: Any, at: str) -> Iterator[Fault]:
    found = list(many(_VOCABULARY)(value, at))
    yield from found or _attributes(value, at)


_MASTER_DATA = structure({"vocabularyList": _vocabularies})
_HEADER = structure({"epcisMasterData": _MASTER_DATA})
_events = many(event_faults)
_DOCUMENT = structure(
    {
        "@context": _context,
        "id": uri,
        "type": text,
        "schemaVersion": version,
        "creationDate": time,
        "instanceIdentifier": text,
        "sender": text,
        "receiver": text,
        "epcisHeader": _HEADER,
        "epcisBody": structure({"eventList": _events}, ("eventList",)),
    },
    ("@context", "type", "schemaVersion", "creationDate", "epcisBody"),
)
_RESULTS = structure({"eventList": _events, "vocabularyList": _vocabularies}, ("eventList",))
_QUERY_RESULTS = structure({"queryName": text, "subscriptionID": text, "resultsBody": _RESULTS}, ("queryName", "resultsBody"))
_QUERY_DOCUMENT = structure(
    {
        "@context": _context,
        "id": uri,
        "type": text,
        "schemaVersion": version,
        "creationDate": time,
        "epcisBody": structure({"queryResults": _QUERY_RESULTS}, ("queryResults",)),
    },
    ("@context", "type", "epcisBody"),
)


def document_faults(document: Any) -> list[Fault]:
    """What is wrong with the form of an EPCISDocument, an EPCISQueryDocument, or an event that stands alone (with its @context)."""
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        return [Fault("", "is no object with a type; send an EPCISDocument (its events in epcisBody/eventList), or one event")]
    kind = document["type"]
    if kind == "EPCISDocument":
        return list(_DOCUMENT(document, ""))
    if kind == "EPCISQueryDocument":
        return list(_QUERY_DOCUMENT(document, ""))
    missing = [] if "@context" in document else [Fault("", "@context is missing")]
    return missing + list(event_faults(document))


def events_of(document: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Where the events of a well-formed document stand (JSON Pointer), and the events."""
    if document["type"] == "EPCISDocument":
        return "/epcisBody/eventList", document["epcisBody"]["eventList"]
    if document["type"] == "EPCISQueryDocument":
        return "/epcisBody/queryResults/resultsBody/eventList", document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return "", [document]


def vocabularies_of(document: Mapping[str, Any]) -> list[Any]:
    """Master data of a well-formed document."""
    if document["type"] == "EPCISDocument":
        return list(document.get("epcisHeader", {}).get("epcisMasterData", {}).get("vocabularyList", ()))
    if document["type"] == "EPCISQueryDocument":
        return list(document["epcisBody"]["queryResults"]["resultsBody"].get("vocabularyList", ()))
    return []

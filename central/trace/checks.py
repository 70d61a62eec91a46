# SPDX-License-Identifier: Apache-2.0
"""What the schema of EPCIS 2.0 lets through and the standard's text, or the sense of it, does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from central.trace import naming, vocabulary
from central.trace.faults import Fault
from central.trace.shapes import escape, instant_of

AHEAD_MAX = timedelta(days=1)
"""So far may a clock that says when something happened be ahead of ours."""
_GS1_CONTEXTS = ("https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/", "http://gs1.github.io/EPCIS/")
_EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_CLASS_LINK = re.compile(r"https://id\.gs1\.org/(?:01/[0-9]{14}|8006/[0-9]{18})(?:/10/.+)?")
_INSTANCE_LINK = re.compile(r"https://id\.gs1\.org/(?:(?:01|8006)/[0-9]+/(?:21|235)/.+|00/.+)")


def prefixes(context: Any) -> dict[str, str] | None:
    """Prefixes that a @context declares beside those of the standard; None: it names a context of others, which may declare any."""
    if any(isinstance(part, str) and not part.startswith(_GS1_CONTEXTS) for part in _parts(context)):
        return None
    return {**vocabulary.CONTEXT_PREFIXES, **namespaces(context)}


def namespaces(context: Any) -> dict[str, str]:
    """Prefixes that a @context declares itself, with their namespaces."""
    found: dict[str, str] = {}
    for part in _parts(context):
        if isinstance(part, dict):
            found |= {name: value for name, value in part.items() if isinstance(value, str) and not name.startswith("@")}
            found |= {name: value["@id"] for name, value in part.items() if isinstance(value, dict) and isinstance(value.get("@id"), str)}
    return found


def beyond_the_standard(context: Any) -> list[Any]:
    """The parts of a @context beside the standard's own."""
    return [part for part in _parts(context) if not isinstance(part, str) or not part.startswith(_GS1_CONTEXTS)]


def _parts(context: Any) -> list[Any]:
    return context if isinstance(context, list) else [context]


def undeclared(value: Any, known: Mapping[str, str] | None, at: str = "") -> Iterator[Fault]:
    """Fields whose prefix no @context declares. `known`: of `prefixes`."""
    if known is None:
        return
    if isinstance(value, list):
        for n, each in enumerate(value):
            yield from undeclared(each, known, f"{at}/{n}")
    elif isinstance(value, dict):
        own = known if "@context" not in value or not at else _joined(known, prefixes(value["@context"]))
        for name, each in value.items():
            if name != "@context":
                prefix, colon, _ = name.partition(":")
                if colon and own is not None and prefix not in own and prefix not in vocabulary.ABSOLUTE:
                    yield Fault(f"{at}/{escape(name)}", f"the prefix {prefix!r} is declared in no @context", form=False)
                yield from undeclared(each, own, f"{at}/{escape(name)}")


def _joined(outer: Mapping[str, str], inner: Mapping[str, str] | None) -> Mapping[str, str] | None:
    return None if inner is None else {**outer, **inner}


def rule_faults(event: Mapping[str, Any], now: datetime, at: str = "") -> Iterator[Fault]:
    """What is wrong with a well-formed event."""
    for place, text in (*_of_identifiers(event), *_of_goods(event), *_of_times(event, now)):
        yield Fault(at + place, text, form=False)


def _of_identifiers(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _EPC_LISTS:
        for n, each in enumerate(event.get(name, ())):
            yield from _of_instance(each, f"/{name}/{n}")
    for name in _QUANTITY_LISTS:
        for n, each in enumerate(event.get(name, ())):
            yield from _of_class(each["epcClass"], f"/{name}/{n}/epcClass")
    if "parentID" in event:
        yield from _of_instance(event["parentID"], "/parentID")
    for name in ("readPoint", "bizLocation"):
        if name in event:
            yield from _malformed(event[name]["id"], f"/{name}/id")
    for name, field in (("sourceList", "source"), ("destinationList", "destination")):
        for n, each in enumerate(event.get(name, ())):
            yield from _malformed(each[field], f"/{name}/{n}/{field}")


def _malformed(uri: str, at: str) -> Iterator[tuple[str, str]]:
    try:
        naming.canonical(uri)
    except naming.NamingError as error:
        yield at, str(error)


def _of_instance(uri: str, at: str) -> Iterator[tuple[str, str]]:
    found = list(_malformed(uri, at))
    yield from found
    if not found and (uri.startswith(("urn:epc:class:", "urn:epc:idpat:", "urn:epc:tag:")) or _CLASS_LINK.fullmatch(naming.canonical(uri))):
        yield at, f"{uri!r} names a class of goods, not one object; give it as epcClass with its quantity"


def _of_class(uri: str, at: str) -> Iterator[tuple[str, str]]:
    found = list(_malformed(uri, at))
    yield from found
    if not found and (uri.startswith("urn:epc:id:") or _INSTANCE_LINK.fullmatch(naming.canonical(uri))):
        yield at, f"{uri!r} names one object, not a class of goods; give it in the list of EPCs"


def _of_goods(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if event["type"] == "AggregationEvent" and event["action"] != "OBSERVE" and "parentID" not in event:
        yield "", f"parentID is missing: action {event['action']} says to what the children are added or from what they are taken"
    for name in _EPC_LISTS:
        seen: dict[str, int] = {}
        for n, each in enumerate(event.get(name, ())):
            same = naming.canonical_or_same(each)
            if same in seen:
                yield f"/{name}/{n}", f"{each!r} is the same object as entry {seen[same]}"
            seen.setdefault(same, n)
    children = {naming.canonical_or_same(each) for each in event.get("childEPCs", ())}
    if "parentID" in event and naming.canonical_or_same(event["parentID"]) in children:
        yield "/parentID", "the parent is one of its own children"
    for name in _QUANTITY_LISTS:
        for n, each in enumerate(event.get(name, ())):
            if "quantity" in each and each["quantity"] <= 0:
                yield f"/{name}/{n}/quantity", f"{each['quantity']} is not more than nothing"
            if "uom" in each and "quantity" not in each:
                yield f"/{name}/{n}", "has a unit of measure and no quantity"


def _of_times(event: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    happened = instant_of(event["eventTime"])
    if happened is not None and happened > now + AHEAD_MAX:
        yield "/eventTime", f"{event['eventTime']} is in the future (it is {now:%Y-%m-%dT%H:%M:%SZ})"
    for n, element in enumerate(event.get("sensorElementList", ())):
        metadata = element.get("sensorMetadata", {})
        start, end = instant_of(metadata.get("startTime", "")), instant_of(metadata.get("endTime", ""))
        if start is not None and end is not None and start > end:
            yield f"/sensorElementList/{n}/sensorMetadata", f"ends ({metadata['endTime']}) before it begins ({metadata['startTime']})"

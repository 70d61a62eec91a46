# SPDX-License-Identifier: Apache-2.0
"""JSON Schema and AsyncAPI 3 of everything on the wire, made from the structs themselves; `make docs` writes them to contracts/generated/."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from contracts import topics, wire
from contracts.commands import AnyCommand
from contracts.events import LANES, AnyEvent
from contracts.readings import AnyReading

WIRE_VERSION = "1"
"""Stands in every topic; a breaking change of a message raises it and needs a decision record."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WIRE_MESSAGES: tuple[type[msgspec.Struct], ...] = (wire.Batch, wire.Ack, wire.GatewayState, wire.CentralState)

Document = dict[str, Any]


def members(union: Any) -> tuple[type[msgspec.Struct], ...]:
    """The structs of a union such as AnyEvent, in the order of their declaration."""
    return typing.get_args(union)


def _without_discriminators(node: Any) -> Any:
    """msgspec writes OpenAPI's discriminator object, which neither JSON Schema nor AsyncAPI knows; `type` is an enum of one in every struct anyhow."""
    if isinstance(node, dict):
        return {key: _without_discriminators(value) for key, value in node.items() if key != "discriminator"}
    return [_without_discriminators(item) for item in node] if isinstance(node, list) else node


def components(structs: Iterable[type[msgspec.Struct]], ref_template: str) -> Document:
    """Schemas of the structs and of all that they use, by name; `ref_template` holds `{name}`."""
    _, found = msgspec.json.schema_components(structs, ref_template=ref_template)
    schemas: Document = _without_discriminators(found)
    batch = schemas.get("Batch")
    if batch is not None:
        # Events stay raw in the struct so that a poison one can be kept as it came; on the wire each is an Event.
        batch["properties"]["events"]["items"] = {"anyOf": [{"$ref": ref_template.format(name=event.__name__)} for event in members(AnyEvent)]}
    return dict(sorted(schemas.items()))


def _union_document(title: str, description: str, structs: tuple[type[msgspec.Struct], ...]) -> Document:
    used = (*structs, *members(AnyEvent)) if wire.Batch in structs else structs
    return {
        "$schema": DIALECT,
        "$id": f"urn:dockline:schema:{title.lower()}:{WIRE_VERSION}",
        "title": title,
        "description": description,
        "anyOf": [{"$ref": f"#/$defs/{struct.__name__}"} for struct in structs],
        "$defs": components(used, "#/$defs/{name}"),
    }


def _message(struct: type[msgspec.Struct]) -> Document:
    return {
        "name": struct.__name__,
        "title": struct.__name__,
        "summary": (struct.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{struct.__name__}"},
    }


def _parameters(*names: str) -> Document:
    known: Document = {
        "partition": {"description": f"Partition of the site: 0 to {topics.PARTITIONS - 1}, from its name (see contracts/topics.py)."},
        "site": {"description": "Name of the site."},
        "gateway": {"description": "Name of the gateway, unique within the site."},
        "lane": {"description": "movements: goods, picks, alarms. telemetry: temperatures and health.", "enum": list(LANES)},
    }
    return {name: known[name] for name in names}


def _channel(leaf: str, title: str, description: str, messages: Iterable[type[msgspec.Struct]]) -> Document:
    names = ("partition", "site", "gateway", *(["lane"] if "{lane}" in leaf else []))
    return {
        "address": f"{topics.PREFIX}/{{partition}}/{{site}}/{{gateway}}/{leaf}",
        "title": title,
        "description": description,
        "parameters": _parameters(*names),
        "messages": {struct.__name__: {"$ref": f"#/components/messages/{struct.__name__}"} for struct in messages},
    }


def _channels() -> Document:
    return {
        "up": _channel("up/{lane}", "Events", "Batches of events of one lane, in order, without holes. QoS 1, not retained.", [wire.Batch]),
        "ack": _channel("ack", "Acknowledgements", "Central has committed up to here; only now may the gateway forget. QoS 1.", [wire.Ack]),
        "down": _channel("down", "Commands", "What central asks of a gateway. QoS 1; answered by the event CommandAnswered.", members(AnyCommand)),
        "state": _channel("state", "Birth and death of a gateway", "Retained; the broker publishes the death as the gateway's will.", [wire.GatewayState]),
        "centralState": {
            "address": topics.CENTRAL_STATE,
            "title": "Birth and death of central",
            "description": "Retained; says which compressions central reads.",
            "messages": {"CentralState": {"$ref": "#/components/messages/CentralState"}},
        },
    }


def _operation(action: str, channel: str, summary: str, messages: Iterable[str]) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": 1, "retain": channel in ("state", "centralState"), "bindingVersion": "0.2.0"}},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }


def asyncapi() -> Document:
    """The AsyncAPI 3.0 document, seen from central: what it receives and what it sends."""
    structs = (*WIRE_MESSAGES, *members(AnyCommand), *members(AnyEvent))
    commands = [command.__name__ for command in members(AnyCommand)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dockline wire",
            "version": f"{WIRE_VERSION}.0.0",
            "description": "What gateways and the central service say to each other over MQTT. JSON, or one zstd frame of it where central's state lists zstd.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": {
            "receiveEvents": _operation("receive", "up", "Take a batch of events; acknowledge after the commit.", ["Batch"]),
            "acknowledge": _operation("send", "ack", "Say what is committed, or ask for what is missing.", ["Ack"]),
            "command": _operation("send", "down", "Ask a gateway to do something before a deadline.", commands),
            "watchGateways": _operation("receive", "state", "Learn that a gateway came or went.", ["GatewayState"]),
            "announceCentral": _operation("send", "centralState", "Tell gateways that central came or went.", ["CentralState"]),
        },
        "components": {
            "messages": {struct.__name__: _message(struct) for struct in (*WIRE_MESSAGES, *members(AnyCommand))},
            "schemas": components(structs, "#/components/schemas/{name}"),
        },
    }


def documents() -> dict[str, Document]:
    """File name in contracts/generated/ -> document."""
    return {
        "events.json": _union_document("Events", "What happened to goods or to an alarm, as a gateway says it.", members(AnyEvent)),
        "commands.json": _union_document("Commands", "What central asks of a gateway.", members(AnyCommand)),
        "readings.json": _union_document("Readings", "What drivers make of bytes; printed by `dockline device try --json`.", members(AnyReading)),
        "wire.json": _union_document("Wire", "Messages on MQTT topics.", WIRE_MESSAGES),
        "asyncapi.json": asyncapi(),
    }


def text_of(document: Document) -> str:
    """A document as it is committed: indented, one newline at the end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"

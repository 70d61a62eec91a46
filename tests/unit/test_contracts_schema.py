# SPDX-License-Identifier: Apache-2.0
"""Generated JSON Schema and AsyncAPI: fresh, valid, and true of the golden messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts import schema, topics

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "contracts" / "generated"
GOLDEN = Path(__file__).parent / "golden"
KINDS = ("events", "commands", "readings", "wire")


def _committed(name: str) -> Any:
    return json.loads((GENERATED / name).read_text())


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    return [ref for item in node for ref in _references(item)] if isinstance(node, list) else []


def _resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), f"{reference} points outside the document"
    for part in reference[2:].split("/"):
        document = document[part]
    return document


@pytest.mark.parametrize("name", sorted(schema.documents()))
def test_generated_document_is_fresh(name: str) -> None:
    committed = (GENERATED / name).read_text()

    assert committed == schema.text_of(schema.documents()[name]), f"contracts/generated/{name} is stale; run: make docs"


def test_generated_folder_holds_nothing_else() -> None:
    assert {path.name for path in GENERATED.iterdir()} == set(schema.documents())


@pytest.mark.parametrize("kind", KINDS)
def test_json_schema_is_valid_json_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(_committed(f"{kind}.json"))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_message_satisfies_its_schema(path: Path) -> None:
    document = _committed(f"{path.parent.name}.json")
    one = {"$ref": f"#/$defs/{path.stem}", "$defs": document["$defs"]}

    jsonschema.Draft202012Validator(one, format_checker=jsonschema.FormatChecker()).validate(json.loads(path.read_text()))


def test_schema_refuses_an_event_without_direction() -> None:
    message = json.loads((GOLDEN / "events" / "PalletPassed.json").read_text())
    del message["direction"]

    assert not jsonschema.Draft202012Validator(_committed("events.json")).is_valid(message)


def test_asyncapi_document_satisfies_the_asyncapi_schema() -> None:
    official = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text())

    errors = sorted(error.message for error in jsonschema.Draft7Validator(official).iter_errors(_committed("asyncapi.json")))

    assert errors == []


@pytest.mark.parametrize("name", sorted(schema.documents()))
def test_every_reference_resolves_within_its_document(name: str) -> None:
    document = _committed(name)

    for reference in _references(document):
        assert _resolve(document, reference) is not None, reference


def test_asyncapi_addresses_are_the_topics_that_the_code_uses() -> None:
    address = topics.GatewayAddress(17, "shanghai-1", "dock-1")
    channels = _committed("asyncapi.json")["channels"]

    filled = {name: channel["address"].format(partition=17, site="shanghai-1", gateway="dock-1", lane="movements") for name, channel in channels.items()}

    assert filled == {
        "up": address.topic("up/movements"),
        "ack": address.topic("ack"),
        "down": address.topic("down"),
        "state": address.topic("state"),
        "centralState": topics.CENTRAL_STATE,
    }

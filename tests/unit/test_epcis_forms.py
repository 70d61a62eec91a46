# SPDX-License-Identifier: Apache-2.0
"""The forms of EPCIS 2.0 against its official JSON Schema (with format checkers), and event hashes against the standard's reference implementation."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from central.trace import checks, forms, hashing, naming

pytestmark = pytest.mark.requirement("X10")

DATA = Path(__file__).parents[1] / "captures" / "epcis"
EXAMPLES = sorted((DATA / "examples").glob("*.jsonld"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEED = 20261122
VALUES: tuple[Any, ...] = (
    *(None, True, 1, -1.5, "", "x", [], {}, ["a", "a"], {"id": "urn:x:y"}, "urn:epc:id:sgtin:1.2", "example:a", "http://e.x/ä", "a:", "a b:c", "https://"),
    *("2020-01-01T00:00:00", "2020-02-30T00:00:00Z", "2020-01-01t00:00:00z", "2020-01-01T24:00:00Z", "ADD", "DELETE", "OBSERVE", "receiving", "recieving"),
    *("urn:epcglobal:cbv:bizstep:receiving", "https://ref.gs1.org/cbv/BizStep-receiving", "+14:30", "+14:00", "KGM", "kg", "http://[::1]/x", "_:b1", "éa:b"),
)
NAMES = (
    *("bareField", "example:ext", "ilmd", "persistentDisposition", "certificationInfo", "recordTime", "parentID", "childEPCs", "epcList", "quantityList"),
    *("action", "transformationID", "@context", "errorDeclaration", "type", "uom", "time", "a b"),
)


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DATA / name).read_text())
    return read


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*at, key))


def there(value: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        value = value[key]
    return value


def mutate(whole: dict[str, Any], chance: random.Random) -> None:
    """One thing is left out, replaced, added or renamed."""
    *above, last = chance.choice(list(places(whole))[1:])
    parent = there(whole, tuple(above))
    what, value = chance.random(), copy.deepcopy(chance.choice(VALUES))
    if what < 0.25:
        del parent[last]
    elif what < 0.6:
        parent[last] = value
    elif isinstance(parent, dict):
        parent[chance.choice(NAMES)] = value if what < 0.8 else parent.pop(last)
    else:
        parent.append(copy.deepcopy(parent[0]) if chance.random() < 0.5 else value)


@pytest.mark.slow
def test_no_document_passes_here_that_the_official_schema_refuses() -> None:
    chance = random.Random(SEED)
    schema = Draft7Validator(document("EPCIS-JSON-Schema.json"), format_checker=FormatChecker())
    originals = [
        *(document(f"examples/{path.name}") for path in EXAMPLES),
        document("every_field.jsonld") | {"schemaVersion": "2.0", "creationDate": "2026-11-22T00:00:00Z"},
    ]
    agreed = {True: 0, False: 0}
    stricter: list[str] = []
    for _ in range(900):
        whole = copy.deepcopy(chance.choice(originals))
        mutate(whole, chance)
        official, faults = schema.is_valid(whole), forms.document_faults(whole)
        assert official or faults, f"seed {SEED}: {[error.message for error in schema.iter_errors(whole)][:3]}"
        agreed[official] += not (official and faults)
        stricter += [faults[0].text] if official and faults else []

    assert agreed[True] > 200
    assert agreed[False] > 500
    # Stricter only where a field without a prefix stands that JSON-LD would drop without a word, or a name that no URI has.
    assert [text for text in stricter if "is no field here" not in text and "is no URI" not in text and "not one of" not in text] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_official_example_has_no_fault_and_the_reference_hashes(path: Path) -> None:
    whole = document(f"examples/{path.name}")
    _, events = forms.events_of(whole)

    assert forms.document_faults(whole) == []
    for event in events:
        assert list(checks.rule_faults(event, NOW)) == []
        assert list(checks.undeclared(event, checks.prefixes(whole["@context"]))) == []
    assert [hashing.event_hash(event, checks.namespaces(whole["@context"])) for event in events] == document("hashes.json")[path.name]


def test_hash_of_events_with_every_field_is_that_of_the_reference() -> None:
    whole = document("every_field.jsonld")
    made = [hashing.event_hash(event, checks.namespaces(whole["@context"])) for event in whole["epcisBody"]["eventList"]]

    assert made == document("hashes.json")["../every_field.jsonld"]


def test_hash_is_the_same_in_every_spelling_of_an_event() -> None:
    event = document("examples/Example_9.6.1-ObjectEvent.jsonld")["epcisBody"]["eventList"][0]
    other = {
        **event,
        "epcList": ["https://example.com/gtin/10614141073464/ser/2018", "https://id.gs1.org/01/10614141073464/21/2017?a=b"],
        "eventTime": "2005-04-04T02:33:31.1160Z",
        "readPoint": {"id": "https://id.gs1.org/414/0614141073467/254/1234"},
        "recordTime": "2026-01-01T00:00:00Z",
        "eventID": "urn:uuid:other",
    }

    assert hashing.event_hash(other, {}) == hashing.event_hash(event, {})
    assert hashing.event_hash({**other, "action": "ADD"}, {}) != hashing.event_hash(event, {})


@pytest.mark.parametrize(
    ("urn", "link"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", "https://id.gs1.org/01/10614141073464/21/2017"),
        ("urn:epc:id:sgtin:0614141.107346.a%2Fb", "https://id.gs1.org/01/10614141073464/21/a%2Fb"),
        ("urn:epc:class:lgtin:4012345.012345.998877", "https://id.gs1.org/01/04012345123456/10/998877"),
        ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652"),
        ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
        ("urn:epc:id:sgln:0614141.07346.1234", "https://id.gs1.org/414/0614141073467/254/1234"),
        ("urn:epc:id:sgln:0614141.00777.0", "https://id.gs1.org/414/0614141007776"),
        ("urn:epc:id:pgln:4012345.00225", "https://id.gs1.org/417/4012345002256"),
        ("urn:epc:id:grai:4012345.55555.987", "https://id.gs1.org/8003/04012345555554987"),
        ("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111"),
        ("urn:epc:id:gdti:0614141.00001.1618034", "https://id.gs1.org/253/06141410000121618034"),
        ("urn:epc:id:gsrn:0614141.0000010253", "https://id.gs1.org/8018/061414100000102534"),
        ("urn:epc:id:gsrnp:0614141.0000010253", "https://id.gs1.org/8017/061414100000102534"),
        ("urn:epc:id:gsin:0614141.123456789", "https://id.gs1.org/402/06141411234567890"),
        ("urn:epc:id:ginc:0614141.xyz3311cba", "https://id.gs1.org/401/0614141xyz3311cba"),
        ("urn:epc:id:cpi:0614141.5PQ7%2FZ43.12345", "https://id.gs1.org/8010/06141415PQ7%2FZ43/8011/12345"),
        ("urn:epc:idpat:cpi:0614141.5PQ7%2FZ43.*", "https://id.gs1.org/8010/06141415PQ7%2FZ43"),
        ("urn:epc:id:sgcn:4012345.67890.04711", "https://id.gs1.org/255/401234567890104711"),
        ("urn:epc:idpat:sgcn:4012345.67890.*", "https://id.gs1.org/255/4012345678901"),
        ("urn:epc:idpat:grai:4012345.55555.*", "https://id.gs1.org/8003/04012345555554"),
        ("urn:epc:id:itip:4012345.012345.04.04.987", "https://id.gs1.org/8006/040123451234560404/21/987"),
        ("urn:epc:idpat:itip:4012345.012345.04.04.*", "https://id.gs1.org/8006/040123451234560404"),
        ("urn:epc:id:upui:4012345.012345.51qIgY)%3C%26Jp3*j7'SDB", "https://id.gs1.org/01/04012345123456/235/51qIgY%29%3C%26Jp3%2Aj7'SDB"),
    ],
)
def test_urn_and_digital_link_are_one_identifier(urn: str, link: str) -> None:
    assert naming.canonical(urn) == naming.canonical(link) == link
    assert naming.as_urn(link) == urn


@pytest.mark.parametrize(
    ("field", "value", "write"),
    [
        ("epcList", ["3074257BF7194E4000001A85"], "urn:epc:id:sgtin:0614141.812345.6789"),
        ("epcList", ["(01)80614141123458(21)6789"], "https://id.gs1.org/01/80614141123458/21/6789"),
        ("epcList", ["00106141412345678908"], "https://id.gs1.org/00/106141412345678908"),
        ("epcList", ["urn:epc:tag:sgtin-96:3.0614141.812345.6789"], "urn:epc:id:sgtin:0614141.812345.6789"),
        ("bizStep", "urn:epcglobal:cbv:bizstep:receiving", "receiving"),
        ("disposition", "In transit", "in_transit"),
        ("action", "observe", "OBSERVE"),
    ],
)
def test_what_scanners_and_older_systems_say_is_refused_with_what_to_write(field: str, value: Any, write: str) -> None:
    event = {**document("examples/Example_9.6.1-ObjectEvent.jsonld")["epcisBody"]["eventList"][0], field: value}
    (fault,) = [*forms.event_faults(event)] or checks.rule_faults(event, NOW)

    assert fault.at.startswith(f"/{field}")
    assert fault.text.endswith(f"; write {write}")


@pytest.mark.parametrize(
    "uri",
    [
        "urn:epc:id:sgtin:0614141.107346",
        "urn:epc:id:sgtin:0614141.1073460.1",
        "urn:epc:id:sgtin:0614141.107346.a b",
        "urn:epc:id:nothing:1.2.3",
        "urn:epc:id:sscc:0614141.12345678901",
        "https://id.gs1.org/01/10614141073465/21/2017",
        "https://id.gs1.org/01/1061414107346/21/2017",
        "https://id.gs1.org/nothing",
        "https://shop.example/00/106141412345678900",
    ],
)
def test_malformed_identifier_is_refused(uri: str) -> None:
    with pytest.raises(naming.NamingError):
        naming.canonical(uri)


@pytest.mark.parametrize("uri", ["https://shop.example/01/about", "http://transaction.acme.com/po/12345678", "geo:42.6,23.3", "urn:epc:id:gid:1.2.3"])
def test_other_identifiers_stay_as_they_are(uri: str) -> None:
    assert naming.canonical(uri) == uri

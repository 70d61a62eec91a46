# SPDX-License-Identifier: Apache-2.0
"""EPCIS 2.0 over HTTP: what is captured is found again, by every name that it has."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from central.app import create_app
from central.settings import Settings
from central.trace import forms

pytestmark = pytest.mark.requirement("X10")

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
BASE = "/api/v1/epcis"
EXAMPLES = {path.name: path.read_text() for path in (Path(__file__).parents[1] / "captures" / "epcis" / "examples").glob("*.jsonld")}
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SGTIN = "urn:epc:id:sgtin:0614141.107346.2017"
SGTIN_LINK = "https://id.gs1.org/01/10614141073464/21/2017"
SSCC = "urn:epc:id:sscc:0614141.1234567890"
PLACE = "urn:epc:id:sgln:0614141.07346.1234"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """One for all tests, for it takes longer to make than they do; each test gives it its own database."""
    return create_app(Settings(f"sqlite:///{tmp_path_factory.mktemp('epcis')}/none.db", allowed_hosts=("test",)), lambda: NOW)


@pytest.fixture
async def http(app: FastAPI, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    app.state.engine = engine
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


def event(**changes: Any) -> dict[str, Any]:
    made = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-21T08:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [SGTIN],
        "action": "OBSERVE",
        "bizStep": "receiving",
        "readPoint": {"id": PLACE},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def document(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "@context": [CONTEXT, {"example": "http://ns.example.com/epcis/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-21T08:00:00Z",
        "epcisBody": {"eventList": list(events)},
        **changes,
    }


async def capture(http: httpx.AsyncClient, *events: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await http.post(f"{BASE}/capture", json=document(*events), headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = (await http.get(answer.headers["location"])).json()
    return job


async def found(http: httpx.AsyncClient, path: str = "/events", *, headers: dict[str, str] | None = None, **parameters: str) -> list[dict[str, Any]]:
    answer = await http.get(BASE + path, params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


async def test_captured_document_is_a_job_that_is_done_and_its_events_are_found(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{BASE}/capture", json=document(event(eventID="urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8")))
    job = (await http.get(answer.headers["location"])).json()

    assert (answer.status_code, job["running"], job["success"], job["errors"], job["captured"]) == (202, False, True, [], 1)
    assert answer.headers["gs1-epcis-version"] == "2.0"
    (one,) = await found(http)
    assert one.pop("recordTime") == "2026-11-22T08:00:00.000Z"
    assert one == event(eventID="urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8")


async def test_event_without_an_id_gets_the_hash_of_its_content_and_is_stored_once(http: httpx.AsyncClient) -> None:
    same = event(epcList=[SGTIN_LINK], eventTime="2026-11-21T00:00:00Z")
    await capture(http, event())
    again = await capture(http, event(), same)

    assert (again["success"], again["captured"]) == (True, 0)
    (one,) = await found(http)
    assert one["eventID"].startswith("ni:///sha-256;")
    (by_id,) = await found(http, "/events/" + quote(one["eventID"], safe=""))
    assert by_id == one


async def test_same_id_with_other_content_is_refused_and_nothing_of_the_document_is_stored(http: httpx.AsyncClient) -> None:
    await capture(http, event(eventID="urn:uuid:1"))
    job = await capture(http, event(epcList=[SSCC]), event(eventID="urn:uuid:1", bizStep="shipping"))

    assert job["success"] is False
    assert [each["at"] for each in job["errors"]] == ["/epcisBody/eventList/1/eventID"]
    assert len(await found(http)) == 1


async def test_proceed_stores_the_good_events_and_says_where_the_others_are_wrong(http: httpx.AsyncClient) -> None:
    job = await capture(http, event(bizStep="recieving"), event(), event(epcList=["urn:epc:id:sgtin:061.1.1"]), GS1_Capture_Error_Behaviour="proceed")

    assert (job["success"], job["captured"]) == (False, 1)
    assert [each["at"] for each in job["errors"]] == ["/epcisBody/eventList/0/bizStep", "/epcisBody/eventList/2/epcList/0"]
    assert len(await found(http)) == 1


_LET_THROUGH: list[tuple[dict[str, Any], str]] = [
    ({"type": "AggregationEvent", "epcList": None, "childEPCs": [SGTIN], "action": "ADD"}, ""),
    ({"epcList": [SGTIN, SGTIN_LINK]}, "/epcList/1"),
    ({"eventTime": "2027-01-01T00:00:00Z"}, "/eventTime"),
    ({"epcList": ["https://id.gs1.org/01/10614141073465/21/2017"]}, "/epcList/0"),
    ({"epcList": ["urn:epc:id:sgtin:0614141.7346.2017"]}, "/epcList/0"),
    ({"epcList": ["urn:epc:class:lgtin:4012345.012345.998877"]}, "/epcList/0"),
    ({"quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 0}]}, "/quantityList/0/quantity"),
    ({"nobody:knows": "x"}, "/nobody:knows"),
]


async def test_what_the_schema_lets_through_is_refused_with_its_place(http: httpx.AsyncClient) -> None:
    for changes, at in _LET_THROUGH:
        job = await capture(http, event(**changes))
        alone = await http.post(f"{BASE}/events", json={"@context": CONTEXT, **event(**changes)})

        assert [each["at"] for each in job["errors"]] == ["/epcisBody/eventList/0" + at]
        assert (alone.status_code, alone.json()["type"]) == (400, "epcisException:ValidationException")
        assert [each["at"] for each in alone.json()["errors"]] == [at]
    assert await found(http) == []


async def test_document_without_the_form_of_one_is_refused_at_once(http: httpx.AsyncClient) -> None:
    no_body = await http.post(f"{BASE}/capture", json={key: value for key, value in document().items() if key != "epcisBody"})
    bare_field = await http.post(f"{BASE}/capture", json=document(event(bareField="x")))
    no_json = await http.post(f"{BASE}/capture", content=b"{", headers={"content-type": "application/json"})
    other_type = await http.post(f"{BASE}/capture", content=b"<a/>", headers={"content-type": "application/xml"})
    too_many = await http.post(f"{BASE}/capture", json=document(*[event()] * 1001))
    other_version = await http.post(f"{BASE}/capture", json=document(event()), headers={"GS1-EPCIS-Version": "1.2"})

    assert [each.status_code for each in (no_body, bare_field, no_json, other_type, too_many, other_version)] == [400, 400, 400, 415, 413, 406]
    assert bare_field.json()["errors"][0]["at"] == "/epcisBody/eventList/0/bareField"
    assert too_many.headers["gs1-epcis-capture-limit"] == "1000"
    assert too_many.json()["type"] == "epcisException:CaptureLimitExceededException"


async def test_one_event_is_answered_with_its_address(http: httpx.AsyncClient) -> None:
    made = await http.post(f"{BASE}/events", json={"@context": CONTEXT, **event()}, headers={"content-type": "application/ld+json"})
    read = await http.get(made.headers["location"])

    assert (made.status_code, read.status_code) == (201, 200)
    assert read.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["eventID"] == made.json()["eventID"]


async def test_urn_and_digital_link_find_the_same_events_and_are_answered_as_asked(http: httpx.AsyncClient) -> None:
    await capture(http, event(epcList=[SGTIN]), event(epcList=["https://id.gs1.org/01/10614141073464/21/2018"]))

    for same in (SGTIN, SGTIN_LINK, "https://shop.example/gtin/10614141073464/ser/2017?x=1"):
        assert [each["epcList"] for each in await found(http, MATCH_epc=same)] == [[SGTIN]]
    links = await found(http, headers={"GS1-EPC-Format": "Always_GS1_Digital_Link"})
    urns = await found(http, headers={"GS1-EPC-Format": "Always_EPC_URN"})
    assert links[0]["epcList"] + links[1]["epcList"] == [SGTIN_LINK, "https://id.gs1.org/01/10614141073464/21/2018"]
    assert urns[0]["epcList"] + urns[1]["epcList"] == [SGTIN, "urn:epc:id:sgtin:0614141.107346.2018"]
    assert urns[0]["readPoint"] == {"id": PLACE}
    assert len(await found(http, MATCH_epc="urn:epc:idpat:sgtin:0614141.107346.*")) == 2
    assert len(await found(http, f"/epcs/{quote(SGTIN_LINK, safe='')}/events")) == 1


async def test_every_kind_of_parameter_finds_its_event(http: httpx.AsyncClient) -> None:
    whole = event(
        type="AggregationEvent",
        epcList=None,
        eventID="urn:uuid:whole",
        parentID=SSCC,
        childEPCs=[SGTIN],
        childQuantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200.5, "uom": "KGM"}],
        action="ADD",
        bizStep="packing",
        disposition="in_progress",
        bizLocation={"id": "urn:epc:id:sgln:0614141.00888.0"},
        bizTransactionList=[{"type": "po", "bizTransaction": "http://transaction.acme.com/po/12345678"}],
        sourceList=[{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}],
        destinationList=[{"type": "location", "destination": "urn:epc:id:sgln:0614141.00777.0"}],
        sensorElementList=[
            {
                "sensorMetadata": {"time": "2026-11-20T08:00:00Z", "deviceID": "urn:epc:id:giai:4000001.111"},
                "sensorReport": [{"type": "Temperature", "value": 26.0, "uom": "CEL", "exception": "ALARM_CONDITION"}],
            }
        ],
        **{"example:myField": "x", "example:size": {"example:depth": 12}},
    )
    made = event(
        type="TransformationEvent",
        action=None,
        epcList=None,
        eventID="urn:uuid:made",
        inputEPCList=[SSCC],
        outputQuantityList=[{"epcClass": "urn:epc:idpat:sgtin:4012345.044444.*", "quantity": 3}],
        transformationID="urn:epc:id:gdti:0614141.12345.400",
        persistentDisposition={"set": ["completeness_verified"]},
        ilmd={"example:bestBefore": "2026-12-01", "cbvmda:lotNumber": "L1"},
    )
    job = await capture(
        http, whole, made, event(eventID="urn:uuid:other", epcList=["urn:x:z"], bizStep="shipping", readPoint=None, eventTime="2026-11-01T00:00:00Z")
    )
    assert job["errors"] == []

    expected = {
        "whole": [
            ("eventType", "AggregationEvent"),
            ("EQ_action", "ADD"),
            ("EQ_bizStep", "packing|loading"),
            ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:packing"),
            ("EQ_disposition", "https://ref.gs1.org/cbv/Disp-in_progress"),
            ("EQ_bizLocation", "https://id.gs1.org/414/0614141008889"),
            ("EQ_bizTransaction_po", "http://transaction.acme.com/po/12345678"),
            ("EQ_source_owning_party", "https://id.gs1.org/417/4012345002256"),
            ("EQ_destination_location", "urn:epc:id:sgln:0614141.00777.0"),
            ("MATCH_parentID", SSCC),
            ("MATCH_epc", SGTIN + "|urn:x:y"),
            ("MATCH_epcClass", "https://id.gs1.org/01/04012345123456/10/998877"),
            ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.*"),
            ("EQ_quantity_KGM", "200.5"),
            ("GT_quantity", "200"),
            ("EXISTS_sensorElementList", ""),
            ("GE_time", "2026-11-20T08:00:00Z"),
            ("EQ_type", "Temperature"),
            ("EQ_deviceID", "https://id.gs1.org/8004/4000001111"),
            ("GE_value_CEL", "26"),
            ("EQ_exception", "ALARM_CONDITION"),
            ("EQ_example:myField", "x"),
            ("EXISTS_example:myField", ""),
            ("GT_INNER_example:depth", "11"),
            ("EQ_eventID", "urn:uuid:whole"),
        ],
        "made": [
            ("MATCH_inputEPC", SSCC),
            ("MATCH_outputEPCClass", "urn:epc:idpat:sgtin:4012345.044444.*"),
            ("EQ_transformationID", "https://id.gs1.org/253/0614141123452400"),
            ("EQ_persistentDisposition_set", "completeness_verified"),
            ("EQ_ILMD_cbvmda:lotNumber", "L1"),
            ("EXISTS_ILMD_example:bestBefore", ""),
        ],
        "other": [("LT_eventTime", "2026-11-02T00:00:00+08:00"), ("EQ_bizStep", "shipping")],
    }
    for name, parameters in expected.items():
        for parameter, value in parameters:
            assert [each["eventID"] for each in await found(http, **{parameter: value})] == [f"urn:uuid:{name}"], parameter
    anywhere = await found(http, MATCH_anyEPC=SSCC)
    assert {each["eventID"] for each in anywhere} == {"urn:uuid:whole", "urn:uuid:made"}
    assert len(await found(http, WD_readPoint="urn:epc:id:sgln:0614141.07346.0")) == 2
    assert len(await found(http, GE_recordTime="2026-11-22T08:00:00Z")) == 3


_UNANSWERED = [
    ("EQ_colour", "red", 400, "QueryParameterException"),
    ("GE_eventTime", "yesterday", 400, "QueryParameterException"),
    ("EQ_action", "TAKE", 400, "QueryParameterException"),
    ("orderBy", "colour", 400, "QueryParameterException"),
    ("perPage", "0", 400, "QueryParameterException"),
    ("nextPageToken", "no", 400, "QueryParameterException"),
    ("GT_quantity", "many", 400, "QueryParameterException"),
    ("maxEventCount", "1", 413, "QueryTooLargeException"),
    ("HASATTR_colour", "x", 400, "QueryParameterException"),
    ("EQATTR_readPoint", "x", 400, "QueryParameterException"),
]


async def test_query_that_cannot_be_answered_is_refused_by_the_standards_name(http: httpx.AsyncClient) -> None:
    await capture(http, event(), event(bizStep="shipping"))
    for parameter, value, status, kind in _UNANSWERED:
        answer = await http.get(f"{BASE}/events", params={parameter: value})

        assert (answer.status_code, answer.json()["type"]) == (status, f"epcisException:{kind}"), parameter


async def test_pages_give_every_event_once_in_order_while_others_come(http: httpx.AsyncClient) -> None:
    await capture(http, *(event(epcList=[f"{SGTIN}{n}"], eventTime=f"2026-11-21T08:00:{n:02}Z") for n in range(10)))
    times: list[str] = []
    address: str | None = f"{BASE}/events?orderBy=eventTime&orderDirection=ASC&perPage=3&eventCountLimit=8"
    while address:
        answer = await http.get(address)
        times += [each["eventTime"] for each in answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
        address = answer.links.get("next", {}).get("url")
        await capture(http, event(eventTime=f"2026-11-20T08:00:{len(times):02}Z"))

    assert times == [f"2026-11-21T08:00:{n:02}Z" for n in range(8)]


async def test_error_declaration_stands_beside_the_event_that_it_takes_back(http: httpx.AsyncClient) -> None:
    wrong = event(eventID="urn:uuid:wrong")
    declared = {**wrong, "errorDeclaration": {"declarationTime": "2026-11-22T00:00:00Z", "reason": "incorrect_data", "correctiveEventIDs": ["urn:uuid:right"]}}
    other = {**declared, "bizStep": "shipping"}
    await capture(http, wrong)
    await capture(http, declared, event(eventID="urn:uuid:right", bizStep="accepting"))
    refused = await capture(http, {**other, "errorDeclaration": {"declarationTime": "2026-11-22T01:00:00Z"}})

    both = await found(http, "/events/urn:uuid:wrong")
    assert ["errorDeclaration" in each for each in both] == [False, True]
    for parameter, value in (
        ("EXISTS_errorDeclaration", ""),
        ("EQ_errorReason", "incorrect_data"),
        ("EQ_correctiveEventID", "urn:uuid:right"),
        ("GE_errorDeclarationTime", "2026-11-22T00:00:00Z"),
    ):
        assert [each["eventID"] for each in await found(http, **{parameter: value})] == ["urn:uuid:wrong"], parameter
    assert refused["success"] is False


async def test_top_level_resources_list_what_stands_in_events(http: httpx.AsyncClient) -> None:
    await capture(http, event(), event(epcList=[SSCC], bizStep="shipping", disposition="in_transit"))

    assert (await http.get(f"{BASE}/eventTypes")).json()["eventType"] == ["ObjectEvent"]
    assert (await http.get(f"{BASE}/bizSteps")).json()["bizStep"] == ["receiving", "shipping"]
    assert (await http.get(f"{BASE}/dispositions")).json()["disposition"] == ["in_transit"]
    assert (await http.get(f"{BASE}/readPoints", headers={"GS1-EPC-Format": "Always_EPC_URN"})).json()["readPoint"] == [PLACE]
    first = await http.get(f"{BASE}/epcs", params={"perPage": "1"})
    second = await http.get(first.links["next"]["url"])
    assert first.json()["epc"] + second.json()["epc"] == ["https://id.gs1.org/00/106141412345678908", SGTIN_LINK]
    assert [each["bizStep"] for each in await found(http, "/bizSteps/shipping/events")] == ["shipping"]
    assert (await http.get(f"{BASE}/bizSteps/shipping")).json() == ["events"]
    assert (await http.get(f"{BASE}/bizSteps/packing")).status_code == 404
    assert (await http.get(f"{BASE}/events/urn:uuid:none")).json()["type"] == "epcisException:NoSuchNameException"


_ALLOWED = {
    "": "OPTIONS, GET",
    "/capture": "OPTIONS, GET, POST",
    "/capture/0f8b2c6d": "OPTIONS, GET",
    "/events": "OPTIONS, GET, POST",
    "/events/ni%3A%2F%2F%2Fsha-256;df": "OPTIONS, GET",
    **{
        f"/{name}{rest}": "OPTIONS, GET"
        for name in ("eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions")
        for rest in ("", "/x", "/x/events")
    },
    "/queries": "OPTIONS, GET, POST",
    "/queries/q": "OPTIONS, GET, DELETE",
    "/queries/q/events": "OPTIONS, GET",
    "/queries/q/subscriptions": "OPTIONS, GET, POST",
    "/queries/q/subscriptions/df5a33e3": "OPTIONS, GET, DELETE",
}
"""Every path of the standard's REST binding that it gives OPTIONS, and the methods there."""


async def test_options_of_every_path_say_what_is_spoken_here(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        for path, allowed in _ALLOWED.items():
            answer = await http.options(BASE + path)

            assert (answer.status_code, answer.headers["allow"]) == (204, allowed), path
            assert [answer.headers[f"gs1-{name}"] for name in ("epcis-min", "epcis-max", "cbv-min", "cbv-max")] == ["2.0"] * 4
            assert answer.headers["gs1-epc-format"] == answer.headers["gs1-cbv-xml-format"] == "Never_Translates"
        limits = (await http.options(f"{BASE}/capture")).headers
    assert (limits["gs1-epcis-capture-limit"], limits["gs1-capture-error-behaviour"]) == ("1000", "rollback")


async def test_named_query_gives_its_events_until_it_is_deleted(http: httpx.AsyncClient) -> None:
    await capture(http, event(), event(bizStep="shipping"))
    query = {"name": "out", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["shipping", "departing"], "eventCountLimit": 5}}
    made = await http.post(f"{BASE}/queries", json=query)
    again = await http.post(f"{BASE}/queries", json=query)
    other = await http.post(f"{BASE}/queries", json={"name": "out", "query": {}})
    wrong = await http.post(f"{BASE}/queries", json={"name": "wrong", "query": {"EQ_colour": ["red"]}})

    assert [each.status_code for each in (made, again, other, wrong)] == [201, 201, 409, 400]
    assert [each["bizStep"] for each in await found(http, "/queries/out/events")] == ["shipping"]
    assert [each["name"] for each in (await http.get(f"{BASE}/queries")).json()] == ["out"]
    assert (await http.delete(made.headers["location"])).status_code == 204
    assert (await http.get(made.headers["location"])).status_code == 404


async def test_master_data_say_which_places_lie_within_others_and_what_they_are_like(http: httpx.AsyncClient) -> None:
    hall, door = "urn:epc:id:sgln:0037000.00729.0", "urn:epc:id:sgln:0614141.00001.0"
    attributes = [{"id": "cbvmda:sst", "attribute": 201}, {"id": "example:address", "attribute": {"example:city": "Fancy"}}]
    header = {
        "epcisMasterData": {
            "vocabularyList": [
                {
                    "type": "urn:epcglobal:epcis:vtype:ReadPoint",
                    "vocabularyElementList": [{"id": hall, "children": [door]}, {"id": door, "attributes": attributes}],
                }
            ]
        }
    }
    answer = await http.post(f"{BASE}/capture", json=document(event(readPoint={"id": door}), epcisHeader=header))

    assert answer.status_code == 202
    assert len(await found(http, WD_readPoint=hall)) == 1
    assert await found(http, EQ_readPoint=hall) == []
    for parameter, value, number in (
        ("HASATTR_readPoint", "http://ns.example.com/epcis/address|x:y", 1),
        ("HASATTR_readPoint", "cbvmda:ssa", 0),
        ("HASATTR_bizLocation", "cbvmda:sst", 0),
        ("EQATTR_readPoint_urn:epcglobal:cbv:mda:sst", "201|202", 1),
        ("EQATTR_readPoint_cbvmda:sst", "202", 0),
        ("HASATTR_epc", "cbvmda:sst", 0),
        ("HASATTR_source", "cbvmda:sst", 0),
    ):
        assert len(await found(http, **{parameter: value})) == number, parameter


async def test_query_document_is_captured_as_a_document_is(http: httpx.AsyncClient) -> None:
    results = {"queryName": "q", "resultsBody": {"eventList": [event(**{"example:own": 1})]}}
    body = {key: value for key, value in document().items() if key != "creationDate"} | {"type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}}
    answer = await http.post(f"{BASE}/capture", json=body)
    whole = (await http.get(f"{BASE}/events")).json()

    assert answer.status_code == 202
    assert whole["@context"] == [CONTEXT, {"example": "http://ns.example.com/epcis/"}]
    assert whole["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["example:own"] == 1
    captured_again = await http.post(f"{BASE}/capture", json=copy.deepcopy(whole))
    assert (await http.get(captured_again.headers["location"])).json()["captured"] == 0
    assert json.loads(json.dumps(whole)) == whole


async def test_official_examples_are_given_back_as_they_came(http: httpx.AsyncClient) -> None:
    before: list[dict[str, Any]] = []
    for name in sorted(EXAMPLES):
        whole = json.loads(EXAMPLES[name])
        _, sent = forms.events_of(whole)
        new = [each for each in sent if each not in before]  # some examples share events, which are stored once
        answer = await http.post(f"{BASE}/capture", json=whole)
        job = (await http.get(answer.headers["location"])).json()

        assert (job["success"], job["errors"], job["captured"]) == (True, [], len(new)), name
        back = (await http.get(f"{BASE}/events", params={"perPage": "1000"})).json()
        given = back["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        for event_ in given:
            del event_["recordTime"]
        assert given == [*before, *new], name
        assert all(part in back["@context"] for part in whole["@context"]), name
        assert forms.document_faults(back) == []
        before = given

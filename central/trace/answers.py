# SPDX-License-Identifier: Apache-2.0
"""What routes of EPCIS answer and take, with the examples that the documentation shows."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from central.trace.vocabulary import CONTEXT

EVENT: dict[str, Any] = {
    "@context": CONTEXT,
    "type": "ObjectEvent",
    "eventID": "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8",
    "eventTime": "2026-11-21T08:00:00.000+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:sscc:0614141.1234567890"],
    "action": "OBSERVE",
    "bizStep": "receiving",
    "disposition": "in_progress",
    "readPoint": {"id": "urn:epc:id:sgln:0614141.12345.3"},
}
_BARE = {name: value for name, value in EVENT.items() if name != "@context"}
DOCUMENT: dict[str, Any] = {
    "@context": [CONTEXT],
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-21T08:00:01Z",
    "epcisBody": {"eventList": [_BARE]},
}
QUERY = {"name": "arrivals", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["receiving"]}}
SUBSCRIPTION = {
    "dest": "https://client.example.com/callback",
    "signatureToken": "9oUr2kRqGq7d",
    "schedule": {"hour": "1", "minute": "5"},
    "reportIfEmpty": True,
}
_ANSWERED = {
    "@context": [CONTEXT],
    "type": "EPCISQueryDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-21T08:00:02Z",
    "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [{**_BARE, "recordTime": "2026-11-21T00:00:01.000Z"}]}}},
}
_JOB = {
    "captureID": "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d",
    "createdAt": "2026-11-21T08:00:01.000Z",
    "finishedAt": "2026-11-21T08:00:01.000Z",
    "running": False,
    "success": True,
    "captureErrorBehaviour": "rollback",
    "captured": 1,
    "errors": [],
}


def _like(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="allow", serialize_by_alias=True, json_schema_extra={"examples": list(examples)})


class EventOut(BaseModel):
    """An event of EPCIS 2.0."""

    model_config = _like(EVENT)

    type: str = Field(description="ObjectEvent, AggregationEvent, AssociationEvent, TransactionEvent, TransformationEvent, or a URI")


class QueryDocumentOut(BaseModel):
    """Events as an EPCISQueryDocument."""

    model_config = _like(_ANSWERED)

    type: str = Field(description="EPCISQueryDocument")


class ItemListOut(BaseModel):
    """What of a resource stands in events."""

    model_config = _like({"@context": CONTEXT, "type": "BizStepItemList", "bizStep": ["receiving", "shipping"]})

    type: str


class JobOut(BaseModel):
    """A capture job."""

    model_config = _like(_JOB)

    captureID: str  # noqa: N815  # the standard's name
    running: bool = Field(description="always false: a job is done within its request")
    success: bool = Field(description="false: there was an error; with rollback nothing was stored then")
    captured: int = Field(description="events that were not known before")
    errors: list[dict[str, Any]] = Field(description="problems; `at` is the place in the document (JSON Pointer)")


class QueryOut(BaseModel):
    """A named query."""

    model_config = _like({**QUERY, "createdAt": "2026-11-21T08:00:00.000Z"})

    name: str
    query: dict[str, Any]


class SubscriptionOut(BaseModel):
    """A subscription of a named query."""

    model_config = _like(
        {
            "subscriptionID": "df5a33e3-5aa3-5403-ae01-99b83234e27b",
            "queryName": "arrivals",
            "dest": "https://client.example.com/callback",
            "createdAt": "2026-11-21T08:00:00.000Z",
            "reportIfEmpty": True,
            "schedule": {"hour": "1", "minute": "5"},
        }
    )

    subscriptionID: str  # noqa: N815  # the standard's name
    queryName: str  # noqa: N815
    dest: str = Field(description="where results are posted")
    createdAt: str  # noqa: N815
    reportIfEmpty: bool = Field(description="by a schedule: also when there is nothing to tell")  # noqa: N815

# SPDX-License-Identifier: Apache-2.0
"""Routes of webhooks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field, StrictBool
from sqlalchemy import Connection

from central.database import in_transaction, reading
from central.errors import NotFoundError
from central.etags import Precondition, Seen
from central.examples import answer, body
from central.facts import RequestKey
from central.paging import After, Limit, Page
from central.requests import Database, News, Now
from central.webhooks import endpoints, outbox, queries
from central.webhooks.event_types import EVENT_TYPES, TEST_TYPE

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Code = Annotated[str, Path(pattern=_CODE, description="name of the endpoint, chosen by you", examples=["erp"])]
Message = Annotated[str, Path(pattern=r"^msg_[0-9a-f]{32}$", description="the header webhook-id", examples=["msg_0f8b2c6d4e1a4f0b9c3d5e7f1a2b3c4d"])]
Subject = Annotated[str | None, Query(max_length=200)]
TypeName = Literal[
    "order.accepted",
    "order.released",
    "order.picked",
    "order.shipped",
    "order.cancelled",
    "order.backordered",
    "stock.transferred",
    "lot.recalled",
    "work_order.opened",
    "work_order.resolved",
    "shipment.label_created",
    "shipment.tracked",
    "return.received",
    "count.finished",
    "wave.released",
]
_AT = "2026-11-21T08:00:00Z"
_ENDPOINT = {
    "url": "https://erp.example.com/dockline",
    "types": ["order.shipped", "work_order.opened"],
    "site": "",
    "description": "orders of the shop",
    "enabled": True,
}
_MESSAGE = {"id": "msg_0f8b2c6d4e1a4f0b9c3d5e7f1a2b3c4d", "type": "order.shipped", "subject": "7f0c", "site": "s1", "made_at": _AT}
_DELIVERY = {
    "message": _MESSAGE["id"],
    "endpoint": "erp",
    "state": "dead",
    "attempts": 10,
    "next_at": _AT,
    "status": 500,
    "error": "status 500",
    "made_at": _AT,
    "ended_at": _AT,
}
_ATTEMPT = {"endpoint": "erp", "began_at": _AT, "took_ms": 12, "status": 500, "error": "", "answer": "internal error"}


class EndpointIn(BaseModel):
    """Where messages go, and which. They are signed by Standard Webhooks (https://www.standardwebhooks.com) and come at least once, in no promised order."""

    model_config = body(_ENDPOINT)

    url: str = Field(
        min_length=8, max_length=2000, description="http or https; link-local and cloud metadata addresses are refused, redirects are not followed"
    )
    types: list[TypeName] = Field(max_length=100, description="what to tell; of GET /api/v1/webhooks/event-types")
    site: str = Field("", max_length=64, description="only what happens at this site; empty: at all")
    description: str = Field("", max_length=200, description="for people")
    enabled: StrictBool = Field(True, description="false: messages wait until it is true again")


class EndpointOut(BaseModel):
    """An endpoint, without its secret."""

    model_config = answer({"code": "erp", **_ENDPOINT, "disabled_reason": "", "made_at": _AT})

    code: str = Field(description="its name")
    url: str
    types: list[str] = Field(description="what it is told, sorted")
    site: str
    description: str
    enabled: bool
    disabled_reason: str = Field(description="why Dockline itself disabled it; empty otherwise")
    made_at: datetime


class SecretOut(BaseModel):
    """What messages are signed with."""

    model_config = answer({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "old_secret_until": None})

    secret: str = Field(description="whsec_ and base64")
    old_secret_until: datetime | None = Field(description="until then the secret before signs too")


class SecretIn(BaseModel):
    """A new secret: yours, or one made by Dockline."""

    model_config = body({}, {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})

    secret: str | None = Field(None, max_length=100, description="whsec_ and base64 of 24 to 64 bytes; left out: one is made")


class EventTypeOut(BaseModel):
    """A type of message."""

    model_config = answer({"name": "order.shipped", "description": "the goods of an order left", "subject": "order id", "example": {"data": {}}})

    name: str
    description: str
    subject: str = Field(description="what its `subject` names")
    example: dict[str, Any] = Field(description="a whole payload")


class MessageOut(BaseModel):
    """Something that was told."""

    model_config = answer(_MESSAGE)

    id: str
    type: str
    subject: str
    site: str
    made_at: datetime


class AttemptOut(BaseModel):
    """One try to deliver."""

    model_config = answer(_ATTEMPT)

    endpoint: str
    began_at: datetime
    took_ms: int
    status: int | None = Field(description="of the answer; null when there was none")
    error: str
    answer: str = Field(description="the beginning of what came back")


class DeliveryOut(BaseModel):
    """How far a message is on its way to one endpoint."""

    model_config = answer(_DELIVERY)

    message: str
    endpoint: str
    state: Literal["pending", "delivered", "dead", "dropped"]
    attempts: int
    next_at: datetime = Field(description="while it is pending: not tried before")
    status: int | None
    error: str
    made_at: datetime
    ended_at: datetime | None


class DeadLetterOut(DeliveryOut):
    """A message that an endpoint did not take."""

    model_config = answer({**_DELIVERY, "type": "order.shipped", "subject": "7f0c", "site": "s1"})

    type: str
    subject: str
    site: str


class MessageWhole(MessageOut):
    """A message with its payload and its fate."""

    model_config = answer({**_MESSAGE, "payload": {"type": "order.shipped"}, "deliveries": [_DELIVERY], "attempts": [_ATTEMPT]})

    payload: dict[str, Any]
    deliveries: list[DeliveryOut]
    attempts: list[AttemptOut]


class MessageMade(BaseModel):
    """The id of a message on its way."""

    model_config = answer({"message": _MESSAGE["id"]})

    message: str


class Redelivery(BaseModel):
    """To whom a message goes once more."""

    model_config = body({"endpoint": "erp"})

    endpoint: str = Field(max_length=64, description="code of the endpoint")


class Recovery(BaseModel):
    """Which dead letters go once more."""

    model_config = body({"since": _AT})

    since: AwareDatetime = Field(description="those made at or after this instant")


class Recovered(BaseModel):
    """How many dead letters go once more."""

    model_config = answer({"messages": 3})

    messages: int


@router.get("/event-types")
def list_event_types() -> list[EventTypeOut]:
    """All types of messages, with what they mean; the list is closed and short."""
    return [
        EventTypeOut(
            name=each.name,
            description=each.description,
            subject=each.subject,
            example={"type": each.name, "timestamp": _AT, "data": {"subject": f"({each.subject})", "site": "s1", **each.example}},
        )
        for each in (*EVENT_TYPES, TEST_TYPE)
    ]


@router.get("/endpoints")
def list_endpoints(database: Database, after: After = None, limit: Limit = 100) -> Page[EndpointOut]:
    """Endpoints, by code."""
    with reading(database) as connection:
        return queries.endpoints(connection, after, limit)  # type: ignore[return-value]


def _unknown(code: str) -> NotFoundError:
    return NotFoundError("unknown_webhook_endpoint", f"there is no webhook endpoint {code}; GET /api/v1/webhooks/endpoints lists all")


def _endpoint(database: Database, code: str) -> dict[str, Any]:
    with reading(database) as connection:
        row = queries.endpoint_of(connection, code)
    if row is None:
        raise _unknown(code)
    return row


@router.get("/endpoints/{code}")
def get_endpoint(code: Code, database: Database, seen: Seen) -> EndpointOut:
    """One endpoint, with its ETag."""
    return seen.answer(EndpointOut.model_validate(_endpoint(database, code)))


@router.put("/endpoints/{code}")
def put_endpoint(code: Code, body: EndpointIn, database: Database, now: Now, news: News, precondition: Precondition) -> EndpointOut:
    """Make an endpoint, or change it; messages that wait for it go to its new address. A new one gets a secret, which `GET .../secret` shows."""
    wish = endpoints.Wish(body.url, frozenset(body.types), body.site, body.description, body.enabled)

    def work(connection: Connection) -> None:
        if precondition.any:
            row = endpoints.lock(connection, code) and queries.endpoint_of(connection, code)
            precondition.check(row and EndpointOut.model_validate(row))
        endpoints.keep(connection, code, wish, now)

    in_transaction(database, work)
    news.tell()
    return EndpointOut.model_validate(_endpoint(database, code))


@router.delete("/endpoints/{code}", status_code=204)
def delete_endpoint(code: Code, database: Database, now: Now, precondition: Precondition) -> None:
    """Remove an endpoint. What waits for it is dropped."""

    def work(connection: Connection) -> None:
        if precondition.any:
            row = endpoints.lock(connection, code) and queries.endpoint_of(connection, code)
            precondition.check(row and EndpointOut.model_validate(row))
        endpoints.remove(connection, code, now)

    in_transaction(database, work)


@router.get("/endpoints/{code}/secret")
def get_secret(code: Code, database: Database) -> SecretOut:
    """The secret with which an endpoint's messages are signed; the receiver needs it."""
    with reading(database) as connection:
        row = queries.secret_of(connection, code)
    if row is None:
        raise _unknown(code)
    return SecretOut.model_validate(row)


@router.post("/endpoints/{code}/secret")
def change_secret(code: Code, body: SecretIn, database: Database, now: Now, key: RequestKey) -> SecretOut:
    """Change the secret. For a day messages carry two signatures, one by each secret, so that the receiver can change over in its own time."""
    in_transaction(database, lambda connection: endpoints.change_secret(connection, code, body.secret, key, now))
    return get_secret(code, database)


@router.post("/endpoints/{code}/test", status_code=202)
def test_endpoint(code: Code, database: Database, now: Now, news: News) -> MessageMade:
    """Send a message of type webhook.test to one endpoint, whatever it subscribes to."""
    message = in_transaction(database, lambda connection: endpoints.try_out(connection, code, now))
    news.tell()
    return MessageMade(message=message)


@router.post("/endpoints/{code}/recover", status_code=202)
def recover_endpoint(code: Code, body: Recovery, database: Database, now: Now, news: News) -> Recovered:
    """Send all dead letters of an endpoint since an instant once more."""
    number = in_transaction(database, lambda connection: outbox.send_all_again(connection, code, body.since, now))
    news.tell()
    return Recovered(messages=number)


@router.get("/messages")
def list_messages(
    database: Database,
    type: TypeName | Literal["webhook.test"] | None = None,  # noqa: A002  # the standard's word
    subject: Subject = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[MessageOut]:
    """Messages, newest first; of one type or about one subject."""
    with reading(database) as connection:
        return queries.messages(connection, type, subject, after, limit)  # type: ignore[return-value]


@router.get("/messages/{message}")
def get_message(message: Message, database: Database) -> MessageWhole:
    """One message with its payload, its deliveries and every attempt."""
    with reading(database) as connection:
        row = queries.message_of(connection, message)
    if row is None:
        raise NotFoundError("unknown_webhook_message", f"there is no webhook message {message}; old ones are forgotten")
    return MessageWhole.model_validate({**row, "payload": json.loads(row["body"])})


@router.get("/dead-letters")
def list_dead_letters(database: Database, endpoint: Subject = None, after: After = None, limit: Limit = 100) -> Page[DeadLetterOut]:
    """What endpoints did not take in three days, newest first."""
    with reading(database) as connection:
        return queries.dead_letters(connection, endpoint, after, limit)  # type: ignore[return-value]


@router.post("/messages/{message}/redeliver", status_code=202)
def redeliver_message(message: Message, body: Redelivery, database: Database, now: Now, news: News) -> MessageMade:
    """Send a message to one of its endpoints once more."""
    in_transaction(database, lambda connection: outbox.send_again(connection, message, body.endpoint, now))
    news.tell()
    return MessageMade(message=message)

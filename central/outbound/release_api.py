# SPDX-License-Identifier: Apache-2.0
"""Routes that release orders, one or many. Requests that come at the same time share a transaction (`central.train`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy import Connection

from central.errors import DomainError
from central.facts import RequestKey, fact_of
from central.idempotency import keeps_own_answer
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.outbound.new_tasks import NewTask
from central.outbound.orders_api import OrderId
from central.outbound.release import Released, ReleasedLine, release_orders
from central.requests import Now
from central.train import Train, line_of

router = APIRouter(prefix="/api/v1", tags=["outbound"])

AT_ONCE_MAX = 500
"""Orders in one bulk release: one transaction, which holds the fences of all their items."""

_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_example_task: dict[str, JsonValue] = {
    "id": "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "line_id": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52/1",
    "place": "s1/A-01",
    "bin": "A-01",
    "zone": "A",
    "gateway": "gate-1",
    "station": "zone-a",
    "item": "milk",
    "lot": "L1",
    "owner": "",
    "unit": "",
    "requested": 4,
    "state": "lit",
    "colour": "green",
}
_example_answer: dict[str, JsonValue] = {
    "id": "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52",
    "number": "1001",
    "state": "released",
    "colour": "green",
    "lines": [{"n": 1, "item": "milk", "quantity": 4, "picked": 0, "reserved": 4, "short": 0}],
    "tasks": [_example_task],
}


class ReleaseIn(BaseModel):
    """Who releases an order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li"}]})

    actor: str = Field("api", max_length=200, description="who says so")
    hold_for_s: Annotated[int | None, Field(ge=1, le=31 * 86_400, description="give back what is not picked within so many seconds; null: never")] = None


class ReleasesIn(ReleaseIn):
    """Which orders to release together."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"orders": [_example_answer["id"]], "actor": "li"}]})

    orders: Annotated[list[_Id], Field(min_length=1, max_length=AT_ONCE_MAX, description="ids of orders; each is answered for itself")]


class ReleasedOut(BaseModel):
    """An order after its release, with the tasks that this release made."""

    model_config = ConfigDict(json_schema_extra={"examples": [_example_answer]})

    id: str
    number: str
    state: str
    colour: str
    lines: list[ReleasedLine]
    tasks: list[NewTask]


class Refusal(BaseModel):
    """Why an order was not released."""

    id: str
    status: int
    code: str
    detail: str


class ReleasesOut(BaseModel):
    """What became of each order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"released": [_example_answer], "refused": []}]})

    released: list[ReleasedOut]
    refused: list[Refusal]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to release an order. What is not picked by `deadline_at` is given back."""

    fact: Fact
    order_id: str
    deadline_at: datetime | None = None


def release_train(connection: Connection, asked: Sequence[Ask]) -> list[bytes | DomainError]:
    """Release orders; the answers as JSON, kept with their facts: the same request again gets the same bytes."""
    deadlines = {each.fact.id: each.deadline_at for each in asked if each.deadline_at is not None}
    results = release_orders(connection, [(each.fact, each.order_id) for each in asked], asked[0].fact.occurred_at, deadlines)
    kept: dict[str, bytes] = {}
    answers: list[bytes | DomainError] = []
    for each, result in zip(asked, results, strict=True):
        if isinstance(result, DomainError):
            answers.append(result)
            continue
        if not result.already:
            kept[each.fact.id] = _encoded(result)
        answers.append(kept.get(each.fact.id, result.answer or b"{}"))
    ledger.keep_answers(connection, kept)
    return answers


_encoder = msgspec.json.Encoder()


def _encoded(released: Released) -> bytes:
    shown = {name: getattr(released, name) for name in ("number", "state", "colour", "lines", "tasks")}
    return _encoder.encode({"id": released.order_id, **shown})


async def _train(request: Request) -> Train[Ask, bytes]:
    return line_of(request, "releases", release_train)


_Train = Annotated[Train[Ask, bytes], Depends(_train)]


def _ask(order_id: str, body: ReleaseIn, key: str, now: datetime) -> Ask:
    deadline_at = None if body.hold_for_s is None else now + timedelta(seconds=body.hold_for_s)
    return Ask(fact_of("OrderReleased", (order_id, key), body, body.actor, now), order_id, deadline_at)


@router.post("/orders/{order_id}/release", response_model=ReleasedOut)
@keeps_own_answer
async def release_order(order_id: OrderId, body: ReleaseIn, now: Now, key: RequestKey, train: _Train) -> Response:
    """Reserve the goods and light the pick tasks; again for what was short."""
    answer = await train.ride(_ask(order_id, body, key, now))
    return Response(answer, media_type="application/json")


@router.post("/releases", response_model=ReleasesOut)
@keeps_own_answer
async def release_many(body: ReleasesIn, now: Now, key: RequestKey, request: Request) -> Response:
    """Release many orders together. Each is answered for itself: one that cannot be released spoils none of the others."""
    said = ReleaseIn(actor=body.actor, hold_for_s=body.hold_for_s)
    asked = [_ask(order_id, said, key, now) for order_id in body.orders]
    state = request.app.state
    train: Train[Sequence[Ask], Sequence[bytes | DomainError]] = Train(state.engine, _many, state.changes)
    answers = await train.ride(asked)
    released = [answer for answer in answers if isinstance(answer, bytes)]
    refused = [
        {"id": each.order_id, "status": int(answer.status), "code": answer.code, "detail": answer.message}
        for each, answer in zip(asked, answers, strict=True)
        if isinstance(answer, DomainError)
    ]
    content = b'{"released":[' + b",".join(released) + b'],"refused":' + _encoder.encode(refused) + b"}"
    return Response(content, HTTPStatus.OK, media_type="application/json")


def _many(connection: Connection, asked: Sequence[Sequence[Ask]]) -> list[Sequence[bytes | DomainError]]:
    return [release_train(connection, each) for each in asked]

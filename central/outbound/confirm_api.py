# SPDX-License-Identifier: Apache-2.0
"""Routes that answer pick tasks, from the list or on a walk, one or many. Requests that come at the same time share a transaction (`central.train`)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from central.database import in_transaction, reading
from central.errors import DomainError
from central.facts import GivenKey, RequestKey, fact_of
from central.idempotency import keeps_own_answer
from central.outbound import naming, rules
from central.outbound.confirm_train import ConfirmTrain, ask_of
from central.outbound.orders_api import Said
from central.outbound.tour_answers import StopConfirmed
from central.requests import Database, News, Now
from central.stock.bodies import Serial

router = APIRouter(prefix="/api/v1", tags=["outbound"])

AT_ONCE_MAX = 500
_encoder = msgspec.json.Encoder()
UUID_TEXT = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
TASK_EXAMPLE = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
TourId = Annotated[str, Path(description="id of a tour")]
TaskId = Annotated[str, Path(pattern=UUID_TEXT, description="the task's id", examples=[TASK_EXAMPLE])]


class PickAnswer(Said):
    """What was taken for a pick task; less than requested is a short pick."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"quantity": 4, "actor": "li"}]})

    quantity: Annotated[int, Field(ge=0, le=10**12, description="in the item's smallest unit")]
    serials: list[Serial] = Field(default_factory=list, max_length=1000, description="of each piece, for an item tracked by serial; empty: scanned later")


class Answers(BaseModel):
    """What a picker took at a stop."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"task": TASK_EXAMPLE, "quantity": 4, "actor": "wang.fang"}]})

    task: str = Field(pattern=UUID_TEXT, description="id of the pick task")
    quantity: int = Field(ge=0, le=2**53, description="smallest units; fewer than asked is a short pick")
    serials: list[Serial] = Field(default_factory=list, max_length=1000, description="of each piece, for an item tracked by serial; empty: scanned later")
    actor: str = Field("api", max_length=64, description="who")


class PiecesNamed(Said):
    """Pieces that were picked for a task."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"serials": ["S1", "S2"], "actor": "li"}]})

    serials: list[Serial] = Field(min_length=1, max_length=1000)


class PiecesOut(BaseModel):
    """The named pieces of a task's order, of the task's item."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task": TASK_EXAMPLE, "serials": ["S1", "S2"]}]})

    task: str
    serials: list[str]


class PickAnswered(BaseModel):
    """What the answer was: full, short, over, repeated (said before), contradicted (something else was said before) or cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task": TASK_EXAMPLE, "verdict": "full"}]})

    task: str
    verdict: rules.PickVerdict


class TaskAnswer(BaseModel):
    """What was taken for one of many tasks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"task": TASK_EXAMPLE, "quantity": 4}]})

    task: Annotated[str, StringConstraints(pattern=UUID_TEXT)]
    quantity: Annotated[int, Field(ge=0, le=10**12, description="in the item's smallest unit; fewer than asked is a short pick")]
    serials: list[Serial] = Field(default_factory=list, max_length=1000, description="of each piece, for an item tracked by serial; empty: scanned later")


class PickAnswers(Said):
    """Answers to many tasks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirmations": [{"task": TASK_EXAMPLE, "quantity": 4}], "actor": "li"}]})

    confirmations: Annotated[list[TaskAnswer], Field(min_length=1, max_length=AT_ONCE_MAX)]


class PickRefused(BaseModel):
    """Why an answer was not taken."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task": TASK_EXAMPLE, "status": 404, "code": "unknown_task", "detail": "pick task ... is not known"}]}
    )

    task: str
    status: int
    code: str
    detail: str


class PicksAnswered(BaseModel):
    """What became of each answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answered": [{"task": TASK_EXAMPLE, "verdict": "full"}], "refused": []}]})

    answered: list[PickAnswered]
    refused: list[PickRefused]


@router.post("/pick-tasks/{task_id}/confirm", response_model=PickAnswered)
@keeps_own_answer
async def confirm_pick(task_id: TaskId, body: PickAnswer, now: Now, key: GivenKey, train: ConfirmTrain) -> Response:
    """Answer a pick task from the list; the same answer again changes nothing."""
    return (await train.ride(ask_of(task_id, body.quantity, body, body.actor, now, key, serials=body.serials))).response()


@router.post("/tours/{tour_id}/confirm", response_model=StopConfirmed)
@keeps_own_answer
async def confirm_stop(tour_id: TourId, body: Answers, now: Now, key: GivenKey, train: ConfirmTrain) -> Response:
    """Answer a stop and get the next one. The same answer again changes nothing."""
    return (await train.ride(ask_of(body.task, body.quantity, body, body.actor, now, key, tour_id, body.serials))).response()


@router.post("/pick-tasks/{task_id}/serials")
def name_pieces(task_id: TaskId, body: PiecesNamed, database: Database, now: Now, news: News, key: RequestKey) -> PiecesOut:
    """Name pieces that were picked without their serials. An order that only waits for them leaves; before it leaves, a wrong one can be exchanged."""
    fact = fact_of("PiecesNamed", (task_id, key), body, body.actor, now)
    in_transaction(database, lambda connection: naming.name_task(connection, fact, task_id, body.serials, now))
    news.tell()
    with reading(database) as connection:
        return PiecesOut(task=task_id, serials=naming.named_of(connection, task_id))


@router.post("/pick-confirmations", response_model=PicksAnswered)
async def confirm_picks(body: PickAnswers, now: Now, train: ConfirmTrain) -> Response:
    """Answer many pick tasks together. Each is answered for itself, as if it came alone: one that is refused spoils none of the others."""
    said = [PickAnswer(actor=body.actor, quantity=each.quantity, serials=each.serials) for each in body.confirmations]
    asked = [ask_of(each.task, one.quantity, one, one.actor, now, None, serials=one.serials) for each, one in zip(body.confirmations, said, strict=True)]
    answers = await asyncio.gather(*map(train.ride, asked), return_exceptions=True)
    answered, refused = [], []
    for each, answer in zip(body.confirmations, answers, strict=True):
        if isinstance(answer, DomainError):
            refused.append({"task": each.task, "status": int(answer.status), "code": answer.code, "detail": answer.message})
        elif isinstance(answer, BaseException):
            raise answer
        else:
            answered.append(answer.body)
    content = b'{"answered":[' + b",".join(answered) + b'],"refused":' + _encoder.encode(refused) + b"}"
    return Response(content, media_type="application/json")

# SPDX-License-Identifier: Apache-2.0
"""Routes that answer pick tasks, one or many. Requests that come at the same time share a transaction (`central.train`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from central.database import in_transaction
from central.errors import DomainError
from central.facts import fact_of
from central.outbound import rules
from central.outbound.confirmations import Confirmation, confirm_together
from central.outbound.orders_api import Said
from central.requests import Database, News, Now
from central.train import Train, line_of

router = APIRouter(prefix="/api/v1", tags=["outbound"])

AT_ONCE_MAX = 500
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_TASK = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
TaskId = Annotated[str, Path(pattern=_UUID, description="the task's id", examples=[_TASK])]


class PickAnswer(Said):
    """What was taken for a pick task; less than requested is a short pick."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"quantity": 4, "actor": "li"}]})

    quantity: Annotated[int, Field(ge=0, le=10**12, description="in the item's smallest unit")]


class PickAnswered(BaseModel):
    """What the answer was: full, short, over, repeated (said before), contradicted (something else was said before) or cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task": _TASK, "verdict": "full"}]})

    task: str
    verdict: rules.PickVerdict


class TaskAnswer(BaseModel):
    """What was taken for one of many tasks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"task": _TASK, "quantity": 4}]})

    task: Annotated[str, StringConstraints(pattern=_UUID)]
    quantity: Annotated[int, Field(ge=0, le=10**12)]


class PickAnswers(Said):
    """Answers to many tasks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirmations": [{"task": _TASK, "quantity": 4}], "actor": "li"}]})

    confirmations: Annotated[list[TaskAnswer], Field(min_length=1, max_length=AT_ONCE_MAX)]


class PickRefused(BaseModel):
    """Why an answer was not taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task": _TASK, "status": 404, "code": "unknown_task", "detail": "pick task ... is not known"}]})

    task: str
    status: int
    code: str
    detail: str


class PicksAnswered(BaseModel):
    """What became of each answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answered": [{"task": _TASK, "verdict": "full"}], "refused": []}]})

    answered: list[PickAnswered]
    refused: list[PickRefused]


async def _train(request: Request) -> Train[Confirmation, rules.PickVerdict]:
    return line_of(request, "confirmations", confirm_together)


@router.post("/pick-tasks/{task_id}/confirm")
async def confirm_pick(task_id: TaskId, body: PickAnswer, now: Now, train: Annotated[Train[Confirmation, rules.PickVerdict], Depends(_train)]) -> PickAnswered:
    """Answer a pick task from the list; the same answer again changes nothing."""
    fact = fact_of("PickConfirmed", (task_id, str(body.quantity)), body, body.actor, now)
    return PickAnswered(task=task_id, verdict=await train.ride(Confirmation(fact, task_id, body.quantity)))


@router.post("/pick-confirmations")
def confirm_picks(body: PickAnswers, database: Database, now: Now, news: News) -> PicksAnswered:
    """Answer many pick tasks together. Each is answered for itself: one that is refused spoils none of the others."""
    asked = []
    for each in body.confirmations:
        said = PickAnswer(actor=body.actor, quantity=each.quantity)
        fact = fact_of("PickConfirmed", (each.task, str(each.quantity)), said, body.actor, now)
        asked.append(Confirmation(fact, each.task, each.quantity))
    results = in_transaction(database, lambda connection: confirm_together(connection, asked))
    news.tell()
    answered, refused = [], []
    for each, result in zip(body.confirmations, results, strict=True):
        if isinstance(result, DomainError):
            refused.append(PickRefused(task=each.task, status=int(result.status), code=result.code, detail=result.message))
        else:
            answered.append(PickAnswered(task=each.task, verdict=result))
    return PicksAnswered(answered=answered, refused=refused)

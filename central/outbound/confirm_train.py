# SPDX-License-Identifier: Apache-2.0
"""Trains of pick confirmations: what is answered over the API, kept with its fact when the request has a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from central.errors import DomainError
from central.facts import fact_of
from central.idempotency import REPLAYED
from central.ledger import service as ledger
from central.outbound import rules, tour_queries
from central.outbound.confirmations import Again, Confirmation, confirm_together
from central.train import SEATS_OF_LISTS, Train, line_of

_REPLAYED = {name.decode(): value.decode() for name, value in (REPLAYED,)}
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Ask:
    """A confirmation that came with a key of its own (`keyed`), or by the name of its task and quantity."""

    confirmation: Confirmation
    keyed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """JSON to answer. `again`: it was answered to the same request before."""

    body: bytes
    again: bool = False

    def response(self) -> Response:
        """As it goes over the wire."""
        return Response(self.body, media_type="application/json", headers=_REPLAYED if self.again else None)


def ask_of(
    task_id: str, quantity: int, body: BaseModel, actor: str, now: datetime, key: str | None, tour_id: str | None = None, serials: Sequence[str] = ()
) -> Ask:
    """A request to confirm. Without a key the same quantity of the same task is the same request."""
    name = (task_id, str(quantity)) if key is None else (task_id, "key", key)
    return Ask(Confirmation(fact_of("PickConfirmed", name, body, actor, now), task_id, quantity, tour_id, tuple(serials)), key is not None)


def confirm_train(connection: Connection, asked: Sequence[Ask]) -> list[Answered | DomainError]:
    """Take confirmations. The same request with the same key gets the same bytes; its answer is kept in this transaction."""
    results = confirm_together(connection, [each.confirmation for each in asked])
    kept: dict[str, bytes] = {}
    answers: list[Answered | DomainError] = []
    for each, result in zip(asked, results, strict=True):
        fact_id = each.confirmation.fact.id
        if isinstance(result, DomainError):
            answers.append(result)
        elif isinstance(result, Again):
            answers.append(Answered(result.answer, again=True))
        elif fact_id in kept:
            answers.append(Answered(kept[fact_id], again=True))
        else:
            body = _encoded(connection, each.confirmation, result)
            answers.append(Answered(body))
            if each.keyed:
                kept[fact_id] = body
    ledger.keep_answers(connection, kept)
    return answers


def _encoded(connection: Connection, said: Confirmation, verdict: rules.PickVerdict) -> bytes:
    answer: dict[str, object] = {"task": said.task_id, "verdict": verdict}
    if said.tour_id is not None:
        answer["stop"] = tour_queries.stop_of(connection, said.tour_id)
    return _encoder.encode(answer)


async def _train(request: Request) -> Train[Ask, Answered]:
    return line_of(request, "confirmations", confirm_train, SEATS_OF_LISTS)


ConfirmTrain = Annotated[Train[Ask, Answered], Depends(_train)]
"""The service's line of trains of confirmations."""

# SPDX-License-Identifier: Apache-2.0
"""Facts that people and other systems say through the API, as the ledger records them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from central.ledger.rules import Fact

_NAMESPACE = uuid.UUID("8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52")
"""Made once for this project; changing it would make every document that comes again a new one."""


def document_id(kind: str, *key: str) -> str:
    """The id of a document by its natural key, the same whenever and wherever it comes."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((kind, *key))))


def fact_of(kind: str, key: tuple[str, ...], body: BaseModel, actor: str, now: datetime, site: str = "") -> Fact:
    """A document as a fact: the same key with the same content is the same fact, with other content a conflict."""
    return Fact(document_id(kind, *key), "api", None, kind, body.model_dump_json().encode(), actor, now, site)


async def _given_key(request: Request, idempotency_key: Annotated[str | None, Header(max_length=200, include_in_schema=False)] = None) -> str | None:
    caller = getattr(request.state, "actor", "")
    return "\x1f".join(part for part in (caller, idempotency_key) if part) if idempotency_key else None


GivenKey = Annotated[str | None, Depends(_given_key)]
"""Caller and header Idempotency-Key; None when a request came without one."""


async def _request_key(given: GivenKey) -> str:
    return given or str(uuid.uuid4())


RequestKey = Annotated[str, Depends(_request_key)]
"""The key of a request that has none of its own: caller and header Idempotency-Key, or one made for this request.

Facts whose id comes from it are done once, whatever breaks between the commit and the answer; `central.idempotency` keeps the answer itself.
"""

# SPDX-License-Identifier: Apache-2.0
"""What routes of shipping take from a request, and how they do what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection, Engine

from central.database import in_transaction
from central.examples import body
from central.requests import News
from central.shipping.documents import UUID_PATTERN

EXAMPLE_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
EXAMPLE_SSCC = "006141410000000005"
Sscc = Annotated[str, Path(pattern=r"^[0-9]{18}$", description="SSCC of the package", examples=[EXAMPLE_SSCC])]
OrderId = Annotated[str, Path(pattern=UUID_PATTERN, description="the order's id", examples=[EXAMPLE_ID])]


class Said(BaseModel):
    """Who does it."""

    model_config = body({"actor": "li"})

    actor: str = Field("api", min_length=1, max_length=100, description="who does it")


def do(engine: Engine, news: News, work: Callable[[Connection], object]) -> None:
    """Do it in one transaction, and tell that something changed."""
    in_transaction(engine, work)
    news.tell()

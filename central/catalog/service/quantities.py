# SPDX-License-Identifier: Apache-2.0
"""Quantities in the packagings of an item."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from central.catalog.rules.packing import parse_quantity
from central.catalog.service.goods import packagings_of
from central.errors import DomainError


def sizes_of(connection: Connection, item: str) -> Mapping[str, int]:
    """Smallest units in one, by packaging of an item."""
    return {each.code: each.quantity for each in packagings_of(connection, [item])[item]}


def quantity_said(connection: Connection, item: str, text: str) -> int:
    """Smallest units of a quantity as people write it: "3 pallets + 2 cases + 5 each", "3托2箱5件".

    Raises: DomainError: `quantity_unreadable`, `unknown_packaging`, `quantity_too_large`.
    """
    try:
        return parse_quantity(text, sizes_of(connection, item))
    except PydanticCustomError as error:
        match error.type:
            case "unknown_packaging":
                raise DomainError("unknown_packaging", error.message()) from error
            case "quantity_too_large":
                raise DomainError("quantity_too_large", error.message()) from error
        raise DomainError("quantity_unreadable", error.message()) from error

# SPDX-License-Identifier: Apache-2.0
"""Documents that outbound takes in: orders."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from central.catalog.rules import Code, Gtin, Site


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LineOrdered(_Document):
    """So many of an item, named by its code or GTIN."""

    item: Code | None = None
    gtin: Gtin | None = None
    quantity: int = Field(gt=0, description="in the item's unit")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.item is None) == (self.gtin is None):
            raise ValueError("give either item or gtin")
        return self


class Order(_Document):
    """A customer's order. Channel and number together name it; the same order sent twice is one order."""

    channel: Code = "api"
    number: Code
    site: Site
    partner: Code
    lines: list[LineOrdered] = Field(min_length=1)
    tote: str = Field("", max_length=64, description="code on the tote, as it is scanned at the weigh point")
    tare_g: int | None = Field(None, ge=0, description="the empty tote")
    ship_when: Literal["picked", "weighed", "asked"] = Field("picked", description="what sends it: the last pick, a right weight, or a person")

# SPDX-License-Identifier: Apache-2.0
"""Documents that counting takes in: what to count, what was counted, what becomes of a difference."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from central.catalog.rules import Code, Lot, Site
from central.counting.rules import AbcClass
from central.stock.bodies import Serial

Kind = Literal["cycle", "periodic", "random", "dynamic", "asked"]
Counter = Code
"""Who counts, as people are called at the site."""
QUANTITY_MAX = 2**53
"""What every reader of JSON takes as a whole number; in the item's smallest unit."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Document):
    """Which places: all bins and storage places of the site that fit everything given."""

    zone: str | None = Field(default=None, max_length=64, examples=["A"])
    aisle: str | None = Field(default=None, max_length=64)
    places: list[str] | None = Field(default=None, min_length=1, max_length=5000, description="codes of locations", examples=[["A-01", "A-02"]])
    items: list[Code] | None = Field(default=None, min_length=1, max_length=1000, description="places where one of these is or was")
    sample: int | None = Field(default=None, gt=0, le=100_000, description="random: so many places")
    seed: int = Field(default=0, description="random: the same seed draws the same places")
    limit: int | None = Field(default=None, gt=0, le=100_000, description="cycle and dynamic: the so many riskiest")
    interval_days: dict[AbcClass, int] = Field(
        default={"A": 30, "B": 90, "C": 180}, description="cycle: due when the last count is older than its items' class allows"
    )


class CountPlan(_Document):
    """What to count. periodic: everything in the scope. cycle: what is due by class. random: a drawn sample. dynamic: only places where something moved
    since their last count. asked: the places named.

    blind: counters do not see the book quantity. frozen: the places are locked until they are settled; otherwise work goes on meanwhile.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"site": "shanghai-1", "kind": "dynamic", "blind": True, "scope": {"zone": "A", "limit": 20}, "actor": "li"}]},
    )

    site: Site
    kind: Kind
    name: str = Field("", max_length=100)
    blind: bool = True
    frozen: bool = False
    scope: Scope = Scope()
    tolerance_units: int = Field(0, ge=0, le=QUANTITY_MAX, description="a difference up to this is booked without a second counter")
    tolerance_permille: int = Field(0, ge=0, le=1000, description="or up to this share of the book quantity")
    approval_units: int = Field(0, ge=0, le=QUANTITY_MAX, description="a difference up to this, said alike by two counters, is booked without an approval")
    actor: Code = Field("api", examples=["li"])

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "random" and self.scope.sample is None:
            raise ValueError("a random count needs scope.sample: how many places")
        if self.kind == "asked" and not self.scope.places:
            raise ValueError("say in scope.places which places to count")
        return self


class LineCounted(_Document):
    """So many of an item in the place. `code`: item code, GTIN or any other known name; a case's GTIN counts as so many pieces as a case has."""

    code: str = Field(min_length=1, max_length=100, examples=["MILK-1L"])
    quantity: int = Field(ge=0, le=QUANTITY_MAX, description="pieces, or cases when the code is a case's", examples=[12])
    lot: Lot = ""
    owner: str = Field("", max_length=64)
    serials: list[Serial] = Field([], max_length=5000, description="of each piece, for items tracked by serial", examples=[[]])


class SheetCounted(_Document):
    """Everything that one person found in one place; what is not named was not there. An empty list says that the place is empty."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"counter": "li", "lines": [{"code": "MILK-1L", "lot": "L7", "quantity": 12}]}]},
    )

    counter: Counter = Field(examples=["li"])
    lines: list[LineCounted] = Field(max_length=1000)


class Decision(_Document):
    """What becomes of a difference. `quantity`: what is really there, when the decider counted it; otherwise what the last counter said.

    Of an item tracked by serial the decider who counted names the pieces that are there in `serials`, and their number in `quantity`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"actor": "wang", "approve": True, "cause": "mispick"}]})

    actor: Code = Field(examples=["wang"])
    approve: bool = Field(description="book the difference; false leaves the books as they are")
    cause: Code = Field(description="reason code of kind adjustment", examples=["mispick"])
    quantity: int | None = Field(None, ge=0, le=QUANTITY_MAX)
    serials: list[Serial] = Field([], max_length=5000, examples=[[]])


class SweepAsked(_Document):
    """Which reader shall tell the tags that it sees."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"gateway": "gate-1", "station": "zone-7", "duration_s": 20, "actor": "li"}]}
    )

    gateway: Code
    station: Code
    duration_s: float = Field(default=30.0, gt=0, le=3600)
    actor: Code = "api"


class RfidCounted(_Document):
    """The tags that a handheld or overhead reader saw in the places of a count, as EPC URIs; several sweeps may be sent, each under its own key."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reader": "overhead-1", "epcs": ["urn:epc:id:sgtin:0614141.812345.6789"]}]}
    )

    reader: Code = Field(examples=["overhead-1"])
    epcs: list[str] = Field(max_length=100_000)

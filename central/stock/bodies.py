# SPDX-License-Identifier: Apache-2.0
"""What the routes of stock take in: words that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from central.catalog.rules import Code, Lot
from central.ledger.rules import Account, Status
from contracts.topics import check_name

PLACE = r"^[^/@]+/[^/]+$"
"""A place as the ledger names it: site/location."""
Place = Annotated[str, Field(pattern=PLACE, max_length=200, description="site/location", examples=["shanghai-1/A-01"])]
Unit = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^/@\t-\r \u00a0\u3000]*$")]
"""A handling unit: SSCC of 18 digits, or a name of the house; empty: none. The blanks are listed: `\\s` means others here than in JSON Schema (ECMA-262)."""
Serial = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
Quantity = Annotated[int, Field(gt=0, le=2**53, description="in the item's smallest unit")]
Actor = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\s/@][^/]*$")]
"""A document's number: no slash."""
OptionalSite = Annotated[str, AfterValidator(lambda name: check_name(name) if name else name)]
"""The name of a site, or nothing."""
OptionalCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
"""A code that the catalog knows, or nothing."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class Body(BaseModel):
    """Base of what is taken in: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Where(Body):
    """One account of stock: goods at a place, of a lot, owner, status and handling unit; what is left out is none."""

    place: Place
    item: Code
    lot: Lot = ""
    owner: str = Field("", max_length=64, description="partner who owns the goods; empty: the house")
    unit: Unit = Field("", description="handling unit that they lie in")
    status: Status = "available"

    @property
    def account(self) -> Account:
        """The account in the ledger."""
        return Account(self.place, self.item, self.lot, self.owner, self.status, self.unit)


class Step(Body):
    """Who does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "li"}]})

    actor: Actor = "api"

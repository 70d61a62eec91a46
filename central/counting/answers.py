# SPDX-License-Identifier: Apache-2.0
"""What routes of counting answer, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from central.counting.documents import Kind
from central.examples import answer

_AT = "2026-11-21T08:00:00Z"
_ID = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"
_PLACE = "shanghai-1/A-01"
_GOODS = {"item": "MILK-1L", "lot": "L7", "owner": ""}
_EXPECTED = {**_GOODS, "name": "Milk", "name_zh": "牛奶", "uom": "C62", "tracking": "lot", "quantity": None}
_DIFFERING = {"item": "MILK-1L", "book": 48, "seen": 46, "missing": [], "found": []}
_JOB = {
    "id": _ID,
    "site": "shanghai-1",
    "name": "Evening",
    "kind": "dynamic",
    "blind": True,
    "frozen": False,
    "scope": {"zone": "A", "limit": 20},
    "tolerance_units": 0,
    "tolerance_permille": 0,
    "approval_units": 0,
    "state": "open",
    "created_by": "li",
    "created_at": _AT,
    "done_at": None,
}
_COUNTED = {
    "count_id": _ID,
    "place": _PLACE,
    "sequence": 1,
    "risk": 0.12,
    "state": "open",
    "rounds": 0,
    "right": None,
    "counted_at": None,
    "settled_at": None,
    "code": "A-01",
    "zone": "A",
    "aisle": "A",
}
PlaceState = Literal["open", "recount", "review", "settled", "skipped"]
LineState = Literal["agreed", "recount", "review", "adjusted", "rejected"]


class GoodsOut(BaseModel):
    """Goods as a counter tells them apart."""

    model_config = answer(_GOODS)

    item: str
    lot: str
    owner: str


class SettledOut(BaseModel):
    """Where a place stands: `recount` must be counted by somebody else, `review` waits for a decision; the quantities of a blind count are not told."""

    model_config = answer({"state": "recount", "rounds": 1, "recount": [_GOODS], "review": []})

    state: PlaceState
    rounds: int
    recount: list[GoodsOut] = []
    review: list[GoodsOut] = []


class JobOut(BaseModel):
    """A count as it was planned, and where it stands."""

    model_config = answer(_JOB)

    id: str
    site: str
    name: str
    kind: Kind
    blind: bool
    frozen: bool
    scope: dict[str, Any] = Field(description="as it was asked, with what was left out")
    tolerance_units: int
    tolerance_permille: int
    approval_units: int
    state: Literal["open", "done", "cancelled"]
    created_by: str
    created_at: datetime
    done_at: datetime | None


class CountOut(JobOut):
    """A count, with how many of its places are in which state."""

    model_config = answer({**_JOB, "places": {"open": 12, "settled": 8}})

    places: dict[PlaceState, int]


class PlaceOut(BaseModel):
    """A place of a count."""

    model_config = answer(_COUNTED)

    count_id: str
    place: str = Field(description="site/location")
    sequence: int = Field(description="order of the walk")
    risk: float = Field(description="probability that the books are wrong there, when it was chosen")
    state: PlaceState
    rounds: int = Field(description="how often it was counted")
    right: bool | None = Field(description="settled without a difference; null: not settled")
    counted_at: datetime | None
    settled_at: datetime | None
    code: str | None = Field(description="of the location; null: it is not in the catalog any more")
    zone: str | None
    aisle: str | None


class ExpectedOut(BaseModel):
    """Goods that the books have in a place."""

    model_config = answer(_EXPECTED)

    item: str
    lot: str
    owner: str
    name: str
    name_zh: str
    uom: str
    tracking: str = Field(description="serial: each piece is scanned")
    quantity: int | None = Field(description="null in a blind count")


class NextPlaceOut(BaseModel):
    """The next place for a counter; `place` is null when nothing is left for him."""

    model_config = answer({**_COUNTED, "blind": True, "lines": [_EXPECTED]})

    count_id: str
    place: str | None
    sequence: int | None = None
    state: PlaceState | None = None
    rounds: int | None = None
    code: str | None = None
    zone: str | None = None
    aisle: str | None = None
    blind: bool | None = None
    lines: list[ExpectedOut]


class SerialsOut(BaseModel):
    """Numbered pieces that are not as booked; empty for others."""

    model_config = answer({"missing": ["D2"], "found": ["D9"]})

    missing: list[str] = Field([], description="serials that the books have there and the last counter did not find")
    found: list[str] = Field([], description="serials that he found and the books have elsewhere or not at all")


class LineOut(BaseModel):
    """Books and counters about the same goods in a place, and what became of the difference."""

    model_config = answer(
        {
            "id": "9f86d081884c7d659a2feaa0c55ad015",
            "count_id": _ID,
            "place": _PLACE,
            **_GOODS,
            "book": 12,
            "counted": 10,
            "difference": -2,
            "earlier": [-2],
            "serials": {"missing": [], "found": []},
            "state": "review",
            "cause": "",
            "decided_by": "",
            "decided_at": None,
            "adjusted": 0,
            "event_id": None,
            "site": "shanghai-1",
            "kind": "dynamic",
        }
    )

    id: str
    count_id: str
    place: str
    item: str
    lot: str
    owner: str
    book: int = Field(description="on hand when it was last counted")
    counted: int = Field(description="by the last counter")
    difference: int = Field(description="counted less book")
    earlier: list[int] = Field(description="differences of the counters before")
    serials: SerialsOut
    state: LineState
    cause: str = Field(description="reason code")
    decided_by: str
    decided_at: datetime | None
    adjusted: int = Field(description="what was booked")
    event_id: str | None = Field(description="the fact that booked it")
    site: str
    kind: Kind


class CounterOut(BaseModel):
    """How much somebody, or a reader, counted."""

    model_config = answer({"counter": "li", "by": "hand", "places": 40})

    counter: str
    by: Literal["hand", "rfid"]
    places: int


class AccuracyOut(BaseModel):
    """Figures of counting between two instants, with their formulas."""

    model_config = answer(
        {
            "site": "shanghai-1",
            "since": "2026-10-22T08:00:00Z",
            "until": _AT,
            "places": 400,
            "places_right": 398,
            "location_accuracy_percent": 99.5,
            "book_pieces": 19200,
            "off_pieces": 7,
            "piece_accuracy_percent": 99.964,
            "counters": [{"counter": "li", "by": "hand", "places": 210}],
        }
    )

    site: str
    since: datetime
    until: datetime
    places: int = Field(description="places settled by a count")
    places_right: int = Field(description="of them, without any difference booked")
    location_accuracy_percent: float | None = Field(description="100 * places_right / places; null: nothing was counted")
    book_pieces: int = Field(description="sum of book quantities at the moment of counting")
    off_pieces: int = Field(description="sum of |difference booked|")
    piece_accuracy_percent: float | None = Field(description="100 * (1 - off_pieces / book_pieces); null: the books had nothing there")
    counters: list[CounterOut] = Field(description="places counted by each person or reader")


class AuditOut(BaseModel):
    """Decided differences of an item for one cause in a month."""

    model_config = answer({"cause": "mispick", "item": "MILK-1L", "lines": 3, "found": 1, "missing": 4, "pieces": 5, "rejected": 1})

    cause: str = Field(description="reason code")
    item: str
    lines: int
    found: int = Field(description="pieces too many")
    missing: int = Field(description="pieces too few")
    pieces: int = Field(description="found and missing together")
    rejected: int = Field(description="lines that were not booked")


class DifferingOut(BaseModel):
    """An item whose tags do not add up over the zone."""

    model_config = answer(_DIFFERING)

    item: str
    book: int
    seen: int
    missing: list[str] = Field(description="serials of numbered pieces that the books have there and no tag tells")
    found: list[str] = Field(description="serials of numbered pieces whose tags are there, and the books have them elsewhere")


class SweepOut(BaseModel):
    """What the tags came to: items that add up over the zone, items that do not, the first hundred tags that name nothing, places that are settled by it."""

    model_config = answer({"agreed": ["PEAS"], "differing": [_DIFFERING], "unknown": [], "settled": [_PLACE]})

    agreed: list[str]
    differing: list[DifferingOut]
    unknown: list[str]
    settled: list[str]


class SweepAskedOut(BaseModel):
    """The command that asks the reader."""

    model_config = answer({"command": f"count:{_ID}"})

    command: str

# SPDX-License-Identifier: Apache-2.0
"""Routes of counting."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from central.catalog.rules import Code, Site
from central.counting import queries, rfid, service
from central.counting.documents import CountPlan, Decision, RfidCounted, SheetCounted, SweepAsked
from central.counting.rules import Goods
from central.counting.tables import count_job, count_line, count_place
from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page, down, page, up
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["counting"])

CountId = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="id of a count")]
PathCode = Annotated[str, Path(min_length=1, max_length=64)]


class GoodsOut(BaseModel):
    """Goods as a counter tells them apart."""

    item: str
    lot: str
    owner: str


class SettledOut(BaseModel):
    """Where a place stands: `recount` must be counted by somebody else, `review` waits for a decision; the quantities of a blind count are not told."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "recount", "rounds": 1, "recount": [{"item": "MILK-1L", "lot": "L7", "owner": ""}]}]})

    state: str
    rounds: int
    recount: list[GoodsOut] = []
    review: list[GoodsOut] = []


class Who(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "wang"}]})

    actor: Code = "api"


class AccuracyOut(BaseModel):
    """Figures of counting between two instants, with their formulas."""

    site: str
    since: datetime
    until: datetime
    places: int = Field(description="places settled by a count")
    places_right: int = Field(description="of them, without any difference booked")
    location_accuracy_percent: float | None = Field(description="100 * places_right / places")
    book_pieces: int = Field(description="sum of book quantities at the moment of counting")
    off_pieces: int = Field(description="sum of |difference booked|")
    piece_accuracy_percent: float | None = Field(description="100 * (1 - off_pieces / book_pieces)")
    counters: list[dict[str, Any]] = Field(description="places counted by each person or reader")


class SweepOut(BaseModel):
    """What the tags came to: items that add up over the zone, items that do not, tags that name nothing, places that are settled by it."""

    agreed: list[str]
    differing: list[dict[str, Any]]
    unknown: list[str]
    settled: list[str]


def _goods(goods: tuple[Goods, ...]) -> list[GoodsOut]:
    return [GoodsOut(**each._asdict()) for each in goods]


def _settled(done: service.Settled) -> SettledOut:
    return SettledOut(state=done.state, rounds=done.rounds, recount=_goods(done.recount), review=_goods(done.review))


@router.post("/counts")
def post_count(plan: CountPlan, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, Any]:
    """Plan a count: choose its places by kind and risk and open it."""
    fact = fact_of("CountPlanned", (key,), plan, plan.actor, now, plan.site)
    count_id = in_transaction(database, lambda connection: service.plan_count(connection, fact, plan, now))
    news.tell()
    return _count(database, count_id)


def _count(database: Database, count_id: str) -> dict[str, Any]:
    with reading(database) as connection:
        job = queries.job(connection, count_id)
    if job is None:
        raise NotFoundError("unknown_count", f"count {count_id} is not known")
    return job


@router.get("/counts")
def list_counts(
    database: Database, state: Literal["open", "done", "cancelled"] | None = None, site: Site | None = None, after: After = None, limit: Limit = 100
) -> Page[dict[str, Any]]:
    """Counts, newest first."""
    with reading(database) as connection:
        return page(connection, queries.jobs(state, site), [down(count_job.c.created_at), down(count_job.c.id)], after, limit)


@router.get("/counts/accuracy")
def get_accuracy(database: Database, now: Now, site: Site, since: datetime | None = None, until: datetime | None = None) -> AccuracyOut:
    """Location and piece accuracy of a site, of the last 30 days when no time is given."""
    first, last = _window(now, since, until)
    with reading(database) as connection:
        found, people = queries.accuracy(connection, site, first, last), queries.counters(connection, site, first, last)
    return AccuracyOut(
        site=site,
        since=first,
        until=last,
        places=found.places,
        places_right=found.places_right,
        location_accuracy_percent=found.locations_percent,
        book_pieces=found.book,
        off_pieces=found.off,
        piece_accuracy_percent=found.pieces_percent,
        counters=people,
    )


def _window(now: datetime, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    last = until or now
    first = since or last - timedelta(days=30)
    if first.tzinfo is None or last.tzinfo is None:
        raise DomainError("instant_without_zone", "since and until need a time zone, e.g. 2026-11-01T00:00:00+08:00")
    if first >= last:
        raise DomainError("window_empty", f"since {first.isoformat()} is not before until {last.isoformat()}")
    return first, last


@router.get("/counts/differences")
def get_audit(database: Database, site: Site, month: Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-11"])]) -> list[dict[str, Any]]:
    """The monthly audit: decided differences of a site in a month (UTC), by cause and item, largest first."""
    year, number = int(month[:4]), int(month[5:])
    if year == 0:
        raise DomainError("window_empty", "there is no year 0000; give a month such as 2026-11")
    first = datetime.combine(date(year, number, 1), datetime.min.time(), UTC)
    last = (first + timedelta(days=32)).replace(day=1) if (year, number) != (9999, 12) else datetime.max.replace(tzinfo=UTC)
    with reading(database) as connection:
        return queries.audit(connection, site, first, last)


@router.get("/counts/{count_id}")
def get_count(count_id: CountId, database: Database) -> dict[str, Any]:
    """One count with how many of its places are in which state."""
    return _count(database, count_id)


@router.get("/counts/{count_id}/places")
def list_places(
    count_id: CountId,
    database: Database,
    state: Literal["open", "recount", "review", "settled", "skipped"] | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Places of a count in the order of the walk."""
    _count(database, count_id)
    with reading(database) as connection:
        return page(connection, queries.places(count_id, state), [up(count_place.c.sequence), up(count_place.c.place)], after, limit)


@router.get("/counts/{count_id}/next")
def get_next_place(count_id: CountId, database: Database, counter: Annotated[str, Query(min_length=1, max_length=64, examples=["li"])]) -> dict[str, Any]:
    """The next place for a counter, with what should lie there (without quantities in a blind count); `place` is null when nothing is left for him."""
    _count(database, count_id)
    with reading(database) as connection:
        return queries.next_place(connection, count_id, counter) or {"count_id": count_id, "place": None, "lines": []}


@router.get("/counts/{count_id}/lines")
def list_lines(
    count_id: CountId,
    database: Database,
    state: Literal["agreed", "recount", "review", "adjusted", "rejected"] | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """What was compared, and what became of each difference; for those who decide, not for those who still count."""
    _count(database, count_id)
    with reading(database) as connection:
        return page(connection, queries.lines(count_id, state), [up(count_line.c.place), up(count_line.c.id)], after, limit)


@router.post("/counts/{count_id}/places/{site}/{location}/sheets")
def post_sheet(count_id: CountId, site: PathCode, location: PathCode, sheet: SheetCounted, database: Database, now: Now, news: News) -> SettledOut:
    """Say what was found in a place; what is not named was not there. One person counts a place once; the same sheet again changes nothing."""
    place = f"{site}/{location}"
    fact = fact_of("PlaceCounted", (count_id, place, sheet.counter), sheet, sheet.counter, now, site)
    done = in_transaction(database, lambda connection: service.submit(connection, fact, count_id, place, sheet, now))
    news.tell()
    return _settled(done)


@router.post("/counts/{count_id}/tags")
def post_tags(count_id: CountId, counted: RfidCounted, database: Database, now: Now, news: News, key: RequestKey) -> SweepOut:
    """Add the tags that a reader saw; places whose goods add up over the count are settled."""
    fact = fact_of("TagsCounted", (count_id, key), counted, counted.reader, now)
    done = in_transaction(database, lambda connection: rfid.take_tags(connection, fact, count_id, counted, now))
    news.tell()
    differing = [{"item": each.item, "book": each.book, "seen": each.seen} for each in done.differing]
    return SweepOut(agreed=list(done.agreed), differing=differing, unknown=list(done.unknown[:100]), settled=list(done.settled))


@router.post("/counts/{count_id}/sweeps")
def post_sweep(count_id: CountId, asked: SweepAsked, database: Database, now: Now, news: News, key: RequestKey) -> dict[str, str]:
    """Ask the reader of a count zone to tell the tags that it sees; they come by themselves."""
    fact = fact_of("SweepAsked", (count_id, key), asked, asked.actor, now)

    def work(connection: Connection) -> str:
        return rfid.ask_reader(connection, fact, count_id, asked.gateway, asked.station, asked.duration_s, now)

    command_id = in_transaction(database, work)
    news.tell()
    return {"command": command_id}


@router.post("/counts/{count_id}/lines/{line_id}/decision")
def post_decision(count_id: CountId, line_id: PathCode, decision: Decision, database: Database, now: Now, news: News) -> SettledOut:
    """Approve a difference with its cause, which books it, or reject it."""
    fact = fact_of("CountDecided", (count_id, line_id), decision, decision.actor, now)
    done = in_transaction(database, lambda connection: service.decide(connection, fact, count_id, line_id, decision, now))
    news.tell()
    return _settled(done)


@router.post("/counts/{count_id}/cancel")
def post_cancel(count_id: CountId, body: Who, database: Database, now: Now, news: News) -> dict[str, Any]:
    """End a count; what is not settled is left as it is."""
    fact = fact_of("CountCancelled", (count_id,), body, body.actor, now)
    in_transaction(database, lambda connection: service.cancel(connection, fact, count_id, now))
    news.tell()
    return _count(database, count_id)

# SPDX-License-Identifier: Apache-2.0
"""Routes of counting."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy import Connection, Select

from central.catalog.rules import Code, Site
from central.counting import queries, rfid, service
from central.counting.answers import (
    AccuracyOut,
    AuditOut,
    CounterOut,
    CountOut,
    DifferingOut,
    JobOut,
    LineOut,
    LineState,
    NextPlaceOut,
    PlaceOut,
    PlaceState,
    SettledOut,
    SweepAskedOut,
    SweepOut,
)
from central.counting.documents import CountPlan, Decision, RfidCounted, SheetCounted, SweepAsked
from central.counting.tables import count_job, count_line, count_place
from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.examples import body as body_config
from central.facts import RequestKey, fact_of
from central.paging import After, Key, Limit, Page, down, page, up
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["counting"])

CountId = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="id of a count")]
PathCode = Annotated[str, Path(min_length=1, max_length=64)]


_UNKNOWN_MAX = 100


class Who(BaseModel):
    """Who does it."""

    model_config = body_config({"actor": "wang"})

    actor: Code = "api"


@router.post("/counts")
def post_count(plan: CountPlan, database: Database, now: Now, news: News, key: RequestKey) -> CountOut:
    """Plan a count: choose its places by kind and risk and open it."""
    fact = fact_of("CountPlanned", (key,), plan, plan.actor, now, plan.site)
    count_id = in_transaction(database, lambda connection: service.plan_count(connection, fact, plan, now))
    news.tell()
    return _count(database, count_id)


def _count(database: Database, count_id: str) -> CountOut:
    with reading(database) as connection:
        return CountOut.model_validate(_known(connection, count_id))


def _known(connection: Connection, count_id: str) -> dict[str, Any]:
    job = queries.job(connection, count_id)
    if job is None:
        raise NotFoundError("unknown_count", f"count {count_id} is not known")
    return job


@router.get("/counts")
def list_counts(
    database: Database, state: Literal["open", "done", "cancelled"] | None = None, site: Site | None = None, after: After = None, limit: Limit = 100
) -> Page[JobOut]:
    """Counts, newest first."""
    with reading(database) as connection:
        return page(connection, queries.jobs(state, site), [down(count_job.c.created_at), down(count_job.c.id)], after, limit).of(JobOut)


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
        counters=[CounterOut.model_validate(each) for each in people],
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
def get_audit(
    database: Database,
    site: Site,
    month: Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-11"])],
    after: After = None,
    limit: Limit = 100,
) -> Page[AuditOut]:
    """The monthly audit: decided differences of a site in a month (UTC), by cause and item, largest first."""
    year, number = int(month[:4]), int(month[5:])
    if year == 0:
        raise DomainError("window_empty", "there is no year 0000; give a month such as 2026-11")
    first = datetime.combine(date(year, number, 1), datetime.min.time(), UTC)
    last = (first + timedelta(days=32)).replace(day=1) if (year, number) != (9999, 12) else datetime.max.replace(tzinfo=UTC)
    with reading(database) as connection:
        return queries.audit(connection, site, first, last, after, limit).of(AuditOut)


@router.get("/counts/{count_id}")
def get_count(count_id: CountId, database: Database) -> CountOut:
    """One count with how many of its places are in which state."""
    return _count(database, count_id)


@router.get("/counts/{count_id}/places")
def list_places(
    count_id: CountId,
    database: Database,
    state: PlaceState | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[PlaceOut]:
    """Places of a count in the order of the walk."""
    keys = [up(count_place.c.sequence), up(count_place.c.place)]
    return _part(database, count_id, queries.places(count_id, state), keys, after, limit).of(PlaceOut)


def _part(database: Database, count_id: str, query: Select[Any], keys: list[Key], after: str | None, limit: int) -> Page[dict[str, Any]]:
    """A page of what belongs to a count that must be known."""
    with reading(database) as connection:
        _known(connection, count_id)
        return page(connection, query, keys, after, limit)


@router.get("/counts/{count_id}/next")
def get_next_place(count_id: CountId, database: Database, counter: Annotated[str, Query(min_length=1, max_length=64, examples=["li"])]) -> NextPlaceOut:
    """The next place for a counter, with what should lie there (without quantities in a blind count); `place` is null when nothing is left for him."""
    with reading(database) as connection:
        _known(connection, count_id)
        found = queries.next_place(connection, count_id, counter) or {"count_id": count_id, "place": None, "lines": []}
    return NextPlaceOut.model_validate(found)


@router.get("/counts/{count_id}/lines")
def list_lines(
    count_id: CountId,
    database: Database,
    state: LineState | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[LineOut]:
    """What was compared, and what became of each difference; for those who decide, not for those who still count."""
    keys = [up(count_line.c.place), up(count_line.c.id)]
    return _part(database, count_id, queries.lines(count_id, state), keys, after, limit).of(LineOut)


@router.post("/counts/{count_id}/places/{site}/{location}/sheets")
def post_sheet(count_id: CountId, site: PathCode, location: PathCode, sheet: SheetCounted, database: Database, now: Now, news: News) -> SettledOut:
    """Say what was found in a place; what is not named was not there. One person counts a place once; the same sheet again changes nothing."""
    place = f"{site}/{location}"
    fact = fact_of("PlaceCounted", (count_id, place, sheet.counter), sheet, sheet.counter, now, site)
    done = in_transaction(database, lambda connection: service.submit(connection, fact, count_id, place, sheet, now))
    news.tell()
    return SettledOut.model_validate(done)


@router.post("/counts/{count_id}/tags")
def post_tags(count_id: CountId, counted: RfidCounted, database: Database, now: Now, news: News, key: RequestKey) -> SweepOut:
    """Add the tags that a reader saw; places whose goods add up over the count are settled."""
    fact = fact_of("TagsCounted", (count_id, key), counted, counted.reader, now)
    done = in_transaction(database, lambda connection: rfid.take_tags(connection, fact, count_id, counted, now))
    news.tell()
    differing = [DifferingOut.model_validate(each) for each in done.differing]
    return SweepOut(agreed=list(done.agreed), differing=differing, unknown=list(done.unknown[:_UNKNOWN_MAX]), settled=list(done.settled))


@router.post("/counts/{count_id}/sweeps")
def post_sweep(count_id: CountId, asked: SweepAsked, database: Database, now: Now, news: News, key: RequestKey) -> SweepAskedOut:
    """Ask the reader of a count zone to tell the tags that it sees; they come by themselves."""
    fact = fact_of("SweepAsked", (count_id, key), asked, asked.actor, now)

    def work(connection: Connection) -> str:
        return rfid.ask_reader(connection, fact, count_id, asked.gateway, asked.station, asked.duration_s, now)

    command_id = in_transaction(database, work)
    news.tell()
    return SweepAskedOut(command=command_id)


@router.post("/counts/{count_id}/lines/{line_id}/decision")
def post_decision(count_id: CountId, line_id: PathCode, decision: Decision, database: Database, now: Now, news: News) -> SettledOut:
    """Approve a difference with its cause, which books it, or reject it."""
    fact = fact_of("CountDecided", (count_id, line_id), decision, decision.actor, now)
    done = in_transaction(database, lambda connection: service.decide(connection, fact, count_id, line_id, decision, now))
    news.tell()
    return SettledOut.model_validate(done)


@router.post("/counts/{count_id}/cancel")
def post_cancel(count_id: CountId, body: Who, database: Database, now: Now, news: News) -> CountOut:
    """End a count; what is not settled is left as it is."""
    fact = fact_of("CountCancelled", (count_id,), body, body.actor, now)
    in_transaction(database, lambda connection: service.cancel(connection, fact, count_id, now))
    news.tell()
    return _count(database, count_id)

# SPDX-License-Identifier: Apache-2.0
"""Routes of print jobs: what gateways were asked to print, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from central.database import in_transaction, reading
from central.errors import DomainError
from central.examples import body as taken
from central.facts import RequestKey, document_id
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import print_jobs
from central.shipping.answers import PrintJobOut

router = APIRouter(prefix="/api/v1", tags=["labels"])

JobId = Annotated[str, Path(max_length=200, description="id of the print job", examples=["print:5f0c2a4e"])]
JobState = Annotated[Literal["sent", "printed", "taken", "failed", "unknown", "unanswered"] | None, Query(description="only these; left out: all")]


class PrintIn(BaseModel):
    """Labels of your own, as ZPL, for a printer behind a gateway."""

    model_config = taken({"printer": "gate-1/labels-1", "data": "^XA^FO20,20^A0N,40,40^FDA-01-02^FS^XZ", "title": "A-01-02"})

    printer: str = Field(min_length=3, max_length=129, description="gateway/station")
    data: str = Field(min_length=1, max_length=131_072, description="ZPL")
    title: str = Field("", max_length=200, description="what it is, for people")
    copies: int = Field(1, ge=1, le=999)
    actor: str = Field("api", min_length=1, max_length=100, description="who prints")


class AgainIn(BaseModel):
    """Who wants it printed once more."""

    model_config = taken({"actor": "li"})

    actor: str = Field("api", min_length=1, max_length=100)


@router.get("/print-jobs")
def list_print_jobs(database: Database, site: Filter = None, state: JobState = None, after: After = None, limit: Limit = 100) -> Page[PrintJobOut]:
    """Print jobs, newest first."""
    with reading(database) as connection:
        return print_jobs.jobs(connection, site, state, after, limit).of(PrintJobOut)


@router.post("/print-jobs", status_code=202)
def post_print_job(body: PrintIn, database: Database, now: Now, news: News, key: RequestKey) -> PrintJobOut:
    """Have a gateway print; the job tells what becomes of it."""
    point = print_jobs.label_point(body.printer)
    if point is None:
        raise DomainError("not_a_label_point", f"{body.printer!r} is no label point; name it as gateway/station")
    wanted = print_jobs.Wanted(body.data.encode(), body.title, body.copies, body.actor)
    job_id = in_transaction(database, lambda connection: print_jobs.ask(connection, document_id("PrintLabel", key), point, wanted, now))
    news.tell()
    return get_print_job(job_id, database)


@router.get("/print-jobs/{job}")
def get_print_job(job: JobId, database: Database) -> PrintJobOut:
    """One print job."""
    with reading(database) as connection:
        return PrintJobOut.model_validate(print_jobs.job_row(connection, job), from_attributes=True)


@router.post("/print-jobs/{job}/again", status_code=202)
def print_again(job: JobId, body: AgainIn, database: Database, now: Now, news: News, key: RequestKey) -> PrintJobOut:
    """Print it once more, after somebody looked; a new job."""
    new = in_transaction(database, lambda connection: print_jobs.again(connection, document_id("PrintAgain", job, key), job, body.actor, now))
    news.tell()
    return get_print_job(new, database)

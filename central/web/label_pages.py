# SPDX-License-Identifier: Apache-2.0
"""Labels that gateways were asked to print: what became of each, and the button that has one printed again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from central.database import in_transaction, reading
from central.errors import DomainError
from central.requests import Database, News, Now
from central.shipping import print_jobs
from central.web.render import render_page
from central.web.trouble import PageRoute, told
from central.web.visitor import SAME_ORIGIN, Actor, Reader, answer, view_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_SHOWN_MAX = 100
_SAID_MAX = 500
Said = Annotated[str, Query(max_length=_SAID_MAX)]
Shown = Annotated[Literal["all", "sent", "failed", "unknown", "printed"], Query()]


@router.get("/labels", response_class=HTMLResponse)
def labels_page(request: Request, language: Reader, engine: Database, now: Now, shown: Shown = "all", wrong: Said = "", detail: Said = "") -> HTMLResponse:
    """The newest print jobs, all or those of one state. `wrong` is the code of what stood against the last press."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        page = print_jobs.jobs(connection, None, None if shown == "all" else shown, None, _SHOWN_MAX)
        again = print_jobs.came_again(connection, [job["id"] for job in page.items])
    html = render_page(
        "labels.html", view, "labels", jobs=page.items, again=again, shown=shown, more=page.next is not None, wrong=told(wrong, detail, language)
    )
    return answer(request, html, view)


@router.post("/labels/{job}/again", dependencies=SAME_ORIGIN)
def print_again(
    job: Annotated[str, Path(max_length=200)], request: Request, actor: Actor, engine: Database, news: News, now: Now, shown: Shown = "all"
) -> Response:
    """Print it once more; pressed twice it is printed once. What stands against it is said on the page."""
    try:
        in_transaction(engine, lambda connection: print_jobs.again(connection, print_jobs.next_again(connection, job), job, actor, now))
    except DomainError as error:
        why = {"wrong": error.code, "detail": error.message[:_SAID_MAX]}
        return RedirectResponse(str(request.url_for("labels_page").include_query_params(shown=shown, **why)), status_code=303)
    news.tell()
    return RedirectResponse(str(request.url_for("labels_page").include_query_params(shown="all")), status_code=303)

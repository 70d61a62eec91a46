# SPDX-License-Identifier: Apache-2.0
"""Counting on a phone: the open counts, and place by place what should lie there and how much does. Works without a script and with a scanner as keyboard."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import Engine
from starlette.datastructures import FormData

from central.counting import queries, service
from central.counting.documents import SheetCounted
from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.facts import fact_of
from central.requests import Database, News, Now
from central.web.render import render_page
from central.web.trouble import PageRoute, Wrong, told
from central.web.visitor import SAME_ORIGIN, Reader, answer, name_of, view_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_COUNTS_MAX = 100
_BLANK_LINES = 3
"""Rows for goods that the books do not have there; another save gives more."""
_LINES_MAX = 1000
_FIELDS_MAX = 6
"""Fields of a row of the form."""
_DIGITS_MAX = 9
_ALL_RIGHT = Wrong("")


@router.get("/count", response_class=HTMLResponse)
def counts_page(request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """Open counts."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        jobs = queries.open_jobs(connection, _COUNTS_MAX + 1)
    return answer(request, render_page("count.html", view, "count", jobs=jobs[:_COUNTS_MAX], more=len(jobs) > _COUNTS_MAX), view)


@router.get("/count/{count_id}", response_class=HTMLResponse)
def place_page(count_id: str, request: Request, language: Reader, engine: Database, now: Now, done: str = "", state: str = "") -> HTMLResponse:
    """The next place for this person."""
    return _place_page(request, language, engine, now, count_id, after=(done, state))


def _place_page(
    request: Request,
    language: Reader,
    engine: Engine,
    now: Now,
    count_id: str,
    *,
    after: tuple[str, str] = ("", ""),
    form: FormData | None = None,
    wrong: Wrong = _ALL_RIGHT,
    begun: bool = False,
) -> HTMLResponse:
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        job = queries.job(connection, count_id)
        if job is None:
            raise NotFoundError("unknown_count", f"count {count_id} is not known")
        place = queries.next_place(connection, count_id, name_of(request)) if name_of(request) else None
    lines = _rows(place, form)
    label, focus = (str(form.get("label", "")).strip(), _gap(form)) if begun and form is not None else ("", None)
    content = {"job": job, "place": place, "lines": lines, "after": after, "wrong": wrong, "left": _left(job), "label": label, "focus": focus}
    html = render_page("count_place.html", view, "count", **content)
    response = answer(request, html, view)
    response.status_code = 422 if wrong.text else 200
    return response


def _left(job: dict[str, Any]) -> int:
    return sum(number for state, number in job["places"].items() if state in service.COUNTABLE)


def _rows(place: dict[str, Any] | None, form: FormData | None) -> list[dict[str, Any]]:
    """The rows of the form: what the books have there, then blank ones; what was typed stays."""
    nothing = {"typed": "", "serials": "", "none": False}
    expected = [{**line, "code": line["item"], **nothing} for line in (place or {"lines": []})["lines"]]
    blank = {"code": "", "lot": "", "owner": "", "name": "", "name_zh": "", "tracking": "", "quantity": None}
    rows = expected + [blank | nothing for _ in range(_BLANK_LINES)]
    for n, row in enumerate(rows if form is not None else ()):
        if form is not None:
            row["typed"], row["serials"], row["none"] = (str(form.get(f"{name}-{n}", "")) for name in ("quantity", "serials", "none"))
        if not row["name"] and form is not None:
            row["code"], row["lot"] = str(form.get(f"code-{n}", "")), str(form.get(f"lot-{n}", ""))
    return rows


@router.post("/count/{count_id}", dependencies=SAME_ORIGIN)
async def count_place(count_id: str, request: Request, language: Reader, engine: Database, news: News, now: Now) -> Response:
    """Take in what was found; what is wrong with it is said above the form, and what was typed stays there."""
    from starlette.concurrency import run_in_threadpool

    form = await request.form(max_fields=_FIELDS_MAX * _LINES_MAX + 10)
    return await run_in_threadpool(_take, count_id, request, language, form, engine, news, now)


def _take(count_id: str, request: Request, language: Reader, form: FormData, engine: Engine, news: News, now: Now) -> Response:
    place = str(form.get("place", ""))
    try:
        _check_label(str(form.get("label", "")).strip(), place)
        if form.get("by") == "enter" and _gap(form) is not None:
            return _place_page(request, language, engine, now, count_id, form=form, begun=True)
        sheet = SheetCounted.model_validate({"counter": name_of(request), "lines": _lines(form)})
        fact = fact_of("PlaceCounted", (count_id, place, sheet.counter), sheet, sheet.counter, now, place.partition("/")[0])
        settled = in_transaction(engine, lambda connection: service.submit(connection, fact, count_id, place, sheet, now))
    except DomainError as error:
        return _place_page(request, language, engine, now, count_id, form=form, wrong=told(error.code, error.message, language))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        wrong = told("invalid_request", f"{'/'.join(str(part) for part in first['loc'])}: {first['msg']}", language)
        return _place_page(request, language, engine, now, count_id, form=form, wrong=wrong)
    news.tell()
    return RedirectResponse(str(request.url_for("place_page", count_id=count_id).include_query_params(done=place, state=settled.state)), status_code=303)


def _gap(form: FormData) -> int | None:
    """The row that waits for its number, -1 when nothing at all is said yet; None when the form is filled.

    The Enter that ends every scan sends the form: it must not count a place of which nothing was said.
    """
    rows = [(form.get(f"code-{n}"), any(form.get(f"{name}-{n}") for name in ("quantity", "serials", "none"))) for n in range(_rows_of(form))]
    first = next((n for n, (code, said) in enumerate(rows) if code and not said), None)
    return first if first is not None or any(said for _, said in rows) else -1


def _rows_of(form: FormData) -> int:
    return next((n for n in range(_LINES_MAX) if f"code-{n}" not in form), _LINES_MAX)


def _check_label(scanned: str, place: str) -> None:
    code = place.partition("/")[2]
    if scanned and scanned not in (place, code):
        raise DomainError("wrong_place", f"the label says {scanned}, this count is of {code}; go to that place, or scan again")


def _lines(form: FormData) -> list[dict[str, Any]]:
    """What the form says, a row at a time. Raises: DomainError: a row without a number, or a number without goods."""
    lines = []
    for n in range(_rows_of(form)):
        code, quantity, serials = (str(form.get(f"{name}-{n}", "")).strip() for name in ("code", "quantity", "serials"))
        numbers = serials.split()
        quantity = quantity or ("0" if form.get(f"none-{n}") and not numbers else str(len(numbers)) if numbers else "")
        if code and not (quantity.isascii() and quantity.isdigit() and len(quantity) <= _DIGITS_MAX):
            raise DomainError("quantity_missing", f"{code}: say how many there are as a number; 0 if there are none")
        if quantity and not code:
            raise DomainError("goods_missing", f"row {n + 1} has the number {quantity} and no goods; scan or type what it is")
        if code:
            goods = {"code": code, "lot": str(form.get(f"lot-{n}", "")).strip(), "owner": str(form.get(f"owner-{n}", ""))}
            lines.append({**goods, "quantity": int(quantity), "serials": numbers})
    return lines

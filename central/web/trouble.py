# SPDX-License-Identifier: Apache-2.0
"""What stands against a press of a button, in the reader's language; and errors of pages as pages, because nobody on the floor reads JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from central.error_pages import texts
from central.error_sentences import in_chinese
from central.errors import DomainError
from central.web.languages import Language
from central.web.render import render_page
from central.web.visitor import answer, language_of, view_of

_NOT_THERE = "unknown_"


@dataclass(frozen=True, slots=True)
class Wrong:
    """`text` is in the reader's language; `detail` is the English sentence with names and numbers, empty where `text` is that sentence."""

    text: str
    detail: str = ""


def told(code: str, sentence: str, language: Language) -> Wrong:
    """An error for a reader: its own sentence, in Chinese where it has one there, else what its page says it means and asks for, with that sentence below."""
    chinese = in_chinese(code, sentence) if language == "zh" else None
    known = texts().get(code, {}).get(language)
    if language == "en" or chinese or known is None:
        return Wrong(chinese or sentence)
    # Where to look up what is not there is advice for programs.
    return Wrong(known.means if code.startswith(_NOT_THERE) else known.means + known.do, sentence)


def _page(request: Request, code: str, sentence: str, status: int) -> Response:
    language = language_of(request)
    view = view_of(request, language, request.app.state.engine, request.app.state.clock())
    explained = texts().get(code, {}).get(language)
    html = render_page("trouble.html", view, "trouble", code=code, wrong=told(code, sentence, language), explained=explained, here="/")
    response = answer(request, html, view)
    response.status_code = status
    return response


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


class PageRoute(APIRoute):
    """A route for people: what goes wrong is a page for a browser, and a problem for anybody else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors drawn."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except DomainError as error:
                if not _wants_page(request):
                    raise
                return await asyncio.to_thread(_page, request, error.code, error.message, error.status)
            except RequestValidationError:
                if not _wants_page(request):
                    raise
                return await asyncio.to_thread(_page, request, "invalid_request", "the address or the form is not one of this page; go back and try again", 422)

        return guarded

# SPDX-License-Identifier: Apache-2.0
"""A page for every error code: what it means, why it comes, what to do; in English and Chinese. The texts stand in errors.toml."""

from __future__ import annotations

import html
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse

from central.errors import NotFoundError

PATH = "/errors"
_FILE = Path(__file__).parent / "errors.toml"
_HEADS = {"en": ("What it means", "Why it comes", "What to do"), "zh": ("含义", "原因", "处理方法")}
_UNKNOWN = {
    "en": (
        "There is no such {what}.",
        "Its name or number is mistyped, belongs to another site, was removed, or comes before the message that makes it.",
        "Look it up with {where}, then send the request with the right one.",
    ),
    "zh": ("没有这个{what}。", "名称或编号有误、属于其他站点、已被删除，或早于创建它的消息。", "用 {where} 查找，再以正确的名称或编号发送请求。"),
}

router = APIRouter(prefix=PATH, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Text:
    """What a page says in one language."""

    means: str
    why: str
    do: str


@cache
def texts() -> dict[str, dict[str, Text]]:
    """Code -> language (en, zh) -> text."""
    written = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    made = {code: {language: Text(*lines) for language, lines in languages.items()} for code, languages in written["codes"].items()}
    for code, (english, chinese, where) in written["unknown"].items():
        nouns = {"en": english, "zh": chinese}
        made[code] = {language: Text(*(line.format(what=nouns[language], where=where) for line in lines)) for language, lines in _UNKNOWN.items()}
    return made


@router.get("/{code}")
def error_page(
    code: Annotated[str, PathParameter(max_length=100)],
    lang: Annotated[str, Query(max_length=10)] = "",
    accept_language: Annotated[str, Header(max_length=500)] = "",
) -> HTMLResponse:
    """The page of a code, in both languages, the reader's first."""
    known = texts().get(code)
    if known is None:
        raise NotFoundError("not_found", f"there is no error code {code[:100]}")
    order = ("zh", "en") if (lang or accept_language).lower().startswith("zh") else ("en", "zh")
    return HTMLResponse(_page(code, [(language, known[language]) for language in order]))


def _page(code: str, parts: list[tuple[str, Text]]) -> str:
    name = html.escape(code)
    sections = "".join(_section(language, text) for language, text in parts)
    return (
        f'<!doctype html><html lang="{parts[0][0]}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{name} - Dockline</title><link rel="stylesheet" href="/assets/board.css"></head>'
        f'<body><header class="top"><a class="brand" href="/">Dockline</a></header>'
        f'<main><article class="region help"><h1><code>{name}</code></h1>{sections}</article></main></body></html>'
    )


def _section(language: str, text: Text) -> str:
    lines = "".join(f"<dt>{head}</dt><dd>{html.escape(line)}</dd>" for head, line in zip(_HEADS[language], (text.means, text.why, text.do), strict=True))
    return f'<section lang="{language}"><dl>{lines}</dl></section>'

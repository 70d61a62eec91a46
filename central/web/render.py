# SPDX-License-Identifier: Apache-2.0
"""From a board to HTML. Every text from outside is escaped by Jinja2; there is no inline script and no inline style, so a strict CSP holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from central.error_sentences import in_chinese
from central.web import words
from central.web.board import REGIONS, Board, Message, Room
from central.web.chart import HEIGHT_PX, WIDTH, Chart, chart
from central.web.condition_words import condition_text
from central.web.languages import HTML_LANG, LANGUAGES, Language, catalogue

_HERE = Path(__file__).parent
STATIC = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir())}
"""The assets by name, read once; nothing outside this table is ever served."""


@dataclass(frozen=True, slots=True)
class View:
    """Who looks: language, time zone, theme (None: as the browser prefers) and the name they said; and when. `version` is the stream's id of what is drawn."""

    language: Language
    now: datetime
    zone: tzinfo | None = None
    site: str = ""
    simulated: bool = False
    theme: str | None = None
    name: str = ""
    version: str = ""


@cache
def environment(language: Language) -> Environment:
    """The templates of one language."""
    translations = catalogue(language)
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # added by the i18n extension
    made.globals.update(
        station_name=lambda station: words.station_name(station, translations),
        alarm_sentence=lambda alarm: words.alarm_sentence(alarm, translations),
        message_text=lambda message, station=True: _message_text(message, language, station),
        condition_text=lambda each: condition_text(each.condition, each.reason, translations),
        quantity_name=lambda quantity: words.quantity_name(quantity, translations),
        reason_text=lambda reason: words.reason_text(reason, translations),
        actor_name=lambda actor: words.actor_name(actor, translations),
        unit_of=words.unit_of,
        number=words.number_text,
        pallet_text=words.pallet_text,
        age_units=words.age_units,
        asset=asset,
        chart=_chart,
        plot_width=WIDTH,
        plot_height=HEIGHT_PX,
        limits_text=_limits_text,
        html_lang=HTML_LANG[language],
        languages=[(each, words.own_name(catalogue(each))) for each in LANGUAGES],
        **{
            name: getattr(words, name)
            for name in (
                "PRIORITIES",
                "ALARM_STATES",
                "DIRECTIONS",
                "OUTCOMES",
                "BIN_STATES",
                "COLOURS",
                "ROOM_STATES",
                "FIGURES",
                "COUNT_KINDS",
                "COUNT_ANSWERS",
                "PICK_MODES",
                "PRINT_STATES",
                "PICK_ANSWERS",
                "PICK_WRONG",
                "PACK_WORDS",
                "GOODS_WORDS",
            )
        },
    )
    return made


@cache
def asset(name: str) -> str:
    """The address of an asset, with a mark of its content so that a browser may keep it for ever."""
    return f"/assets/{name}?v={hashlib.sha256(STATIC[name]).hexdigest()[:12]}"


def render_region(name: str, board: Board, view: View) -> str:
    """One region of the board, one of REGIONS, as an HTML element whose id is its name."""
    return environment(view.language).get_template(f"regions/{name}.html").render(_context(name, board, view))


def render_board(board: Board, view: View) -> str:
    """The whole page of the board."""
    drawn = {name: Markup(render_region(name, board, view)) for name in REGIONS}  # noqa: S704  # made by the escaping templates above
    return environment(view.language).get_template("board.html").render(view=view, page="board", draw=drawn.__getitem__, **_times(view))


def render_help(view: View) -> str:
    """The page that explains the board."""
    return environment(view.language).get_template("help.html").render(view=view, page="help", **_times(view))


def render_page(template: str, view: View, page: str, **content: Any) -> str:
    """A page of its own: `template` is its file's name, `page` its name in the navigation."""
    return environment(view.language).get_template(template).render(view=view, page=page, **content, **_times(view))


def clock_text(at: datetime, zone: tzinfo | None, seconds: bool = True) -> str:
    """The time of day in the site's zone (None: this machine's), 24 hours."""
    return at.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def _context(name: str, board: Board, view: View) -> dict[str, Any]:
    return {"name": name, "region": board.region(name), "view": view, **_times(view)}


def _times(view: View) -> dict[str, Any]:
    translations = catalogue(view.language)

    def clock(at: datetime, seconds: bool = True) -> str:
        return clock_text(at, view.zone, seconds)

    def day_clock(at: datetime) -> str:
        today = at.astimezone(view.zone).date() == view.now.astimezone(view.zone).date()
        return clock(at) if today else f"{at.astimezone(view.zone):%Y-%m-%d} {clock(at)}"

    def age(since: datetime) -> Markup:
        return Markup('<time datetime="{}" data-age>{}</time>').format(since.isoformat(), words.age_text(since, view.now, translations))

    def chart_words(room: Room) -> str:
        values = [value for _, value in room.samples]
        if not values:
            return translations.gettext("no values in this time")
        return translations.gettext("%(quantity)s from %(start)s to %(end)s: %(lowest)s to %(highest)s %(unit)s") % {
            "quantity": words.quantity_name(room.quantity, translations),
            "start": clock(room.window_from, seconds=False),
            "end": clock(room.window_to, seconds=False),
            "lowest": words.number_text(min(values)),
            "highest": words.number_text(max(values)),
            "unit": words.unit_of(room.quantity),
        }

    return {"clock": clock, "day_clock": day_clock, "age": age, "chart_words": chart_words}


def _message_text(message: Message, language: Language, with_station: bool) -> str:
    """A stored message; one that is an error's sentence, kept when an event could not be applied, by that error's code."""
    known = in_chinese(message.code, message.english) if language == "zh" else None
    return known or words.message_text(message, catalogue(language), with_station)


def _chart(room: Room) -> Chart:
    return chart(room.samples, room.window_from, room.window_to, room.low, room.high)


def _limits_text(room: Room) -> str:
    """`≤ −18.0 °C`, `≥ 2.0 °C` or `2.0 – 8.0 °C`; a dash when no limit is known."""
    low, high = (None if limit is None else words.number_text(limit) for limit in (room.low, room.high))
    text = f"{low} – {high}" if low and high else f"≤ {high}" if high else f"≥ {low}" if low else "–"
    return f"{text} {words.unit_of(room.quantity)}"

# SPDX-License-Identifier: Apache-2.0
"""The words of the trade for the codes that the areas store, English here, other languages in the catalogue."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from datetime import datetime

from central.exceptions.messages import TEMPLATES
from central.web.board import AlarmRow, Message


def N_(text: str) -> str:  # noqa: N802  # the name that gettext's tools look for
    """Mark a text for translation without translating it yet."""
    return text


ALARM_STATES: Mapping[str, str] = {
    "unacknowledged": N_("unacknowledged"),
    "acknowledged": N_("acknowledged"),
    "rtn_unacknowledged": N_("returned, unacknowledged"),
}
PRIORITIES: Mapping[int, str] = {1: N_("critical"), 2: N_("high"), 3: N_("medium"), 4: N_("low")}
CONDITIONS: Mapping[tuple[str, str], str] = {
    ("temperature", "high"): N_("temperature too high"),
    ("temperature", "low"): N_("temperature too low"),
    ("humidity", "high"): N_("humidity too high"),
    ("humidity", "low"): N_("humidity too low"),
}
ANY_CONDITION: Mapping[str, str] = {
    "high": N_("value too high"),
    "low": N_("value too low"),
    "stale": N_("no reading from the sensor"),
    "door_open": N_("door open too long"),
    "mains_failed": N_("mains failure"),
}
DIRECTIONS: Mapping[str, str] = {"in": N_("in"), "out": N_("out"), "unknown": N_("not sure")}
OUTCOMES: Mapping[str, str] = {
    "received": N_("received"),
    "differences": N_("with differences"),
    "not_received": N_("not received"),
    "left": N_("left"),
    "seen": N_("seen"),
    "already_received": N_("received before"),
}
SAID_BY_MACHINES: frozenset[str] = frozenset(
    {
        N_("the photo-eyes saw it turn round"),
        N_("it turned round in the door"),
        N_("it went the same way a moment ago, and nobody saw it come back"),
        N_("it came in, or stood beside goods that came in"),
        N_("no photo-eye saw it"),
        N_("the antennas do not agree"),
        N_("it was not read on both sides"),
        N_("no tag was read"),
        N_("photo-eyes say in, antennas say out"),
        N_("photo-eyes say out, antennas say in"),
        N_("no clear order of reads"),
        N_("no GS1 identifier"),
        N_("no reason given"),
        N_("refused"),
        N_("expired"),
        N_("unanswered"),
        N_("open"),
        N_("released"),
        N_("picked"),
        N_("unfilled"),
        N_("cancelled"),
        N_("it left before"),
        N_("it is still open at the pack station"),
        N_("it was thrown away"),
        N_("its weight is wrong"),
        N_("no partner has the GLN of its source; give the supplier its GLN in the catalog"),
        N_("its gateway did not answer"),
        N_("its gateway has it and told nothing more for eight hours"),
        N_("the link was lost while it was sent, and the printer waits for the rest; look at the printer before it is printed again"),
        N_("the link was lost after it was sent, and its counter tells nothing; look at the printer before it is printed again"),
        N_("the link was lost after it was sent, and nothing tells what was printed; look at the printer before it is printed again"),
        N_("cancelled; look at the printer before it is printed again"),
        N_("its counter is lower than before: another printer, or one that was set up anew; look at the printer before it is printed again"),
        N_("it was cut off, and its counter tells nothing of a job without labels; look at the printer before it is printed again"),
        N_("the printer was sent it and says nothing of itself"),
        N_("it has nothing left to print; it does not count its labels"),
        N_("somebody found it"),
        N_("cancelled before it was sent"),
        N_("there is nothing to print in it"),
    }
)
"""Reasons and outcomes that stations and handlers put into messages; any other is shown as it came."""
SAID_WITH_VALUES: tuple[str, ...] = (
    N_("read as strongly at {doors}"),
    N_("it belongs to {site}"),
    N_("order {order} is {state}"),
    N_("lot {lot} of item {item} is recalled"),
    N_("item {item} lot {lot} is on hold"),
    N_("what is in {unit} was told by no event; send the events that packed it first"),
    N_("{epc} is neither a unit with an SSCC nor goods with a GTIN"),
    N_("{name}: {quantity} {unit} is no whole number of goods with a GTIN"),
    N_("item {item} is counted in {own}, the event says {unit}"),
    N_("its counter says that it printed {made} of {labels} labels and it has nothing left; look at the printer before it is printed again"),
    N_(
        "it was cut off, and its counter says {made} labels where this job has {labels}: somebody else prints on it too; "
        "look at the printer before it is printed again"
    ),
    N_("it has nothing left to print; its counter says {made} labels where this job has {labels}: somebody else prints on it too"),
    N_("all copies together have {size} bytes and a job has {most} at most; print fewer at a time"),
    N_("printer {printer} could not take it before its deadline"),
    N_("the data is no base64: {error}"),
    N_("{count} jobs wait for printer {printer}; look what keeps it from printing, then send this one again"),
)
"""The same with names and numbers in them."""
BIN_STATES: Mapping[str, str] = {"idle": N_("no task"), "lit": N_("to pick"), "confirmed": N_("picked"), "short": N_("short")}
COLOURS: Mapping[str, str] = {
    "red": N_("red"),
    "green": N_("green"),
    "orange": N_("orange"),
    "blue": N_("blue"),
    "pink": N_("pink"),
    "cyan": N_("cyan"),
}
ROOM_STATES: Mapping[str, str] = {
    "normal": N_("within limits"),
    "unlimited": N_("no alarm"),
    "high": N_("too high"),
    "low": N_("too low"),
    "stale": N_("value is old"),
    "silent": N_("no value yet"),
}
COUNT_KINDS: Mapping[str, str] = {
    "cycle": N_("cycle count"),
    "periodic": N_("full count"),
    "random": N_("random count"),
    "dynamic": N_("count of what moved"),
    "asked": N_("count on request"),
}
COUNT_ANSWERS: Mapping[str, str] = {
    "settled": N_("counted"),
    "recount": N_("differs from the books; somebody else counts it again"),
    "review": N_("differs from the books; somebody decides what is booked"),
}
PRINT_STATES: Mapping[str, str] = {
    "sent": N_("with the printer"),
    "printed": N_("printed"),
    "taken": N_("sent; look whether it is there"),
    "failed": N_("not printed"),
    "unknown": N_("nobody knows"),
    "unanswered": N_("its gateway did not answer"),
}
PICK_MODES: Mapping[str, str] = {
    "order": N_("one order a walk"),
    "batch": N_("several orders in one tote, sorted afterwards"),
    "cluster": N_("a cart with a tote for each order"),
    "zone": N_("zone by zone, the tote is passed on"),
    "wall": N_("for the put-to-light wall"),
}
PICK_ANSWERS: Mapping[str, str] = {
    "full": N_("taken"),
    "short": N_("taken in part; the rest is looked for elsewhere"),
    "over": N_("more than was asked for; put the rest back"),
    "repeated": N_("was answered already"),
    "contradicted": N_("was answered otherwise before; somebody looks into it"),
    "cancelled": N_("the order was cancelled; put the goods back"),
    "right_bin": N_("the right bin"),
    "right_item": N_("the right goods"),
    "right_tote": N_("the right tote"),
    "wrong_bin": N_("another bin; go on to the one below. Scanned:"),
    "wrong_item": N_("other goods; put them back. Scanned:"),
    "wrong_lot": N_("another lot; put it back. Scanned:"),
    "wrong_tote": N_("another tote. Scanned:"),
    "nothing": N_("nothing is to be picked just now"),
    "number": N_("say how many as a number"),
    "tote_missing": N_("scan the next tote"),
    "tote_changed": N_("go on with the new tote"),
    "given_back": N_("the walk was given back"),
    "laid_aside": N_("laid aside; go on"),
}
PICK_WRONG = frozenset({"over", "contradicted", "cancelled", "wrong_bin", "wrong_item", "wrong_lot", "wrong_tote", "number", "tote_missing"})
"""Answers that ask the picker to do something else."""
PACK_WORDS: Mapping[str, str] = {"each": N_("single"), "inner": N_("inner"), "case": N_("case"), "layer": N_("layer"), "pallet": N_("pallet")}
GOODS_WORDS: Mapping[str, str] = {
    "fragile": N_("fragile"),
    "upright": N_("this side up"),
    "no_stack": N_("nothing on top"),
    "heavy": N_("heavy"),
    "liquid": N_("liquid"),
    "chilled": N_("chilled"),
    "frozen": N_("frozen"),
}
QUANTITIES: Mapping[str, str] = {"temperature": N_("temperature"), "humidity": N_("humidity"), "dew_point": N_("dew point"), "pressure": N_("pressure")}
FIGURES: Mapping[str, str] = {
    "pallets_received": N_("pallets received"),
    "picks": N_("picks"),
    "picks_short": N_("short picks"),
    "picks_open": N_("picks open"),
    "weights_recorded": N_("weights recorded"),
    "lots_held": N_("lots on hold"),
    "proposals": N_("refill proposals"),
    "ledger_events": N_("events in the ledger"),
}
STATIONS: Mapping[str, str] = {
    "door": N_("Dock door %(number)s"),
    "dock": N_("Dock door %(number)s"),
    "zone": N_("Pick zone %(number)s"),
    "pick": N_("Pick zone %(number)s"),
    "cold": N_("Cold room %(number)s"),
    "weigh": N_("Weigh point %(number)s"),
    "scan": N_("Scan point %(number)s"),
    "labels": N_("Label point %(number)s"),
}
"""How a station is called whose id is one of these words, a dash and a number or letter; any other id stands as it is."""

UNITS: Mapping[str, str] = {"c": "°C", "pct": "%", "hpa": "hPa"}
"""Symbols of the units in which names of quantities end (`temperature_c`)."""

_WITH_VALUES = [(form, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(form)), re.DOTALL)) for form in SAID_WITH_VALUES]
_LEADING_STATION = re.compile("{station}(: |\N{FULLWIDTH COLON})")
_STATION_ID = re.compile(r"([a-z]+)-([0-9]+|[a-z])")
AGE_STEPS: tuple[tuple[int, int, str, str], ...] = (
    (90, 1, "s", N_("%(n)s s")),
    (90 * 60, 60, "min", N_("%(n)s min")),
    (48 * 3600, 3600, "h", N_("%(n)s h")),
)
"""Ages below so many seconds are counted in units of so many seconds, called so; `static/live.js` counts on by the same steps."""
_DAY_S, _DAYS = 86400, N_("%(n)s d")


def station_name(station: str, translations: gettext.NullTranslations) -> str:
    """What people call a station: `door-1` is "Dock door 1"."""
    match = _STATION_ID.fullmatch(station)
    if match is None or match[1] not in STATIONS:
        return station
    return translations.gettext(STATIONS[match[1]]) % {"number": match[2].upper()}


def unit_of(quantity: str) -> str:
    """The symbol of a quantity's unit: `temperature_c` -> `°C`; nothing for a unit that we do not know."""
    return UNITS.get(quantity.rpartition("_")[2], "")


def quantity_name(quantity: str, translations: gettext.NullTranslations) -> str:
    """What a quantity is: `temperature_c` -> "temperature"."""
    name = quantity.rpartition("_")[0] or quantity
    return translations.gettext(QUANTITIES[name]) if name in QUANTITIES else name


def alarm_sentence(alarm: AlarmRow, translations: gettext.NullTranslations) -> str:
    """What is wrong: "temperature too high"."""
    what = alarm.quantity.rpartition("_")[0]
    text = CONDITIONS.get((what, alarm.condition)) or ANY_CONDITION.get(alarm.condition)
    return translations.gettext(text) if text else alarm.condition


def reason_text(reason: str, translations: gettext.NullTranslations) -> str:
    """A reason that a machine gave, in the reader's language where it is one that is known here."""
    if reason in SAID_BY_MACHINES:
        return translations.gettext(reason)
    for form, pattern in _WITH_VALUES:
        if found := pattern.fullmatch(reason):
            return translations.gettext(form).format(**{name: reason_text(value, translations) for name, value in found.groupdict().items()})
    return reason


def message_text(message: Message, translations: gettext.NullTranslations, with_station: bool = True) -> str:
    """A stored message in the reader's language; its English text when the code or a parameter is not known here.

    A sentence that begins with its station calls it by its name, or leaves it out where the station stands above it anyway.
    """
    template = TEMPLATES.get(message.code)
    if template is None:
        return message.english
    params = {name: reason_text(value, translations) for name, value in message.params}
    text = translations.gettext(template)
    if template.startswith("{station}:") and "station" in params:
        params["station"] = station_name(params["station"], translations)
        text = text if with_station else _LEADING_STATION.sub("", text)
    try:
        return text.format(**params)
    except (KeyError, IndexError):
        return message.english


def actor_name(actor: str, translations: gettext.NullTranslations) -> str:
    """Who acted: a name as it is, and `board` for somebody at a board who said none."""
    return translations.gettext("somebody at the board") if actor == "board" else actor


def number_text(value: float, digits: int = 1) -> str:
    """A number with a true minus sign, as wide as a plus, so that columns of figures stand still."""
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def pallet_text(sscc: str) -> str:
    """An SSCC in groups that can be read aloud, the last four digits (those that people compare) apart."""
    return f"{sscc[:8]} {sscc[8:14]} {sscc[14:]}" if len(sscc) == 18 else sscc


def age_text(since: datetime, now: datetime, translations: gettext.NullTranslations) -> str:
    """How long ago, in whole seconds, minutes, hours or days; never less than nothing."""
    seconds = max(0, int((now - since).total_seconds()))
    unit_s, text = next(((unit_s, text) for below_s, unit_s, _, text in AGE_STEPS if seconds < below_s), (_DAY_S, _DAYS))
    return translations.gettext(text) % {"n": seconds // unit_s}


def age_units() -> Mapping[str, str]:
    """The texts of an age by unit, each with `%(n)s`."""
    return {**{unit: text for _, _, unit, text in AGE_STEPS}, "d": _DAYS}


def own_name(translations: gettext.NullTranslations) -> str:
    """What a language calls itself."""
    return translations.pgettext("name of this language", "English")

# SPDX-License-Identifier: Apache-2.0
"""What a door does and what it decided, in words that need no knowledge of radio: "Moved in, 98 % sure. 42 of 44 tags were read on the yard side first"."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from math import floor

from central.web.passes import SURE, PassShown
from central.web.words import N_, reason_text

DOOR_STATES: Mapping[str, str] = {
    "free": N_("free"),
    "receiving": N_("receiving"),
    "loading": N_("loading"),
    "waits": N_("waits for a person"),
    "away": N_("reader away"),
    "closed": N_("closed"),
    "silent": N_("nothing heard yet"),
}
STATE_SIGNS: Mapping[str, str] = {"free": "door", "receiving": "in", "loading": "out", "waits": "doubt", "away": "off", "closed": "shut", "silent": "unknown"}
PASS_OUTCOMES: Mapping[str, str] = {
    "received": N_("received"),
    "differences": N_("with differences"),
    "not_received": N_("not received"),
    "left": N_("left"),
    "seen": N_("seen"),
    "already_received": N_("received before"),
    "loaded": N_("loaded"),
    "already": N_("loaded before"),
    "unloaded": N_("taken off again"),
    "wrong": N_("wrong vehicle"),
    "unclear": N_("not clear"),
    "neighbour": N_("belongs to the next door"),
    "back": N_("came back"),
    "late": N_("told late"),
}
TROUBLE_OUTCOMES: frozenset[str] = frozenset({"differences", "not_received", "wrong", "unclear"})
RESULTS: Mapping[str, str] = {"moved_in": N_("moved in"), "moved_out": N_("moved out"), "stayed": N_("stayed"), "unknown": N_("doubtful")}
SIDES: Mapping[str, str] = {"outer": N_("yard side"), "inner": N_("inside")}
EYES: Mapping[str, str] = {"outer": N_("photo-eye, yard side"), "inner": N_("photo-eye, inside"), "presence": N_("presence sensor")}
DIFFERENCES: Mapping[str, str] = {"open": N_("open"), "accepted": N_("accepted"), "found": N_("found")}
_VERY_SURE = 0.98


def sure_in_words(direction: str, confidence: float) -> str:
    """How sure a door is, as a text to be translated."""
    if direction == "unknown" or confidence < SURE:
        return N_("not sure")
    return N_("sure") if confidence >= _VERY_SURE else N_("fairly sure")


def percent(share: float) -> str:
    """A share in whole per cent, never more than it is: 99.9 % sure is not 100 %."""
    return str(floor(share * 100 + 1e-9))


def sure_percent(confidence: float) -> str:
    """How sure a door is in whole per cent, at most 99: nothing that is measured is certain."""
    return percent(min(confidence, 0.99))


def verdict(shown: PassShown, translations: gettext.NullTranslations) -> tuple[str, ...]:
    """The decision and why, a sentence each: which way, what the tags say, what the photo-eyes say, what was left out."""
    parts = (_decision(shown), _tags(shown), _eyes(shown), *_left_out(shown))
    return tuple(_in_words(text, numbers, translations) for text, numbers in filter(None, parts))


_Part = tuple[str, dict[str, object]]


def _in_words(text: str, numbers: dict[str, object], translations: gettext.NullTranslations) -> str:
    said = {name: reason_text(value, translations) if isinstance(value, str) else value for name, value in numbers.items()}
    return translations.gettext(text) % said


def _decision(shown: PassShown) -> _Part:
    if shown.direction == "unknown":
        if shown.reason:
            return N_("Not sure which way it went: %(reason)s."), {"reason": shown.reason}
        return N_("Not sure which way it went."), {}
    text = N_("Moved in, %(percent)s %% sure.") if shown.direction == "in" else N_("Moved out, %(percent)s %% sure.")
    return text, {"percent": sure_percent(shown.confidence)}


def _tags(shown: PassShown) -> _Part:
    """What the antennas say by the order in which each side read the tags."""
    seen = shown.evidence
    all_tags = seen.tags_in + seen.tags_out + seen.tags_unknown
    if not all_tags:
        return N_("No tag went through with it."), {}
    if shown.direction == "unknown":
        numbers: dict[str, object] = {"coming": seen.tags_in, "going": seen.tags_out, "neither": seen.tags_unknown}
        return N_("%(coming)s tags were read on the yard side first, %(going)s inside first, %(neither)s in no clear order."), numbers
    if shown.direction == "in":
        return N_("%(count)s of %(all)s tags were read on the yard side first and inside afterwards."), {"count": seen.tags_in, "all": all_tags}
    return N_("%(count)s of %(all)s tags were read inside first and on the yard side afterwards."), {"count": seen.tags_out, "all": all_tags}


def _eyes(shown: PassShown) -> _Part:
    if not shown.evidence.eyes:
        return N_("The photo-eyes tell no direction."), {}
    if shown.direction == "unknown":
        return (N_("The photo-eyes say in."), {}) if shown.evidence.eyes == "in" else (N_("The photo-eyes say out."), {})
    return (N_("The photo-eyes agree."), {}) if shown.evidence.eyes == shown.direction else (N_("The photo-eyes say the opposite."), {})


def _left_out(shown: PassShown) -> list[_Part]:
    seen, said = shown.evidence, []
    if seen.stayed:
        said.append((N_("Stood beside and left out: %(count)s."), {"count": seen.stayed}))
    if seen.doubtful:
        said.append((N_("Doubtful: %(count)s; a person decides."), {"count": seen.doubtful}))
    if seen.neighbour:
        said.append((N_("Of the next door, which read them stronger: %(count)s."), {"count": seen.neighbour}))
    return said  # type: ignore[return-value]  # numbers are objects

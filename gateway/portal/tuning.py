# SPDX-License-Identifier: Apache-2.0
"""What other settings would change: recordings worked through with one setting changed at a time."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.portal.files import Recording
from gateway.portal.reads import Pass, Side
from gateway.portal.replay import replay
from gateway.portal.settings import Settings
from gateway.portal.summary import TagSummary, summarise

_FACTORS = (0.5, 0.75, 1.5, 2.0)
_OTHERS: dict[str, tuple[float, ...]] = {
    "observed_time_threshold_s": (0.1, 0.3, 1.0),
    "observed_count_threshold": (2, 3, 5),
    "sure": (0.6, 0.8, 0.95, 0.99),
    "debounce_s": (0.0, 0.01, 0.1, 0.3),
}
"""Values that are worth trying where half and double are not."""
_RESULTS = ("moved_in", "moved_out", "stayed", "unknown")


class Outcome(NamedTuple):
    """What a door made of all recordings. `results` counts tags by what became of them over each recording, `ended` passes by what ended their session."""

    passes: int
    unknown: int
    results: dict[str, int]
    ended: dict[str, int]
    right: int
    labelled: int
    decisions: frozenset[tuple[int, str, str]]

    def changed(self, other: Outcome) -> int:
        """How many tags were told otherwise."""
        return len(self.decisions - other.decisions)


class Trial(NamedTuple):
    """One setting with one value; the default itself has `setting` empty."""

    setting: str
    value: float
    default: float
    outcome: Outcome


Recordings = Sequence[tuple[Recording, dict[int, Side]]]


def values_to_try(settings: Settings) -> Iterator[tuple[str, float]]:
    """Every setting with some values other than the one it has."""
    for each in dataclasses.fields(Settings):
        usual = getattr(settings, each.name)
        others = _OTHERS.get(each.name) or tuple(round(usual * factor, 4) for factor in _FACTORS)
        yield from ((each.name, type(usual)(other)) for other in others if other != usual)


def tune(recordings: Recordings, settings: Settings, labels: frozenset[str] | None = None) -> Iterator[Trial]:
    """First the settings as they are, then each other value."""
    yield Trial("", 0.0, 0.0, judge(recordings, settings, labels))
    for name, value in values_to_try(settings):
        changed = dataclasses.replace(settings, **{name: value})  # type: ignore[arg-type]  # by the names of its own fields
        yield Trial(name, value, getattr(settings, name), judge(recordings, changed, labels))


def judge(recordings: Recordings, settings: Settings, labels: frozenset[str] | None) -> Outcome:
    """All recordings with one set of settings."""
    passes: list[Pass] = []
    tags: list[tuple[int, TagSummary]] = []
    for index, (recording, sides) in enumerate(recordings):
        told = replay(recording.reads, recording.edges, sides, settings)
        passes += told
        tags += [(index, tag) for tag in summarise(recording.reads, told, sides)]
    known = [tag for _, tag in tags if tag.result != "unknown"] if labels is not None else []
    return Outcome(
        passes=len(passes),
        unknown=sum(one.direction == "unknown" for one in passes),
        results=dict(Counter[str](tag.result for _, tag in tags)),
        ended=dict(sorted(Counter[str](one.closed_by for one in passes).items())),
        right=sum((tag.epc in (labels or ())) == tag.result.startswith("moved") for tag in known),
        labelled=len(tags) if labels is not None else 0,
        decisions=frozenset((index, tag.epc, tag.result) for index, tag in tags),
    )


def row(trial: Trial, usual: Outcome) -> list[str]:
    """A trial as a row of the table."""
    outcome = trial.outcome
    cells = [
        trial.setting or "as it is",
        f"{trial.value:g}" if trial.setting else "",
        str(outcome.passes),
        str(outcome.unknown),
        *(str(outcome.results.get(result, 0)) for result in _RESULTS),
        " ".join(f"{name} {count}" for name, count in outcome.ended.items()) or "-",
        str(outcome.changed(usual)) if trial.setting else "",
    ]
    return [*cells, f"{outcome.right / outcome.labelled:.2%}"] if outcome.labelled else cells


def header(*, labelled: bool) -> list[str]:
    """The names over `row`."""
    names = ["setting", "value", "passes", "direction unknown", "moved in", "moved out", "stayed", "unknown", "sessions ended by", "tags told otherwise"]
    return [*names, "told rightly"] if labelled else names


def as_object(trial: Trial, usual: Outcome) -> dict[str, object]:
    """A trial as a line of --json."""
    outcome = trial.outcome
    told: dict[str, object] = {
        "setting": trial.setting or None,
        "value": trial.value if trial.setting else None,
        "default": trial.default if trial.setting else None,
        "passes": outcome.passes,
        "direction_unknown": outcome.unknown,
        **{result: outcome.results.get(result, 0) for result in _RESULTS},
        "ended_by": outcome.ended,
        "tags_changed": outcome.changed(usual),
    }
    return told | ({"right": round(outcome.right / outcome.labelled, 4)} if outcome.labelled else {})

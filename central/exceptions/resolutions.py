# SPDX-License-Identifier: Apache-2.0
"""One-touch resolutions of work orders. Each area names its own in `central.<area>.resolutions.ACTIONS`; they are collected here.

An action is a button on a work order: it does what the words on it say through a use case of its area, and closes the work order. It takes no input.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from central.database import AREAS


@dataclass(frozen=True, slots=True)
class Case:
    """A work order as an action sees it. `about` names what programs need (e.g. `order`, `line`), `params` are those of its message."""

    number: int
    kind: str
    subject: str
    site: str
    about: Mapping[str, str]
    params: Mapping[str, Any]
    event_id: str | None


def _always(_connection: Connection, _case: Case, _now: datetime) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """A resolution of work orders of some `kinds` (codes of messages). `code` is stable and for programs, `label` says in words what it does.

    `work(connection, case, fact_id, now)` does it inside the caller's transaction and returns what was done, in words, to be kept as the resolution.
    The fact is recorded already: post to it. A DomainError of it undoes everything and leaves the work order open.
    `offered` reads whether the action makes sense now; it is asked for every work order that is shown, so it must be cheap.
    """

    code: str
    label: str
    kinds: tuple[str, ...]
    work: Callable[[Connection, Case, str, datetime], str]
    offered: Callable[[Connection, Case, datetime], bool] = _always


def collect_actions() -> Mapping[str, tuple[Action, ...]]:
    """The actions of all areas by kind of work order, in the order of the areas; a code is there once for a kind."""
    actions: dict[str, tuple[Action, ...]] = defaultdict(tuple)
    for area in AREAS:
        if importlib.util.find_spec(f"central.{area}") and importlib.util.find_spec(f"central.{area}.resolutions"):
            module = importlib.import_module(f"central.{area}.resolutions")
            for action in getattr(module, "ACTIONS", ()):
                for kind in action.kinds:
                    assert action.code not in {each.code for each in actions[kind]}, f"action {action.code} of {kind} is declared twice"
                    actions[kind] = (*actions[kind], action)
    return dict(actions)


def offers(connection: Connection, actions: Mapping[str, Sequence[Action]], case: Case, now: datetime) -> list[Action]:
    """What can be done about a work order at one touch now."""
    return [action for action in actions.get(case.kind, ()) if action.offered(connection, case, now)]

# SPDX-License-Identifier: Apache-2.0
"""Orders and picking, pure: what a confirmation at a light means, which colour a picker follows, how far an order is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

COLOURS = ("green", "blue", "orange", "pink", "cyan", "red")
"""Colours of pick lights in the order in which they are given out; red last, it also means trouble."""

OPEN_STATES = ("lit", "listed")
"""States of a pick task that waits for its answer."""


def line_subject(order: Any, line: Any) -> str:
    """What a work order about a line is about, by the rows of both: two channels may use the same number."""
    return f"{order.channel}/{order.number}/{line.n}"


@dataclass(frozen=True)
class Task:
    """A pick task as it stands: `requested` units, `taken` of them when it was answered.

    `state`: lit (a light asks for it), listed (a person reads it from the list), done, short or cancelled.
    """

    task_id: str
    state: str
    requested: int
    taken: int = 0

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in OPEN_STATES


PickVerdict = Literal["full", "short", "over", "repeated", "contradicted", "cancelled"]


@dataclass(frozen=True)
class PickOutcome:
    """What a confirmation does: take `take` units, give `give_back` of the reservation back, `over` were taken beyond the task."""

    verdict: PickVerdict
    take: int = 0
    give_back: int = 0
    over: int = 0


def judge_pick(task: Task, quantity: int) -> PickOutcome:
    """What it means that `quantity` units were confirmed for a task.

    A task is answered once: the same answer again is `repeated`, another one is `contradicted`; both change no stock.
    """
    if task.state == "cancelled":
        return PickOutcome("cancelled", over=quantity)
    if not task.open:
        return PickOutcome("repeated" if quantity == task.taken else "contradicted")
    if quantity > task.requested:
        return PickOutcome("over", take=task.requested, over=quantity - task.requested)
    if quantity < task.requested:
        return PickOutcome("short", take=quantity, give_back=task.requested - quantity)
    return PickOutcome("full", take=quantity)


def next_colour(in_use: Iterable[str]) -> str:
    """The colour that fewest working orders of a zone carry; the earlier in COLOURS on a tie."""
    used = list(in_use)
    return min(COLOURS, key=used.count)


def order_state(tasks: Iterable[Task]) -> str:
    """State of a released order: `released` while a task is open, else `picked`, or `unfilled` when nothing could be picked."""
    tasks = list(tasks)
    if any(task.open for task in tasks):
        return "released"
    return "picked" if any(task.taken for task in tasks) else "unfilled"


def progress_of(states: Iterable[str]) -> str:
    """How far an order is by the states of all its parts: cancelled, shipped, partly_shipped, in_work or waiting."""
    parts = [state for state in states if state != "split"]
    if all(state == "cancelled" for state in parts):
        return "cancelled"
    if all(state in ("shipped", "cancelled") for state in parts):
        return "shipped"
    if "shipped" in parts:
        return "partly_shipped"
    return "in_work" if {"released", "picked"} & set(parts) else "waiting"

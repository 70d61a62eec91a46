# SPDX-License-Identifier: Apache-2.0
"""What the sessions of all pick lights report, whatever the lights are called by their makers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.base.session import SessionEvent


@dataclass(frozen=True)
class TagAnswered(SessionEvent):
    """A light's confirm or shortage key was pressed; `quantity` is what its display showed then, None when it showed or told no number."""

    node: int
    press: Literal["confirm", "shortage"]
    quantity: int | None


@dataclass(frozen=True)
class TagFault(SessionEvent):
    """A light does not do what it shall; `code` is the maker's (sub-command, Modbus exception, word of its availability topic) or ours for silence."""

    node: int
    code: str
    meaning: str


@dataclass(frozen=True)
class ButtonsStuck(SessionEvent):
    """The lights whose key is held down for too long now; empty: no more. Told whenever that changes."""

    nodes: tuple[int, ...]


@dataclass(frozen=True)
class TagsTested(SessionEvent):
    """A lamp test is over; `dead` are the lights that did not answer, refused, or were faulty, in the order of their numbers."""

    dead: tuple[int, ...]

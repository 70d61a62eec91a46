# SPDX-License-Identifier: Apache-2.0
"""What is asked of an MT-SICS scale, why, and how the answers to it look. Source: Mettler Toledo, Reference Manual MT-SICS 11780711."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.scale_sics.frames import WEIGHT_COMMANDS

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
WAIT_S_MAX = 120.0


class Ask(Enum):
    """Why a question is asked."""

    HUSH = "hush"
    MARK = "mark"
    TARE_HELD = "tare held"
    POLL = "poll"
    STREAM = "stream"
    ZERO = "zero"
    TARE = "tare"
    PRESET = "preset"
    WEIGH = "weigh"
    IDENTIFY = "identify"
    RESET = "reset"


@dataclass(frozen=True)
class Rule:
    """How a question goes: what is sent, which commands its replies name, whether weights meanwhile are stale, whether the load must rest first."""

    sends: str
    answered_by: frozenset[str]
    weights_are_stale: bool = False
    waits_for_rest: bool = False


# HUSH then MARK make a barrier: SI ends a stream or a waiting S, and every weight before the answer to I4 is older than it.
RULES = {
    Ask.HUSH: Rule("SI", WEIGHT_COMMANDS),
    Ask.MARK: Rule("I4", frozenset({"I4"}), weights_are_stale=True),
    Ask.TARE_HELD: Rule("TA", frozenset({"TA"})),
    Ask.POLL: Rule("SI", WEIGHT_COMMANDS),
    Ask.STREAM: Rule("SIR", WEIGHT_COMMANDS),
    Ask.ZERO: Rule("Z", frozenset({"Z"}), weights_are_stale=True, waits_for_rest=True),
    Ask.TARE: Rule("T", frozenset({"T"}), weights_are_stale=True, waits_for_rest=True),
    Ask.PRESET: Rule("TA", frozenset({"TA"}), weights_are_stale=True),
    Ask.WEIGH: Rule("S", WEIGHT_COMMANDS, waits_for_rest=True),
    Ask.IDENTIFY: Rule("I4", frozenset({"I4"})),
    Ask.RESET: Rule("@", frozenset({"I4"}), weights_are_stale=True),
}
COMMANDS = {"zero": Ask.ZERO, "tare": Ask.TARE, "weigh": Ask.WEIGH, "identify": Ask.IDENTIFY, "reset": Ask.RESET}


@dataclass
class Question:
    """A question that waits or is out. `wait_s` is how long the answer may take, 0 until it is asked: then as configured."""

    ask: Ask
    token: int | None = None
    parameters: tuple[str, ...] = ()
    wait_s: float = 0.0
    asked_at_s: float = 0.0
    deadline_s: float = 0.0
    ask_again_at_s: float | None = None

    @property
    def rule(self) -> Rule:
        """How it goes."""
        return RULES[self.ask]


def preset_of(arguments: Mapping[str, Argument]) -> tuple[str, str]:
    """Value and unit of a preset tare. Raises: LocalProtocolError: no number, no unit, or something that would garble the line."""
    value, unit = str(arguments["preset"]), str(arguments.get("unit", ""))
    if not _NUMBER.fullmatch(value) or not (unit.isascii() and unit.isalpha()):
        raise LocalProtocolError(f"a preset tare is a number with its unit, like preset=12.50 unit=kg; got {value!r} {unit!r}", operation="tare")
    return value, unit


def wait_of(arguments: Mapping[str, Argument]) -> float:
    """How long to wait for rest, in seconds; 0 when not said. Raises: LocalProtocolError: not above 0 or longer than two minutes."""
    if "wait_s" not in arguments:
        return 0.0
    wait_s = float(arguments["wait_s"])
    if not 0 < wait_s <= WAIT_S_MAX:
        raise LocalProtocolError(f"wait_s is above 0 and at most {WAIT_S_MAX:g} seconds, got {wait_s:g}", operation="weigh")
    return wait_s

# SPDX-License-Identifier: Apache-2.0
"""What is asked of a scale, why, and how the answers to it look, for MT-SICS and for Radwag's likeness of it.

Sources: Mettler Toledo, Reference Manual MT-SICS 11780711; Radwag communication protocol, manual of APP balances, p. 203.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.base.weighing_session import wait_of
from drivers.scale_sics.frames import WEIGHT_COMMANDS

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class Ask(Enum):
    """Why a question is asked."""

    HUSH = "hush"
    MARK = "mark"
    LIST = "list of commands"
    LEVELS = "levels"
    MODEL = "model"
    SOFTWARE = "software"
    SOFTWARE_ID = "software id"
    RATE = "rate"
    TARE_HELD = "tare held"
    POLL = "poll"
    STREAM = "stream"
    CHANGES = "changes"
    ZERO = "zero"
    ZERO_NOW = "zero now"
    TARE = "tare"
    TARE_NOW = "tare now"
    PRESET = "preset"
    CLEAR_TARE = "clear tare"
    WEIGH = "weigh"
    PIECE_WEIGHT = "piece weight"
    SET_PIECE_WEIGHT = "set piece weight"
    IDENTIFY = "identify"
    RESET = "reset"


@dataclass(frozen=True)
class Rule:
    """How a question goes: what is sent, which commands its replies name, and what is to be minded.

    `weights_are_stale`: weights before the answer are older than the question. `waits_for_rest`: the load must rest first. `begins`: `A` means begun.
    `ends_stream`: the scale stops repeating weights at it.
    """

    sends: str
    answered_by: frozenset[str]
    weights_are_stale: bool = False
    waits_for_rest: bool = False
    begins: bool = False
    ends_stream: bool = False


def _rule(sends: str, *, stale: bool = False, waits: bool = False, begins: bool = False, ends: bool = False) -> Rule:
    return Rule(sends, frozenset({sends}), stale, waits, begins, ends)


# HUSH then MARK make a barrier: SI ends a stream or a waiting S, and every weight before the answer to I4 is older than it.
_METTLER = {
    Ask.HUSH: Rule("SI", WEIGHT_COMMANDS, ends_stream=True),
    Ask.MARK: _rule("I4", stale=True),
    Ask.LIST: _rule("I0", stale=True),
    Ask.LEVELS: _rule("I1", stale=True),
    Ask.MODEL: _rule("I2", stale=True),
    Ask.SOFTWARE: _rule("I3", stale=True),
    Ask.SOFTWARE_ID: _rule("I5", stale=True),
    Ask.RATE: _rule("UPD", stale=True),
    Ask.TARE_HELD: _rule("TA"),
    Ask.POLL: Rule("SI", WEIGHT_COMMANDS, ends_stream=True),
    Ask.STREAM: Rule("SIR", WEIGHT_COMMANDS),
    Ask.CHANGES: Rule("SR", WEIGHT_COMMANDS, waits_for_rest=True),
    Ask.ZERO: _rule("Z", stale=True, waits=True),
    Ask.ZERO_NOW: _rule("ZI", stale=True),
    Ask.TARE: _rule("T", stale=True, waits=True, begins=True),  # `T A` is no answer of Mettler's
    Ask.TARE_NOW: _rule("TI", stale=True),
    Ask.PRESET: _rule("TA", stale=True),
    Ask.CLEAR_TARE: _rule("TAC", stale=True),
    Ask.WEIGH: Rule("S", WEIGHT_COMMANDS, waits_for_rest=True, ends_stream=True),
    Ask.PIECE_WEIGHT: _rule("PW"),
    Ask.SET_PIECE_WEIGHT: _rule("PW"),
    Ask.IDENTIFY: _rule("I4"),
    Ask.RESET: Rule("@", frozenset({"I4"}), weights_are_stale=True, ends_stream=True),
}
_RADWAG = {
    Ask.HUSH: _rule("C0", stale=True, ends=True),
    Ask.MARK: _rule("NB", stale=True),
    Ask.LIST: _rule("PC", stale=True),
    Ask.TARE_HELD: _rule("OT"),
    Ask.POLL: Rule("SI", WEIGHT_COMMANDS),
    Ask.STREAM: Rule("C1", frozenset({"C1"})),
    Ask.ZERO: _rule("Z", stale=True, waits=True, begins=True),
    Ask.TARE: _rule("T", stale=True, waits=True, begins=True),
    Ask.PRESET: _rule("UT", stale=True),
    Ask.CLEAR_TARE: _rule("UT", stale=True),
    Ask.WEIGH: Rule("S", WEIGHT_COMMANDS, waits_for_rest=True, begins=True),
    Ask.IDENTIFY: _rule("NB"),
}
RULES = {"mettler": _METTLER, "radwag": _RADWAG}
COMMANDS = {
    "zero": Ask.ZERO,
    "tare": Ask.TARE,
    "clear_tare": Ask.CLEAR_TARE,
    "weigh": Ask.WEIGH,
    "count": Ask.WEIGH,
    "piece_weight": Ask.PIECE_WEIGHT,
    "identify": Ask.IDENTIFY,
    "reset": Ask.RESET,
}
_AT_ONCE = {Ask.ZERO: Ask.ZERO_NOW, Ask.TARE: Ask.TARE_NOW}


@dataclass
class Question:
    """A question that waits or is out. `wait_s` is how long the answer may take, 0 until it is asked: then as configured. `counts`: pieces are wanted."""

    ask: Ask
    rule: Rule
    token: int | None = None
    parameters: tuple[str, ...] = ()
    wait_s: float = 0.0
    asked_at_s: float = 0.0
    deadline_s: float = 0.0
    ask_again_at_s: float | None = None
    counts: bool = False


def question(dialect: str, ask: Ask, token: int | None = None, *parameters: str) -> Question:
    """Raises: LocalProtocolError: these scales have nothing for it."""
    rule = RULES[dialect].get(ask)
    if rule is None:
        raise LocalProtocolError(f"scales of {dialect} cannot do that: {ask.value}", operation=ask.value)
    return Question(ask, rule, token, parameters)


def question_of(dialect: str, name: str, arguments: Mapping[str, Argument], token: int) -> Question:
    """The question that carries out a command. Raises: LocalProtocolError: no such command, or arguments without sense."""
    ask = COMMANDS.get(name)
    if ask is None:
        raise LocalProtocolError(f"a scale has no command {name!r}; it takes: {', '.join(COMMANDS)}")
    if arguments.get("at_once"):
        ask = _AT_ONCE[ask]
    if name == "tare" and "preset" in arguments:
        value, unit = _amount_of(arguments, "preset")
        return question(dialect, Ask.PRESET, token, *((value,) if dialect == "radwag" else (value, unit)))
    if name == "piece_weight" and "value" in arguments:
        return question(dialect, Ask.SET_PIECE_WEIGHT, token, *_amount_of(arguments, "value"))
    made = question(dialect, ask, token)
    if ask is Ask.CLEAR_TARE and dialect == "radwag":
        made.parameters = ("0",)
    return replace(made, wait_s=wait_of(arguments), counts=name == "count")


def _amount_of(arguments: Mapping[str, Argument], name: str) -> tuple[str, str]:
    """Value and unit. Raises: LocalProtocolError: no number, no unit, or something that would garble the line."""
    value, unit = str(arguments[name]), str(arguments.get("unit", ""))
    if not _NUMBER.fullmatch(value) or not (unit.isascii() and unit.isalpha()):
        raise LocalProtocolError(f"expected a number with its unit, like {name}=12.50 unit=kg; got {value!r} {unit!r}", operation=name)
    return value, unit

# SPDX-License-Identifier: Apache-2.0
"""Words as people type them (`weight_g=1250`) turned into what a twin's options and stimuli take, by the types that these declare."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union

from firmware_sims.engine.units import is_on

Value = str | int | float | bool


class ArgumentError(ValueError):
    """Not what an option or a stimulus takes; the text says what it does take."""


@dataclass(frozen=True)
class Argument:
    """One thing that an option or a stimulus takes. `kinds` in the order in which they are tried; `choices` empty: any. `is_list`: several of them."""

    name: str
    kinds: tuple[type, ...]
    choices: tuple[Value, ...] = ()
    default: Any = None
    is_required: bool = False
    is_list: bool = False

    def takes(self) -> str:
        """What it takes, in words."""
        if self.is_list:
            return "several, such as 1-8 or 1,3" if int in self.kinds else "several, such as a,b"
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        return " or ".join({bool: "on or off", int: "a whole number", float: "a number", str: "text"}[kind] for kind in self.kinds)

    def read(self, given: Any) -> Any:
        """Raises: ArgumentError: says what it takes."""
        if self.is_list:
            return self._read_list(given)
        if not isinstance(given, str | int | float):
            raise ArgumentError(f"{self.name} takes {self.takes()}, got {given!r}")
        if self.choices:
            for choice in self.choices:
                if str(choice) == str(given):
                    return choice
        for kind in () if self.choices else self.kinds:
            try:
                return _as(kind, given)
            except ValueError:
                continue
        raise ArgumentError(f"{self.name} takes {self.takes()}, got {given!r}")

    def _read_list(self, given: Any) -> list[Any]:
        """`1-8`, `1,3,5-7`, `a,b`, or what is a list already."""
        if isinstance(given, Iterable) and not isinstance(given, str):
            return list(given)
        found: list[Any] = []
        for part in str(given).split(","):
            first, dash, last = part.partition("-")
            if int in self.kinds and not (first.strip().isdigit() and (last.strip().isdigit() or not dash)):
                raise ArgumentError(f"{self.name} takes {self.takes()}, got {given!r}")
            found += range(int(first), int(last or first) + 1) if int in self.kinds else [part.strip()]
        return found


def _as(kind: type, given: Value) -> Value:
    if kind is bool:
        return given if isinstance(given, bool) else is_on(str(given))
    if isinstance(given, bool):
        raise ArgumentError("a flag is no number and no text")
    if kind is int and isinstance(given, float) and not given.is_integer():
        raise ArgumentError("not whole")
    return kind(given)  # type: ignore[no-any-return]  # str, int or float


_LISTS = (Iterable, Sequence, Collection, list, tuple, set, frozenset)
_SIMPLE = (str, int, float, bool)


def _argument(name: str, hint: Any, parameter: inspect.Parameter) -> Argument | None:
    """By its annotation; None: nothing that can be written down. Text wins where text is allowed, so that `0012` keeps its zeros."""
    required = parameter.default is inspect.Parameter.empty
    default = None if required else parameter.default
    if typing.get_origin(hint) is Literal:
        return Argument(name, (str,), typing.get_args(hint), default, required)
    is_list = typing.get_origin(hint) in _LISTS
    members = typing.get_args(hint) if is_list or typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = tuple(kind for kind in _SIMPLE if kind in members)
    return Argument(name, kinds, (), default, required, is_list) if kinds else None


def arguments_of(function: Callable[..., Any], *, beside: tuple[str, ...] = ()) -> dict[str, Argument]:
    """What a function takes and people can write, without `self` and those in `beside`."""
    owner = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(owner)
    found: dict[str, Argument] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in ("self", *beside):
            argument = _argument(name, hints.get(name, str), parameter)
            if argument is not None:
                found[name] = argument
    return found


def read_arguments(function: Callable[..., Any], given: Mapping[str, Any], *, beside: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a function is to be called with. Raises: ArgumentError: names all that is unknown, missing or wrong."""
    known = arguments_of(function, beside=beside)
    wrong = [f"there is no {name!r}, only: {', '.join(known) or 'nothing'}" for name in given if name not in known]
    wrong += [f"{name} is missing; it takes {argument.takes()}" for name, argument in known.items() if argument.is_required and name not in given]
    read: dict[str, Any] = {}
    for name, argument in known.items():
        if name in given:
            try:
                read[name] = argument.read(given[name])
            except ValueError as error:
                wrong.append(str(error))
    if wrong:
        raise ArgumentError("; ".join(wrong))
    return read


def by_looks(given: Mapping[str, Any]) -> dict[str, Any]:
    """Words without anything that says their types: a number where it looks like one, on and off as a flag, else the text."""
    read: dict[str, Any] = {}
    for name, value in given.items():
        read[name] = value
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value):
            read[name] = int(value)
        elif isinstance(value, str) and re.fullmatch(r"-?\d+\.\d+", value):
            read[name] = float(value)
        elif value in ("on", "off"):
            read[name] = value == "on"
    return read

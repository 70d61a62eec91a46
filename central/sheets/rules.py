# SPDX-License-Identifier: Apache-2.0
"""Rows of a spreadsheet: which column is meant by a heading, what a cell says, what is wrong with a row."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from central.sheets.headings import HEADINGS_ZH, VALUES_ZH
from central.sheets.texts_zh import text_zh

ERRORS_MAX = 1000
"""So many errors of a file are told; a file with more has one cause."""


@dataclass(frozen=True, slots=True, order=True)
class RowFault:
    """What is wrong in a row, by the number that its sender gave it. `column` is empty when the whole row is meant; `code` is stable.

    `params` are what the message names, for other languages.
    """

    row: int
    column: str
    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def message_zh(self) -> str:
        """The same in Chinese."""
        return text_zh(self.code, self.column, self.message, self.params)


Repeated = Callable[[Sequence[Any]], Mapping[int, str]]


@dataclass(frozen=True)
class Sheet:
    """What could be read: the rows with their numbers as a spreadsheet shows them (the heading is row 1), and everything that is wrong.

    `fields` are those of the kind that the file has columns for; what it says nothing of stays as it is.
    """

    rows: tuple[tuple[int, Any], ...]
    errors: tuple[RowFault, ...]
    fields: frozenset[str]


class SheetUnreadableError(ValueError):
    """The file as a whole cannot be read; the message says why and what to do."""


def columns_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The columns of a kind with their declarations; a part with fields of its own has one for each, `address_city`."""
    columns: dict[str, FieldInfo] = {}
    for name, declared in model.model_fields.items():
        nested = nested_model(declared)
        if nested is None:
            columns[name] = declared
        else:
            columns |= {f"{name}_{inner}": each for inner, each in nested.model_fields.items()}
    return columns


def nested_model(declared: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that has fields of its own; None for a plain one."""
    return next((each for each in _alternatives(declared.annotation) if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _alternatives(annotation: Any) -> Sequence[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def heading(column: str, language: str) -> str:
    """How a column is headed for a reader."""
    return next(iter(HEADINGS_ZH.get(column, ())), column) if language == "zh" else column


def columns_meant(headings: Sequence[str], model: type[BaseModel]) -> list[str]:
    """The columns that headings mean, English or Chinese.

    Raises: SheetUnreadableError: a heading that the kind does not know, or one twice, or one missing.
    """
    declared = columns_of(model)
    meant = [_column(each, declared) for each in headings]
    unknown = [head for head, column in zip(headings, meant, strict=True) if not column]
    if unknown:
        raise SheetUnreadableError(f"columns {', '.join(map(repr, unknown))} are not known; known are {', '.join(declared)}")
    needed = [name for name, each in declared.items() if each.is_required() and name not in meant]
    if needed:
        raise SheetUnreadableError(f"columns {', '.join(needed)} are missing")
    if len(set(meant)) != len(meant):
        raise SheetUnreadableError(f"a column stands twice in {', '.join(meant)}")
    return meant


def _column(head: str, declared: Mapping[str, FieldInfo]) -> str:
    name = head.strip().lower()
    if name in declared:
        return name
    return next((column for column in declared if name in HEADINGS_ZH.get(column, ())), "")


def check_rows(lines: Iterable[tuple[int, Sequence[str]]], columns: Sequence[str], model: type[BaseModel], repeated: Repeated) -> Sheet:
    """Read numbered lines of cells as rows of a kind, with every error of every row. Lines without text are left out."""
    rows: list[tuple[int, Any]] = []
    errors: list[RowFault] = []
    words = {name: _words_of(declared) for name, declared in columns_of(model).items()}
    nested = {name: parts for name, declared in model.model_fields.items() if (parts := nested_model(declared)) is not None}
    for number, cells in lines:
        said = {name: words[name].get(cell, cell) for name, cell in zip(columns, cells, strict=False) if cell}
        surplus = [cell for cell in cells[len(columns) :] if cell]
        if surplus:
            text = f"{len(cells)} cells under {len(columns)} headings"
            errors.append(RowFault(number, "", "cells_too_many", text, {"cells": len(cells), "headings": len(columns)}))
        elif said:
            try:
                rows.append((number, model.model_validate(_folded(said, nested))))
            except ValidationError as error:
                errors.extend(faults_of(number, error))
    twice = repeated([row for _, row in rows])
    errors.extend(RowFault(rows[index][0], "", "repeated", text) for index, text in twice.items())
    fields = {name for name in model.model_fields if name in columns or (name in nested and any(column.startswith(f"{name}_") for column in columns))}
    return Sheet(tuple(rows), tuple(sorted(errors)), frozenset(fields))


def _folded(said: dict[str, str], nested: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    row: dict[str, Any] = dict(said)
    for name, parts in nested.items():
        inner = {part: row.pop(f"{name}_{part}") for part in parts.model_fields if f"{name}_{part}" in row}
        if inner:
            row[name] = inner
    return row


def _words_of(declared: FieldInfo) -> Mapping[str, str]:
    """Chinese words that stand for the codes of a field."""
    kinds = _alternatives(declared.annotation)
    if bool in kinds:
        return {"是": "true", "否": "false"}
    codes = {code for each in kinds if typing.get_origin(each) is Literal for code in typing.get_args(each)}
    return {word: code for word, code in VALUES_ZH.items() if code in codes} if codes else {}


def faults_of(number: int, error: ValidationError) -> list[RowFault]:
    """What a row's declaration has against it."""
    return [
        RowFault(number, "_".join(map(str, each["loc"])), each["type"], each["msg"].removeprefix("Value error, "), each.get("ctx") or {})
        for each in error.errors(include_url=False)
    ]

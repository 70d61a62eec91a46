# SPDX-License-Identifier: Apache-2.0
"""Answers of stock leave nothing out of what is stored, and their examples are answers."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Table

from central.ledger.tables import handling_unit, serial, serial_move
from central.stock import answers, states
from central.stock.tables import kit_build, loss_report, recall, recall_hold, stock_rule, transfer, transfer_line, transfer_step

MODELS = [model for _, model in inspect.getmembers(answers, inspect.isclass) if issubclass(model, BaseModel) and model.__module__ == answers.__name__]


@pytest.mark.parametrize(
    ("model", "table", "more"),
    [
        (answers.UnitListed, handling_unit, set()),
        (answers.PieceOut, serial, set()),
        (answers.PieceMoved, serial_move, set()),
        (answers.KitBuildOut, kit_build, set()),
        (answers.LossOut, loss_report, set()),
        (answers.RecallListed, recall, set()),
        (answers.RecallFound, recall_hold, set()),
        (answers.LimitsOut, stock_rule, set()),
        (answers.TransferListed, transfer, set()),
        (answers.TransferLineOut, transfer_line, {"reserved", "received_of_item"}),
        (answers.TransferStepOut, transfer_step, set()),
    ],
)
def test_answer_has_every_column_of_its_table(model: type[BaseModel], table: Table, more: set[str]) -> None:
    assert set(model.model_fields) == set(table.columns.keys()) | more


def test_figures_of_the_view_are_all_answered() -> None:
    assert set(answers.StatesOut.model_fields) == {"site", "item", *states.FIGURES, "free", "to_promise"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_example_is_an_answer_with_all_its_fields(model: type[BaseModel]) -> None:
    extra: Any = model.model_config["json_schema_extra"]
    for example in extra["examples"]:
        assert set(example) == set(model.model_fields)
        model.model_validate(example)

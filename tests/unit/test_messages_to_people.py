# SPDX-License-Identifier: Apache-2.0
"""Messages to people."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from central.exceptions.messages import TEMPLATES, message

pytestmark = pytest.mark.slow

_CENTRAL = Path(__file__).resolve().parents[2] / "central"


def test_message_says_the_same_by_text_and_by_parameters() -> None:
    told = message("pallet_unknown", station="door-3", sscc="006141411234567890")

    assert told.text.startswith("door-3: pallet 006141411234567890 passed in and no ship notice names it;")
    assert told.params == {"station": "door-3", "sscc": "006141411234567890"}


def test_message_without_its_parameters_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        message("pallet_unknown", station="door-3")


def test_every_message_says_what_to_do() -> None:
    assert [code for code, text in TEMPLATES.items() if "; " not in text] == []


def _calls() -> list[ast.Call]:
    trees = [ast.parse(path.read_text()) for path in sorted(_CENTRAL.rglob("*.py"))]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "message" and call.args and isinstance(call.args[0], ast.Constant)]


def test_every_message_is_used_and_every_use_is_a_message() -> None:
    assert {call.args[0].value for call in _calls() if isinstance(call.args[0], ast.Constant)} == set(TEMPLATES)


def test_every_use_gives_the_parameters_that_the_message_names() -> None:
    for call in _calls():
        assert isinstance(call.args[0], ast.Constant)
        named = {field for _, field, _, _ in string.Formatter().parse(TEMPLATES[call.args[0].value]) if field}
        given = {keyword.arg for keyword in call.keywords}
        assert None in given or given == named, f"{call.args[0].value}: the message names {sorted(named)}, the call gives {sorted(map(str, given))}"

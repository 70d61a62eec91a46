# SPDX-License-Identifier: Apache-2.0
"""Errors that can reach a page have a Chinese sentence with their values, and its English form is the one that the source raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from central.error_sentences import in_chinese, written
from tools.source_scan import text_of, trees

pytestmark = pytest.mark.slow

ON_PAGES = (
    *(f"central/counting/{name}.py" for name in ("adjusting", "pieces", "service")),
    "central/exceptions/service.py",
    *(f"central/fleet/{name}.py" for name in ("configurations", "swaps")),
    "central/inbound/resolutions.py",
    *(f"central/outbound/{name}.py" for name in ("answers", "order_rows", "picked_serials", "pickers", "resolutions", "totes", "walls")),
    *(f"central/shipping/{name}.py" for name in ("placement", "print_jobs", "resolutions")),
    "central/web/count_pages.py",
    "central/web/gateway_pages.py",
    "central/web/visitor.py",
)
"""Where what a page's buttons do is refused."""
_NAMES = re.compile(r"\{[^{}]*\}")
_MESSAGE_ONLY = re.compile(r"\{str\(.*\)\}|\{text\}")


def sentences() -> Iterator[tuple[str, str, str]]:
    """File, code and sentence, with expressions in braces, of each error that central raises; a text made in the lines before is put in."""
    for path, tree in trees("central"):
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            texts: dict[str, list[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (text := text_of(node.value)):
                    texts.setdefault(f"{{{node.targets[0].id}}}", []).append(text)
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call) and len(node.args) > 1):
                code = text_of(call.args[0])
                name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""
                if code and (name.endswith("Error") or name == "__init__"):
                    message = text_of(call.args[1]) or f"{{{ast.unparse(call.args[1])}}}"
                    parts = [each for name, each in texts.items() if name in message]
                    for text in parts[0] if parts else [""]:
                        yield str(path), code, message.replace("{text}", text)


def sample(sentence: str) -> str:
    """A sentence as it may be raised: each expression has some value."""
    return _NAMES.sub("x1", _NAMES.sub("x1", sentence))


@pytest.mark.requirement("R31", "R106")
def test_every_error_that_can_reach_a_page_has_a_chinese_sentence() -> None:
    missing = [f"{path}: {code}: {text}" for path, code, text in sentences() if path in ON_PAGES and in_chinese(code, sample(text)) is None]

    assert missing == [], "write these into central/error_sentences.toml"


def test_every_form_is_one_that_the_source_raises() -> None:
    raised = [(code, sample(text)) for _, code, text in sentences()]
    gone = [
        f"{code}: {english}"
        for code, forms in written().items()
        for english, _ in forms
        if not any(each == code and re.fullmatch(re.sub(r"\\{\w+\\}", ".+?", re.escape(english)), text) for each, text in raised)
    ]

    assert gone == [], "the source says these otherwise, or not any more"


def test_chinese_uses_the_values_of_its_english_form() -> None:
    for code, forms in written().items():
        for english, chinese in forms:
            assert set(_NAMES.findall(chinese)) <= set(_NAMES.findall(english)), code


def test_sentence_is_told_with_its_values_and_states_in_chinese() -> None:
    assert in_chinese("order_closed", "order SO-1 is shipped already") == "订单 SO-1 的状态已是“已发货”"
    assert in_chinese("tote_in_use", "something else") is None

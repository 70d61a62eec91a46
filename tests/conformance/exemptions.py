# SPDX-License-Identifier: Apache-2.0
"""Which driver need not keep which rule, and why. These lists may only shrink."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from drivers import registry

EXEMPT: dict[str, dict[str, str]] = {
    "test_device_fault_maps_to_documented_code": {
        "scanner_evdev": "a keyboard only types; it has no reply with a fault in it",
        "scanner_serial": "a scanner only sends what it reads; it has no reply with a fault in it",
        "sllurp": "through sllurp a reader takes no commands, so it refuses none",
    },
}
"""Rule (the test's name) -> driver -> reason."""


def every_driver(rule: str) -> Any:
    """Parametrises a test named `rule` over all registered drivers that are not exempt from it."""
    return pytest.mark.parametrize("name", [name for name in registry.names() if name not in EXEMPT.get(rule, {})])


def rules() -> set[str]:
    """All rules: the tests of this folder whose first parameter is a driver's name."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name.startswith("test_")
                and [arg.arg for arg in node.args.args][:1] == ["name"]
            ):
                found.add(node.name)
    return found

# SPDX-License-Identifier: Apache-2.0
"""Who may catch everything: the loops whose work is to survive it. Each place is named here with its reason."""

from __future__ import annotations

import ast

from tests.tidy.tree import python_files

ALLOWED = {
    "drivers/base/driver.py": "nobody waits for a timer: what is raised there is handed to the conversation, which ends by it",
    "drivers/base/shared_lines.py": "a broken driver never disturbs the other devices of its line",
    "gateway/supervisor.py": "a broken device never disturbs another",
    "central/ingest": "a poison message is quarantined and never blocks those behind it",
}
"""File or folder -> why. May only grow with a reason that stands up to an argument."""

PROGRAM = ("benchmarks", "central", "contracts", "drivers", "firmware_sims", "gateway", "tools", "dockline.py")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in caught)


def _reraises(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def test_everything_is_caught_only_where_that_is_the_work() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, text in python_files(*PROGRAM)
        if not any(str(path).startswith(place) for place in ALLOWED)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _reraises(node)
    ]

    assert found == [], "catch the error that you mean, or argue for the place in tests/tidy/test_broad_excepts.py"


def test_peer_data_never_meets_assert_in_frames() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, text in python_files("drivers")
        if path.name == "frames.py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assert)
    ]

    assert found == []

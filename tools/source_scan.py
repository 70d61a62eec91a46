# SPDX-License-Identifier: Apache-2.0
"""What the source says without being run: metrics, error codes, requirement marks; by the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
METRIC_KINDS = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")


@dataclass(frozen=True)
class Metric:
    """A metric as its program declares it; `name` as it is scraped, without the suffixes of a histogram."""

    name: str
    kind: str
    description: str
    labels: tuple[str, ...]
    program: str


@dataclass(frozen=True)
class ErrorCode:
    """A stable code of an error of the domain. `message` has the names of its parameters in braces."""

    code: str
    message: str
    kind: str
    place: str


def trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Path relative to the root and syntax tree of every Python file below the folders, sorted."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def text_of(node: ast.expr) -> str | None:
    """A string literal, or an f-string with its parameters in braces; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(value) or "" for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return "{" + ast.unparse(node.value) + "}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left) or "") + (text_of(node.right) or "")
    return None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _labels(call: ast.Call) -> tuple[str, ...]:
    given = next((word.value for word in call.keywords if word.arg in ("labelnames", "labels")), call.args[2] if len(call.args) > 2 else None)
    return tuple(text for item in given.elts if (text := text_of(item))) if isinstance(given, ast.List | ast.Tuple) else ()


def _metric_kind(call: ast.Call) -> str | None:
    """The kind that a call declares: `Counter(...)`, or a program's own short form `self._counter(...)`."""
    name = _name(call.func).strip("_").lower()
    return next((kind for kind in METRIC_KINDS if kind.lower() == name), None)


def _scraped_name(name: str, kind: str) -> str:
    suffix = {"Counter": "_total", "Info": "_info"}.get(kind, "")
    return name if name.endswith(suffix) else name + suffix


def metrics() -> list[Metric]:
    """All metrics declared in a file named metrics.py of gateway and central, sorted by name."""
    found: dict[tuple[str, str], Metric] = {}
    for path, tree in trees("gateway", "central"):
        if path.name != "metrics.py":
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            kind = _metric_kind(call)
            name = text_of(call.args[0]) if call.args else None
            if kind and name:
                description = text_of(call.args[1]) if len(call.args) > 1 else next((text_of(w.value) for w in call.keywords if w.arg == "documentation"), "")
                name = _scraped_name(name, kind)
                found[path.parts[0], name] = Metric(name, kind, description or "", _labels(call), path.parts[0])
    return sorted(found.values(), key=lambda metric: (metric.program, metric.name))


def _code_of(call: ast.Call) -> tuple[str, str] | None:
    if len(call.args) < 2:
        return None
    code, message = text_of(call.args[0]), text_of(call.args[1]) or "{" + ast.unparse(call.args[1]) + "}"
    is_code = code is not None and code.replace("_", "").isalnum() and code.islower()
    return (code, message) if is_code and code and message else None


def error_codes() -> list[ErrorCode]:
    """Codes of errors of central: `raise SomeError("code", "message")` and `super().__init__("code", "message")` of an error's class."""
    found: dict[str, ErrorCode] = {}
    for path, tree in trees("central"):
        owners = {id(call): owner.name for owner in ast.walk(tree) if isinstance(owner, ast.ClassDef) for call in ast.walk(owner) if isinstance(call, ast.Call)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            owner = owners.get(id(call), "")
            kind = owner if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__" else _name(call.func)
            if kind.endswith("Error") and (made := _code_of(call)):
                found.setdefault(made[0], ErrorCode(made[0], made[1], kind, str(path)))
    return sorted(found.values(), key=lambda error: error.code)


def _marks(decorators: list[ast.expr]) -> set[str]:
    rows: set[str] = set()
    for call in (node for expression in decorators for node in ast.walk(expression) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
            rows |= {row for argument in call.args if (row := text_of(argument))}
    return rows


def requirement_marks() -> dict[str, list[str]]:
    """Row -> tests that are marked with it, as `tests/...py::test_name`, sorted."""
    rows: dict[str, set[str]] = {}
    for path, tree in trees("tests"):
        module = {row for node in tree.body if isinstance(node, ast.Assign) and _name(node.targets[0]) == "pytestmark" for row in _marks([node.value])}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for row in module | _marks(node.decorator_list):
                    rows.setdefault(row, set()).add(f"{path}::{node.name}")
    return {row: sorted(tests) for row, tests in rows.items()}

# SPDX-License-Identifier: Apache-2.0
"""What every driver declares: configuration, commands, sources, and what it promises in quality.toml."""

from __future__ import annotations

import ast
import importlib
import tomllib
from typing import Any

import msgspec
import pytest

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError
from gateway.conformance.kit import entry, exempt_of, package_of, way

FORBIDDEN = {"asyncio", "socket", "serial", "time", "random", "threading", "secrets", "uuid"}
CLOCKS = {"now", "utcnow", "today"}


def test_config_rejects_unknown_field(name: str) -> None:
    spec = registry.load(name)

    with pytest.raises(ConfigError, match="reply_timout_s"):
        parse_config(spec.config, {"driver": name, **way(name).nowhere(1), "reply_timout_s": 1.0, **entry(name).fields})


def test_every_field_has_description_and_unit(name: str) -> None:
    schema = msgspec.json.schema(registry.load(name).config)
    properties: dict[str, Any] = next(part for part in schema["$defs"].values() if "driver" in part["properties"])["properties"]

    for field, declared in properties.items():
        if field != "driver":
            assert declared.get("description"), f"{name}.{field} has no description"
            assert declared.get("unit"), f"{name}.{field} has no unit"


def test_every_command_argument_has_description_and_unit(name: str) -> None:
    for command in registry.load(name).commands:
        assert command.description, f"{name}: {command.name} has no description"
        for argument in command.arguments:
            assert argument.description, f"{name}: {command.name} {argument.name} has no description"
            assert argument.unit, f"{name}: {command.name} {argument.name} has no unit"


def test_no_clock_or_random_in_session(name: str) -> None:
    for path in package_of(name).glob("*.py"):
        if path.name == "driver.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not _imported(tree) & FORBIDDEN, f"{path.name} of {name}: time, chance and input/output are arguments"
        assert not {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & CLOCKS, f"{path.name} of {name} asks a clock"


def _imported(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {module.split(".")[0] for module in plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}}


def test_spec_names_twin_and_source(name: str) -> None:
    spec = registry.load(name)
    module, _, kind = spec.twin.partition(":")

    assert spec.name == name
    assert len(spec.source) > 20, f"{name}: which document were the frames written from?"
    twin = getattr(importlib.import_module(module), kind)
    assert [what for what in ("connected", "receive_bytes", "advance_to", "next_deadline_s", "stimulate") if not callable(getattr(twin, what, None))] == []


def test_quality_file_tells_the_truth(name: str) -> None:
    from gateway.conformance.rules import RULES

    states = tomllib.loads((package_of(name) / "quality.toml").read_text(encoding="utf-8"))["rules"]
    exempt = exempt_of(name)

    assert {rule for rule, state in states.items() if state == "done"} == set(RULES) - set(exempt)
    assert {rule: state["exempt"] for rule, state in states.items() if state != "done"} == exempt

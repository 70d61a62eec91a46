# SPDX-License-Identifier: Apache-2.0
"""Registry, folders, twins and captures agree with one another."""

from __future__ import annotations

import ast
import tomllib

import pytest

from drivers import registry
from tests.tidy.tree import ROOT, files, python_files

DRIVER_FOLDERS = {path.parts[1] for path in files() if path.parts[0] == "drivers" and len(path.parts) > 2} - {"base"}
TWIN_FOLDERS = {path.parts[1] for path in files() if path.parts[0] == "firmware_sims" and path.name == "twin.py"} - {"engine"}
DRIVER_FILES = {"__init__.py", "config.py", "frames.py", "session.py", "driver.py", "quality.toml"}
OF_MODBUS = {"light_modbus", "sensor_modbus"}
"""Their frames are those of drivers/base/modbus."""
EFFECTS = {"asyncio", "socket", "serial", "time", "random", "threading"}
"""What sans-IO files import none of."""
CAPTURES = sorted({path for path in files() if path.parts[:2] == ("tests", "captures") and path.suffix == ".hex"})


def test_registry_is_the_list_of_driver_folders() -> None:
    assert set(registry.BUILT_IN) == DRIVER_FOLDERS


def test_every_driver_has_a_twin_folder_or_speaks_to_that_of_another() -> None:
    folders = {name: registry.load(name).twin.split(".")[1] for name in DRIVER_FOLDERS}

    assert {name: folder for name, folder in folders.items() if folder not in TWIN_FOLDERS} == {}
    assert {name for name, folder in folders.items() if folder != name} <= {"sllurp"}  # a second way to the readers of rfid_llrp


@pytest.mark.parametrize("driver", sorted(DRIVER_FOLDERS))
def test_driver_folder_has_the_same_files_as_every_other(driver: str) -> None:
    present = {path.name for path in files() if path.parts[:2] == ("drivers", driver)}
    wanted = DRIVER_FILES - ({"frames.py"} if driver in OF_MODBUS else set())

    assert present >= wanted, sorted(wanted - present)


@pytest.mark.parametrize("driver", sorted(DRIVER_FOLDERS))
def test_every_quality_rule_is_done_or_says_why_not(driver: str) -> None:
    rules = tomllib.loads((ROOT / "drivers" / driver / "quality.toml").read_text())

    assert rules
    for name, rule in rules.get("rules", rules).items():
        status, reason = (rule, "") if isinstance(rule, str) else next(iter(rule.items()))
        assert status in ("done", "todo", "exempt"), f"{driver}: {name}"
        assert status == "done" or reason, f"{driver}: {name} is {status} without a reason"


@pytest.mark.parametrize("driver", sorted(DRIVER_FOLDERS))
def test_every_driver_has_a_capture(driver: str) -> None:
    assert [path for path in CAPTURES if path.parts[2] == driver]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: "/".join(path.parts[2:]))
@pytest.mark.parametrize("suffix", [".json", ".md"])
def test_capture_has_its_expectation_and_its_provenance(capture: object, suffix: str) -> None:
    beside = (ROOT / str(capture)).with_suffix(suffix)

    assert beside.exists(), f"{capture} needs {beside.name} beside it"
    assert beside.read_text(encoding="utf-8").strip()


def _imported(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_frames_and_sessions_touch_no_clock_socket_or_chance() -> None:
    found = [
        f"{path}: {sorted(bad)}" for path, text in python_files("drivers") if path.name in ("frames.py", "session.py") and (bad := _imported(text) & EFFECTS)
    ]

    assert found == []


def test_rules_of_central_touch_no_database_web_clock_or_chance() -> None:
    forbidden = {"sqlalchemy", "fastapi", "asyncio", "time", "random"}
    found = [
        f"{path}: {sorted(bad)}" for path, text in python_files("central") if "rules" in (path.stem, path.parent.name) and (bad := _imported(text) & forbidden)
    ]

    assert found == []


def test_gateway_imports_no_web_framework_or_database() -> None:
    forbidden = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "jinja2", "babel"}
    found = [f"{path}: {sorted(bad)}" for path, text in python_files("gateway", "drivers", "contracts") if (bad := _imported(text) & forbidden)]

    assert found == []

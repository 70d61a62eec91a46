# SPDX-License-Identifier: Apache-2.0
"""The `dockline` command: help, errors, and what it does not import."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from pytest_mock import MockerFixture

import dockline


def test_command_without_arguments_shows_usage_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockline.main([]) == 2
    assert "usage: dockline COMMAND" in capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockline.main(["--help"]) == 0

    shown = capsys.readouterr().out
    assert [name for name in dockline.COMMANDS if f"\n  {name} " not in shown] == []


def test_unknown_command_fails_and_names_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockline.main(["forklift"]) == 2
    assert "no command 'forklift'" in capsys.readouterr().err


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockline.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dockline 0.")


@pytest.mark.parametrize("name", sorted(dockline.COMMANDS))
def test_every_command_has_a_module(name: str) -> None:
    assert importlib.util.find_spec(dockline.COMMANDS[name][0]) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(dockline.COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dockline", name, "--help"], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_missing_optional_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    monkeypatch.setattr("dockline.importlib.import_module", absent)

    assert dockline.main(["central"]) == 2
    assert "'central' needs the package 'fastapi'" in capsys.readouterr().err


def test_package_that_is_missed_only_while_running_is_named_as_well(mocker: MockerFixture, capsys: pytest.CaptureFixture[str]) -> None:
    mocker.patch("dockline.importlib.import_module").return_value.main.side_effect = ModuleNotFoundError("No module named 'iotcore'", name="iotcore")

    assert dockline.main(["broker", "run"]) == 2
    assert "'broker' needs the package 'iotcore'" in capsys.readouterr().err


def test_fault_inside_a_program_is_not_mistaken_for_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ModuleNotFoundError("No module named 'central.ledgr'", name="central.ledgr")

    monkeypatch.setattr("dockline.importlib.import_module", broken)

    with pytest.raises(ModuleNotFoundError):
        dockline.main(["central"])


@pytest.mark.slow
def test_reader_of_the_output_who_has_enough_sees_no_traceback() -> None:
    with subprocess.Popen([sys.executable, "-m", "dockline", "device", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()

    assert (complaints, process.returncode) == ("", 141)


def test_gateway_start_imports_nothing_of_central_or_the_web() -> None:
    script = (
        "import sys, importlib, dockline\n"
        "importlib.import_module(dockline.COMMANDS['gateway'][0])\n"
        "importlib.import_module('gateway.app')\n"
        "print([name for name in ('central', 'fastapi', 'starlette', 'uvicorn', 'sqlalchemy', 'jinja2', 'firmware_sims') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "[]"

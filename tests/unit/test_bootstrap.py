# SPDX-License-Identifier: Apache-2.0
"""Set-up on a machine that lacks this or that: it says exactly what to run, and does nothing twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import bootstrap


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What set-up would have run, in a project folder of its own with a finished .venv."""
    ran: list[list[str]] = []

    def record(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "demo.txt").write_text("msgspec==0.1 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    monkeypatch.setattr(bootstrap.subprocess, "run", record)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "PYTHON", venv / "bin" / "python")
    return ran


def test_missing_venv_module_is_named_with_the_command_to_run(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap, "_root_prefix", lambda: None)

    with pytest.raises(SystemExit) as stopped:
        bootstrap.make_environment()

    assert stopped.value.code == 1
    assert "sudo apt-get update && sudo apt-get install -y --no-install-recommends python3-venv" in capsys.readouterr().err
    assert commands == []


def test_missing_venv_module_is_installed_when_that_is_allowed(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap, "_root_prefix", lambda: ["sudo", "-n"])
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")

    bootstrap.make_environment()

    assert commands[0][:2] == ["sudo", "-n"]
    assert commands[0][-1] == "python3-venv"
    assert commands[1][1:3] == ["-m", "venv"]


def test_old_python_is_refused_with_what_to_do(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))

    with pytest.raises(SystemExit):
        bootstrap.make_environment()

    assert "Dockline needs Python 3.11 or newer" in capsys.readouterr().err


def test_lock_is_installed_by_hash_once_and_not_again(commands: list[list[str]]) -> None:
    bootstrap.install("demo")
    first = len(commands)
    bootstrap.install("demo")

    assert first == len(commands) == 2
    assert "--require-hashes" in commands[0]
    assert "--no-deps" in commands[1]


def test_changed_lock_is_installed_anew(commands: list[list[str]]) -> None:
    bootstrap.install("demo")
    (bootstrap.ROOT / "requirements" / "demo.txt").write_text("msgspec==0.2 \\\n    --hash=sha256:00\n")
    bootstrap.install("demo")

    assert len(commands) == 4


def test_failed_installation_stops_and_leaves_no_stamp(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3))

    with pytest.raises(SystemExit):
        bootstrap.install("demo")

    assert "this failed with exit status 3" in capsys.readouterr().err
    assert list(bootstrap.VENV.glob(".dockline-*")) == []


def test_servers_that_are_missing_are_named_all_at_once(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap, "missing_system_packages", lambda: ["mosquitto", "chromium"])
    monkeypatch.setattr(bootstrap, "_root_prefix", lambda: None)

    with pytest.raises(SystemExit) as stopped:
        bootstrap.install_system()

    assert stopped.value.code == 1
    assert "apt-get install -y --no-install-recommends mosquitto chromium" in capsys.readouterr().err


def test_wrong_word_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["everything"]) == 2
    assert "tools/bootstrap.py demo" in capsys.readouterr().out


def test_bootstrap_imports_nothing_beyond_the_standard_library() -> None:
    script = "import sys, tools.bootstrap; print({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'tools', '__main__'})"

    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=Path(bootstrap.__file__).parents[1], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.strip() == "set()"


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_skipped_test_fails_the_run_under_ci_only(tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\n\ndef test_done():\n    pass\n\n@pytest.mark.skip(reason='no')\ndef test_left_out():\n    pass\n")
    root = Path(bootstrap.__file__).parents[1]
    environment = {"PATH": "/usr/bin:/bin", "CI": ci, "PYTHONPATH": str(root)}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.ci_plugin", "-p", "no:randomly", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip

    assert done.returncode == status, done.stdout
    assert ("test_left_out" in done.stdout) == bool(ci)


def test_services_that_came_with_packages_are_switched_off_and_others_left_alone(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units = tmp_path / "units"
    units.mkdir()
    (units / "mosquitto.service").touch()  # somebody's own, whose program only is missing
    monkeypatch.setattr(bootstrap, "UNITS", (units,))
    monkeypatch.setattr(bootstrap, "SYSTEMD", tmp_path)
    monkeypatch.setattr(bootstrap, "missing_system_packages", lambda: ["mosquitto", "ser2net", "curl"])
    monkeypatch.setattr(bootstrap, "_install_packages", lambda packages, why: (units / "ser2net.service").touch())
    monkeypatch.setattr(bootstrap, "_root_prefix", lambda: ["sudo", "-n"])
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")

    bootstrap.install_system()

    assert commands == [["sudo", "-n", "systemctl", "disable", "--quiet", "--now", "ser2net"]]
    assert "ser2net; switched off again" in capsys.readouterr().out


def test_services_are_only_disabled_where_no_systemd_runs(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "SYSTEMD", tmp_path / "none")
    monkeypatch.setattr(bootstrap, "_root_prefix", list)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")

    bootstrap._switch_off(["ser2net"])

    assert commands == [["systemctl", "disable", "--quiet", "ser2net"]]

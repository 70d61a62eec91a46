# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config_file import ConfigFileError
from gateway.configuration_store import OWN, ConfigurationStore
from gateway.starting import load_start

pytestmark = pytest.mark.requirement("E17")


def written(folder: Path, more: str = "", data_dir: Path | None = None) -> Path:
    file = folder / "gateway.toml"
    file.write_text(f'[gateway]\nid = "gw-1"\nsite = "s-1"\ndata_dir = "{data_dir or folder}"\n{more}')
    return file


def remembered(file: Path, folder: Path) -> None:
    ConfigurationStore(str(folder), "", None).put(OWN, file.read_text())


def test_good_file_is_what_a_gateway_starts_with(tmp_path: Path) -> None:
    start = load_start(written(tmp_path), safe=False)

    assert (start.own.gateway.id, start.fault) == ("gw-1", "")


def test_copy_that_worked_last_takes_the_place_of_a_broken_file(tmp_path: Path) -> None:
    remembered(written(tmp_path, "report_interval_s = 7\n"), tmp_path)

    start = load_start(written(tmp_path, "[[device]]\nid = 1\n"), safe=False)

    assert start.own.gateway.report_interval_s == 7
    assert "needs `id` and `driver`" in start.fault


@pytest.mark.parametrize("text", ["[gateway\n", "", '[gateway]\nid = "gw-1"\nsite = "s-1"\nbroker = "mqtt://another.machine"\n'])
def test_file_that_does_not_even_name_its_folder_is_helped_out_by_the_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = written(tmp_path)
    remembered(file, tmp_path)
    file.write_text(text)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    with pytest.raises(ConfigFileError):
        load_start(file, safe=False)
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/elsewhere")

    assert load_start(file, safe=False).own.gateway.data_dir == str(tmp_path)


def test_copy_of_another_gateway_is_not_taken(tmp_path: Path) -> None:
    file = written(tmp_path, data_dir=tmp_path / "mine")
    remembered(file, tmp_path / "theirs")

    with pytest.raises(ConfigFileError):
        load_start(written(tmp_path, "wrong = 1\n", data_dir=tmp_path / "theirs"), safe=False)


def test_gateway_that_never_worked_starts_in_safe_mode_only_when_that_is_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, "[[device]]\nid = 1\n")
    with pytest.raises(ConfigFileError):
        load_start(file, safe=False)

    start = load_start(file, safe=True)

    assert (start.own.gateway.id, start.own.devices, bool(start.fault)) == ("gw-1", {}, True)

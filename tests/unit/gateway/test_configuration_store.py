# SPDX-License-Identifier: Apache-2.0
"""What a gateway begins with after it was killed at each step of taking over a configuration: always one that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import GatewayConfig
from gateway.config_file import load_config
from gateway.configuration_rules import Standing, Trial, proved, returned, tried
from gateway.configuration_store import OWN, Chosen, ConfigurationStore
from gateway.trust import digest_of


class Machine:
    """A gateway's disk; `start` is a process that begins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = folder / "trust"
        self.trust.mkdir()
        self.own_file = folder / "gateway.toml"
        self.own_file.write_text(self.document(1))

    def document(self, priority: int) -> str:
        return f'[gateway]\nid = "g"\nsite = "s"\ndata_dir = "{self.folder}/data"\ntrust_dir = "{self.trust}"\nreport_interval_s = {priority}\n'

    def files(self) -> ConfigurationStore:
        return ConfigurationStore(f"{self.folder}/data", str(self.trust), self.own_file)

    def own(self) -> GatewayConfig:
        return load_config(self.own_file)

    def start(self) -> tuple[float, Chosen]:
        chosen = self.files().choose(self.own())
        return chosen.config.gateway.report_interval_s, chosen

    def settled_with(self, version: int) -> ConfigurationStore:
        files = self.files()
        files.put(version, self.document(version))
        files.keep(proved(tried(files.standing, Trial(version=version))))
        return files


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_anything_pushed_the_own_file_counts_and_nothing_is_written(machine: Machine) -> None:
    assert machine.start()[0] == 1
    assert not (machine.folder / "data").exists()


@pytest.mark.requirement("E14")
def test_killed_at_each_step_it_begins_with_a_configuration_that_works(machine: Machine) -> None:
    files = machine.settled_with(5)
    assert machine.start()[0] == 5

    files.put_candidate(machine.document(6))
    assert machine.start()[0] == 5, "killed before it was checked"
    files.put(6, machine.document(6))
    assert machine.start()[0] == 5, "killed before it was noted as on trial"
    files.keep(tried(files.standing, Trial(version=6)))
    assert machine.start()[0] == 6, "killed before the trial began: this process tries it"
    interval_s, chosen = machine.start()
    assert (interval_s, chosen.standing.in_force, chosen.standing.untold[-1].outcome) == (5, 5, "returned"), "killed in the trial"
    assert machine.start()[1].standing == chosen.standing

    files = machine.settled_with(7)
    assert machine.start()[0] == 7, "killed after it had proved good and before that was told"
    assert machine.start()[1].standing.untold[-1].outcome == "applied"


@pytest.mark.requirement("E14")
def test_trial_that_cannot_be_read_and_a_version_in_force_that_is_gone_give_way(machine: Machine) -> None:
    files = machine.settled_with(5)
    files.put(6, "[gateway]\n")
    files.keep(tried(files.standing, Trial(version=6)))
    assert machine.start()[0] == 5

    files.path(5).unlink()
    interval_s, chosen = machine.start()
    assert (interval_s, chosen.standing.in_force) == (1, OWN)
    assert "cannot be read" in chosen.standing.fault


@pytest.mark.requirement("E14")
def test_new_data_folder_does_not_forget_the_highest_version(machine: Machine) -> None:
    machine.settled_with(9)
    (machine.folder / "data" / "configurations" / "standing.json").unlink()

    assert machine.files().standing.highest == 9


def test_own_file_that_did_not_prove_good_gives_way_to_its_last_copy(machine: Machine) -> None:
    files = machine.files()
    files.remember_own(machine.own().config_hash)
    machine.own_file.write_text(machine.document(2))
    files.keep(tried(files.standing, Trial(version=OWN, digest=digest_of(machine.document(2)))))
    files.keep(returned(files.standing, "reader away"))

    assert machine.start()[0] == 1
    machine.own_file.write_text(machine.document(3))
    assert machine.start()[0] == 3, "edited again it is another file"


def test_damaged_standing_leaves_the_own_file(machine: Machine) -> None:
    files = machine.settled_with(5)
    (machine.folder / "data" / "configurations" / "standing.json").write_text("{")

    assert machine.start()[0] == 1
    assert machine.files().standing == Standing(highest=5)
    files.forget_older({OWN})
    assert not files.path(5).exists()

# SPDX-License-Identifier: Apache-2.0
"""A type checker knows what each simulator takes; tests/tidy/test_docs_are_fresh.py sees to it that it knows what the twins declare."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

PROGRAM = """\
from firmware_sims import sims

with sims.scale_sics(load="12.5 kg", capacity_g=6000, over="pty", seed=3, faults={"drop": 0.01}) as scale:
    reveal_type(scale.port)
sims.sensor_modbus(map="xy_md02", temperature=-18.5)
sims.device("scale_acme", anything=1)
sims.scale_sics(lode="12.5 kg")
sims.scale_sics(capacity_g="much")
sims.sensor_modbus(map="xy_md03")
sims.scale_sics(over="usb")
sims.sclae_sics()
"""
WRONG = {
    7: 'Unexpected keyword argument "lode" for "scale_sics"',
    8: 'Argument "capacity_g" to "scale_sics" has incompatible type "str"; expected "float"',
    9: 'Argument "map" to "sensor_modbus" has incompatible type "Literal[\'xy_md03\']"',
    10: 'Argument "over" to "scale_sics" has incompatible type "Literal[\'usb\']"',
    11: 'Module has no attribute "sclae_sics"',
}


@pytest.mark.requirement("E15")
@pytest.mark.slow
def test_type_checker_finds_a_wrong_option_of_a_simulator(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(PROGRAM)

    told, failed, _ = api.run([str(program), "--strict", "--config-file", "", "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"])

    lines = told.splitlines()
    found = {int(line.split(":")[1]): line for line in lines if ": error: " in line}
    assert failed == "", failed
    assert any('mine.py:4: note: Revealed type is "int"' in line or 'Revealed type is "builtins.int"' in line for line in lines), told
    assert {number: WRONG.get(number, "") in line for number, line in found.items()} == dict.fromkeys(WRONG, True), told

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.scanner_serial.config import ScannerSerialConfig
from gateway.bindings import Binding, Bindings, BindingsError

pytestmark = pytest.mark.requirement("E17")


def test_binding_lies_over_the_configuration_and_outlives_the_process(tmp_path: Path) -> None:
    config = RfidLlrpConfig(host="10.0.0.1", power_dbm=27.0)
    Bindings(tmp_path).bind("reader-3", Binding(serial='37-"11"\\22', host="10.0.0.2", actor="李", swap_id="s-1"))

    bindings = Bindings(tmp_path)
    bound = bindings.over("reader-3", config)

    assert (bound.serial_number, bound.host, bound.port, bound.power_dbm) == ('37-"11"\\22', "10.0.0.2", 5084, 27.0)
    assert bindings.over("reader-4", config) is config
    assert bindings.by_device["reader-3"].actor == "李"


def test_new_address_does_not_turn_a_serial_line_into_tcp() -> None:
    config = ScannerSerialConfig(path="/dev/ttyACM0")

    assert Binding(serial="S", host="10.0.0.2").over(config) == ScannerSerialConfig(path="/dev/ttyACM0", serial_number="S")
    assert Binding(serial="S", path="/dev/ttyACM1").over(config) == ScannerSerialConfig(path="/dev/ttyACM1", serial_number="S")


def test_what_was_told_is_noted_once_and_the_rest_stays(tmp_path: Path) -> None:
    bindings = Bindings(tmp_path)
    bindings.bind("a", Binding(serial="1"))
    bindings.bind("b", Binding(serial="2"))
    bindings.told("a")
    bindings.told("unknown")

    assert {device: binding.told for device, binding in Bindings(tmp_path).by_device.items()} == {"a": True, "b": False}
    assert (tmp_path / "bindings.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["torn = ", "[a]\nserial = 1\n", '[a]\nserial = "1"\nwrong = 1\n'])
def test_file_that_cannot_be_read_says_what_to_do_and_is_not_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "bindings.toml").write_text(text)

    bindings = Bindings(tmp_path)

    assert bindings.by_device == {}
    assert "correct it, or remove it and swap again" in bindings.fault
    with pytest.raises(BindingsError, match="correct it"):
        bindings.bind("a", Binding(serial="2"))
    assert (tmp_path / "bindings.toml").read_text() == text

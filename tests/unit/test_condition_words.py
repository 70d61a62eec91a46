# SPDX-License-Identifier: Apache-2.0
"""What devices say of their condition has words in both languages, and keeps the names that the device told."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

import drivers
from central.web.condition_words import CONDITIONS, condition_text
from central.web.languages import catalogue
from contracts.readings import AnyReading, ConditionChanged, Weight
from drivers.base.lights import ButtonsStuck
from drivers.base.weighing_conditions import CONDITIONS as OF_SCALES
from drivers.base.weighing_conditions import ERROR_S, ScaleConditions
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from drivers.light_ablepick.events import SupplyChanged
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.driver import LightModbusDriver
from drivers.printer_zpl.conditions import WHAT_TO_DO
from drivers.scale_hid.session import CONDITIONS as OF_HID_SCALES
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.driver import SensorBleDriver
from drivers.sensor_ble.session import TagsChanged
from drivers.sensor_onewire.config import SensorOnewireConfig
from drivers.sensor_onewire.driver import SensorOnewireDriver
from drivers.sensor_onewire.session import UnnamedProbes

pytestmark = pytest.mark.requirement("R98", "X11")

EN, ZH = catalogue("en"), catalogue("zh")
TELLING = {
    "base/weighing_conditions.py",
    "light_ablepick/driver.py",
    "base/light_driver.py",
    "printer_zpl/driver.py",
    "scale_hid/driver.py",
    "sensor_ble/driver.py",
    "sensor_onewire/driver.py",
}
"""Where drivers tell conditions; `told` has all of them."""


def _only(readings: Iterable[AnyReading]) -> ConditionChanged:
    (reading,) = readings
    assert isinstance(reading, ConditionChanged)
    return reading


def told() -> list[ConditionChanged]:
    """Every condition that a driver can tell, with its reason."""
    lights = LightAblepickDriver("d", LightAblepickConfig(host="h"))
    tags = LightModbusDriver("d", LightModbusConfig(host="h", map="generic_tag", nodes=20))
    sensors, probes = SensorBleDriver("d", SensorBleConfig(host="h", port=1)), SensorOnewireDriver("d", SensorOnewireConfig(host="h", port=1))
    supplies = ("voltage_low", "voltage_high", "system_abnormal")
    printer = [ConditionChanged(device="d", at_s=0, condition=name, active=True, reason=reason) for name, reason in WHAT_TO_DO.items()]
    hid = [ConditionChanged(device="d", at_s=0, condition=name, active=True, reason=reason) for name, reason in OF_HID_SCALES.values()]
    return [
        *printer,
        *hid,
        *of_scales(),
        _only(lights.readings(ButtonsStuck((3, 14)), 0)),
        *(_only(lights.readings(SupplyChanged(name, active=True), 0)) for name in supplies),
        _only(tags.readings(ButtonsStuck((3, 14)), 0)),
        *(_only(sensors.readings(TagsChanged(name, ("north", "south")), 0)) for name in ("battery_low", "tag_silent")),
        _only(probes.readings(UnnamedProbes(("28-0316a2",)), 0)),
    ]


def of_scales() -> list[ConditionChanged]:
    """What weights of a scale in trouble make known."""
    watched = ScaleConditions()
    weights = [
        Weight(device="d", at_s=0, state="stable", value=Decimal(1), unit="stone"),
        Weight(device="d", at_s=1, state="stale"),
        Weight(device="d", at_s=2, state="error", text="E04"),
        Weight(device="d", at_s=2 + ERROR_S, state="error", text="E04"),
    ]
    found = [change for weight in weights for change in watched.changes(weight) if change.active]
    assert {change.condition for change in found} == set(OF_SCALES)
    return found


def test_every_condition_that_a_driver_can_tell_has_words_in_both_languages() -> None:
    names = {change.condition for change in told()}

    assert names == set(CONDITIONS)
    assert not [name for name in names if condition_text(name, "", ZH) == condition_text(name, "", EN)]


def test_no_driver_tells_conditions_that_are_not_looked_at_here() -> None:
    folder = Path(drivers.__file__).parent
    telling = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if "ConditionChanged(" in path.read_text(encoding="utf-8")}

    assert telling == TELLING


@pytest.mark.parametrize(
    ("condition", "name"),
    [("button_stuck", "3, 14"), ("battery_low", "north, south"), ("tag_silent", "north, south"), ("probe_unnamed", "28-0316a2"), ("scale_error", "E04")],
)
def test_condition_names_what_it_is_about_in_both_languages(condition: str, name: str) -> None:
    changes = [change for change in told() if change.condition == condition]

    assert changes
    for change in changes:
        for language in (EN, ZH):
            said = condition_text(change.condition, change.reason, language)
            assert name in said
            assert said != change.reason


def test_condition_of_another_package_s_driver_is_told_in_its_own_words() -> None:
    assert condition_text("lens_dirty", "wipe the lens", ZH) == "wipe the lens"
    assert condition_text("lens_dirty", "", EN) == "lens dirty"

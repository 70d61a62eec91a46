# SPDX-License-Identifier: Apache-2.0
"""Which drivers there are: one lazy line each, and whatever other packages offer under the entry point group `dockline.drivers`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

from drivers.base.errors import ConfigError
from drivers.base.spec import DriverSpec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType

    from drivers.base.probe import Probe

GROUP = "dockline.drivers"

BUILT_IN = {
    "gpio_lines": "drivers.gpio_lines.driver:SPEC",
    "light_ablepick": "drivers.light_ablepick.driver:SPEC",
    "light_modbus": "drivers.light_modbus.driver:SPEC",
    "light_mqtt": "drivers.light_mqtt.driver:SPEC",
    "printer_zpl": "drivers.printer_zpl.driver:SPEC",
    "rfid_llrp": "drivers.rfid_llrp.driver:SPEC",
    "scale_8217": "drivers.scale_8217.driver:SPEC",
    "scale_cas": "drivers.scale_cas.driver:SPEC",
    "scale_cas_pos": "drivers.scale_cas_pos.driver:SPEC",
    "scale_continuous": "drivers.scale_continuous.driver:SPEC",
    "scale_hid": "drivers.scale_hid.driver:SPEC",
    "scale_lines": "drivers.scale_lines.driver:SPEC",
    "scale_nci": "drivers.scale_nci.driver:SPEC",
    "scale_sics": "drivers.scale_sics.driver:SPEC",
    "scale_sma": "drivers.scale_sma.driver:SPEC",
    "scanner_evdev": "drivers.scanner_evdev.driver:SPEC",
    "scanner_serial": "drivers.scanner_serial.driver:SPEC",
    "scanner_ssi": "drivers.scanner_ssi.driver:SPEC",
    "scanner_tcp": "drivers.scanner_tcp.driver:SPEC",
    "sensor_ble": "drivers.sensor_ble.driver:SPEC",
    "sensor_modbus": "drivers.sensor_modbus.driver:SPEC",
    "sensor_onewire": "drivers.sensor_onewire.driver:SPEC",
    "sllurp": "drivers.sllurp.driver:SPEC",
    "tower_patlite": "drivers.tower_patlite.driver:SPEC",
}


def _offered() -> list[EntryPoint]:
    """By other packages. Asked only when it matters: a gateway with our own drivers saves the 3 MiB that importlib.metadata takes."""
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))


def names() -> list[str]:
    """All driver names, sorted."""
    return sorted({*BUILT_IN, *(entry.name for entry in _offered())})


def probes() -> list[tuple[str, Probe]]:
    """How devices are recognised, by the name of their driver. A driver that can offers `PROBES` in the module `probe` beside its own."""
    found: list[tuple[str, Probe]] = []
    for name in names():
        if (module := part(name, "probe")) is not None:
            found += [(name, probe) for probe in module.PROBES]
    return found


def part(name: str, module: str) -> ModuleType | None:
    """A module beside the driver's own that not every driver has; None: this one has not. Raises: ConfigError: see `load`."""
    package = load(name).factory.__module__.rpartition(".")[0]
    if not package or importlib.util.find_spec(f"{package}.{module}") is None:
        return None
    return importlib.import_module(f"{package}.{module}")


def load(name: str) -> DriverSpec:
    """Import one driver and return its SPEC.

    Raises: ConfigError: no driver of that name, or another package's entry point is not a DriverSpec.
    """
    if target := BUILT_IN.get(name):
        module, _, attribute = target.partition(":")
        loaded = getattr(importlib.import_module(module), attribute)
    else:
        found = [entry for entry in _offered() if entry.name == name]
        if not found:
            raise ConfigError(f"no driver {name!r}; there are: {', '.join(names())}", operation="configuration")
        loaded = found[0].load()
    if not isinstance(loaded, DriverSpec):
        raise ConfigError(f"driver {name!r}: its entry point gives {type(loaded).__name__}, expected a DriverSpec", operation="configuration")
    return loaded

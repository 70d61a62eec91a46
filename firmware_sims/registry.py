# SPDX-License-Identifier: Apache-2.0
"""Which twins there are, each under a name that people type; imported only when asked for. Other packages offer theirs as entry points `dockline.sims`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firmware_sims.engine.arguments import Argument, arguments_of, read_arguments
from firmware_sims.engine.twin import Twin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

TWINS = {
    "bus_modbus": "firmware_sims.sensor_modbus.bus:ModbusBusTwin",
    "controller_modbus": "firmware_sims.sensor_modbus.controller:ModbusControllerTwin",
    "gpio_lines": "firmware_sims.gpio_lines.twin:GpioBoxTwin",
    "inputs_modbus": "firmware_sims.sensor_modbus.twin:ModbusInputsTwin",
    "light_ablepick": "firmware_sims.light_ablepick.twin:AblePickTwin",
    "light_modbus": "firmware_sims.light_modbus.twin:ModbusTagsTwin",
    "light_mqtt": "firmware_sims.light_mqtt.broker:LightsWithBroker",
    "light_points_modbus": "firmware_sims.light_modbus.twin:ModbusLightPointsTwin",
    "printer_zpl": "firmware_sims.printer_zpl.twin:ZplPrinterTwin",
    "relay_modbus": "firmware_sims.sensor_modbus.twin:ModbusRelayTwin",
    "rfid_llrp": "firmware_sims.rfid_llrp.twin:LlrpReaderTwin",
    "scale_8217": "firmware_sims.scale_8217.twin:Toledo8217Twin",
    "scale_cas": "firmware_sims.scale_cas.twin:CasIndicatorTwin",
    "scale_cas_pos": "firmware_sims.scale_cas_pos.twin:CasCounterScaleTwin",
    "scale_continuous": "firmware_sims.scale_continuous.twin:ToledoContinuousTwin",
    "scale_hid": "firmware_sims.scale_hid.twin:HidScaleTwin",
    "scale_lines": "firmware_sims.scale_lines.twin:LineScaleTwin",
    "scale_nci": "firmware_sims.scale_nci.twin:NciScaleTwin",
    "scale_sics": "firmware_sims.scale_sics.twin:SicsScaleTwin",
    "scale_sma": "firmware_sims.scale_sma.twin:SmaScaleTwin",
    "scanner_cognex": "firmware_sims.scanner_tcp.cognex:CognexTwin",
    "scanner_datalogic": "firmware_sims.scanner_tcp.datalogic:DatalogicTwin",
    "scanner_evdev": "firmware_sims.scanner_evdev.twin:KeyboardScannerTwin",
    "scanner_serial": "firmware_sims.scanner_serial.twin:ScannerTwin",
    "scanner_ssi": "firmware_sims.scanner_ssi.twin:SsiScannerTwin",
    "scanner_tcp": "firmware_sims.scanner_tcp.keyence:KeyenceTwin",
    "sensor_ble": "firmware_sims.sensor_ble.twin:BleTagsTwin",
    "sensor_modbus": "firmware_sims.sensor_modbus.twin:ModbusSensorTwin",
    "sensor_onewire": "firmware_sims.sensor_onewire.twin:OneWireBusTwin",
    "tower_patlite": "firmware_sims.tower_patlite.twin:PatliteTwin",
    "transmitter_modbus": "firmware_sims.sensor_modbus.generic:ModbusTransmitterTwin",
}


GROUP = "dockline.sims"
"""Entry point group in which other packages offer their simulators, next to `dockline.drivers`."""


def _offered() -> list[EntryPoint]:
    """By other packages."""
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))


def names() -> list[str]:
    """All simulators, sorted."""
    return sorted({*TWINS, *(entry.name for entry in _offered())})


class TwinNameError(ValueError):
    """No such twin, or it has no such option; the text lists what there is."""


def twin_class(name: str) -> type[Twin]:
    """Raises: TwinNameError: no twin of that name."""
    if name in TWINS:
        module, _, attribute = TWINS[name].partition(":")
        built_in: type[Twin] = getattr(importlib.import_module(module), attribute)
        return built_in
    for entry in _offered():
        if entry.name == name:
            offered: type[Twin] = entry.load()
            return offered
    raise TwinNameError(f"no simulator {name!r}; there are: {', '.join(names())}")


def options(name: str) -> dict[str, Argument]:
    """What a twin can be made with. Raises: TwinNameError: no twin of that name."""
    return arguments_of(twin_class(name))


def make(name: str, given: Mapping[str, Any]) -> Twin:
    """A twin with options, as text or as what it takes. Raises: TwinNameError: no such twin or option. ValueError: not a value for that option."""
    known = options(name)
    if unknown := sorted(set(given) - set(known)):
        raise TwinNameError(f"simulator {name} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
    return twin_class(name)(**read_arguments(twin_class(name), given))

# SPDX-License-Identifier: Apache-2.0
"""The hardware tables of both READMEs, from `[support]` of each driver's quality.toml: simulated, tried against a peer, tried on hardware."""

from __future__ import annotations

import tomllib
from typing import Any

from drivers import registry
from tools.markdown import table
from tools.source_scan import ROOT

DEVICES = {
    "light_ablepick": ("Pick lights, ATOP ABLEPick over TCP", "拣货灯，ATOP ABLEPick，TCP"),
    "rfid_llrp": ("RFID portal readers, LLRP 1.0.1 and 1.1 over TCP", "RFID 通道读写器，LLRP 1.0.1 / 1.1，TCP"),
    "scale_sics": ("Scales, MT-SICS over TCP and serial lines", "电子秤，MT-SICS，TCP 与串口"),
    "scanner_serial": ("Barcode scanners with GS1 codes, over TCP and serial lines", "条码扫描器，GS1 条码，TCP 与串口"),
    "sensor_modbus": ("Temperature and humidity sensors and relays, Modbus TCP and RTU", "温湿度传感器与继电器，Modbus TCP 与 RTU"),
}
"""Driver -> its devices in English and Chinese; a driver that is not listed shows under its name."""


def support(driver: str) -> dict[str, Any]:
    """The table `[support]` of a driver's quality.toml; empty when it has none."""
    path = ROOT / "drivers" / driver / "quality.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("support", {}) if path.exists() else {}
    return found


def _rows(language: int, none: str) -> list[tuple[str, ...]]:
    rows = []
    for driver in sorted(registry.BUILT_IN):
        known = support(driver)
        device = DEVICES.get(driver, (driver, driver))[language]
        cells = (known.get("simulated", ""), "; ".join(known.get("peers", [])), "; ".join(known.get("hardware", [])))
        rows.append((f"{device} ([`{driver}`](docs/reference/drivers.md))", *(text or none for text in cells)))
    return rows


def english() -> str:
    """The table of README.md."""
    return table(["device (driver)", "our own simulator", "peers that we did not write", "real hardware"], _rows(0, "none"))


def chinese() -> str:
    """The table of README.zh-CN.md; model names and peers stay as they are."""
    return table(["设备（驱动）", "自己的模拟器", "非我们编写的对端", "真实硬件"], _rows(1, "无"))

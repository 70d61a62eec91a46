# SPDX-License-Identifier: Apache-2.0
"""The hardware tables of both READMEs, from `[support]` of each driver's quality.toml: simulated, tried against a peer, tried on hardware."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from drivers import registry
from tools.markdown import table
from tools.source_scan import ROOT

DEVICES = {
    "gpio_lines": ("Contacts, buttons and relays at the computer's own pins (Linux GPIO)", "计算机自身引脚上的触点、按钮与继电器（Linux GPIO）"),
    "light_ablepick": ("Pick lights, ATOP ABLEPick over TCP", "拣货灯，ATOP ABLEPick，TCP"),
    "light_modbus": ("Pick lights and light points on a Modbus line, by map file", "Modbus 线路上的拣货灯与灯点，按映射文件"),
    "light_mqtt": ("Pick lights that speak MQTT, by templates", "使用 MQTT 的拣货灯，按模板"),
    "printer_zpl": ("Label printers, ZPL over TCP 9100, with status", "标签打印机，ZPL，TCP 9100，可读状态"),
    "rfid_llrp": ("RFID portal readers, LLRP 1.0.1 and 1.1 over TCP", "RFID 通道读写器，LLRP 1.0.1 / 1.1，TCP"),
    "scale_8217": ("Counter scales, Mettler Toledo 8217 and 8213", "收银秤，梅特勒-托利多 8217 / 8213"),
    "scale_cas": ("Indicators, CAS of 22 bytes and A&D of 18", "称重仪表，CAS 22 字节与 A&D 18 字节"),
    "scale_cas_pos": ("Counter scales, CAS (ENQ, ACK, DC1)", "收银秤，CAS（ENQ、ACK、DC1）"),
    "scale_continuous": ("Indicators, Toledo continuous output", "称重仪表，托利多连续输出"),
    "scale_hid": ("USB scales (HID point of sale)", "USB 秤（HID）"),
    "scale_lines": ("Scales that send lines of text, by map file", "发送文本行的电子秤，按映射文件"),
    "scale_nci": ("Scales, NCI / SCP-01 (Avery Weigh-Tronix, Brecknell, Ohaus)", "电子秤，NCI / SCP-01（Avery Weigh-Tronix、Brecknell、奥豪斯）"),
    "scale_sics": ("Scales, MT-SICS over TCP and serial lines", "电子秤，MT-SICS，TCP 与串口"),
    "scale_sma": ("Scales of the SMA standard (SCP-0499)", "符合 SMA 标准的电子秤（SCP-0499）"),
    "scanner_evdev": ("Barcode scanners that type (USB keyboard wedge)", "键盘式条码扫描器（USB）"),
    "scanner_serial": ("Barcode scanners with GS1 codes, over TCP and serial lines", "条码扫描器，GS1 条码，TCP 与串口"),
    "scanner_ssi": ("Barcode scanners, Zebra SSI", "条码扫描器，斑马 SSI"),
    "scanner_tcp": ("Fixed scanners, Keyence SR, Cognex DataMan, Datalogic", "固定式扫描器，基恩士 SR、康耐视 DataMan、得利捷"),
    "sensor_ble": ("Bluetooth sensors, RuuviTag, BTHome, ATC", "蓝牙传感器，RuuviTag、BTHome、ATC"),
    "sensor_modbus": ("Sensors, contacts and relays, Modbus TCP and RTU, by map file", "传感器、触点与继电器，Modbus TCP 与 RTU，按映射文件"),
    "sensor_onewire": ("One-wire thermometers, DS18B20", "单总线温度计，DS18B20"),
    "sllurp": ("RFID readers through the library sllurp", "RFID 读写器，经由 sllurp 库"),
    "tower_patlite": ("Signal towers, Patlite over TCP", "信号灯塔，Patlite，TCP"),
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
        rows.append((f"{device} ([`{driver}`](docs/reference/drivers.md#{driver}))", *(text or none for text in cells)))
    return rows


def _table(heads: Sequence[str], rows: Sequence[tuple[str, ...]], none: str) -> str:
    """Without the last column, real hardware, as long as no driver has met any: the sentence above the table says so."""
    columns = len(heads) - all(row[-1] == none for row in rows)
    return table(heads[:columns], [row[:columns] for row in rows])


def english() -> str:
    """The table of README.md."""
    return _table(["device (driver)", "our own simulator", "peers that we did not write", "real hardware"], _rows(0, "none"), "none")


def chinese() -> str:
    """The table of README.zh-CN.md; model names and peers stay as they are."""
    return _table(["设备（驱动）", "自己的模拟器", "非我们编写的对端", "真实硬件"], _rows(1, "无"), "无")

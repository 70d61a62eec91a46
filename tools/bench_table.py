# SPDX-License-Identifier: Apache-2.0
"""The tables of devices and gateway under "How fast" in both READMEs, from what was last measured: `python -m tools.bench_table`.

    make bench ARGS="gs1 scans pick_lights modbus_lights reader_twin outbox uplink thingsboard swarm"
    make soak
    make chaos ARGS="--faults 1000 --seed 1 --json benchmarks/results/chaos.json"

What has not been measured yet, or was measured before its number existed, is said to be so. Not a part of `make docs`: see tools/accuracy_table.py.
"""

from __future__ import annotations

import json
import math
import re
import string
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.markdown import between, table
from tools.source_scan import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PICTURE = "docs/images/thingsboard.svg"
READMES = ("README.md", "README.zh-CN.md")
MEASURED = ("gs1", "scans", "pick_lights", "modbus_lights", "reader_twin", "soak", "outbox", "uplink", "swarm", "chaos", "thingsboard")
_UNMEASURED = ("not measured yet", "尚未测量")
_CHINESE_WORDS = {
    " values/s": " 个/秒",
    " events/s": " 个/秒",
    " tags/s": " 个标签/秒",
    " events": " 个事件",
    " times": " 次",
    " faults": " 次故障",
    " bytes": " 字节",
    " µs": " 微秒",
    " ms": " 毫秒",
    " s": " 秒",
    " of ": " / ",
    " to ": " → ",
    ": ": "：",
    "; ": "；",
    ", ": "，",
    "with a dead tag on the line": "线路上有一个失效标签时",
    "serial lines": "串口",
    "open files": "打开的文件",
    "tasks": "任务",
    "the bare parts": "仅各环节本身",
    "central": "中心服务",
    "without a backlog": "无积压时",
    "a start with a million waiting takes": "积压一百万个时启动需",
    "lost": "丢失",
    "twice": "重复",
    "drift": "账实不符",
    "unexplained": "无法解释",
}
"""Words between the numbers of a cell, in the order in which they are replaced."""


class Row(NamedTuple):
    """What is asked, in both languages, and the cells beside it: `{uplink.worst.noticed_s:3}` is that number with three digits that count (else two)."""

    english: str
    chinese: str
    cells: Sequence[str]


def _stored(case: str, english: str, chinese: str) -> Row:
    """One case of benchmarks/outbox.py: the outbox, and beside it two other ways to store the same."""
    ours, rows, plain = (
        f"{{outbox.{case}.{way}.events_per_s}} events/s, {{outbox.{case}.{way}.written_per_payload_byte}}" for way in ("outbox", "row_per_event", "plain_file")
    )
    return Row(english, chinese, (ours, rows, plain))


def _versus(english: str, chinese: str, form: str) -> Row:
    """One question of benchmarks/thingsboard, to both gateways; `WHO` in the form is each of them."""
    return Row(english, chinese, [form.replace("WHO", f"thingsboard.{who}") for who in ("dockline", "thingsboard")])


_ALL_ALIVE, _ONE_DEAD = (f"{{modbus_lights.{case}.next_light.p50_ms}} / {{modbus_lights.{case}.next_light.p95_ms}} ms" for case in ("all_alive", "one_dead"))
_GIVEN_BACK = (
    "lost {soak.lost:9}, twice {soak.twice:9}; "
    "open files {soak.open_files.first:9} to {soak.open_files.last:9}, tasks {soak.tasks.first:9} to {soak.tasks.last:9}"
)
DEVICES = (
    Row(
        "eight scanners of five makes, 200 scans a second: from its bytes to the event at the broker, synced to the disk, median / p99",
        "五种、八台扫描器，每秒 200 次扫描：从收到字节到事件落盘并到达消息服务器，中位数 / p99",
        [
            "{scans.bytes_to_event_ms.p50} / {scans.bytes_to_event_ms.p99} ms; lost {scans.lost:9}",
            "the bare parts: {scans.floor_ms.p50} / {scans.floor_ms.p99} ms",
        ],
    ),
    Row(
        "a GS1 code into its elements, SSCC / GTIN with serial, expiry and lot",
        "GS1 条码解析，SSCC / 带序列号、效期和批号的 GTIN",
        [
            "{gs1.codes.sscc.ours_us} / {gs1.codes.gtin_serial_expiry_lot.ours_us} µs",
            "biip: {gs1.codes.sscc.biip_us} / {gs1.codes.gtin_serial_expiry_lot.biip_us} µs",
        ],
    ),
    Row(
        "4 ABLEPick controllers with 800 tags, 16 pickers: press to the next light, median / p99",
        "4 台 ABLEPick 控制器、800 个标签、16 名拣货员：按下到下一盏灯，中位数 / p99",
        ["{pick_lights.next_light.p50_ms} / {pick_lights.next_light.p99_ms} ms", ""],
    ),
    Row(
        "100 Modbus tags on one simulated line of 115200 baud, 10 lit: press to the next light, median / p95",
        "一条 115200 波特的模拟线路，100 个 Modbus 标签，10 个亮着：按下到下一盏灯，中位数 / p95",
        [
            _ALL_ALIVE + "; with a dead tag on the line " + _ONE_DEAD,
            "",
        ],
    ),
    Row(
        "`make soak`: devices unplugged; until they are back, p99",
        "`make soak`：反复拔插设备；恢复所需时间，p99",
        [
            "{soak.cycles:9} times; TCP {soak.recovery.tcp.p99_s} s, serial lines {soak.recovery.serial.p99_s} s; " + _GIVEN_BACK,
            "",
        ],
    ),
    Row(
        "the simulated reader as a source of load, over TCP: report by report / in batches",
        "模拟读写器作为负载源，经 TCP：逐个报告 / 成批",
        ["{reader_twin.tags_per_second.served_one_by_one} / {reader_twin.tags_per_second.served_in_batches} tags/s", ""],
    ),
)
THINGSBOARD = (
    _versus("values kept durably and sent, of 10 000 a second", "落盘并发出的数值（每秒 10 000 个）", "{WHO.load.values_per_s} values/s"),
    _versus("values a CPU second", "每 CPU 秒处理的数值", "{WHO.load.values_per_cpu_s}"),
    _versus("memory (RSS) under this load / idle", "此负载下 / 空闲时的内存（RSS）", "{WHO.load.rss_mib} / {WHO.idle.rss_mib} MiB"),
    _versus("device to broker, median / p99", "从设备到消息服务器，中位数 / p99", "{WHO.load.p50_ms} / {WHO.load.p99_ms} ms"),
    _versus("written to the disk for one value", "每个数值的写盘量", "{WHO.load.written_bytes_per_value} bytes"),
    _versus("start to the first reading at the broker", "从启动到消息服务器收到首个读数", "{WHO.load.cold_start_s} s"),
    _versus("polls missing or too many, at 100 ms", "100 毫秒轮询的缺失或多余", "{WHO.load.poll_error_percent} %"),
    _versus("reads lost around 20 s of silence, at worst", "网络静默 20 秒前后丢失的读数，最差一轮", "{WHO.hole.lost_at_worst:4} of {WHO.hole.served:4}"),
    _versus("reads lost around a cut of 20 s, at worst", "网络断开 20 秒前后丢失的读数，最差一轮", "{WHO.cut.lost_at_worst:4} of {WHO.cut.served:4}"),
)
STORED = (
    _stored("movements_single", "movements, one a commit", "货物事件，每次提交 1 个"),
    _stored("movements_in_groups_of_50", "movements, 50 a commit", "货物事件，每次提交 50 个"),
    _stored("samples_in_groups_of_5", "temperatures, 5 a commit", "温度读数，每次提交 5 个"),
    _stored("arrays_of_100_in_groups_of_10", "arrays of 100 registers, 10 a commit", "100 个寄存器的数组，每次提交 10 个"),
)
_BOOKS = "lost {chaos.lost:9}, twice {chaos.duplicated:9}, drift {chaos.drift:9}, unexplained {chaos.unexplained:9}"
FIELD = (
    Row(
        "30 days without a network, 50 temperatures a second",
        "断网 30 天，每秒 50 个温度读数",
        ["{outbox.backlog_of_a_million_events.gigabytes_of_30_days} GB; a start with a million waiting takes {outbox.backlog_of_a_million_events.start_ms} ms"],
    ),
    Row("a silent line is noticed after, median / worst", "发现线路静默，中位数 / 最差", ["{uplink.medians.samples.noticed_s} / {uplink.worst.noticed_s} s"]),
    Row(
        "line back to the first new scan booked, median / worst",
        "线路恢复到首个新扫描入账，中位数 / 最差",
        ["{uplink.medians.samples.heal_to_live_ms.movements} / {uplink.worst.heal_to_live_scan_ms} ms"],
    ),
    Row(
        "the backlog of temperatures is sent at",
        "补发积压温度读数的速度",
        ["{uplink.medians.samples.events_per_s} events/s"],
    ),
    Row(
        "a scan meanwhile, until central has booked it, p99",
        "补发期间，扫描到入账，p99",
        ["{uplink.medians.samples.live_ms.movements.p99} ms; without a backlog {uplink.medians.quiet_ms.movements.p99} ms"],
    ),
    Row(
        "10 000 gateways come back after the broker was killed",
        "消息服务器被杀后 10 000 个网关重连",
        ["{swarm.all_marks_advanced_s} s; central {swarm.central_rss_peak_mib:3} MiB; lost {swarm.lost:9}, twice {swarm.stored_twice:9}"],
    ),
    Row(
        "`make chaos`: real programs, random faults",
        "`make chaos`：真实程序，随机故障",
        ["{chaos.faults:9} faults, {chaos.accepted:9} events; " + _BOOKS],
    ),
)
_Heads = Sequence[tuple[str, ...]]
_TABLES: Mapping[str, Sequence[tuple[Sequence[Row], _Heads]]] = {
    "devices": [(DEVICES, [("what", "Dockline", "beside it"), ("项目", "Dockline", "对照")])],
    "thingsboard": [
        (THINGSBOARD, [("what", "Dockline", "thingsboard-gateway 3.8.5, SQLite storage"), ("项目", "Dockline", "thingsboard-gateway 3.8.5，SQLite 存储")]),
    ],
    "field": [
        (FIELD, [("what", "measured"), ("项目", "实测")]),
        (
            STORED,
            [
                ("kept durably: events, bytes written for a byte of JSON", "outbox", "SQLite, a row an event", "plain file"),
                ("落盘：事件数，每字节 JSON 的写盘字节数", "发件箱", "SQLite，每个事件一行", "普通文件"),
            ],
        ),
    ],
}
"""By marker: tables, each with its rows and its head in both languages."""


def main() -> int:
    """Write the tables into both READMEs."""
    measured = reports()
    for name in READMES:
        file = ROOT / name
        file.write_text(filled(file.read_text(encoding="utf-8"), name, measured), encoding="utf-8")
    return 0


def reports(folder: Path = RESULTS) -> dict[str, Any]:
    """What was measured, by name; without what was not."""
    files = {name: folder / f"{name}.json" for name in MEASURED}
    found = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}
    return {name: report.get("results") or report["figures"] for name, report in found.items()}


def filled(text: str, readme: str, measured: Mapping[str, Any]) -> str:
    """The text of a README with the tables as these reports have them. Raises: ValueError: its markers are missing."""
    language = READMES.index(readme)
    for marker, tables in _TABLES.items():
        parts = [table(heads[language], _lines(rows, measured, language)) for rows, heads in tables]
        if marker == "thingsboard" and (ROOT / PICTURE).exists():
            parts.insert(0, f"![{'与 ThingsBoard 网关对比' if language else 'Beside the ThingsBoard gateway'}]({PICTURE})\n")
        text = between(text, marker, "\n".join(parts))
    return text


def _lines(rows: Sequence[Row], measured: Mapping[str, Any], language: int) -> list[tuple[str, ...]]:
    return [(row.chinese if language else row.english, *(cell(form, measured, language) for form in row.cells)) for row in rows]


def cell(form: str, measured: Mapping[str, Any], language: int) -> str:
    """A cell in English (0) or Chinese (1); it says so when one of its numbers is not there."""
    try:
        text = _Cell().vformat(form, (), measured)
    except KeyError:
        return _UNMEASURED[language]
    for english, chinese in _CHINESE_WORDS.items() if language else ():
        text = re.sub(re.escape(english) + (r"\b" if english[-1].isalpha() else ""), chinese, text)
    return text


def figure(value: float, digits: int) -> str:
    """A number with so many digits that count, thousands apart: 16024.262 with two is `16 000`."""
    if not value:
        return "0"
    behind_point = digits - 1 - math.floor(math.log10(abs(value)))
    if value.is_integer():
        behind_point = min(0, behind_point)
    return f"{round(value, behind_point):,.{max(0, behind_point)}f}".replace(",", " ")


class _Cell(string.Formatter):
    """Fields are paths into the reports."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        found: Any = kwargs
        for step in field_name.split("."):
            found = found[step]
        return found, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return figure(float(value), int(format_spec or 2))


if __name__ == "__main__":
    sys.exit(main())

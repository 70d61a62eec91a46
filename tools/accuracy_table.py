# SPDX-License-Identifier: Apache-2.0
"""The tables "How right are the doors" of both READMEs, from what `make accuracy` last wrote: `python -m tools.accuracy_table`.

Not a part of `make docs`: whoever measures on a machine of their own does not make the READMEs stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from tools.markdown import between, table
from tools.source_scan import ROOT

RESULT = ROOT / "benchmarks" / "results" / "accuracy.json"
_CHINESE: Mapping[str, str] = {
    "direction of passes, captures, right": "通过方向正确，真实录制",
    "direction of passes, captures, unknown": "通过方向不明，真实录制",
    "direction of tags, captures, right": "标签方向正确，真实录制",
    "moving versus standing, one pass alone": "移动与静止分对，只看一次通过",
    "moving versus standing, door that stands there": "移动与静止分对，门已运行一段时间",
    "strays accepted, one pass alone": "误收静止标签，只看一次通过",
    "strays accepted, door that stands there": "误收静止标签，门已运行一段时间",
    "missed, one pass alone": "漏掉移动标签，只看一次通过",
    "missed, door that stands there": "漏掉移动标签，门已运行一段时间",
    "direction of passes, yard, right": "通过方向正确，模拟场地",
    "direction of passes, yard, unknown": "通过方向不明，模拟场地",
    "pallets at the wrong door or in the wrong direction": "托盘记错门或记错方向，模拟场地",
    "pallets of which nothing is told": "托盘通过而毫无报告，模拟场地",
}
_CALIBRATED = (("captures", "all", "tight", "calibration_of_tags"), ("yard", "doors", "calibration_of_passes"))


def main() -> int:
    """Write the tables into both READMEs."""
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    for name, tables in (("README.md", english(report)), ("README.zh-CN.md", chinese(report))):
        file = ROOT / name
        file.write_text(between(file.read_text(encoding="utf-8"), "accuracy", tables), encoding="utf-8")
    return 0


def english(report: Mapping[str, Any]) -> str:
    """The tables of README.md."""
    aims = [
        (row["name"], f"{'at least' if row['at'] == 'least' else 'at most'} {_percent(row['aim'])}", *_measured(row, "({} to {})")) for row in report["targets"]
    ]
    sure = _calibration(report, ["of a tag, captures", "of a pass, simulated yard"], "({} to {})")
    return (
        table(["what", "aim", "measured (95 % interval)", "cases"], aims)
        + "\n"
        + table(["how sure the door said it was (mean)", "", "how often it was right (95 % interval)", "cases"], sure)
    )


def chinese(report: Mapping[str, Any]) -> str:
    """The tables of README.zh-CN.md."""
    aims = [
        (_CHINESE.get(row["name"], row["name"]), f"{'不低于' if row['at'] == 'least' else '不高于'} {_percent(row['aim'])}", *_measured(row, "（{} 至 {}）"))
        for row in report["targets"]
    ]
    sure = _calibration(report, ["标签，真实录制", "通过，模拟场地"], "（{} 至 {}）")
    return (
        table(["项目", "目标", "实测（95 % 置信区间）", "次数"], aims)
        + "\n"
        + table(["月台门自称的把握（平均）", "", "实际正确率（95 % 置信区间）", "次数"], sure)
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"


def _measured(share: Mapping[str, Any], interval: str) -> tuple[str, str]:
    within = interval.format(_percent(share["low95"]), _percent(share["high95"]))
    return f"{_percent(share['share'])} {within}".replace(" （", "（"), f"{share['count']} / {share['of']}"


def _calibration(report: Mapping[str, Any], names: list[str], interval: str) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, path in zip(names, _CALIBRATED, strict=True):
        found: Any = report
        for step in path:
            found = found.get(step) if found else None
        rows += [(_percent(row["said"]), name, *_measured(row["right"], interval)) for row in found or () if row["right"]["of"]]
    return rows


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The comparison as a small picture: one pair of bars for each question, ours above theirs, the numbers beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

_WIDTH, _ROW, _BAR, _TOP, _LABEL, _BARS = 760, 46, 14, 64, 250, 380
_OURS, _THEIRS, _TEXT, _MUTED = "#1f6f8b", "#b9bec4", "#24292f", "#57606a"


@dataclass(frozen=True)
class _Question:
    """`part` and `name` say where the number stands."""

    text: str
    part: str
    name: str
    form: str
    more_is_better: bool = False


_QUESTIONS = (
    _Question("Values a CPU second, durable", "load", "values_per_cpu_s", "{:,.0f}", more_is_better=True),
    _Question("Memory under load, RSS", "load", "rss_mib", "{:.0f} MiB"),
    _Question("Memory idle, RSS", "idle", "rss_mib", "{:.0f} MiB"),
    _Question("Device to broker, median", "load", "p50_ms", "{:.1f} ms"),
    _Question("Device to broker, 99 of 100", "load", "p99_ms", "{:.0f} ms"),
    _Question("Bytes written for one value", "load", "written_bytes_per_value", "{:.1f} B"),
    _Question("Start to the first reading", "load", "cold_start_s", "{:.2f} s"),
    _Question("Polls missed at 100 ms", "load", "poll_error_percent", "{:.2f} %"),
    _Question("Reads lost in 20 s of silence", "hole", "lost", "{:.0f}"),
    _Question("Reads lost in a 20 s cut", "cut", "lost", "{:.0f}"),
)


def drawn(results: Mapping[str, Any]) -> str:
    """The results of `run` as SVG; readable on light and dark pages."""
    height = _TOP + _ROW * len(_QUESTIONS) + 12
    rows = "".join(_row(question, _TOP + _ROW * index, results) for index, question in enumerate(_QUESTIONS))
    title = f"Dockline gateway and {results['peer']}: {results['load']}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n<g font-family="system-ui, sans-serif" font-size="13" fill="{_TEXT}">\n'
        f"{_text(16, 26, title)}{_swatch(16, 38, _OURS)}{_text(34, 49, 'Dockline', _MUTED)}{_swatch(110, 38, _THEIRS)}{_text(128, 49, 'ThingsBoard', _MUTED)}"
        f"{rows}</g>\n</svg>\n"
    )


def _row(question: _Question, top: int, results: Mapping[str, Any]) -> str:
    values = [float(results[who][question.part][question.name]) for who in ("dockline", "thingsboard")]
    most = max(values) or 1.0
    note = "more is better" if question.more_is_better else "less is better"
    drawing = _text(16, top + 16, question.text) + _text(16, top + 31, note, _MUTED, 11)
    for index, (value, colour) in enumerate(zip(values, (_OURS, _THEIRS), strict=True)):
        y, width = top + 4 + index * (_BAR + 2), _BARS * value / most
        drawing += f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>\n'
        drawing += _text(_LABEL + width + 6, y + _BAR - 3, question.form.format(value), size=12)
    return drawing


def _swatch(x: int, y: int, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>\n'


def _text(x: float, y: float, text: str, colour: str = _TEXT, size: int = 13) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" font-size="{size}">{escape(text)}</text>\n'

# SPDX-License-Identifier: Apache-2.0
"""What a line of a scale says, by the map of its make. Source: the makers' documents that the maps name."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import Weighed, number, unit_name
from drivers.scale_lines.maps import LineMap, LinePattern

TareKind = Literal["", "weighed", "preset"]
_HAS_VALUE = ("stable", "zero", "dynamic")
_NO_BRACKETS = str.maketrans("", "", "[]")
"""Digits that are not verified stand in brackets with some makers (Sartorius)."""


def read_line(line_map: LineMap, line: str, default_unit: str = "") -> Weighed | None:
    """What a line says, without its end; None: nothing of the load. Raises: RemoteProtocolError: no pattern of the map takes it."""
    for form, pattern in zip(line_map.patterns, line_map.compiled, strict=True):
        if (found := pattern.match(line)) is not None:
            return None if form.ignore else _weighed(line_map, form, {name: text.strip() for name, text in found.items()}, line, default_unit)
    raise RemoteProtocolError(f"no pattern of the map {line_map.title!r} takes the line", line.encode("latin-1", "replace"))


def _weighed(line_map: LineMap, form: LinePattern, found: dict[str, str], line: str, default_unit: str) -> Weighed:
    value = _signed(line_map, found.get("value", ""), found.get("sign", ""))
    state = _state(line_map, form, found, has_value=value is not None)
    if state == "overload" and found.get("sign") == "-":
        state = "underload"
    tare = _signed(line_map, found["tare"]) if "tare" in found else None
    net = found["net"] in line_map.net if "net" in found else bool(tare)
    kind: TareKind = "" if not tare else "preset" if found.get("tare_kind", "") in line_map.preset else "weighed"
    if state not in _HAS_VALUE:
        return Weighed(state, text=line, net=net, tare=tare, tare_kind=kind, code=found.get("state", "") or line.strip())
    unit = found.get("unit", "")
    unit = line_map.units.get(unit) or unit_name(unit) or default_unit or line_map.default_unit
    return Weighed(state, value, unit, line, net, tare, _signed(line_map, found["gross"]) if "gross" in found else None, kind)


def _state(line_map: LineMap, form: LinePattern, found: dict[str, str], *, has_value: bool) -> WeightState:
    word = found.get("state")
    state: WeightState = form.state or "error"
    if word is not None and (word or "" in line_map.states):
        state = line_map.states.get(word, "error")
    elif form.state is None and not line_map.stable_is_told:
        state = "dynamic"
    if state in _HAS_VALUE and not has_value:
        return "error"
    return "dynamic" if state in ("stable", "zero") and not line_map.stable_is_told else state


def _signed(line_map: LineMap, digits: str, sign: str = "") -> Decimal | None:
    """A number with its sign apart, brackets taken off; None: it is none."""
    plain = digits.translate(_NO_BRACKETS).strip()
    return number(sign + (plain.replace(",", ".") if line_map.decimal_comma else plain))

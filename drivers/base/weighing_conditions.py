# SPDX-License-Identifier: Apache-2.0
"""What people must see to on a scale: it reports a fault, says nothing, or sends weights in no known unit."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.quantities import UnknownUnitError, milligrams
from contracts.readings import ConditionChanged, Weight

ERROR_S = 3.0
"""A fault is told when it has lasted so long: scales answer "not now" for a moment while they settle or print. Chosen."""
CONDITIONS = ("scale_error", "scale_stale", "unit_unknown")


class ScaleConditions:
    """Looks at the weights of one scale and tells what begins and what ends, each once. What it does not hear of for lack of a link stays as it was."""

    def __init__(self) -> None:
        self._active: set[str] = set()
        self._error_since_s: float | None = None

    def changes(self, weight: Weight) -> Iterator[ConditionChanged]:
        """What a weight changes."""
        reasons = {condition: reason for condition in CONDITIONS if (reason := self._reason(condition, weight)) is not None}
        for condition in CONDITIONS:
            if condition in reasons and condition not in self._active:
                self._active.add(condition)
                yield ConditionChanged(device=weight.device, at_s=weight.at_s, condition=condition, active=True, reason=reasons[condition])
            elif condition not in reasons and condition in self._active and _is_over(condition, weight):
                self._active.discard(condition)
                yield ConditionChanged(device=weight.device, at_s=weight.at_s, condition=condition, active=False)

    def _reason(self, condition: str, weight: Weight) -> str | None:
        """Why the condition holds, for people; None: this weight does not say that it does."""
        if condition == "scale_stale":
            return "the scale answers but tells no weight; look at its display, and whether a menu is open" if weight.state == "stale" else None
        if condition == "unit_unknown":
            return _unit_trouble(weight)
        if weight.state != "error":
            self._error_since_s = None
            return None
        self._error_since_s = weight.at_s if self._error_since_s is None else self._error_since_s
        if weight.at_s - self._error_since_s < ERROR_S:
            return None
        return f"the scale reports a fault ({weight.text or 'no text'}); look at its display, and switch it off and on with nothing on it"


def _is_over(condition: str, weight: Weight) -> bool:
    """Whether a weight says that something is no longer so; what shows no number says nothing about units."""
    if condition == "unit_unknown":
        return weight.value is not None
    return weight.state not in ("error", "stale")


def _unit_trouble(weight: Weight) -> str | None:
    if weight.value is None:
        return None
    try:
        milligrams(weight.value, weight.unit)
    except UnknownUnitError as error:
        if weight.unit:
            return str(error)
        return "the scale sends no unit; set `default_unit` of this device to what its display shows (weights are not recorded until then)"
    return None

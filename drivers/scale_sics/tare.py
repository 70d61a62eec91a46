# SPDX-License-Identifier: Apache-2.0
"""The tare that a scale is known to hold, and how it came about."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from drivers.scale_sics.frames import Reply
from drivers.scale_sics.questions import Ask

Kind = Literal["", "weighed", "preset"]

_KINDS: dict[Ask, Kind] = {Ask.TARE: "weighed", Ask.TARE_NOW: "weighed", Ask.PRESET: "preset"}
_CLEARING = (Ask.ZERO, Ask.ZERO_NOW, Ask.CLEAR_TARE)
"""Commands after which the scale holds no tare (Reference Manual MT-SICS, Z: the tare memory is cleared)."""


class Tare:
    """What is known of it: nothing at first."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The scale was switched on or reset."""
        self._value: Decimal | None = None
        self._unit = ""
        self._kind: Kind = ""
        self._announced: Kind = ""
        self.is_held = False

    def take(self, ask: Ask, reply: Reply, *, succeeded: bool) -> None:
        """Look at the answer to a question. Only our own commands tell how the tare came about; what was keyed in at the scale stays untold."""
        if not succeeded:
            return
        if ask in _CLEARING:
            self.forget()
        kind = _KINDS.get(ask, "")
        if reply.value is None:
            if kind:  # Radwag tells that it was done, and the tare when it is asked for
                self._announced, self.is_held = kind, True
            return
        if kind or ask is Ask.TARE_HELD:
            known = self._kind if (self._value, self._unit) == (reply.value, reply.unit) else ""
            self._kind, self._announced = kind or self._announced or known, ""
            self._value, self._unit, self.is_held = reply.value, reply.unit, bool(reply.value)

    def in_unit(self, unit: str) -> tuple[Decimal | None, Kind]:
        """The tare and its kind, if it is known in that unit; nothing is converted."""
        if not self.is_held or self._value is None or unit != self._unit:
            return None, ""
        return self._value, self._kind

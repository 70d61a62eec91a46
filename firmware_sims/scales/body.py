# SPDX-License-Identifier: Apache-2.0
"""The body of a weighing scale: what lies on it, how the indication comes to rest, zero, tare and limits. Nothing of any protocol is in it.

Numbers of the law are those of OIML R 76-1:2006 (cited as R76): no indication above Max + 9 e (4.2.3), zero set within 4 % of Max (4.5.1),
initial zero within 20 % of Max (4.5.1), zero tracking at most 0.5 e a second (4.5.7), stable equilibrium for zero, tare and what is printed (4.4.2).
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from firmware_sims.engine.units import MG_PER_UNIT

Limit = Literal["", "over", "under"]
TareKind = Literal["", "weighed", "preset"]
Refusal = Literal["", "moving", "over", "under"]
"""Why zero or tare was not set; empty: it was."""

_TICKS_AT_ONCE_MAX = 600
"""Of a long time only so many moments are computed, spread over it: a scale that nobody looked at for a day costs no more than one of a minute."""
_SETTLING_NOISE = 0.05
"""Part of the way still to go by which the pan trembles while it comes to rest. Guessed."""
_TOUCH_DIVISIONS = 20
"""How far a hand on the load moves the indication, in divisions. Guessed."""
_CREEP_TAU_S = 300.0
"""Time constant with which a load cell creeps; R76 3.9.4.1 looks at the first 30 minutes."""
_HELD_DIVISIONS = 0.75
"""At rest the indication changes only when the pan is that far from it. Guessed; 0.5 would be plain rounding."""
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class ScaleType:
    """What is printed on the plate of a scale, and how it moves. `capacity` (Max) and `division` (e) in `unit`; shares are of Max."""

    capacity: Decimal = Decimal(60)
    division: Decimal = Decimal("0.001")
    unit: str = "kg"
    settling_tau_s: float = 0.08
    """Time constant of coming to rest: 10 kg rest to 1 g after 0.08 * ln(10000 / 0.5) = 0.8 s. Guessed from bench scales."""
    rest_s: float = 0.2
    """How long the pan must stand still before the scale calls it stable."""
    motion_divisions: Decimal = Decimal("0.5")
    """How much it may move in that time, in divisions."""
    tick_s: float = 0.05
    """Time from one indication to the next."""
    noise_divisions: float = 0.02
    """Standard deviation of the noise at rest, in divisions."""
    creep_share: float = 0.0
    """Part of the load by which the indication creeps up in the end."""
    zero_range: float = 0.04
    initial_zero_range: float = 0.2
    over_divisions: int = 9
    under_divisions: int = 20
    """So far below zero the scale stops indicating."""
    tracks_zero: bool = True


def scale_type(capacity_g: float, division_g: float, unit: str = "kg") -> ScaleType:
    """A scale of that capacity and division, given in grams whatever it shows. Raises: ValueError: the division has no short form in that unit."""
    grams_per_unit = MG_PER_UNIT[unit] / 1000
    division = Decimal(str(division_g)) / grams_per_unit
    if division.normalize().as_tuple().digits not in ((1,), (2,), (5,)):
        raise ValueError(f"a division is 1, 2 or 5 and a power of ten of the unit shown; {division_g:g} g is {division} {unit}")
    exponent = Decimal(1).scaleb(min(0, division.adjusted()))
    return ScaleType(capacity=Decimal(str(capacity_g)) / grams_per_unit, division=division.quantize(exponent), unit=unit)


class ScaleBody:
    """A scale in virtual time, which is moved by `advance` only. The same seed and the same calls give the same indications.

    What it shows changes at ticks of `kind.tick_s`; a change of the load counts as motion at once. `gross`, `net`, `tare` are what its display and its
    interface would show, whole divisions in `unit`, whether or not it may show them: look at `limit`, `is_stable` and `is_zeroed`.
    """

    def __init__(self, kind: ScaleType | None = None, *, seed: int = 0) -> None:
        self.kind = kind or ScaleType()
        self.load_mg = 0
        self.tare_mg = 0.0
        self.tare_kind: TareKind = ""
        self.is_zeroed = True
        """False from switching on until initial zero could be set: more than the initial zero range lay on it."""
        self.drift_mg_per_s = 0.0
        self.vibration_divisions = 0.0
        """Standard deviation of a shaking floor, in divisions."""
        self.is_stable = True
        """Whether the pan has stood still for `kind.rest_s`, within `kind.motion_divisions`."""
        self._take_unit(self.kind.unit, self.kind.division)
        self._random = random.Random(seed)  # noqa: S311 -- the same seed, the same noise
        self._now_s = self._tick_due_s = 0.0
        self._from_mg = 0.0
        self._moved_at_s = -math.inf
        self._touched_until_s = -math.inf
        self._creep_mg = self._drift_mg = 0.0
        self._zero_mg = self._initial_zero_mg = 0.0
        self._signal_mg = 0.0
        self._shown = 0
        ticks = max(2, round(self.kind.rest_s / self.kind.tick_s) + 1)
        self._last_mg: deque[float] = deque([0.0] * ticks, maxlen=ticks)

    # What the world does to it

    def put(self, load_mg: int) -> None:
        """So much lies on it from now on, instead of what lay there."""
        self._from_mg, self.load_mg, self._moved_at_s = self.load_mg + self._way_mg(self._now_s), load_mg, self._now_s
        self._start_moving()

    def touch(self, duration_s: float) -> None:
        """Somebody moves the load about for so long; then it comes to rest at the same weight."""
        self._touched_until_s = self._now_s + duration_s
        self._from_mg, self._moved_at_s = self.load_mg + _TOUCH_DIVISIONS * self._division_mg, self._touched_until_s
        self._start_moving()

    def switch_on(self) -> None:
        """Off and on again: no tare, the unit of its plate, and zero where the load is, or not zeroed when too much lies on it."""
        self.clear_tare()
        self._take_unit(self.kind.unit, self.kind.division)
        self._signal_mg = self.load_mg + self._way_mg(self._now_s) + self._creep_mg + self._drift_mg
        self.is_zeroed = abs(self._signal_mg) <= self.kind.initial_zero_range * self._capacity_mg
        self._zero_mg = self._initial_zero_mg = self._signal_mg if self.is_zeroed else 0.0
        self._start_moving()
        self._show()

    def advance(self, dt_s: float) -> None:
        """Let time pass."""
        self._now_s += dt_s
        behind_s = self._now_s - self._tick_due_s
        if behind_s < -1e-9:
            return
        step_s = max(self.kind.tick_s, behind_s / _TICKS_AT_ONCE_MAX)
        while self._tick_due_s <= self._now_s + 1e-9:
            self._tick(self._tick_due_s, step_s)
            self._tick_due_s += step_s
        self._tick_due_s = min(self._tick_due_s, self._now_s + self.kind.tick_s)

    @property
    def next_tick_s(self) -> float:
        """How long until the indication is made anew, in seconds."""
        return max(0.0, self._tick_due_s - self._now_s)

    # What it shows

    @property
    def gross(self) -> Decimal:
        """Whole divisions above zero, in `unit`."""
        return self._shown * self.division

    @property
    def tare(self) -> Decimal:
        """The tare it holds, in `unit`; 0: none."""
        return round(self.tare_mg / self._division_mg) * self.division

    @property
    def net(self) -> Decimal:
        """Gross less tare: what the display shows."""
        return self.gross - self.tare

    @property
    def is_net(self) -> bool:
        """Whether it holds a tare."""
        return self.tare_mg != 0

    @property
    def gross_divisions(self) -> int:
        """Gross in divisions."""
        return self._shown

    @property
    def limit(self) -> Limit:
        """Whether the load is beyond what may be shown: above Max + 9 e, or too far below zero."""
        if self._shown > self.capacity_divisions + self.kind.over_divisions:
            return "over"
        return "under" if self._shown < -self.kind.under_divisions else ""

    @property
    def capacity(self) -> Decimal:
        """Max in `unit`, whole divisions."""
        return self.capacity_divisions * self.division

    @property
    def is_centre_of_zero(self) -> bool:
        """Whether gross is within a quarter of a division of zero (R76 4.5.2)."""
        return self.is_stable and abs(self._signal_mg - self._zero_mg) <= self._division_mg / 4

    @property
    def fine(self) -> Decimal:
        """Net in tenths of a division, for what asks for a tenfold resolution."""
        tenth = self.division / 10
        return round((self._signal_mg - self._zero_mg - self.tare_mg) / (self._division_mg / 10)) * tenth

    # Its keys

    def zero(self, *, at_once: bool = False) -> Refusal:
        """Set zero where the pan is, and forget the tare; not in motion unless `at_once`, not beyond the zero range."""
        if not at_once and not self.is_stable:
            return "moving"
        off_mg = self._signal_mg - self._initial_zero_mg
        if abs(off_mg) > self.kind.zero_range * self._capacity_mg:
            return "over" if off_mg > 0 else "under"
        self._zero_mg, self.is_zeroed = self._signal_mg, True
        self.clear_tare()
        self._show()
        return ""

    def take_tare(self, *, at_once: bool = False) -> Refusal:
        """Take what lies on it as tare; not in motion unless `at_once`, not beyond the limits, not below zero. At zero it clears the tare."""
        if self.limit:
            return self.limit
        if self._shown < 0:
            return "under"
        if not at_once and not self.is_stable:
            return "moving"
        self.tare_mg = self._shown * self._division_mg
        self.tare_kind = "weighed" if self._shown else ""
        return ""

    def preset_tare(self, tare: Decimal) -> Refusal:
        """Set a known tare, in `unit`, rounded to a division; 0 clears it. Not above Max, not negative."""
        if tare < 0 or tare > self.capacity:
            return "over" if tare > 0 else "under"
        self.tare_mg = round(tare / self.division) * self._division_mg
        self.tare_kind = "preset" if self.tare_mg else ""
        return ""

    def clear_tare(self) -> None:
        """Forget the tare."""
        self.tare_mg, self.tare_kind = 0.0, ""

    def show_in(self, unit: str) -> None:
        """The key that changes the unit: the division becomes the next 1, 2 or 5 that is no finer. Raises: ValueError: no such unit."""
        if unit not in MG_PER_UNIT:
            raise ValueError(f"a scale shows {', '.join(MG_PER_UNIT)}, not {unit!r}")
        division = self.kind.division
        if unit != self.kind.unit:
            least = division * MG_PER_UNIT[self.kind.unit] / MG_PER_UNIT[unit]
            power = Decimal(10) ** math.floor(least.log10())
            division = next(step * power for step in _STEPS if step * power >= least)
        self._take_unit(unit, division)
        self._show()

    # How it moves

    def _take_unit(self, unit: str, division: Decimal) -> None:
        self.unit, self.division = unit, division
        division_mg, capacity_mg = division * MG_PER_UNIT[unit], self.kind.capacity * MG_PER_UNIT[self.kind.unit]
        self.capacity_divisions = int(capacity_mg / division_mg)
        self._division_mg, self._capacity_mg = float(division_mg), float(capacity_mg)
        self._motion_mg = float(self.kind.motion_divisions * division_mg)

    def _start_moving(self) -> None:
        self._last_mg.clear()
        self.is_stable = False

    def _way_mg(self, at_s: float) -> float:
        """How far the pan is still from the load."""
        since_s = at_s - self._moved_at_s
        return (self._from_mg - self.load_mg) * (1.0 if since_s <= 0 else math.exp(-since_s / self.kind.settling_tau_s))

    def _tick(self, at_s: float, step_s: float) -> None:
        way_mg = self._way_mg(at_s)
        self._drift_mg += self.drift_mg_per_s * step_s
        if self.kind.creep_share:
            self._creep_mg += (self.load_mg * self.kind.creep_share - self._creep_mg) * (1 - math.exp(-step_s / _CREEP_TAU_S))
        is_touched = at_s < self._touched_until_s
        noise = self.kind.noise_divisions + self.vibration_divisions + (_TOUCH_DIVISIONS if is_touched else 0)
        noise_mg = self._random.gauss(0.0, noise * self._division_mg + _SETTLING_NOISE * abs(way_mg))
        self._signal_mg = self.load_mg + way_mg + self._creep_mg + self._drift_mg + noise_mg
        last = self._last_mg
        last.append(self._signal_mg)
        self.is_stable = not is_touched and len(last) == last.maxlen and max(last) - min(last) <= self._motion_mg
        self._show()
        if not self.is_zeroed:
            self._try_initial_zero()
        elif self.kind.tracks_zero:
            self._track_zero(step_s)

    def _show(self) -> None:
        """Round to whole divisions; at rest what stands there is kept until the pan is far enough from it, so that it does not flicker."""
        counts = (self._signal_mg - self._zero_mg) / self._division_mg
        if not self.is_stable or abs(counts - self._shown) > _HELD_DIVISIONS:
            self._shown = round(counts)

    def _try_initial_zero(self) -> None:
        if self.is_stable and abs(self._signal_mg) <= self.kind.initial_zero_range * self._capacity_mg:
            self._zero_mg = self._initial_zero_mg = self._signal_mg
            self.is_zeroed = True
            self._show()

    def _track_zero(self, step_s: float) -> None:
        """Follow what creeps away from zero by at most half a division, no faster than half a division a second; not with a tare (R76 4.5.7)."""
        off_mg = self._signal_mg - self._zero_mg
        half_mg = self._division_mg / 2
        if self._shown == 0 and not self.tare_mg and abs(off_mg) <= half_mg and self.is_stable:
            follow_mg = max(-half_mg * step_s, min(half_mg * step_s, off_mg))
            if abs(self._zero_mg + follow_mg - self._initial_zero_mg) <= self.kind.zero_range * self._capacity_mg:
                self._zero_mg += follow_mg

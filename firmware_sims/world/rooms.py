# SPDX-License-Identifier: Apache-2.0
"""A cold room as a body that heat flows through: walls, goods, a door, a compressor that cycles and defrosts, and the probes that people hang into it.

Two masses are kept, air and goods; what is small or quick beside them (the evaporator, the inner skin of the walls) is counted with the air. Formulas are
the usual ones of a heat balance; numbers marked "guessed" are of the size that rooms of 50 to 100 m3 have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_sims.engine.body import Body, Noise, exponential, linear

AIR_J_PER_M3_K = 1.25 * 1005.0  # density at 5 degrees Celsius times specific heat of dry air
_COIL_BELOW_AIR_K = 8.0  # how much colder than the air an evaporator is; guessed
_COIL_DRIES_S = 900.0  # time constant with which it takes moisture; guessed
_DEFROST_WETS_S = 1200.0


@dataclass(frozen=True)
class RoomPlan:
    """What a room is built of. `hysteresis_k` to either side of the set point; `defrost_every_s` 0: never; `lining`: heat kept by racks, coil and inner
    skin, in multiples of the air's own (guessed)."""

    volume_m3: float = 60.0
    lining: float = 3.0
    walls_w_per_k: float = 25.0
    door_w_per_k: float = 380.0
    """Warm air through an open door of 2 by 2 m: about 0.3 m3/s times 1.25 kJ/(m3 K)."""
    outside_c: float = 22.0
    outside_humidity_pct: float = 55.0
    goods_kg: float = 2000.0
    goods_j_per_kg_k: float = 3600.0
    """Fruit, milk, meat: between 3200 and 3900."""
    goods_w_per_k: float = 150.0
    """From the air into all packages together; guessed."""
    fans_w: float = 150.0
    set_point_c: float = 4.0
    hysteresis_k: float = 1.0
    cooling_w: float = 3000.0
    rests_at_least_s: float = 180.0
    """A compressor is not started again before the pressure has levelled out."""
    defrost_every_s: float = 21_600.0
    defrost_lasts_s: float = 1200.0
    defrost_w: float = 800.0
    """Part of the heater's power that reaches the room; guessed."""
    air_probe_tau_s: float = 60.0
    """A sensor in its housing: follows the air with this time constant."""
    product_probe_tau_s: float = 300.0
    """A probe in a bottle of glycol among the goods: follows them."""

    @property
    def air_j_per_k(self) -> float:
        """Heat that warms the air, and what is counted with it, by one degree."""
        return self.volume_m3 * AIR_J_PER_M3_K * self.lining


QUICK = RoomPlan(
    volume_m3=20.0,
    lining=1.0,
    walls_w_per_k=100.0,
    goods_kg=150.0,
    goods_w_per_k=6.0,
    fans_w=0.0,
    set_point_c=5.0,
    hysteresis_k=0.8,
    cooling_w=4000.0,
    rests_at_least_s=0.0,
    defrost_every_s=0.0,
    air_probe_tau_s=0.0,
)
"""A room so small, so badly insulated and so strongly cooled that a failure and its end fit into a minute or two: for demonstrations."""


class ColdRoom(Body):
    """The room. Set `door_is_open`, `broken` (the compressor does not start) and `mains_is_on` as things happen; read the probes.

    `seed`: of the probes' noise. Air and goods begin at `temperature_c`.
    """

    step_max_s = 5.0

    def __init__(self, plan: RoomPlan = QUICK, *, seed: int | str = 0, temperature_c: float | None = None) -> None:
        self.plan = plan
        self.air_c = self.goods_c = plan.set_point_c if temperature_c is None else temperature_c
        self.air_probe_c = self.product_probe_c = self.air_c
        self.door_is_open = False
        self.broken = False
        self.mains_is_on = True
        self.compressor_runs = False
        self.outside_c = plan.outside_c
        self.goods_kg = plan.goods_kg
        self.vapour_g_m3 = 0.75 * saturation_g_m3(self.air_c)
        self._rested_s = math.inf
        self._since_defrost_s = 0.0
        self._defrost_left_s = 0.0
        self._air_noise, self._product_noise = Noise(f"{seed} air", 0.05, 0.1), Noise(f"{seed} product", 0.02, 0.1)
        self._humidity_noise = Noise(f"{seed} humidity", 0.2, 0.1)

    @property
    def is_defrosting(self) -> bool:
        """Whether the heater melts the ice on the evaporator just now."""
        return self._defrost_left_s > 0

    @property
    def temperature_c(self) -> float:
        """Of the air, as it is."""
        return self.air_c

    @property
    def humidity_pct(self) -> float:
        """Relative humidity of the air."""
        return min(100.0, 100.0 * self.vapour_g_m3 / saturation_g_m3(self.air_c))

    def put_in(self, mass_kg: float, temperature_c: float) -> None:
        """Goods come into the room, as warm as they are; negative: goods leave."""
        before_kg, self.goods_kg = self.goods_kg, max(0.0, self.goods_kg + mass_kg)
        if mass_kg > 0:
            self.goods_c = (before_kg * self.goods_c + mass_kg * temperature_c) / self.goods_kg

    def start_defrost(self) -> None:
        """As the timer does, or somebody at the switchboard."""
        self._defrost_left_s, self._since_defrost_s = self.plan.defrost_lasts_s, 0.0

    # What the sensors show

    def shown(self) -> dict[str, float]:
        """What sensors of different kinds would show now, each with its own noise and last digit; flags as 0 and 1."""
        return {
            "air_c": self._air_noise.on(self.air_probe_c),
            "product_c": self._product_noise.on(self.product_probe_c),
            "humidity_pct": min(100.0, self._humidity_noise.on(self.humidity_pct)),
            "door": float(self.door_is_open),
            "mains_fail": float(not self.mains_is_on),
            "compressor": float(self.compressor_runs),
            "defrost": float(self.is_defrosting),
        }

    # How heat flows

    def step(self, dt_s: float) -> None:
        """See `Body.step`."""
        self._switch(dt_s)
        plan, goods_j_per_k = self.plan, self.goods_kg * self.plan.goods_j_per_kg_k
        outward_w_per_k = plan.walls_w_per_k + (plan.door_w_per_k if self.door_is_open else 0.0)
        inward_w_per_k = plan.goods_w_per_k if goods_j_per_k else 0.0
        heat_w = self._heat_w()
        # exact for constant surroundings: the air is drawn to where all flows are in balance
        balance_c = (outward_w_per_k * self.outside_c + inward_w_per_k * self.goods_c + heat_w) / (outward_w_per_k + inward_w_per_k)
        before_c, self.air_c = self.air_c, exponential(self.air_c, balance_c, plan.air_j_per_k / (outward_w_per_k + inward_w_per_k), dt_s)
        if goods_j_per_k:
            self.goods_c = exponential(self.goods_c, (before_c + self.air_c) / 2, goods_j_per_k / inward_w_per_k, dt_s)
        self._breathe(dt_s)
        self.air_probe_c = exponential(self.air_probe_c, self.air_c, plan.air_probe_tau_s, dt_s)
        self.product_probe_c = exponential(self.product_probe_c, self.goods_c if goods_j_per_k else self.air_c, plan.product_probe_tau_s, dt_s)

    def _heat_w(self) -> float:
        """What fans and heater bring, less what the compressor takes."""
        if not self.mains_is_on:
            return 0.0
        return self.plan.fans_w + (self.plan.defrost_w if self.is_defrosting else 0.0) - (self.plan.cooling_w if self.compressor_runs else 0.0)

    def _switch(self, dt_s: float) -> None:
        """The thermostat, the defrost timer and the compressor's rest."""
        plan = self.plan
        if self.mains_is_on:
            self._since_defrost_s += dt_s
            self._defrost_left_s = linear(self._defrost_left_s, 0.0, 1.0, dt_s)
            if plan.defrost_every_s and self._since_defrost_s >= plan.defrost_every_s:
                self.start_defrost()
        may_run = self.mains_is_on and not self.broken and not self.is_defrosting
        if self.compressor_runs:
            self.compressor_runs = may_run and self.air_c >= plan.set_point_c - plan.hysteresis_k
            self._rested_s = 0.0
        else:
            self._rested_s += dt_s
            self.compressor_runs = may_run and self._rested_s >= plan.rests_at_least_s and self.air_c > plan.set_point_c + plan.hysteresis_k

    def _breathe(self, dt_s: float) -> None:
        """Moisture: the cold evaporator takes it, defrosting gives some back, an open door lets the air of the hall in."""
        if self.compressor_runs:
            coil_g_m3 = min(self.vapour_g_m3, saturation_g_m3(self.air_c - _COIL_BELOW_AIR_K))
            self.vapour_g_m3 = exponential(self.vapour_g_m3, coil_g_m3, _COIL_DRIES_S, dt_s)
        elif self.is_defrosting:
            self.vapour_g_m3 = exponential(self.vapour_g_m3, 0.97 * saturation_g_m3(self.air_c), _DEFROST_WETS_S, dt_s)
        if self.goods_kg:  # what is fresh gives off moisture
            self.vapour_g_m3 = exponential(self.vapour_g_m3, 0.9 * saturation_g_m3(self.goods_c), 4 * _COIL_DRIES_S, dt_s)
        if self.door_is_open:
            outside_g_m3 = self.plan.outside_humidity_pct / 100 * saturation_g_m3(self.outside_c)
            exchange_s = self.plan.volume_m3 * AIR_J_PER_M3_K / self.plan.door_w_per_k
            self.vapour_g_m3 = exponential(self.vapour_g_m3, outside_g_m3, exchange_s, dt_s)
        self.vapour_g_m3 = min(self.vapour_g_m3, saturation_g_m3(self.air_c))  # the rest runs down the walls


def saturation_g_m3(temperature_c: float) -> float:
    """Water vapour that air can hold: Magnus formula over water (WMO-No. 8, annex 4.B), and the gas law."""
    pressure_pa = 611.2 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return 1000.0 * pressure_pa / (461.5 * (273.15 + temperature_c))

# SPDX-License-Identifier: Apache-2.0
"""Loads by the thousand in virtual time: body, twin, driver and weigh point together, with motion, overload, unit keys, unplugging and restarts.

The suite puts on 1,200 for each of the five kinds of scale. 20,000 in all, as many as a release is tried with:
`python -m tests.property.test_every_load_is_recorded_once 4000 1` (loads for each kind, seed).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from contracts.events import WeightRecorded
from contracts.readings import LinkChanged, Weight
from drivers.base.driver import StreamDriver
from drivers.base.session import Session
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.driver import Scale8217Driver
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.driver import ScaleContinuousDriver
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.driver import ScaleSicsDriver
from firmware_sims.engine.units import MG_PER_UNIT
from firmware_sims.scale_8217.twin import Toledo8217Twin
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin
from firmware_sims.scale_sics.twin import RadwagScaleTwin, SicsScaleTwin
from firmware_sims.scales.twin import ScaleTwin
from gateway.config import WeighPoint
from gateway.stations.weigh_point import WeighPointStation
from tests.unit.gateway.virtual_time import instant

_LOAD_MIN_G, _LOAD_MAX_G = 500, 14_000
_PATIENCE_S = 30.0
_SLICE_S = 0.25
_AWAY_S = 1.5
"""The pan stays empty for so long between two loads, as it does where people lift one down and the next one up."""


class Kind(NamedTuple):
    """A scale and the driver for it. `units` that its protocol can tell."""

    twin: Callable[[int], ScaleTwin]
    driver: Callable[[], StreamDriver[Any]]
    units: tuple[str, ...]


KINDS = {
    "sics_stream": Kind(lambda seed: SicsScaleTwin(seed=seed), lambda: ScaleSicsDriver("s", ScaleSicsConfig(path="/dev/null")), ("kg", "g", "lb")),
    "sics_on_change": Kind(
        lambda seed: SicsScaleTwin(seed=seed), lambda: ScaleSicsDriver("s", ScaleSicsConfig(path="/dev/null", mode="on_change")), ("kg", "g", "lb")
    ),
    "radwag_poll": Kind(
        lambda seed: RadwagScaleTwin(seed=seed), lambda: ScaleSicsDriver("s", ScaleSicsConfig(path="/dev/null", mode="poll", dialect="radwag")), ("kg", "g")
    ),
    "toledo_8217": Kind(lambda seed: Toledo8217Twin(seed=seed), lambda: Scale8217Driver("s", Scale8217Config(path="/dev/null", default_unit="kg")), ("kg",)),
    "continuous": Kind(
        lambda seed: ToledoContinuousTwin(capacity=60, division=0.02, seed=seed),
        lambda: ScaleContinuousDriver("s", ScaleContinuousConfig(path="/dev/null")),
        ("kg", "lb", "g"),
    ),
}


class Bench:
    """A scale, its driver and a weigh point, and the time that passes for all three."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind, self.now_s = kind, 0.0
        self.twin = kind.twin(seed)
        self.driver = kind.driver()
        self.session: Session | None = None
        self.station = self._station()
        self.records: list[tuple[WeightRecorded, bool]] = []
        """With whether the pan stood still when it was recorded."""
        self.plug()

    def _station(self) -> WeighPointStation:
        return WeighPointStation(WeighPoint(id="w", scale="s", load_min_g=100.0, stable_readings=2))

    def plug(self) -> None:
        """The line is there (again)."""
        self.session = self.driver.new_session()
        self.station.on_reading(LinkChanged(device="s", at_s=self.now_s, state="connected"), instant(self.now_s))
        self._heard(self.twin.connected(self.now_s))

    def unplug(self) -> None:
        """The line is gone."""
        self.session = None
        self.twin.disconnected(self.now_s)
        self.station.on_reading(LinkChanged(device="s", at_s=self.now_s, state="lost"), instant(self.now_s))

    def restart(self) -> None:
        """The gateway dies and comes back with what was durable."""
        kept = dict(self.station.parts())
        self.unplug()
        self.station = self._station()
        self.station.restore_parts(kept)
        self.plug()

    def pass_time(self, seconds: float) -> None:
        """Let it pass from deadline to deadline."""
        until_s = self.now_s + seconds
        while True:
            due_s = [self.twin.next_deadline_s(), None if self.session is None else self.session.next_deadline_s()]
            next_s = min((at_s for at_s in due_s if at_s is not None), default=until_s)
            if next_s >= until_s:
                self.now_s = until_s
                self._heard(self.twin.advance_to(until_s))
                return
            self.now_s = max(self.now_s, next_s)
            self._heard(self.twin.advance_to(self.now_s))

    def _heard(self, data: bytes) -> None:
        if self.session is None:
            return
        self._take(self.session.receive_bytes(data, self.now_s) if data else ())
        self._take(self.session.advance_to(self.now_s))
        while asked := self.session.bytes_to_send():
            self._take(self.session.receive_bytes(self.twin.receive_bytes(asked, self.now_s), self.now_s))
            self._take(self.session.advance_to(self.now_s))

    def _take(self, events: Any) -> None:
        for event in events:
            for reading in self.driver.readings(event, self.now_s):
                if isinstance(reading, Weight):
                    said = self.station.on_reading(reading, instant(self.now_s))
                    self.records += [(record, self.twin.body.is_stable) for record in said if isinstance(record, WeightRecorded)]


def story(kind: str, loads: int, seed: int) -> None:
    """So many loads; raises AssertionError with the load's number when one is not recorded exactly once, at rest, with its weight."""
    dice = random.Random(f"{kind} {seed}")
    bench = Bench(KINDS[kind], seed)
    bench.pass_time(3.0)
    for number in range(loads):
        seen = len(bench.records)
        _put_on(bench, dice)
        load_mg = bench.twin.body.load_mg
        waited_s = 0.0
        while len(bench.records) == seen and waited_s < _PATIENCE_S:
            bench.pass_time(_SLICE_S)
            waited_s += _SLICE_S
        _dawdle(bench, dice)
        told = f"{kind}, seed {seed}, load {number} of {load_mg} mg"
        assert len(bench.records) == seen + 1, f"{told}: {len(bench.records) - seen} records"
        _check(*bench.records[-1], load_mg, told)
        bench.twin.on_remove(now_s=bench.now_s)
        bench.pass_time(_AWAY_S if bench.session is not None else 0.0)
        _between(bench, dice)


def _put_on(bench: Bench, dice: random.Random) -> None:
    if dice.random() < 0.1:  # too much at first
        bench.twin.on_place(weight_g=dice.uniform(61_000, 90_000), now_s=bench.now_s)
        bench.pass_time(dice.uniform(0.0, 3.0))
    bench.twin.on_place(weight_g=dice.randrange(_LOAD_MIN_G, _LOAD_MAX_G), now_s=bench.now_s)
    if dice.random() < 0.3:
        bench.pass_time(dice.uniform(0.0, 0.5))
        bench.twin.on_move(now_s=bench.now_s, duration_s=dice.uniform(0.1, 2.0))
    if dice.random() < 0.1:
        bench.pass_time(dice.uniform(0.0, 0.3))
        bench.unplug()
        bench.pass_time(dice.uniform(0.0, 2.0))
        bench.plug()


def _dawdle(bench: Bench, dice: random.Random) -> None:
    """What happens to a load that was recorded: it is touched, shown in another unit, or the line or the gateway is gone for a while."""
    what = dice.random()
    if what < 0.1:
        bench.twin.on_move(now_s=bench.now_s, duration_s=dice.uniform(0.1, 1.0))
        bench.pass_time(2.0)
    elif what < 0.2:
        bench.twin.set_unit(dice.choice(bench.kind.units), now_s=bench.now_s)
        bench.pass_time(1.0)
    elif what < 0.3:
        bench.unplug()
        bench.pass_time(dice.uniform(0.0, 1.0))
        bench.plug()
        bench.pass_time(1.0)
    elif what < 0.35:
        bench.restart()
        bench.pass_time(1.5)


def _between(bench: Bench, dice: random.Random) -> None:
    what = dice.random()
    if what < 0.05:
        bench.twin.set_unit(dice.choice(bench.kind.units), now_s=bench.now_s)
    elif what < 0.08:
        bench.twin.on_zero(now_s=bench.now_s)
    elif what < 0.1:
        bench.restart()
        bench.pass_time(1.0)


def _check(record: WeightRecorded, is_stable: bool, load_mg: int, told: str) -> None:
    assert is_stable, f"{told}: recorded in motion: {record.text}"
    assert record.text, told
    shown_mg = Decimal(record.value) * MG_PER_UNIT[record.unit]
    assert abs(shown_mg - load_mg) <= Decimal("0.02") * MG_PER_UNIT["kg"], f"{told}: recorded {record.value} {record.unit} ({record.text})"
    assert abs(record.weight_mg - shown_mg) <= 1, f"{told}: converted to {record.weight_mg} mg"


@pytest.mark.requirement("E7")
@pytest.mark.requirement("E15")
@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_load_is_recorded_once_and_at_rest(kind: str) -> None:
    story(kind, loads=1200, seed=1)


if __name__ == "__main__":
    for name in sorted(KINDS):
        story(name, loads=int(sys.argv[1]), seed=int(sys.argv[2]))
        print(f"{name}: {sys.argv[1]} loads, each recorded once and at rest")

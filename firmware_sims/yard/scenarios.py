# SPDX-License-Identifier: Apache-2.0
"""What may happen at four doors side by side: ordinary passes, and everything that makes a door doubt."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from firmware_sims.world import labels
from firmware_sims.yard.bodies import Stop, Thing, Way, forklift, jack, load, person, standing
from firmware_sims.yard.doors import DOORS, PITCH_M, Door, Eyes, make_door

COMPANY = "0614141"
_FAR_M = 7.0
_STOPS_M = (-_FAR_M, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, _FAR_M)
_LEADS_S = (3.0, 20.0)
"""Before anything moves: hardly anything (a reader just switched on), or long enough that the door knows what stands there."""


@dataclass
class Scene:
    """A yard for some seconds, of which the first `lead_s` are quiet. `serials` counts the tags made so far."""

    kind: str
    seed: int
    rng: random.Random
    duration_s: float
    doors: dict[int, Door] = field(default_factory=dict)
    things: list[Thing] = field(default_factory=list)
    lead_s: float = 3.0
    serials: int = 0

    def epcs(self, cases: int, pallets: int = 1) -> list[str]:
        """Tags of new goods: SSCC-96 of the pallets, SGTIN-96 of the cases."""
        self.serials += cases + pallets
        base = self.seed % 90_000 * 10_000 + self.serials
        payload = f"8{COMPANY}{self.rng.randint(0, 99_999):05d}"
        gtin = payload + labels.check_digit(payload)
        return [
            *(labels.sscc_tag(labels.sscc(COMPANY, (base + pallet) % 10**9)) for pallet in range(pallets)),
            *(labels.sgtin_tag(gtin, base - case) for case in range(cases)),
        ]

    def x(self, door: int) -> float:
        """Middle of a door's lane."""
        return self.doors[door].x


def through(scene: Scene, door: int, direction: str, start_s: float, speed_m_s: float, *, rests: dict[float, float] | None = None) -> Way:
    """Straight through a door at a speed that wavers; `rests` says at which stop (m behind the plane, in the way's own direction) it waits how many seconds."""
    rng, sign = scene.rng, 1 if direction == "in" else -1
    lateral, veer = rng.uniform(-0.25, 0.25), rng.choice((-2.0, 0.0, 0.0, 2.0))
    t_s, stops = start_s, []
    for before, y in zip((None, *_STOPS_M), _STOPS_M, strict=False):
        if before is not None:
            t_s += (y - before) / (speed_m_s * rng.uniform(0.75, 1.25))
        x = scene.x(door) + lateral + (veer if sign * y >= 4.0 else 0.0)
        stops.append(Stop(t_s, x, sign * y))
        if rests and y in rests:
            t_s += rests[y]
            stops.append(Stop(t_s, x, sign * y))
    return Way(stops)


def turned(scene: Scene, door: int, direction: str, start_s: float, speed_m_s: float, reach_m: float) -> Way:
    """Towards the door, up to `reach_m` behind its plane (negative: before it), a moment there, and back."""
    sign, x, wait_s = (1 if direction == "in" else -1), scene.x(door) + scene.rng.uniform(-0.2, 0.2), scene.rng.uniform(0.3, 3.0)
    go_s = (reach_m + _FAR_M) / speed_m_s
    times = (start_s, start_s + go_s, start_s + go_s + wait_s, start_s + 2 * go_s + wait_s)
    return Way(Stop(t_s, x, sign * y) for t_s, y in zip(times, (-_FAR_M, reach_m, reach_m, -_FAR_M), strict=True))


def carried(scene: Scene, way: Way, epcs: list[str], *, what: str = "load") -> None:
    """A load on its way, with the truck behind or the person before it."""
    ahead = 1 if way.stops[-1].y > way.stops[0].y else -1
    if way.stops[0].y == way.stops[-1].y:
        ahead = 1 if way.stops[0].y < 0 else -1
    carrier = forklift(way, ahead) if scene.rng.random() < 0.6 else jack(way, ahead)
    scene.things += [load(way, epcs, scene.rng, what=what), carrier]


def _cases(scene: Scene) -> int:
    return scene.rng.randint(8, 60)


def _speed(scene: Scene) -> float:
    return scene.rng.uniform(0.5, 2.0)


def _way(scene: Scene) -> str:
    return scene.rng.choice(("in", "out"))


def _ordinary(scene: Scene, door: int, start_s: float) -> float:
    """One plain pass; when it is over."""
    way = through(scene, door, _way(scene), start_s, _speed(scene))
    carried(scene, way, scene.epcs(_cases(scene)))
    return way.end_s


def plain(scene: Scene, door: int) -> None:
    """Two pallets one after the other with time between."""
    _ordinary(scene, door, _ordinary(scene, door, scene.lead_s) + scene.rng.uniform(3, 6))


def neighbours(scene: Scene, door: int) -> None:
    """At the doors beside it something passes at the same moment, perhaps the other way."""
    for number in (door, door + 1 if door < DOORS else door - 1):
        carried(scene, through(scene, number, _way(scene), scene.lead_s + scene.rng.uniform(0, 2), _speed(scene)), scene.epcs(_cases(scene)))


def turn_back(scene: Scene, door: int) -> None:
    """Comes, stops before, in or just behind the plane, and goes back."""
    way = turned(scene, door, _way(scene), scene.lead_s, _speed(scene), scene.rng.choice((-2.0, -1.2, -0.5, 0.3, 0.9)))
    carried(scene, way, scene.epcs(_cases(scene)))


def turn_back_then_pass(scene: Scene, door: int) -> None:
    """The same pallet comes again and goes through."""
    direction, epcs = _way(scene), scene.epcs(_cases(scene))
    first = turned(scene, door, direction, scene.lead_s, _speed(scene), scene.rng.uniform(-1.5, 0.5))
    second = through(scene, door, direction, first.end_s + scene.rng.uniform(0.5, 3), _speed(scene))
    carried(scene, Way([*first.stops, *second.stops]), epcs)


def parked(scene: Scene, door: int) -> None:
    """A loaded forklift waits beside the lane while others pass."""
    rng, sign = scene.rng, scene.rng.choice((-1, 1))
    x, y = scene.x(door) + rng.choice((-1, 1)) * rng.uniform(1.2, 2.0), sign * rng.uniform(2.2, 3.5)
    scene.things.append(standing(scene.epcs(_cases(scene)), x, y, 0.6, rng, what="parked"))
    scene.things.append(Thing("forklift", Way([Stop(0.0, x, y + sign * 1.8)], stands=True), 0.55, 1.1, 25.0, 12.0, covers_eyes=False))
    _ordinary(scene, door, _ordinary(scene, door, scene.lead_s) + rng.uniform(3, 6))


def resting(scene: Scene, door: int) -> None:
    """A pallet stands two to four metres before the portal for a while, then passes."""
    way = through(scene, door, _way(scene), scene.lead_s - 3.0, _speed(scene), rests={scene.rng.choice((-4.0, -2.0)): scene.rng.uniform(5, 15)})
    carried(scene, way, scene.epcs(_cases(scene)))


def stops_in_portal(scene: Scene, door: int) -> None:
    """A pallet halts between the antennas for some seconds and goes on."""
    way = through(scene, door, _way(scene), scene.lead_s, _speed(scene), rests={scene.rng.choice((-1.0, 0.0, 1.0)): scene.rng.uniform(2, 8)})
    carried(scene, way, scene.epcs(_cases(scene)))


def two_close(scene: Scene, door: int) -> None:
    """Two pallets, each on its own truck, two seconds and a bit apart, the same way."""
    direction, speed = _way(scene), scene.rng.uniform(1.2, 2.0)
    for start_s in (scene.lead_s, scene.lead_s + scene.rng.uniform(2.0, 3.5)):
        way = through(scene, door, direction, start_s, speed)
        scene.things += [load(way, scene.epcs(scene.rng.randint(8, 40)), scene.rng), jack(way, 1 if direction == "in" else -1)]


def in_then_out(scene: Scene, door: int) -> None:
    """One pallet comes, another leaves a few seconds later."""
    first = through(scene, door, "in", scene.lead_s, _speed(scene))
    second = through(scene, door, "out", first.end_s - scene.rng.uniform(0, 2), _speed(scene))
    for way in (first, second):
        carried(scene, way, scene.epcs(_cases(scene)))


def empty(scene: Scene, door: int) -> None:
    """A pallet without any tag."""
    carried(scene, through(scene, door, _way(scene), scene.lead_s, _speed(scene)), [], what="load without tags")


def double_sscc(scene: Scene, door: int) -> None:
    """Two pallets stacked on one truck, each with its SSCC and cases."""
    way = through(scene, door, _way(scene), scene.lead_s, _speed(scene))
    carried(scene, way, scene.epcs(scene.rng.randint(8, 30)))
    scene.things.append(load(way, scene.epcs(scene.rng.randint(8, 30)), scene.rng, heights_m=(1.2, 2.2)))


def no_sscc(scene: Scene, door: int) -> None:
    """The pallet's own tag is missing."""
    carried(scene, through(scene, door, _way(scene), scene.lead_s, _speed(scene)), scene.epcs(_cases(scene), pallets=0))


def people(scene: Scene, door: int) -> None:
    """Somebody walks through; later a pallet passes and somebody comes against it."""
    scene.things.append(person(through(scene, door, _way(scene), scene.lead_s, scene.rng.uniform(1.0, 1.6))))
    way = through(scene, door, _way(scene), scene.lead_s + 14, _speed(scene))
    carried(scene, way, scene.epcs(_cases(scene)))
    against = "out" if way.stops[-1].y > 0 else "in"
    scene.things.append(person(through(scene, door, against, way.crossings()[0][0] - scene.rng.uniform(2, 7), 1.3)))


def cross_traffic(scene: Scene, door: int) -> None:
    """A loaded truck drives along inside, past all doors, while something passes at one of them."""
    y, start_s = scene.rng.uniform(2.8, 5.0), scene.lead_s - scene.rng.uniform(0, 3)
    ends = (-4.0, (DOORS - 1) * PITCH_M + 4.0) if scene.rng.random() < 0.5 else ((DOORS - 1) * PITCH_M + 4.0, -4.0)
    way = Way([Stop(start_s, ends[0], y), Stop(start_s + abs(ends[1] - ends[0]) / scene.rng.uniform(0.8, 2.0), ends[1], y)])
    scene.things.append(load(way, scene.epcs(_cases(scene)), scene.rng, what="load along the doors"))
    _ordinary(scene, door, scene.lead_s + scene.rng.uniform(0, 6))


def broken_eyes(scene: Scene, door: int) -> None:
    """Ordinary passes at a door whose eyes are not in order."""
    scene.doors[door] = make_door(door, scene.rng, "both", scene.rng.choice(("outer dead", "inner dead", "inner stuck", "flicker", "edges lost")))
    plain(scene, door)


KINDS: dict[str, Callable[[Scene, int], None]] = {
    kind.__name__: kind
    for kind in (
        plain, neighbours, turn_back, turn_back_then_pass, parked, resting, stops_in_portal, two_close, in_then_out,
        empty, double_sscc, no_sscc, people, cross_traffic, broken_eyes,
    )
}  # fmt: skip


def make(kind: str, seed: int) -> Scene:
    """The yard of a kind and a seed: goods that stand about everywhere, the event itself at one door, ordinary passes at some others."""
    rng = random.Random(f"{kind} {seed}")  # noqa: S311  # a simulation that can be repeated
    scene = Scene(kind, seed, rng, 0.0, lead_s=rng.choice(_LEADS_S))
    eyes: tuple[Eyes, ...] = ("none", "both", "both", "presence")
    scene.doors = {number: make_door(number, rng, rng.choice(eyes), "") for number in range(1, DOORS + 1)}
    scene.things += _standing_about(scene)
    door = rng.randint(1, DOORS)
    KINDS[kind](scene, door)
    for other in range(1, DOORS + 1):
        if other != door and kind != "neighbours" and rng.random() < 0.5:
            _ordinary(scene, other, scene.lead_s + rng.uniform(0, 8))
    scene.duration_s = max(thing.way.end_s for thing in scene.things) + 5.0
    return scene


def _standing_about(scene: Scene) -> Iterator[Thing]:
    """Racks and pallets inside beside every lane; now and then goods deep in the trailer."""
    rng = scene.rng
    for door in range(1, DOORS + 1):
        for _ in range(rng.randint(1, 3)):
            x = scene.x(door) + rng.choice((-1, 1)) * rng.uniform(1.6, 2.2)
            yield standing(scene.epcs(rng.randint(4, 25)), x, rng.uniform(2.8, 6.0), 0.5, rng)
        if rng.random() < 0.3:
            yield standing(scene.epcs(rng.randint(4, 20)), scene.x(door), -rng.uniform(8.5, 11.0), 0.5, rng, what="trailer")

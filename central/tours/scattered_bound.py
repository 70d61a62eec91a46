# SPDX-License-Identifier: Apache-2.0
"""A lower bound for choosing where to pick and how to walk, and the search that closes the gap to it.

Every unit of an article gets a price. A walk that costs its length and earns the price of each unit that a stretch of it passes is found by the
exact sweep; its worth plus the price of all that is wanted is never more than the shortest walk that passes all of it (Lagrangian relaxation).
Subgradient steps raise that bound. The same prices tell what is at least still to be walked from any state, which keeps the search over
(state, load passed so far) small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from central.tours.baskets import Basket
from central.tours.frontier import EMPTY, Frontier, Moves
from central.tours.scattered_ways import Way, WayStep

INFINITE = float("inf")
_STUCK_ROUNDS = 8
_BOUND_SLACK = 1e-6
"""Against the rounding of floating-point sums."""


class Relaxed(NamedTuple):
    """The best walk at some prices: what it is worth with all that is wanted added (a lower bound), and how much of each article it passes."""

    bound: float
    passed: list[int]


class Pick(NamedTuple):
    """The best way of one kind at some prices."""

    moves: Moves | None
    worth: float
    way: Way


@dataclass(slots=True)
class Prices:
    """The best prices found and the bound that they prove."""

    prices: list[float]
    bound: float


class Found(NamedTuple):
    """What a search found: a length, the way taken in each step up to its end (none: nothing shorter), and whether nothing shorter exists."""

    length_mm: float
    ways: list[tuple[WayStep, Way]] | None
    proven: bool


class Relaxation:
    """The relaxation of one question. `steps` as of `Ways.steps`."""

    def __init__(self, frontier: Frontier, steps: Sequence[WayStep], basket: Basket) -> None:
        self.frontier = frontier
        self.steps = steps
        self.basket = basket
        self._amounts = {way.load: basket.amounts(way.load) for step in steps for way in step.ways}
        self._by_moves = [_grouped(step.ways) for step in steps]
        self.still_offered = _still_offered(steps, basket)

    def solve(self, prices: Sequence[float]) -> Relaxed:
        """The best walk at these prices."""
        layers, picks = self._forward(prices)
        worth, last, state = self._ended(layers)
        passed = [0] * len(prices)
        for number in range(last, -1, -1):
            state, load = self._back(layers[number], layers[number + 1][state], number, picks[number], state)
            for article, amount in self._amounts.get(load, ()):
                passed[article] += amount
        return Relaxed(worth + self.basket.worth(self.basket.full, prices), passed)

    def still_to_walk(self, prices: Sequence[float]) -> list[dict[int, float]]:
        """For each step and each state before it (and after the last): the least worth of any way to finish from there."""
        layers, picks = self._forward(prices)
        after = dict.fromkeys(layers[-1], INFINITE)
        found = [after]
        for step, states, best in zip(reversed(self.steps), reversed(layers[:-1]), reversed(picks), strict=True):
            if step.may_end:
                after = {state: min(worth, 0.0) if self.frontier.is_closed(state) else worth for state, worth in after.items()}
            after = self._before(states, after, step, best)
            found.append(after)
        return found[::-1]

    def _before(self, states: dict[int, float], after: dict[int, float], step: WayStep, picks: Sequence[Pick]) -> dict[int, float]:
        if not step.ways:
            crossings = self.frontier.crossings
            return {state: min((after[target] + count * step.width_mm for target, count, _ in crossings[state]), default=INFINITE) for state in states}
        return {state: min([after[state if moves is None else moves[state]] + worth for moves, worth, _ in picks]) for state in states}

    def _forward(self, prices: Sequence[float]) -> tuple[list[dict[int, float]], list[list[Pick]]]:
        earned = {load: sum([prices[article] * amount for article, amount in amounts]) for load, amounts in self._amounts.items()}
        layers: list[dict[int, float]] = [{EMPTY: 0.0}]
        picks: list[list[Pick]] = []
        for step, groups in zip(self.steps, self._by_moves, strict=True):
            best = [Pick(moves, *_best_way(ways, earned)) for moves, ways in groups]
            picks.append(best)
            layers.append(_through(layers[-1], best) if step.ways else self._across(layers[-1], step.width_mm))
        return layers, picks

    def _across(self, costs: dict[int, float], width_mm: int) -> dict[int, float]:
        found: dict[int, float] = {}
        crossings = self.frontier.crossings
        for state, cost in costs.items():
            for target, count, _ in crossings[state]:
                reached = cost + count * width_mm
                if target not in found or reached < found[target]:
                    found[target] = reached
        return found

    def _ended(self, layers: Sequence[dict[int, float]]) -> tuple[float, int, int]:
        return min(
            (cost, number, state)
            for number, step in enumerate(self.steps)
            if step.may_end
            for state, cost in layers[number + 1].items()
            if self.frontier.is_closed(state)
        )

    def _back(self, before: dict[int, float], cost: float, number: int, picks: Sequence[Pick], state: int) -> tuple[int, int]:
        step = self.steps[number]
        for previous, spent in before.items():
            for moves, worth, way in picks:
                if spent + worth == cost and (previous if moves is None else moves[previous]) == state:
                    return previous, way.load
            if not step.ways:
                for target, count, _ in self.frontier.crossings[previous]:
                    if target == state and spent + count * step.width_mm == cost:
                        return previous, 0
        raise AssertionError("every state of a layer was reached from the layer before")


def _still_offered(steps: Sequence[WayStep], basket: Basket) -> list[int]:
    """After each step: the load of all that lies to the right of it."""
    found = [0]
    for step in reversed(steps[1:]):
        most = max(step.ways, key=lambda way: len(way.reached)).load if step.ways else 0
        found.append(basket.merge(found[-1], most))
    return found[::-1]


def _grouped(ways: Sequence[Way]) -> list[tuple[Moves | None, list[Way]]]:
    groups: dict[int, tuple[Moves | None, list[Way]]] = {}
    for way in ways:
        groups.setdefault(id(way.moves), (way.moves, []))[1].append(way)
    return list(groups.values())


def _best_way(ways: Sequence[Way], earned: dict[int, float]) -> tuple[float, Way]:
    best, least = ways[0], INFINITE
    for way in ways:
        worth = way.length_mm - earned[way.load]
        if worth < least:
            best, least = way, worth
    return least, best


def _through(costs: dict[int, float], picks: Sequence[Pick]) -> dict[int, float]:
    found: dict[int, float] = {}
    for moves, worth, _ in picks:
        for state, cost in costs.items():
            target = state if moves is None else moves[state]
            cost += worth
            if target not in found or cost < found[target]:
                found[target] = cost
    return found


def raise_bound(relaxation: Relaxation, start: Prices, shortest_mm: float, rounds: int, step_mm: int) -> Prices:
    """Subgradient steps (Held, Wolfe & Crowder 1974) from some prices, towards the shortest full walk known (infinite: none yet).

    Stops when the bound shows that nothing is shorter than that by `step_mm`, the least by which lengths differ.
    """
    prices, best = start.prices, start
    pace, stuck = 1.0, 0
    for _ in range(rounds):
        relaxed = relaxation.solve(prices)
        if relaxed.bound > best.bound:
            best, stuck = Prices(prices, relaxed.bound), 0
        else:
            stuck += 1
        slopes = [wanted - passed for wanted, passed in zip(relaxation.basket.wanted, relaxed.passed, strict=True)]
        steepness = sum(slope * slope for slope in slopes)
        if best.bound > shortest_mm - step_mm + _BOUND_SLACK or not steepness:
            break
        if stuck >= _STUCK_ROUNDS:
            pace, stuck, prices = pace / 2, 0, best.prices
        target = min(shortest_mm, 1.05 * best.bound + step_mm)
        stride = pace * (target - relaxed.bound) / steepness
        prices = [max(0.0, price + stride * slope) for price, slope in zip(prices, slopes, strict=True)]
    return best


Label = tuple[int, int]
"""A state and the load passed so far."""
Trace = dict[Label, tuple[float, int, Label, Way | None]]
"""By label: what the whole walk costs at least, what is walked so far, the label before and the way taken."""


def search(relaxation: Relaxation, best: Prices, shorter_than: float, beam: int) -> Found:
    """The shortest full walk below `shorter_than`, keeping in each step at most `beam` labels, those that promise most.

    It is proven when no label had to be given up.
    """
    rest = relaxation.still_to_walk(best.prices)
    worth = {0: 0.0}
    trail: list[Trace] = [{(EMPTY, 0): (0.0, 0, (EMPTY, 0), None)}]
    ended: tuple[int, Label] | None = None
    proven = True
    for step, following, offered in zip(relaxation.steps, rest[1:], relaxation.still_offered, strict=True):
        found = _grown(relaxation, best, step, following, trail[-1], worth, shorter_than)
        found = {label: trace for label, trace in found.items() if relaxation.basket.merge(label[1], offered) == relaxation.basket.full}
        if step.may_end:
            for label, (_, walked, _, _) in found.items():
                if label[1] == relaxation.basket.full and walked < shorter_than and relaxation.frontier.is_closed(label[0]):
                    shorter_than, ended = walked, (len(trail), label)
        if len(found) > beam:
            proven = False
            found = _most_promising(found, beam, ended[1] if ended is not None and ended[0] == len(trail) else None)
        trail.append(found)
    return Found(shorter_than, None if ended is None else _ways_back(relaxation, trail, *ended), proven)


def _most_promising(labels: Trace, beam: int, also: Label | None) -> Trace:
    kept = dict(sorted(labels.items(), key=lambda item: (item[1][0], item[0]))[:beam])
    if also is not None:
        kept[also] = labels[also]
    return kept


def _grown(
    relaxation: Relaxation, best: Prices, step: WayStep, following: dict[int, float], labels: Trace, worth: dict[int, float], shorter_than: float
) -> Trace:
    found: Trace = {}
    merge, basket = relaxation.basket.merge, relaxation.basket
    everything = basket.worth(basket.full, best.prices)
    ways_on: dict[int, list[tuple[int, int, int, Way | None]]] = {}
    for label, (_, walked, _, _) in labels.items():
        state, load = label
        if state not in ways_on:
            ways_on[state] = list(_ways_on(relaxation.frontier, step, state))
        for target, length_mm, gained, way in ways_on[state]:
            union = merge(load, gained) if gained else load
            reached = walked + length_mm
            key = (target, union)
            if key in found and found[key][1] <= reached:
                continue
            if union not in worth:
                new = union - load
                if new not in worth:
                    worth[new] = basket.worth(new, best.prices)
                worth[union] = worth[load] + worth[new]
            least = reached + everything - worth[union] + following[target]
            if least < shorter_than - _BOUND_SLACK or (step.may_end and union == basket.full and reached < shorter_than):
                found[key] = (least, reached, label, way)
    return found


def _ways_on(frontier: Frontier, step: WayStep, state: int) -> Iterator[tuple[int, int, int, Way | None]]:
    if not step.ways:
        for target, count, _ in frontier.crossings[state]:
            yield target, count * step.width_mm, 0, None
    for way in step.ways:
        yield state if way.moves is None else way.moves[state], way.length_mm, way.load, way


def _ways_back(relaxation: Relaxation, trail: Sequence[Trace], last: int, label: Label) -> list[tuple[WayStep, Way]]:
    found: list[tuple[WayStep, Way]] = []
    for number in range(last, 0, -1):
        _, _, label, way = trail[number][label]
        if way is not None:
            found.append((relaxation.steps[number - 1], way))
    return found

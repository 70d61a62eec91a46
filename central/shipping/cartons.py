# SPDX-License-Identifier: Apache-2.0
"""Carton choice, pure: which cartons for an order, how full they are, and why; what goes in beside the goods.

Goods of different storage conditions never share a carton, nor do dangerous goods of different classes. Each group gets the fewest cartons, of these
the cheapest, of these the fullest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from central.catalog.rules.hazards import segregation
from central.shipping.stacking import Goods, Placed, Size, Stack, fits_alone, stack

CARTONS_MAX = 200
"""More cartons than this for one group is an order for pallets; the advice says so instead of computing on."""
PIECES_MAX = 20_000
"""Neither are more pieces than this looked at: where each of them lies takes time and room (measured: 3.5 s of CPU for 30,000 of five kinds)."""

_FRAGILE, _UPRIGHT, _NO_STACK = "fragile", "upright", "no_stack"
_ALONE = ("6", "7", "8")
"""Classes of dangerous goods that do not travel with ordinary goods either: toxic and infectious, radioactive, corrosive (guessed; limited quantities know
exceptions, and the house may pack such goods by hand)."""

_HEAT_PASSAGE_W_M2K = 1.2
"""Of 30 mm expanded polystyrene: 0.035 W/mK / 0.03 m."""
_OUTSIDE_C = 30.0
_INSIDE_C = {"chilled": 5.0, "frozen": -18.0}
_MELTING_J_G = {"chilled": 334.0, "frozen": 571.0}
"""Latent heat of water ice, and of dry ice into gas."""
_COOLANT = {"chilled": "gel_pack", "frozen": "dry_ice"}
_MM2_PER_M2 = 1_000_000
_MM3_PER_L = 1_000_000


@dataclass(frozen=True)
class Piece:
    """So many units of an item to be packed. A size or weight that nobody knows is None."""

    item: str
    quantity: int
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    weight_g: int | None
    condition: str = "ambient"
    hazard_class: str = ""
    handling: frozenset[str] = frozenset()

    @property
    def missing(self) -> tuple[str, ...]:
        """What must be measured before anything can be advised."""
        given = {"length_mm": self.length_mm, "width_mm": self.width_mm, "height_mm": self.height_mm, "unit_weight_g": self.weight_g}
        return tuple(name for name, value in given.items() if not value)

    @property
    def goods(self) -> Goods:
        """As pieces to be stacked; only when nothing is missing."""
        size = Size(self.length_mm or 0, self.width_mm or 0, self.height_mm or 0)
        bears = not self.handling & {_FRAGILE, _NO_STACK}
        return Goods(self.item, self.quantity, size, self.weight_g or 0, _UPRIGHT in self.handling, bears)


@dataclass(frozen=True)
class Carton:
    """A kind of carton. `inside` and `outside` in millimetres."""

    code: str
    inside: Size
    outside: Size
    tare_g: int
    max_weight_g: int
    cost_minor: int
    insulated: bool = False


@dataclass(frozen=True)
class Material:
    """Something that goes in beside the goods: `filler` in litres, `coolant` in grams, `cushion` and `insulation` as pieces; why."""

    kind: str
    quantity: int
    unit: str
    why: str


@dataclass(frozen=True)
class PackedCarton:
    """One carton of the advice with all that lies in it. `fill_pct` is the goods' volume of the inside."""

    carton: str
    group: str
    contents: dict[str, int]
    placed: tuple[Placed, ...]
    weight_g: int
    fill_pct: int
    why: str
    materials: tuple[Material, ...] = ()


@dataclass(frozen=True)
class Advice:
    """Cartons for an order, or why none can be advised: `missing` names by item what must be measured, `too_large` what fits nowhere."""

    cartons: tuple[PackedCarton, ...] = ()
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    too_large: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether all goods have a carton."""
        return bool(self.cartons) and not self.missing and not self.too_large


def advise(pieces: Sequence[Piece], cartons: Sequence[Carton], transit_h: float) -> Advice:
    """Cartons for these goods, on their way for so many hours."""
    missing = {piece.item: piece.missing for piece in pieces if piece.missing}
    if missing:
        return Advice(missing=missing)
    packed: list[PackedCarton] = []
    too_large: list[str] = []
    for group, members in groups_of(pieces).items():
        usable = _usable(members, cartons)
        homeless = [piece.item for piece in members if not any(fits_alone(piece.goods, each.inside, each.max_weight_g) for each in usable)]
        if homeless:
            too_large += homeless
            continue
        stacks = _fewest([piece.goods for piece in members], usable) if sum(piece.quantity for piece in members) <= PIECES_MAX else None
        if stacks is None:
            too_large += [piece.item for piece in members]
            continue
        packed += [_as_packed(carton, found, group, members, cartons, transit_h) for carton, found in stacks]
    return Advice(tuple(packed), too_large=tuple(sorted(set(too_large))))


def groups_of(pieces: Iterable[Piece]) -> Mapping[str, list[Piece]]:
    """Goods that may share a carton: of one condition, and of no two classes of dangerous goods that are kept apart (`catalog.rules.hazards`).

    Ordinary goods travel with dangerous ones unless these travel alone.
    """
    by_condition: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_condition[piece.condition].append(piece)
    groups: dict[str, list[Piece]] = {}
    for condition, members in sorted(by_condition.items()):
        parts = _compatible({piece.hazard_class for piece in members if piece.hazard_class})
        host = next((part for part in parts if not any(_travels_alone(each) for each in part)), ())
        for piece in members:
            part = next((part for part in parts if piece.hazard_class in part), host)
            groups.setdefault(f"{condition} class {' + '.join(part)}" if part else condition, []).append(piece)
    return groups


def _compatible(classes: Iterable[str]) -> list[tuple[str, ...]]:
    """Classes of dangerous goods in sets within which none is kept apart from another."""
    parts: list[tuple[str, ...]] = []
    for each in sorted(classes):
        fitting = next((n for n, part in enumerate(parts) if not any(segregation(each, other) for other in part)), None)
        if fitting is None:
            parts.append((each,))
        else:
            parts[fitting] = (*parts[fitting], each)
    return parts


def _travels_alone(hazard_class: str) -> bool:
    return hazard_class.partition(".")[0] in _ALONE


def _usable(members: Sequence[Piece], cartons: Sequence[Carton]) -> list[Carton]:
    """Cold goods go into insulated cartons where the house has any; ambient goods do not waste them where there is another kind."""
    cold = members[0].condition in _INSIDE_C
    suited = [carton for carton in cartons if carton.insulated == cold]
    return suited or list(cartons)


_Stacks = list[tuple[Carton, Stack]]


def _fewest(goods: Sequence[Goods], cartons: Sequence[Carton]) -> _Stacks | None:
    """The fewest cartons, then the cheapest, then the fullest. One is tried with every kind; several are filled one after the other with each kind as
    the large one, and each is then exchanged for the smallest that holds the same. None: more than CARTONS_MAX."""
    ordered = sorted(cartons, key=lambda carton: (carton.cost_minor, carton.inside.volume_mm3, carton.code))
    single = _cheapest_holding(goods, ordered)
    if single is not None:
        return [single]
    ways = [way for bulk in ordered if (way := _fill_with(goods, bulk, ordered)) is not None]
    return min(ways, key=_dearness, default=None)


def _dearness(way: _Stacks) -> tuple[int, int, int]:
    return (len(way), sum(carton.cost_minor for carton, _ in way), sum(carton.inside.volume_mm3 - found.volume_mm3 for carton, found in way))


def _cheapest_holding(goods: Sequence[Goods], ordered: Sequence[Carton]) -> tuple[Carton, Stack] | None:
    volume = sum(each.size.volume_mm3 * each.quantity for each in goods)
    weight_g = sum(each.weight_g * each.quantity for each in goods)
    for carton in ordered:
        if volume <= carton.inside.volume_mm3 and weight_g <= carton.max_weight_g:
            found = stack(goods, carton.inside, carton.max_weight_g)
            if not found.left:
                return carton, found
    return None


def _fill_with(goods: Sequence[Goods], bulk: Carton, ordered: Sequence[Carton]) -> _Stacks | None:
    """Fill cartons of one kind; the last, and what fits into another kind better, is exchanged. None: too many cartons."""
    left, way = list(goods), _Stacks()
    while left:
        if len(way) == CARTONS_MAX:
            return None
        found = stack(left, bulk.inside, bulk.max_weight_g)
        carton = bulk
        if not found.placed:
            carton, found = _any_that_takes_some(left, ordered)
        way.append(_cheapest_holding(_contents(left, found), ordered) or (carton, found))
        left = [replace(each, quantity=rest) for each in left if (rest := found.left.get(each.item, 0))]
    return way


def _any_that_takes_some(left: Sequence[Goods], ordered: Sequence[Carton]) -> tuple[Carton, Stack]:
    """The carton that takes most of what is left; each piece fits somewhere, so one does."""
    tries = [(carton, stack(left, carton.inside, carton.max_weight_g)) for carton in ordered]
    return max(tries, key=lambda pair: pair[1].volume_mm3)


def _contents(goods: Sequence[Goods], found: Stack) -> list[Goods]:
    return [replace(each, quantity=taken) for each in goods if (taken := each.quantity - found.left.get(each.item, 0))]


def _as_packed(carton: Carton, found: Stack, group: str, members: Sequence[Piece], all_cartons: Sequence[Carton], transit_h: float) -> PackedCarton:
    contents: dict[str, int] = defaultdict(int)
    for piece in found.placed:
        contents[piece.item] += 1
    fill_pct = 100 * found.volume_mm3 // carton.inside.volume_mm3
    mine = [piece for piece in members if piece.item in contents]
    return PackedCarton(
        carton=carton.code,
        group=group,
        contents=dict(sorted(contents.items())),
        placed=found.placed,
        weight_g=found.weight_g + carton.tare_g,
        fill_pct=fill_pct,
        why=_why(carton, found, group, fill_pct, all_cartons),
        materials=materials_for(carton, mine, carton.inside.volume_mm3 - found.volume_mm3, transit_h),
    )


def _why(carton: Carton, found: Stack, group: str, fill_pct: int, all_cartons: Sequence[Carton]) -> str:
    cheaper = [each for each in all_cartons if (each.cost_minor, each.inside.volume_mm3) < (carton.cost_minor, carton.inside.volume_mm3)]
    of_kind = [each for each in cheaper if each.insulated == carton.insulated]
    heavy = [each.code for each in of_kind if found.weight_g > each.max_weight_g]
    small = [each.code for each in of_kind if each.code not in heavy]
    reasons = [f"{len(found.placed)} pieces of {group}", f"{fill_pct} % full", f"{found.weight_g} of {carton.max_weight_g} g"]
    if small:
        reasons.append(f"too small: {', '.join(sorted(small))}")
    if heavy:
        reasons.append(f"would carry too little: {', '.join(sorted(heavy))}")
    return "; ".join(reasons)


def materials_for(carton: Carton, pieces: Sequence[Piece], void_mm3: int, transit_h: float) -> tuple[Material, ...]:
    """What goes in beside the goods: filler for the void, cushions for fragile pieces, insulation and coolant for cold ones."""
    needed: list[Material] = []
    litres = void_mm3 // _MM3_PER_L
    if litres:
        needed.append(Material("filler", litres, "l", "fills the void, so that nothing moves"))
    fragile = sum(piece.quantity for piece in pieces if _FRAGILE in piece.handling)
    if fragile:
        needed.append(Material("cushion", fragile, "piece", "wrap each fragile piece"))
    if any("liquid" in piece.handling for piece in pieces):
        needed.append(Material("liner", 1, "piece", "a bag around liquids"))
    condition = pieces[0].condition if pieces else "ambient"
    if condition in _INSIDE_C:
        if not carton.insulated:
            needed.append(Material("insulation", 1, "piece", f"{condition} goods in a carton that does not keep cold"))
        needed.append(
            Material(_COOLANT[condition], coolant_g(carton.outside, condition, transit_h), "g", f"keeps {condition} for {transit_h:g} h at {_OUTSIDE_C:g} °C")
        )
    return tuple(needed)


def coolant_g(outside: Size, condition: str, transit_h: float) -> int:
    """Grams of coolant that take up the heat coming through the walls, rounded up to 50 g: passage x surface x difference x time / latent heat."""
    length, width, height = outside
    surface_m2 = 2 * (length * width + length * height + width * height) / _MM2_PER_M2
    heat_j = _HEAT_PASSAGE_W_M2K * surface_m2 * (_OUTSIDE_C - _INSIDE_C[condition]) * transit_h * 3600
    return ceil(heat_j / _MELTING_J_G[condition] / 50) * 50

# SPDX-License-Identifier: Apache-2.0
"""Which stock leaves first, pure.

For a line, only stock is looked at that may leave for it at all: of its owner, not expired, expiring on or after the day that the line asks for, at a place
from which goods are taken. That stock is put into groups by the leading key of the line's rule:

| rule             | leading key                                                                      |
|------------------|----------------------------------------------------------------------------------|
| `fefo`           | expiry, earliest first; goods that do not expire come last                       |
| `fifo`           | the instant at which the goods came in, earliest first                           |
| `lifo`           | the same, latest first                                                           |
| `closest`        | pick rank of the place, lowest first                                             |
| `least_packages` | what is free there, largest first: the fewest places and units for the quantity  |

A group is used up, as far as it may be taken, before the next one is looked at: **the order of the leading key is never broken**, not for a full pallet
either. Only within a group, between goods of which none goes before the other, the handling decides:

1. whole handling units that fit into what is still wanted, the largest first (among equals the nearest on the path);
2. then multiples of the item's packagings, the largest packaging first, the oldest goods first;
3. then single pieces: the oldest goods first, then the nearest on the path.

Steps 2 and 3 take from pickable places only. From other places (pallet racks) a handling unit leaves whole or not at all, so what stands there goes before
later goods when it fits, and is passed over when it does not; `may be taken` in the claim above means exactly this. A unit whose contents differ in the
leading key is no whole unit of any group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from central.ledger.rules import Allocation, Demand, Rule, Supply

_LEADING: Final[Mapping[Rule, Callable[[Supply], Any]]] = {
    "fefo": lambda supply: supply.expiry,
    "fifo": lambda supply: supply.in_date,
    "lifo": lambda supply: -supply.in_date.timestamp(),
    "closest": lambda supply: supply.pick_rank,
    "least_packages": lambda supply: -supply.free,
}


def leading_key(rule: Rule, supply: Supply) -> Any:
    """What the rule never breaks the order of; lower leaves first."""
    return _LEADING[rule](supply)


def may_serve(demand: Demand, supply: Supply) -> bool:
    """Whether these goods may leave for that line at all."""
    return supply.account.owner == demand.owner and (demand.min_expiry is None or supply.expiry >= demand.min_expiry)


def allocate(demands: Sequence[Demand], supplies: Sequence[Supply]) -> list[Allocation]:
    """Give each demand in turn what its rule says; a short line gets what there is. At most one allocation for a line and a supply."""
    by_item: dict[tuple[str, str], list[Supply]] = defaultdict(list)
    for supply in supplies:
        by_item[supply.account.site, supply.account.item].append(supply)
    queues: dict[tuple[str, str, Rule, str], list[list[Supply]]] = {}
    left = {supply.balance_id: supply.free for supply in supplies}
    allocations: list[Allocation] = []
    for demand in demands:
        key = (demand.site, demand.item, demand.rule, demand.owner)
        if key not in queues:
            queues[key] = _groups(demand, by_item[demand.site, demand.item])
        allocations += _serve(demand, queues[key], left)
    return allocations


def _groups(demand: Demand, supplies: Sequence[Supply]) -> list[list[Supply]]:
    """The owner's supplies by the leading key, within a group oldest first, then nearest."""
    leading = _LEADING[demand.rule]
    ordered = sorted((each for each in supplies if each.account.owner == demand.owner), key=lambda each: (leading(each), *each.fefo_key[1:]))
    return [list(group) for _, group in groupby(ordered, key=leading)]


def _serve(demand: Demand, groups: list[list[Supply]], left: dict[int, int]) -> list[Allocation]:
    wanted, taken = demand.quantity, dict[int, int]()
    by_id: dict[int, Supply] = {}
    for group in groups:
        if wanted <= 0:
            break
        if demand.min_expiry is not None:
            group = [each for each in group if may_serve(demand, each)]
        for supply, quantity in _from_group(group, wanted, demand.unit_sizes, left):
            left[supply.balance_id] -= quantity
            wanted -= quantity
            taken[supply.balance_id] = taken.get(supply.balance_id, 0) + quantity
            by_id[supply.balance_id] = supply
    _drop_used_up(groups, left)
    return [Allocation(demand.line_id, by_id[number], quantity, demand.min_expiry, demand.rule) for number, quantity in taken.items()]


def _drop_used_up(groups: list[list[Supply]], left: Mapping[int, int]) -> None:
    """Groups at the front that are used up need not be looked at again for the next line."""
    while groups and not any(left[each.balance_id] for each in groups[0]):
        del groups[0]


def _from_group(group: Sequence[Supply], wanted: int, unit_sizes: Sequence[int], left: Mapping[int, int]) -> Iterator[tuple[Supply, int]]:
    """The steps within a group. The caller takes each answer out of `left` before it asks for the next."""
    if any(each.whole for each in group):
        for unit in _whole_units(group, left):
            quantity = sum(each.free for each in unit)
            if quantity <= wanted:
                wanted -= quantity
                yield from ((each, each.free) for each in unit)
    for size in (*(size for size in unit_sizes if size > 1), 1):
        for supply in group:
            quantity = min(wanted, left[supply.balance_id]) // size * size
            if quantity > 0 and supply.pickable:
                wanted -= quantity
                yield supply, quantity
        if not wanted:
            return


def _whole_units(group: Sequence[Supply], left: Mapping[int, int]) -> list[list[Supply]]:
    """Handling units that stand in this group with all that is on them, the largest first, among equals the nearest on the path."""
    units: dict[str, list[Supply]] = defaultdict(list)
    for supply in group:
        if supply.whole and left[supply.balance_id] == supply.free:
            units[supply.whole].append(supply)
    complete = [unit for unit in units.values() if len(unit) == unit[0].parts]
    return sorted(complete, key=lambda unit: (-sum(each.free for each in unit), unit[0].pick_rank, unit[0].fefo_key))

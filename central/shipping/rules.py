# SPDX-License-Identifier: Apache-2.0
"""Rules of packing and loading, pure: what may go into a package, what of a load is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from central.errors import ConflictError

Content = tuple[str, str]
"""Item and lot."""


@dataclass(frozen=True)
class Scanned:
    """What a scan at the pack station names. `lot` None: not said; `quantity` None: not said."""

    item: str
    lot: str | None
    quantity: int | None
    serials: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packed:
    """So many of an item and lot that go into the package."""

    item: str
    lot: str
    quantity: int
    serials: tuple[str, ...] = ()


def left_to_pack(picked: Mapping[Content, int], packed: Mapping[Content, int]) -> dict[Content, int]:
    """What is picked and in no package yet; nothing below zero is shown as missing."""
    return {content: left for content, quantity in sorted(picked.items()) if (left := quantity - packed.get(content, 0)) > 0}


def judge_scan(order: str, scan: Scanned, picked: Mapping[Content, int], left: Mapping[Content, int]) -> Packed:
    """What a scan puts into the package.

    Raises: ConflictError `wrong_item`, `wrong_lot`, `lot_needed`, `over_packed`: the message names what belongs there instead.
    """
    lots = sorted(lot for item, lot in picked if item == scan.item)
    if not lots:
        wanted = ", ".join(sorted({item for item, _ in left})) or "nothing more"
        raise ConflictError("wrong_item", f"item {scan.item} is not of order {order}; put it aside, still to be packed: {wanted}")
    lot = _lot(order, scan, lots, left)
    quantity = scan.quantity or len(scan.serials) or 1
    free = left.get((scan.item, lot), 0)
    if quantity > free:
        text = f"order {order}: {quantity} of item {scan.item} lot {lot or '-'} scanned, {free} are still to be packed; put {quantity - free} back"
        raise ConflictError("over_packed", text)
    return Packed(scan.item, lot, quantity, scan.serials)


def _lot(order: str, scan: Scanned, lots: Sequence[str], left: Mapping[Content, int]) -> str:
    if scan.lot is not None:
        if scan.lot not in lots:
            text = f"order {order}: item {scan.item} lot {scan.lot or '-'} was not picked for it, picked: {', '.join(lot or '-' for lot in lots)}"
            raise ConflictError("wrong_lot", f"{text}; find out where the goods come from")
        return scan.lot
    open_lots = [lot for lot in lots if left.get((scan.item, lot))] or lots
    if len(open_lots) > 1:
        raise ConflictError("lot_needed", f"order {order}: item {scan.item} has lots {', '.join(open_lots)}; scan or type the lot")
    return open_lots[0]


def check_serials(order: str, packed: Packed, *, tracked: bool, known: Collection[str]) -> None:
    """Raises: ConflictError `serials_needed`: not one for each unit. `serial_twice`: one is in a package of the order already."""
    if (tracked or packed.serials) and len(packed.serials) != packed.quantity:
        text = f"order {order}: {packed.quantity} of item {packed.item} with {len(packed.serials)} serial numbers; scan the serial number of each unit"
        raise ConflictError("serials_needed", text)
    twice = sorted(set(packed.serials) & set(known)) or sorted({serial for serial in packed.serials if packed.serials.count(serial) > 1})
    if twice:
        raise ConflictError("serial_twice", f"order {order}: serial {twice[0]} of item {packed.item} is packed already; scan the other unit")


LoadVerdict = Literal["loaded", "already", "foreign", "not_ready"]


@dataclass(frozen=True)
class LoadState:
    """A load against its plan: SSCCs loaded and still missing."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]

# SPDX-License-Identifier: Apache-2.0
"""Rules of the ledger, pure: accounts and legs, zero sums, what a posting does to balances, seals. Which stock leaves first stands in `removal`."""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from central.errors import DomainError, InsufficientStockError

Status = Literal["available", "inspect", "hold", "damaged", "expired"]
STATUSES: Final[tuple[Status, ...]] = ("available", "inspect", "hold", "damaged", "expired")

VENDOR: Final = "@vendor"
CUSTOMER: Final = "@customer"
LOSS: Final = "@loss"
COUNT_DIFFERENCE: Final = "@count_difference"
PRODUCTION: Final = "@production"
VIRTUAL_PLACES: Final = frozenset({VENDOR, CUSTOMER, LOSS, COUNT_DIFFERENCE, PRODUCTION})
"""Where goods come from and go to; they keep no balance row, so no row of theirs can become hot."""
TRANSIT: Final = "TRANSIT"
"""Code of the place of each site whose goods are on their way to it: its own in the books, and neither promised nor reserved before they arrive."""

NO_EXPIRY: Final = date.max
"""Expiry of goods that do not expire, kept as a date so that both databases order it last."""


class UnbalancedError(DomainError):
    """The legs of a posting do not sum to zero for an item."""

    def __init__(self, item: str, total: int) -> None:
        super().__init__("unbalanced", f"item {item}: the legs sum to {total} instead of 0; what leaves one account must enter another")


class UnknownPlaceError(DomainError):
    """A place is neither `site/code` nor one of the virtual places."""

    def __init__(self, place: str) -> None:
        super().__init__("unknown_place", f"place {place!r} is neither site/code nor one of {', '.join(sorted(VIRTUAL_PLACES))}")


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Where stock is and what it is: place (`site/code` or virtual), item, lot, owner, status, handling unit (SSCC digits). Empty text: none."""

    place: str
    item: str
    lot: str = ""
    owner: str = ""
    status: Status = "available"
    unit: str = ""

    @property
    def virtual(self) -> bool:
        """Whether the place keeps no balance."""
        return self.place.startswith("@")

    @property
    def site(self) -> str:
        """The site of the place; empty for a virtual one."""
        return "" if self.virtual else self.place.partition("/")[0]

    def at(self, place: str) -> Account:
        """The same goods at another place."""
        return replace(self, place=place)

    def __str__(self) -> str:
        details = "".join(f" {name} {value}" for name, value in (("lot", self.lot), ("owner", self.owner), ("unit", self.unit)) if value)
        return f"{self.place}: item {self.item}{details}, {self.status}"


@dataclass(frozen=True, slots=True)
class Leg:
    """`quantity` smallest units of the account's item enter (positive) or leave it, worth `value_minor` minor units of money."""

    account: Account
    quantity: int
    value_minor: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that somebody says happened. `id` is a UUID given by whoever says it; (`source`, `source_seq`) is unique; `body` is kept as it came."""

    id: str
    source: str
    source_seq: int | None
    kind: str
    body: bytes
    actor: str
    occurred_at: datetime
    site: str = ""

    @property
    def body_hash(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()


Rule = Literal["fefo", "fifo", "lifo", "closest", "least_packages"]
RULES: Final[tuple[Rule, ...]] = ("fefo", "fifo", "lifo", "closest", "least_packages")
"""Which stock of an item leaves first; `central.ledger.removal` says exactly how."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A line that wants `quantity` of an item at a site, of one owner's goods, expiring on or after `min_expiry` (None: any that has not expired).

    `rule` says which stock leaves first; `unit_sizes` are the item's packagings in smallest units: whole ones go before single pieces.
    """

    line_id: str
    site: str
    item: str
    quantity: int
    min_expiry: date | None = None
    rule: Rule = "fefo"
    owner: str = ""
    unit_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Supply:
    """Free stock of one balance row.

    `pickable`: single pieces may be taken, else only the whole handling unit. `whole` names the outermost handling unit that this row is a part of if
    that unit has `parts` rows and could leave as it is (nothing of it reserved, held or of another kind); empty otherwise.
    """

    balance_id: int
    account: Account
    free: int
    expiry: date
    in_date: datetime
    pick_rank: int
    pickable: bool = True
    whole: str = ""
    parts: int = 1

    @property
    def fefo_key(self) -> tuple[date, datetime, int, int]:
        """First expired first out, then oldest, then nearest on the path."""
        return (self.expiry, self.in_date, self.pick_rank, self.balance_id)


@dataclass(frozen=True, slots=True)
class Allocation:
    """So much of a supply for a line."""

    line_id: str
    supply: Supply
    quantity: int
    min_expiry: date | None = None
    rule: Rule = "fefo"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A pending claim of `quantity` on one available account for an order line; `id` is a UUID."""

    id: str
    line_id: str
    account: Account
    quantity: int
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A balance row as the rules see it."""

    on_hand: int = 0
    reserved: int = 0


def check_legs(legs: Sequence[Leg]) -> None:
    """Raises: UnbalancedError: not zero per item. UnknownPlaceError. DomainError: no legs, or an unknown status."""
    if not legs:
        raise DomainError("empty_posting", "a posting needs at least two legs")
    totals: dict[str, int] = defaultdict(int)
    for leg in legs:
        _check_account(leg.account)
        totals[leg.account.item] += leg.quantity
    for item, total in sorted(totals.items()):
        if total:
            raise UnbalancedError(item, total)


def _check_account(account: Account) -> None:
    if account.virtual:
        if account.place not in VIRTUAL_PLACES:
            raise UnknownPlaceError(account.place)
    elif not all(account.place.partition("/")):
        raise UnknownPlaceError(account.place)
    if account.status not in STATUSES:
        raise DomainError("unknown_status", f"status {account.status!r} is not one of {', '.join(STATUSES)}")


def net_changes(legs: Iterable[Leg]) -> dict[Account, int]:
    """What a posting changes at real places, summed per account; accounts that end unchanged are left out."""
    totals: dict[Account, int] = defaultdict(int)
    for leg in legs:
        if not leg.account.virtual:
            totals[leg.account] += leg.quantity
    return {account: quantity for account, quantity in sorted(totals.items()) if quantity}


def changed_holdings(changes: Mapping[Account, int], held: Mapping[Account, Holding], claims: Mapping[Account, int]) -> dict[Account, Holding]:
    """The holdings after `changes`; `claims` are reserved quantities that the posting itself uses up.

    Raises: InsufficientStockError: less is there and free than one of the changes takes.
    """
    after: dict[Account, Holding] = {}
    for account in sorted({*changes, *claims}):
        before, change, claim = held.get(account, Holding()), changes.get(account, 0), claims.get(account, 0)
        result = Holding(before.on_hand + change, before.reserved - claim)
        if not 0 <= result.reserved <= result.on_hand:
            raise InsufficientStockError(str(account), -change, before.on_hand - before.reserved + claim)
        after[account] = result
    return after


def leaf_hash(event: Sequence[object], entries: Iterable[Sequence[object]]) -> bytes:
    """The Merkle leaf of an event with its entries: SHA-256 over length-prefixed fields, 0x00 before (RFC 6962, section 2.1)."""
    parts = [b"\x00"]
    for row in (event, *entries):
        parts.append(_length(len(row)))
        for value in row:
            data = value if isinstance(value, bytes) else str(value).encode()
            parts += (_length(len(data)), data)
    return hashlib.sha256(b"".join(parts)).digest()


_length = struct.Struct(">I").pack


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, section 2.1; SHA-256 of nothing for no leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()


def block_hash(site: str, n: int, previous: bytes, root: bytes, members: bytes) -> bytes:
    """The hash that the next block of the site repeats."""
    return hashlib.sha256(b"\x02" + site.encode() + struct.pack(">QI", n, len(members)) + previous + root + members).digest()


def pack_positions(positions: Sequence[int]) -> bytes:
    """Positions as big-endian 64-bit numbers."""
    return struct.pack(f">{len(positions)}Q", *positions)


def unpack_positions(members: bytes) -> tuple[int, ...]:
    """The reverse of `pack_positions`. Raises: ValueError: not a multiple of 8 bytes."""
    if len(members) % 8:
        raise ValueError(f"members are {len(members)} bytes, not a multiple of 8")
    return struct.unpack(f">{len(members) // 8}Q", members)

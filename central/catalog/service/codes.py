# SPDX-License-Identifier: Apache-2.0
"""The one index of everything that names an item: no code with two meanings (R28), whoever writes and however many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from central.catalog import rules
from central.catalog.service.goods import chunks
from central.catalog.tables import barcode
from central.database import insert_or_leave
from central.errors import ConflictError
from central.sheets.rules import RowFault


@dataclass(frozen=True, slots=True)
class Claim:
    """Row `number` says by `column` that a code, as the index writes it, names so many units of an item."""

    number: int
    column: str
    code: str
    item: str
    quantity: int
    kind: str

    @property
    def meaning(self) -> str:
        """What the code is said to name, for people."""
        return f"item {self.item}" if self.quantity == 1 else f"{self.quantity} of item {self.item}"


def claims_of(rows: Iterable[tuple[int, rules.Row]]) -> Iterator[Claim]:
    """What rows say about codes; kinds without codes say nothing."""
    for number, row in rows:
        match row:
            case rules.Item():
                code = rules.index_code(row.code)
                yield Claim(number, "code", code, row.code, 1, "item")
                if row.gtin and row.gtin != code:
                    yield Claim(number, "gtin", row.gtin, row.code, 1, "gtin")
            case rules.Packaging(gtin=str()):
                yield Claim(number, "gtin", str(row.gtin), row.item, row.quantity, "packaging")
            case rules.Alias():
                yield Claim(number, "code", rules.index_code(row.code), row.item, row.quantity, "alias")


def faults_of_codes(connection: Connection, rows: Sequence[tuple[int, rules.Row]], before: Iterable[rules.Row]) -> list[RowFault]:
    """Rows that give a code a second meaning, against the database or an earlier row; `before` are the rows that these will replace."""
    claims, given_up = list(claims_of(rows)), _codes_of(before)
    held = _held(connection, {claim.code for claim in claims} - given_up)
    first: dict[str, Claim] = {}
    faults = []
    for claim in claims:
        owner = _as_claim(held[claim.code]) if claim.code in held else first.setdefault(claim.code, claim)
        if owner is not claim:
            faults.append(_taken(claim, owner))
    return faults


def _codes_of(rows: Iterable[rules.Row]) -> set[str]:
    return {claim.code for claim in claims_of(enumerate(rows))}


def _as_claim(row: Any) -> Claim:
    return Claim(0, "", row.code, row.item, row.quantity, row.kind)


def _taken(claim: Claim, owner: Claim) -> RowFault:
    params = {"code": claim.code, "owner": owner.item, "item": claim.item}
    if claim.column == "gtin" and owner.item != claim.item and owner.quantity == claim.quantity == 1:
        return RowFault(claim.number, "gtin", "gtin_taken", f"GTIN {claim.code} belongs to item {owner.item}; one GTIN is one item", params)
    text = f"code {claim.code} names {owner.meaning} already ({owner.kind}) and cannot name {claim.meaning} ({claim.kind}) too; choose another"
    return RowFault(claim.number, claim.column, "code_taken", text, params)


def _held(connection: Connection, codes: Iterable[str]) -> Mapping[str, Any]:
    return {row.code: row for part in chunks(codes) for row in connection.execute(select(barcode).where(barcode.c.code.in_(part)))}


def write_codes(connection: Connection, rows: Sequence[rules.Row], before: Iterable[rules.Row]) -> None:
    """Bring the index up to date with rows (items, packagings or aliases) that replace those `before`.

    Raises: ConflictError: another transaction gave one of the codes another meaning in the meantime.
    """
    forget_codes(connection, before)
    claims = sorted(claims_of(enumerate(rows)), key=lambda claim: claim.code)
    if not claims:
        return
    values = [{"code": each.code, "item": each.item, "quantity": each.quantity, "kind": each.kind} for each in claims]
    # The primary key decides between transactions: the second waits for the first here, and reads below what the first has written.
    connection.execute(insert_or_leave(connection, barcode).on_conflict_do_nothing(), values)
    held = _held(connection, {claim.code for claim in claims})
    for claim in claims:
        there = _as_claim(held[claim.code])
        if (there.item, there.quantity, there.kind) != (claim.item, claim.quantity, claim.kind):
            fault = _taken(claim, there)
            raise ConflictError(fault.code, fault.message)


def forget_codes(connection: Connection, rows: Iterable[rules.Row]) -> None:
    """Take the codes of rows that are replaced or deleted out of the index."""
    for part in chunks(_codes_of(rows)):
        connection.execute(delete(barcode).where(barcode.c.code.in_(part)))

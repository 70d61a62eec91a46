# SPDX-License-Identifier: Apache-2.0
"""The lists of the catalog as spreadsheets: what a file would change, and how that is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from central.catalog import rules, service
from central.catalog.service import storage
from central.errors import ConflictError
from central.sheets.registry import Outcome, Sender, SheetKind, Trace
from central.sheets.rules import Sheet

_TITLES = {
    "partners": ("Partners", "往来单位"),
    "items": ("Items", "商品"),
    "packagings": ("Packagings", "包装"),
    "aliases": ("Aliases", "别名条码"),
    "substitutes": ("Substitutes", "替代商品"),
    "kits": ("Kits", "套装"),
    "lots": ("Lots", "批号"),
    "reasons": ("Reasons", "原因"),
    "sites": ("Sites", "仓库"),
    "aisles": ("Aisles", "巷道"),
    "cross-aisles": ("Cross aisles", "横向通道"),
    "zones": ("Zones", "库区"),
    "locations": ("Locations", "库位"),
    "levels": ("Stock levels", "库存上下限"),
    "partner-items": ("Customers' rules for items", "客户商品规则"),
}


def _plan(connection: Connection, sheet: Sheet, _sender: Sender) -> Outcome:
    planned = service.plan(connection, sheet.rows, sheet.fields)

    def write() -> Sequence[Trace]:
        service.carry_out(connection, planned)
        return [
            Trace(each.after.key, None if each.before is None else each.before.model_dump(mode="json"), each.after.model_dump(mode="json"))
            for each in planned.changes
        ]

    return Outcome(planned.new, planned.changed, planned.unchanged, write, planned.faults)


def _undo_of(kind: type[rules.Row]) -> Callable[[Connection, Sequence[Trace], Sender], None]:
    def undo(connection: Connection, traces: Sequence[Trace], _sender: Sender) -> None:
        there = storage.rows_with(connection, kind, [tuple(each.key) for each in traces])
        present = [there.get(storage.stored_key(kind, tuple(each.key))) for each in traces]
        for trace, row in zip(traces, present, strict=True):
            if row is None or row.model_dump(mode="json") != trace.after:
                text = f"{' '.join(trace.key)} was {'deleted' if row is None else 'changed'} after this import; put that right by hand, nothing was undone"
                raise ConflictError("changed_since", text)
        # New rows go first: a row that gave its code to one of them takes it back.
        service.remove_all(connection, [row for trace, row in zip(traces, present, strict=True) if trace.before is None and row is not None])
        service.keep(connection, [kind.model_validate(each.before) for each in traces if each.before is not None])

    return undo


SHEETS = [SheetKind(name, *_TITLES[name], kind, rules.repeated, _plan, _undo_of(kind)) for name, kind in rules.KINDS.items()]
"""Lists of the catalog that come from spreadsheets."""

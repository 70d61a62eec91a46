# SPDX-License-Identifier: Apache-2.0
"""What happened to packages, step by step, each with the fact that did it: what a package says of itself is only how it stands now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, insert, select

from central.shipping.tables import package_line, package_step

Step = Literal["closed", "opened", "void", "loaded", "unloaded", "shipped"]
_WITH_CONTENTS = frozenset({"closed", "opened", "void"})


def note(connection: Connection, fact_id: str, step: Step, packages: Sequence[str]) -> None:
    """Packages took a step with a fact, which is recorded in this transaction; what is in them is kept where the step is about it."""
    if packages:
        rows = [{"fact": fact_id, "sscc": sscc, "step": step, "contents": _contents(connection, sscc, step)} for sscc in packages]
        connection.execute(insert(package_step), rows)


def _contents(connection: Connection, sscc: str, step: Step) -> list[dict[str, object]]:
    if step not in _WITH_CONTENTS:
        return []
    query = select(package_line).where(package_line.c.sscc == sscc).order_by(package_line.c.item, package_line.c.lot)
    return [{"item": row.item, "lot": row.lot, "quantity": int(row.quantity), "serials": row.serials} for row in connection.execute(query)]

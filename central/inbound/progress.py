# SPDX-License-Identifier: Apache-2.0
"""How far ship notices and purchases are: preparing, announced, in transit, arrived, received; and whether goods came inside their window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, case, exists, func, select

from central.bulk import among
from central.inbound.tables import passage, purchase_notice, receipt, ship_notice, ship_notice_line, ship_notice_pallet

Window = Literal["", "early", "on_time", "late"]
STEPS = ("preparing", "announced", "in_transit", "arrived", "received")


def progress_of() -> ColumnElement[str]:
    """The progress of a row of `ship_notice`: what is seen here goes before what the supplier says."""
    number = ship_notice.c.number
    pallet = ship_notice_pallet.c.notice == number
    passed = exists().where(pallet, passage.c.sscc == ship_notice_pallet.c.sscc, passage.c.notice == number, passage.c.site == ship_notice.c.site)
    came = exists().where(ship_notice_line.c.notice == number, ship_notice_line.c.received > 0)
    return case((ship_notice.c.state == "received", "received"), (passed | came, "arrived"), else_=ship_notice.c.announced_as)


def arrived_at_of() -> ColumnElement[Any]:
    """When the first pallet of a row of `ship_notice` was received; NULL when none was."""
    mine = (receipt.c.notice == ship_notice.c.number) & receipt.c.sscc.in_(
        select(ship_notice_pallet.c.sscc).where(ship_notice_pallet.c.notice == ship_notice.c.number)
    )
    return select(func.min(receipt.c.received_at)).where(mine).scalar_subquery()


def window_of(row: RowMapping) -> Window:
    """How the first pallet came against the window of the notice; empty when there is no window or nothing came."""
    arrived: datetime | None = row["arrived_at"]
    if arrived is None or (row["expected_from"] is None and row["expected_until"] is None):
        return ""
    if row["expected_from"] is not None and arrived < row["expected_from"]:
        return "early"
    return "late" if row["expected_until"] is not None and arrived > row["expected_until"] else "on_time"


def purchase_progress(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, int]]:
    """How much of each purchase line is how far. What no notice announces is in preparation; of a notice under way each line has its share of what came."""
    wanted = [line["id"] for line in lines]
    amounts = (func.sum(ship_notice_line.c.quantity), func.sum(ship_notice_line.c.received))
    mine = among(connection, purchase_notice.c.purchase_line, wanted)
    links = connection.execute(
        select(purchase_notice, progress_of().label("progress")).join(ship_notice, ship_notice.c.number == purchase_notice.c.notice).where(mine)
    ).all()
    notices = sorted({row.notice for row in links})
    came = {
        (notice, item): (int(announced), int(received))
        for notice, item, announced, received in connection.execute(
            select(ship_notice_line.c.notice, ship_notice_line.c.item, *amounts)
            .where(among(connection, ship_notice_line.c.notice, notices))
            .group_by(ship_notice_line.c.notice, ship_notice_line.c.item)
        )
    }
    by_line: dict[int, list[Any]] = defaultdict(list)
    for row in links:
        by_line[row.purchase_line].append(row)
    return [_amounts(line, by_line[line["id"]], came) for line in lines]


def _amounts(line: Mapping[str, Any], links: Sequence[Any], came: Mapping[tuple[str, str], tuple[int, int]]) -> dict[str, int]:
    amounts = dict.fromkeys(STEPS, 0)
    amounts["preparing"] = line["quantity"] - sum(each.quantity for each in links)
    for each in links:
        announced, received = came.get((each.notice, line["item"]), (1, 0))
        here = each.quantity * received // announced
        amounts["received"] += here
        amounts["arrived" if each.progress == "received" else each.progress] += each.quantity - here
    return amounts

# SPDX-License-Identifier: Apache-2.0
"""Boards made by hand: a calm one, a busy one, and parts of them to vary."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from central.web.board import (
    AlarmRow,
    BinCell,
    Board,
    Door,
    Figure,
    GatewayRow,
    Message,
    Passage,
    Room,
    WorkOrder,
    WorkOrders,
    Zone,
    as_rack,
    ready,
    with_headline,
)

NOW = datetime(2026, 11, 21, 8, 30, 0, tzinfo=UTC)
ITEMS = {"A-01": "Whole milk 1 l", "A-02": "Oat drink 1 l", "A-03": "Butter 250 g", "B-01": "Yoghurt 500 g", "B-02": "Cream 200 ml", "B-04": "Cheddar 400 g"}
ITEMS_ZH = {
    "A-01": "全脂牛奶 1 升",
    "A-02": "燕麦饮 1 升",
    "A-03": "黄油 250 克",
    "B-01": "原味酸奶 500 克",
    "B-02": "稀奶油 200 毫升",
    "B-04": "切达奶酪 400 克",
}


def ago(seconds: float, now: datetime = NOW) -> datetime:
    return now - timedelta(seconds=seconds)


def warm_room(now: datetime = NOW) -> Room:
    def value(age_s: int) -> float:
        return -19.4 + 0.3 * math.sin(age_s / 70) + max(0.0, (520 - age_s) / 95)

    ages = [age for age in range(1800, 0, -10) if not 900 < age < 1000]
    samples = tuple((ago(age, now), round(value(age), 2)) for age in ages)
    return Room("cold-1", "temperature_c", "high", ago(1800, now), now, samples[-1][1], samples[-1][0], None, -18.0, samples, priority=1, lots_held=2)


def cool_room(now: datetime = NOW) -> Room:
    samples = tuple((ago(age, now), round(4.1 + 0.6 * math.sin(age / 160), 2)) for age in range(1800, 0, -10))
    return Room("cold-2", "temperature_c", "normal", ago(1800, now), now, samples[-1][1], ago(4, now), 2.0, 8.0, samples)


def alarm(state: str = "unacknowledged", **changes: object) -> AlarmRow:
    fields = {
        "occurrence": "0f1e",
        "gateway": "gw-1",
        "alarm_id": "cold-1.high",
        "station": "cold-1",
        "condition": "high",
        "quantity": "temperature_c",
        "state": state,
    }
    fields |= {"priority": 1, "raised_at": ago(312), "value": -14.1, "limit": -18.0, "lots_held": 2}
    return AlarmRow(**{**fields, **changes})  # type: ignore[arg-type]


def doors(now: datetime = NOW) -> tuple[Door, ...]:
    missing = Message.of(
        "pallet_cases_missing",
        "door-1: pallet 006141411234567890 passed in; 2 of 24 cases not seen; compare with ship notice ASN-1182 or accept",
        {"station": "door-1", "sscc": "006141411234567890", "missing": 2, "expected": 24, "notice": "ASN-1182"},
    )
    unknown = Message.of(
        "pallet_unknown",
        "door-2: pallet 306141410000001244 passed in and no ship notice names it",
        {"station": "door-2", "sscc": "306141410000001244"},
    )
    first = (
        Passage(ago(48, now), "in", "differences", "006141411234567890", 22, 24, "ASN-1182", missing),
        Passage(ago(171, now), "in", "received", "006141411234567883", 24, 24, "ASN-1182"),
        Passage(ago(290, now), "in", "received", "006141411234567876", 24, 24, "ASN-1182"),
        Passage(ago(655, now), "unknown", "not_received", "006141411234567869", 24, 24, "ASN-1181"),
    )
    second = (
        Passage(ago(126, now), "in", "not_received", "306141410000001244", 12, None, "", unknown),
        Passage(ago(520, now), "out", "left", "306141410000001237", 12),
        Passage(ago(803, now), "in", "received", "306141410000001220", 18, 18, "ASN-1179"),
    )
    return Door("door-1", "gw-1", True, first), Door("door-2", "gw-1", True, second)


def zone(now: datetime = NOW) -> Zone:
    cells = {f"{row}-{column:02}": BinCell(f"{row}-{column:02}") for row in "AB" for column in range(1, 7)}
    cells |= {code: BinCell(code, item=name, item_zh=ITEMS_ZH[code]) for code, name in ITEMS.items()}
    cells["A-01"] = BinCell("A-01", "lit", ITEMS["A-01"], ITEMS_ZH["A-01"], 12, 12, "green", "SO-2041", ago(14, now))
    cells["A-03"] = BinCell("A-03", "lit", ITEMS["A-03"], ITEMS_ZH["A-03"], 3, 3, "blue", "SO-2042", ago(9, now))
    cells["B-01"] = BinCell("B-01", "short", ITEMS["B-01"], ITEMS_ZH["B-01"], 4, 6, "green", "SO-2041", ago(30, now))
    cells["B-02"] = BinCell("B-02", "confirmed", ITEMS["B-02"], ITEMS_ZH["B-02"], 8, 8, "blue", "SO-2042", ago(41, now))
    cells["B-04"] = BinCell("B-04", "lit", ITEMS["B-04"], ITEMS_ZH["B-04"], 1, 1, "orange", "SO-2043", ago(3, now))
    return Zone("zone-a", True, as_rack(tuple(cells.values())))


def work_orders(now: datetime = NOW) -> WorkOrders:
    missing, unknown = (door.passages[0].reason for door in doors(now))
    short = {"station": "zone-a", "taken": 4, "requested": 6, "item": "YOG-500", "lot": "L2611", "bin": "B-01", "order": "SO-2041", "doubtful": 2}
    assert missing
    assert unknown
    first = (
        WorkOrder("41", unknown, ago(126, now), "door-2"),
        WorkOrder("42", missing, ago(48, now), "door-1"),
        WorkOrder("43", Message.of("pick_short", "zone-a: 4 of 6 found", short), ago(30, now), "zone-a"),
    )
    return WorkOrders(first, len(first))


FIGURES = (
    Figure("pallets_received", 41),
    Figure("picks", 388),
    Figure("picks_short", 3, abnormal=True),
    Figure("picks_open", 12),
    Figure("weights_recorded", 57),
    Figure("lots_held", 2, abnormal=True),
    Figure("proposals", 5),
    Figure("ledger_events", 18204),
)


def busy_board(now: datetime = NOW) -> Board:
    """A morning on which something is wrong almost everywhere."""
    taken = alarm(
        "acknowledged",
        occurrence="7c2d",
        alarm_id="cold-3.stale",
        station="cold-3",
        condition="stale",
        priority=3,
        value=None,
        limit=None,
        acknowledged_by="Li Wei",
        lots_held=0,
    )
    return with_headline(
        Board(
            alarms=ready((alarm(raised_at=ago(312, now)), taken)),
            doors=ready(doors(now)),
            zones=ready((zone(now),)),
            rooms=ready((warm_room(now), cool_room(now))),
            exceptions=ready(work_orders(now)),
            gateways=ready((GatewayRow("gw-1", True, ago(2, now), 0, 5), GatewayRow("gw-2", True, ago(1, now), 14, 3, ("scale-1",), 1))),
            figures=ready(FIGURES),
        )
    )


def calm_board(now: datetime = NOW) -> Board:
    """Everything normal, nothing yet on some lists."""
    return with_headline(
        Board(
            alarms=ready(()),
            doors=ready((Door("door-1", "gw-1", True, doors(now)[0].passages[1:3]), Door("door-2", "gw-1", True))),
            zones=ready((Zone("zone-a", True, as_rack(tuple(BinCell(f"{row}-0{column}") for row in "AB" for column in range(1, 7)))),)),
            rooms=ready((cool_room(now),)),
            exceptions=ready(WorkOrders()),
            gateways=ready((GatewayRow("gw-1", True, ago(2, now), 0, 5),)),
            figures=ready((Figure("pallets_received", 2), Figure("picks", 0), Figure("picks_short", 0))),
        )
    )


def empty_board() -> Board:
    """A warehouse on its first morning."""
    nothing = {name: ready(()) for name in ("alarms", "doors", "zones", "rooms", "gateways", "figures")}
    return with_headline(Board(**nothing, exceptions=ready(WorkOrders())))

# SPDX-License-Identifier: Apache-2.0
"""The board from the tables of the areas: plain reading, one snapshot, each region by itself so that one that fails leaves the others standing."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, and_, func, or_, select, tuple_, union
from sqlalchemy.exc import SQLAlchemyError

from central.catalog.tables import item, location, stock_level
from central.catalog.tables import zone as zone_table
from central.coldchain.tables import alarm, hold, sensor_value
from central.database import reading
from central.exceptions.messages import TEMPLATES
from central.exceptions.tables import work_order
from central.fleet.conditions import conditions_held
from central.fleet.tables import device, gateway
from central.inbound.tables import passage, receipt
from central.ingest.tables import mark
from central.ledger.tables import event
from central.outbound.tables import customer_order, pick_task, weight_record
from central.planning.tables import proposal
from central.web.board import (
    AlarmRow,
    BinCell,
    Board,
    Door,
    Figure,
    GatewayRow,
    Message,
    Passage,
    Region,
    Room,
    RoomState,
    WorkOrder,
    WorkOrders,
    Zone,
    as_rack,
    by_urgency,
    ready,
    with_headline,
)
from central.web.chart import GAP_S
from central.web.device_conditions import DeviceCondition
from central.web.samples import Samples, window_of

T = TypeVar("T")

PASSAGES_SHOWN = 4
WORK_ORDERS_SHOWN = 6
ANSWER_SHOWN = timedelta(seconds=45)
"""A picked or short bin says so for this long, then it is quiet again."""
STALE_AFTER = timedelta(seconds=GAP_S)
_FIGURES_EVERY = timedelta(seconds=2)

Condition = tuple[str, str, str, str]
"""Site, station, quantity and what is wrong with it."""

log = logging.getLogger(__name__)


class BoardReader:
    """Reads boards, one at a time. `zone` is where the day of the figures begins at midnight (None: this machine's)."""

    def __init__(self, engine: Engine, zone: tzinfo | None = None) -> None:
        self._engine = engine
        self._zone = zone
        self._samples = Samples()
        self._figures: tuple[datetime, tuple[Figure, ...]] | None = None

    def read(self, now: datetime) -> Board:
        """The board as of now. Raises: SQLAlchemyError: there is no connection to the database."""
        with reading(self._engine) as connection:
            board = Board(
                alarms=_region(connection, "alarms", lambda: alarms(connection)),
                doors=_region(connection, "doors", lambda: doors(connection)),
                zones=_region(connection, "zones", lambda: zones(connection, now)),
                rooms=_region(connection, "rooms", lambda: rooms(connection, self._samples, now)),
                exceptions=_region(connection, "exceptions", lambda: work_orders(connection)),
                gateways=_region(connection, "gateways", lambda: gateways(connection)),
                figures=_region(connection, "figures", lambda: self._figures_at(connection, now)),
            )
        return with_headline(board)

    def _figures_at(self, connection: Connection, now: datetime) -> tuple[Figure, ...]:
        # Counting a day's rows is the dearest part and the least urgent.
        if self._figures is None or not timedelta(0) <= now - self._figures[0] < _FIGURES_EVERY:
            self._figures = now, figures(connection, now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0))
        return self._figures[1]


def _region(connection: Connection, name: str, read: Callable[[], T]) -> Region[T]:
    """What `read` gives, or a failed region: a savepoint keeps the snapshot usable for the next one."""
    try:
        with connection.begin_nested():
            return ready(read())
    except SQLAlchemyError:
        log.exception("a region of the board could not be read", extra={"region": name})
        return Region("failed")


def sites(connection: Connection) -> tuple[str, ...]:
    """The sites that have places or gateways, in the order of their names."""
    return tuple(sorted(connection.execute(union(select(location.c.site), select(gateway.c.site))).scalars()))


def alarms(connection: Connection) -> tuple[AlarmRow, ...]:
    """Alarms that are not normal, the most urgent first."""
    held = _lots_held_by_alarm(connection)
    rows = connection.execute(select(alarm).where(alarm.c.state != "normal"))
    return by_urgency(tuple(_alarm_row(row, held.get(row.id, 0)) for row in rows))


_AS_STORED = ("gateway", "alarm_id", "station", "condition", "quantity", "state", "priority", "raised_at", "value", "limit")


def _alarm_row(row: Row[Any], lots_held: int) -> AlarmRow:
    return AlarmRow(
        occurrence=row.id,
        **{name: getattr(row, name) for name in _AS_STORED},
        acknowledged_by=row.acknowledged_by if row.state == "acknowledged" else "",
        asked_by=row.asked_by if row.asked_at is not None and row.state != "acknowledged" else "",
        lots_held=lots_held,
    )


def _lots_held_by_alarm(connection: Connection) -> dict[str, int]:
    lots = select(hold.c.alarm, hold.c.item, hold.c.lot).where(hold.c.state == "held").distinct().subquery()
    rows = connection.execute(select(lots.c.alarm, func.count()).group_by(lots.c.alarm))
    return {row[0]: row[1] for row in rows}


def doors(connection: Connection) -> tuple[Door, ...]:
    """Every door that something ever passed, with its last passages."""
    online = _online(connection)
    return tuple(_door(connection, site, station, online) for site, station in stations_with_passages(connection))


def stations_with_passages(connection: Connection) -> Iterator[tuple[str, str]]:
    """(site, station) in order, by one short look into the index for each instead of a walk through all passages."""
    columns = (passage.c.site, passage.c.station)
    query = select(*columns).order_by(*columns).limit(1)
    found = connection.execute(query).first()
    while found is not None:
        yield found.site, found.station
        # The row comparison alone makes SQLite and PostgreSQL use the index; both have it.
        found = connection.execute(query.where(tuple_(*columns) > tuple_(*found))).first()


def _door(connection: Connection, site: str, station: str, online: dict[str, bool]) -> Door:
    here = and_(passage.c.site == site, passage.c.station == station)
    rows = connection.execute(select(passage).where(here).order_by(passage.c.passed_at.desc(), passage.c.event_id).limit(PASSAGES_SHOWN)).all()
    return Door(station, rows[0].gateway, online.get(rows[0].gateway, False), tuple(_passage(row) for row in rows))


def _passage(row: Row[Any]) -> Passage:
    reason = Message.of(row.reason, english(row.reason, row.params), row.params) if row.reason else None
    return Passage(row.passed_at, row.direction, row.outcome, row.sscc, row.cases_seen, row.cases_expected, row.notice, reason)


def english(code: str, params: dict[str, Any]) -> str:
    """The English sentence of a stored message; its code when a parameter is missing."""
    try:
        return TEMPLATES[code].format(**params)
    except (KeyError, IndexError):
        return code


def _online(connection: Connection) -> dict[str, bool]:
    return {row.id: row.online for row in connection.execute(select(gateway.c.id, gateway.c.online))}


def zones(connection: Connection, now: datetime) -> tuple[Zone, ...]:
    """Every zone that has lights, its bins as they stand in the rack."""
    online = _online(connection)
    rows = connection.execute(select(zone_table).where(zone_table.c.station != "").order_by(zone_table.c.site, zone_table.c.id)).all()
    return tuple(Zone(row.station, online.get(row.gateway, False), as_rack(_bins(connection, row.site, row.id, now))) for row in rows)


def _bins(connection: Connection, site: str, zone_id: str, now: datetime) -> tuple[BinCell, ...]:
    tasks = _tasks(connection, site, zone_id, now)
    query = (
        select(location.c.code, item.c.code.label("item"), item.c.name, item.c.name_zh)
        .outerjoin(stock_level, stock_level.c.place == location.c.place)
        .outerjoin(item, item.c.code == stock_level.c.item)
        .where(location.c.site == site, location.c.zone == zone_id, location.c.kind == "bin")
    )
    cells = {row.code: BinCell(row.code, item=row.name or "", item_zh=row.name_zh or "") for row in connection.execute(query)}
    return tuple(tasks.get(code, cell) for code, cell in cells.items())


def _tasks(connection: Connection, site: str, zone_id: str, now: datetime) -> dict[str, BinCell]:
    """What to show for each bin with a task: the oldest lit one, else the last answer of the past ANSWER_SHOWN."""
    shown = or_(pick_task.c.state == "lit", and_(pick_task.c.state.in_(("done", "short")), pick_task.c.answered_at >= now - ANSWER_SHOWN))
    query = (
        select(pick_task, item.c.name, item.c.name_zh, customer_order.c.number)
        .join(customer_order, customer_order.c.id == pick_task.c.order_id)
        .outerjoin(item, item.c.code == pick_task.c.item)
        .where(pick_task.c.site == site, pick_task.c.zone == zone_id, shown)
    )
    by_bin: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        by_bin[row.bin].append(row)
    return {code: _cell(rows) for code, rows in by_bin.items()}


def _cell(rows: list[Row[Any]]) -> BinCell:
    lit = sorted((row for row in rows if row.state == "lit"), key=lambda row: (row.created_at, row.id))
    row = lit[0] if lit else max(rows, key=lambda row: (row.answered_at, row.id))
    return BinCell(
        bin=row.bin,
        state={"lit": "lit", "short": "short"}.get(row.state, "confirmed"),  # type: ignore[arg-type]  # three of the four words of BinState
        item=row.name or row.item,
        item_zh=row.name_zh or "",
        quantity=row.requested if row.state == "lit" else row.taken,
        requested=row.requested,
        colour=row.colour,
        order=row.number,
        since=row.created_at if row.state == "lit" else row.answered_at,
    )


def rooms(connection: Connection, samples: Samples, now: datetime) -> tuple[Room, ...]:
    """Every station whose sensors measure, its temperature first, with the samples of the chart."""
    online = _online(connection)
    standing = _standing(connection)
    held = _lots_held_by_station(connection)
    by_station: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(sensor_value).where(sensor_value.c.station != "")):
        by_station[row.site, row.station].append(row)
    made = []
    for (site, station), rows in sorted(by_station.items()):
        main, *others = sorted(rows, key=lambda row: (not row.quantity.startswith("temperature"), row.quantity, row.device))
        drawn = samples.of(connection, (site, station, main.quantity), now)
        start, end = window_of(drawn, now)
        made.append(
            Room(
                station=station,
                quantity=main.quantity,
                state=_room_state(main, standing, online, now),
                window_from=start,
                window_to=end,
                value=main.value,
                measured_at=main.measured_at,
                low=main.low_limit,
                high=main.high_limit,
                samples=drawn,
                beside=tuple((row.quantity, row.value) for row in others if row.value is not None and not _is_old(row, now)),
                priority=min((level for key, level in standing.items() if key[:3] == (site, station, main.quantity)), default=0),
                lots_held=held.get((site, station), 0),
            )
        )
    return tuple(made)


def _room_state(row: Row[Any], standing: dict[Condition, int], online: dict[str, bool], now: datetime) -> RoomState:
    """Unknown never reads as normal: an old value, a failed sensor and a gateway that is away all say so before any limit is looked at."""
    if row.value is None:
        return "silent"
    key = (row.site, row.station, row.quantity)
    if _is_old(row, now) or not online.get(row.gateway, False) or (*key, "stale") in standing:
        return "stale"
    if (*key, "high") in standing or (row.high_limit is not None and row.value > row.high_limit):
        return "high"
    if (*key, "low") in standing or (row.low_limit is not None and row.value < row.low_limit):
        return "low"
    return "unlimited" if row.low_limit is None and row.high_limit is None else "normal"


def _is_old(row: Row[Any], now: datetime) -> bool:
    return row.measured_at is None or row.failed_at is not None or now - row.measured_at > STALE_AFTER


def _standing(connection: Connection) -> dict[Condition, int]:
    """The priority of each alarm whose condition is there now."""
    rows = connection.execute(select(alarm).where(alarm.c.state.in_(("unacknowledged", "acknowledged"))))
    return {(row.site, row.station, row.quantity, row.condition): row.priority for row in rows}


def _lots_held_by_station(connection: Connection) -> dict[tuple[str, str], int]:
    joined = hold.join(alarm, alarm.c.id == hold.c.alarm)
    lots = select(alarm.c.site, alarm.c.station, hold.c.item, hold.c.lot).select_from(joined).where(hold.c.state == "held").distinct().subquery()
    rows = connection.execute(select(lots.c.site, lots.c.station, func.count()).group_by(lots.c.site, lots.c.station))
    return {(site, station): count for site, station, count in rows}


def work_orders(connection: Connection) -> WorkOrders:
    """What waits for a decision, the most urgent and then the oldest first."""
    open_now = work_order.c.state == "open"
    query = select(work_order).where(open_now).order_by(work_order.c.priority, work_order.c.created_at, work_order.c.id).limit(WORK_ORDERS_SHOWN)
    rows = connection.execute(query).all()
    count = connection.execute(select(func.count()).select_from(work_order).where(open_now)).scalar_one()
    return WorkOrders(tuple(WorkOrder(str(row.id), Message.of(row.kind, row.message, row.params), row.created_at, row.station) for row in rows), count)


def gateways(connection: Connection) -> tuple[GatewayRow, ...]:
    """Every enrolled gateway, those that are away first."""
    links: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(select(device).order_by(device.c.device)):
        links[row.gateway][row.state].append(row.device)
    heard = dict(connection.execute(select(mark.c.gateway, func.max(mark.c.moved_at)).group_by(mark.c.gateway)).all())
    rows = connection.execute(select(gateway).order_by(gateway.c.online, gateway.c.site, gateway.c.id))
    held = conditions_held(connection)
    return tuple(_gateway(row, links.get(row.id), heard.get(row.id), held) for row in rows)


def _gateway(row: Row[Any], links: dict[str, list[str]] | None, heard_at: datetime | None, held: Mapping[tuple[str, str], Sequence[Row[Any]]]) -> GatewayRow:
    """A gateway with its devices by state: links are told as they change, health reports come every half minute only."""
    up, down = (row.devices_up or 0, row.devices_down or 0) if links is None else (len(links["connected"]), len(links["lost"]))
    seen_at = max((at for at in (row.last_seen_at, heard_at) if at is not None), default=None)
    there = () if links is None else links["connected"]
    said = (DeviceCondition(each.device, each.condition, each.reason, each.changed_at) for device_id in there for each in held.get((row.id, device_id), ()))
    wanting = tuple(each for each in said if each.wants_somebody)
    return GatewayRow(row.id, row.online, seen_at, row.pending_events or 0, up, () if links is None else tuple(links["lost"]), down, wanting)


def figures(connection: Connection, today: datetime) -> tuple[Figure, ...]:
    """Small numbers of the day that began at `today`."""

    def count(table: Any, *conditions: Any) -> int:
        return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()

    lots = select(hold.c.item, hold.c.lot).where(hold.c.state == "held").distinct().subquery()
    short = count(pick_task, pick_task.c.answered_at >= today, pick_task.c.state == "short")
    held = count(lots)
    return (
        Figure("pallets_received", count(receipt, receipt.c.received_at >= today)),
        Figure("picks", count(pick_task, pick_task.c.answered_at >= today, pick_task.c.state.in_(("done", "short")))),
        Figure("picks_short", short, abnormal=short > 0),
        Figure("picks_open", count(pick_task, pick_task.c.state == "lit")),
        Figure("weights_recorded", count(weight_record, weight_record.c.weighed_at >= today)),
        Figure("lots_held", held, abnormal=held > 0),
        Figure("proposals", count(proposal, proposal.c.state == "open")),
        Figure("ledger_events", connection.execute(select(func.coalesce(func.max(event.c.position), 0))).scalar_one()),
    )

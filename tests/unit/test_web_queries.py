# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Table, event, insert, select, update

from central.catalog.tables import item, location, stock_level
from central.catalog.tables import zone as zone_table
from central.coldchain.tables import alarm, hold, measurement, sensor_value
from central.database import transaction
from central.exceptions.tables import work_order
from central.fleet.tables import command, device, gateway
from central.inbound.tables import passage
from central.outbound.tables import customer_order, order_line, pick_task
from central.web.board import Board
from central.web.queries import BoardReader
from central.web.samples import WINDOWS, window_of
from tests.browser.board_service import make_app, make_engine, pages_of
from tests.browser.sample_boards import NOW, ago

OURS = {"sec-fetch-site": "same-origin"}


def uuid_of(number: int) -> str:
    return str(UUID(int=number))


class Floor:
    """A warehouse in a database, filled row by row; `board` is what its board shows."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reader = BoardReader(engine, UTC)
        self.made = 0
        self.add(
            gateway, id="gw-1", site="sh-1", partition=1, enrolled_at=NOW, online=True, last_seen_at=ago(2), devices_up=4, devices_down=1, pending_events=7
        )

    def add(self, table: Table, **values: Any) -> None:
        with transaction(self.engine) as connection:
            connection.execute(insert(table).values(**values))

    def change(self, table: Table, **values: Any) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(table).values(**values))

    def board(self, now: datetime = NOW) -> Board:
        return self.reader.read(now)

    def pass_door(self, station: str, age_s: float, **values: Any) -> None:
        self.made += 1
        row = {"event_id": uuid_of(self.made), "site": "sh-1", "gateway": "gw-1", "station": station, "passed_at": ago(age_s), "direction": "in"}
        row |= {"confidence": 0.99, "sscc": "006141411234567890", "outcome": "received", "cases_seen": 24, "cases_expected": 24, "params": {}}
        self.add(passage, **{**row, **values})

    def raise_alarm(self, **values: Any) -> None:
        self.made += 1
        row = {"id": uuid_of(self.made), "site": "sh-1", "gateway": "gw-1", "station": "cold-1", "alarm_id": f"cold-1.{self.made}", "condition": "high"}
        row |= {"quantity": "temperature_c", "state": "unacknowledged", "priority": 1, "value": -14.0, "limit": -18.0, "raised_at": ago(60), "since": ago(60)}
        self.add(alarm, **{**row, **values})

    def measure(self, value: float | None, age_s: float, **values: Any) -> None:
        row = {"site": "sh-1", "gateway": "gw-1", "device": "sensor-1", "quantity": "temperature_c", "station": "cold-1", "value": value}
        self.add(sensor_value, **{**row, "measured_at": ago(age_s), **values})

    def sample(self, value: float, at: datetime) -> None:
        self.made += 1
        row = {"event_id": uuid_of(self.made), "site": "sh-1", "gateway": "gw-1", "station": "cold-1", "device": "sensor-1", "quantity": "temperature_c"}
        self.add(measurement, **row, value=value, measured_at=at, historical=False)

    def rack(self) -> None:
        self.add(zone_table, site="sh-1", id="a", gateway="gw-1", station="zone-a")
        self.add(item, code="MILK", name="Whole milk 1 l", name_zh="全脂牛奶 1 升")
        for code in ("B-01", "A-02", "A-01"):
            self.add(location, place=f"sh-1/{code}", site="sh-1", code=code, kind="bin", zone="a")
        self.add(stock_level, item="MILK", place="sh-1/A-01", minimum=1, maximum=9)
        order = {"channel": "shop", "number": "SO-1", "site": "sh-1", "partner": "p", "ship_when": "picked", "created_at": NOW}
        self.add(customer_order, id=uuid_of(900), **order)
        self.add(order_line, id="900/1", order_id=uuid_of(900), n=1, item="MILK", quantity=12, promised=12)

    def light(self, bin_code: str, state: str, answered_s: float | None = None, **values: Any) -> None:
        self.made += 1
        row = {"id": uuid_of(self.made), "order_id": uuid_of(900), "line_id": "900/1", "reservation_id": uuid_of(self.made), "site": "sh-1", "zone": "a"}
        row |= {
            "gateway": "gw-1",
            "station": "zone-a",
            "place": f"sh-1/{bin_code}",
            "bin": bin_code,
            "item": "MILK",
            "lot": "L1",
            "requested": 6,
            "state": state,
        }
        row |= {"colour": "blue", "created_at": ago(50), "answered_at": None if answered_s is None else ago(answered_s)}
        self.add(pick_task, **{**row, **values})


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    engine = make_engine(tmp_path)
    yield Floor(engine)
    engine.dispose()


def content(board: Board, region: str) -> Any:
    assert board.region(region).state == "ready"
    return board.region(region).content


def test_new_warehouse_is_ready_and_empty(tmp_path: Path) -> None:
    engine = make_engine(tmp_path)

    board = BoardReader(engine, UTC).read(NOW)

    assert all(not content(board, region) for region in ("alarms", "doors", "zones", "rooms", "exceptions", "gateways"))
    assert content(board, "headline").normal
    engine.dispose()


@pytest.mark.requirement("E2")
def test_doors_show_their_last_passages_newest_first(floor: Floor) -> None:
    for age_s in (300, 60, 200, 120, 400):
        floor.pass_door("door-1", age_s)
    floor.pass_door("door-2", 30)

    first, second = content(floor.board(), "doors")

    assert (first.station, second.station) == ("door-1", "door-2")
    assert [(NOW - each.passed_at).total_seconds() for each in first.passages] == [60, 120, 200, 300]
    assert first.online


def test_door_says_why_a_pallet_was_not_received(floor: Floor) -> None:
    floor.pass_door(
        "door-1", 5, outcome="not_received", reason="pallet_unknown", params={"station": "door-1", "sscc": "006141411234567890"}, cases_expected=None
    )

    last = content(floor.board(), "doors")[0].passages[0]

    assert last.outcome == "not_received"
    assert last.reason is not None
    assert last.reason.english.startswith("door-1: pallet 006141411234567890 passed in and no ship notice names it")


@pytest.mark.requirement("E8")
def test_zone_mirrors_its_rack_and_its_lights(floor: Floor) -> None:
    floor.rack()
    floor.light("A-02", "lit")
    floor.light("B-01", "short", answered_s=10, taken=4)

    (zone,) = content(floor.board(), "zones")

    assert [(row.name, [cell.bin for cell in row.bins]) for row in zone.rows] == [("A", ["A-01", "A-02"]), ("B", ["B-01"])]
    idle, lit = zone.rows[0].bins
    short = zone.rows[1].bins[0]
    assert (idle.state, idle.item, idle.item_zh) == ("idle", "Whole milk 1 l", "全脂牛奶 1 升")
    assert (lit.state, lit.quantity, lit.colour, lit.order) == ("lit", 6, "blue", "SO-1")
    assert (short.state, short.quantity, short.requested) == ("short", 4, 6)


def test_answered_bin_is_quiet_again_after_a_while(floor: Floor) -> None:
    floor.rack()
    floor.light("A-02", "done", answered_s=10, taken=6)

    def state(now: datetime) -> str:
        return content(floor.board(now), "zones")[0].rows[0].bins[1].state

    assert state(NOW) == "confirmed"
    assert state(NOW + timedelta(seconds=60)) == "idle"


def test_lit_task_hides_an_earlier_answer_of_the_same_bin(floor: Floor) -> None:
    floor.rack()
    floor.light("A-02", "done", answered_s=1, taken=6)
    floor.light("A-02", "lit", created_at=ago(5), requested=2)
    floor.light("A-02", "lit", created_at=ago(3), requested=9)

    assert content(floor.board(), "zones")[0].rows[0].bins[1].quantity == 2


@pytest.mark.requirement("R93")
def test_alarms_come_by_urgency_with_the_lots_they_hold(floor: Floor) -> None:
    floor.raise_alarm(priority=3)
    floor.raise_alarm(priority=1, state="acknowledged", acknowledged_by="Li Wei")
    floor.raise_alarm(priority=2, raised_at=ago(500), asked_at=ago(1), asked_by="Zhang San")
    floor.raise_alarm(state="normal")
    kept = {"alarm": uuid_of(3), "place": "sh-1/C-1", "owner": "", "quantity": 5, "held_at": NOW}
    floor.add(hold, **kept, item="MILK", lot="L1", unit="u1")
    floor.add(hold, **kept, item="MILK", lot="L1", unit="u2")
    floor.add(hold, **kept, item="MILK", lot="L2", unit="u3")

    shown = content(floor.board(), "alarms")

    assert [(each.priority, each.state) for each in shown] == [(2, "unacknowledged"), (3, "unacknowledged"), (1, "acknowledged")]
    assert (shown[0].lots_held, shown[0].asked_by) == (2, "Zhang San")
    assert shown[2].acknowledged_by == "Li Wei"


@pytest.mark.parametrize(
    ("value", "age_s", "changes", "state"),
    [
        (-20.0, 5, {}, "normal"),
        (-15.0, 5, {}, "high"),
        (-28.0, 5, {}, "low"),
        (-20.0, 61, {}, "stale"),
        (-20.0, 5, {"failed_at": ago(1)}, "stale"),
        (None, 5, {"measured_at": None}, "silent"),
    ],
)
def test_room_is_normal_only_with_a_fresh_value_within_limits(floor: Floor, value: float | None, age_s: float, changes: dict[str, Any], state: str) -> None:
    floor.measure(value, age_s, low_limit=-26.0, high_limit=-18.0, **changes)

    assert content(floor.board(), "rooms")[0].state == state


def test_room_without_known_limits_does_not_claim_to_be_within_them(floor: Floor) -> None:
    floor.measure(-20.0, 1)

    assert content(floor.board(), "rooms")[0].state == "unlimited"


def test_room_whose_gateway_is_away_is_stale_at_once(floor: Floor) -> None:
    floor.measure(-20.0, 1)
    floor.change(gateway, online=False)

    board = floor.board()

    assert content(board, "rooms")[0].state == "stale"
    assert content(board, "headline").gateways_offline == 1


def test_room_shows_the_limits_that_were_in_force_when_it_was_measured(floor: Floor) -> None:
    floor.measure(-20.0, 1, low_limit=-26.0, high_limit=-17.5)

    (room,) = content(floor.board(), "rooms")

    assert (room.low, room.high) == (-26.0, -17.5)


def test_room_with_a_standing_alarm_is_out_of_limits_whatever_its_value(floor: Floor) -> None:
    floor.raise_alarm()
    floor.measure(-18.5, 1, high_limit=-18.0)

    (room,) = content(floor.board(), "rooms")

    assert (room.state, room.priority) == ("high", 1)


def test_room_shows_temperature_first_and_humidity_beside(floor: Floor) -> None:
    floor.measure(61.5, 2, quantity="humidity_pct")
    floor.measure(4.0, 2)

    (room,) = content(floor.board(), "rooms")

    assert (room.quantity, room.beside) == ("temperature_c", (("humidity_pct", 61.5),))


def test_chart_gets_new_samples_late_ones_and_drops_old_ones(floor: Floor) -> None:
    floor.measure(-20.0, 1)
    floor.sample(-25.0, NOW - WINDOWS[-1] - timedelta(seconds=1))
    floor.sample(-20.0, ago(100))
    assert [value for _, value in content(floor.board(), "rooms")[0].samples] == [-20.0]

    floor.sample(-19.0, ago(5))
    floor.sample(-21.0, ago(300))
    soon, later = NOW + timedelta(seconds=1), NOW + timedelta(seconds=61)

    assert [value for _, value in content(floor.board(soon), "rooms")[0].samples] == [-20.0, -19.0]
    assert [value for _, value in content(floor.board(later), "rooms")[0].samples] == [-21.0, -20.0, -19.0]


@pytest.mark.parametrize(("oldest_s", "minutes"), [(5, 2), (114, 2), (116, 5), (400, 10), (900, 30), (1799, 30)])
def test_chart_spans_no_more_time_than_its_samples_need(oldest_s: float, minutes: int) -> None:
    start, end = window_of([(ago(oldest_s), 1.0)], NOW)

    assert end - start == timedelta(minutes=minutes)


def test_board_without_news_equals_itself_within_a_step_of_the_window(floor: Floor) -> None:
    floor.measure(-20.0, 1)
    floor.sample(-20.0, ago(1))

    assert floor.board(NOW) == floor.board(NOW + timedelta(seconds=4))


def test_work_orders_count_all_and_show_the_most_urgent(floor: Floor) -> None:
    for number in range(9):
        order = {"kind": "mispick", "subject": str(number), "message": "m", "params": {}, "created_at": ago(number)}
        floor.add(work_order, **order, priority=1 if number == 4 else 3)

    shown = content(floor.board(), "exceptions")

    assert (shown.open, len(shown.first)) == (9, 6)
    assert [each.opened_at for each in shown.first[:2]] == [ago(4), ago(8)]


def test_gateways_name_the_devices_that_are_lost(floor: Floor) -> None:
    floor.add(device, gateway="gw-1", device="scale-1", state="lost", changed_at=NOW)
    floor.add(device, gateway="gw-1", device="reader-1", state="connected", changed_at=NOW)

    (row,) = content(floor.board(), "gateways")

    assert (row.devices_up, row.devices_down, row.devices_down_count, row.pending_events) == (1, ("scale-1",), 1, 7)


def test_gateway_without_known_links_shows_what_it_reports(floor: Floor) -> None:
    (row,) = content(floor.board(), "gateways")

    assert (row.devices_up, row.devices_down, row.devices_down_count) == (4, (), 1)


def test_figures_count_the_day_only(floor: Floor) -> None:
    floor.rack()
    floor.light("A-02", "done", answered_s=60, taken=6)
    floor.light("A-02", "short", answered_s=60, taken=2)
    floor.light("A-02", "done", answered_s=86400, taken=6)

    figures = {figure.name: figure.value for figure in content(floor.board(), "figures")}

    assert (figures["picks"], figures["picks_short"]) == (2, 1)


def test_one_unreadable_region_leaves_the_others_standing(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    with transaction(floor.engine) as connection:
        connection.exec_driver_sql("DROP TABLE passage")

    board = floor.board()

    assert board.doors.state == "failed"
    assert board.gateways.state == "ready"
    assert content(board, "headline").unknown
    assert "could not be read" in caplog.text


def test_reading_the_board_takes_few_statements(floor: Floor) -> None:
    floor.rack()
    floor.measure(-20.0, 1)
    for station in ("door-1", "door-2"):
        floor.pass_door(station, 10)
    floor.board()
    said: list[str] = []
    event.listen(floor.engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))

    floor.board(NOW + timedelta(seconds=1))

    assert len(said) <= 45, said


async def test_acknowledge_button_asks_the_gateway_and_the_board_says_who(floor: Floor) -> None:
    floor.raise_alarm()
    async with pages_of(make_app(floor.engine, lambda: NOW)) as client:
        await client.post("/name", data={"name": "Li Wei"}, headers=OURS)
        answer = await client.post(f"/alarms/{uuid_of(1)}/acknowledge", headers=OURS)
        page = (await client.get("/")).text

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Li Wei<small>waiting for the gateway" in page
    with floor.engine.connect() as connection:
        assert connection.execute(select(command.c.kind)).scalars().all() == ["AcknowledgeAlarm"]


async def test_acknowledge_button_pressed_too_late_changes_nothing(floor: Floor) -> None:
    floor.raise_alarm(state="acknowledged")
    async with pages_of(make_app(floor.engine, lambda: NOW)) as client:
        assert (await client.post(f"/alarms/{uuid_of(1)}/acknowledge", headers={**OURS, "accept": "application/json"})).status_code == 204
    with floor.engine.connect() as connection:
        assert not connection.execute(select(command.c.kind)).all()


async def test_resolve_button_closes_the_work_order_once(floor: Floor) -> None:
    floor.add(work_order, kind="mispick", subject="x", message="m", params={}, created_at=NOW)
    async with pages_of(make_app(floor.engine, lambda: NOW)) as client:
        for _ in range(2):
            assert (await client.post("/work-orders/1/resolve", headers={**OURS, "accept": "application/json"})).status_code == 204

    assert content(floor.board(), "exceptions").open == 0

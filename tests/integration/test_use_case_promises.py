# SPDX-License-Identifier: Apache-2.0
"""Orders that are promised by day, split between sites, backordered, changed and held, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update

from central.catalog import rules as catalog
from central.database import reading
from central.errors import ConflictError
from central.inbound import service as inbound
from central.inbound.tables import purchase_line
from central.outbound import atp_rules, backorders, intake, late, order_changes, promise, promise_queries, queries, service, waves
from central.outbound.documents import Order, OrderChange, OrderTaken
from central.outbound.promise import Goods
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line, pick_task, wave
from central.outbound.tables import promise as promise_table
from central.outbound.wave_documents import Criteria
from central.stock import moves
from tests.integration.test_use_case_orders import confirm, states, tasks
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R43")

TODAY = NOW.date()
THURSDAY = TODAY + timedelta(days=5)


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk in A-01 that keep ten days, five peas in B-01; nothing else."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", TODAY + timedelta(days=10))
    house.put("B-01", "peas", 5)
    yield house
    house.assert_sound()
    assert_promises_can_be_kept(house)


def assert_promises_can_be_kept(house: Warehouse) -> None:
    rows = house.rows(promise_table)
    goods = {Goods(row.site, row.item, row.owner) for row in rows}
    book = house.do(lambda c: promise.book_of(c, goods, house.now))
    assert {each: atp_rules.broken(book.supplies[each], book.claims[each]) for each in goods} == dict.fromkeys(goods, 0)


def take(house: Warehouse, *lines: tuple[str, int], number: str = "1001", **changes: Any) -> OrderTaken:
    document = {"number": number, "site": SITE, "partner": "shop", "lines": [{"item": item, "quantity": quantity} for item, quantity in lines]}
    order = Order.model_validate({name: value for name, value in (document | changes).items() if value is not None})
    fact = house.fact("OrderTaken", order, f"{order.channel}/{order.number}")
    return house.do(lambda c: intake.take_order(c, fact, order, house.now))


def release(house: Warehouse, order_id: str) -> None:
    house.do(lambda c: service.release_order(c, house.fact(), order_id, house.now))


def buy(house: Warehouse, item: str, quantity: int, day: date) -> None:
    house.do(lambda c: inbound.order_purchase(c, "dairy", item, SITE, quantity, house.now, day))


def orders(house: Warehouse) -> dict[str, Any]:
    return {row.number: row for row in house.rows(customer_order)}


def buckets(house: Warehouse, item: str = "milk", keep_days: int = 0) -> list[tuple[int, int, int, int]]:
    """(days from today, supply, promised, available) of an item."""
    with reading(house.engine) as connection:
        found = promise_queries.by_day(connection, SITE, item, "", TODAY + timedelta(days=30), keep_days, house.now)["buckets"]
    return [((each["day"] - TODAY).days, each["supply"], each["promised"], each["available"]) for each in found]


def test_line_is_promised_from_what_is_expected_on_that_day(house: Warehouse) -> None:
    buy(house, "milk", 8, THURSDAY)

    (line,) = take(house, ("milk", 15)).lines

    assert (line.promised, line.promised_on) == (15, THURSDAY)
    assert [(each.quantity, each.promised_on) for each in line.parts] == [(10, TODAY), (5, THURSDAY)]
    assert {number: (row.role, row.state) for number, row in orders(house).items()} == {"1001": ("order", "open"), "1001/b1": ("backorder", "open")}
    assert buckets(house) == [(0, 10, 10, 0), (5, 8, 5, 3)]


def test_day_that_is_promised_first_is_not_taken_by_an_earlier_one(house: Warehouse) -> None:
    buy(house, "milk", 5, THURSDAY)
    take(house, ("milk", 12), number="1", backorders="wait")

    (second,) = take(house, ("milk", 9), number="2", backorders="drop").lines

    assert (second.promised, second.short, second.promised_on) == (3, 6, TODAY)


def test_what_does_not_keep_long_enough_is_not_promised(house: Warehouse) -> None:
    house.keep(catalog.Partner(code="far", name="Far away", kind="customer", min_remaining_days=12))

    (far,) = take(house, ("milk", 4), number="1", partner="far").lines
    (asked,) = take(house, ("milk", 4), number="2", partner="far", min_remaining_days=10).lines

    assert (far.promised, asked.promised) == (0, 4)
    assert buckets(house, keep_days=12) == [(0, 10, 4, 0)]


def test_order_after_the_cut_off_leaves_the_next_day(house: Warehouse) -> None:
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai", cutoff="15:00"))

    taken = take(house, ("milk", 4))

    assert taken.lines[0].promised_on == TODAY + timedelta(days=1)
    assert not orders(house)["1001"].waits
    due: datetime = orders(house)["1001"].due_at
    assert due.isoformat() == "2026-11-22T07:00:00+00:00"


@pytest.mark.requirement("R31", "X9")
def test_same_order_gets_the_same_answer_after_everything_changed(house: Warehouse) -> None:
    first = take(house, ("milk", 15))
    release(house, first.id)
    confirm(house, tasks(house)["A-01"], 10)

    assert take(house, ("milk", 15)) == first


@pytest.mark.requirement("X3", "R56")
def test_part_that_is_not_there_follows_by_itself_when_goods_come(house: Warehouse) -> None:
    order_id = take(house, ("milk", 14)).id
    release(house, order_id)
    assert house.asked() == ["order_short"]

    confirm(house, tasks(house)["A-01"], 10)

    assert {number: row.state for number, row in orders(house).items()} == {"1001": "shipped", "1001/b1": "open"}
    assert house.asked() == []
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == []
    house.put("A-02", "milk", 4, "L2", TODAY + timedelta(days=20))
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [orders(house)["1001/b1"].id]
    confirm(house, tasks(house)["A-02"], 4)
    assert sorted(states(house)) == ["shipped", "shipped"]
    with reading(house.engine) as connection:
        shown = queries.order_of(connection, order_id)
    assert shown is not None
    assert shown["progress"] == {"state": "shipped", "wanted": 14, "picked": 14, "shipped": 14, "dropped": 0}
    assert [(line["ordered"], line["quantity"], line["moved"]) for line in shown["lines"]] == [(14, 10, 4)]


@pytest.mark.requirement("X3", "R55")
def test_backorder_goes_out_in_parts_as_goods_come_and_the_rest_waits_on(house: Warehouse) -> None:
    buy(house, "milk", 20, THURSDAY)
    whole = take(house, ("milk", 10), ("peas", 5)).id
    waiting = take(house, ("milk", 12), ("peas", 3), number="2").id
    release(house, whole)
    late_one = take(house, ("milk", 3), number="3").id

    for quantity in (5, 4):
        house.put("A-02", "milk", quantity, "L2", TODAY + timedelta(days=20))
        (share,) = house.do(lambda c: backorders.serve(c, SITE, house.now))
        assert share not in (waiting, late_one)
    house.put("B-01", "peas", 3)
    house.put("A-02", "milk", 3, "L2", TODAY + timedelta(days=20))

    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [waiting]
    assert {number: (row.role, row.state) for number, row in orders(house).items() if number.startswith("2")} == {
        "2": ("order", "released"),
        "2/1": ("share", "released"),
        "2/2": ("share", "released"),
    }
    with reading(house.engine) as connection:
        shown = queries.order_of(connection, waiting)
    assert shown is not None
    assert [(line["ordered"], line["quantity"], line["moved"]) for line in shown["lines"]] == [(12, 3, 9), (3, 3, 0)]
    assert shown["progress"]["wanted"] == 15
    assert "order_short" not in house.asked()


@pytest.mark.requirement("X3", "R43")
def test_order_promised_for_later_takes_nothing_that_is_promised_for_today_when_it_is_released_now(house: Warehouse) -> None:
    take(house, ("milk", 8))
    buy(house, "milk", 10, THURSDAY)
    later = take(house, ("milk", 6), number="2", due_at=(NOW + timedelta(days=9)).isoformat()).id
    (moved,) = [row.id for row in house.rows(customer_order) if row.parent_id == later]

    release(house, moved)
    release(house, later)

    assert [row.requested for row in house.rows(pick_task)] == [2]
    assert buckets(house)[0] == (0, 8, 8, 0)


@pytest.mark.requirement("X3", "R43")
def test_order_after_the_cut_off_is_released_with_what_it_was_promised(house: Warehouse) -> None:
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai", cutoff="15:00"))
    first, second = (take(house, ("milk", 5), number=number).id for number in ("1", "2"))

    house.do(lambda c: release_orders(c, [(house.fact(), first), (house.fact(), second)], house.now))

    assert [row.requested for row in house.rows(pick_task)] == [5, 5]


@pytest.mark.requirement("R46", "R43")
def test_goods_must_keep_by_the_day_of_their_site(house: Warehouse) -> None:
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai"))
    order_id = take(house, ("milk", 2), min_remaining_days=10).id

    house.later(9 * 3600)  # in Shanghai it is tomorrow, by UTC it is not
    release(house, order_id)

    assert house.rows(pick_task) == []
    assert orders(house)["1001"].state == "unfilled"


@pytest.mark.requirement("X3", "R55")
def test_customer_who_takes_no_partial_shipments_gets_all_at_once_unless_the_order_says_otherwise(house: Warehouse) -> None:
    house.keep(catalog.Partner(code="whole", name="All or nothing", kind="customer", backorders="wait"))
    take(house, ("peas", 8), number="customer", partner="whole")
    take(house, ("milk", 12), number="order", partner="whole", backorders="backorder")

    assert {number: (row.backorders, row.waits) for number, row in orders(house).items()} == {"customer": ("wait", True), "order": ("backorder", False)}
    house.put("B-01", "peas", 2)
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == []
    house.put("B-01", "peas", 1)
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [orders(house)["customer"].id]


@pytest.mark.requirement("X3", "R55")
def test_components_of_a_kit_that_wait_go_out_together_or_not_at_all(house: Warehouse) -> None:
    order_id = take(house, ("milk", 10), ("peas", 5)).id
    rows = [row for row in house.rows(order_line) if row.order_id == order_id]
    house.do(lambda c: c.execute(update(order_line).where(order_line.c.order_id == order_id).values(ordered_item="box")))
    house.do(lambda c: c.execute(update(customer_order).where(customer_order.c.id == order_id).values(waits=True)))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [moves.Correction(f"{SITE}/B-01", "peas", -2)], house.now))

    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == []
    house.put("B-01", "peas", 2)
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [order_id]
    assert len(rows) == 2


@pytest.mark.requirement("X3")
def test_order_that_drops_its_rest_leaves_with_what_was_promised(house: Warehouse) -> None:
    buy(house, "peas", 4, THURSDAY)
    release(house, take(house, ("peas", 5), number="first").id)
    order_id = take(house, ("peas", 10), backorders="drop").id
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == []

    house.put("B-01", "peas", 4)
    house.do(lambda c: c.execute(delete(purchase_line)))

    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [order_id]


@pytest.mark.requirement("X3")
def test_goods_that_come_serve_the_most_urgent_first_and_break_no_promise(house: Warehouse) -> None:
    for number, priority in (("slow", 7), ("fast", 1)):
        take(house, ("peas", 20), number=number, priority=priority, backorders="wait")
    promised = take(house, ("milk", 10), number="milk").id
    house.put("B-01", "peas", 15)

    released = house.do(lambda c: backorders.serve(c, SITE, house.now))

    assert released == []
    house.put("B-01", "peas", 5)
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [orders(house)["fast"].id]
    house.put("B-01", "peas", 15)
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [orders(house)["slow"].id]
    assert orders(house)["milk"].id == promised
    assert orders(house)["milk"].state == "open"


@pytest.mark.requirement("X3")
def test_order_that_waits_for_all_is_not_released_before(house: Warehouse) -> None:
    order_id = take(house, ("milk", 12), backorders="wait").id
    assert orders(house)["1001"].waits

    with pytest.raises(ConflictError, match="waits until all of it is there"):
        release(house, order_id)

    house.put("A-02", "milk", 2, "L1")
    assert house.do(lambda c: backorders.serve(c, SITE, house.now)) == [order_id]
    assert sorted(tasks(house)) == ["A-01", "A-02"]


@pytest.mark.requirement("X3")
def test_substitute_is_sent_where_the_customer_takes_it(house: Warehouse) -> None:
    house.keep(catalog.Substitute(item="milk", substitute="peas"))

    refused = take(house, ("milk", 12), number="1", substitutes=False)
    house.do(lambda c: service.cancel_order(c, house.fact(), refused.id, house.now))
    taken = take(house, ("milk", 12), number="2", substitutes=True)

    assert [line.promised for line in (*refused.lines, *taken.lines)] == [10, 12]
    rows = [row for row in house.rows(order_line) if row.order_id == taken.id]
    assert [(row.item, row.ordered_item, row.quantity, row.moved) for row in rows] == [("milk", "", 10, 2), ("peas", "milk", 2, 0)]


@pytest.mark.requirement("X3")
def test_kit_is_picked_as_its_components_where_none_is_assembled(house: Warehouse) -> None:
    house.keep(catalog.Item(code="box", name="Breakfast box"))
    house.keep(catalog.Component(kit="box", component="milk", quantity=2), catalog.Component(kit="box", component="peas", quantity=1))

    taken = take(house, ("box", 3))
    release(house, taken.id)

    assert (taken.lines[0].promised, taken.lines[0].short) == (3, 0)
    assert {name: held[1] for name, held in house.stock().items()} == {"A-01 milk L1": 6, "B-01 peas": 3}


def other_site(house: Warehouse, code: str, *stock: tuple[str, int], latitude: float, **more: Any) -> None:
    house.keep(catalog.SiteRow(code=code, latitude_deg=latitude, longitude_deg=120.0, **more))
    house.keep(catalog.Location(site=code, code="A-01", kind="bin"), catalog.Location(site=code, code="out", kind="stage"))
    lines = [moves.Correction(f"{code}/A-01", item, quantity) for item, quantity in stock]
    house.do(lambda c: moves.correct_stock(c, house.fact(), lines, house.now))


@pytest.mark.requirement("R41", "R45")
def test_order_without_a_site_goes_to_the_fewest_and_nearest(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 20), ("peas", 20), latitude=31.0)
    other_site(house, "s3", ("milk", 20), ("peas", 20), latitude=35.0)
    house.keep(catalog.Partner(code="north", name="North", kind="customer", latitude_deg=36.0, longitude_deg=120.0))

    take(house, ("milk", 8), ("peas", 8), partner="north", site=None)

    assert orders(house)["1001"].site == "s3"
    with reading(house.engine) as connection:
        why = order_changes.sourcing_of(connection, orders(house)["1001"].id)
    assert (why["chosen"], why["uncovered"], why["exact"]) == (["s3"], 0, True)
    assert [(each["site"], each["can_send"], each["distance_km"]) for each in why["candidates"]] == [("s1", 13, None), ("s2", 16, 556.0), ("s3", 16, 111.2)]


@pytest.mark.requirement("R45", "R55")
def test_order_that_no_site_has_whole_is_split_and_closed_by_its_shares(house: Warehouse) -> None:
    other_site(house, "s2", ("peas", 20), latitude=31.0)

    taken = take(house, ("milk", 6), ("peas", 9), site=None)

    assert [(each.number, each.site, each.role) for each in taken.orders if each.site] == [("1001/1", "s1", "share"), ("1001/2", "s2", "share")]
    assert [(line.promised, line.short) for line in taken.lines] == [(6, 0), (9, 0)]
    with pytest.raises(ConflictError, match="split between sites"):
        release(house, taken.id)
    for number in ("1001/1", "1001/2"):
        release(house, orders(house)[number].id)
        for task in [row for row in house.rows(pick_task) if row.state in ("lit", "listed")]:
            answer(house, task)
    with reading(house.engine) as connection:
        shown = queries.order_of(connection, taken.id)
    assert shown is not None
    assert (shown["state"], shown["progress"]["state"], shown["progress"]["shipped"]) == ("split", "shipped", 15)


def answer(house: Warehouse, task: Any) -> None:
    """A task is picked whole from the list."""
    fact = replace(house.fact(), site=task.site)
    house.do(lambda c: service.confirm_from_list(c, fact, task.id, task.requested, house.now))


@pytest.mark.requirement("R45")
def test_cancelling_a_split_order_cancels_its_shares(house: Warehouse) -> None:
    other_site(house, "s2", ("peas", 20), latitude=31.0)
    taken = take(house, ("milk", 6), ("peas", 9), site=None)

    for _ in range(2):
        house.do(lambda c: service.cancel_order(c, house.fact(), taken.id, house.now))

    assert set(states(house)) == {"cancelled"}
    assert house.rows(promise_table) == []


def change(house: Warehouse, order_id: str, **fields: Any) -> None:
    house.do(lambda c: order_changes.change_order(c, house.fact(), order_id, OrderChange.model_validate(fields), house.now))


@pytest.mark.requirement("R41")
def test_changed_lines_are_promised_anew(house: Warehouse) -> None:
    order_id = take(house, ("milk", 9)).id
    take(house, ("milk", 1), number="2")

    change(house, order_id, lines=[{"item": "milk", "quantity": 12}, {"item": "peas", "quantity": 2}], priority=1)

    rows = [row for row in house.rows(order_line) if row.order_id == order_id]
    assert [(row.item, row.quantity, row.promised) for row in rows] == [("milk", 12, 9), ("peas", 2, 2)]
    assert orders(house)["1001"].priority == 1
    release(house, order_id)
    with pytest.raises(ConflictError, match="only an order that is not released"):
        change(house, order_id, priority=2)


@pytest.mark.requirement("R41", "R45")
def test_changed_order_is_sourced_anew_and_its_old_parts_are_cancelled(house: Warehouse) -> None:
    other_site(house, "s2", ("peas", 20), latitude=31.0)
    order_id = take(house, ("milk", 6), ("peas", 9), site=None).id
    buy(house, "milk", 20, THURSDAY)

    change(house, order_id, lines=[{"item": "peas", "quantity": 12}])
    assert (orders(house)["1001"].state, orders(house)["1001"].site) == ("open", "s2")
    change(house, order_id, lines=[{"item": "milk", "quantity": 14}, {"item": "peas", "quantity": 18}])

    assert {number: (row.site, row.role, row.state) for number, row in orders(house).items()} == {
        "1001": ("", "order", "split"),
        "1001/1": ("s1", "share", "cancelled"),
        "1001/2": ("s2", "share", "cancelled"),
        "1001/3": ("s1", "share", "open"),
        "1001/3/b1": ("s1", "backorder", "open"),
        "1001/4": ("s2", "share", "open"),
    }
    with reading(house.engine) as connection:
        shown = queries.order_of(connection, order_id)
    assert shown is not None
    assert shown["progress"]["wanted"] == 32
    assert sum(row.quantity for row in house.rows(promise_table)) == 32


@pytest.mark.requirement("R41", "R45")
def test_order_goes_to_another_site_when_it_is_told_so_and_is_chosen_again_when_it_is_not(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 3), latitude=31.0)
    order_id = take(house, ("milk", 6)).id

    change(house, order_id, site="s2")

    (row,) = [row for row in house.rows(order_line) if row.order_id == order_id]
    assert (orders(house)["1001"].site, row.quantity, row.promised) == ("s2", 6, 3)
    change(house, order_id, site=None)
    assert (orders(house)["1001"].site, house.rows(promise_table)[0].quantity) == (SITE, 6)


@pytest.mark.requirement("R41", "R45")
def test_order_whose_address_moves_goes_to_the_nearer_site(house: Warehouse) -> None:
    other_site(house, "s2", ("peas", 20), latitude=31.0)
    other_site(house, "s3", ("peas", 20), latitude=35.0)
    order_id = take(house, ("peas", 6), site=None, address={"latitude_deg": 36.0, "longitude_deg": 120.0}).id
    assert orders(house)["1001"].site == "s3"

    change(house, order_id, address={"latitude_deg": 30.0, "longitude_deg": 120.0})

    assert (orders(house)["1001"].site, house.rows(promise_table)[0].site) == ("s2", "s2")


@pytest.mark.requirement("R41")
def test_order_with_a_part_in_picking_is_changed_no_more_and_says_which(house: Warehouse) -> None:
    other_site(house, "s2", ("peas", 20), latitude=31.0)
    order_id = take(house, ("milk", 6), ("peas", 9), site=None).id
    release(house, orders(house)["1001/1"].id)
    before = house.rows(order_line)

    for fields in ({"lines": [{"item": "peas", "quantity": 1}]}, {"address": {"city": "Hangzhou"}}, {"site": "s2"}):
        with pytest.raises(ConflictError, match="at work already \\(1001/1 is released\\)"):
            change(house, order_id, **fields)
    with pytest.raises(ConflictError, match="is a part of order 1001"):
        change(house, orders(house)["1001/2"].id, lines=[{"item": "peas", "quantity": 1}])
    change(house, orders(house)["1001/2"].id, address={"city": "Hangzhou"})

    assert house.rows(order_line) == before


@pytest.mark.requirement("R41")
def test_order_that_came_back_from_the_floor_is_changed(house: Warehouse) -> None:
    order_id = take(house, ("milk", 6), ("peas", 2)).id
    number = house.do(lambda c: waves.plan_wave(c, house.fact(), Criteria(site=SITE), house.now))
    assert number is not None
    house.do(lambda c: waves.release_wave(c, house.fact(), number, house.now))
    house.do(lambda c: waves.cancel_wave(c, house.fact(), number, house.now))

    change(house, order_id, lines=[{"item": "peas", "quantity": 4}])

    rows = [(row.item, row.quantity, row.promised, row.dropped) for row in house.rows(order_line)]
    assert rows == [("peas", 4, 4, 0), ("peas", 0, 0, 2)]
    change(house, order_id, min_remaining_days=1)
    assert [(row.item, row.quantity) for row in house.rows(order_line)] == [("peas", 4), ("peas", 0)]
    release(house, order_id)


@pytest.mark.requirement("R41", "R48")
def test_changed_order_leaves_its_wave_when_it_has_to_wait(house: Warehouse) -> None:
    order_id = take(house, ("milk", 6)).id
    number = house.do(lambda c: waves.plan_wave(c, house.fact(), Criteria(site=SITE), house.now))

    change(house, order_id, lines=[{"item": "milk", "quantity": 2}, {"item": "peas", "quantity": 2}])
    assert [(row.id, row.orders, row.lines) for row in house.rows(wave)] == [(number, 1, 2)]
    change(house, order_id, lines=[{"item": "milk", "quantity": 16}], backorders="wait")

    assert orders(house)["1001"].wave_id is None
    assert [(row.orders, row.lines) for row in house.rows(wave)] == [(0, 0)]


@pytest.mark.requirement("R41", "R56")
def test_time_to_leave_that_was_said_stays_when_lines_change_and_another_one_ends_lateness(house: Warehouse) -> None:
    said = NOW + timedelta(days=3)
    take(house, ("milk", 1), number="said", due_at=said.isoformat())
    take(house, ("milk", 1), number="derived")
    for number in ("said", "derived"):
        change(house, orders(house)[number].id, lines=[{"item": "milk", "quantity": 2}])
    assert orders(house)["said"].due_at == said
    assert orders(house)["derived"].due_at == promise.due_of(catalog.SiteRow(code=SITE), TODAY)

    house.now = said + timedelta(hours=1)
    house.do(lambda c: late.tell_late(c, house.now))
    assert house.asked().count("order_late") == 2
    change(house, orders(house)["said"].id, due_at=(said + timedelta(days=1)).isoformat())
    assert (house.asked().count("order_late"), orders(house)["said"].lateness) == (1, "")
    change(house, orders(house)["said"].id, due_at=None)
    assert orders(house)["said"].due_at == orders(house)["derived"].due_at


@pytest.mark.requirement("R41")
def test_held_order_is_not_released_and_keeps_its_promise(house: Warehouse) -> None:
    order_id = take(house, ("milk", 9)).id

    house.do(lambda c: order_changes.hold_order(c, house.fact(), order_id, "address in doubt", house.now))

    with pytest.raises(ConflictError, match="is held \\(address in doubt\\)"):
        release(house, order_id)
    assert buckets(house) == [(0, 10, 9, 1)]
    house.do(lambda c: order_changes.let_go(c, house.fact(), order_id, house.now))
    release(house, order_id)


@pytest.mark.requirement("R42")
def test_feed_offers_what_an_order_would_be_promised(house: Warehouse) -> None:
    buy(house, "milk", 8, THURSDAY)
    take(house, ("milk", 4))

    with reading(house.engine) as connection:
        page = promise_queries.feed(connection, None, None, "", 14, None, 1, house.now)
        rest = promise_queries.feed(connection, None, None, "", 14, page.next, 9, house.now)

    (milk,) = page.items
    assert (milk["item"], milk["now"], milk["sites"][0]["by_day"]) == ("milk", 6, [{"day": THURSDAY, "available": 14}])
    assert [(each["item"], each["now"]) for each in rest.items] == [("peas", 5)]


@pytest.mark.slow
@pytest.mark.requirement("R42", "R43")
def test_many_channels_at_once_are_not_promised_the_same_goods(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 10), ("peas", 5), latitude=31.0)

    def sell(n: int) -> int:
        lines = [("milk", 3), ("peas", 2)]
        taken = take(house, *(lines if n % 2 else lines[::-1]), number=str(n), channel=f"shop-{n % 4}", site=None if n % 3 else SITE)
        return sum(line.promised for line in taken.lines if line.item == "milk")

    with ThreadPoolExecutor(8) as shops:
        promised = list(shops.map(sell, range(24)))

    assert sum(promised) == 20
    assert buckets(house) == [(0, 10, 10, 0)]


@pytest.mark.slow
@pytest.mark.requirement("R41", "R43")
def test_orders_changed_released_and_served_at_once_keep_all_promises(house: Warehouse) -> None:
    other_site(house, "s2", ("milk", 10), ("peas", 5), latitude=31.0)
    taken = [take(house, ("milk", 2), ("peas", 1), number=str(n), site=None if n % 2 else SITE).id for n in range(8)]

    def work(n: int) -> str:
        lines = [{"item": "milk", "quantity": 1 + n % 3}, {"item": "peas", "quantity": 1}]
        try:
            if n % 4 == 3:
                house.do(lambda c: backorders.serve(c, SITE, house.now))
            elif n % 4 == 2:
                release(house, taken[n % 8])
            else:
                change(house, taken[n % 8], lines=lines, site=None if n % 3 else SITE)
        except ConflictError as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(8) as hands:
        refused = set(hands.map(work, range(32)))

    assert refused <= {"", "order_not_open", "order_split", "order_closed"}
    by_item: dict[str, int] = {}
    for row in house.rows(promise_table):
        by_item[row.item] = by_item.get(row.item, 0) + row.quantity
    assert by_item.get("milk", 0) <= 20
    assert by_item.get("peas", 0) <= 10

# SPDX-License-Identifier: Apache-2.0
"""Counts from the plan to the adjustment, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from central.catalog import rules as catalog
from central.catalog.tables import location
from central.counting import queries, rfid, selection, service
from central.counting.documents import CountPlan, Decision, RfidCounted, SheetCounted
from central.counting.tables import count_job, count_line, count_place
from central.database import reading, transaction
from central.errors import ConflictError, DomainError, ForbiddenError
from central.exceptions.tables import work_order
from central.ledger.tables import entry
from central.outbound.tables import order_line, pick_task
from contracts.events import TagsCounted
from contracts.identifiers import sgtin_uri
from tests.integration.test_use_case_orders import confirm, release
from tests.integration.warehouse import MILK_GTIN, PEAS_GTIN, SITE, Warehouse

A1, A2, B1 = f"{SITE}/A-01", f"{SITE}/A-02", f"{SITE}/B-01"


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk of an early lot in A-01, ten of a later one in A-02, five peas in B-01."""
    house = Warehouse(engine)
    house.keep(catalog.Reason(code="mispick", kind="adjustment", name="Wrong pick"))
    house.fill()
    yield house
    house.assert_sound()


def plan(house: Warehouse, kind: str = "periodic", **changes: Any) -> str:
    document = CountPlan.model_validate({"site": SITE, "kind": kind, "actor": "boss"} | changes)
    return house.do(lambda c: service.plan_count(c, house.fact("CountPlanned", document, str(house.later(1))), document, house.now))


def count(house: Warehouse, count_id: str, place: str, counter: str, *lines: tuple[str, str, int]) -> service.Settled:
    sheet = SheetCounted.model_validate({"counter": counter, "lines": [{"code": item, "lot": lot, "quantity": quantity} for item, lot, quantity in lines]})
    fact = house.fact("PlaceCounted", sheet, f"{count_id}/{place}/{counter}")
    return house.do(lambda c: service.submit(c, fact, count_id, place, sheet, house.later(1)))


def decide(house: Warehouse, count_id: str, actor: str, *, approve: bool = True, quantity: int | None = None) -> service.Settled:
    (line,) = [row for row in house.rows(count_line) if row.count_id == count_id and row.state == "review"]
    decision = Decision(actor=actor, approve=approve, cause="mispick", quantity=quantity)
    fact = house.fact("CountDecided", decision, line.id)
    return house.do(lambda c: service.decide(c, fact, count_id, line.id, decision, house.later(1)))


def places(house: Warehouse, count_id: str) -> dict[str, str]:
    return {row.place: row.state for row in house.rows(count_place) if row.count_id == count_id}


@pytest.mark.requirement("R34")
def test_periodic_count_takes_every_bin_and_storage_place(house: Warehouse) -> None:
    count_id = plan(house)

    assert set(places(house, count_id)) == {A1, A2, B1, f"{SITE}/cool-1", f"{SITE}/rack-1"}


def test_right_counts_settle_the_places_and_the_count(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01", "B-01"]})

    count(house, count_id, A1, "li", ("milk", "L1", 10))
    count(house, count_id, B1, "li", (PEAS_GTIN, "", 5))

    assert set(places(house, count_id).values()) == {"settled"}
    assert [row.state for row in house.rows(count_job)] == ["done"]
    with reading(house.engine) as connection:
        assert queries.accuracy(connection, SITE, house.now.replace(year=2025), house.later(60)).locations_percent == 100


@pytest.mark.requirement("R39")
def test_difference_goes_to_a_second_counter_then_to_a_person_who_did_not_count(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})

    first = count(house, count_id, A1, "li", ("milk", "L1", 8))
    with pytest.raises(ConflictError, match="somebody else"):
        house.do(lambda c: service.submit(c, house.fact(), count_id, A1, SheetCounted(counter="li", lines=[]), house.now))
    second = count(house, count_id, A1, "wang", ("milk", "L1", 8))
    with pytest.raises(ForbiddenError, match="somebody who did not count"):
        decide(house, count_id, "wang")
    done = decide(house, count_id, "boss")

    assert (first.state, second.state, done.state) == ("recount", "review", "settled")
    assert house.stock()["A-01 milk L1"] == (8, 0)
    assert house.asked() == []
    with reading(house.engine) as connection:
        (audited,) = queries.audit(connection, SITE, house.now.replace(day=1), house.later(60)).items
    assert (audited["cause"], audited["missing"], audited["found"]) == ("mispick", 2, 0)


def test_second_counter_who_finds_the_book_quantity_ends_it(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})

    count(house, count_id, A1, "li", ("milk", "L1", 8))
    done = count(house, count_id, A1, "wang", ("milk", "L1", 10))

    assert done.state == "settled"
    assert house.stock()["A-01 milk L1"] == (10, 0)


def test_three_different_answers_wait_for_a_person_who_may_count_himself(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})
    for counter, quantity in (("li", 8), ("wang", 7)):
        count(house, count_id, A1, counter, ("milk", "L1", quantity))

    third = count(house, count_id, A1, "zhao", ("milk", "L1", 6))
    decide(house, count_id, "boss", quantity=9)

    assert third.state == "review"
    assert house.stock()["A-01 milk L1"] == (9, 0)


def test_rejected_difference_leaves_the_books(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})
    for counter in ("li", "wang"):
        count(house, count_id, A1, counter, ("milk", "L1", 8))

    decide(house, count_id, "boss", approve=False)

    assert house.stock()["A-01 milk L1"] == (10, 0)
    assert places(house, count_id) == {A1: "settled"}


def test_small_difference_is_booked_without_a_second_counter(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]}, tolerance_units=1)

    done = count(house, count_id, A1, "li", ("milk", "L1", 11))

    assert done.state == "settled"
    assert house.stock()["A-01 milk L1"] == (11, 0)


def test_two_who_agree_need_no_approval_up_to_the_limit(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]}, approval_units=2)

    count(house, count_id, A1, "li", ("milk", "L1", 8))
    done = count(house, count_id, A1, "wang", ("milk", "L1", 8))

    assert done.state == "settled"
    assert house.stock()["A-01 milk L1"] == (8, 0)


def test_the_same_sheet_again_changes_nothing_and_another_one_is_refused(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})

    first = count(house, count_id, A1, "li", ("milk", "L1", 8))
    again = count(house, count_id, A1, "li", ("milk", "L1", 8))

    assert first == again
    with pytest.raises(ConflictError, match="other content"):
        count(house, count_id, A1, "li", ("milk", "L1", 9))


@pytest.mark.requirement("R37")
def test_blind_counter_sees_what_to_look_for_and_no_quantity(house: Warehouse) -> None:
    blind, opened = plan(house, "asked", scope={"places": ["A-01"]}), plan(house, "asked", scope={"places": ["B-01"]}, blind=False)

    with reading(house.engine) as connection:
        hidden, shown = queries.next_place(connection, blind, "li"), queries.next_place(connection, opened, "li")

    assert hidden is not None
    assert shown is not None
    assert [line["quantity"] for line in hidden["lines"]] == [None]
    assert [line["quantity"] for line in shown["lines"]] == [5]


@pytest.mark.requirement("R38")
def test_dynamic_count_takes_only_what_moved_since_its_last_count(house: Warehouse) -> None:
    first = plan(house, "dynamic")
    assert set(places(house, first)) == {A1, A2, B1}
    count(house, first, A1, "li", ("milk", "L1", 10))
    count(house, first, A2, "li", ("milk", "L2", 10))
    count(house, first, B1, "li", ("peas", "", 5))
    house.later(60)
    house.put("A-02", "milk", 1, "L2")

    assert set(places(house, plan(house, "dynamic"))) == {A2}


@pytest.mark.requirement("R35")
def test_random_count_draws_the_same_places_for_the_same_seed(house: Warehouse) -> None:
    first = plan(house, "random", scope={"sample": 2, "seed": 7})
    drawn = set(places(house, first))
    house.do(lambda c: service.cancel(c, house.fact(), first, house.now))

    assert len(drawn) == 2
    assert set(places(house, plan(house, "random", scope={"sample": 2, "seed": 7}))) == drawn


@pytest.mark.requirement("R33")
def test_cycle_count_takes_what_is_overdue_for_its_class(house: Warehouse) -> None:
    with pytest.raises(DomainError, match="no place"):
        plan(house, "cycle")

    house.later(40 * 86400)

    assert set(places(house, plan(house, "cycle", scope={"interval_days": {"A": 30, "B": 30, "C": 30}}))) == {A1, A2, B1}


def test_place_of_an_open_count_is_not_taken_into_another(house: Warehouse) -> None:
    plan(house, "asked", scope={"places": ["A-01"]})

    assert A1 not in places(house, plan(house))


def test_frozen_places_are_locked_until_they_are_settled(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01", "B-01"]}, frozen=True)

    def locks() -> dict[str, str]:
        return {row.place: row.locked for row in house.rows(location) if row.locked}

    assert locks() == {A1: "both", B1: "both"}
    release(house, ("milk", 4))
    assert {row.place for row in house.rows(pick_task)} == {A2}

    count(house, count_id, A1, "li", ("milk", "L1", 10))
    assert locks() == {B1: "both"}
    house.do(lambda c: service.cancel(c, house.fact(), count_id, house.now))
    assert locks() == {}


def test_loss_of_reserved_goods_serves_the_order_elsewhere(house: Warehouse) -> None:
    release(house, ("milk", 8))
    count_id = plan(house, "asked", scope={"places": ["A-01"]})
    for counter in ("li", "wang"):
        count(house, count_id, A1, counter, ("milk", "L1", 3))

    decide(house, count_id, "boss")

    assert house.stock()["A-01 milk L1"][0] == 3
    open_tasks = [(row.place, row.requested) for row in house.rows(pick_task) if row.state in ("lit", "listed")]
    assert sum(quantity for _, quantity in open_tasks) == 8
    assert [row.short for row in house.rows(order_line)] == [0]


def test_count_after_a_short_pick_frees_what_was_doubted(house: Warehouse) -> None:
    release(house, ("milk", 4))
    (task,) = house.rows(pick_task)
    confirm(house, task.id, 1)
    assert house.stock()["A-01 milk L1 inspect"] == (9, 0)

    count_id = plan(house, "dynamic", scope={"limit": 1})
    assert set(places(house, count_id)) == {A1}
    for counter in ("li", "wang"):
        count(house, count_id, A1, counter, ("milk", "L1", 6))
    decide(house, count_id, "boss")

    assert house.stock()["A-01 milk L1"] == (6, 0)
    assert "A-01 milk L1 inspect" not in house.stock()
    assert "pick_short" not in house.asked()


def test_cases_count_as_so_many_pieces(house: Warehouse) -> None:
    case_gtin = "10614141000026"
    house.keep(catalog.Packaging(item="peas", code="case", quantity=5, gtin=case_gtin))
    count_id = plan(house, "asked", scope={"places": ["B-01"]})

    assert count(house, count_id, B1, "li", (case_gtin, "", 1)).state == "settled"


@pytest.mark.requirement("R95")
def test_tags_settle_what_adds_up_over_the_zone_and_leave_the_rest_to_people(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01", "A-02", "B-01"]})
    seen = RfidCounted(
        reader="overhead-1",
        epcs=[sgtin_uri(MILK_GTIN, str(n), 7) for n in range(20)] + [sgtin_uri(PEAS_GTIN, str(n), 7) for n in range(4)] + ["urn:epc:id:giai:0614141.1"],
    )

    done = house.do(lambda c: rfid.take_tags(c, house.fact("TagsCounted", seen, "1"), count_id, seen, house.now))

    assert done.agreed == ("milk",)
    assert [(each.item, each.book, each.seen) for each in done.differing] == [("peas", 5, 4)]
    assert done.unknown == ("urn:epc:id:giai:0614141.1",)
    assert places(house, count_id) == {A1: "settled", A2: "settled", B1: "open"}
    assert "tags_unknown" in house.asked()


@pytest.mark.requirement("R95")
def test_reader_is_asked_through_its_gateway_and_what_it_tells_is_counted(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-01"]})
    house.do(lambda c: rfid.ask_reader(c, house.fact(), count_id, "gate-1", "zone-7", 20.0, house.now))
    (command,) = house.commands("CountTags")
    assert (command.station, command.count_id, command.duration_s) == ("zone-7", count_id, 20.0)

    for part, complete in ((range(3), False), (range(3, 5), True)):
        epcs = [sgtin_uri(PEAS_GTIN, str(n), 7) for n in part]
        house.happen(TagsCounted(event_time=house.now, station="zone-7", command_id=command.command_id, count_id=count_id, epc_list=epcs, complete=complete))

    assert places(house, count_id) == {B1: "settled"}


def test_second_sweep_adds_to_the_first(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-01"]})
    for key, numbers in (("1", range(4)), ("2", range(2, 5))):
        seen = RfidCounted(reader="hand-1", epcs=[sgtin_uri(PEAS_GTIN, str(n), 7) for n in numbers])
        house.do(lambda c, seen=seen, key=key: rfid.take_tags(c, house.fact("TagsCounted", seen, key), count_id, seen, house.now))

    assert places(house, count_id) == {B1: "settled"}


def test_more_than_any_place_can_hold_is_refused(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01"]})

    with pytest.raises(DomainError, match="so many of item milk cannot be there"):
        count(house, count_id, A1, "li", *[("milk", "L1", 2**53)] * 1000)


def waits_or_ends(engine: Engine, other: Future[Any]) -> None:
    """Return when the other one waits for a lock, or is through."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())")
    while engine.dialect.name == "postgresql" and not other.done():
        with reading(engine) as connection:
            if connection.execute(waiting).scalar_one():
                return


@pytest.mark.slow
def test_two_who_settle_the_last_two_places_at_once_end_the_count(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01", "B-01"]})
    sheet = SheetCounted.model_validate({"counter": "li", "lines": [{"code": "milk", "lot": "L1", "quantity": 10}]})
    with ThreadPoolExecutor(1) as pool:
        with transaction(house.engine) as connection:
            service.submit(connection, house.fact(), count_id, A1, sheet, house.now)
            other = pool.submit(count, house, count_id, B1, "wang", ("peas", "", 5))
            waits_or_ends(house.engine, other)
        assert other.result(30).state == "settled"

    assert [row.state for row in house.rows(count_job)] == ["done"]


@pytest.mark.slow
def test_two_who_find_the_same_place_empty_at_once_take_turns(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["rack-1", "B-01"]})
    rack = f"{SITE}/rack-1"
    with ThreadPoolExecutor(1) as pool:
        with transaction(house.engine) as connection:
            service.submit(connection, house.fact(), count_id, rack, SheetCounted(counter="li", lines=[]), house.now)
            other = pool.submit(count, house, count_id, rack, "wang")
            waits_or_ends(house.engine, other)
        with pytest.raises(ConflictError, match="waits for no count"):
            other.result(30)


def test_nothing_is_created_or_lost_beyond_the_difference(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["A-01", "B-01"]}, tolerance_units=5)
    count(house, count_id, A1, "li", ("milk", "L1", 7))
    count(house, count_id, B1, "li", ("peas", "", 7))

    with reading(house.engine) as connection:
        sums = {row[0]: int(row[1]) for row in connection.execute(select(entry.c.item, func.sum(entry.c.quantity)).group_by(entry.c.item))}
    assert sums == {"milk": 0, "peas": 0}
    assert [row.state for row in house.rows(work_order)] == []


def test_history_of_a_place_knows_its_moves_since_the_count(house: Warehouse) -> None:
    with reading(house.engine) as connection:
        chosen = selection.choose(connection, CountPlan.model_validate({"site": SITE, "kind": "dynamic"}), house.now)

    assert [each.place for each in chosen] == [A1, A2, B1]
    assert all(0 < each.risk < 1 for each in chosen)

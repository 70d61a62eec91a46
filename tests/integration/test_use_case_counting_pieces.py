# SPDX-License-Identifier: Apache-2.0
"""Counts of items tracked by serial, on both databases: piece by piece, and after every count the verifier agrees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from central.catalog import rules as catalog
from central.counting import rfid, service
from central.counting.documents import Decision, RfidCounted, SheetCounted
from central.counting.tables import count_line, count_place
from central.errors import ConflictError, DomainError
from central.exceptions.tables import work_order
from central.ledger import service as ledger
from central.ledger.rules import VENDOR
from central.ledger.tables import serial
from central.outbound.tables import pick_task
from central.stock import moves
from contracts.identifiers import sgtin_uri
from tests.integration.test_use_case_counting import plan
from tests.integration.test_use_case_orders import confirm, release
from tests.integration.warehouse import SITE, Warehouse

pytestmark = [pytest.mark.requirement("R19", "R39"), pytest.mark.slow]
GTIN = "00614141000036"
B2, B3, OUT = f"{SITE}/B-02", f"{SITE}/B-03", f"{SITE}/out"


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Drills D1 to D3 in B-02, D4 in B-03."""
    house = Warehouse(engine)
    house.keep(catalog.Reason(code="mispick", kind="adjustment", name="Wrong pick"))
    house.keep(catalog.Item(code="drill", gtin=GTIN, name="Drill", tracking="serial"))
    house.keep(*(catalog.Location(site=SITE, code=code, kind="bin", zone="B", pick_rank=4) for code in ("B-02", "B-03")))
    lines = [moves.Correction(B2, "drill", 3, serials=("D1", "D2", "D3")), moves.Correction(B3, "drill", 1, serials=("D4",))]
    house.do(lambda c: moves.correct_stock(c, house.fact(), lines, house.now))
    yield house
    house.assert_sound()


def count(house: Warehouse, count_id: str, counter: str, *numbers: str, place: str = B2, said: int | None = None) -> service.Settled:
    """Somebody scans these pieces in a place (and says how many, if it is not as many)."""
    line = {"code": "drill", "quantity": len(numbers) if said is None else said, "serials": numbers}
    sheet = SheetCounted.model_validate({"counter": counter, "lines": [line]})
    fact = house.fact("PlaceCounted", sheet, f"{count_id}/{place}/{counter}")
    return house.do(lambda c: service.submit(c, fact, count_id, place, sheet, house.later(1)))


def decide(house: Warehouse, count_id: str, *numbers: str, approve: bool = True) -> service.Settled:
    """The boss decides the one line that waits; he may have counted the pieces himself."""
    (line,) = [row for row in house.rows(count_line) if row.count_id == count_id and row.state == "review"]
    decision = Decision(actor="boss", approve=approve, cause="mispick", serials=list(numbers))
    return house.do(lambda c: service.decide(c, house.fact("CountDecided", decision, line.id), count_id, line.id, decision, house.later(1)))


def counted_twice(house: Warehouse, *numbers: str) -> str:
    count_id = plan(house, "asked", scope={"places": ["B-02"]})
    assert count(house, count_id, "li", *numbers).state == "recount"
    assert count(house, count_id, "wang", *numbers).state == "review"
    return count_id


def where(house: Warehouse) -> dict[str, str]:
    return {row.serial: row.place.removeprefix(f"{SITE}/") for row in house.rows(serial)}


def test_right_pieces_settle_the_place(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-02"]})

    assert count(house, count_id, "li", "D3", "D1", "D2").state == "settled"
    assert [row.right for row in house.rows(count_place)] == [True]


def test_each_piece_is_scanned_once(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-02"]})

    with pytest.raises(DomainError, match="3 pieces of item drill are counted and 2 serials are given"):
        count(house, count_id, "li", "D1", "D2", said=3)
    with pytest.raises(DomainError, match="scan each piece once"):
        count(house, count_id, "li", "D1", "D1")


def test_missing_piece_is_lost_when_somebody_approves(house: Warehouse) -> None:
    count_id = counted_twice(house, "D1", "D3")
    (asked,) = house.rows(work_order)
    assert (asked.kind, asked.params["missing"], asked.params["found"], asked.params["serial"]) == ("count_serials", 1, 0, "D2")

    assert decide(house, count_id).state == "settled"

    assert where(house) == {"D1": "B-02", "D2": "@count_difference", "D3": "B-02", "D4": "B-03"}
    assert house.stock()["B-02 drill"] == (2, 0)
    assert house.asked() == []


def test_other_piece_in_the_place_of_one_is_a_difference_although_the_sum_is_right(house: Warehouse) -> None:
    count_id = counted_twice(house, "D1", "D2", "D4")

    decide(house, count_id)

    assert where(house) == {"D1": "B-02", "D2": "B-02", "D3": "@count_difference", "D4": "B-02"}
    assert (house.stock()["B-02 drill"], house.stock().get("B-03 drill")) == ((3, 0), None)


def test_piece_that_nobody_knew_is_booked_with_its_number(house: Warehouse) -> None:
    count_id = counted_twice(house, "D1", "D2", "D3", "D9")

    decide(house, count_id)

    assert where(house)["D9"] == "B-02"
    assert house.stock()["B-02 drill"] == (4, 0)


def test_lost_piece_that_is_found_again_is_in_stock_again(house: Warehouse) -> None:
    decide(house, counted_twice(house, "D1", "D2"))
    house.later(60)

    decide(house, counted_twice(house, "D1", "D2", "D3"))

    assert where(house)["D3"] == "B-02"


def test_rejected_pieces_stay_as_booked(house: Warehouse) -> None:
    decide(house, counted_twice(house, "D1"), approve=False)

    assert where(house) == {"D1": "B-02", "D2": "B-02", "D3": "B-02", "D4": "B-03"}


def test_decider_may_have_scanned_himself(house: Warehouse) -> None:
    decide(house, counted_twice(house, "D1"), "D1", "D2", "D4")

    assert where(house) == {"D1": "B-02", "D2": "B-02", "D3": "@count_difference", "D4": "B-02"}


def test_counters_who_miss_different_pieces_do_not_agree(house: Warehouse) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-02"]}, tolerance_units=5)

    states = [count(house, count_id, counter, *numbers).state for counter, numbers in (("li", ("D1", "D2")), ("wang", ("D2", "D3")), ("zhao", ("D2", "D3")))]

    assert states == ["recount", "recount", "review"]
    decide(house, count_id)
    assert where(house)["D1"] == "@count_difference"


def test_what_was_put_right_between_count_and_decision_is_left_alone(house: Warehouse) -> None:
    count_id = counted_twice(house, "D1", "D2")
    house.do(lambda c: moves.correct_stock(c, house.fact(), [moves.Correction(B2, "drill", -1, serials=("D3",))], house.now))

    decide(house, count_id)

    assert house.stock()["B-02 drill"] == (2, 0)
    assert [row.adjusted for row in house.rows(count_line)] == [0]


def test_reserved_piece_that_is_lost_leaves_its_order_to_the_others(house: Warehouse) -> None:
    release(house, ("drill", 3))
    count_id = counted_twice(house, "D1", "D2")

    decide(house, count_id)

    assert house.stock()["B-02 drill"][0] == 2
    assert sum(row.requested for row in house.rows(pick_task) if row.state in ("lit", "listed")) == 3


def test_pieces_that_were_picked_without_their_numbers_are_not_missing(house: Warehouse) -> None:
    release(house, ("drill", 1))
    (task,) = house.rows(pick_task)
    confirm(house, task.id, 1)
    place = task.place
    left = [number for number, at in where(house).items() if at == place.removeprefix(f"{SITE}/")][1:]
    count_id = plan(house, "asked", scope={"places": [place.removeprefix(f"{SITE}/")]})

    assert count(house, count_id, "li", *left, place=place).state == "settled"


def test_loss_waits_until_pieces_that_were_picked_are_named(house: Warehouse) -> None:
    release(house, ("drill", 1))
    (task,) = house.rows(pick_task)
    confirm(house, task.id, 1)
    assert task.place == B2
    count_id = counted_twice(house, "D1")

    with pytest.raises(ConflictError, match="name them on their pick tasks"):
        decide(house, count_id)


def test_pieces_of_a_short_pick_are_counted_under_their_numbers(house: Warehouse) -> None:
    release(house, ("drill", 3))
    task = next(row for row in house.rows(pick_task) if row.place == B2)
    confirm(house, task.id, 0)
    assert house.stock()["B-02 drill inspect"] == (3, 0)

    decide(house, counted_twice(house, "D1", "D3"))

    assert house.stock()["B-02 drill"][0] == 2
    assert where(house)["D2"] == "@count_difference"
    assert "B-02 drill inspect" not in house.stock()


def bring_unnamed(house: Warehouse) -> None:
    """One more piece waits in inspection for its number."""
    waiting = ledger.Account(B2, "drill", status="inspect")

    def work(connection: Connection) -> None:
        fact = house.fact()
        ledger.record(connection, fact, house.now)
        ledger.lock(connection, [(SITE, "drill")])
        ledger.post(connection, fact.id, [ledger.Leg(ledger.Account(VENDOR, "drill"), -1), ledger.Leg(waiting, 1)])

    house.do(work)


def test_piece_that_waits_for_its_number_is_named_by_the_count(house: Warehouse) -> None:
    bring_unnamed(house)

    decide(house, counted_twice(house, "D1", "D2", "D3", "D8"))

    (named,) = [row for row in house.rows(serial) if row.serial == "D8"]
    assert (named.place, named.status) == (B2, "inspect")
    assert (house.stock()["B-02 drill"], house.stock()["B-02 drill inspect"]) == ((3, 0), (1, 0))


def test_piece_without_a_number_can_be_missing_too(house: Warehouse) -> None:
    bring_unnamed(house)

    decide(house, counted_twice(house, "D1", "D2", "D3"))

    assert house.stock()["B-02 drill"] == (3, 0)
    assert "B-02 drill inspect" not in house.stock()


def test_piece_of_the_stage_is_not_taken_from_its_order(house: Warehouse) -> None:
    source, target = ledger.Account(B3, "drill"), ledger.Account(OUT, "drill")
    house.do(lambda c: moves.move_stock(c, house.fact(), source, target, 1, house.now, serial_numbers=("D4",)))
    count_id = counted_twice(house, "D1", "D2", "D3", "D4")

    with pytest.raises(ConflictError, match="bring it there by a move"):
        decide(house, count_id)


def test_cancelled_count_decides_nothing_any_more(house: Warehouse) -> None:
    count_id = counted_twice(house, "D1")
    house.do(lambda c: service.cancel(c, house.fact(), count_id, house.now))

    with pytest.raises(ConflictError, match="cancelled"):
        decide(house, count_id)
    assert house.stock()["B-02 drill"] == (3, 0)


@pytest.mark.parametrize(("numbers", "state"), [(("D1", "D2", "D3"), "settled"), (("D1", "D2", "D4"), "open")])
def test_tags_are_compared_by_the_numbers_in_them(house: Warehouse, numbers: tuple[str, ...], state: str) -> None:
    count_id = plan(house, "asked", scope={"places": ["B-02"]})
    seen = RfidCounted(reader="hand-1", epcs=[sgtin_uri(GTIN, number, 7) for number in numbers])

    done = house.do(lambda c: rfid.take_tags(c, house.fact("TagsCounted", seen, "1"), count_id, seen, house.now))

    assert [row.state for row in house.rows(count_place)] == [state]
    assert [(each.missing, each.found) for each in done.differing] == ([] if state == "settled" else [(("D3",), ("D4",))])

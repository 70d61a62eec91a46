# SPDX-License-Identifier: Apache-2.0
"""Damage, loss, expiry and owners; and the one view of all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine, insert

from central.catalog.rules import Location, Partner
from central.catalog.tables import reason
from central.database import reading
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import service as ledger
from central.ledger.rules import Account, Leg
from central.ledger.tables import entry
from central.outbound import service as outbound
from central.outbound.documents import Order
from central.outbound.tables import pick_task
from central.stock import expiry, losses, moves, reasons, states
from central.stock.losses import Loss
from central.stock.rules import Limits
from central.stock.tables import loss_report
from tests.integration.warehouse import NOW, SITE, Warehouse

HERE = Account(f"{SITE}/A-01", "milk", "L1")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", date(2026, 11, 24))
    house.put("A-02", "milk", 10, "L2", date(2026, 12, 9))
    yield house
    house.assert_sound()


def report(house: Warehouse, quantity: int, why: str = "missing", fact: ledger.Fact | None = None) -> tuple[str, str]:
    fact = fact or house.fact()
    return fact.id, house.do(lambda c: losses.report_loss(c, fact, Loss(HERE, quantity, why), house.now))


def by_somebody_else(house: Warehouse) -> ledger.Fact:
    return replace(house.fact(), actor="chief")


@pytest.mark.requirement("R32")
def test_small_loss_is_posted_once_with_its_reason(house: Warehouse) -> None:
    fact = house.fact()

    assert [report(house, 2, "broken", fact)[1] for _ in range(2)] == ["posted", "posted"]

    assert house.stock()["A-01 milk L1"] == (8, 0)
    assert [(row.quantity, row.reason, row.state) for row in house.rows(loss_report)] == [(2, "broken", "posted")]
    with pytest.raises(NotFoundError) as unknown:
        report(house, 1, "because")
    with pytest.raises(DomainError) as other:
        report(house, 1, "quality")
    assert (unknown.value.code, other.value.code) == ("unknown_reason", "reason_of_other_kind")


@pytest.mark.requirement("R32")
def test_loss_above_the_limit_waits_on_hold_for_a_second_person(house: Warehouse) -> None:
    house.do(lambda c: reasons.keep_limits(c, [("", "", Limits(None, 5, None)), (SITE, "milk", Limits(None, 3, None))]))

    number, state = report(house, 4)

    assert (state, house.stock()["A-01 milk L1 hold"], house.asked()) == ("waiting", (4, 0), ["loss_waits"])
    with pytest.raises(ConflictError) as same:
        house.do(lambda c: losses.decide_loss(c, house.fact(), number, house.now, approve=True))
    assert same.value.code == "same_person"
    for _ in range(2):
        assert house.do(lambda c: losses.decide_loss(c, by_somebody_else(house), number, house.now, approve=True)) == "approved"
    with pytest.raises(ConflictError):
        house.do(lambda c: losses.decide_loss(c, by_somebody_else(house), number, house.now, approve=False))
    assert (house.stock().get("A-01 milk L1 hold"), house.stock()["A-01 milk L1"], house.asked()) == (None, (6, 0), [])


@pytest.mark.requirement("R32")
def test_refused_loss_gives_the_goods_their_status_back(house: Warehouse) -> None:
    house.do(lambda c: reasons.keep_limits(c, [("", "", Limits(None, 1, None))]))
    number, _ = report(house, 4)

    assert house.do(lambda c: losses.decide_loss(c, by_somebody_else(house), number, house.now, approve=False)) == "refused"

    assert house.stock()["A-01 milk L1"] == (10, 0)


@pytest.mark.requirement("R32")
def test_loss_is_judged_by_its_worth_at_the_mean_cost(house: Warehouse) -> None:
    def receive_worth(connection: object) -> None:
        fact = ledger.record(connection, house.fact(), house.now).fact_id  # type: ignore[arg-type]
        ledger.lock(connection, [(SITE, "milk")])  # type: ignore[arg-type]
        account = replace(HERE, lot="L2", place=f"{SITE}/A-02")
        ledger.post(connection, fact, [Leg(account.at("@vendor"), -20, -4000), Leg(account, 20, 4000)])  # type: ignore[arg-type]

    house.do(receive_worth)
    house.do(lambda c: reasons.keep_limits(c, [("", "", Limits(None, None, 200))]))

    assert [report(house, quantity)[1] for quantity in (2, 3)] == ["posted", "waiting"]
    assert [row.value_minor for row in house.rows(loss_report) if row.state == "waiting"] == [round(3 * 4000 / 38)]


@pytest.mark.requirement("R32", "R23")
def test_status_changes_need_a_reason_and_keep_the_quantity(house: Warehouse) -> None:
    house.do(lambda c: c.execute(insert(reason).values(code="rain", kind="damage", name="Rain")))

    house.do(lambda c: losses.change_status(c, house.fact(), HERE, "damaged", 3, "rain", house.now))
    house.do(lambda c: losses.change_status(c, house.fact(), replace(HERE, status="damaged"), "available", 1, "repaired", house.now))

    assert (house.stock()["A-01 milk L1"], house.stock()["A-01 milk L1 damaged"]) == ((8, 0), (2, 0))
    with pytest.raises(DomainError):
        house.do(lambda c: losses.change_status(c, house.fact(), HERE, "available", 1, "rain", house.now))


@pytest.mark.requirement("R20")
def test_goods_past_their_last_day_expire_and_orders_get_others(house: Warehouse) -> None:
    order = Order.model_validate({"number": "1001", "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": 4}]})
    fact = house.fact("OrderTaken", order, "1001")
    house.do(lambda c: outbound.take_order(c, fact, order, house.now))
    house.do(lambda c: outbound.release_order(c, house.fact(), fact.id, house.now))
    assert [row.lot for row in house.rows(pick_task)] == ["L1"]
    house.later(4 * 86400)

    assert [expiry.watch_once(house.engine, house.now) for _ in range(2)] == [10, 0]

    assert house.stock() == {"A-01 milk L1 expired": (10, 0), "A-02 milk L2": (10, 4)}
    assert sorted((row.lot, row.state) for row in house.rows(pick_task)) == [("L1", "cancelled"), ("L2", "lit")]


@pytest.mark.requirement("R20")
def test_near_expiry_is_told_once_by_the_limit_of_the_item(house: Warehouse) -> None:
    assert expiry.watch_once(house.engine, house.now) == 0
    assert house.asked() == []
    house.do(lambda c: reasons.keep_limits(c, [("", "", Limits(30)), ("", "milk", Limits(3))]))

    for _ in range(2):
        expiry.watch_once(house.engine, house.now)

    assert house.asked() == ["near_expiry"]
    with reading(house.engine) as connection:
        assert [(each.lot, each.days_left, each.quantity) for each in expiry.near_expiry(connection, NOW)] == [("L1", 3, 10)]
        assert [each.lot for each in expiry.near_expiry(connection, NOW, days=20)] == ["L1", "L2"]


@pytest.mark.requirement("X3")
def test_consigned_goods_change_hands_where_they_lie(house: Warehouse) -> None:
    house.keep(Partner(code="farm", name="Farm", kind="owner"))
    lines = [moves.Correction(f"{SITE}/B-01", "peas", 6, owner="farm")]
    house.do(lambda c: moves.correct_stock(c, house.fact(), lines, house.now))
    consigned = Account(f"{SITE}/B-01", "peas", owner="farm")

    house.do(lambda c: moves.change_owner(c, house.fact(), consigned, "", 4, house.now))

    with reading(house.engine) as connection:
        rows = {row.owner: row.on_hand for row in connection.execute(moves_select())}
    assert rows == {"": 4, "farm": 2}
    with pytest.raises(NotFoundError):
        house.do(lambda c: moves.change_owner(c, house.fact(), consigned, "nobody", 1, house.now))


def moves_select() -> object:
    from sqlalchemy import select

    from central.ledger.tables import balance

    return select(balance).where(balance.c.item == "peas")


@pytest.mark.requirement("R24", "R31")
def test_locked_place_gives_and_takes_nothing(house: Warehouse) -> None:
    from sqlalchemy import update

    from central.catalog.tables import location

    house.do(lambda c: c.execute(update(location).where(location.c.place == f"{SITE}/A-02").values(locked="in")))

    with pytest.raises(DomainError):
        house.do(lambda c: moves.move_stock(c, house.fact(), HERE, HERE.at(f"{SITE}/A-02"), 1, house.now))
    assert house.stock()["A-01 milk L1"] == (10, 0)


@pytest.mark.requirement("R24", "R13", "R30")
def test_place_takes_only_what_it_has_room_and_the_right_condition_for(house: Warehouse) -> None:
    house.keep(Location(site=SITE, code="A-03", kind="bin", condition="chilled", zone="A", capacity_units=5, mixed_lots=False))

    def moved(source: Account, to: str, quantity: int, status: str = "available") -> str:
        target = replace(source, place=f"{SITE}/{to}", status=status)
        try:
            house.do(lambda c: moves.move_stock(c, house.fact(), source, target, quantity, house.now))
        except ConflictError as error:
            return error.code
        return "moved"

    assert moved(HERE, "B-01", 1) == "place_condition"
    assert moved(HERE, "B-01", 1, "damaged") == "moved"
    assert moved(HERE, "out", 1) == "moved"
    assert moved(HERE, "A-03", 6) == "place_full"
    assert moved(HERE, "A-03", 4) == "moved"
    assert moved(replace(HERE, place=f"{SITE}/A-02", lot="L2"), "A-03", 1) == "place_mixed_lots"


@pytest.mark.requirement("R22", "R23")
def test_one_view_shows_every_state_at_every_site(house: Warehouse) -> None:
    house.keep(Location(site="s2", code="B-01", kind="bin"))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [moves.Correction("s2/B-01", "milk", 7, "L2")], house.now))
    house.do(lambda c: losses.change_status(c, house.fact(), HERE, "damaged", 1, "broken", house.now))
    house.do(lambda c: losses.change_status(c, house.fact(), HERE, "hold", 2, "quality", house.now))
    for number, quantity in (("1001", 3), ("1002", 5)):
        order = Order.model_validate({"number": number, "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": quantity}]})
        fact = house.fact("OrderTaken", order, number)
        house.do(lambda c, fact=fact, order=order: outbound.take_order(c, fact, order, house.now))
        if number == "1001":
            house.do(lambda c, fact=fact: outbound.release_order(c, house.fact(), fact.id, house.now))

    with reading(house.engine) as connection:
        page = states.states(connection, limit=1)
        rest = states.states(connection, after=page.next, limit=10)
        total = states.states(connection, by="item", item="milk").items[0]

    first = page.items[0]
    assert (first["site"], first["item"], first["on_hand"], first["available"], first["damaged"], first["hold"]) == (SITE, "milk", 20, 17, 1, 2)
    assert (first["reserved"], first["promised"], first["free"], first["to_promise"]) == (3, 5, 14, 9)
    assert [(row["site"], row["on_hand"]) for row in rest.items] == [("s2", 7)]
    assert (total["on_hand"], total["free"]) == (27, 21)
    assert len(house.rows(entry)) > 0

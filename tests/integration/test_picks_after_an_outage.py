# SPDX-License-Identifier: Apache-2.0
"""Lights go on while central is away, and central goes on without them: what becomes of each conflict. The same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from central.errors import DomainError, NotFoundError
from central.exceptions.tables import work_order
from central.fleet import service as fleet
from central.fleet.tables import command, gateway
from central.ledger.rules import Account
from central.outbound import confirmations, service, unanswered
from central.outbound.confirmations import Confirmation
from central.outbound.release import release_orders
from central.outbound.tables import pick_task
from central.outbound.timeouts import time_out
from central.stock import losses, recalls
from central.stock.losses import Loss
from central.stock.recalls import Recall
from contracts.events import CommandAnswered, PickConfirmed
from contracts.quantities import Quantity
from tests.integration.test_use_case_orders import release, take, tasks
from tests.integration.warehouse import SITE, Warehouse

WHAT_TO_DO = "find out whether they were taken twice, count the bin"

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E13")]


class House(Warehouse):
    """The small warehouse, and a light that answers late."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.fill()

    def press(self, task_id: str, quantity: int, *, ago_s: float = 0.0) -> None:
        """The event of a light's answer comes, which happened so long ago."""
        requested = Quantity(next((row.requested for row in self.rows(pick_task) if row.id == task_id), quantity))
        at = self.now - timedelta(seconds=ago_s)
        short = quantity < requested.value
        self.happen(PickConfirmed(event_time=at, station="zone-a", task_id=task_id, quantity=Quantity(quantity), requested=requested, short=short))

    def told(self) -> list[tuple[str, str]]:
        """Kind and words of what is open."""
        return [(row.kind, row.message) for row in self.rows(work_order) if row.state == "open" and row.kind != "lights_not_reached"]

    def from_the_list(self, task_id: str, quantity: int) -> Any:
        return self.do(lambda c: confirmations.confirm_together(c, [Confirmation(self.fact(), task_id, quantity)]))


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    house = House(engine)
    yield house
    house.assert_sound()


def milk(house: House) -> str:
    """A task for three milk of lot L1 in A-01."""
    release(house, ("milk", 3), ship_when="asked")
    return tasks(house)["A-01"]


def test_pick_of_an_order_that_was_cancelled_meanwhile_is_put_back(house: House) -> None:
    task = milk(house)
    order = house.rows(pick_task)[0].order_id
    house.do(lambda c: service.cancel_order(c, house.fact(), order, house.later(3600)))

    house.press(task, 3, ago_s=1800)
    house.press(task, 3, ago_s=1800)

    assert house.told() == [("pick_after_cancel", "zone-a: 3 of item milk taken from bin A-01 for order 1001 after it was cancelled; put them back")]
    assert house.stock()["A-01 milk L1"] == (10, 0)


def test_pick_whose_reservation_was_given_up_meanwhile_says_so(house: House) -> None:
    order_id, _ = take(house, ("milk", 3), ship_when="asked")
    fact = house.fact()
    house.do(lambda c: release_orders(c, [(fact, order_id)], house.now, {fact.id: house.now + timedelta(hours=1)}))
    task = tasks(house)["A-01"]
    house.later(7200)
    assert house.do(lambda c: time_out(c, house.now)) == 1

    house.press(task, 3, ago_s=600)

    (told,) = [words for kind, words in house.told() if kind == "pick_after_move"]
    assert told.startswith("zone-a: 3 of item milk taken from bin A-01 for order 1001 after its reservation was given up; put them back")
    assert house.stock()["A-01 milk L1"] == (10, 0)


def test_pick_that_a_screen_had_answered_long_before_may_have_been_made_twice(house: House) -> None:
    task = milk(house)
    house.from_the_list(task, 3)
    house.later(3600)

    house.press(task, 3, ago_s=60)
    house.press(task, 3, ago_s=60)

    assert house.told() == [
        ("pick_twice", f"zone-a: 3 of item milk were taken from bin A-01 for order 1001 although tester had answered the same task with as many; {WHAT_TO_DO}")
    ]
    assert house.stock()["A-01 milk L1"] == (7, 0), "nothing is applied twice"


def test_pick_that_is_told_again_or_answered_at_screen_and_light_within_moments_is_one(house: House) -> None:
    task = milk(house)
    house.press(task, 3, ago_s=7200)
    house.press(task, 3, ago_s=7200)
    assert house.told() == []

    release(house, ("peas", 2), number="1002", ship_when="asked")
    peas = tasks(house)["B-01"]
    house.from_the_list(peas, 2)
    house.press(peas, 2, ago_s=5)
    assert house.told() == []


def test_pick_that_a_screen_had_answered_otherwise_is_counted(house: House) -> None:
    task = milk(house)
    house.from_the_list(task, 3)

    house.press(task, 2, ago_s=600)

    assert [kind for kind, _ in house.told()] == ["pick_answered_twice"]


def test_short_pick_is_reserved_elsewhere_when_it_is_heard_of(house: House) -> None:
    task = milk(house)

    house.press(task, 1, ago_s=20_000)

    assert [kind for kind, _ in house.told()] == ["pick_short"]
    assert (tasks(house).keys(), house.stock()["A-02 milk L2"]) == ({"A-02"}, (10, 2))


def test_pick_of_a_lot_that_was_recalled_meanwhile_does_not_go_on(house: House) -> None:
    task = milk(house)
    fact = house.fact()
    house.do(lambda c: recalls.recall_lot(c, fact, Recall("R-1", "milk", "L1"), house.now))

    house.press(task, 3, ago_s=60)

    assert [words for kind, words in house.told() if kind == "pick_after_move"], house.told()
    assert "out milk L1" not in house.stock()


def test_goods_that_a_lit_task_holds_cannot_be_written_off_so_its_pick_is_booked(house: House) -> None:
    task = milk(house)

    with pytest.raises(DomainError):
        house.do(lambda c: losses.report_loss(c, house.fact(), Loss(Account(f"{SITE}/A-01", "milk", "L1"), 8, "missing"), house.now))
    house.press(task, 3, ago_s=60)

    assert (house.told(), house.stock()["out milk L1"]) == ([], (3, 0))


def test_pick_of_a_task_that_this_central_never_made_is_asked_about_in_words(house: House) -> None:
    with pytest.raises(NotFoundError, match="put the goods back and count the bin"):
        house.press("0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52", 3)


# ---- lights that nobody answered for


def commands(house: House, kind: str) -> list[tuple[str, str]]:
    return [(row.id.rpartition(":")[2].partition("@")[0], row.state) for row in house.rows(command) if row.kind == kind]


def pass_deadline(house: House) -> None:
    """The gateway is away for longer than commands wait."""
    house.do(lambda c: c.execute(update(gateway).values(online=False)))
    house.later(3700)
    house.do(lambda c: fleet.commands_published(c, [], house.now))


def look(house: House) -> int:
    return house.do(lambda c: unanswered.look_after(c, house.now))


def test_lights_that_a_gateway_never_lit_are_shown_on_the_screens_once(house: House) -> None:
    milk(house)
    assert look(house) == 0
    pass_deadline(house)

    assert (look(house), look(house)) == (1, 0)

    assert {row.bin: (row.state, row.lamp_dead) for row in house.rows(pick_task)} == {"A-01": ("listed", True)}
    assert [words for _, words in house.told()] == [
        "zone-a: gateway gate-1 did not answer, so 1 tasks may be dark; pick them at the screens, and see whether the gateway is connected"
    ]


def test_lights_of_a_cancelled_order_are_put_out_when_the_gateway_is_back(house: House) -> None:
    milk(house)
    (light,) = house.commands("LightTasks")
    house.happen(CommandAnswered(event_time=house.now, station="zone-a", command_id=light.command_id, outcome="done"))
    house.do(lambda c: service.cancel_order(c, house.fact(), house.rows(pick_task)[0].order_id, house.now))
    pass_deadline(house)
    assert look(house) == 0, "it is away"

    house.do(lambda c: c.execute(update(gateway).values(online=True)))

    assert (look(house), look(house)) == (1, 0)
    first, again = house.commands("CancelTasks")
    assert again.task_ids == first.task_ids
    assert again.deadline_at > house.now
    assert [state for _, state in commands(house, "CancelTasks")] == ["expired", "pending"]
    house.later(3700)
    house.happen(CommandAnswered(event_time=house.now, station="zone-a", command_id=again.command_id, outcome="expired"))
    assert len(house.commands("CancelTasks")) == 3, "one that came too late is sent again at once"
    newest = max(house.commands("CancelTasks"), key=lambda each: each.deadline_at)
    house.happen(CommandAnswered(event_time=house.now, station="zone-a", command_id=newest.command_id, outcome="expired"))
    assert len(house.commands("CancelTasks")) == 3, "not for a gateway whose clock is ahead"

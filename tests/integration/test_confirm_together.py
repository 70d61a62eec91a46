# SPDX-License-Identifier: Apache-2.0
"""Picks confirmed together come out as if each had come alone: from screens, from lights, on walks, under fire. On SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, event

from central.app import create_app
from central.catalog import rules as catalog
from central.errors import ConflictError, DomainError, NotFoundError
from central.exceptions.service import raise_work_order
from central.ingest.registry import collect_handlers, collect_many
from central.ingest.service import Door, Taken, read_message, take_message
from central.ledger import service as ledger
from central.ledger.tables import answer as kept_answer
from central.ledger.tables import event as event_table
from central.ledger.tables import reservation
from central.outbound import service
from central.outbound.confirmations import Confirmation, Result, confirm_together
from central.outbound.picking_tables import tour_tote
from central.outbound.tables import customer_order, order_line, pick_task, tour
from central.planning.tables import proposal
from central.settings import Settings
from contracts import wire
from contracts.events import Event, PickConfirmed
from contracts.quantities import Quantity
from contracts.topics import GatewayAddress
from contracts.wire import Batch
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.warehouse import NOW, SITE

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R51", "E8")]
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def floor(engine: Engine) -> Iterator[PickingFloor]:
    floor = floor_on(engine)
    yield floor
    floor.assert_sound()


def task_of(floor: PickingFloor, number: str, item: str) -> Any:
    """The one task of an order (by its number) for an item."""
    orders = {row.id: row.number for row in floor.rows(customer_order)}
    (row,) = (row for row in floor.rows(pick_task) if orders[row.order_id] == number and row.item == item)
    return row


def confirm(floor: PickingFloor, *said: tuple[str, int]) -> list[Result]:
    """Let a train of (task id, quantity) go; again for another answer to one task, as other requests do."""
    asked = [Confirmation(floor.fact("PickConfirmed"), task_id, quantity) for task_id, quantity in said]
    return floor.do(lambda c: confirm_together(c, asked))


def states(floor: PickingFloor) -> dict[str, str]:
    return {row.number: row.state for row in floor.rows(customer_order)}


def test_train_of_good_and_bad_answers_gives_each_its_own(floor: PickingFloor) -> None:
    for number in ("1", "2", "3"):
        floor.order(number, ("g11", 2), ("g21", 1), ship_when="picked")
    gone = floor.order("4", ("g12", 1))
    cancelled = task_of(floor, "4", "g12").id
    floor.do(lambda c: service.cancel_order(c, floor.fact(), gone, NOW))
    full = task_of(floor, "1", "g11").id

    results = confirm(
        floor,
        (full, 2),
        (NOBODY, 1),
        (task_of(floor, "1", "g21").id, 1),
        (full, 2),
        (full, 1),
        (task_of(floor, "2", "g11").id, 3),
        (task_of(floor, "2", "g21").id, 1),
        (task_of(floor, "3", "g11").id, 2),
        (cancelled, 1),
        (task_of(floor, "3", "g21").id, 0),
    )

    assert isinstance(results.pop(1), NotFoundError)
    assert results == ["full", "full", "repeated", "contradicted", "over", "full", "full", "cancelled", "short"]
    assert {number: state for number, state in states(floor).items() if number in ("1", "2", "4")} == {"1": "shipped", "2": "shipped", "4": "cancelled"}
    assert {"pick_over", "pick_answered_twice", "pick_after_cancel", "pick_short"} <= set(floor.asked())
    assert floor.stock()["P-1-1 g11"] == (4, 0)
    assert {row.picked for row in floor.rows(order_line) if row.item == "g11"} == {2}


@pytest.mark.parametrize("first", [2, 1])
def test_first_answer_to_a_task_counts_whatever_comes_behind_it_in_the_same_train(floor: PickingFloor, first: int) -> None:
    floor.order("1", ("g11", 2))
    task = task_of(floor, "1", "g11").id

    results = confirm(floor, (task, first), (task, 3 - first))

    assert results == ["full" if first == 2 else "short", "contradicted"]
    assert task_of(floor, "1", "g11").taken == first


@pytest.mark.requirement("R31")
def test_fact_that_is_known_with_other_content_is_refused_and_the_others_go_on(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g21", 1))
    used = floor.fact("PickConfirmed")
    tasks = [task_of(floor, "1", item).id for item in ("g11", "g21")]
    floor.do(lambda c: ledger.record(c, used, NOW))

    asked = [Confirmation(replace(used, body=b'{"other":1}'), tasks[0], 2), Confirmation(floor.fact("PickConfirmed"), tasks[1], 1)]
    results = floor.do(lambda c: confirm_together(c, asked))

    assert isinstance(results[0], ConflictError)
    assert results[1] == "full"
    assert [task_of(floor, "1", item).state for item in ("g11", "g21")] == ["lit", "done"]


def test_order_that_cannot_leave_asks_a_person_and_those_beside_it_leave(floor: PickingFloor) -> None:
    """The goods of order 1 are put on hold at the stage before its last pick."""
    floor.order("1", ("g11", 2), ("g21", 1), ship_when="picked")
    floor.order("2", ("g12", 2), ship_when="picked")
    confirm(floor, (task_of(floor, "1", "g11").id, 2))
    stage = ledger.Account(f"{SITE}/out", "g11")
    on_hold = ledger.Account(f"{SITE}/out", "g11", status="hold")

    def hold(connection: Any) -> None:
        fact = floor.fact()
        ledger.record(connection, fact, NOW)
        ledger.lock(connection, [(SITE, "g11")])
        ledger.post(connection, fact.id, [ledger.Leg(stage, -2), ledger.Leg(on_hold, 2)])

    floor.do(hold)

    assert confirm(floor, (task_of(floor, "1", "g21").id, 1), (task_of(floor, "2", "g12").id, 2)) == ["full", "full"]

    assert states(floor) == {"1": "picked", "2": "shipped"}
    assert floor.asked().count("ship_refused") == 1


def test_walk_that_is_confirmed_in_one_train_is_done_with_its_totes_and_its_lights_go_out(floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    for number in ("1", "2"):
        floor.order(number, ("g11", 1), ("g31", 2), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    floor.do(lambda c: c.execute(tour.update().where(tour.c.id == tour_id).values(state="picking", picker="li")))
    rows = floor.rows(pick_task)

    first = [row for row in rows if row.order_id == rows[0].order_id]
    assert confirm(floor, *((row.id, row.requested) for row in first)) == ["full", "full"]
    assert Counter(row.state for row in floor.rows(tour_tote)) == {"open": 1, "done": 1}
    assert floor.row(tour_id).state == "picking"
    rest = [row for row in rows if row not in first]
    assert confirm(floor, *((row.id, row.requested) for row in rest)) == ["full", "full"]

    assert floor.row(tour_id).state == "done"
    assert {row.state for row in floor.rows(tour_tote)} == {"done"}
    assert {row.answered_by for row in floor.rows(pick_task)} == {"li"}
    assert set(states(floor).values()) == {"picked"}


def test_lit_tasks_answered_at_screens_are_put_out_by_one_command_for_each_station(floor: PickingFloor) -> None:
    floor.order("1", ("g11", 1), ("g12", 1), ("g21", 1))
    rows = floor.rows(pick_task)

    confirm(floor, *((row.id, row.requested) for row in rows))

    put_out = floor.commands("CancelTasks")
    assert sorted(command.station for command in put_out) == ["zone-p1", "zone-p2"]
    assert {task_id for command in put_out for task_id in command.task_ids} == {row.id for row in rows}


@pytest.mark.requirement("R60")
def test_shelf_that_many_picks_empty_gets_one_proposal(floor: PickingFloor) -> None:
    floor.keep(catalog.StockLevel(site=SITE, location="P-1-1", item="g11", minimum=8, maximum=10))
    floor.put("rack-1", "g11", 50)
    for number in ("1", "2", "3"):
        floor.order(number, ("g11", 1))

    confirm(floor, *((row.id, 1) for row in floor.rows(pick_task)))

    (made,) = floor.rows(proposal)
    assert (made.state, made.item, made.quantity) == ("open", "g11", 3)


def pressed(task_id: str, quantity: int, requested: int) -> PickConfirmed:
    return PickConfirmed(
        event_time=NOW, station="zone-p1", task_id=task_id, quantity=Quantity(quantity), requested=Quantity(requested), short=quantity < requested
    )


def arrive(floor: PickingFloor, said: list[Event], *, many: bool) -> Taken:
    address = GatewayAddress(1, SITE, "gate-1")
    bodies = [msgspec.Raw(wire.encode(msgspec.structs.replace(each, seq=n))) for n, each in enumerate(said, start=1)]
    message = read_message("t", address, "movements", wire.encode(Batch(gateway="gate-1", epoch="e1", lane="movements", first_seq=1, events=bodies)))
    door = Door(collect_handlers(), raise_work_order, collect_many() if many else {})
    return floor.do(lambda c: take_message(c, message, door, NOW))


@pytest.mark.parametrize("many", [True, False], ids=["together", "one by one"])
@pytest.mark.parametrize("broken", [False, True], ids=["all known", "one unknown"])
def test_presses_of_one_batch_come_out_alike_together_and_one_by_one(floor: PickingFloor, many: bool, broken: bool) -> None:
    for number in ("1", "2", "3"):
        floor.order(number, ("g11", 2), ("g21", 1), ship_when="picked")
    tasks = {(number, item): task_of(floor, number, item).id for number in ("1", "2", "3") for item in ("g11", "g21")}
    said: list[Event] = [
        pressed(tasks["1", "g11"], 2, 2),
        pressed(tasks["2", "g11"], 1, 2),
        pressed(tasks["1", "g21"], 1, 1),
        pressed(tasks["3", "g11"], 2, 2),
        pressed(tasks["3", "g11"], 2, 2),
        pressed(tasks["3", "g21"], 1, 1),
    ]
    if broken:
        said.insert(2, pressed(NOBODY, 1, 1))

    taken = arrive(floor, said, many=many)

    assert (taken.applied, taken.excepted, taken.quarantined) == (len(said), int(broken), 0)
    assert (floor.asked().count("unknown_task"), floor.asked().count("pick_short")) == (int(broken), 1)
    assert states(floor) == {"1": "shipped", "2": "released", "3": "shipped"}
    assert Counter(row.state for row in floor.rows(reservation)) == {"posted": 5, "pending": 1}
    taken_of = {(row.item, row.state): row.taken for row in floor.rows(pick_task)}
    assert taken_of == {("g11", "done"): 2, ("g11", "short"): 1, ("g21", "done"): 1, ("g21", "lit"): 0}
    presses = [row for row in floor.rows(event_table) if row.kind == "PickConfirmed"]
    assert {row.id: row.source_seq for row in presses} == {row.id: n for n, row in enumerate(sorted(presses, key=lambda each: each.source_seq), start=1)}


def test_statements_of_a_train_do_not_grow_with_it(floor: PickingFloor) -> None:
    for number in range(9):
        floor.order(str(number), ("g11", 1), ("g21", 1), ("g31", 1))
    waiting = [(row.id, 1) for row in floor.rows(pick_task)]
    counted: list[str] = []
    event.listen(floor.engine, "before_cursor_execute", lambda *about: counted.append(about[2]))

    confirm(floor, *waiting[:2])
    of_two = len(counted)
    counted.clear()
    confirm(floor, *waiting[2:])

    # The last also completes orders and puts out lights of three stations.
    assert len(counted) <= of_two + 12


# --- Over HTTP -------------------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def http(floor: PickingFloor) -> Any:
    app = create_app(Settings(database=str(floor.engine.url)), clock=lambda: NOW, engine=floor.engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1/api/v1/") as client:
        yield client


@pytest.mark.requirement("R31")
async def test_request_with_a_key_gets_the_same_answer_again_and_with_another_body_none(floor: PickingFloor, http: httpx.AsyncClient) -> None:
    floor.order("1", ("g11", 2))
    path, key = f"pick-tasks/{floor.rows(pick_task)[0].id}/confirm", {"Idempotency-Key": "press-1"}

    first, again = [await http.post(path, json={"quantity": 2}, headers=key) for _ in range(2)]

    assert (first.json()["verdict"], again.content, again.headers["Idempotent-Replayed"]) == ("full", first.content, "true")
    assert "Idempotent-Replayed" not in first.headers
    refused = await http.post(path, json={"quantity": 1}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "identity_reused")
    assert (await http.post(path, json={"quantity": 2})).json()["verdict"] == "repeated"
    assert [row.body for row in floor.rows(kept_answer) if b"verdict" in row.body] == [first.content]


async def test_stop_on_a_walk_is_answered_with_the_next_one_again_and_again(floor: PickingFloor, http: httpx.AsyncClient) -> None:
    floor.order("1", ("g11", 2), ("g34", 1))
    await http.post("pickers", json={"picker": "li", "site": SITE})
    taken = (await http.post("tours/next", json={"picker": "li"})).json()["tour"]
    first, second = (stop["id"] for stop in taken["stops"])
    path, key = f"tours/{taken['id']}/confirm", {"Idempotency-Key": "stop-1"}

    answers = [await http.post(path, json={"task": first, "quantity": 2, "actor": "li"}, headers=key) for _ in range(2)]

    assert answers[0].json()["stop"]["task"] == second
    assert answers[1].content == answers[0].content
    elsewhere = await http.post(f"tours/{NOBODY}/confirm", json={"task": second, "quantity": 1})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "other_tour")
    assert (await http.post(path, json={"task": second, "quantity": 1})).json() == {"task": second, "verdict": "full", "stop": None}


async def test_many_answers_in_one_request_are_each_answered_for_themselves(floor: PickingFloor, http: httpx.AsyncClient) -> None:
    floor.order("1", ("g11", 2), ("g21", 1))
    said = [{"task": row.id, "quantity": row.requested} for row in floor.rows(pick_task)]

    answer = (await http.post("pick-confirmations", json={"confirmations": [*said, {"task": NOBODY, "quantity": 1}]})).json()

    assert [each["verdict"] for each in answer["answered"]] == ["full", "full"]
    assert [(each["status"], each["code"]) for each in answer["refused"]] == [(404, "unknown_task")]


async def test_more_answers_than_a_train_has_seats_are_all_taken(floor: PickingFloor, http: httpx.AsyncClient) -> None:
    everything = [(f"{aisle}-{n}", f"g{aisle}{n}") for aisle in (1, 2, 3) for n in (1, 2, 3, 4)]
    for place, item in everything:
        floor.put(f"P-{place}", item, 20)
    for number in range(12):
        floor.order(str(number), *((item, 1) for _, item in everything))
    said = [{"task": row.id, "quantity": row.requested} for row in floor.rows(pick_task)]

    answer = (await http.post("pick-confirmations", json={"confirmations": said + said})).json()

    assert answer["refused"] == []
    assert [each["task"] for each in answer["answered"]] == [each["task"] for each in said + said]
    assert Counter(each["verdict"] for each in answer["answered"]) == {"full": len(said), "repeated": len(said)}


# --- At the same time ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.requirement("R21")
def test_two_pickers_who_confirm_the_same_tasks_at_once_take_the_goods_once(floor: PickingFloor) -> None:
    for number in range(8):
        floor.order(str(number), ("g11", 1), ("g21", 1), ("g31", 1), ship_when="picked")
    waiting = [(row.id, row.requested) for row in floor.rows(pick_task)]
    gate = threading.Barrier(4)
    begun_anew: list[Any] = []
    event.listen(floor.engine, "handle_error", lambda about: begun_anew.append(about.original_exception))

    def pick(seed: int) -> list[Result]:
        mine = random.Random(seed).sample(waiting, len(waiting))
        gate.wait(20)
        return [result for start in range(0, len(mine), 6) for result in confirm(floor, *mine[start : start + 6])]

    with ThreadPoolExecutor(4) as pool:
        results = [result for answers in pool.map(pick, range(4)) for result in answers]

    assert not [result for result in results if isinstance(result, DomainError)]
    assert Counter(results) == {"full": 24, "repeated": 72}
    assert begun_anew == [], "fences are taken once and in one order: nobody waits crosswise"
    assert set(states(floor).values()) == {"shipped"}
    assert {code: held for code, held in floor.stock().items() if code.split()[0] in ("P-1-1", "P-2-1", "P-3-1")} == {
        "P-1-1 g11": (2, 0),
        "P-2-1 g21": (2, 0),
        "P-3-1 g31": (2, 0),
    }


@pytest.mark.slow
@pytest.mark.requirement("R21")
def test_short_and_full_answers_from_screens_and_lights_at_once_leave_sound_books(floor: PickingFloor) -> None:
    for number in range(8):
        floor.order(str(number), ("g11", 1), ("g21", 1), ("g31", 1), ("g12", 1), ship_when="picked")
    waiting = floor.rows(pick_task)
    gate = threading.Barrier(4)

    def pick(worker: int) -> None:
        mine = random.Random(worker).sample(waiting, len(waiting))
        gate.wait(20)
        for start in range(0, len(mine), 8):
            part = mine[start : start + 8]
            if worker % 2:
                confirm(floor, *((row.id, 0 if row.sequence + start == 8 else row.requested) for row in part))
            else:
                for row in part:
                    floor.happen(pressed(row.id, row.requested, row.requested))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pick, range(4)))

    tasks = floor.rows(pick_task)
    assert {row.state for row in tasks if row.id in {each.id for each in waiting}} <= {"done", "short"}
    picked = {row.id: row.picked for row in floor.rows(order_line)}
    by_line: Counter[str] = Counter()
    for row in tasks:
        by_line[row.line_id] += row.taken
    assert picked == {line_id: by_line[line_id] for line_id in picked}

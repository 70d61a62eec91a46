# SPDX-License-Identifier: Apache-2.0
"""Messages are written with their cause: all of an order's life is told to those who subscribe, and nothing of what was rolled back."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Connection, Engine, insert, select

from central.database import in_transaction, reading, transaction
from central.errors import ConflictError
from central.exceptions import service as exceptions
from central.facts import fact_of
from central.outbound import service as outbound
from central.outbound.documents import LineOrdered, Order
from central.outbound.tables import pick_task
from central.webhooks.service import emit
from central.webhooks.tables import webhook_delivery, webhook_endpoint, webhook_message, webhook_subscription
from tests.integration.warehouse import NOW, SITE, Warehouse


def subscribe(engine: Engine, code: str, *types: str, site: str = "", enabled: bool = True) -> None:
    with transaction(engine) as connection:
        connection.execute(
            insert(webhook_endpoint).values(code=code, url="http://127.0.0.1/", site=site, secret="whsec_" + "A" * 32, enabled=enabled, made_at=NOW)
        )
        connection.execute(insert(webhook_subscription), [{"endpoint": code, "type": each} for each in types])


def outbox(engine: Engine) -> list[tuple[str, str]]:
    query = select(webhook_message.c.type, webhook_delivery.c.endpoint).join(webhook_delivery, webhook_delivery.c.message == webhook_message.c.id)
    with reading(engine) as connection:
        return sorted((row.type, row.endpoint) for row in connection.execute(query))


@pytest.mark.requirement("X9", "R106")
def test_order_tells_every_step_of_its_life_once(engine: Engine) -> None:
    subscribe(engine, "erp", "order.accepted", "order.released", "order.picked", "order.shipped", "order.cancelled")
    house = Warehouse(engine)
    house.put("B-01", "peas", 10)
    order = Order(number="SO-1", site=SITE, partner="shop", lines=[LineOrdered(item="peas", quantity=2)])
    fact = fact_of("OrderTaken", ("api", "SO-1"), order, "api", NOW, SITE)
    for _ in range(2):
        house.do(lambda c: outbound.take_order(c, fact, order, NOW))
    release = house.fact("OrderReleased", order, "release")
    for _ in range(2):
        house.do(lambda c: outbound.release_order(c, release, fact.id, NOW))
    (task,) = house.rows(pick_task)
    house.do(lambda c: outbound.confirm_from_list(c, house.fact(), task.id, 2, NOW))

    assert outbox(engine) == [(each, "erp") for each in ("order.accepted", "order.picked", "order.released", "order.shipped")]
    with reading(engine) as connection:
        body = json.loads(connection.execute(select(webhook_message.c.body).where(webhook_message.c.type == "order.accepted")).scalar_one())
    assert body == {
        "type": "order.accepted",
        "timestamp": "2026-11-21T08:00:00.000000Z",
        "data": {
            "subject": fact.id,
            "site": SITE,
            "channel": "api",
            "number": "SO-1",
            "lines": [{"n": 1, "item": "peas", "quantity": 2, "promised": 2}],
        },
    }


@pytest.mark.requirement("X9")
def test_message_is_not_there_when_its_cause_is_rolled_back(engine: Engine) -> None:
    subscribe(engine, "erp", "order.shipped")

    class Undone(Exception):
        pass

    def emit_and_undo(connection: Connection) -> None:
        emit(connection, "order.shipped", "1", {}, NOW)
        raise Undone

    with pytest.raises(Undone):
        in_transaction(engine, emit_and_undo)

    assert outbox(engine) == []


def test_message_goes_to_those_who_want_it_and_to_nobody_else(engine: Engine) -> None:
    subscribe(engine, "all", "order.shipped")
    subscribe(engine, "here", "order.shipped", site=SITE)
    subscribe(engine, "there", "order.shipped", site="s2")
    subscribe(engine, "other", "order.picked")
    subscribe(engine, "off", "order.shipped", enabled=False)
    with transaction(engine) as connection:
        emit(connection, "order.shipped", "1", {}, NOW, SITE)

    assert outbox(engine) == [("order.shipped", "all"), ("order.shipped", "here")]


def test_endpoint_made_in_another_transaction_is_known_at_the_next(engine: Engine) -> None:
    with transaction(engine) as connection:
        emit(connection, "order.shipped", "1", {}, NOW)
    subscribe(engine, "erp", "order.shipped")
    with transaction(engine) as connection:
        emit(connection, "order.shipped", "2", {}, NOW)

    assert outbox(engine) == [("order.shipped", "erp")]


def test_message_of_an_unknown_type_is_a_mistake_of_the_program(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(KeyError):
        emit(connection, "order.eaten", "1", {}, NOW)


def test_work_order_tells_that_it_was_opened_and_resolved_each_once(engine: Engine) -> None:
    subscribe(engine, "erp", "work_order.opened", "work_order.resolved")
    house = Warehouse(engine)
    numbers = {house.do(lambda c: exceptions.raise_work_order(c, "mispick", "A-01", "look", None, NOW, site=SITE)) for _ in range(2)}
    for _ in range(2):
        house.do(lambda c: exceptions.resolve(c, min(numbers), "looked", "li", NOW))
    house.do(lambda c: exceptions.close(c, min(numbers), "again", "li", NOW))
    house.do(lambda c: exceptions.raise_work_order(c, "mispick", "A-02", "look", None, NOW, site=SITE))
    house.do(lambda c: exceptions.settle(c, ["mispick"], "A-02", SITE, "settled", NOW))

    assert outbox(engine) == [("work_order.opened", "erp")] * 2 + [("work_order.resolved", "erp")] * 2
    with pytest.raises(ConflictError):
        house.do(lambda c: exceptions.resolve(c, min(numbers), "in other words", "wu", NOW))

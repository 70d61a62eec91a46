# SPDX-License-Identifier: Apache-2.0
"""Tryton's side of the stock benchmark; runs in an environment of its own (see `benchmarks.tryton`), not in ours.

    tryton_worker.py setup                                  makes a database with the modules stock, stock_lot, stock_lot_sled
    tryton_worker.py run ITEMS PALLETS ORDERS LINES WORKERS LOTS

It reads the database's address from TRYTOND_DATABASE__URI. Before each step it prints `{"ready": STEP}` and waits for a line on its standard input, so
that the caller can look at the clocks of all processes; after it `{"done": STEP, "count": N, "seconds": S, ...}` and waits again. Flow: shipments in
(receive, do: two moves a pallet), shipments out (wait), assign_try, pick. Through its own models and workflow, in process: no HTTP is counted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from trytond import config

NAME = "stockbench"
_UNITS_PER_PALLET = 100
_PRODUCTS_PER_SHIPMENT = 20
_ATTEMPTS = 60
config.set("database", "uri", os.environ["TRYTOND_DATABASE__URI"])

from trytond import backend  # noqa: E402
from trytond.pool import Pool  # noqa: E402
from trytond.transaction import Transaction  # noqa: E402

_known: dict[str, Any] = {}


def set_up() -> None:
    """A database, its modules, and one company."""
    from trytond.tests import test_tryton

    Pool.start()
    test_tryton.create_db(NAME, "en")
    pool = Pool(NAME)
    modules = ["stock", "stock_lot", "stock_lot_sled"]
    with Transaction().start(NAME, 1) as transaction:
        module = pool.get("ir.module")
        module.activate(module.search([("name", "in", modules)]))
        transaction.commit()
    pool.init(update=modules, lang=["en"], activatedeps=True)
    with Transaction().start(NAME, 1) as transaction:
        party, company, currency, user = (pool.get(name) for name in ("party.party", "company.company", "currency.currency", "res.user"))
        rate = {"date": date(2020, 1, 1), "rate": Decimal(1)}
        (money,) = currency.create([{"name": "USD", "code": "USD", "symbol": "$", "rates": [("create", [rate])]}])
        (owner,) = party.create([{"name": "Company"}])
        (made,) = company.create([{"party": owner.id, "currency": money.id}])
        user.write([user(1)], {"companies": [("add", [made.id])], "company": made.id})
        transaction.commit()


def open_pool() -> Pool:
    """The models, with the company's and the currency's ids learnt."""
    Pool.start()
    pool = Pool(NAME)
    pool.init()
    with Transaction().start(NAME, 0, readonly=True) as transaction:
        cursor = transaction.connection.cursor()
        cursor.execute("select id, currency from company_company")
        _known["company"], _known["currency"] = cursor.fetchone()
    return pool


def _begin(known: dict[str, Any]) -> None:
    open_pool()
    _known.update(known)


def _transaction() -> Any:
    return Transaction().start(NAME, 1, context={"company": _known["company"]})


def _again(work: Callable[[], None]) -> int:
    """Do it until the database lets it through; returns how often it refused."""
    for attempt in range(_ATTEMPTS):
        try:
            work()
        except backend.DatabaseOperationalError:
            time.sleep(random.random() * 0.02 * (attempt + 1))  # the two that met must not meet again
        else:
            return attempt
    raise RuntimeError(f"the database refused {_ATTEMPTS} times")


def _places(pool: Pool) -> dict[str, Any]:
    return {place.code: place for place in pool.get("stock.location").search([])}


def receive(documents: Sequence[Sequence[int]], lots: bool) -> int:
    """Receive and put away one pallet of each product of each document."""
    return sum(_again(partial(_receive_one, products, lots)) for products in documents)


def _receive_one(products: Sequence[int], lots: bool) -> None:
    pool, today = Pool(NAME), datetime.now(UTC).date()
    with _transaction() as transaction:
        shipment_model, move_model, lot_model = (pool.get(name) for name in ("stock.shipment.in", "stock.move", "stock.lot"))
        places = _places(pool)
        dates = {"effective_date": today, "planned_date": today}
        shipment = shipment_model(
            company=_known["company"],
            supplier=_known["partner"],
            warehouse=places["WH"],
            warehouse_input=places["IN"],
            warehouse_storage=places["STO"],
            **dates,
        )
        moves = []
        for product in products:
            move = move_model(
                product=product,
                unit=_known["unit"],
                quantity=_UNITS_PER_PALLET,
                from_location=places["SUP"],
                to_location=places["IN"],
                company=_known["company"],
                unit_price=Decimal(1),
                currency=_known["currency"],
                **dates,
            )
            if lots:
                last_day = today + timedelta(days=random.randint(30, 400))
                lot = lot_model(number=f"L{random.getrandbits(60)}", product=product, expiration_date=last_day, shelf_life_expiration_date=last_day)
                lot.save()
                move.lot = lot
            moves.append(move)
        shipment.incoming_moves = moves
        shipment.save()
        shipment_model.receive([shipment])
        shipment_model.do([shipment])
        transaction.commit()


def take_orders(orders: Sequence[Sequence[tuple[int, int]]]) -> list[int]:
    """Make a shipment out of each order; returns their ids."""
    pool, today, made = Pool(NAME), datetime.now(UTC).date(), []
    for order in orders:
        with _transaction() as transaction:
            shipment_model, move_model = pool.get("stock.shipment.out"), pool.get("stock.move")
            places = _places(pool)
            shipment = shipment_model(
                company=_known["company"],
                customer=_known["partner"],
                warehouse=places["WH"],
                warehouse_storage=places["STO"],
                warehouse_output=places["OUT"],
                planned_date=today,
            )
            shipment.delivery_address = pool.get("party.party")(_known["partner"]).addresses[0]
            shipment.outgoing_moves = [
                move_model(
                    product=product,
                    unit=_known["unit"],
                    quantity=quantity,
                    from_location=places["OUT"],
                    to_location=places["CUS"],
                    company=_known["company"],
                    unit_price=Decimal(2),
                    currency=_known["currency"],
                    planned_date=today,
                )
                for product, quantity in order
            ]
            shipment.save()
            shipment_model.wait([shipment])
            transaction.commit()
            made.append(shipment.id)
    return made


def allocate(shipments: Sequence[int]) -> int:
    """Assign each shipment's moves; returns how many were assigned whole."""
    whole = 0
    for number in shipments:
        answers: list[bool] = []

        def work(number: int = number, answers: list[bool] = answers) -> None:
            with _transaction() as transaction:
                model = Pool(NAME).get("stock.shipment.out")
                assigned = model.assign_try([model(number)])
                transaction.commit()
                answers.append(assigned is not False)

        _again(work)
        whole += answers[-1]
    return whole


def pick(shipments: Sequence[int]) -> int:
    """Confirm the picks of each shipment."""

    def work(number: int) -> None:
        with _transaction() as transaction:
            model = Pool(NAME).get("stock.shipment.out")
            model.pick([model(number)])
            transaction.commit()

    for number in shipments:
        _again(partial(work, number))
    return len(shipments)


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)
    sys.stdin.readline()


def _step(name: str, count: int, work: Callable[[], Any]) -> Any:
    _say(ready=name)
    started_s = time.perf_counter()
    result = work()
    _say(done=name, count=count, seconds=time.perf_counter() - started_s)
    return result


def _shares(things: Sequence[Any], workers: int) -> list[Sequence[Any]]:
    return [things[start::workers] for start in range(workers)]


def _products(pool: Pool, count: int) -> list[int]:
    with _transaction() as transaction:
        template, unit_model, party = (pool.get(name) for name in ("product.template", "product.uom", "party.party"))
        unit = unit_model.search([("symbol", "=", "u")])[0]
        (partner,) = party.create([{"name": "Partner", "addresses": [("create", [{"street": "1"}])]}])
        rows = [{"name": f"P{n}", "default_uom": unit.id, "type": "goods", "list_price": Decimal(2), "products": [("create", [{}])]} for n in range(count)]
        products = [made.products[0].id for made in template.create(rows)]
        _known.update(partner=partner.id, unit=unit.id)
        transaction.commit()
    return products


def run(items: int, pallets: int, orders: int, lines: int, workers: int, lots: bool) -> None:
    """One round on fresh products."""
    pool, chance = open_pool(), random.Random(5)
    products = _products(pool, items)
    documents = [products[start : start + _PRODUCTS_PER_SHIPMENT] for start in range(0, items, _PRODUCTS_PER_SHIPMENT) for _ in range(pallets)]
    chance.shuffle(documents)
    asked = [[(product, chance.randint(1, 12)) for product in chance.sample(products, lines)] for _ in range(orders)]
    with multiprocessing.get_context("spawn").Pool(workers, _begin, (dict(_known),)) as processes:

        def everywhere(work: Callable[..., Any], things: Sequence[Any], *more: Any) -> list[Any]:
            jobs = [processes.apply_async(work, (share, *more)) for share in _shares(things, workers)]
            return [job.get() for job in jobs]

        everywhere(_nothing, range(workers))
        _step("receive", items * pallets, lambda: everywhere(receive, documents, lots))
        made: Iterable[list[int]] = _step("order", orders * lines, lambda: everywhere(take_orders, asked))
        shipments = [number for share in made for number in share]
        whole = _step("allocate", orders * lines, lambda: everywhere(allocate, shipments))
        if sum(whole) != orders:
            raise RuntimeError(f"{sum(whole)} of {orders} shipments were assigned although stock is ample")
        _step("pick", orders * lines, lambda: everywhere(pick, shipments))


def _nothing(_share: Sequence[Any]) -> None:
    """Wait until every process has loaded its models."""
    time.sleep(1)  # busy so long, no process takes the share of another one that still loads


if __name__ == "__main__":
    if sys.argv[1] == "setup":
        set_up()
    else:
        items, pallets, orders, lines, workers, lots = (int(number) for number in sys.argv[2:8])
        run(items, pallets, orders, lines, workers, lots=bool(lots))

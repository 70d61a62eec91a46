# SPDX-License-Identifier: Apache-2.0
"""Dockline's side of a comparison of stock work: one day of pallets, orders, releases and picks through a running central service."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
from sqlalchemy import create_engine, text

from benchmarks.allocate import CLIENTS, Client
from benchmarks.processes import tree_cpu_s
from contracts import wire
from contracts.events import ItemScanned
from contracts.identifiers import check_digit
from contracts.readings import Identifiers
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch
from firmware_sims.stack import Stack, fetch_json

SITE = "s1"
ORDERS = 400
"""Ten times as many as the peer's round: ours would be over before a processor clock of 10 ms says anything."""
PALLETS_TIMES = 10
"""Likewise; and what a service does once (connections, prepared statements) is not a pallet's."""
_UNITS_PER_PALLET = 100
_PALLETS_PER_NOTICE = 40
"""As many as the peer has on a document; it receives and puts them away with one call each, and so do we."""
_EVENTS_PER_BATCH = 50
_ADDRESS = GatewayAddress(partition_of(SITE), SITE, "gate-1")
_numbers = itertools.count(1)
Steps = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class _Pallet:
    sscc: str
    item: str
    lot: str
    expiry: date
    bin: str


class _Day:
    """One fresh database, its service, and what is done through it."""

    def __init__(self, stack: Stack, postgres: int, items: int, pallets: int, lines: int) -> None:
        self._stack = stack
        self._postgres = postgres
        self._chance = random.Random(5)
        self._lines = lines
        self._items = [f"item-{n}" for n in range(items)]
        self._pallets = [self._pallet(n, item) for n, item in enumerate(item for item in self._items for _ in range(pallets))]
        self._chance.shuffle(self._pallets)
        self._tasks: dict[str, list[dict[str, Any]]] = {}

    def _pallet(self, n: int, item: str) -> _Pallet:
        payload = f"0061414{n:010d}"
        return _Pallet(payload + str(check_digit(payload)), item, f"L{n}", date(2030, 1, 1) + timedelta(days=self._chance.randrange(400)), f"B-{n:04d}")

    async def steps(self) -> Steps:
        """Furnish, then measure each step."""
        await self._furnish()
        orders = self._orders()
        return {
            "receive": await self._measured(len(self._pallets), self._receive),
            "order": await self._measured(ORDERS * self._lines, lambda: self._each("orders", orders)),
            "allocate": await self._measured(ORDERS * self._lines, self._release),
            "pick": await self._measured(ORDERS * self._lines, self._pick),
        }

    async def _measured(self, count: int, work: Callable[[], Awaitable[object]]) -> dict[str, float]:
        assert self._stack.broker is not None
        roots = [self._stack.central.pid, self._stack.broker.pid, self._postgres]
        before_s, started_s = tree_cpu_s(roots), time.perf_counter()
        await work()
        seconds = time.perf_counter() - started_s
        return {"per_s": count / seconds, "cpu_ms": 1000 * (tree_cpu_s(roots) - before_s) / count}

    async def _furnish(self) -> None:
        places = [{"site": SITE, "code": pallet.bin, "kind": "bin", "pick_rank": n} for n, pallet in enumerate(self._pallets)]
        others = [{"site": SITE, "code": "store", "kind": "storage"}, {"site": SITE, "code": "out", "kind": "stage"}]
        partners = [{"code": "dairy", "name": "Dairy", "kind": "supplier"}, {"code": "shop", "name": "Shop", "kind": "customer"}]
        async with Client(self._stack.central_port) as client:
            for kind, rows in (("partners", partners), ("items", [{"code": code, "name": code} for code in self._items]), ("locations", places + others)):
                await client.put(f"/api/v1/catalog/{kind}", json.dumps(rows).encode())

    async def _each(self, path: str, bodies: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Post each (key, body) to its path, as many at a time as there are clients."""
        waiting, answers = iter(bodies), list[Any]()

        async def work() -> None:
            async with Client(self._stack.central_port) as client:
                for key, body in waiting:
                    answers.append(json.loads(await client.post(f"/api/v1/{path.format(key=key)}", json.dumps(body).encode(), key)))

        await asyncio.gather(*(work() for _ in range(CLIENTS)))
        return answers

    async def _receive(self) -> None:
        """Announce the pallets, receive each by the scan of its label, and put those of a notice away into their bins."""
        parts = [self._pallets[start : start + _PALLETS_PER_NOTICE] for start in range(0, len(self._pallets), _PALLETS_PER_NOTICE)]
        notices = [
            {"number": f"ASN-{n}", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": each.sscc, "lines": [_announced(each)]} for each in part]}
            for n, part in enumerate(parts)
        ]
        await self._each("ship-notices", [(str(notice["number"]), notice) for notice in notices])
        async with _gateway(self._stack.broker_url) as client:
            for first in range(0, len(self._pallets), _EVENTS_PER_BATCH):
                await client.publish(_ADDRESS.topic("up/movements"), _scans(first + 1, self._pallets[first : first + _EVENTS_PER_BATCH]), qos=1)
            async for message in client.messages:
                if isinstance(message.payload, bytes) and wire.decode_ack(message.payload).upto == len(self._pallets):
                    break
        moves = [(f"put-{n}", {"moves": [_put_away(each) for each in part]}) for n, part in enumerate(parts)]
        for answer in await self._each("stock/move-batches", moves):
            if answer["refused"]:
                raise RuntimeError(f"pallets could not be put away: {answer['refused'][:2]}")

    def _orders(self) -> list[tuple[str, dict[str, Any]]]:
        orders = []
        for n in range(ORDERS):
            lines = [{"item": item, "quantity": self._chance.randint(1, 12)} for item in self._chance.sample(self._items, self._lines)]
            order = {"channel": "bench", "number": f"{n}", "site": SITE, "partner": "shop", "lines": lines, "ship_when": "asked"}
            orders.append((f"{n}", order))
        return orders

    async def _release(self) -> None:
        listed = await asyncio.to_thread(self._order_ids)
        answers = await self._each("orders/{key}/release", [(order_id, {"actor": "bench"}) for order_id in listed])
        self._tasks = {answer["id"]: answer["tasks"] for answer in answers}
        short = sum(line["short"] for answer in answers for line in answer["lines"])
        if short:
            raise RuntimeError(f"{short} pieces were short although stock is ample")

    def _order_ids(self) -> list[str]:
        engine = create_engine(self._stack.database_url)
        with engine.connect() as connection:
            ids = [str(row[0]) for row in connection.execute(text("SELECT id FROM customer_order"))]
        engine.dispose()
        return ids

    async def _pick(self) -> None:
        """Confirm the picks of an order with one request, as the peer confirms a shipment with one call."""
        bodies = [
            (order, {"confirmations": [{"task": task["id"], "quantity": task["requested"]} for task in tasks], "actor": "bench"})
            for order, tasks in self._tasks.items()
        ]
        for answer in await self._each("pick-confirmations", bodies):
            if answer["refused"]:
                raise RuntimeError(f"picks were refused: {answer['refused'][:2]}")


def _announced(pallet: _Pallet) -> dict[str, Any]:
    return {"item": pallet.item, "lot": pallet.lot, "expiry": pallet.expiry.isoformat(), "quantity": _UNITS_PER_PALLET}


def _put_away(pallet: _Pallet) -> dict[str, Any]:
    goods = {"item": pallet.item, "lot": pallet.lot, "unit": pallet.sscc, "quantity": _UNITS_PER_PALLET}
    return {"place": f"{SITE}/store", "to_place": f"{SITE}/{pallet.bin}", **goods}


def _scans(first_seq: int, pallets: Sequence[_Pallet]) -> bytes:
    now = datetime.now(UTC)
    events = [
        ItemScanned(seq=seq, event_time=now, station="scan-1", text=f"00{each.sscc}", identifiers=Identifiers(sscc=each.sscc))
        for seq, each in enumerate(pallets, start=first_seq)
    ]
    batch = Batch(gateway="gate-1", epoch="e1", lane="movements", first_seq=first_seq, events=[msgspec.Raw(wire.encode(event)) for event in events])
    return wire.encode(batch)


@asynccontextmanager
async def _gateway(broker_url: str) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", int(broker_url.rpartition(":")[2]), protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(_ADDRESS.topic("ack"), qos=1)
        yield client


async def _measure(folder: Path, url: str, postgres: int, items: int, pallets: int, lines: int) -> Steps:
    stack = Stack(folder, database_url=url)
    try:
        assert stack.broker is not None
        await stack.broker.start()
        await stack.central.start()
        steps = await _Day(stack, postgres, items, pallets * PALLETS_TIMES, lines).steps()
        verdict = await fetch_json(f"{stack.central_url}/api/v1/ledger/verify")
    finally:
        await stack.stop()
    if not verdict["ledger_verified"]:
        raise RuntimeError(f"the ledger is not sound after the day: {verdict['findings'][:3]}")
    return steps


def measured(server_url: str, postgres: int, items: int, pallets: int, lines: int) -> Steps:
    """One day on a new database of a PostgreSQL server: by step, things a second and CPU milliseconds a thing. Raises: RuntimeError: anything went wrong."""
    name = f"dockline_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, tempfile.TemporaryDirectory(prefix="dockline-bench-") as folder:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            return asyncio.run(_measure(Path(folder), f"{server_url.rpartition('/')[0]}/{name}", postgres, items, pallets, lines))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

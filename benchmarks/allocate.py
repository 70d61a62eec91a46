# SPDX-License-Identifier: Apache-2.0
"""Allocation through the real HTTP API: order lines a second and CPU a line, with FEFO, idempotent answers, pick tasks and checks after each run.

Orders of 10 lines wait as open orders; 64 clients on keep-alive connections release them one by one (`POST /orders/{id}/release` with an Idempotency-Key).
`cold`: 1,000 items in 20 lots each; `hot`: 20 items in 50 lots each, so that every order meets every other one. The ledger has 20,000 facts of before and
fresh statistics. The service is `dockline central run` in a process of its own, warmed up; CPU is user and system time of its process tree and of the
PostgreSQL server's, without the clients'. `bulk` releases 50 orders a request.

After each run: every line is reserved in full (stock is ample), no reservation passed over a lot that expires earlier, balances equal the sum of reservations,
and the verifier finds nothing. A run that breaks one of these ends the benchmark. Run: python -m benchmarks allocate.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, insert, text

from benchmarks.processes import tree_cpu_s
from central.bulk import insert_rows
from central.catalog.tables import item, location, lot
from central.database import in_transaction, micros, open_engine, reading
from central.ledger.sealer import seal
from central.ledger.service import Account, Fact, Leg, lock, post, record, record_new
from central.ledger.verify import verify
from central.migrations import upgrade
from central.outbound.tables import customer_order, order_line
from firmware_sims.stack import free_port
from tests import servers

LINES = 10
"""Of an order."""
CLIENTS = 64
"""Connections that each wait for their answer before they ask again."""
_BULK = 50
"""Orders in one request."""
_EARLIER_FACTS = 20_000
"""A house that has worked before: PostgreSQL looks through the facts of one that has not from end to end for every reservation, until its first statistics
(within a minute of its first orders) say that there are many."""
_SITE = "s1"
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Case:
    """So many items in so many lots, each lot in a bin of its own."""

    name: str
    items: int
    lots: int
    orders: int


CASES = (Case("cold", 1000, 20, 1200), Case("hot", 20, 50, 1200))


def furnish(engine: Engine, case: Case) -> list[str]:
    """Items, bins, stock and open orders of one case; returns the orders' ids. Lots are small enough that orders go through many of them."""
    upgrade(engine)
    chance, now, first = random.Random(7), datetime.now(UTC), date.today() + timedelta(days=30)  # noqa: DTZ011  # any day far off will do
    codes = [f"{case.name}-{n}" for n in range(case.items)]
    goods = [(code, f"L{n}", first + timedelta(days=chance.randrange(300))) for code in codes for n in range(case.lots)]
    wanted = case.orders * LINES * 3 / (case.items * case.lots)
    each_lot = max(3, int(wanted * 2.5))
    orders = [str(uuid.uuid4()) for _ in range(case.orders)]

    def fill(connection: Any) -> None:
        connection.execute(insert(item), [{"code": code, "name": code} for code in codes])
        connection.execute(insert(lot), [{"item": code, "lot": name, "expiry": expiry} for code, name, expiry in goods])
        bins = [f"{code}-{name}" for code, name, _ in goods]
        places = [{"place": f"{_SITE}/{name}", "site": _SITE, "code": name, "kind": "bin", "pick_rank": n} for n, name in enumerate(bins)]
        connection.execute(insert(location), places)
        fact = Fact(str(uuid.uuid4()), "bench", None, "Opening", b"{}", "bench", now, _SITE)
        record(connection, fact, now)
        lock(connection, [(_SITE, code) for code in codes])
        accounts = [Account(f"{_SITE}/{code}-{name}", code, name) for code, name, _ in goods]
        post(connection, fact.id, [leg for account in accounts for leg in (Leg(account.at("@vendor"), -each_lot), Leg(account, each_lot))])
        heads = [(order, "bench", f"{n}", _SITE, "shop", "open", "asked", micros(now)) for n, order in enumerate(orders)]
        insert_rows(connection, customer_order, ("id", "channel", "number", "site", "partner", "state", "ship_when", "created_at"), heads)
        lines = []
        for order in orders:
            for n, code in enumerate(chance.sample(codes, LINES), start=1):
                quantity = chance.randint(1, 5)
                lines.append((f"{order}/{n}", order, n, code, quantity, quantity))
        insert_rows(connection, order_line, ("id", "order_id", "n", "item", "quantity", "promised"), lines)

    in_transaction(engine, lambda connection: _work_before(connection, now - timedelta(days=1)))
    in_transaction(engine, fill)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return orders


def _work_before(connection: Connection, at: datetime) -> None:
    """Facts of an earlier day, sealed as they would be."""
    facts = [Fact(str(uuid.uuid4()), "bench", None, "Earlier", b"{}", "bench", at, _SITE) for _ in range(_EARLIER_FACTS)]
    record_new(connection, facts, at)
    while seal(connection, at):
        pass


@contextmanager
def central(url: str) -> Iterator[tuple[int, int]]:
    """The service, warm, on a free port of loopback; yields the port and the id of its process."""
    port = free_port()
    command = [sys.executable, str(_ROOT / "benchmarks" / "allocate.py"), url, str(port)]
    process = subprocess.Popen(command, cwd=_ROOT, env={**os.environ, "PYTHONPATH": str(_ROOT)})
    try:
        _wait_for(port, process)
        _wait_until_quiet(process.pid)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    import httpx

    for _ in range(400):
        if process.poll() is not None:
            raise RuntimeError(f"central ended with {process.returncode}")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)  # nothing listens yet: no event of ours to wait for
    raise RuntimeError("central did not come up")


def _wait_until_quiet(pid: int) -> None:
    """Until the service has rehearsed its first order (`central.outbound.warming`), which it does beside its first requests and says to nobody."""
    before_s = -1.0
    for _ in range(100):
        now_s = tree_cpu_s([pid])
        if now_s == before_s:
            return
        before_s = now_s
        time.sleep(0.3)  # processor clocks tick every 10 ms
    raise RuntimeError(f"central was still at work {100 * 0.3:.0f} s after it came up")


def postgres_of(engine: Engine) -> list[int]:
    """The process of the PostgreSQL server behind an engine; nothing for SQLite."""
    if engine.dialect.name != "postgresql":
        return []
    with reading(engine) as connection:
        return [psutil.Process(connection.execute(text("SELECT pg_backend_pid()")).scalar_one()).ppid()]


class Client:
    """One keep-alive connection that speaks just enough HTTP/1.1: a measuring client must cost less than what it measures."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, path: str, body: bytes, key: str) -> bytes:
        """Post JSON; returns the answer's body. Raises: RuntimeError: no 200."""
        return await self._ask("POST", path, body, f"Idempotency-Key: {key}\r\n")

    async def put(self, path: str, body: bytes) -> bytes:
        """Put JSON; returns the answer's body. Raises: RuntimeError: no 200."""
        return await self._ask("PUT", path, body, "")

    async def _ask(self, method: str, path: str, body: bytes, headers: str) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        status = await self._reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in status.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        answer = await self._reader.readexactly(length)
        if b" 200 " not in status[:15]:
            raise RuntimeError(f"{path}: {status[:60]!r} {answer[:300]!r}")
        return answer


async def release_all(port: int, orders: list[str], clients: int) -> tuple[float, list[float], list[bytes]]:
    """Release the orders, each by one request; returns seconds, latencies in ms and answers."""
    waiting, latencies, answers = iter(orders), list[float](), list[bytes]()

    async def work() -> None:
        async with Client(port) as client:
            for order in waiting:
                began = time.perf_counter()
                answers.append(await client.post(f"/api/v1/orders/{order}/release", b'{"actor":"bench"}', order))
                latencies.append((time.perf_counter() - began) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return time.perf_counter() - started, latencies, answers


async def release_bulk(port: int, orders: list[str]) -> float:
    """Release the orders fifty at a time over four connections; returns seconds."""
    parts = iter([orders[start : start + _BULK] for start in range(0, len(orders), _BULK)])

    async def work() -> None:
        async with Client(port) as client:
            for part in parts:
                answer = json.loads(await client.post("/api/v1/releases", json.dumps({"orders": part}).encode(), part[0]))
                assert len(answer["released"]) == len(part)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(4)))
    return time.perf_counter() - started


def check(engine: Engine, orders: int) -> None:
    """What must hold after any run. Raises: AssertionError."""
    # Stock only left, so a lot that still has free goods had them all the time: nothing later may have been taken.
    unfair = text("SELECT count(*) FROM reservation r JOIN balance b ON b.site = r.site AND b.item = r.item AND b.on_hand > b.reserved AND b.expiry < r.expiry")
    with reading(engine) as connection:
        assert connection.execute(unfair).scalar() == 0, "FEFO was broken"
        lines = connection.execute(text("SELECT count(*), sum(quantity), sum(short) FROM order_line")).one()
        assert (lines[0], lines[2]) == (orders * LINES, 0), f"false shortages: {lines[2]} in {lines[0]} lines"
        reserved = connection.execute(text("SELECT sum(quantity) FROM reservation")).scalar()
        assert reserved == connection.execute(text("SELECT sum(reserved) FROM balance")).scalar() == lines[1], "sums differ"
        assert connection.execute(text("SELECT sum(requested) FROM pick_task")).scalar() == reserved
        assert verify(connection).texts() == []


def measure(url: str, case: Case, clients: int = CLIENTS, *, bulk: bool = False) -> dict[str, float]:
    """One run of one case on an empty database."""
    engine = open_engine(url)
    orders = furnish(engine, case)
    with central(url) as (port, central_pid):
        roots = [central_pid, *postgres_of(engine)]
        before = tree_cpu_s(roots)
        if bulk:
            seconds, latencies = asyncio.run(release_bulk(port, orders)), [0.0]
        else:
            seconds, latencies, _ = asyncio.run(release_all(port, orders, clients))
        used = tree_cpu_s(roots) - before
    check(engine, len(orders))
    engine.dispose()
    lines = len(orders) * LINES
    ordered = sorted(latencies)
    quantiles = {"p50_ms": ordered[len(ordered) // 2], "p95_ms": ordered[int(len(ordered) * 0.95)]}
    return {"lines_per_s": lines / seconds, "cpu_us_per_line": used / lines * 1e6} | ({} if bulk else quantiles)


def _runs(fresh: Any, name: str) -> dict[str, dict[str, float]]:
    found = {case.name: measure(fresh(), case) for case in CASES}
    found["cold_bulk"] = measure(fresh(), CASES[0], bulk=True)
    found["cold_one_client"] = measure(fresh(), Case("cold", 1000, 20, 200), 1)
    return {f"{name}_{key}": value for key, value in found.items()}


def _once() -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix="tmp-") as folder, servers.postgres(durable=True) as url:
        admin, numbers = open_engine(url), iter(range(100))

        def postgres() -> str:
            name = f"bench_{next(numbers)}"
            with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            return url.rsplit("/", 1)[0] + f"/{name}"

        try:
            return _runs(postgres, "postgresql") | _runs(lambda: f"sqlite:///{folder}/{next(numbers)}.db", "sqlite")
        finally:
            admin.dispose()


def run(repeats: int) -> dict[str, Any]:
    """Medians of the repeats, by database and case."""
    rounds = [_once() for _ in range(repeats)]
    return {case: {key: round(statistics.median(each[case][key] for each in rounds), 2) for key in values} for case, values in rounds[0].items()}


def _serve(url: str, port: int) -> None:
    import uvicorn

    from central.app import create_app
    from central.settings import Settings

    uvicorn.run(create_app(Settings(database=url, warm_up=True)), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))

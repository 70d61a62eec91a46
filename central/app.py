# SPDX-License-Identifier: Apache-2.0
"""Central's application: the only place that builds. Routes of all areas, probes, metrics, and the background work that lives as long as the service."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from central import error_pages, migrations, openapi, problems
from central.analytics.answers import Latency
from central.changes import Changes
from central.database import AREAS, in_transaction, open_engine, reading
from central.errors import BusyError
from central.examples import answer
from central.exceptions.messages import message
from central.exceptions.service import ask_person, raise_work_order
from central.fleet.enrolment_rules import Tries
from central.fleet.queries import gateways_online
from central.forms import addresses_of
from central.idempotency import Idempotency
from central.idempotency import forget as forget_answers
from central.identity.gate import Gate
from central.inbound.captures import forget as forget_captures
from central.ingest.queries import IngestCounts, counts
from central.ingest.registry import collect_handlers, collect_many
from central.ingest.service import Door
from central.ingest.worker import IngestWorker
from central.ledger import housekeeping
from central.ledger.sealer import SEALED_AT_ONCE_MAX, seal
from central.metrics import Metrics
from central.outbound import late as orders
from central.outbound import timeouts
from central.outbound.warming import warm_up
from central.requests import Database, utc_now
from central.settings import Settings
from central.sheets.files import ListFiles
from central.shipping import courier, work_lists
from central.stock import expiry
from central.trace import own_events, subscriptions
from central.webhooks.outbox import forget as forget_messages
from central.webhooks.sender import WebhookSender

log = logging.getLogger(__name__)
_FORGET_EVERY_S = 3600
probes = APIRouter()


@probes.get("/livez", include_in_schema=False)
async def alive() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "alive"})


@probes.get("/readyz", include_in_schema=False)
async def ready(request: Request) -> JSONResponse:
    """Whether the database answers at the newest migration and the broker is connected; 503 with the reason otherwise."""
    state = request.app.state
    faults = await asyncio.to_thread(_database_faults, state.engine)
    if state.worker is not None and not state.worker.connected.is_set():
        faults += state.worker.faults() or ["no broker was told yet that events are taken"]
    return JSONResponse({"status": "not ready" if faults else "ready", "faults": faults}, 503 if faults else 200)


def _database_faults(engine: Engine) -> list[str]:
    try:
        with reading(engine) as connection:
            connection.execute(select(1))
        at, newest = migrations.current(engine), migrations.newest()
    except SQLAlchemyError as error:
        return [f"the database does not answer ({type(error).__name__})"]
    return [] if at == newest else [f"the database is at revision {at}, this program needs {newest}; run 'dockline central migrate'"]


@probes.get("/metrics", include_in_schema=False)
async def metrics_page(request: Request) -> Response:
    """Metrics for Prometheus."""
    state = request.app.state
    state.metrics.gateways_online.set(await asyncio.to_thread(_online, state.engine))
    return Response(generate_latest(state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _online(engine: Engine) -> int:
    with reading(engine) as connection:
        return gateways_online(connection)


class StatusOut(BaseModel):
    """How the service does."""

    model_config = answer(
        {
            "version": "0.1.0",
            "events_accepted": 20400,
            "events_applied": 20400,
            "events_excepted": 14,
            "events_quarantined": 0,
            "duplicates_refused": 31,
            "latency_ms": {"p50": 3.1, "p99": 12.4},
        }
    )

    version: str
    events_accepted: int
    events_applied: int
    events_excepted: int
    events_quarantined: int
    duplicates_refused: int
    latency_ms: Latency


@probes.get("/api/v1/status", tags=["status"])
def status(request: Request, engine: Database) -> StatusOut:
    """Versions, what ingest took since the database was made, and how fast it was of late."""
    with reading(engine) as connection:
        taken: IngestCounts = counts(connection)
    metrics: Metrics = request.app.state.metrics
    return StatusOut(
        version=version("dockline"),
        events_accepted=taken.accepted,
        events_applied=taken.applied,
        events_excepted=taken.excepted,
        events_quarantined=taken.quarantined,
        duplicates_refused=taken.duplicates,
        latency_ms=Latency(p50=metrics.lag_ms(0.5), p99=metrics.lag_ms(0.99)),
    )


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now, engine: Engine | None = None) -> FastAPI:
    """The application. It connects to the database when it is started, not before; the database must be migrated (`central.migrations.upgrade`)."""
    app = FastAPI(
        title="Dockline",
        version=version("dockline"),
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=openapi.operation_id,
    )
    openapi.install(app, keys_required=settings.keys_required)
    app.state.settings = settings
    app.state.clock = clock
    app.state.engine = engine or open_engine(settings.database)
    app.state.changes = Changes()
    app.state.metrics = Metrics()
    app.state.worker = None
    app.state.enrolment_tries = Tries()
    problems.install(app)
    app.include_router(probes)
    app.include_router(error_pages.router)
    routers = [] if settings.ingest_only else _routers()
    for router in routers:
        app.include_router(router)
    app.state.addresses = list(addresses_of((probes, *routers)))
    app.add_middleware(ListFiles, addresses=app.state.addresses)
    app.add_middleware(Idempotency, engine=app.state.engine, clock=clock, addresses=app.state.addresses, body_bytes_max=settings.body_bytes_max)
    app.add_middleware(Gate, engine=app.state.engine, hosts=_hosts(settings), keys_required=settings.keys_required)
    return app


def _hosts(settings: Settings) -> tuple[str, ...]:
    """Names under which the service may be called; any when it is open to the network under no declared name, for then keys protect it."""
    if settings.keys_required and not settings.allowed_hosts:
        return ()
    return ("localhost", "127.0.0.1", "::1", *settings.allowed_hosts)


_CALLED_MOST = ("central.outbound.release_api", "central.outbound.confirm_api", "central.outbound.orders_api", "central.stock.moves_api")
"""Routes are tried in turn; behind all others these would pay for 170 attempts, more than for the rest of their way through the framework."""


def _routers() -> list[APIRouter]:
    names = (
        *_CALLED_MOST,
        *(f"central.{area}.api" for area in AREAS),
        "central.fleet.trust_api",
        "central.fleet.configurations_api",
        "central.inbound.captures_api",
        "central.web.pages",
        "central.web.dock_pages",
        "central.web.gateway_pages",
        "central.web.count_pages",
        "central.web.exception_pages",
        "central.web.label_pages",
        "central.web.pick_pages",
        "central.web.wall_pages",
    )
    return [importlib.import_module(name).router for name in names if importlib.util.find_spec(name.rpartition(".")[0]) and importlib.util.find_spec(name)]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state, settings = app.state, app.state.settings
    loop = asyncio.get_running_loop()
    state.changes.bind(loop)
    threads = ThreadPoolExecutor(thread_name_prefix="central")
    loop.set_default_executor(threads)
    work: list[asyncio.Task[None]] = []
    if settings.brokers:
        door = Door(collect_handlers(), raise_work_order, collect_many())
        state.worker = IngestWorker(state.engine, settings.brokers, door, state.metrics, state.changes, state.clock)
        work.append(asyncio.create_task(state.worker.run(), name="ingest"))
    if not settings.ingest_only:
        work += _chores(app)
    warming = asyncio.create_task(_warm_up(app), name="warming up")
    for task in (warming, *work):
        task.add_done_callback(_say_if_it_broke)
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(warming, *work, return_exceptions=True)
        # A task that is cancelled leaves its thread at work; a connection that comes back to a pool that was disposed of is closed by nobody.
        loop.set_default_executor(ThreadPoolExecutor())
        await asyncio.to_thread(threads.shutdown)
        state.engine.dispose()


def _chores(app: FastAPI) -> list[asyncio.Task[None]]:
    """Work that one process does for all on a database."""
    state, settings = app.state, app.state.settings
    sender = WebhookSender(state.engine, state.changes, state.clock, _ask_about_webhook, private_networks=settings.webhooks_private_networks)
    return [
        asyncio.create_task(sender.run(), name="webhooks"),
        asyncio.create_task(_forget_for_ever(app), name="forgetting"),
        asyncio.create_task(_seal_for_ever(app), name="sealer"),
        asyncio.create_task(housekeeping.watch(state.engine, state.clock), name="snapshots"),
        asyncio.create_task(timeouts.watch(state.engine, state.clock, state.changes), name="timeouts"),
        asyncio.create_task(courier.work_for_ever(state.engine, state.changes, state.clock), name="courier"),
        asyncio.create_task(work_lists.watch(state.engine, state.clock, state.changes), name="lists"),
        asyncio.create_task(orders.watch(state.engine, state.clock, state.changes), name="orders"),
        asyncio.create_task(expiry.watch(state.engine, state.clock, state.changes), name="expiry"),
        asyncio.create_task(own_events.watch(state.engine, state.clock, state.changes), name="own events"),
        asyncio.create_task(subscriptions.watch(state.engine, state.clock, state.changes), name="subscriptions"),
    ]


async def _warm_up(app: FastAPI) -> None:
    state = app.state
    if state.settings.warm_up:
        await asyncio.to_thread(warm_up, state.engine, state.clock())
        # What the program has made of itself by now stays; looking for garbage in it again and again costs a tenth of a busy service's time.
        gc.collect()
        gc.freeze()


def _say_if_it_broke(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background work ended", exc_info=error, extra={"task": task.get_name()})


async def _seal_for_ever(app: FastAPI) -> None:
    state, sealed = app.state, 0
    while True:
        await asyncio.sleep(0 if sealed == SEALED_AT_ONCE_MAX else state.settings.seal_every_s)
        try:
            sealed = await asyncio.to_thread(in_transaction, state.engine, lambda connection: seal(connection, state.clock()))
            state.metrics.sealed.inc(sealed)
        except (BusyError, SQLAlchemyError) as error:
            sealed = 0
            log.warning("sealing failed, trying again", extra={"reason": str(error)})


def _ask_about_webhook(connection: Connection, endpoint: str, reason: str, now: datetime) -> None:
    ask_person(connection, message("webhook_dead", endpoint=endpoint, reason=reason), endpoint, None, now)


async def _forget_for_ever(app: FastAPI) -> None:
    state, settings = app.state, app.state.settings
    while True:
        now = state.clock()
        forgotten = 0
        try:
            for forget, days in (
                (forget_answers, settings.idempotency_keep_days),
                (forget_messages, settings.webhooks_keep_days),
                (partial(forget_captures, keep_per_door=settings.captures_keep_per_door), settings.captures_keep_days),
            ):
                forgotten += await asyncio.to_thread(in_transaction, state.engine, partial(forget, before=now - timedelta(days=days)))
        except (BusyError, SQLAlchemyError) as error:
            log.warning("forgetting old keys, messages and captures failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(1 if forgotten else _FORGET_EVERY_S)

# SPDX-License-Identifier: Apache-2.0
"""The pages' routes as a service of their own: on a real database, or showing a board made by hand; with the strictest policy for content."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import Engine

from central.changes import Changes
from central.database import load_tables, open_engine
from central.errors import DomainError
from central.server import CentralServer
from central.web.board import Board
from central.web.live import LiveBoard
from central.web.pages import router

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def make_engine(folder: Path) -> Engine:
    engine = open_engine(f"sqlite:///{folder / 'board.db'}")
    load_tables().create_all(engine)
    return engine


def make_app(engine: Engine, clock: Callable[[], datetime]) -> FastAPI:
    @asynccontextmanager
    async def bound(app: FastAPI) -> AsyncIterator[None]:
        app.state.changes.bind(asyncio.get_running_loop())
        yield

    app = FastAPI(lifespan=bound)
    app.state.engine, app.state.clock, app.state.changes = engine, clock, Changes()
    app.state.settings = SimpleNamespace(demo=True, time_zone=SHANGHAI)
    app.include_router(router)

    @app.middleware("http")
    async def with_policy(request: Request, call_next: Callable) -> Response:  # type: ignore[type-arg]
        response: Response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.exception_handler(DomainError)
    async def say(request: Request, error: DomainError) -> Response:
        return Response(error.message, status_code=error.status)

    return app


def pages_of(app: FastAPI) -> httpx.AsyncClient:
    """A client of the app without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


@dataclass
class Desk:
    """A running service that shows `board`; change it with `show`."""

    url: str
    board: Board
    app: FastAPI

    def show(self, board: Board) -> None:
        self.board = board
        self.app.state.changes.tell()


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """The app on a port of loopback (0: a free one); its address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        server = CentralServer(app, uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="board service")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


@contextmanager
def desk_with(board: Board, engine: Engine, clock: Callable[[], datetime], port: int = 0) -> Iterator[Desk]:
    """A service whose board is made by hand."""
    app = make_app(engine, clock)
    desk = Desk("", board, app)

    async def read() -> Board:
        return desk.board

    app.state.live_board = LiveBoard(read, clock, app.state.changes)
    with serving(app, port) as url:
        desk.url = url
        yield desk

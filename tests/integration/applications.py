# SPDX-License-Identifier: Apache-2.0
"""Central's application over a test's database. All of a process share one set of routes: working out their parameters costs more than most tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from fastapi import FastAPI
from fastapi.routing import APIRouter
from sqlalchemy import Engine

from central.app import create_app
from central.settings import Settings


@cache
def _router() -> APIRouter:
    return create_app(Settings("sqlite:///unused.db")).router


def app_over(engine: Engine, clock: Callable[[], datetime], settings: Settings | None = None) -> FastAPI:
    """An application of its own: its state, middleware and settings belong to nobody else. Routes find all of that by the request."""
    app = create_app(settings or Settings(engine.url.render_as_string(hide_password=False)), clock, engine)
    app.router = _router()
    return app

# SPDX-License-Identifier: Apache-2.0
"""Routes of analytics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from central.analytics.queries import figures
from central.database import reading
from central.metrics import Metrics
from central.requests import Database

router = APIRouter(prefix="/api/v1", tags=["analytics"])


@router.get("/figures")
def get_figures(request: Request, database: Database, verify: bool = True) -> dict[str, Any]:
    """All figures, with the verifier's answer unless `verify` is false, and the recent latency from device bytes to the committed ledger."""
    with reading(database) as connection:
        answer = figures(connection, verified=verify)
    metrics: Metrics = request.app.state.metrics
    return {**answer, "latency_ms": {"p50": metrics.lag_ms(0.5), "p99": metrics.lag_ms(0.99)}}

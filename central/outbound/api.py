# SPDX-License-Identifier: Apache-2.0
"""Routes of outbound, gathered."""

from __future__ import annotations

from fastapi import APIRouter

from central.outbound import orders_api, picking_api

router = APIRouter()
for _each in (orders_api, picking_api):
    router.include_router(_each.router)

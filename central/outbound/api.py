# SPDX-License-Identifier: Apache-2.0
"""Routes of outbound, gathered."""

from __future__ import annotations

from fastapi import APIRouter

from central.outbound import confirm_api, orders_api, picking_api, promise_api, release_api, tours_api, walls_api, waves_api

router = APIRouter()
for _each in (release_api, confirm_api, orders_api, promise_api, picking_api, tours_api, walls_api, waves_api):
    router.include_router(_each.router)

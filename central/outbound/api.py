# SPDX-License-Identifier: Apache-2.0
"""Routes of outbound, gathered; those that are called most (orders, releases, confirmations) are tried before all others (`central.app`)."""

from __future__ import annotations

from fastapi import APIRouter

from central.outbound import picking_api, promise_api, tours_api, walls_api, waves_api

router = APIRouter()
for _each in (promise_api, picking_api, tours_api, walls_api, waves_api):
    router.include_router(_each.router)

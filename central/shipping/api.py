# SPDX-License-Identifier: Apache-2.0
"""Routes of shipping, gathered from its rooms."""

from __future__ import annotations

from fastapi import APIRouter

from central.shipping import api_carriers, api_doors, api_loads, api_packages, api_papers, api_print_jobs, api_returns, api_scan_points

router = APIRouter()
for each in (api_packages, api_loads, api_doors, api_carriers, api_papers, api_print_jobs, api_returns, api_scan_points):
    router.include_router(each.router)

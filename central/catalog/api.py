# SPDX-License-Identifier: Apache-2.0
"""Routes of the catalog: its lists, and what can be asked of them."""

from __future__ import annotations

from fastapi import APIRouter

from central.catalog import lists_api, questions_api

router = APIRouter(prefix="/api/v1", tags=["catalog"])
router.include_router(questions_api.router)
router.include_router(lists_api.router)

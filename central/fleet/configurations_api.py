# SPDX-License-Identifier: Apache-2.0
"""Routes of configurations that are pushed to gateways."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["fleet"])

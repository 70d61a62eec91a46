# SPDX-License-Identifier: Apache-2.0
"""Tables of identity: API keys, kept as hashes."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from central.database import Instant, metadata

api_key = Table(
    "api_key",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

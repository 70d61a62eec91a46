# SPDX-License-Identifier: Apache-2.0
"""Tables of identity: API keys, kept as hashes; what was answered to requests that carry a key of their own."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, LargeBinary, String, Table

from central.database import Instant, metadata

api_key = Table(
    "api_key",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

request_answer = Table(
    "request_answer",
    metadata,
    Column("caller", String(64), primary_key=True, comment="name of the API key; empty where none is asked for"),
    Column("key", String(200), primary_key=True, comment="header Idempotency-Key"),
    Column("fingerprint", LargeBinary, nullable=False, comment="SHA-256 over method, path, query and body"),
    Column("runner", String(32), nullable=False, comment="the attempt that may write the answer"),
    Column("leased_until", Instant, nullable=False, comment="not answered by then: that attempt died"),
    Column("status", Integer, comment="null while it runs"),
    Column("headers", JSON),
    Column("body", LargeBinary),
    Column("made_at", Instant, nullable=False, index=True),
)

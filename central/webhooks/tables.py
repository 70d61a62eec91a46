# SPDX-License-Identifier: Apache-2.0
"""Tables of webhooks: endpoints with what they subscribe to, messages (the outbox), their deliveries and every attempt."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from central.database import BigId, Instant, metadata

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("url", String, nullable=False),
    Column("description", String, nullable=False, server_default=""),
    Column("site", String, nullable=False, server_default="", comment="only what happens at this site; empty: at all"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_reason", String, nullable=False, server_default="", comment="why Dockline itself disabled it"),
    Column("secret", String, nullable=False, comment="whsec_ and base64; a signature needs it in the clear"),
    Column("old_secret", String, nullable=False, server_default="", comment="signs too until old_secret_until"),
    Column("old_secret_until", Instant),
    Column("token", String, nullable=False, server_default="", comment="of a subscriber of EPCIS: signs too, in the header GS1-Signature"),
    Column("rotation_key", String, nullable=False, server_default="", comment="key of the request that changed the secret last"),
    Column("made_at", Instant, nullable=False),
)

webhook_subscription = Table(
    "webhook_subscription",
    metadata,
    Column("endpoint", String(64), ForeignKey("webhook_endpoint.code", ondelete="CASCADE"), primary_key=True),
    Column("type", String(64), primary_key=True),
)

webhook_message = Table(
    "webhook_message",
    metadata,
    Column("id", String(64), primary_key=True, comment="header webhook-id: the same at every attempt"),
    Column("type", String(64), nullable=False),
    Column("subject", String, nullable=False),
    Column("site", String, nullable=False, server_default=""),
    Column("body", Text, nullable=False, comment="what is sent and signed, byte for byte"),
    Column("made_at", Instant, nullable=False),
)
Index("ix_webhook_message_made", webhook_message.c.made_at, webhook_message.c.id)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("message", String(64), ForeignKey("webhook_message.id", ondelete="CASCADE"), primary_key=True),
    Column("endpoint", String(64), primary_key=True, comment="no foreign key: what was sent stays known when the endpoint is deleted"),
    Column("state", String, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="begun since it was made or asked for again"),
    Column("next_at", Instant, nullable=False, comment="not before"),
    Column("leased_until", Instant, comment="somebody sends it now; worthless afterwards"),
    Column("status", Integer, comment="of the last answer"),
    Column("error", String, nullable=False, server_default="", comment="why the last attempt failed"),
    Column("made_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint("state IN ('pending', 'delivered', 'dead', 'dropped')", name="state_known"),
)
_PENDING = text("state = 'pending'")
Index("ix_webhook_delivery_due", webhook_delivery.c.next_at, sqlite_where=_PENDING, postgresql_where=_PENDING)
Index("ix_webhook_delivery_endpoint", webhook_delivery.c.endpoint, webhook_delivery.c.state, webhook_delivery.c.made_at)

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", String(64), ForeignKey("webhook_message.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("status", Integer),
    Column("error", String, nullable=False, server_default=""),
    Column("answer", String, nullable=False, server_default="", comment="the beginning of what came back"),
)
Index("ix_webhook_attempt_message", webhook_attempt.c.message, webhook_attempt.c.endpoint, webhook_attempt.c.id)

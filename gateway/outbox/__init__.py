# SPDX-License-Identifier: Apache-2.0
"""The outbox: what happened is durable here before anything acknowledges it, and stays until central says that it has it (docs/decisions/0026)."""

from gateway.outbox.batches import BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Answer, Level, StoredBatch
from gateway.outbox.errors import OutboxDamagedError, OutboxFullError
from gateway.outbox.opening import Found
from gateway.outbox.outbox import Outbox
from gateway.outbox.written import Wear, card_life_days

__all__ = [
    "BATCH_BYTES_MAX",
    "BATCH_EVENTS_MAX",
    "Answer",
    "Found",
    "Level",
    "Outbox",
    "OutboxDamagedError",
    "OutboxFullError",
    "StoredBatch",
    "Wear",
    "card_life_days",
]

# SPDX-License-Identifier: Apache-2.0
"""Why an outbox cannot do what it was asked to."""

from __future__ import annotations


class OutboxFullError(Exception):
    """No room for another movement: it is not accepted, and whoever caused it must see that."""


class OutboxDamagedError(Exception):
    """The file cannot be used as an outbox; the text says why and what to do."""

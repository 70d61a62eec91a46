# SPDX-License-Identifier: Apache-2.0
"""Use cases of EPCIS: capture, and what follows from it for the house. Each runs inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from central.trace import capturing, notices
from central.trace.capturing import Behaviour, Captured


def capture(connection: Connection, document: Any, behaviour: Behaviour, actor: str, now: datetime) -> Captured:
    """Store the events and master data of a document as a job; what of it was shipped to us is announced.

    Raises: ValidationError, CaptureLimitError: nothing is stored, no job.
    """
    done = capturing.capture(connection, document, behaviour, actor, now)
    notices.announce_shipments(connection, done.new, now)
    return done


def capture_one(connection: Connection, event: Any, now: datetime) -> Captured:
    """Store one event; if it says that something was shipped to us, that is announced. Raises: ValidationError."""
    done = capturing.capture_one(connection, event, now)
    notices.announce_shipments(connection, done.new, now)
    return done

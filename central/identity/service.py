# SPDX-License-Identifier: Apache-2.0
"""API keys: made once, shown once, kept as SHA-256. A key has 256 random bits, so a fast hash is enough."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from central.errors import ConflictError, NotFoundError
from central.identity.tables import api_key

_PREFIX = "dk_"


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def make_key(connection: Connection, name: str, now: datetime) -> str:
    """Make a key and return it; it cannot be shown again. Raises: ConflictError: the name is taken."""
    if connection.execute(select(api_key.c.name).where(api_key.c.name == name)).scalar() is not None:
        raise ConflictError("key_name_taken", f"a key named {name} exists; revoke it or choose another name")
    key = _PREFIX + secrets.token_urlsafe(32)
    connection.execute(insert(api_key).values(name=name, key_hash=_hash(key), made_at=now))
    return key


def revoke_key(connection: Connection, name: str, now: datetime) -> None:
    """Make a key worthless. Raises: NotFoundError: no such key that is not revoked."""
    revoked = connection.execute(update(api_key).where(api_key.c.name == name, api_key.c.revoked_at.is_(None)).values(revoked_at=now))
    if revoked.rowcount == 0:
        raise NotFoundError("unknown_key", f"there is no key named {name} in use; 'dockline central key list' shows all")


def any_key(connection: Connection) -> bool:
    """Whether there is a key in use."""
    return bool(connection.execute(select(func.count()).select_from(api_key).where(api_key.c.revoked_at.is_(None))).scalar())


def name_of_key(connection: Connection, key: str) -> str | None:
    """The name of a key in use; None for any other text."""
    return connection.execute(select(api_key.c.name).where(api_key.c.key_hash == _hash(key), api_key.c.revoked_at.is_(None))).scalar()

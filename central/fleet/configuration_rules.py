# SPDX-License-Identifier: Apache-2.0
"""What central can judge of a gateway's configuration: its form and for whom it is. Whether devices and stations make sense only the gateway knows; pure."""

from __future__ import annotations

import difflib
import hashlib
import tomllib

DOCUMENT_BYTES_MAX = 256 * 1024
"""It travels in one message, signed and as JSON, which may have 1 MiB (contracts/wire.py)."""


def fault_of_document(document: str, gateway: str, site: str) -> str:
    """Why this cannot be a configuration of that gateway; empty: it may be one."""
    size_bytes = len(document.encode())
    if size_bytes > DOCUMENT_BYTES_MAX:
        return f"it has {size_bytes} bytes; at most {DOCUMENT_BYTES_MAX} are taken"
    try:
        tables = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        return f"it is not TOML: {error}"
    table = tables.get("gateway")
    if not isinstance(table, dict):
        return "it has no table [gateway]"
    for key, wanted in (("id", gateway), ("site", site)):
        if table.get(key) != wanted:
            return f"gateway.{key} is {table.get(key)!r}; this gateway's is {wanted!r}"
    return ""


def digest_of(document: str) -> str:
    """The first 12 hex digits of its SHA-256, as gateways say it."""
    return hashlib.sha256(document.encode()).hexdigest()[:12]


def difference(before: str, after: str, before_name: str, after_name: str) -> str:
    """What changed, as a unified diff; empty: nothing."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")
    return "\n".join(lines)


def drift_of(wanted: int | None, wanted_digest: str, in_force: int, digest: str, fault: str) -> str:
    """What is different from what is wanted, for people; empty: nothing, or nothing was ever pushed."""
    if wanted is None or (in_force == wanted and (not digest or digest == wanted_digest)):
        return ""
    has = f"version {in_force}" if in_force else f"its own file ({digest})"
    return f"version {wanted} is wanted, {has} is in force" + (f": {fault}" if fault else "")

# SPDX-License-Identifier: Apache-2.0
"""The key that a gateway asks for beyond loopback: made at the first start, shown once, kept in a file that only its user can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from contracts.addresses import is_loopback
from gateway.config import GatewayTable
from gateway.config_file import parse_listen

_KEY_BYTES = 32


def api_key_of(table: GatewayTable) -> str:
    """The key to ask for; empty on loopback unless the file names one. Raises: OSError: the key's file cannot be read or made."""
    host, _ = parse_listen(table.listen)
    if is_loopback(host) and not table.api_key_file:
        return ""
    path = Path(table.api_key_file or Path(table.data_dir) / "api-key")
    if path.exists():
        key = path.read_text(encoding="ascii").strip()
        if not key:
            raise OSError(f"{path} is empty; write a key into it, or remove it and a new one is made")
        return key
    return _made(path, host)


def _made(path: Path, host: str) -> str:
    key = f"dg_{secrets.token_urlsafe(_KEY_BYTES)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"{key}\n")
    print(f"dockline gateway: {host} asks for a key, kept in {path}. Shown once: {key}", flush=True)  # noqa: T201  # for who starts it, not for a log
    return key

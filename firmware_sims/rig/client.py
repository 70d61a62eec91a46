# SPDX-License-Identifier: Apache-2.0
"""How the commands find a running rig and talk to it: by the file that it writes when all its devices listen."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

READY_FILE = ".dockline-sims.json"
"""Written into the folder where `dockline sims up` was started, and gone when it has ended."""
KEY_VARIABLE = "DOCKLINE_SIMS_KEY"
_PATIENCE_S = 15.0


class RigError(Exception):
    """No rig is found, or it refuses; the text says why and what to do."""


def write_ready(path: Path, shown: dict[str, Any]) -> None:
    """Write the file whole or not at all. Raises: OSError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def control_of(path: Path) -> str:
    """Where the control of the rig is that wrote this file. Raises: RigError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["control"]
    except OSError as error:
        raise RigError(f"no rig runs here ({path} is not there); start one with: dockline sims up FILE, or say --control URL") from error
    except (ValueError, LookupError, TypeError) as error:
        raise RigError(f"{path} was not written by dockline sims up") from error
    return str(found)


def ask(control: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the control. Raises: RigError: nobody is there, or it refuses."""
    where = urlsplit(control if "//" in control else f"//{control}")
    if not where.hostname or not where.port:
        raise RigError(f"the control is an address such as http://127.0.0.1:8640, not {control!r}")
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=_PATIENCE_S)
    key = os.environ.get(KEY_VARIABLE, "")
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RigError(f"no rig answers at {control}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        advice = f"; put it into {KEY_VARIABLE}" if answer.status == http.HTTPStatus.UNAUTHORIZED else ""
        raise RigError(f"{told.get('detail', answer.reason)}{advice}")
    return told


def path_of(part_id: str, *more: str) -> str:
    """The path of a device or room, and of what belongs to it."""
    return "/".join(["/v1/sims", *(quote(word, safe="") for word in (part_id, *more))])

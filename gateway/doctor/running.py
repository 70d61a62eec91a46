# SPDX-License-Identifier: Apache-2.0
"""What the running gateway says of itself, how it came to run, and what its files tell."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.bindings import Bindings
from gateway.config import GatewayTable
from gateway.config_file import parse_listen
from gateway.doctor.findings import Finding, finding
from gateway.restarts import SAFE_AFTER_STARTS, is_failed, read_run
from gateway.updates.trial import last_update

_TIMEOUT_S = 5.0
_OLD_S = 300.0
_CARD_DAYS_MIN = 365.0
_CHECK_S = 5.0
"""A large outbox is looked through for so long and no longer; the gateway itself checks all of it when it starts."""
_CHECK_STEPS = 10_000


def ask_health(table: GatewayTable) -> tuple[dict[str, Any] | None, str]:
    """The answer of /health, or None, and where it was asked for."""
    data_dir = Path(table.data_dir)
    try:
        address = (data_dir / "listen").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        address = table.listen
    try:
        host, port = parse_listen(address)
    except ValueError:  # a power cut can leave the file empty
        return None, str(data_dir / "listen")
    client = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        client.request("GET", "/health", headers=_key(table, data_dir))
        answer = client.getresponse()
        return (json.loads(answer.read()) if answer.status == http.client.OK else None), address
    except (OSError, ValueError, http.client.HTTPException):
        return None, address
    finally:
        client.close()


def _key(table: GatewayTable, data_dir: Path) -> dict[str, str]:
    for path in filter(None, (table.api_key_file, str(data_dir / "api-key"))):
        try:
            return {"Authorization": f"Bearer {Path(path).read_text(encoding='ascii').strip()}"}
        except OSError:
            continue
    return {}


def check_health(health: Mapping[str, Any]) -> Iterator[Finding]:
    """What it says of itself."""
    yield finding("gateway_answers", "gateway", gateway=health["gateway"], version=health["version"], up=health["devices_up"], down=health["devices_down"])
    if health.get("safe_mode"):
        yield finding("safe_mode", "gateway")
    if not _is_up(health["uplink"]):
        yield finding("uplink_down", "uplink")
    if health.get("outbox_harm"):
        yield finding("outbox_harmed", "outbox", reason=health["outbox_harm"])
    if health["oldest_pending_s"] > _OLD_S:
        pending = sum(lane["pending"] for lane in health["lanes"].values())
        yield finding("outbox_old", "outbox", pending=pending, oldest=_duration(health["oldest_pending_s"]))
    if health.get("config_fault"):
        yield finding("configuration_fault", "configuration", reason=health["config_fault"])
    days = health.get("card_life_days")
    if isinstance(days, int | float) and days < _CARD_DAYS_MIN:
        yield finding("card_life", "card", days=round(days))
    for device, fares in health["devices"].items():
        yield from _check_device(device, fares)


def _is_up(uplink: Any) -> bool:
    return bool(uplink.get("connected")) if isinstance(uplink, dict) else bool(uplink)


def _check_device(device: str, fares: Mapping[str, Any]) -> Iterator[Finding]:
    if fares["up"]:
        return
    if fares.get("expected_serial") and fares.get("serial") and fares["serial"] != fares["expected_serial"]:
        yield finding("wrong_serial", device, device=device, serial=fares["serial"], expected=fares["expected_serial"])
    else:
        yield finding("device_given_up" if fares.get("given_up") else "device_down", device, reason=fares["reason"].removeprefix(f"{device}: "))


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min"


def check_outbox(data_dir: Path) -> Iterator[Finding]:
    """Whether its file can be read; nothing is written, and whoever uses it is not held up."""
    path = data_dir / "outbox.db"
    if not path.is_file():
        return
    end_s = time.monotonic() + _CHECK_S
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_CHECK_S)) as file:
            file.set_progress_handler(lambda: time.monotonic() > end_s, _CHECK_STEPS)
            (said,) = file.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) not in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY):
            yield finding("outbox_damaged", "outbox", reason=error)
        return
    if said != "ok":
        yield finding("outbox_damaged", "outbox", reason=said)


def check_files(data_dir: Path) -> Iterator[Finding]:
    """How it was started last, how the last update went, and which hardware was swapped."""
    run = read_run(data_dir / "run.json")
    if run is not None:
        if is_failed(run.restarted):
            yield finding("restarted_by_fault", "restart", reason=_with_words(run.restarted, run.last_words))
        elif run.restarted == "power":
            yield finding("restarted_by_power", "restart")
        if run.failed_starts > 1:
            yield finding("starts_fail", "restart", count=run.failed_starts - (0 if run.ended else 1), limit=SAFE_AFTER_STARTS)
    if (update := last_update(data_dir)).fault:
        yield finding("update_returned", "update", version=update.version, previous=update.previous, reason=update.reason)
    bindings = Bindings(data_dir)
    if bindings.fault:
        yield finding("bindings_unreadable", "bindings", reason=bindings.fault)
    for device, binding in bindings.by_device.items():
        yield finding("swapped", device, serial=binding.serial)


def _with_words(reason: str, words: str) -> str:
    """With the first place in the program's own files where it stood, if it could say so."""
    place = next((line.strip() for line in words.splitlines() if line.lstrip().startswith("File") and "asyncio" not in line and "selectors" not in line), "")
    return f"{reason}, last seen at {place}" if place else reason

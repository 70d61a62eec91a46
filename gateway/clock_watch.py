# SPDX-License-Identifier: Apache-2.0
"""Notices that the wall clock was set, or became synchronised, and says so: events of a machine without a clock can then be dated (docs/decisions/0031).

How far the wall clock is ahead of the monotonic clock is remembered on disk, so that a sync between two runs of the program within one boot is seen as well.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Literal

import msgspec

from contracts.events import Clock, ClockSet
from gateway.clock import Instant, Now
from gateway.durable_file import write_durably
from gateway.outbox import OutboxFullError
from gateway.store import Store

STEP_S = 0.5
"""Chosen: NTP slews what is smaller (ntpd steps from 0.128 s on, chrony when told to); a difference that grows slower than this per look is slewing."""
_LOOK_S = 1.0

log = logging.getLogger(__name__)


class Anchor(msgspec.Struct, frozen=True):
    """What the clocks said when they were looked at last: seconds since 1970 less monotonic seconds, of this boot."""

    boot_id: str
    ahead_s: float
    clock: Clock


class ClockWatch:
    """Compares the two clocks, look by look. `anchor` is what the last look saw; None before the first of all."""

    def __init__(self, anchor: Anchor | None = None) -> None:
        self.anchor = anchor

    def look(self, now: Instant) -> ClockSet | None:
        """What has happened to the wall clock since the last look; None: nothing, or another boot began and nothing can be compared."""
        before = self.anchor
        self.anchor = Anchor(now.boot_id, now.utc.timestamp() - now.monotonic_s, now.clock)
        if before is None or before.boot_id != now.boot_id:
            return None
        offset_s = round(self.anchor.ahead_s - before.ahead_s, 6)
        reason: Literal["first_sync", "step"] | None = "step" if abs(offset_s) >= STEP_S else None
        if before.clock == "unsynced" and now.clock == "synced":
            reason = "first_sync"
        return ClockSet(**now.stamp(), offset_s=offset_s, reason=reason) if reason else None


def load_anchor(path: Path) -> Anchor | None:
    """What an earlier run of the program saw; None: nothing that can be read (then a sync in between goes unseen, as after a reboot)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Anchor)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("clock file not read", extra={"file": str(path), "reason": str(error)})
        return None


def save_anchor(path: Path, anchor: Anchor) -> None:
    """Replace the file. A disk that takes nothing costs only what `load_anchor` says."""
    try:
        write_durably(path, msgspec.json.encode(anchor))
    except OSError as error:
        log.warning("clock file not written", extra={"file": str(path), "reason": str(error)})


async def watch_clock(now: Now, store: Store, path: Path) -> None:
    """Look once a second until cancelled. The file is written when the boot or the quality changes, or the clock was set: not once in a normal day."""
    watch = ClockWatch(load_anchor(path))
    while True:
        before, told = watch.anchor, watch.look(now())
        if told is not None and not await _keep(store, told):
            watch.anchor = before  # seen again at the next look
        elif watch.anchor is not None and (told is not None or before is None or (before.boot_id, before.clock) != (watch.anchor.boot_id, watch.anchor.clock)):
            await asyncio.to_thread(save_anchor, path, watch.anchor)  # a card may take half a second, and the devices are polled meanwhile
        await asyncio.sleep(_LOOK_S)


async def _keep(store: Store, told: ClockSet) -> bool:
    try:
        await store.append([told], {}, {})
    except OutboxFullError as error:
        log.warning("clock was set, and the outbox has no room to say so; trying again", extra={"reason": str(error)})
        return False
    log.info("clock was set", extra={"offset_s": told.offset_s, "clock": told.clock, "reason": told.reason})
    return True

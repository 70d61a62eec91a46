# SPDX-License-Identifier: Apache-2.0
"""What is to be said of a gateway, the most urgent first, from what it last said of itself; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

RENEWED_BEFORE_DAYS = 25
"""Certificates are renewed when a third of their 90 days is left; one with less than this was tried in vain for days."""
BACKLOG_S = 120
CARD_DAYS = 180
DISK_FREE_BYTES = 300 * 10**6
ON_ITS_WAY = timedelta(minutes=10)
_UNMENDED = timedelta(days=3)
"""A refused configuration that nobody has mended for so long is not going to be; the one before works."""
_NEWS_FOR = timedelta(hours=24)
_GAPS_FOR = timedelta(days=7)
_BROKEN = ("killed", "watchdog", "crash")

URGENT = frozenset(
    {
        "away",
        "safe_mode",
        "config_refused",
        "config_returned",
        "config_fault",
        "drift",
        "own_changed",
        "device_another",
        "device_given_up",
        "device_down",
        "device_condition",
        "certificate_ended",
        "certificate_ends",
        "clock_unsynced",
        "backlog",
        "disk",
        "card",
    }
)
"""What wants a person; the rest is good to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a gateway: a code of `gateway_words.FINDINGS` with its values; `detail` are lines as the gateway said them.

    `is_old`: somebody has had the time to mend it and lives with it.
    """

    code: str
    params: tuple[tuple[str, str | int], ...] = ()
    since: datetime | None = None
    detail: str = ""
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What a gateway last said of itself."""

    online: bool
    away_since: datetime | None
    revoked_at: datetime | None
    birth_at: datetime | None
    restarted: str
    safe_mode: bool
    clock: str
    pending: int
    oldest_pending_s: int
    certificate_until: datetime | None
    card_life_days: float | None
    disk_free_bytes: int | None
    in_force: int
    digest: str
    fault: str
    outbox: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A device that does not work: `down`, `given_up` or `another`."""

    device: str
    state: str
    since: datetime
    reason: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """The newest configuration that central pushed, and the newest that the gateway shall have (None: none)."""

    version: int
    state: str
    reason: str
    made_at: datetime
    wanted: int | None
    wanted_digest: str


Held = tuple[str, str, str, datetime, bool]
"""Device, condition, what its gateway says of it, since when, whether somebody is wanted."""
Missing = tuple[str, int, str, datetime]
"""Lane, how many events, why (a code of `central.ingest.gaps`), found when."""


def is_urgent(finding: Finding) -> bool:
    """Whether it wants a person."""
    return finding.code in URGENT and not finding.is_old


def findings_of(
    heard: Heard, lost: Sequence[Lost], pushed: Pushed | None, missing: Sequence[Missing], now: datetime, held: Sequence[Held] = ()
) -> tuple[Finding, ...]:
    """Everything worth saying, the most urgent first. Of a gateway that is revoked only that, for nothing else that it says counts."""
    if heard.revoked_at is not None:
        return (Finding("revoked", since=heard.revoked_at),)
    devices = [*_devices(heard, lost), *_conditions(heard, lost, held)]
    found = [*_whole(heard), *_configuration(heard, pushed, now), *devices, *_itself(heard, now), *_history(heard, missing, now)]
    return tuple(sorted(found, key=lambda finding: not is_urgent(finding)))


def _whole(heard: Heard) -> Iterator[Finding]:
    if not heard.online:
        yield Finding("away", (("pending", heard.pending),), heard.away_since)
    elif heard.safe_mode:
        yield Finding("safe_mode", since=heard.birth_at)


def _configuration(heard: Heard, pushed: Pushed | None, now: datetime) -> Iterator[Finding]:
    versions: tuple[tuple[str, str | int], ...] = (("version", pushed.version if pushed else 0), ("in_force", heard.in_force))
    if pushed is not None and pushed.state in ("refused", "returned"):
        yield Finding(f"config_{pushed.state}", versions, detail=pushed.reason, is_old=now - pushed.made_at > _UNMENDED)
    elif heard.fault:
        yield Finding("config_fault", versions, detail=heard.fault)
    elif pushed is not None and pushed.wanted is not None and pushed.wanted != heard.in_force:
        is_late = heard.online and now - pushed.made_at > ON_ITS_WAY
        yield Finding("drift" if is_late else "on_its_way", (("version", pushed.wanted), ("in_force", heard.in_force)), pushed.made_at)
    elif pushed is not None and pushed.wanted is not None and heard.digest not in ("", pushed.wanted_digest):
        yield Finding("own_changed", versions)


def _devices(heard: Heard, lost: Sequence[Lost]) -> Iterator[Finding]:
    """Of a gateway that is away nobody knows how its devices are."""
    for each in sorted(lost if heard.online and not heard.safe_mode else (), key=lambda each: (each.state != "another", each.state != "given_up", each.device)):
        values = (("device", each.device), ("found", each.found), ("expected", each.expected))
        yield Finding(f"device_{each.state}", values, each.since, "" if each.state == "another" else each.reason)


def _conditions(heard: Heard, lost: Sequence[Lost], held: Sequence[Held]) -> Iterator[Finding]:
    """Of a device that is away nobody knows whether its condition still holds."""
    away = {each.device for each in lost}
    for device, condition, reason, since, wants in held if heard.online and not heard.safe_mode else ():
        if device not in away:
            yield Finding("device_condition" if wants else "device_note", (("device", device), ("condition", condition), ("reason", reason)), since)


def _itself(heard: Heard, now: datetime) -> Iterator[Finding]:
    if heard.certificate_until is not None:
        days = (heard.certificate_until - now).days
        if days < 0:
            yield Finding("certificate_ended", since=heard.certificate_until)
        elif days < RENEWED_BEFORE_DAYS:
            yield Finding("certificate_ends", (("days", days),))
    if heard.online and heard.clock == "unsynced":
        yield Finding("clock_unsynced")
    if heard.online and heard.clock == "holdover":
        yield Finding("clock_holdover")
    if heard.online and heard.oldest_pending_s >= BACKLOG_S:
        yield Finding("backlog", (("pending", heard.pending), ("minutes", heard.oldest_pending_s // 60)))
    if heard.disk_free_bytes is not None and heard.disk_free_bytes < DISK_FREE_BYTES:
        yield Finding("disk", (("mb", heard.disk_free_bytes // 10**6),))
    if heard.card_life_days is not None and heard.card_life_days < CARD_DAYS:
        yield Finding("card", (("days", int(heard.card_life_days)),))


def _history(heard: Heard, missing: Sequence[Missing], now: datetime) -> Iterator[Finding]:
    for lane, count, why, found_at in missing:
        if now - found_at < _GAPS_FOR:
            yield Finding("gap", (("count", count), ("lane", lane), ("why", why)), found_at)
    if heard.outbox:
        yield Finding("outbox", since=heard.birth_at, detail=heard.outbox)
    if heard.birth_at is not None and heard.restarted.startswith(_BROKEN) and now - heard.birth_at < _NEWS_FOR:
        yield Finding("restarted", (("because", heard.restarted.partition(":")[0]),), heard.birth_at, heard.restarted.partition(": ")[2])

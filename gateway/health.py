# SPDX-License-Identifier: Apache-2.0
"""How the gateway fares: `/health` as JSON and `/metrics` for Prometheus, over a small HTTP server that stays on loopback by default.

An alarm can be acknowledged there too, with the gateway's key.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote_plus

import msgspec

from contracts.events import LANES, GatewayReported
from gateway.acknowledging import Acknowledging
from gateway.clients import Clients
from gateway.clock import Now
from gateway.configuration import Configurator
from gateway.configuration_rules import Standing
from gateway.metrics import Metrics
from gateway.outbox import card_life_days
from gateway.store import Store
from gateway.supervisor import Supervisor
from gateway.uplink import UplinkStatus

_REQUEST_BYTES_MAX = 8192
_REQUEST_TIMEOUT_S = 5.0
_ALARM = re.compile(r"/alarms/(?P<alarm>[^/?]+)/acknowledge(?:\?actor=(?P<actor>[^&]*))?")


class LaneHealth(msgspec.Struct):
    """Counts of events; `accepted` = `pending` + what central has."""

    accepted: int
    last_seq: int
    pending: int
    thinned: int


class DeviceHealth(msgspec.Struct):
    """How a device fares; `reading_age_s` None: no reading yet."""

    driver: str
    up: bool
    reconnects: int
    reason: str
    reading_age_s: float | None
    given_up: bool
    serial: str
    expected_serial: str


class Health(msgspec.Struct):
    """The answer of `/health`."""

    gateway: str
    version: str
    epoch: str
    epochs_begun: int
    clock: str
    safe_mode: bool
    restarted: str
    config_version: int
    config_fault: str
    update_fault: str
    certificate_until: datetime | None
    uplink: bool
    link: UplinkStatus | None
    lanes: dict[str, LaneHealth]
    devices: dict[str, DeviceHealth]
    devices_up: int
    devices_down: int
    devices_given_up: int
    oldest_pending_s: float
    outbox_bytes: int
    outbox_found: str
    outbox_harm: str
    payload_bytes: int
    written_bytes: int
    card_life_days: float | None
    rss_bytes: int
    disk_free_bytes: int


def rss_bytes() -> int:
    """Resident memory of this process (second field of /proc/self/statm, in pages)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class HealthReporter:
    """Collects what is known of all parts."""

    def __init__(
        self, gateway: str, version: str, data_dir: Path, store: Store, supervisor: Supervisor, is_uplink_up: Callable[[], bool], now: Now, metrics: Metrics
    ) -> None:
        self._gateway = gateway
        self._version = version
        self._data_dir = data_dir
        self._store = store
        self._supervisor = supervisor
        self._is_uplink_up = is_uplink_up
        self._now = now
        self._metrics = metrics
        self.safe = False
        self.link: Callable[[], UplinkStatus] | None = None
        self.restarted = ""
        self.configurator: Configurator | None = None
        self.own_fault = ""
        """What is wrong with files that a person may have edited, so that the gateway goes on without them."""
        self.update_fault: Callable[[], str] = str
        self.certificate_until: datetime | None = None
        self.card_bytes_written_max = 0
        self._wear_told = 0, 0

    async def health(self) -> Health:
        """Everything, as of now: what must be waited for comes first, so that all of it is of one moment."""
        wear, oldest_pending_s = await self._store.wear(), await self._store.oldest_pending_s()
        now = self._now()
        devices = {
            device_id: DeviceHealth(
                driver=device.driver_name,
                up=device.up is True,
                reconnects=device.reconnects,
                reason=device.reason,
                reading_age_s=None if device.last_reading_s is None else round(now.monotonic_s - device.last_reading_s, 3),
                given_up=device.up is False and device.given_up(now.monotonic_s),
                serial=device.serial,
                expected_serial=device.expected_serial,
            )
            for device_id, device in self._supervisor.devices.items()
        }
        levels = {lane: self._store.level(lane) for lane in LANES}
        standing = self._standing
        return Health(
            gateway=self._gateway,
            version=self._version,
            epoch=self._store.epoch,
            epochs_begun=self._store.epochs_begun,
            clock=now.clock,
            safe_mode=self.safe,
            restarted=self.restarted,
            config_version=standing.in_force,
            config_fault=standing.fault or self.own_fault,
            update_fault=self.update_fault(),
            certificate_until=self.certificate_until,
            uplink=self._is_uplink_up(),
            link=self.link() if self.link is not None else None,
            lanes={lane: LaneHealth(level.accepted, level.last_seq, level.pending, level.thinned) for lane, level in levels.items()},
            devices=devices,
            devices_up=self._supervisor.devices_up,
            devices_down=len(devices) - self._supervisor.devices_up,
            devices_given_up=self._supervisor.devices_given_up,
            oldest_pending_s=oldest_pending_s,
            outbox_bytes=self._store.size_bytes,
            outbox_found=self._store.found.state,
            outbox_harm=self._store.found.harm,
            payload_bytes=wear.payload_bytes,
            written_bytes=wear.written_bytes,
            card_life_days=card_life_days(wear, self.card_bytes_written_max),
            rss_bytes=rss_bytes(),
            disk_free_bytes=shutil.disk_usage(self._data_dir).free,
        )

    async def report(self) -> GatewayReported:
        """The health as an event."""
        health = await self.health()
        return GatewayReported(
            **self._now().stamp(),
            pending_events=sum(lane.pending for lane in health.lanes.values()),
            oldest_pending_s=health.oldest_pending_s,
            rss_bytes=health.rss_bytes,
            disk_free_bytes=health.disk_free_bytes,
            devices_up=health.devices_up,
            devices_down=health.devices_down,
            devices_given_up=health.devices_given_up,
            config_version=health.config_version,
            config_fault=health.config_fault,
            certificate_until=self.certificate_until,
            payload_bytes=health.payload_bytes,
            written_bytes=health.written_bytes,
            card_life_days=health.card_life_days,
        )

    @property
    def _standing(self) -> Standing:
        return self.configurator.standing if self.configurator is not None else Standing()

    def certificate_ends(self, until: datetime | None) -> None:
        """When the gateway's certificate ends; None: it has none."""
        self.certificate_until = until

    def _count_wear(self, health: Health) -> None:
        payload, written = self._wear_told
        self._wear_told = max(payload, health.payload_bytes), max(written, health.written_bytes)
        self._metrics.outbox_payload_bytes.inc(self._wear_told[0] - payload)
        self._metrics.outbox_written_bytes.inc(self._wear_told[1] - written)

    async def metrics(self) -> bytes:
        """The metrics, gauges freshly set."""
        health, metrics = await self.health(), self._metrics
        for lane, level in health.lanes.items():
            metrics.outbox_pending_events.labels(lane=lane).set(level.pending)
        metrics.outbox_thinned_events.set(sum(level.thinned for level in health.lanes.values()))
        metrics.outbox_oldest_seconds.set(health.oldest_pending_s)
        metrics.outbox_bytes.set(health.outbox_bytes)
        self._count_wear(health)
        if health.card_life_days is not None:
            metrics.card_life_days.set(health.card_life_days)
        metrics.outbox_epochs_begun.set(health.epochs_begun)
        metrics.configuration_fault.set(bool(health.config_fault))
        if health.certificate_until is not None:
            metrics.certificate_end_timestamp_seconds.set(health.certificate_until.timestamp())
        metrics.safe_mode.set(health.safe_mode)
        metrics.clock_unsynced.set(health.clock != "synced")
        metrics.resident_memory_bytes.set(health.rss_bytes)
        for device_id, device in health.devices.items():
            metrics.device_given_up.labels(device=device_id, driver=device.driver).set(device.given_up)
            if device.reading_age_s is not None:
                metrics.reading_age_seconds.labels(device=device_id).set(device.reading_age_s)
            rejected = getattr(self._supervisor.devices[device_id].driver, "rejected_frames", {})
            for reason, count in rejected.items():
                metrics.frame_errors.labels(device=device_id, reason=reason).set(count)
            polls_missed = getattr(self._supervisor.devices[device_id].driver, "polls_missed", None)
            if polls_missed is not None:
                metrics.polls_missed.labels(device=device_id).set(polls_missed)
        return metrics.rendered()


class HealthServer:
    """Serves GET /health, GET /metrics and POST /alarms/ID/acknowledge; `port` tells where after `start`. With a key it asks for
    `Authorization: Bearer KEY`; without one nothing can be changed.
    """

    def __init__(self, reporter: HealthReporter, host: str, port: int, api_key: str = "", acknowledging: Acknowledging | None = None) -> None:
        self._reporter = reporter
        self._host = host
        self.port = port
        self._api_key = api_key
        self._acknowledging = acknowledging
        self._server: asyncio.Server | None = None
        self._clients = Clients(self._on_client)

    async def start(self) -> None:
        """Listen. Raises: OSError: the address is taken."""
        self._server = await asyncio.start_server(self._clients.accept, self._host, self.port, limit=_REQUEST_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop open requests."""
        if self._server is not None:
            await self._clients.end(self._server)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._respond(head.decode("latin-1")))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that does not speak HTTP gets no answer

    async def _respond(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if self._api_key and not hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {self._api_key}".encode()):
            return _response(HTTPStatus.UNAUTHORIZED, "text/plain", b"give the gateway's key as Authorization: Bearer KEY\n")
        pages: dict[str, tuple[str, Callable[[], Awaitable[bytes]]]] = {
            "/health": ("application/json", self._health),
            "/metrics": ("text/plain; version=0.0.4; charset=utf-8", self._reporter.metrics),
        }
        address = rest.partition(" ")[0]
        if (asked := _ALARM.fullmatch(address)) is not None and self._acknowledging is not None:
            return await self._acknowledge(self._acknowledging, method, asked["alarm"], asked["actor"] or "")
        page = pages.get(address.partition("?")[0])
        if page is None:
            return _response(HTTPStatus.NOT_FOUND, "text/plain", b"there are /health, /metrics and /alarms/ID/acknowledge\n")
        if method not in ("GET", "HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET and HEAD\n")
        kind, render = page
        return _response(HTTPStatus.OK, kind, await render(), with_body=method == "GET")

    async def _acknowledge(self, acknowledging: Acknowledging, method: str, alarm: str, actor: str) -> bytes:
        if method != "POST":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"acknowledge with POST\n")
        if not self._api_key:
            return _response(HTTPStatus.FORBIDDEN, "text/plain", b"this gateway has no key; set api_key_file, then acknowledge with that key\n")
        answer = await acknowledging.acknowledge(unquote_plus(alarm), unquote_plus(actor) or "api")
        if answer is None:
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"not durable yet; see /health, then try again\n")
        if answer.outcome != "done":
            return _response(HTTPStatus.NOT_FOUND, "text/plain", f"{answer.reason}\n".encode())
        return _response(HTTPStatus.OK, "text/plain", b"acknowledged\n")

    async def _health(self) -> bytes:
        return msgspec.json.encode(await self._reporter.health())


def _response(status: HTTPStatus, kind: str, body: bytes, *, with_body: bool = True) -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (body if with_body else b"")

# SPDX-License-Identifier: Apache-2.0
"""The gateway: builds the parts from a checked file, runs them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from contracts.commands import GATEWAY, AnyCommand
from contracts.readings import AnyReading
from drivers import registry
from drivers.base.spec import Driver
from gateway.acknowledging import Acknowledging
from gateway.api_key import api_key_of
from gateway.clock import Now, SystemClock
from gateway.clock_watch import watch_clock
from gateway.config import GatewayConfig
from gateway.config_file import parse_listen
from gateway.floor import Floor
from gateway.gateway_commands import GatewayCommands
from gateway.health import HealthReporter, HealthServer
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.portal.arbiter import Arbiter
from gateway.stations.kinds import build_station
from gateway.store import Store
from gateway.supervisor import Supervisor
from gateway.uplink import Identity, Uplink

_WATCHDOG_S = 10.0  # deploy's unit says WatchdogSec=30
_WATCHDOG_SHARE = 3  # so many signs of life within the time that systemd gives

log = logging.getLogger(__name__)


def build_drivers(config: GatewayConfig) -> Mapping[str, tuple[str, Driver]]:
    """A driver for every device, with its name."""
    return {device: (config.drivers[device], registry.load(config.drivers[device]).factory(device, table)) for device, table in config.devices.items()}


class Gateway:
    """One gateway process. `run` serves until `stop` is called or it is cancelled; `started` is set once it serves."""

    def __init__(self, config: GatewayConfig, *, now: Now | None = None) -> None:
        self.config = config
        self.started = asyncio.Event()
        self._stop = asyncio.Event()
        self._now = now or SystemClock()
        self.metrics = Metrics()
        self.port = 0

    def stop(self) -> None:
        """End cleanly."""
        self._stop.set()

    async def run(self) -> None:
        """Serve. Raises: OutboxDamagedError: the outbox cannot be used. OSError: `data_dir` or `listen` cannot."""
        table = self.config.gateway
        data_dir = Path(table.data_dir)
        data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing runs beside it yet
        drivers = build_drivers(self.config)
        self._build(drivers, Outbox(data_dir / "outbox.db", bytes_max=table.outbox_bytes_max), data_dir)
        await self._server.start()
        self.port = self._server.port
        log.info("gateway serves", extra={"gateway": table.id, "health": f"http://{parse_listen(table.listen)[0]}:{self.port}/health"})
        (data_dir / "listen").write_text(f"{parse_listen(table.listen)[0]}:{self.port}\n")
        try:
            await self._serve()
        finally:
            notify("STOPPING=1")
            await self._server.stop()
            await self.store.close()

    def _build(self, drivers: Mapping[str, tuple[str, Driver]], outbox: Outbox, data_dir: Path) -> None:
        config, table = self.config, self.config.gateway
        program = version("dockline")
        self.metrics.build.info({"version": program})
        self.store = Store(outbox, self.metrics, self._now)
        self.supervisor = Supervisor(drivers, self._take, self.metrics, lambda: self._now().monotonic_s)
        arbiter = Arbiter()
        stations = [build_station(station, table.site, arbiter) for station in config.stations.values()]
        self.floor = Floor(stations, self.store, self.supervisor.perform, self._now, self.metrics)
        identity = Identity(version=program, config_hash=config.config_hash, boot_id=self._now().boot_id)
        self.gateway_commands = GatewayCommands(self.store, self._now, self.metrics)
        self.uplink = Uplink(table, identity, self.store, self._take_command, self._now, self.metrics)
        self.reporter = HealthReporter(table.id, program, data_dir, self.store, self.supervisor, lambda: self.uplink.connected, self._now, self.metrics)
        api_key = api_key_of(table)
        self._server = HealthServer(
            self.reporter, *parse_listen(table.listen), api_key, Acknowledging(self.floor.take, self.store.answer_to, self._now)
        )

    def _take(self, reading: AnyReading) -> None:
        self.floor.take(reading)

    def _take_command(self, command: AnyCommand) -> None:
        (self.gateway_commands if command.station == GATEWAY else self.floor).take(command)

    async def _serve(self) -> None:
        """Run all parts until one fails or `stop` is called."""
        parts = {
            "uplink": self.uplink.run(),
            "supervisor": self.supervisor.run(),
            "report": self._report(),
            "watchdog": self._watchdog(),
            "floor": self.floor.run(),
            "gateway_commands": self.gateway_commands.run(),
            "stop": self._stop.wait(),
        }
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        self.started.set()
        notify("READY=1")
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is not None:
                    raise error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self.config.gateway.report_interval_s)
            self.store.put_telemetry([await self.reporter.report()])

    async def _watchdog(self) -> None:
        """A sign of life as long as the event loop, the outbox's thread and the floor all get on with their work."""
        every_s = watchdog_interval_s()
        while True:
            await self.store.answers()
            if self.floor.busy_s() <= every_s:
                notify("WATCHDOG=1")
            await asyncio.sleep(every_s)


def watchdog_interval_s() -> float:
    """How often systemd wants a sign of life ($WATCHDOG_USEC, microseconds, sd_watchdog_enabled(3)), with a reserve."""
    given = os.environ.get("WATCHDOG_USEC", "")
    return min(_WATCHDOG_S, int(given) / 1e6 / _WATCHDOG_SHARE) if given.isdecimal() and int(given) else _WATCHDOG_S


def notify(message: str) -> None:
    """Tell systemd, if it wants to know: one datagram to $NOTIFY_SOCKET ('@' begins an abstract address)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)
        try:
            channel.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:  # whoever watches does not listen; goods move all the same
            log.warning("service manager not told", extra={"said": message, "reason": str(error)})


async def run_gateway(config: GatewayConfig) -> None:
    """Run until SIGTERM or SIGINT."""
    gateway = Gateway(config)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, gateway.stop)
    await gateway.run()

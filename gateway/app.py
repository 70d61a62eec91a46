# SPDX-License-Identifier: Apache-2.0
"""The gateway: builds the parts from a checked file, runs them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from contracts.commands import GATEWAY, AnyCommand, ConfigureGateway, SwapDevice
from contracts.readings import AnyReading, LinkChanged
from drivers import registry
from drivers.base.spec import Driver
from gateway.acknowledging import Acknowledging
from gateway.api_key import api_key_of
from gateway.bindings import Bindings
from gateway.clock import Now, SystemClock
from gateway.clock_watch import watch_clock
from gateway.config import GatewayConfig, GatewayTable
from gateway.config_file import parse_listen
from gateway.control import Answer, ControlServer
from gateway.durable_file import write_durably
from gateway.floor import Floor
from gateway.gateway_commands import GatewayCommands
from gateway.health import HealthReporter, HealthServer
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.portal.arbiter import Arbiter
from gateway.program import LAUNCHER, program_version
from gateway.reconfiguring import Reconfigurable, configurator_of, reloading
from gateway.restarts import SAFE_FOR_S, SAFE_OVER, STABLE_S, Restarts
from gateway.stations.kinds import build_station
from gateway.store import Store
from gateway.supervisor import Supervisor
from gateway.swaps import Swaps
from gateway.taps import Taps
from gateway.trust_asking import keep_certificate
from gateway.updates.trial import UPDATE, last_update, prove_update
from gateway.uplink import Identity, Uplink
from gateway.watchdog import HardwareWatchdog, Watchdog, notify

if TYPE_CHECKING:
    from gateway.north.sides import NorthSides

_STUCK_S = 60.0
"""Chosen: a conversation with central that neither gets on nor is given up for so long hangs in this program, not in the network."""
_SWAP_WITHIN_S = 5.0
_HARDWARE_WATCHDOG_S = 15  # the longest that a Raspberry Pi's takes
_SAFE = "the gateway runs in safe mode and leaves its devices alone; see `dockline gateway doctor`"

log = logging.getLogger(__name__)


class PartEndedError(Exception):
    """A part of the gateway that goes on for ever ended; the process ends, so that it begins anew."""


class Gateway:
    """One gateway process. `run` serves until `stop` is called or it is cancelled; `started` is set once it serves.

    In safe mode (`safe`, or after too many starts that came to nothing) no device is touched and no station decides anything.
    """

    def __init__(self, config: GatewayConfig, *, now: Now | None = None, safe: bool = False, own_file: Path | None = None, own_fault: str = "") -> None:
        self.config = config
        self.own_file = own_file
        self._own_fault = own_fault
        self.restart_wanted = False
        """Whether another process shall begin where this one ends."""
        self.started = asyncio.Event()
        self.safe = safe
        self._stop = asyncio.Event()
        self._ends = "clean"
        self._reloads: set[asyncio.Task[str]] = set()
        self.arbiter = Arbiter()
        self.now = now or SystemClock()
        self.metrics = Metrics()
        self.port = 0

    def stop(self, reason: str = "clean") -> None:
        """End in order; `reason` is why the next run begins: `clean`, `update`, `configuration`..."""
        self._ends = reason
        self._stop.set()

    def restart(self, reason: str) -> None:
        """End in order, and have another process begin."""
        self.restart_wanted = True
        self.stop(reason)

    def reload(self) -> None:
        """Take over the gateway's own file as it is now, if it is good."""
        task = asyncio.get_running_loop().create_task(self.configurator.reload("SIGHUP"), name="reload")
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def driver_of(self, device: str) -> tuple[str, Driver]:
        """A new driver for a device of the configuration, with its name; swapped hardware counts."""
        name = self.config.drivers[device]
        return name, registry.load(name).factory(device, self.bindings.over(device, self.config.devices[device]))

    def serial_of(self, device: str) -> str:
        """The serial number that is expected at a device's place; empty: any."""
        return self.bindings.over(device, self.config.devices[device]).serial_number

    async def run(self) -> None:
        """Serve. Raises: OutboxDamagedError: the outbox cannot be used. OSError: `data_dir` or `listen` cannot. PartEndedError."""
        table = self.config.gateway
        data_dir = Path(table.data_dir)
        data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing runs beside it yet
        self._build(self._outbox(table, data_dir), data_dir)
        try:
            await self._start(data_dir)
            await self._serve()
        finally:
            error = sys.exception()
            self.restarts.ended(self._ends if error is None or isinstance(error, asyncio.CancelledError) else f"crash: {error!r}")
            notify("STOPPING=1")
            await self._control.stop()
            await self._server.stop()
            await self.store.close()

    async def _start(self, data_dir: Path) -> None:
        table = self.config.gateway
        await self._server.start()
        self.port = self._server.port
        serves = {"gateway": table.id, "health": f"http://{parse_listen(table.listen)[0]}:{self.port}/health", "restarted": self.restarts.restarted}
        log.log(logging.ERROR if self.safe else logging.INFO, "gateway serves in safe mode" if self.safe else "gateway serves", extra=serves)
        try:  # a full disk takes neither, and goods move all the same
            await self._control.start()
            write_durably(data_dir / "listen", f"{parse_listen(table.listen)[0]}:{self.port}\n".encode())
        except OSError as error:
            log.error("people at the machine cannot ask this gateway", extra={"data_dir": str(data_dir), "reason": str(error)})  # noqa: TRY400  # the reason says all

    def _outbox(self, table: GatewayTable, data_dir: Path) -> Outbox:
        kept_s = table.outbox_kept_hours * 3600
        return Outbox(data_dir / "outbox.db", bytes_max=table.outbox_bytes_max, kept_s=kept_s, kept_share=table.outbox_kept_share)

    def _build(self, outbox: Outbox, data_dir: Path) -> None:
        config, table = self.config, self.config.gateway
        program = program_version()
        self.restarts = Restarts(data_dir, boot_id=self.now().boot_id, version=program, config_hash=config.config_hash)
        self._is_safe_by_itself = not self.safe and self.restarts.safe
        self.safe = self.safe or self.restarts.safe
        self.bindings = Bindings(data_dir)
        drivers = {} if self.safe else {device: self.driver_of(device) for device in config.devices}
        self.metrics.build.info({"version": program})
        self.store = Store(outbox, self.metrics, self.now)
        serials = {device: self.serial_of(device) for device in drivers}
        self.supervisor = Supervisor(drivers, self._take, self.metrics, lambda: self.now().monotonic_s, serials, self._device_is_over)
        stations = [build_station(station, table.site, self.arbiter) for station in config.stations.values() if not self.safe]
        self.floor = Floor(stations, self.store, self.supervisor.perform, self.now, self.metrics)
        self.floor.silent = _SAFE if self.safe else ""
        self.configurator = configurator_of(self, self.own_file)
        self.identity = Identity(
            program,
            config.config_hash,
            self.now().boot_id,
            config_version=self.configurator.standing.running,
            restarted=self.restarts.restarted,
            safe_mode=self.safe,
        )
        self.gateway_commands = GatewayCommands(self.store, self.now, self.metrics)
        self.uplink = Uplink(table, self.identity, self.store, self._take_command, self.now, self.metrics)
        self.reporter = HealthReporter(table.id, program, data_dir, self.store, self.supervisor, lambda: self.uplink.connected, self.now, self.metrics)
        api_key = api_key_of(table)
        self._server = HealthServer(self.reporter, *parse_listen(table.listen), api_key, Acknowledging(self.floor.take, self.store, self.now))

        self.reporter.card_bytes_written_max = table.card_bytes_written_max
        self.reporter.link = lambda: self.uplink.status
        self.reporter.safe, self.reporter.restarted = self.safe, self.restarts.restarted
        self.swaps = Swaps(self.bindings, lambda: self.config.devices, self.driver_of, self.supervisor, self.store, self.now)
        self.north = self._north_sides(program)
        self.gateway_commands.register(SwapDevice, self.swaps.handle)
        self.gateway_commands.register(ConfigureGateway, self.configurator.handle)
        self.reporter.configurator = self.configurator
        self.reporter.own_fault = "; ".join(filter(None, (self._own_fault, self.bindings.fault)))
        self.reporter.update_fault = lambda: last_update(data_dir).fault
        asks = {"tap": Taps(self.supervisor).tap, "swap": self._swap, "reload": reloading(self.configurator), UPDATE: self._update}
        self._control = ControlServer(data_dir, asks)

    async def _update(self, _: Answer) -> AsyncGenerator[Answer, None]:
        """End for the version that was put on trial."""
        if not os.environ.get(LAUNCHER):
            yield {"error": "this gateway was not started by ROOT/bin/dockline, so it cannot become another version"}
            return
        self.restart(UPDATE)
        yield {"done": True}

    async def _swap(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """A swap asked for at the machine; the answer comes once it is durable."""
        command = self.swaps.command(
            str(request.get("device", "")),
            str(request.get("serial", "")),
            host=str(request.get("host", "")),
            actor=str(request.get("actor", "")),
            swap_id=f"swap-{secrets.token_hex(8)}",
        )
        self.gateway_commands.take(command)
        answer = await self.store.answer_within(command.command_id, _SWAP_WITHIN_S)
        if answer is None:
            yield {"error": "bound, but the outbox has not taken it yet; see `dockline gateway doctor`"}
        elif answer.outcome == "done":
            binding = self.bindings.by_device.get(command.device)
            yield {"done": True, "serial": binding.serial if binding else ""}
        else:
            yield {"error": answer.reason}

    def _north_sides(self, program: str) -> NorthSides | None:
        """Who else is told what devices measure; loaded only where somebody is."""
        if self.safe or not self.config.north:
            return None
        from gateway.north.sides import NorthSides

        return NorthSides(lambda: self.config, self.floor.alarms, lambda: self.uplink.connected, program, self.now, self.metrics)

    def _device_is_over(self, device_id: str) -> None:
        self.floor.device_is_over(device_id)

    def _take(self, reading: AnyReading) -> None:
        self.floor.take(reading)
        if self.north is not None:
            self.north.hear(reading)

    def _take_command(self, command: AnyCommand) -> None:
        (self.gateway_commands if command.station == GATEWAY else self.floor).take(command)

    async def _serve(self) -> None:
        """Run all parts until one fails or `stop` is called."""
        parts: dict[str, Coroutine[Any, Any, object]] = {
            "uplink": self.uplink.run(),
            "supervisor": self.supervisor.run(),
            "report": self._report(),
            "watchdog": self._watchdog(),
            "begin": self._begin(),
            "floor": self.floor.run(),
            "gateway_commands": self.gateway_commands.run(),
            "clock": watch_clock(self.now, self.store, Path(self.config.gateway.data_dir) / "clock.json"),
            "configuration": self.configurator.run(),
            "certificate": keep_certificate(self.config.gateway.trust_dir, self.now, self.reporter.certificate_ends),
            "update": prove_update(Path(self.config.gateway.data_dir), Reconfigurable(self), self.now, lambda: self.restart(UPDATE)),
            "stop": self._stop.wait(),
        }
        if self.north is not None:
            parts["north"] = self.north.run()
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        self.started.set()
        notify("READY=1")
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is not None:
                    raise error
                if task.get_name() != "stop":
                    raise PartEndedError(f"the {task.get_name()} ended by itself; the gateway ends, so that it begins anew")
        finally:
            for task in (*tasks, *self._reloads):
                task.cancel()
            await asyncio.gather(*tasks, *self._reloads, return_exceptions=True)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self.config.gateway.report_interval_s)
            report = await self.reporter.report()
            self.store.put_telemetry([report])
            if self.north is not None:
                self.north.reported(report)

    async def _begin(self) -> NoReturn:
        """What is due once after the start; a run that has come so far counts as one that works. Safe mode that began by itself ends after a while."""
        if self.safe:
            for device in self.config.devices:
                self.floor.take(LinkChanged(device=device, at_s=self.now().monotonic_s, state="lost", reason=_SAFE))
        for command in await self.swaps.untold():
            self.gateway_commands.take(command)
        if not self.safe:
            await asyncio.sleep(STABLE_S)
            self.restarts.stable()
        elif self._is_safe_by_itself:
            await asyncio.sleep(SAFE_FOR_S)
            self.stop(SAFE_OVER)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def _watchdog(self) -> None:
        """Signs of life as long as the event loop, the outbox's thread, the floor and the uplink all get on with their work."""
        device = self.config.gateway.hardware_watchdog
        hardware = None
        try:
            hardware = HardwareWatchdog(device, _HARDWARE_WATCHDOG_S) if device else None
        except OSError as error:
            log.error("hardware watchdog cannot be used", extra={"device": device, "reason": str(error)})  # noqa: TRY400  # the reason says all
        watchdog = Watchdog({"floor": self.floor.busy_s, "uplink": lambda: self.uplink.stalled_s}, {"uplink": _STUCK_S}, hardware)
        try:
            await watchdog.run(self.store.answers)
        finally:
            if hardware is not None:
                hardware.close()


async def run_gateway(config: GatewayConfig, *, safe: bool = False, own_file: Path | None = None, own_fault: str = "") -> bool:
    """Run until SIGTERM or SIGINT; SIGHUP has the gateway's own file taken over. Returns whether another process shall begin."""
    gateway = Gateway(config, safe=safe, own_file=own_file, own_fault=own_fault)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, gateway.stop)
    listening = loop.create_task(_listen_for_last_words(gateway), name="last-words")
    try:
        await gateway.run()
    finally:
        listening.cancel()
    return gateway.restart_wanted


async def _listen_for_last_words(gateway: Gateway) -> None:
    await gateway.started.wait()
    gateway.restarts.listen_for_last_words()

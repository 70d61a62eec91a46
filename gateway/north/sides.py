# SPDX-License-Identifier: Apache-2.0
"""All north sides of a gateway: built from its configuration and run beside the uplink. Whatever happens to one, the gateway goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from contracts.events import AlarmState, GatewayReported
from contracts.readings import AnyReading
from gateway.clock import Now
from gateway.config import GatewayConfig, GatewayTable, NorthTable, SparkplugNorth
from gateway.durable_file import write_durably
from gateway.metrics import Metrics
from gateway.north.picture import Picture
from gateway.north.publisher import Publisher
from gateway.north.side import Side, Surroundings

_BEGIN_AGAIN_S = 60.0
_BD_SEQ_MODULUS = 256
_BROKER_KEYS = ("broker_username", "broker_password_file", "broker_ca_file", "broker_certificate_file", "broker_key_file", "allow_anonymous_broker")

log = logging.getLogger(__name__)


class NorthSides:
    """Everything that is told north. `config` gives the configuration as it is now."""

    def __init__(
        self,
        config: Callable[[], GatewayConfig],
        alarms: Callable[[], Mapping[str, AlarmState]],
        uplink: Callable[[], bool],
        version: str,
        now: Now,
        metrics: Metrics,
        begin_again_s: float = _BEGIN_AGAIN_S,
    ) -> None:
        self._picture = Picture(now)
        self._config = config
        self._now = now
        self._metrics = metrics
        self._begin_again_s = begin_again_s
        self._around = Surroundings(config, self._picture, alarms, uplink, version)
        self._seen = config()
        self.publishers = {table.id: self._publisher(table) for table in self._seen.north.values()}

    def hear(self, reading: AnyReading) -> None:
        """Take a reading of any device."""
        self._picture.hear(reading)

    def reported(self, report: GatewayReported) -> None:
        """The gateway's health as it is told to central."""
        self._picture.report = report
        if self._config() is not self._seen:
            self._seen = self._config()
            self._picture.keep(self._seen.devices)

    async def run(self) -> NoReturn:
        """Run all sides until cancelled."""
        tasks = [asyncio.create_task(self._keep(name, publisher.run), name=f"north-{name}") for name, publisher in self.publishers.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise AssertionError("unreachable")

    async def _keep(self, name: str, run: Callable[[], Coroutine[Any, Any, NoReturn]]) -> NoReturn:
        """A side that fails by a fault of its own begins again after a while."""
        while True:
            task = asyncio.create_task(run(), name=f"north-{name}-run")
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            log.error("north side failed", exc_info=task.exception(), extra={"north": name, "begins_again_s": self._begin_again_s})
            await asyncio.sleep(self._begin_again_s)

    def _publisher(self, table: NorthTable) -> Publisher:
        return Publisher(self._side(table), as_seen_from(table, self._seen.gateway), self._now, self._metrics.north_up)

    def _side(self, table: NorthTable) -> Side:
        if isinstance(table, SparkplugNorth):
            from gateway.north.sparkplug import EdgeNode

            return EdgeNode(table, self._around, BdSeq(Path(self._seen.gateway.data_dir) / f"north-{table.id}.json"))
        from gateway.config import HomeAssistantNorth
        from gateway.north.home_assistant import HomeAssistant

        assert isinstance(table, HomeAssistantNorth)
        return HomeAssistant(table, self._around)


def as_seen_from(table: NorthTable, gateway: GatewayTable) -> GatewayTable:
    """The table [gateway] with the broker of a north side, where that has one of its own."""
    if not table.broker:
        return gateway
    return msgspec.structs.replace(gateway, broker=table.broker, brokers_more=[], **{key: getattr(table, key) for key in _BROKER_KEYS})


class _Counted(msgspec.Struct):
    bd_seq: int


class BdSeq:
    """The number of each connection of an edge node, kept over restarts: 0 to 255, then 0 again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = -1
        try:
            self._last = msgspec.json.decode(path.read_bytes(), type=_Counted).bd_seq
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as error:
            log.warning("number of the last connection not read; it begins at 0", extra={"file": str(path), "reason": str(error)})

    def __call__(self) -> int:
        """The number of the connection that is made now, durable; a full disk costs only that it may be given again after a restart."""
        self._last = (self._last + 1) % _BD_SEQ_MODULUS
        try:
            write_durably(self._path, msgspec.json.encode(_Counted(self._last)))
        except OSError as error:
            log.warning("number of the connection not written", extra={"file": str(self._path), "reason": str(error)})
        return self._last

# SPDX-License-Identifier: Apache-2.0
"""The connection of one north side: its own, beside the uplink's, made again and again with growing pauses. One message is under way at a time, so that a
broker that is slow or gone holds up nothing but this side.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import NoReturn

import aiomqtt

from contracts.addresses import parse_broker
from gateway.clock import Now
from gateway.config import GatewayTable
from gateway.connection import Connection, ConnectionMaker, MuteError, Version
from gateway.instruments import Gauge
from gateway.knocking import Knocker, UnreachableError, abandon
from gateway.north.side import Message, Side, StartOverError

_KNOCK_EVERY_S, _KNOCKS_S = 2.0, 6.0
_WELCOME_S = 10.0
_CALL_S = 10.0
_FAREWELL_S = 1.0
_REFUSED = 0x80
"""MQTT 3.1.1, 3.9.3."""
_PAUSE_S = (1.0, 60.0)
_SETTLED_S = 30.0  # chosen: a connection that lasted longer was good for something

log = logging.getLogger(__name__)


class Publisher:
    """Runs until cancelled. `table` says how to reach the broker; `up` is told whether it is."""

    def __init__(self, side: Side, table: GatewayTable, now: Now, up: Gauge) -> None:
        self._side = side
        self._url = table.broker
        self._broker = parse_broker(table.broker)
        self._maker = ConnectionMaker(table, f"-{side.id}")
        self._knocker = Knocker([self._broker])
        self._now = now
        self._up = up.labels(north=side.id)
        self._wake = asyncio.Event()
        self._pause_s = _PAUSE_S[0]
        self.connected = False

    async def run(self) -> NoReturn:
        """Look at the devices and tell, until cancelled. It can be called again after it failed."""
        self._side.lost()
        looking = asyncio.create_task(self._look(), name=f"north-{self._side.id}-look")
        try:
            await self._keep_connected(looking)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        raise AssertionError("unreachable")

    async def _look(self) -> NoReturn:
        while True:
            self._side.look(self._now())
            self._wake.set()
            await asyncio.sleep(self._side.interval_s)

    async def _keep_connected(self, looking: asyncio.Task[NoReturn]) -> None:
        is_told = False
        while True:
            began_s = self._now().monotonic_s
            reason = await self._until_it_ends(looking)
            _heed_cancellation()
            was_connected, self.connected = self.connected, False
            self._up.set(0)
            self._side.lost()
            if reason and (was_connected or not is_told):
                log.warning("north side lost", extra={"north": self._side.id, "broker": self._url, "reason": reason})
            is_told = True
            if was_connected and self._now().monotonic_s - began_s > _SETTLED_S:
                self._pause_s = _PAUSE_S[0]
            await asyncio.sleep(self._pause_s * random.uniform(0.8, 1.2))  # noqa: S311  # spreads attempts, guards nothing
            self._pause_s = min(_PAUSE_S[1], 2 * self._pause_s) if reason else _PAUSE_S[0]

    async def _until_it_ends(self, looking: asyncio.Task[NoReturn]) -> str:
        """One attempt and the conversation that comes of it; returns why it ended, empty where that was meant."""
        try:
            await self._converse(looking)
        except StartOverError as error:
            log.info("north side begins anew", extra={"north": self._side.id, "reason": str(error)})
            return ""
        except (UnreachableError, MuteError, aiomqtt.MqttError, OSError, ValueError) as error:
            return str(error) or type(error).__name__
        raise AssertionError("a conversation ends with an error")

    async def _converse(self, looking: asyncio.Task[NoReturn]) -> NoReturn:
        _, opened = await self._knocker.knock(0, _KNOCK_EVERY_S, _KNOCKS_S)
        try:
            will = self._side.connecting(self._now())
            client = self._maker.make(self._broker, Version.V311, aiomqtt.Will(will.topic, will.payload, will.qos, will.retain))
        except BaseException:
            abandon(opened)
            raise
        async with client.over(opened, _WELCOME_S):
            await self._subscribe(client)
            self._side.connected(self._now())
            self.connected = True
            self._up.set(1)
            log.info("north side connected", extra={"north": self._side.id, "broker": self._url})
            await self._until_one_fails(client, looking)

    async def _subscribe(self, client: Connection) -> None:
        """Raises: ValueError: refused."""
        topics = self._side.subscriptions
        granted = await client.subscribe(list(topics), timeout=_CALL_S)
        _heed_cancellation()
        for (topic, _), code in zip(topics, granted, strict=True):
            if isinstance(code, int) and code >= _REFUSED:  # always a number with MQTT 3.1.1
                raise ValueError(f"the broker does not let this gateway subscribe to {topic}; check its access list")

    async def _until_one_fails(self, client: Connection, looking: asyncio.Task[NoReturn]) -> NoReturn:
        tasks = [asyncio.create_task(self._receive(client), name="north-receive"), asyncio.create_task(self._send(client), name="north-send")]
        try:
            done, _ = await asyncio.wait([*tasks, looking], return_when=asyncio.FIRST_COMPLETED)
            error = next(iter(done)).exception()
            if isinstance(error, StartOverError):
                await self._say_farewell(client, tasks)
            raise error or aiomqtt.MqttError("the connection ended")
        except asyncio.CancelledError:
            await self._say_farewell(client, tasks)
            raise
        finally:
            await _end(tasks)

    async def _say_farewell(self, client: Connection, tasks: list[asyncio.Task[NoReturn]]) -> None:
        """An end in order makes the broker forget the will, so the last words are published."""
        await _end(tasks)
        with contextlib.suppress(aiomqtt.MqttError):
            await _publish(client, self._side.farewell(self._now()), _FAREWELL_S)
            await client.farewell()

    async def _receive(self, client: Connection) -> NoReturn:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self._side.heard(str(message.topic), payload, retained=message.retain)
            self._wake.set()
        raise aiomqtt.MqttError("the connection ended")

    async def _send(self, client: Connection) -> NoReturn:
        while True:
            self._wake.clear()
            while (message := self._side.next(self._now())) is not None:
                await _publish(client, message, _CALL_S)
                _heed_cancellation()
            await self._wake.wait()


async def _publish(client: Connection, message: Message, within_s: float) -> None:
    """Returns when the broker has it (QoS 1) or the network took it (QoS 0). Raises: MqttError."""
    await client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain, timeout=within_s)


def _heed_cancellation() -> None:
    """aiomqtt waits by asyncio.wait_for, which before Python 3.12 swallows a cancellation that comes with the result, or with the failure."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _end(tasks: list[asyncio.Task[NoReturn]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

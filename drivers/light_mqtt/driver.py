# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of MQTT lights and its SPEC: one connection of our own to the lights' broker."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt

from contracts.addresses import BrokerAddress, parse_broker
from drivers.base.errors import ConfigError, TransportError
from drivers.base.light_driver import LightDriver
from drivers.base.session import Session
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.transports import Transport
from drivers.light_mqtt.config import LightMqttConfig
from drivers.light_mqtt.frames import FRAME_BYTES_MAX, Frame, Kind, decode, size_of
from drivers.light_mqtt.session import LightMqttSession, Memory

_KEEPALIVE_S = 10
_REFUSED = 0x80
_V311, _V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5
_VERSIONS = {"auto": [_V311, _V5], "3.1.1": [_V311], "5": [_V5]}
_CANCEL_AGAIN_S = 0.2
_CLOSE_TIMEOUT_S = 1.0


class LightMqttDriver(LightDriver[LightMqttConfig]):
    """Lights behind one broker. `memory` is what shall be lit; it outlives connections."""

    def __init__(self, device_id: str, config: LightMqttConfig, **arguments: Any) -> None:
        self.memory = Memory()
        self._spoken: aiomqtt.ProtocolVersion | None = None
        super().__init__(device_id, config, **arguments)

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[LightMqttConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: a connection to the broker."""
        return self._open

    async def _open(self, config: LightMqttConfig) -> Transport:
        """In the version of MQTT that worked last, or else in each that there is. Raises: ConfigError, TransportError: the first version's."""
        to_try, self._spoken = [self._spoken] if self._spoken is not None else _VERSIONS[config.mqtt_version], None
        failed: TransportError | None = None
        for version in to_try:
            try:
                transport = await _opened(config, version)
            except TransportError as error:
                failed = failed or error
            else:
                self._spoken = version
                return transport
        assert failed is not None
        raise failed

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LightMqttSession(self.config, self.memory)


def _address(config: LightMqttConfig) -> BrokerAddress:
    """Raises: ConfigError: there is no broker, or a file cannot be read."""
    if not config.broker:
        raise ConfigError("only a gateway has a broker of its own; give `broker`, like mqtt://host:1883", operation="broker")
    found = parse_broker(config.broker)
    try:
        password = Path(config.broker_password_file).read_text("utf-8").strip() if config.broker_password_file else found.password
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`broker_password_file` {config.broker_password_file} cannot be read: {error}", operation="broker") from error
    return replace(
        found,
        user=config.broker_username or found.user,
        password=password,
        ca_file=config.broker_ca_file,
        certificate_file=config.broker_certificate_file,
        key_file=config.broker_key_file,
    )


async def _opened(config: LightMqttConfig, version: aiomqtt.ProtocolVersion) -> Transport:
    address = _address(config)
    try:
        context = address.tls_context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"a file of certificates cannot be used: {error}; see `broker_ca_file`, `broker_certificate_file`", operation="broker") from error
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.user,
        password=address.password,
        protocol=version,
        timeout=config.connect_timeout_s,
        keepalive=_KEEPALIVE_S,
        tls_context=context,
    )
    try:
        async with asyncio.timeout(config.connect_timeout_s):
            await client.__aenter__()
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        what = str(error) or type(error).__name__
        raise TransportError(f"cannot connect to the broker at {config.endpoint}: {what}; check `broker`, user and password") from error
    return _BrokerWay(client).transport


def _check(topic: str, granted: Iterable[Any]) -> None:
    """Raises: PermissionError: the broker refused a subscription (MQTT 3.1.1, 3.9.3: 80; MQTT 5: 80 and above)."""
    if any(int(getattr(code, "value", code)) >= _REFUSED for code in granted):
        raise PermissionError(f"the broker does not let the lights' user subscribe to {topic}; check its access list")


class _BrokerWay:
    """Messages of the broker as frames and frames as messages, in order both ways."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._reader = asyncio.StreamReader()
        self._unsent: asyncio.Queue[Frame] = asyncio.Queue()
        self._rest = b""
        self._tasks = [asyncio.create_task(part, name="MQTT lights") for part in (self._hear(), self._say())]
        self.transport = Transport(self._reader, self._write, self._close)

    def _write(self, data: bytes) -> None:
        self._rest += data
        while (size := size_of(self._rest)) is not None and len(self._rest) >= size:
            frame, self._rest = decode(self._rest[:size]), self._rest[size:]
            self._unsent.put_nowait(frame)

    async def _hear(self) -> None:
        try:
            async for message in self._client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                topic = message.topic.value
                if len(payload) + len(topic) * 4 < FRAME_BYTES_MAX // 2:
                    self._reader.feed_data(Frame(Kind.MESSAGE, topic, payload, min(message.qos, 1), message.retain).encode())
        except aiomqtt.MqttError as error:
            self._reader.set_exception(OSError(f"the broker is gone: {error}"))

    async def _say(self) -> None:
        try:
            while True:
                frame = await self._unsent.get()
                if frame.kind is Kind.SUBSCRIBE:
                    _check(frame.topic, await self._client.subscribe(frame.topic, frame.qos))
                    self._reader.feed_data(replace(frame, kind=Kind.SUBSCRIBED).encode())
                else:
                    await self._client.publish(frame.topic, frame.payload, frame.qos, frame.is_retained)
                self._unsent.task_done()
        except aiomqtt.MqttError as error:
            self._reader.set_exception(OSError(f"the broker did not take it: {error}"))
        except PermissionError as error:
            self._reader.set_exception(error)

    async def _close(self) -> None:
        sent = asyncio.create_task(self._unsent.join(), name="MQTT lights: what is left to say")
        await asyncio.wait([sent, *self._tasks], timeout=_CLOSE_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        pending = {sent, *self._tasks}
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)  # wait_for, which aiomqtt uses, may swallow a cancellation (Python 3.11)
        try:
            await self._client.__aexit__(None, None, None)
        except (aiomqtt.MqttError, OSError):
            return  # it was gone already
        finally:
            gone = self._client._disconnected  # noqa: SLF001  # why it went was told by `messages`; a future that nobody asks complains
            if gone.done() and not gone.cancelled():
                gone.exception()


_NODE = ArgumentSpec("node", int, "Number of the light", "count")
_COLOUR = ArgumentSpec(
    "colour", str, "One of the configured colours; by default red, green, orange, blue, pink, cyan", "choice", default="green", required=False
)

SPEC = DriverSpec(
    name="light_mqtt",
    config=LightMqttConfig,
    factory=LightMqttDriver,
    capabilities=frozenset({"shows_quantities"}),
    twin="firmware_sims.light_mqtt.twin:MqttLightsTwin",
    source="OASIS, MQTT Version 3.1.1; topics and payloads by the configuration (Tasmota: MQTT commands; ESPHome: MQTT client component)",
    commands=(
        CommandSpec("show", "Light a pick light with a quantity", (_NODE, ArgumentSpec("quantity", int, "Number to show, 0 to 999999", "count"), _COLOUR)),
        CommandSpec("clear", "Put a pick light out", (_NODE,)),
        CommandSpec("buzz", "Switch a pick light's buzzer", (_NODE, ArgumentSpec("on", bool, "Whether the buzzer sounds", "flag"))),
        CommandSpec("test", "Light all lights for a while, then show again what was lit"),
    ),
)

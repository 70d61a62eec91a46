# SPDX-License-Identifier: Apache-2.0
"""A broker and the lines to it, in virtual time: slow, lossy, cut, or swallowing everything without a word."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import aiomqtt

_TIMEOUT_S = 3.0
_KEEPALIVE_S = 15.0  # 1.5 times what a client of ours asks for
_RETRANSMIT_S = (0.2, 1.5)


@dataclass(frozen=True)
class Delivered:
    """A message as aiomqtt hands it over."""

    topic: str
    payload: bytes


class Line:
    """What lies between one client and the broker. `hole`: everything is swallowed; `cut`: refused at once."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.hole = self.cut = False
        self.delay_s = 0.001
        self.loss = 0.0
        self._last_s = {"up": 0.0, "down": 0.0}
        self.clients: set[Client] = set()

    def break_off(self) -> None:
        """Cut: both ends learn of it at once."""
        self.cut = True
        for client in list(self.clients):
            client.break_off()

    def carry(self, way: str, arrive: Callable[[], None]) -> None:
        """Let something arrive later, behind what went the same way before; a lost segment is sent again and holds up those behind it."""
        if self.hole:
            return
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self.delay_s * self._random.uniform(0.5, 1.5)
        while self._random.random() < self.loss:
            due_s += self._random.uniform(*_RETRANSMIT_S)
        self._last_s[way] = due_s = max(due_s, self._last_s[way])
        loop.call_at(due_s, lambda: None if self.hole else arrive())


@dataclass
class _Session:
    client: Client
    line: Line
    will: aiomqtt.Will | None
    filters: list[str] = field(default_factory=list)


class Broker:
    """Routes messages of QoS 1 and keeps retained ones, in memory. `doubles` and `swaps`: odds that a delivery comes twice, or behind the next."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, bytes] = {}
        self._held: dict[str, Delivered] = {}
        self.up = True
        self.doubles = self.swaps = 0.0

    def die(self) -> None:
        """Everything it had is gone; its clients learn of it at once, unless their line is a hole."""
        self.up = False
        sessions, self._sessions, self._retained, self._held = list(self._sessions.values()), {}, {}, {}
        for session in sessions:
            session.line.carry("down", session.client.lose)

    def connect(self, name: str, client: Client, line: Line, will: aiomqtt.Will | None) -> None:
        """Take a client; one that has the same name is thrown out."""
        self.leave(name, politely=False)
        self._sessions[name] = _Session(client, line, will)

    def knows(self, name: str, client: Client) -> bool:
        """Whether this connection is one of its."""
        return name in self._sessions and self._sessions[name].client is client

    def leave(self, name: str, *, politely: bool, client: Client | None = None) -> None:
        """A client is gone; if it did not say so its will is published."""
        session = self._sessions.get(name)
        if session is None or client not in (None, session.client):
            return
        del self._sessions[name]
        session.line.carry("down", session.client.lose)
        if session.will is not None and not politely:
            assert isinstance(session.will.payload, bytes)
            self.publish(session.will.topic, session.will.payload, retain=session.will.retain)

    def subscribe(self, name: str, topic: str) -> None:
        """From now on; retained messages come at once."""
        session = self._sessions.get(name)
        if session is None:
            return
        session.filters.append(topic)
        for known, payload in self._retained.items():
            if aiomqtt.Topic(known).matches(topic):
                self._deliver(session, Delivered(known, payload))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """To whoever listens."""
        if retain:
            self._retained[topic] = payload
        for name, session in self._sessions.items():
            if any(aiomqtt.Topic(topic).matches(each) for each in session.filters):
                self._disorderly(name, session, Delivered(topic, payload))

    def _disorderly(self, name: str, session: _Session, message: Delivered) -> None:
        if name not in self._held and self._random.random() < self.swaps:
            self._held[name] = message
            asyncio.get_running_loop().call_later(1.0, self._release, name, session)
            return
        self._deliver(session, message)
        self._release(name, session)
        if self._random.random() < self.doubles:
            self._deliver(session, message)

    def _release(self, name: str, session: _Session) -> None:
        held = self._held.pop(name, None)
        if held is not None and self._sessions.get(name) is session:
            self._deliver(session, held)

    def _deliver(self, session: _Session, message: Delivered) -> None:
        session.line.carry("down", lambda: session.client.hear(message))


class Client:
    """What of aiomqtt's client the programs use, on a line to the simulated broker."""

    def __init__(self, name: str, broker: Broker, line: Line, will: aiomqtt.Will | None = None) -> None:
        self._name = name
        self._broker = broker
        self._line = line
        self._will = will
        self._inbox: asyncio.Queue[Delivered | None] = asyncio.Queue()
        self._lost = asyncio.Event()
        self._heard_s = 0.0
        self._politely = False
        self._waiting: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def over(self, opened: object = None, within_s: float = _TIMEOUT_S) -> AsyncIterator[Client]:
        """Connected inside. Raises: MqttError: refused, or no answer in time."""
        del opened
        if self._line.cut or not self._broker.up:
            await asyncio.sleep(self._line.delay_s)
            raise aiomqtt.MqttError("[Errno 111] Connection refused")
        await self._exchange(lambda: self._broker.connect(self._name, self, self._line, self._will), within_s, begins=True)
        watch = asyncio.create_task(self._keep_alive())
        self._line.clients.add(self)
        try:
            yield self
        finally:
            watch.cancel()
            self._lost.set()
            self._line.clients.discard(self)
            self._line.carry("up", lambda: self._broker.leave(self._name, politely=self._politely, client=self))
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def subscribe(self, topics: Sequence[tuple[str, int]], timeout: float | None = None) -> list[int]:  # noqa: ASYNC109  # as aiomqtt has it
        """Returns what is granted for each."""
        await self._exchange(lambda: [self._broker.subscribe(self._name, topic) for topic, _ in topics], timeout)
        return [qos for _, qos in topics]

    async def farewell(self) -> None:
        """End politely."""
        self._politely = True

    async def publish(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as aiomqtt has it
        """Returns with the PUBACK. Raises: MqttError."""
        if qos == 0:
            self._check()
            self._line.carry("up", lambda: self._arrive(topic, payload, retain) if self._broker.knows(self._name, self) else None)
            return
        await self._exchange(lambda: self._arrive(topic, payload, retain), timeout)

    def _arrive(self, topic: str, payload: bytes, retain: bool) -> None:
        if self._broker.up:
            self._broker.publish(topic, payload, retain=retain)

    @property
    def messages(self) -> AsyncIterator[Delivered]:
        """Until the connection is lost. Raises: MqttError."""
        return self._messages()

    async def _messages(self) -> AsyncIterator[Delivered]:
        while (message := await self._inbox.get()) is not None:
            yield message
        raise aiomqtt.MqttError("Disconnected during message iteration")

    def hear(self, message: Delivered) -> None:
        """Something came."""
        self._heard_s = asyncio.get_running_loop().time()
        if not self._lost.is_set():
            self._inbox.put_nowait(message)

    def lose(self) -> None:
        """The connection ended."""
        if not self._lost.is_set():
            self._lost.set()
            self._inbox.put_nowait(None)
            for future in self._waiting:
                if not future.done():
                    future.set_exception(aiomqtt.MqttError("[code:7] The connection was lost."))

    def break_off(self) -> None:
        """The line was cut."""
        self._broker.leave(self._name, politely=False, client=self)
        self.lose()

    def _check(self) -> None:
        if self._lost.is_set():
            raise aiomqtt.MqttCodeError(4, "The client is not currently connected")

    async def _exchange(self, arrive: Callable[[], object], within_s: float | None = None, *, begins: bool = False) -> None:
        """There, and the answer back. Raises: MqttError: lost meanwhile, or not in time."""
        self._check()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(answered)

        def answer() -> None:
            self._heard_s = asyncio.get_running_loop().time()
            if not answered.done():
                answered.set_result(None)

        def arrived() -> None:
            if self._broker.up and (begins or self._broker.knows(self._name, self)):
                arrive()
                self._line.carry("down", answer)
            else:
                self._line.carry("down", self.lose)

        self._line.carry("up", arrived)
        try:
            async with asyncio.timeout(_TIMEOUT_S if within_s is None else None if within_s == math.inf else within_s):
                await answered
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None
        finally:
            self._waiting.discard(answered)

    async def _keep_alive(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        while not self._lost.is_set():
            await asyncio.sleep(_KEEPALIVE_S / 3)
            self._line.carry("up", self._ping)
            if self._line.cut or asyncio.get_running_loop().time() - self._heard_s > _KEEPALIVE_S:
                self.lose()

    def _ping(self) -> None:
        """A broker that began anew does not know this connection and resets it."""
        self._line.carry("down", self._pong if self._broker.up and self._broker.knows(self._name, self) else self.lose)

    def _pong(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()

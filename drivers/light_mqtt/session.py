# SPDX-License-Identifier: Apache-2.0
"""The conversation with pick lights behind a broker, without any input or output.

What shall be lit is kept as a wish per light. A light that is born, or a broker that is back, gets its wish again; stating it once too often changes
nothing. A press is taken once, however often the broker delivers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.lights import TagAnswered, TagFault, TagsTested
from drivers.base.session import Argument, CommandDone, FrameRejected, SessionEvent, SessionReady
from drivers.light_mqtt.config import LightMqttConfig
from drivers.light_mqtt.frames import HEADER_BYTES, Frame, Kind, decode, size_of
from drivers.light_mqtt.templates import Nodes, TopicPattern, filled, found_at, quantity_of

QUANTITY_MAX = 999_999
LAMP_TEST_QUANTITY = 888
OFFLINE = "offline"
IDS_KEPT = 16
WHOLE_WITHIN_S = 1.0  # chosen: the connection hands over whole frames; one that stays incomplete was damaged


@dataclass(frozen=True)
class LitNode:
    """What a light shall show; `colour` one of the configuration's."""

    quantity: int
    colour: str


@dataclass
class Memory:
    """What outlives a connection: what shall be lit, which buzzers sound, and the last ids of each light's presses."""

    lit: dict[int, LitNode] = field(default_factory=dict)
    buzzing: set[int] = field(default_factory=set)
    ids: dict[int, list[str]] = field(default_factory=dict)


class LightMqttSession:
    """One connection to a broker."""

    def __init__(self, config: LightMqttConfig, memory: Memory) -> None:
        self._config = config
        self._memory = memory
        self._nodes = Nodes(config.nodes, config.names)
        self._confirm = TopicPattern(config.confirm_topic)
        self._shortage = TopicPattern(config.shortage_topic) if config.shortage_topic else None
        self._availability = TopicPattern(config.availability_topic) if config.availability_topic else None
        patterns = (self._confirm, self._shortage, self._availability)
        self._wanted = dict.fromkeys(pattern.filter for pattern in patterns if pattern is not None)
        self._subscribe_due_s: float | None = None
        self._ready = False
        self._online: dict[int, bool] = {}
        self._pressed_s: dict[int, float] = {}
        self._test_ends_s: float | None = None
        self._test_tokens: list[int] = []
        self._token = 0
        self._incoming = bytearray()
        self._incomplete_since_s: float | None = None
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: no frame begins there."""
        self._incoming += data
        while (size := size_of(bytes(self._incoming[:HEADER_BYTES]))) is not None and len(self._incoming) >= size:
            frame = decode(bytes(self._incoming[:size]))
            del self._incoming[:size]
            self._take(frame, now_s)
            self._incomplete_since_s = None
        if not self._incoming:
            self._incomplete_since_s = None
        elif self._incomplete_since_s is None:
            self._incomplete_since_s = now_s
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the broker did not answer a subscription. RemoteProtocolError: half a frame came."""
        if self._subscribe_due_s is None:
            self._subscribe_due_s = now_s + self._config.reply_timeout_s
            for topic in self._wanted:
                self._outgoing += Frame(Kind.SUBSCRIBE, topic, qos=self._config.qos).encode()
        if self._wanted and now_s >= self._subscribe_due_s:
            raise ReplyTimeout(f"answer to the subscription of {next(iter(self._wanted))}", self._config.reply_timeout_s)
        if self._incomplete_since_s is not None and now_s >= self._incomplete_since_s + WHOLE_WITHIN_S:
            raise RemoteProtocolError("a message did not come to its end", bytes(self._incoming[:64]))
        if self._test_ends_s is not None and now_s >= self._test_ends_s:
            self._end_lamp_test()
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        whole_s = None if self._incomplete_since_s is None else self._incomplete_since_s + WHOLE_WITHIN_S
        dues = (self._subscribe_due_s if self._wanted else None, self._test_ends_s, whole_s)
        return min((due_s for due_s in dues if due_s is not None), default=None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: show, clear, buzz, test."""
        self._token += 1
        if name == "test":
            self._begin_lamp_test(now_s)
            return self._token
        node = int(arguments["node"])
        if node not in self._nodes:
            raise LocalProtocolError(f"there is no light {node}; see `nodes` in the device's configuration ({self._config.nodes})")
        if name == "show":
            self._memory.lit[node] = self._wish(arguments)
        elif name == "clear":
            self._memory.lit.pop(node, None)
            self._silence(node)
        elif name == "buzz":
            self._buzz(node, on=bool(arguments["on"]))
        else:
            raise LocalProtocolError(f"MQTT lights have no command {name!r}; they take show, clear, buzz, test")
        if name != "buzz":
            self._state(node)
        self._events.append(CommandDone(self._token, {"node": node}))
        return self._token

    def farewell(self) -> bytes:
        """Nothing: what is lit stays lit."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    # -- saying ---------------------------------------------------------------------------------------------------------------------------

    def _wish(self, arguments: Mapping[str, Argument]) -> LitNode:
        quantity, colour = int(arguments["quantity"]), str(arguments.get("colour", "green"))
        if not 0 <= quantity <= QUANTITY_MAX:
            raise LocalProtocolError(f"quantity {quantity} is not within 0 to {QUANTITY_MAX}")
        if colour not in self._config.colours:
            raise LocalProtocolError(f"colour {colour!r} is none of {', '.join(self._config.colours)} (`colours`)")
        return LitNode(quantity, colour)

    def _say(self, topic: str, payload: str, node: int, wish: LitNode | None = None) -> None:
        quantity, colour = (wish.quantity, self._config.colours.get(wish.colour, "")) if wish is not None else (0, "")
        said = filled(payload, self._nodes, node, quantity, colour).encode()
        keep = self._config.retain and topic in (self._config.show_topic, self._config.clear_topic) and not self._forgets(topic)
        self._outgoing += Frame(Kind.MESSAGE, filled(topic, self._nodes, node), said, self._config.qos, keep).encode()

    def _show(self, node: int, wish: LitNode) -> None:
        self._say(self._config.show_topic, self._config.show_payload, node, wish)

    def _state(self, node: int) -> None:
        if wish := self._memory.lit.get(node):
            self._show(node, wish)
        else:
            if self._config.retain and self._forgets(self._config.clear_topic):
                kept = filled(self._config.show_topic, self._nodes, node)
                self._outgoing += Frame(Kind.MESSAGE, kept, b"", self._config.qos, is_retained=True).encode()  # 3.3.1.3: an empty one is forgotten
            self._say(self._config.clear_topic, self._config.clear_payload, node)

    def _forgets(self, topic: str) -> bool:
        """Whether what is kept on the topic of showing must be forgotten when a light is put out: a topic of its own says that."""
        return topic == self._config.clear_topic != self._config.show_topic

    def _buzz(self, node: int, *, on: bool) -> None:
        if not self._config.buzz_topic:
            raise LocalProtocolError("these lights have no buzzer (`buzz_topic`)")
        (self._memory.buzzing.add if on else self._memory.buzzing.discard)(node)
        self._say(self._config.buzz_topic, self._config.buzz_on_payload if on else self._config.buzz_off_payload, node)

    def _silence(self, node: int) -> None:
        if node in self._memory.buzzing:
            self._buzz(node, on=False)

    def _relight(self, node: int) -> None:
        """State the wish of a light that may have missed something."""
        if node in self._memory.lit:
            self._state(node)
        if node in self._memory.buzzing:
            self._buzz(node, on=True)

    def _begin_lamp_test(self, now_s: float) -> None:
        colours = list(self._config.colours) or [""]
        for node in self._nodes.numbers:
            self._show(node, LitNode(LAMP_TEST_QUANTITY, colours[0]))
        self._test_ends_s = now_s + self._config.lamp_test_s
        self._test_tokens.append(self._token)

    def _end_lamp_test(self) -> None:
        for node in self._nodes.numbers:
            self._state(node)
        told = self._availability is not None
        self._events.append(TagsTested(tuple(node for node in self._nodes.numbers if told and not self._online.get(node, False))))
        self._events += [CommandDone(token, {}) for token in self._test_tokens]
        self._test_ends_s, self._test_tokens = None, []

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, frame: Frame, now_s: float) -> None:
        if frame.kind is Kind.SUBSCRIBED:
            self._wanted.pop(frame.topic, None)
            if not self._wanted and not self._ready:
                self._become_ready()
        elif frame.kind is not Kind.MESSAGE:
            raise RemoteProtocolError("a broker does not subscribe", frame.encode())
        elif self._availability is not None and (name := self._availability.match(frame.topic)) is not None:
            self._hear_life(frame, name)
        elif self._shortage is not None and (name := self._shortage.match(frame.topic)) is not None:
            self._hear_press(frame, name, "shortage", now_s)
        elif (name := self._confirm.match(frame.topic)) is not None:
            self._hear_press(frame, name, self._key(frame.payload), now_s)
        else:
            self._reject("other_topic", frame)

    def _become_ready(self) -> None:
        self._ready = True
        self._events.append(SessionReady(f"MQTT lights {self._config.nodes} at {self._config.endpoint}"))
        for node in sorted({*self._memory.lit, *self._memory.buzzing}):
            self._relight(node)

    def _reject(self, reason: str, frame: Frame) -> None:
        self._events.append(FrameRejected(reason, frame.encode()))

    def _node(self, frame: Frame, name: str) -> int | None:
        text = name or found_at(self._config.node_path, frame.payload) or ""
        return self._nodes.number(text)

    def _hear_life(self, frame: Frame, name: str) -> None:
        """Birth or death. A light that says that it is there has just started, unless the broker only repeats what it knows."""
        node, said = self._node(frame, name), found_at(self._config.availability_path, frame.payload)
        if node is None or said not in (self._config.online_payload, self._config.offline_payload):
            self._reject("unknown_node" if node is None else "no_availability", frame)
            return
        before, now = self._online.get(node), said == self._config.online_payload
        self._online[node] = now
        if now and not (frame.is_retained and before is None):
            self._relight(node)
        elif not now and before is not False and node in self._memory.lit:
            self._events.append(TagFault(node, OFFLINE, "light is not there; check its power and its network"))

    def _key(self, payload: bytes) -> Literal["confirm", "shortage"] | None:
        if not self._config.press_path:
            return "confirm"
        said = found_at(self._config.press_path, payload)
        if said in self._config.shortage_values:
            return "shortage"
        return "confirm" if said in self._config.press_values else None

    def _hear_press(self, frame: Frame, name: str, press: Literal["confirm", "shortage"] | None, now_s: float) -> None:
        node = self._node(frame, name)
        if node is None or press is None or frame.is_retained:
            reason = "unknown_node" if node is None else "no_press" if press is None else "old_press"
            self._reject(reason, frame)
            return
        known = found_at(self._config.id_path, frame.payload) if self._config.id_path else None
        if self._is_repeated(node, known, frame, now_s):
            return
        self._pressed_s[node] = now_s
        self._online[node] = True
        if self._memory.lit.pop(node, None) is not None:
            self._silence(node)
            self._state(node)
        quantity = quantity_of(found_at(self._config.quantity_path, frame.payload)) if self._config.quantity_path else None
        self._events.append(TagAnswered(node, press, quantity))

    def _is_repeated(self, node: int, known: str | None, frame: Frame, now_s: float) -> bool:
        """Whether this press was told before; a double press puts the light right, which some lights darken by themselves."""
        ids = self._memory.ids.setdefault(node, [])
        if known is not None and known in ids:
            self._reject("repeated_press", frame)
            return True
        if known is not None:
            ids.append(known)
            del ids[:-IDS_KEPT]
        pressed_s = self._pressed_s.get(node)
        if pressed_s is not None and now_s - pressed_s < self._config.press_filter_s:
            self._reject("double_press", frame)
            if node in self._memory.lit:
                self._state(node)
            return True
        return False

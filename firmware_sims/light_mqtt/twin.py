# SPDX-License-Identifier: Apache-2.0
"""Pick lights behind a broker, as messages: `pick/<node>/show`, `clear`, `buzz` to them, `pressed` and `status` from them (JSON, status as text).

Messages come and go as: length of the rest (4 bytes, big end), kind (1 message, 2 subscribe, 3 subscribed), flags (bit 0 retained, bits 1-2 QoS), length
of the topic (2), topic, payload.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from firmware_sims.engine.twin import Twin

_MESSAGE, _SUBSCRIBE, _SUBSCRIBED = 1, 2, 3
_RETAINED = 0x01


@dataclass
class Light:
    """One light: what a person sees on it."""

    quantity: int | None = None
    colour: str = ""
    buzzing: bool = False
    alive: bool = True
    presses: int = 0
    messages: int = 0

    def go_dark(self) -> None:
        """Power is gone, or its key was pressed."""
        self.quantity, self.colour, self.buzzing = None, "", False


def framed(kind: int, topic: str, payload: bytes = b"", flags: int = 0) -> bytes:
    """One message as it goes to the client."""
    name = topic.encode()
    return struct.pack(">IBBH", 4 + len(name) + len(payload), kind, flags, len(name)) + name + payload


def unframed(data: bytes) -> tuple[list[tuple[int, int, str, bytes]], bytes]:
    """Kind, flags, topic and payload of the whole messages, and what is left."""
    found: list[tuple[int, int, str, bytes]] = []
    while len(data) >= 8:
        size, kind, flags, topic_bytes = struct.unpack_from(">IBBH", data)
        if not 4 <= size <= 1 << 20 or topic_bytes + 4 > size:
            return found, b""
        if len(data) < 4 + size:
            break
        found.append((kind, flags, data[8 : 8 + topic_bytes].decode("utf-8", "replace"), data[8 + topic_bytes : 4 + size]))
        data = data[4 + size :]
    return found, data


class MqttLightsTwin(Twin):
    """`lights` by number. Stimuli: press, shortage, repeat (the last press is delivered again), vanish, appear, restart."""

    def __init__(self, nodes: int = 30) -> None:
        self.lights = {node: Light() for node in range(1, nodes + 1)}
        self._pending = b""
        self._filters: set[str] = set()
        self._last = b""

    @property
    def lit(self) -> dict[int, tuple[int, str]]:
        """Quantity and colour of the lights that show something."""
        return {node: (light.quantity, light.colour) for node, light in self.lights.items() if light.quantity is not None}

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending, self._filters = b"", set()
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        messages, self._pending = unframed(self._pending + data)
        said = b""
        for kind, flags, topic, payload in messages:
            if kind == _SUBSCRIBE:
                self._filters.add(topic)
                said += framed(_SUBSCRIBED, topic, b"", flags) + self._retained(topic)
            elif kind == _MESSAGE:
                self._obey(topic, payload)
        return said

    def _retained(self, topic: str) -> bytes:
        """What the broker keeps of the lights' status, for who subscribes."""
        if not topic.startswith("pick/") or not topic.endswith("/status"):
            return b""
        return b"".join(self._status(node, _RETAINED) for node in self.lights)

    def _status(self, node: int, flags: int = 0) -> bytes:
        return framed(_MESSAGE, f"pick/{node}/status", b"online" if self.lights[node].alive else b"offline", flags)

    def _obey(self, topic: str, payload: bytes) -> None:
        head, _, rest = topic.partition("/")
        number, _, action = rest.partition("/")
        light = self.lights.get(int(number)) if head == "pick" and number.isdigit() else None
        if light is None or not light.alive:
            return
        light.messages += 1
        if action == "show":
            try:
                told = json.loads(payload)
                light.quantity, light.colour = int(told["quantity"]), str(told["colour"])
            except (ValueError, KeyError, TypeError):
                return
        elif action == "clear":
            light.quantity, light.colour = None, ""
        elif action == "buzz":
            light.buzzing = payload == b"on"

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def _key(self, node: int, key: str, quantity: int | None) -> bytes:
        light = self.lights[node]
        light.presses += 1
        told: dict[str, object] = {"id": f"{node}-{light.presses}", "key": key}
        shown = light.quantity if quantity is None else quantity
        if shown is not None:
            told["quantity"] = shown
        light.go_dark()
        self._last = framed(_MESSAGE, f"pick/{node}/pressed", json.dumps(told).encode(), 0x02)
        return self._last

    def on_press(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts to `quantity` (None: leaves it) and presses the confirm key."""
        return self._key(node, "confirm", quantity)

    def on_shortage(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """The same with the shortage key."""
        return self._key(node, "shortage", quantity)

    def on_repeat(self, now_s: float = 0.0) -> bytes:
        """The broker delivers the last press once more."""
        return self._last

    def on_vanish(self, node: int, now_s: float = 0.0) -> bytes:
        """The light loses its power; the broker publishes its last will."""
        self.lights[node].alive = False
        self.lights[node].go_dark()
        return self._status(node)

    def on_appear(self, node: int, now_s: float = 0.0) -> bytes:
        """It is there again, dark, and says so."""
        self.lights[node].alive = True
        self.lights[node].go_dark()
        return self._status(node)

    def on_restart(self, node: int, now_s: float = 0.0) -> bytes:
        """It starts anew so fast that nobody missed it."""
        return self.on_appear(node)

# SPDX-License-Identifier: Apache-2.0
"""The other end of the broker, the same program for both gateways: ThingsBoard's cloud to theirs, and what central says on the wire to ours.

It keeps nothing but what it needs to judge: which reads of which device came (register 0 and 1 number them), how old they were (2 to 4 time them by the
machine's monotonic clock), and how large the messages are. To our gateway it acknowledges by lanes and marks as central does, only after it has the batch,
and stores nothing. Asked by lines on standard input (`reset`, `report`, `seen`), it answers with a line of JSON each.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contracts import wire
from contracts.events import SensorArrayMeasured
from contracts.topics import CENTRAL_STATE

_LIMITS = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
_TOPICS = ("v1/devices/me/rpc/request/+", "v1/devices/me/attributes/request/+", "v1/gateway/telemetry", "dockline/v1/+/+/+/up/+")
_QUANTILES = (0.5, 0.99)


class Tally:
    """What came. Counts are since the last reset; `seen` is since the start."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = {}
        self.repeated = 0
        self.first_s: float | None = None
        self.reset()

    def reset(self) -> None:
        """Begin a window."""
        self.messages = self.values = self.published_bytes = self.json_bytes = 0
        self.ages_ms: list[float] = []

    def message(self, published: bytes, plain: bytes) -> None:
        """One message with values."""
        self.messages += 1
        self.published_bytes += len(published)
        self.json_bytes += len(plain)

    def sample(self, device: str, values: Sequence[int], now_s: float) -> None:
        """The registers of one read."""
        self.first_s = self.first_s or now_s
        self.values += len(values)
        number = values[0] | values[1] << 16
        known = self.seen.setdefault(device, set())
        self.repeated += number in known
        known.add(number)
        self.ages_ms.append(now_s * 1e3 - (values[2] | values[3] << 16 | values[4] << 32) / 1e3)

    def report(self) -> dict[str, Any]:
        """The window so far."""
        ages = sorted(self.ages_ms)
        quantiles = {f"p{round(share * 100)}_ms": ages[int(share * (len(ages) - 1))] if ages else None for share in _QUANTILES}
        counted = {"messages": self.messages, "values": self.values, "published_bytes": self.published_bytes, "json_bytes": self.json_bytes}
        return {**counted, **quantiles, "repeated": self.repeated, "first_s": self.first_s}


class Sink:
    """One client on the broker."""

    def __init__(self, port: int) -> None:
        self.tally = Tally()
        self.lock = threading.Lock()
        self._marks: dict[tuple[str, str], int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sink")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _subscribe(self, *_: Any) -> None:
        self._client.subscribe([(topic, 1) for topic in _TOPICS])
        self._client.publish(CENTRAL_STATE, wire.encode(wire.CentralState(online=True, session_id="bench", encodings=["zstd"])), 1, retain=True)

    def _message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        with self.lock:
            if message.topic.startswith("dockline/"):
                self._ours(message.topic, payload)
            elif message.topic == "v1/gateway/telemetry":
                self._theirs(payload)
            else:
                self._answer(message.topic, payload)

    def _answer(self, topic: str, payload: bytes) -> None:
        """What ThingsBoard's cloud is asked at the start; empty limits, or the gateway throttles itself."""
        if "/rpc/" in topic and json.loads(payload).get("method") == "getSessionLimits":
            limits = {"maxPayloadSize": 65536, "maxInflightMessages": 100, "rateLimits": _LIMITS, "gatewayRateLimits": _LIMITS}
            self._client.publish(topic.replace("request", "response"), json.dumps(limits), 1)
        elif "/attributes/" in topic:
            self._client.publish(topic.replace("request", "response"), "{}", 1)

    def _theirs(self, payload: bytes) -> None:
        now_s = time.monotonic()
        self.tally.message(payload, payload)
        for device, items in msgspec.json.decode(payload).items():
            for item in items:
                values = item.get("values", item)
                if all(f"r{number}" in values for number in range(5)):
                    self.tally.sample(device, [values[f"r{number}"] for number in range(5)] + [0] * (len(values) - 5), now_s)

    def _ours(self, topic: str, payload: bytes) -> None:
        now_s = time.monotonic()
        plain = wire.expand(payload)
        batch = wire.decode_batch(plain)
        key = (batch.epoch, batch.lane)
        mark = self._marks.setdefault(key, 0)
        gap = batch.first_seq > mark + 1
        last_seq = batch.first_seq + len(batch.events) - 1
        if not gap and last_seq > mark:
            self._marks[key] = last_seq
            samples = [*_arrays(batch, mark)]
            if samples:
                self.tally.message(payload, plain)
            for event in samples:
                self.tally.sample(event.device, event.values, now_s)  # type: ignore[arg-type]  # the twin's registers are whole numbers
        ack = wire.Ack(epoch=batch.epoch, lane=batch.lane, upto=self._marks[key], resend=gap)
        self._client.publish(topic.rpartition("/up/")[0] + "/ack", wire.encode(ack), 1)


def _arrays(batch: wire.Batch, mark: int) -> Iterator[SensorArrayMeasured]:
    for seq, raw in enumerate(batch.events, batch.first_seq):
        if seq > mark and isinstance(event := wire.decode_event(bytes(raw)), SensorArrayMeasured):
            yield event


def main() -> None:
    """Serve until standard input ends."""
    sink = Sink(int(sys.argv[1]))
    print("{}", flush=True)
    for line in sys.stdin:
        with sink.lock:
            answer: Any = {"seen": {device: sorted(numbers) for device, numbers in sink.tally.seen.items()}} if line.strip() == "seen" else sink.tally.report()
            if line.strip() == "reset":
                sink.tally.reset()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

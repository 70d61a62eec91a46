# SPDX-License-Identifier: Apache-2.0
"""A carrier's desk over HTTP: its books of orders and waybills, its faults, and the server around them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Faults:
    """What is wrong just now, each for the next so many requests. `lost_answers`: the order is taken, and the line breaks before the answer."""

    server_errors: int = 0
    rate_limits: int = 0
    lost_answers: int = 0
    hang_s: float = 0.0
    """Seconds that each answer waits; more than the caller's patience is a timeout."""


@dataclass
class Parcel:
    """An order in the carrier's books."""

    reference: str
    waybill: str
    body: dict[str, Any]
    cancelled: bool = False
    steps: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Answer:
    """What goes back."""

    status: int
    body: bytes
    media_type: str = "application/json;charset=utf-8"


class Desk:
    """Base of the carriers: books by reference, a lock around them, and what was asked."""

    waybill_prefix = "X"

    def __init__(self) -> None:
        self.faults = Faults()
        self.parcels: dict[str, Parcel] = {}
        self.asked: list[str] = []
        self.undeliverable: set[str] = set()
        self.base_url = ""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._last = 0

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        raise NotImplementedError

    def waybills_of(self, reference: str) -> list[str]:
        """All waybills that were ever given to a reference; more than one would be a double shipment."""
        return [parcel.waybill for parcel in self.parcels.values() if parcel.reference == reference]

    def step(self, waybill: str, **fields: str) -> None:
        """Something happens to a parcel."""
        with self._lock:
            next(parcel for parcel in self.parcels.values() if parcel.waybill == waybill).steps.append(fields)

    def take(self, reference: str, body: dict[str, Any]) -> Parcel:
        """Write a new order into the books."""
        self._last += 1
        parcel = Parcel(reference, f"{self.waybill_prefix}{self._last:012}", body)
        self.parcels[reference] = parcel
        return parcel

    def is_undeliverable(self, address: str) -> bool:
        """Whether the carrier does not go there."""
        return any(place in address for place in self.undeliverable)

    def handle(self, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer | None:
        """As `answer`, with the faults; None: the line breaks."""
        if self.faults.hang_s:
            self._stopping.wait(self.faults.hang_s)
        with self._lock:
            self.asked.append(path)
            if self.faults.server_errors:
                self.faults.server_errors -= 1
                return Answer(502, b"bad gateway", "text/plain")
            answer = self.answer(path, query, headers, body)
            if self.faults.lost_answers:
                self.faults.lost_answers -= 1
                return None
            return answer

    def limited(self) -> bool:
        """Whether this request is one too many."""
        if self.faults.rate_limits:
            self.faults.rate_limits -= 1
            return True
        return False


def as_json(value: object) -> Answer:
    """A 200 with JSON."""
    return Answer(200, json.dumps(value, ensure_ascii=False).encode())


def _handler(desk: Desk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class's spelling
            self._reply(self.rfile.read(int(self.headers.get("content-length") or 0)))

        def do_GET(self) -> None:  # the base class's spelling
            self._reply(b"")

        def _reply(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = desk.handle(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("content-type", answer.media_type)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    return Handler


@contextmanager
def serving(desk: Desk) -> Iterator[Desk]:
    """Serve a desk on a free port of loopback; its `base_url` says where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(desk))
    desk.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="carrier-desk")
    thread.start()
    try:
        yield desk
    finally:
        desk._stopping.set()  # noqa: SLF001  # its own server
        server.shutdown()
        thread.join()
        server.server_close()

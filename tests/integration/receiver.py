# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks as a customer would run one: a real HTTP server on loopback that answers as it is told and remembers what came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` in turn, the last one for ever: (status, headers), each after `slow_s` or, if that is earlier, once it is `open`."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(204, {})])
    slow_s: float = 0.0
    open: threading.Event = field(default_factory=threading.Event)
    came: list[Received] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, request: Received) -> tuple[int, dict[str, str]]:
        with self.news:
            self.came.append(request)
            self.news.notify_all()
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait(self, number: int, timeout_s: float = 20) -> list[Received]:
        """Everything that came, once it is so many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.came) >= number, timeout_s), f"{len(self.came)} of {number} messages came"
            return list(self.came)


@contextmanager
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = told.answer(Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if told.slow_s:
                told.open.wait(told.slow_s)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0" if status == 204 else "2")
            self.end_headers()
            self.wfile.write(b"" if status == 204 else b"ok")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield told
    finally:
        told.open.set()
        server.shutdown()
        thread.join()
        server.server_close()

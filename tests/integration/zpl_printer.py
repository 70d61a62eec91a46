# SPDX-License-Identifier: Apache-2.0
"""A printer for tests that takes what it is sent over TCP and answers nothing, as clones of label printers do; `draw` is the twin's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firmware_sims.printer_zpl.drawing import Drawn, draw, symbol

__all__ = ["Drawn", "draw", "printer", "symbol"]


@contextmanager
def printer() -> Iterator[tuple[str, list[bytes]]]:
    """A printer on a free port: its address, and what it was sent, one entry for each connection."""
    jobs: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    data = b""
                    while part := line.recv(65536):
                        data += part
                    jobs.append(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", jobs
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()

# SPDX-License-Identifier: Apache-2.0
"""Printing: what a label printer is sent over the network. Raw TCP, usually port 9100; the printer answers nothing, so "sent" is all that can be known."""

from __future__ import annotations

import socket

from central.errors import DomainError

PORT = 9100
_TIMEOUT_S = 5.0
_ANSWERS_MAX = 8
"""A printer that talks on and on (a status report, or no printer at all) does not keep whoever prints."""


class PrinterError(DomainError):
    """The printer could not be reached, or hung up."""

    status = 409

    def __init__(self, printer: str, why: str) -> None:
        super().__init__(
            "printer_unreachable", f"printer {printer} does not take the label ({why}); look whether it is on, has labels, and its address is right"
        )


def send(printer: str, data: bytes) -> int:
    """Send data to `host:port` and wait until the printer has taken all of it; returns how many bytes. Raises: PrinterError."""
    host, _, port = printer.rpartition(":") if ":" in printer else (printer, "", str(PORT))
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT_S) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            # A printer that closes has read everything; one that keeps its end open has at least taken it into its buffer.
            _wait_for_end(line)
    except (OSError, ValueError) as error:
        raise PrinterError(printer, type(error).__name__) from error
    return len(data)


def _wait_for_end(line: socket.socket) -> None:
    line.settimeout(0.5)
    try:
        for _ in range(_ANSWERS_MAX):
            if not line.recv(1024):
                return
    except TimeoutError:
        return

# SPDX-License-Identifier: Apache-2.0
"""Signs of life, given only while the work really gets on: to systemd, and to the watchdog of the machine itself."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

_INTERVAL_S = 10.0  # deploy's unit says WatchdogSec=30
_SHARE = 3  # so many signs of life within the time that is given
_WDIOC_SETTIMEOUT = 0xC0045706  # _IOWR('W', 6, int) of linux/watchdog.h; the kernel answers with the time that it took
_MAGIC_CLOSE = b"V"  # watchdog-api.rst: only after this does closing stop the watchdog

log = logging.getLogger(__name__)


class Ioctl(Protocol):
    """`fcntl.ioctl`, as far as it is used."""

    def __call__(self, descriptor: int, request: int, argument: bytes, /) -> object:
        """The kernel's answer, as bytes."""
        ...


class HardwareWatchdog:
    """The watchdog device of the machine: unless `pet` is called within `timeout_s` the machine is reset. `close` stops it."""

    def __init__(self, path: str, timeout_s: int, ioctl: Ioctl = fcntl.ioctl) -> None:
        """Raises: OSError: it is not there, is used by another program (systemd's RuntimeWatchdogSec), or may not be used."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self.timeout_s = timeout_s
        try:
            answer = ioctl(self._descriptor, _WDIOC_SETTIMEOUT, struct.pack("i", timeout_s))
            if isinstance(answer, bytes) and len(answer) == struct.calcsize("i"):
                (self.timeout_s,) = struct.unpack("i", answer)
        except OSError as error:  # its own time counts then; the Pi's takes at most 15 s
            log.warning("hardware watchdog keeps its own time", extra={"wanted_s": timeout_s, "reason": str(error)})

    def pet(self) -> None:
        """A sign of life. Raises: OSError."""
        os.write(self._descriptor, b"\0")

    def close(self) -> None:
        """Stop it; after this nothing resets the machine. A second call does nothing."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.write(descriptor, _MAGIC_CLOSE)
        finally:
            os.close(descriptor)


def watchdog_interval_s() -> float:
    """How often systemd wants a sign of life ($WATCHDOG_USEC, microseconds, sd_watchdog_enabled(3)), with a reserve."""
    given = os.environ.get("WATCHDOG_USEC", "")
    return min(_INTERVAL_S, int(given) / 1e6 / _SHARE) if given.isdecimal() and int(given) else _INTERVAL_S


def notify(message: str) -> None:
    """Tell systemd, if it wants to know: one datagram to $NOTIFY_SOCKET ('@' begins an abstract address)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)
        try:
            channel.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:  # whoever watches does not listen; goods move all the same
            log.warning("service manager not told", extra={"said": message, "reason": str(error)})


class Watchdog:
    """Gives signs of life. `stuck` tells for how many seconds a part makes no progress; `limits_s` how long it may, if not just the interval."""

    def __init__(self, stuck: Mapping[str, Callable[[], float]], limits_s: Mapping[str, float], hardware: HardwareWatchdog | None = None) -> None:
        self._stuck = stuck
        self._limits_s = limits_s
        self._hardware = hardware
        self._held_back: set[str] = set()

    @property
    def interval_s(self) -> float:
        """How often signs of life are due."""
        return min(watchdog_interval_s(), self._hardware.timeout_s / _SHARE if self._hardware else _INTERVAL_S)

    async def run(self, answers: Callable[[], object]) -> NoReturn:
        """Give them until cancelled; `answers` is awaited first each time and returns once the outbox's thread has worked off what it had."""
        while True:
            await answers()  # type: ignore[misc]  # whatever is given is awaited
            self.look()
            await asyncio.sleep(self.interval_s)

    def look(self) -> set[str]:
        """Give a sign of life unless a part is stuck; returns the parts that are, and says so once each."""
        stuck = {part: since_s() for part, since_s in self._stuck.items() if since_s() > self._limits_s.get(part, self.interval_s)}
        for part in sorted(stuck.keys() - self._held_back):
            log.error("a part makes no progress; no more signs of life", extra={"part": part, "since_s": round(stuck[part], 1)})
        self._held_back = set(stuck)
        if not stuck:
            notify("WATCHDOG=1")
            if self._hardware is not None:
                self._hardware.pet()
        return self._held_back

# SPDX-License-Identifier: Apache-2.0
"""The kernel's files of a one-wire bus, as the lines of frames.py. Everything here blocks, a measurement for 0.75 s: it belongs into a thread."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from drivers.base.errors import ProtocolError, TransportError
from drivers.sensor_onewire.config import ROM
from drivers.sensor_onewire.frames import Line, decode

_BULK = "therm_bulk_read"
_MASTERS = "w1_bus_master*"


class BusFolder:
    """One bus. It is taken for this program alone: two that let probes measure at the same time disturb each other.

    Raises: TransportError: there is no such bus, or another program has it; says what to do.
    """

    def __init__(self, folder: str, master: str) -> None:
        self._place = _found(Path(folder), master)
        try:
            self._lock = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise TransportError(f"cannot open {self._place}: {os.strerror(error.errno or 0)}; is the adapter plugged in?") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise TransportError(f"another program uses {self._place}; stop that one") from error

    def close(self) -> None:
        """Give the bus free."""
        os.close(self._lock)

    def answer(self, request: bytes) -> bytes:
        """The line that answers a line. Raises: TransportError: the bus is gone."""
        try:
            asked = decode(request)
        except ProtocolError:
            return Line("error", "-", "EINVAL").encode()
        try:
            return self._obey(asked).encode()
        except OSError as error:
            if asked.word == "list":
                raise TransportError(f"{self._place} is gone; is the adapter plugged in, and its kernel module loaded?") from error
            return Line("error", asked.subject, errno.errorcode.get(error.errno or 0, "EIO")).encode()

    def _obey(self, asked: Line) -> Line:
        """Raises: OSError: as the kernel says it."""
        match asked.word:
            case "list":
                return self._list()
            case "read":
                return Line("slave", asked.subject, (self._place / _rom(asked.subject) / "w1_slave").read_text("ascii", "replace").replace("\ufffd", "?"))
            case "precision":
                (self._place / _rom(asked.subject) / "resolution").write_text(asked.text)  # never eeprom_cmd: that wears the chip out
                return asked
            case "trigger":
                (self._place / _BULK).write_text("trigger\n")
                return Line("triggered")
            case "pending":
                return Line("pending", "-", (self._place / _BULK).read_text("ascii", "replace").strip().replace("\ufffd", "?") or "-")
            case _:
                raise OSError(errno.EINVAL, "no such request")

    def _list(self) -> Line:
        now, then = self._place.stat(), os.fstat(self._lock)
        if (now.st_ino, now.st_dev) != (then.st_ino, then.st_dev):
            raise OSError(errno.ENODEV, "it is another bus now")
        roms = sorted(place.name for place in self._place.iterdir() if ROM.fullmatch(place.name))
        kind = "bulk" if (self._place / _BULK).exists() else "single"
        return Line("bus", self._place.name, " ".join([kind, *roms]))


def _rom(text: str) -> str:
    """A ROM id and nothing that leads elsewhere. Raises: OSError."""
    if not ROM.fullmatch(text):
        raise OSError(errno.ENOENT, "no ROM id")
    return text


def _found(folder: Path, master: str) -> Path:
    if master:
        return folder / master
    there = sorted(folder.glob(_MASTERS)) if folder.is_dir() else []
    if len(there) == 1:
        return there[0]
    if there:
        raise TransportError(f"{folder} has several buses; give one as `master`: {', '.join(path.name for path in there)}")
    raise TransportError(f"{folder} has no one-wire bus; load its kernel module (Raspberry Pi: dtoverlay=w1-gpio in config.txt), plug the adapter in")

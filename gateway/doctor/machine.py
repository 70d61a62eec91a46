# SPDX-License-Identifier: Apache-2.0
"""The machine: disk, memory, card, voltage, clock, watchdog, systemd. `root` stands for / so that a test can show another machine."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gateway.clock import kernel_clock_is_synced
from gateway.config import GatewayTable
from gateway.doctor.findings import Finding, finding

_MB = 1_000_000
_DISK_RED_BYTES, _DISK_YELLOW_BYTES = 50 * _MB, 500 * _MB
_INODES_MIN = 500
_MEMORY_MIN_BYTES = 48 * _MB
_FIRST_YEAR = 2026  # a machine that believes in an earlier one has lost its clock
_UNDERVOLTAGE, _THROTTLED, _UNDERVOLTAGE_BEFORE = 0x1, 0x4 | 0x2, 0x10000  # raspberrypi.com, documentation of vcgencmd get_throttled
_THROTTLED_FILES = ("sys/devices/platform/soc/soc:firmware/get_throttled", "sys/class/hwmon/hwmon0/device/get_throttled")
_UNIT = "dockline-gateway.service"
_LIFE_WORN = 10  # life_time in tenths (JEDEC eMMC 5.0, 7.4.36); 11: used up
_COMMAND_TIMEOUT_S = 5.0


def _said(words: list[str]) -> str:
    """What a program of the machine prints; empty: it is not there or fails."""
    program = shutil.which(words[0])
    if program is None:
        return ""
    try:
        return subprocess.run([program, *words[1:]], capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False).stdout  # noqa: S603  # constants
    except (OSError, subprocess.SubprocessError):
        return ""


@dataclass
class Machine:
    """Where to look and whom to ask."""

    root: Path = Path("/")
    is_synced: bool | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def text(self, path: str) -> str:
        """A file of the machine; empty: not there."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return ""

    def check(self, table: GatewayTable) -> Iterator[Finding]:
        """Everything that is wrong."""
        yield from self.disk(Path(table.data_dir))
        yield from self.memory()
        yield from self.clock()
        yield from self.cards()
        yield from self.voltage()
        yield from self.watchdog(table.hardware_watchdog)
        yield from self.unit()

    def disk(self, data_dir: Path) -> Iterator[Finding]:
        """Room, and whether anything can be written."""
        if not data_dir.is_dir():
            yield finding("data_dir_missing", "disk", path=data_dir)
            return
        room = os.statvfs(data_dir)
        if room.f_flag & os.ST_RDONLY:
            yield finding("disk_read_only", "disk", path=data_dir)
        elif not os.access(data_dir, os.W_OK):
            yield finding("data_dir_not_writable", "disk", path=data_dir)
        free_bytes = room.f_bavail * room.f_frsize
        if free_bytes < _DISK_YELLOW_BYTES:
            yield finding("disk_full" if free_bytes < _DISK_RED_BYTES else "disk_short", "disk", path=data_dir, free_mb=free_bytes // _MB)
        if room.f_files and room.f_favail < _INODES_MIN:
            yield finding("inodes_few", "disk", path=data_dir, free=room.f_favail)

    def memory(self) -> Iterator[Finding]:
        """MemAvailable of /proc/meminfo."""
        for line in self.text("proc/meminfo").splitlines():
            if line.startswith("MemAvailable:") and (free_bytes := int(line.split()[1]) * 1024) < _MEMORY_MIN_BYTES:
                yield finding("memory_short", "memory", free_mb=free_bytes // _MB)

    def clock(self) -> Iterator[Finding]:
        """Whether it is right and kept."""
        if self.now.year < _FIRST_YEAR:
            yield finding("clock_wrong", "clock", now=self.now.isoformat(timespec="minutes"))
        if not (kernel_clock_is_synced() if self.is_synced is None else self.is_synced):
            yield finding("clock_unsynced", "clock")
        if not (self.root / "etc/localtime").exists() and not os.environ.get("TZ"):
            yield finding("time_zone_unknown", "clock")

    def cards(self) -> Iterator[Finding]:
        """What eMMC and the better SD cards say of their wear."""
        for device in sorted((self.root / "sys/block").glob("mmcblk*/device")) if (self.root / "sys/block").is_dir() else ():
            place = device.relative_to(self.root)
            tenths = max((int(word, 16) for word in self.text(f"{place}/life_time").split() if word.startswith("0x")), default=0)
            urgent = self.text(f"{place}/pre_eol_info") == "0x03"
            if tenths > _LIFE_WORN or urgent:
                yield finding("card_worn", "card", card=place.parent.name)
            elif tenths >= _LIFE_WORN - 2:
                yield finding("card_wears", "card", card=place.parent.name, used=f"{(tenths - 1) * 10} %")

    def voltage(self) -> Iterator[Finding]:
        """What a Raspberry Pi says of its supply."""
        said = next((text for path in _THROTTLED_FILES if (text := self.text(path))), "")
        if not said and self.root == Path("/"):
            said = _said(["vcgencmd", "get_throttled"]).strip().removeprefix("throttled=").removeprefix("0x")
        bits = int(said, 16) if said and all(digit in "0123456789abcdefABCDEFx" for digit in said) else 0
        if bits & _UNDERVOLTAGE:
            yield finding("undervoltage", "power")
        elif bits & _UNDERVOLTAGE_BEFORE:
            yield finding("undervoltage_before", "power")
        if bits & _THROTTLED:
            yield finding("throttled", "power")

    def watchdog(self, path: str) -> Iterator[Finding]:
        """Whether the one that is configured is there."""
        if not path:
            return
        place = self.root / path.lstrip("/")
        try:
            is_device = stat.S_ISCHR(place.stat().st_mode)
        except OSError as error:
            yield finding("watchdog_missing", "watchdog", path=path, reason=error.strerror or str(error))
            return
        if not is_device:
            yield finding("watchdog_missing", "watchdog", path=path, reason="it is no device")

    def unit(self) -> Iterator[Finding]:
        """The service, where systemd runs it."""
        if not (self.root / "run/systemd/system").is_dir() or self.root != Path("/"):
            return
        said = _said(["systemctl", "show", _UNIT, "-p", "LoadState,ActiveState,SubState,Result,NRestarts"])
        state = dict(line.partition("=")[::2] for line in said.splitlines())
        if state.get("LoadState") == "loaded" and (state.get("ActiveState") != "active" or state.get("Result", "success") != "success"):
            words = f"{state.get('ActiveState')} ({state.get('SubState')})"
            yield finding("unit_failed", "systemd", unit=_UNIT, state=words, result=state.get("Result", "?"), restarts=state.get("NRestarts", "?"))


def holder_of(path: str, gateway_process: int = 0, proc: Path = Path("/proc")) -> str:
    """Which other program than the gateway has a serial line open: its name and number; empty: none that we may see."""
    place = os.path.realpath(path)
    for descriptor in proc.glob("[0-9]*/fd/*"):
        try:
            process = descriptor.parts[-3]
            if int(process) != gateway_process and os.path.realpath(descriptor) == place:  # as the kernel gives it
                return f"{(proc / process / 'comm').read_text().strip()} (process {process})"
        except OSError:
            continue
    return ""

# SPDX-License-Identifier: Apache-2.0
"""A disk of its own for a program, that can be made full while the program writes to it and gets its room back: the errors are the kernel's own."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

_PAGE_BYTES = 4096


class Disk(ABC):
    """A folder with little room when it is told to be full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def fill(self, spare_bytes: int) -> None:
        """No more than so many bytes can still be written."""

    @abstractmethod
    def free(self) -> None:
        """There is room again."""

    def close(self, keep_in: Path | None) -> None:
        """Give everything back; with `keep_in` a copy of what is on it is left there."""
        if keep_in is not None:
            with contextlib.suppress(OSError, shutil.Error):
                shutil.copytree(self.folder, keep_in, dirs_exist_ok=True)


class MountedDisk(Disk):
    """A tmpfs whose size is changed under way: writing fails with ENOSPC. Needs the right to mount."""

    def __init__(self, folder: Path, size_bytes: int, owner: int = 0) -> None:
        super().__init__(folder)
        self._size_bytes = size_bytes
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700,uid={owner}", "dockline-chaos", folder], check=True, capture_output=True)

    def fill(self, spare_bytes: int) -> None:
        """See `Disk.fill`."""
        state = os.statvfs(self.folder)
        used_bytes = (state.f_blocks - state.f_bfree) * state.f_frsize
        for more_pages in range(64):  # the program goes on writing meanwhile, and a tmpfs cannot shrink below what it holds
            size = used_bytes + spare_bytes + (1 + more_pages) * _PAGE_BYTES  # a size of 0 would mean no limit
            if subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=False, capture_output=True).returncode == 0:
                return

    def free(self) -> None:
        """See `Disk.free`."""
        subprocess.run(["mount", "-o", f"remount,size={self._size_bytes}", self.folder], check=True, capture_output=True)

    def close(self, keep_in: Path | None) -> None:
        """See `Disk.close`."""
        super().close(keep_in)
        subprocess.run(["umount", "-l", self.folder], check=False, capture_output=True)


class LimitedDisk(Disk):
    """Where nobody may mount: no file of the program may grow beyond the largest that it has (RLIMIT_FSIZE by prlimit(2)), writing fails with EFBIG."""

    def __init__(self, folder: Path, pids: Callable[[], Sequence[int]]) -> None:
        super().__init__(folder)
        self._pids = pids
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, spare_bytes: int) -> None:
        """See `Disk.fill`."""
        largest = max((path.stat().st_size for path in self.folder.rglob("*") if path.is_file()), default=0)
        self._limit(largest + spare_bytes)

    def free(self) -> None:
        """See `Disk.free`."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size_bytes: int) -> None:
        for pid in self._pids():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def may_mount(folder: Path) -> bool:
    """Whether a tmpfs can be mounted and made larger and smaller here."""
    probe = folder / "mount-probe"
    try:
        disk = MountedDisk(probe, 1 << 20)
    except (OSError, subprocess.CalledProcessError):
        return False
    try:
        disk.fill(0)
        disk.free()
    except subprocess.CalledProcessError:
        return False
    finally:
        disk.close(None)
        probe.rmdir()
    return True

# SPDX-License-Identifier: Apache-2.0
"""Loaded by `make test` (`-p tests.serial_lines`): serial lines are tested over ptys, and a bare chroot has none.

As root, pytest then takes a mount namespace of its own and mounts a devpts in it, which nobody else sees and which ends with the run. Else the run
stops and says what to do: a test that cannot run is not left out in silence.
"""

from __future__ import annotations

import ctypes
import os

import pytest

from firmware_sims.engine.servers import has_pseudo_terminals

_CLONE_NEWNS = 0x00020000  # sched.h
_MS_PRIVATE = 1 << 18  # sys/mount.h
_OPTIONS = b"newinstance,ptmxmode=0666,mode=0620"


def _mount_devpts() -> bool:
    """Mount /dev/pts for this process and its children only; False when that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    return (
        os.geteuid() == 0
        and libc.unshare(_CLONE_NEWNS) == 0
        # without this, the mount would spread to wherever /dev came from
        and libc.mount(None, b"/dev", None, _MS_PRIVATE, None) == 0
        and libc.mount(b"devpts", b"/dev/pts", b"devpts", 0, _OPTIONS) == 0
    )


def pytest_configure() -> None:
    """Make sure that there are ptys before anything is collected."""
    if not has_pseudo_terminals() and not (_mount_devpts() and has_pseudo_terminals()):
        pytest.exit("there are no pseudo terminals here; mount them with: mount -t devpts devpts /dev/pts", returncode=1)

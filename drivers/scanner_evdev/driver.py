# SPDX-License-Identifier: Apache-2.0
"""The driver of keyboard scanners."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from drivers.base.codes.driver import ScannerDriver
from drivers.base.errors import TransportError
from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from drivers.base.transports import Transport, open_kernel_file
from drivers.scanner_evdev.config import ScannerEvdevConfig
from drivers.scanner_evdev.session import EvdevScannerSession

EVIOCGRAB = 0x40044590  # input.h: _IOW('E', 0x90, int)
_NAME_BYTES = 256
EVIOCGNAME = 0x80004506 | _NAME_BYTES << 16  # input.h: _IOC(_IOC_READ, 'E', 0x06, len)
_KEY_BITS_BYTES = 96  # KEY_MAX is 2ff hex
EVIOCGKEYS = 0x80004521 | _KEY_BITS_BYTES << 16  # input.h: EVIOCGBIT(EV_KEY, len)
_TYPED = (2, 11, 28)  # the keys 1, 0 and Enter: without them it types no codes


class ScannerEvdevDriver(ScannerDriver[ScannerEvdevConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[ScannerEvdevConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: the right one of the scanner's event nodes, taken from everybody else."""
        return _open

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return EvdevScannerSession(self.config)


async def _open(config: ScannerEvdevConfig) -> Transport:
    """Raises: TransportError: not there, no keyboard, another name, or somebody else has grabbed it."""
    path = _chosen(config)
    return open_kernel_file(path, prepare=_grab if config.grab else lambda fd: None)


def _grab(fd: int) -> None:
    """The grab ends with the open file; who comes back after an unplugging opens, and so grabs, again. A named pipe is nobody else's anyway."""
    if stat.S_ISCHR(os.fstat(fd).st_mode):
        fcntl.ioctl(fd, EVIOCGRAB, 1)


def _chosen(config: ScannerEvdevConfig) -> str:
    path = Path(config.path)
    if not path.is_dir():
        if path.is_char_device():
            _check(path, config.name)
        return config.path
    if not config.name:
        raise TransportError(f"{config.path} is a folder; give the device in it, or its `name`")
    found = list(_keyboards(path, config.name))
    if not found:
        raise TransportError(f"no keyboard named {config.name!r} in {config.path}; is it plugged in, and may this user read it (group input)?")
    return str(found[0])


def _keyboards(folder: Path, name: str) -> Iterator[Path]:
    """Composite scanners have several nodes of one name; only one of them types."""
    for node in sorted(folder.glob("event*")):
        try:
            _check(node, name)
        except TransportError:
            continue
        yield node


def _check(node: Path, name: str) -> None:
    """Raises: TransportError: says what the node is instead."""
    try:
        fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise TransportError(f"cannot open {node}: {os.strerror(error.errno or errno.EIO)}; is it plugged in, and may this user read it?") from error
    try:
        told, keys = fcntl.ioctl(fd, EVIOCGNAME, bytes(_NAME_BYTES)), fcntl.ioctl(fd, EVIOCGKEYS, bytes(_KEY_BITS_BYTES))
    except OSError as error:
        raise TransportError(f"{node} is no input device of the kernel ({os.strerror(error.errno or errno.EIO)}); take one under /dev/input") from error
    finally:
        os.close(fd)
    its_name = told.partition(b"\0")[0].decode(errors="replace")
    if name and its_name != name:
        raise TransportError(f"{node} is {its_name!r}, not {name!r}; take its link under /dev/input/by-id, which survives replugging")
    if not all(keys[key // 8] >> key % 8 & 1 for key in _TYPED):
        raise TransportError(f"{node} ({its_name}) types no digits: it is another node of the same scanner; take the one that ends in -event-kbd")


SPEC = DriverSpec(
    name="scanner_evdev",
    config=ScannerEvdevConfig,
    factory=ScannerEvdevDriver,
    capabilities=frozenset({"scans"}),
    twin="firmware_sims.scanner_evdev.twin:KeyboardScannerTwin",
    source="Linux, include/uapi/linux/input.h, input-event-codes.h and Documentation/input/event-codes.rst; USB HID Usage Tables 1.5, keyboard page 07h",
)

# SPDX-License-Identifier: Apache-2.0
"""Serial lines of this computer: opened for us alone, as the device wants them, without restarting it, and as quick as the adapter can be."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import termios
from pathlib import Path

import serial

from drivers.base.config import StreamConfig
from drivers.base.errors import TransportError

_BY_ID = Path("/dev/serial/by-id")
_TTYS = Path("/sys/class/tty")
_LOCKS = Path("/proc/locks")
_CONSOLES = Path("/sys/class/tty/console/active")
_UUCP_LOCKS = Path("/var/lock")  # Filesystem Hierarchy Standard 3.0, section 5.9
_NAMED_MAX = 4
_TIOCSBRK, _TIOCCBRK = 0x5427, 0x5428  # asm-generic/ioctls.h; the module termios does not have them
_LATENCY_MS = "1"  # FTDI adapters wait 16 ms for more bytes unless told otherwise


def open_port(config: StreamConfig) -> serial.Serial:
    """Open a serial line. Ptys force 8N1 and refuse anything else with EINVAL; there the line is opened as 8N1 instead.

    The path is opened as it is given: behind a link of /dev/serial/by-id it is another tty after each plugging in.
    Raises: TransportError: says why not, and who has it if that can be known.
    """
    if user := uucp_user(config.path):
        raise TransportError(f"cannot open {config.path}: another program uses it ({user}); stop that one")
    framings = [(config.data_bits, config.parity, config.stop_bits)]
    is_pty = is_pseudo_terminal(config.path)
    if is_pty:
        framings.append((8, "N", 1))
    for attempt, (data_bits, parity, stop_bits) in enumerate(framings, 1):
        port = serial.Serial()
        port.port, port.baudrate, port.exclusive, port.timeout = config.path, config.baud_rate, True, 0
        port.bytesize, port.parity, port.stopbits = data_bits, parity, stop_bits
        port.rtscts, port.xonxoff = config.flow_control == "rtscts", config.flow_control == "xonxoff"
        try:
            port.open()
            _hang_up_on_close(port.fileno(), hang_up=not config.keep_dtr)
        except (OSError, serial.SerialException, termios.error) as error:
            port.close()
            if attempt == len(framings):
                raise TransportError(f"cannot open {config.path}: {why_not(error, config.path)}") from error
        else:
            if not is_pty:  # whoever has the other end of a pty keeps it open, and the claim with it
                claim(port.fileno())
            if config.low_latency:
                quicken(port)
            return port
    raise AssertionError("unreachable: the last framing either opened or raised")


def claim(fd: int) -> None:
    """Have the kernel refuse the line to whoever opens it now without asking for a lock. It forgets that when the line is closed."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCEXCL)


def uucp_user(path: str, locks: Path = _UUCP_LOCKS) -> str:
    """The program that has a line by a lock file, as minicom and pppd do, which ask for no other lock; empty: none that runs."""
    try:
        words = (locks / f"LCK..{os.path.basename(os.path.realpath(path))}").read_bytes().split()  # noqa: PTH119  # a name of /dev
    except OSError:
        return ""
    process = words[0].decode("ascii", "replace") if words else ""
    if not process.isdigit() or int(process) == os.getpid() or not Path(f"/proc/{process}").exists():
        return ""
    return f"{_program(process)}, process {process}"


def _hang_up_on_close(fd: int, *, hang_up: bool) -> None:
    """Whether closing drops DTR. Raising it again is what an Arduino restarts by: with DTR left on, opening anew makes no edge."""
    attributes = termios.tcgetattr(fd)
    control = attributes[2] | termios.HUPCL if hang_up else attributes[2] & ~termios.HUPCL
    if control != attributes[2]:
        attributes[2] = control
        termios.tcsetattr(fd, termios.TCSANOW, attributes)


def quicken(port: serial.Serial, ttys: Path = _TTYS) -> None:
    """Have the adapter hand over each byte at once, where the kernel lets us: by the flag of the tty, or by the adapter's timer. Else nothing changes."""
    with contextlib.suppress(OSError, ValueError):  # ptys and some drivers have no such flag (ENOTTY), or only for root (EPERM)
        port.set_low_latency_mode(True)
        return
    with contextlib.suppress(OSError):
        (ttys / os.path.basename(os.path.realpath(port.port)) / "device" / "latency_timer").write_text(_LATENCY_MS)  # noqa: PTH119  # a name of /dev


def set_break(fd: int, *, on: bool) -> None:
    """Begin or end a break. Raises: OSError: the line cannot."""
    fcntl.ioctl(fd, _TIOCSBRK if on else _TIOCCBRK)


def unsent_bytes(fd: int) -> int:
    """What of a serial line's output is still in this computer; 0 for files of another kind. Raises: OSError: the line is gone."""
    if not os.isatty(fd):
        return 0
    return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def forget_unsent(fd: int) -> None:
    """Throw away what a serial line has not sent yet."""
    with contextlib.suppress(termios.error, OSError):  # no serial line, or gone
        termios.tcflush(fd, termios.TCOFLUSH)


def is_same_file(path: str, fd: int) -> bool:
    """Whether `path` still leads to the open file; after unplugging it leads nowhere, after plugging in again to another one, whatever its name."""
    try:
        there, here = os.stat(path), os.fstat(fd)  # noqa: PTH116  # asked each second of each line
    except OSError:
        return False
    return (there.st_dev, there.st_ino, there.st_rdev) == (here.st_dev, here.st_ino, here.st_rdev)


def why_not(error: Exception, path: str = "") -> str:
    """Why a serial line or a file of a device cannot be opened, and what to do. pyserial hides the error number of termios behind its own exception."""
    causes = [error, error.__context__] if error.__context__ is not None else [error]
    numbers = {cause.args[0] for cause in causes if isinstance(cause, OSError | termios.error) and cause.args}
    if numbers & {errno.ENOTTY, errno.EISDIR}:
        return "it is no serial line; give the path of one, like /dev/serial/by-id/..."
    if numbers & {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return f"it is not there; check that it is plugged in, and the path ({_plugged_in()})"
    if numbers & {errno.EACCES, errno.EPERM}:
        return "no permission; add the user to the group of the device (often dialout)"
    if numbers & {errno.EAGAIN, errno.EBUSY}:
        return f"another program uses it{_named(holders(path))}; stop that one"
    return f"{error}; check that it is plugged in, and that no other program uses it"


def _plugged_in(by_id: Path = _BY_ID) -> str:
    """What could be given instead."""
    names = sorted(link.name for link in by_id.iterdir()) if by_id.is_dir() else []
    if not names:
        return f"ls {by_id}"
    more = ", ..." if len(names) > _NAMED_MAX else ""
    return f"in {by_id} are: {', '.join(names[:_NAMED_MAX])}{more}"


def _named(programs: list[str]) -> str:
    return f" ({', '.join(programs)})" if programs else ""


def holders(path: str, locks: Path = _LOCKS) -> list[str]:
    """Which programs have locked a file, as `name, process 123`; empty: nobody, or it cannot be known."""
    try:
        at = os.stat(path)  # noqa: PTH116
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    place = f"{os.major(at.st_dev):02x}:{os.minor(at.st_dev):02x}:{at.st_ino}"  # proc(5), /proc/locks
    processes = {fields[4] for line in lines if len(fields := line.split()) > 5 and fields[1] == "FLOCK" and fields[5] == place}
    return [f"{_program(process)}, process {process}" for process in sorted(processes, key=int) if process.isdigit()]


def is_pseudo_terminal(path: str) -> bool:
    """Whether there is a program at the other end instead of a device."""
    return os.path.realpath(path).startswith("/dev/pts/")


def is_console(path: str, active: Path = _CONSOLES) -> bool:
    """Whether the system's own messages, and mostly a login, are on this line."""
    try:
        return os.path.basename(os.path.realpath(path)) in active.read_text(encoding="ascii", errors="replace").split()  # noqa: PTH119  # a name of /dev
    except OSError:
        return False


def programs_at(path: str, processes: Path = Path("/proc")) -> list[str]:
    """Other programs that have a file open, with a lock or without, as `name, process 123`; of other users only root sees them."""
    real = os.path.realpath(path)
    found = []
    for folder in sorted(processes.glob("[0-9]*/fd")):
        process = folder.parent.name
        if int(process) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if any(os.readlink(each) == real for each in folder.iterdir()):  # noqa: PTH115  # a pipe's target is no path
                found.append(f"{_program(process)}, process {process}")
    return found


def _program(process: str) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"

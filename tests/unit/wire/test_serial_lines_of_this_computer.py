# SPDX-License-Identifier: Apache-2.0
"""Serial lines as the kernel offers them, tried over ptys behind links like those of /dev/serial/by-id."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from drivers.base import file_pump
from drivers.base.errors import LocalProtocolError, TransportError
from drivers.base.serial_line import claim, holders, open_port, quicken, unsent_bytes, uucp_user
from drivers.base.transports import open_kernel_file, open_transport
from drivers.base.usb import stable_path_of
from drivers.light_ablepick.config import LightAblepickConfig

_TIOCGEXCL = 0x80045440  # asm-generic/ioctls.h

pytestmark = pytest.mark.requirement("R98")


class Adapter:
    """A pty and the link by which it is known."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.device, self._line = pty.openpty()
        tty.setraw(self._line)
        self.name = os.ttyname(self._line)
        self._point()

    def _point(self) -> None:
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.name)

    def says(self, data: bytes) -> None:
        os.write(self.device, data)

    def replug(self) -> None:
        """Come back under another name; the kernel does not hang up the old one, as with some hubs."""
        self.old = (self.device, self._line)
        self.device, self._line = pty.openpty()
        tty.setraw(self._line)
        self.name = os.ttyname(self._line)
        self._point()

    def close(self) -> None:
        for end in (self.device, self._line, *getattr(self, "old", ())):
            os.close(end)


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    made = Adapter(tmp_path / "usb-FTDI_FT232R_A1-if00-port0")
    yield made
    made.close()


def config(adapter: Adapter, **fields: object) -> LightAblepickConfig:
    return LightAblepickConfig(path=str(adapter.link), **fields)  # type: ignore[arg-type]


async def test_second_program_is_turned_away_and_told_who_has_the_line(adapter: Adapter) -> None:
    first = await open_transport(config(adapter))

    with pytest.raises(TransportError, match=rf"another program uses it \(.+, process {os.getpid()}\); stop that one"):
        await open_transport(config(adapter))
    await first.close()
    await (await open_transport(config(adapter))).close()


def test_who_locks_a_file_is_unknown_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    assert holders(str(tmp_path / "none")) == []
    assert holders(str(tmp_path), tmp_path / "no-locks") == []


def test_line_with_a_lock_file_is_anothers_as_long_as_that_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "LCK..ttyUSB3"
    assert uucp_user("/dev/ttyUSB3", tmp_path) == ""
    for content, user in ((b"%10d\n" % os.getppid(), f"process {os.getppid()}"), (b"%10d\n" % os.getpid(), ""), (b"4194305\n", ""), (b"?", ""), (b"", "")):
        lock.write_bytes(content)
        assert uucp_user("/dev/ttyUSB3", tmp_path).endswith(user)
        assert bool(uucp_user("/dev/ttyUSB3", tmp_path)) == bool(user)
    monkeypatch.setattr("drivers.base.serial_line.uucp_user", lambda path: "minicom, process 7")

    with pytest.raises(TransportError, match=r"another program uses it \(minicom, process 7\); stop that one"):
        open_port(LightAblepickConfig(path="/dev/ttyUSB3"))


def test_claimed_line_is_refused_to_whoever_asks_for_no_lock(adapter: Adapter) -> None:
    fd = os.open(adapter.name, os.O_RDWR | os.O_NOCTTY)
    claim(fd)

    (claimed,) = struct.unpack("i", fcntl.ioctl(fd, _TIOCGEXCL, bytes(4)))
    fcntl.ioctl(fd, termios.TIOCNXCL)
    os.close(fd)

    assert claimed == 1


@pytest.mark.parametrize(("parity", "data_bits"), [("E", 7), ("O", 8), ("N", 7)])
async def test_parity_is_taken_off_where_a_pty_leaves_it_in(adapter: Adapter, parity: str, data_bits: int) -> None:
    for _ in range(2):  # what a pty refuses at once, or only when it is opened again
        transport = await open_transport(config(adapter, parity=parity, data_bits=data_bits))
        adapter.says(b"\xb1.\xb2\r")

        expected = b"1.2\r" if data_bits == 7 else b"\xb1.\xb2\r"
        heard = b""
        while len(heard) < 4:
            heard += await transport.read()
        assert heard == expected
        await transport.close()


@pytest.mark.parametrize("keep_dtr", [True, False])
def test_dtr_stays_on_when_the_line_is_closed_unless_told_otherwise(adapter: Adapter, keep_dtr: bool) -> None:
    port = open_port(config(adapter, keep_dtr=keep_dtr))

    control = termios.tcgetattr(port.fileno())[2]
    port.close()

    assert bool(control & termios.HUPCL) is not keep_dtr


@pytest.mark.parametrize(("flow_control", "place", "flag"), [("xonxoff", 0, termios.IXON), ("rtscts", 2, termios.CRTSCTS), ("none", 0, 0)])
def test_flow_control_is_what_the_configuration_says(adapter: Adapter, flow_control: str, place: int, flag: int) -> None:
    port = open_port(config(adapter, flow_control=flow_control))

    attributes = termios.tcgetattr(port.fileno())
    port.close()

    assert attributes[place] & flag == flag
    assert flag or not (attributes[0] & termios.IXON or attributes[2] & termios.CRTSCTS)


def test_adapter_without_the_flag_gets_its_timer_set(adapter: Adapter, tmp_path: Path) -> None:
    timer = tmp_path / "tty" / Path(adapter.name).name / "device" / "latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text("16")
    port = open_port(config(adapter, low_latency=False))
    assert timer.read_text() == "16"

    quicken(port, tmp_path / "tty")
    port.close()

    assert timer.read_text() == "1"


def test_adapter_with_the_flag_needs_no_timer(adapter: Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(serial.Serial, "set_low_latency_mode", lambda port, on: asked.append(on))

    open_port(config(adapter)).close()
    open_port(config(adapter, low_latency=False)).close()

    assert asked == [True]


async def test_line_that_comes_back_under_another_name_is_left_and_opened_by_its_link(adapter: Adapter) -> None:
    transport = await open_transport(config(adapter))
    adapter.replug()

    with pytest.raises(TransportError, match=r"it was unplugged: .*A1-if00-port0 leads elsewhere"):
        async with asyncio.timeout(20):
            await transport.read()
    await transport.close()

    again = await open_transport(config(adapter))
    adapter.says(b"S S 1.00 g\r\n")
    assert await again.read()
    await again.close()


async def test_replaced_link_to_the_same_line_is_no_loss(adapter: Adapter) -> None:
    transport = await open_transport(config(adapter))
    adapter.link.unlink()
    adapter.link.symlink_to(adapter.name)

    adapter.says(b"1")

    assert await transport.read() == b"1"
    await transport.close()


async def test_report_file_that_is_removed_is_lost_although_nobody_hangs_up(tmp_path: Path) -> None:
    path = tmp_path / "hidraw0"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    transport = open_kernel_file(str(path))
    path.unlink()

    with pytest.raises(TransportError, match="it was unplugged"):
        async with asyncio.timeout(20):
            await transport.read()
    await transport.close()
    os.close(keeper)


async def test_break_needs_a_line(adapter: Adapter) -> None:
    line = await open_transport(config(adapter))
    await line.send_break()  # a pty takes it and does nothing
    await line.close()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    tcp = await open_transport(LightAblepickConfig(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))

    with pytest.raises(LocalProtocolError, match="a break needs a serial line"):
        await tcp.send_break()

    await tcp.close()
    server.close()


def test_line_that_is_not_there_says_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"it is not there; check that it is plugged in, and the path \(.*/dev/serial/by-id"):
        open_port(LightAblepickConfig(path=str(tmp_path / "none")))


@pytest.mark.parametrize(("serial_number", "folder"), [("FT1", "by-id"), ("", "by-path")])
def test_stable_path_is_by_number_or_by_socket(tmp_path: Path, serial_number: str, folder: str) -> None:
    device = tmp_path / "usb" / "1-1"
    (device / "1-1:1.0" / "ttyUSB0").mkdir(parents=True)
    (device / "idVendor").write_text("1a86\n")
    if serial_number:
        (device / "serial").write_text(serial_number)
    (tmp_path / "tty" / "ttyUSB0").mkdir(parents=True)
    (tmp_path / "tty" / "ttyUSB0" / "device").symlink_to(device / "1-1:1.0" / "ttyUSB0")
    for kind in ("by-id", "by-path"):
        (tmp_path / "dev" / "serial" / kind).mkdir(parents=True)
        (tmp_path / "dev" / "serial" / kind / f"{kind}-link").symlink_to("../../ttyUSB0")

    assert stable_path_of("ttyUSB0", tmp_path / "tty", tmp_path / "dev") == str(tmp_path / "dev" / "serial" / folder / f"{folder}-link")
    assert stable_path_of("ttyUSB7", tmp_path / "tty", tmp_path / "dev") == str(tmp_path / "dev" / "ttyUSB7")


async def test_line_that_holds_back_what_is_said_does_not_hold_up_its_closing(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's close would wait half a minute for bytes that flow control keeps; they are given up before."""
    held = {"bytes": 7}
    monkeypatch.setattr(file_pump, "_FLUSH_S", 0.05)
    monkeypatch.setattr(file_pump, "unsent_bytes", lambda fd: held["bytes"])
    monkeypatch.setattr(file_pump, "forget_unsent", lambda fd: held.clear())
    transport = await open_transport(LightAblepickConfig(path=str(adapter.link), port=0))
    transport.write(b"farewell")

    await transport.close()

    assert held == {}
    assert os.read(adapter.device, 100) == b"farewell"


async def test_closing_waits_until_the_farewell_is_out(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [3, 2, 1, 0]
    monkeypatch.setattr(file_pump, "unsent_bytes", lambda fd: waiting.pop(0))
    transport = await open_transport(LightAblepickConfig(path=str(adapter.link), port=0))

    await transport.close()

    assert waiting == []
    assert unsent_bytes(adapter.device) == 0

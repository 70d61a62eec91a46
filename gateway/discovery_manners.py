# SPDX-License-Identifier: Apache-2.0
"""Places that discovery leaves alone, since asking there would disturb somebody: what is in use here, consoles, boards that restart when they are opened."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

from drivers.base.serial_line import is_console, is_pseudo_terminal, programs_at, uucp_user
from drivers.base.usb import usb_vendor_of

_RESTARTING = {"2341": "Arduino", "2a03": "Arduino"}
"""USB vendors whose boards restart when their line is opened: the kernel raises DTR then, and nobody can keep it from that."""
_ESTABLISHED = "01"  # proc_net_tcp.rst, field st


def why_not_to_ask(path: str, *, is_named: bool) -> str:
    """Why a serial line is left alone; empty: it may be asked. `is_named`: a person said that it may restart."""
    if is_console(path):
        return "the console of this computer is there"
    if user := uucp_user(path):
        return f"another program uses it ({user})"
    if not is_pseudo_terminal(path) and (programs := programs_at(path)):  # whoever has the other end of a pty has this one too
        return f"another program has it open ({', '.join(programs)})"
    if not is_named and (board := _RESTARTING.get(usb_vendor_of(path))):
        return f"an {board} restarts when its line is opened; if it may: --line {path}"
    return ""


def connected_to(tables: Path = Path("/proc/net")) -> set[tuple[str, int]]:
    """Address and port of all that programs of this computer are connected to over TCP: a device with one place for a client would lose the one it has."""
    return {peer for name in ("tcp", "tcp6") for peer in _peers(tables / name)}


def _peers(table: Path) -> Iterator[tuple[str, int]]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return
    for fields in map(str.split, lines):
        if fields[3] == _ESTABLISHED:
            address, _, port = fields[2].partition(":")
            yield _address(address), int(port, 16)


def _address(text: str) -> str:
    """Words of 32 bits, each with the bytes of this computer (proc_net_tcp.rst)."""
    words = struct.pack(f"={len(text) // 8}I", *(int(text[at : at + 8], 16) for at in range(0, len(text), 8)))
    address = ipaddress.ip_address(words)
    return str(getattr(address, "ipv4_mapped", None) or address)

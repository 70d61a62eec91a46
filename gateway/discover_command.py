# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway discover`: which devices are there, and what a gateway's file would say of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from gateway.discovery import Discovery, Found, as_toml, serial_lines
from gateway.discovery import addresses as addresses_of
from gateway.discovery_kernel import kernel_devices

_NOTHING, _WRONG_USE = 1, 2

_EPILOG = """\
examples:
  dockline gateway discover                             serial lines, USB scales and one-wire probes of this machine
  dockline gateway discover 192.0.2.0/28 printer-1      and a network, and a host
  dockline gateway discover moxa-1 --port 4001 4002     serial lines behind a serial server

It listens before it asks, asks only what no device is hurt by, and names only what proved itself. Not asked is what a program of this computer
uses already, such as the running gateway, and a line on which somebody talks unasked. What it prints can be pasted into a gateway's file; give
the devices names that people know."""


def add_command(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `discover` to the commands of a gateway."""
    summary = "look for devices, politely, and propose their configuration"
    parser = actions.add_parser("discover", help=summary, description=summary, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="*", metavar="HOST|NETWORK", help="names, addresses, or networks like 192.0.2.0/28")
    parser.add_argument("--port", dest="ports", type=int, nargs="+", default=[], help="TCP ports of serial servers at those hosts")
    parser.add_argument("--line", dest="lines", nargs="+", metavar="PATH", help="only these serial lines, also such as restart a board; without it all")
    parser.add_argument("--no-lines", action="store_true", help="leave the serial lines of this machine alone")
    parser.add_argument("--json", action="store_true", help="found and skipped as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status: 1 nothing was found, 2 wrong usage."""
    try:
        hosts = addresses_of(arguments.hosts)
    except ValueError as error:
        print(f"dockline gateway: {error}", file=sys.stderr)
        return _WRONG_USE
    lines = [] if arguments.no_lines else arguments.lines or serial_lines()
    discovery = Discovery()
    asyncio.run(discovery.look(hosts, lines, arguments.ports, are_named=bool(arguments.lines)))
    found = [*([] if arguments.lines or arguments.no_lines else kernel_devices()), *sorted(discovery.found, key=lambda each: each.where)]
    if arguments.json:
        print(json.dumps(_as_json(found, discovery), indent=1))
    else:
        _print(found, discovery, hosts=len(hosts), lines=len(lines))
    return 0 if found else _NOTHING


def _as_json(found: list[Found], discovery: Discovery) -> dict[str, Any]:
    return {"found": [asdict(each) | {"fields": dict(each.fields)} for each in found], "skipped": [asdict(each) for each in discovery.skipped]}


def _print(found: list[Found], discovery: Discovery, *, hosts: int, lines: int) -> None:
    print("\n".join(as_toml(found)), end="")
    for skipped in discovery.skipped:
        print(f"dockline gateway: {skipped.where} was left alone: {skipped.why}", file=sys.stderr)
    print(f"dockline gateway: {hosts} hosts and {lines} serial lines looked at, {discovery.seen} answered, {len(found)} devices recognised", file=sys.stderr)
    if not found:
        print("dockline gateway: nothing proved itself; a scanner says nothing by itself, so `dockline device try scanner_serial path=...`", file=sys.stderr)

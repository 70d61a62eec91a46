# SPDX-License-Identifier: Apache-2.0
"""`dockline sim`: one simulated device on loopback, moved by lines on standard input."""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime

from firmware_sims import registry
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
from firmware_sims.engine.twin import StimulusValue, UnknownStimulusError
from firmware_sims.world.goods import Supplier, read_items
from firmware_sims.world.portals import PhotoEyes, pass_once

Server = TcpTwinServer | PtyTwinServer

_EPILOG = """\
examples:
  dockline sim list
  dockline sim scale_sics --port 4001          then type: place weight_g=1250
  dockline sim sensor_modbus --pty map=xy_md02 framing=rtu
  dockline sim rfid_llrp --port 5084           then type: pass cases=12

Every line on standard input is a stimulus of the device, `name key=value ...`. An RFID reader also takes
`pass [cases=12] [direction=in|out]`, which lets a pallet go through its door, and prints what was on it."""


def value_of(text: str) -> StimulusValue:
    """A number where it looks like one, on/off as a flag, else the text."""
    for pattern, kind in ((r"-?\d{1,15}", int), (r"-?\d+\.\d+", float)):
        if re.fullmatch(pattern, text):
            return kind(text)
    return {"on": True, "off": False, "true": True, "false": False}.get(text, text)


def pairs_of(words: list[str]) -> dict[str, StimulusValue]:
    """`key=value` words. Raises: ValueError: a word without `=`."""
    if wrong := [word for word in words if "=" not in word]:
        raise ValueError(f"{wrong[0]!r} is not key=value")
    return {key: value_of(value) for key, _, value in (word.partition("=") for word in words)}


async def _let_pass(server: Server, cases: int = 12, direction: str = "in") -> None:
    dice = random.Random()  # noqa: S311  # a simulation
    start = dice.randrange(1, 10**6)
    supplier = Supplier(read_items(), dice, today=datetime.now(UTC).date(), pallets_packed=start, serials_used=start * 1000)
    pallet = supplier.pack(cases)
    item = pallet.cases[0]
    print(f"pallet {pallet.sscc}: {cases} x {item.item.code} (GTIN {item.item.gtin}) lot {item.lot} best before {item.expiry} goes {direction}", flush=True)
    await pass_once(server, pallet.readable_tags, dice, direction="in" if direction == "in" else "out", eyes=PhotoEyes(outer=1, inner=2))


async def _obey(server: Server, line: str) -> None:
    name, *words = line.split()
    try:
        arguments = pairs_of(words)
        if name == "pass":
            await _let_pass(server, **arguments)  # type: ignore[arg-type]  # checked by the call itself
        else:
            server.stimulate(name, **arguments)
    except (UnknownStimulusError, ValueError, TypeError) as error:
        print(f"sim: {error}", file=sys.stderr, flush=True)


async def _serve(server: Server) -> None:
    await server.start()
    where = f"{server.host}:{server.port}" if isinstance(server, TcpTwinServer) else server.path
    print(f"listening on {where}; stimuli: {', '.join(server.twin.stimuli())}", flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                await _obey(server, line)
        await asyncio.Event().wait()  # standard input has ended: serve on until stopped
    finally:
        await server.stop()


def main(argv: list[str]) -> int:
    """Serve one twin until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dockline sim", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="list, or one of: " + ", ".join(registry.TWINS))
    parser.add_argument("option", nargs="*", help="options of the device, key=value")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, default=0, help="TCP port on loopback (default: a free one)")
    where.add_argument("--pty", action="store_true", help="a pseudo terminal instead of TCP, for serial devices")
    arguments = parser.parse_args(argv)
    if arguments.name == "list":
        for name in registry.TWINS:
            print(f"{name:16} options: {', '.join(registry.options(name)) or '-'}; stimuli: {', '.join(registry.twin_class(name).stimuli())}")
        return 0
    try:
        twin = registry.make(arguments.name, pairs_of(arguments.option))
    except ValueError as error:
        print(f"dockline sim: {error}", file=sys.stderr)
        return 2
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(PtyTwinServer(twin) if arguments.pty else TcpTwinServer(twin, port=arguments.port)))
    return 0

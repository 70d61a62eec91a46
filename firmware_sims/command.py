# SPDX-License-Identifier: Apache-2.0
"""`dockline sim`: one simulated device on loopback, moved by lines on standard input."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime

from firmware_sims import registry
from firmware_sims.rig.command import pairs_of
from firmware_sims.rig.parts import Device
from firmware_sims.rig.plan import Over, SimPlan
from firmware_sims.world.goods import Supplier, read_items
from firmware_sims.world.portals import PhotoEyes, pass_once

_SEED_MAX = 2**31
_EPILOG = """\
examples:
  dockline sim list
  dockline sim scale_sics --port 4001          then type: place weight_g=1250
  dockline sim sensor_modbus --pty map=xy_md02 framing=rtu
  dockline sim rfid_llrp --port 5084           then type: pass cases=12

Every line on standard input is a stimulus of the device, `name key=value ...`, or sets conditions, `set key=value ...`, or makes the line bad,
`faults drop=0.01 delay=50ms`. An RFID reader also takes `pass [cases=12] [direction=in|out]`, which lets a pallet go through its door, and prints
what was on it. For several devices at once, and to change them from elsewhere, see `dockline sims --help`."""


async def _let_pass(device: Device, cases: str = "12", direction: str = "in") -> None:
    dice = random.Random()  # noqa: S311  # a simulation
    start = dice.randrange(1, 10**6)
    supplier = Supplier(read_items(), dice, today=datetime.now(UTC).date(), pallets_packed=start, serials_used=start * 1000)
    pallet = supplier.pack(int(cases))
    item = pallet.cases[0]
    print(f"pallet {pallet.sscc}: {cases} x {item.item.code} (GTIN {item.item.gtin}) lot {item.lot} best before {item.expiry} goes {direction}", flush=True)
    await pass_once(device.server, pallet.readable_tags, dice, direction="in" if direction == "in" else "out", eyes=PhotoEyes(outer=1, inner=2))


async def _obey(device: Device, line: str) -> None:
    name, *words = line.split()
    try:
        if name == "faults":
            device.fault({"none": "on"} if words == ["none"] else pairs_of(words))
        elif name == "set" and words and set(pairs_of(words)) <= set(device.twin.conditions()):  # some devices have a stimulus of that name too
            device.set(pairs_of(words))
        elif name == "pass" and "read" in device.twin.stimuli():
            await _let_pass(device, **pairs_of(words))
        else:
            device.do(name, pairs_of(words))
    except (ValueError, TypeError) as error:
        print(f"sim: {error}", file=sys.stderr, flush=True)


async def _serve(device: Device) -> None:
    await device.start()
    print(f"listening on {device.where()}; stimuli: {', '.join(device.twin.stimuli())}; conditions: {', '.join(device.twin.conditions()) or '-'}", flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                await _obey(device, line)
        await asyncio.Event().wait()  # standard input has ended: serve on until stopped
    finally:
        await device.stop()


def _listed() -> None:
    for name in registry.names():
        twin = registry.twin_class(name)
        named = {"options": registry.options(name), "stimuli": twin.stimuli(), "conditions": twin.conditions()}
        parts = [f"{what}: {', '.join(words) or '-'}" for what, words in named.items()]
        print(f"{name:18} {'; '.join(parts)}")


def main(argv: list[str]) -> int:
    """Serve one twin until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dockline sim", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="list, or one of: " + ", ".join(registry.names()))
    parser.add_argument("option", nargs="*", help="options of the device, key=value")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, default=0, help="TCP port on loopback (default: a free one)")
    where.add_argument("--pty", action="store_true", help="a pseudo terminal instead of TCP, for serial devices")
    parser.add_argument("--link", default="", metavar="PATH", help="with --pty: a symbolic link to it that stays the same")
    parser.add_argument("--seed", type=int, help="which bytes faults hit")
    arguments = parser.parse_intermixed_args(argv)
    if arguments.name == "list":
        _listed()
        return 0
    try:
        over: Over = "pipe" if registry.twin_class(arguments.name).is_only_heard else "tcp"
        if arguments.pty:
            over = "pty"
        options, seed = pairs_of(arguments.option), random.randrange(_SEED_MAX) if arguments.seed is None else arguments.seed  # noqa: S311  # no secret
        device = Device(SimPlan(arguments.name, arguments.name, over, port=arguments.port, link=arguments.link, options=options, seed=seed), seed)
    except ValueError as error:
        print(f"dockline sim: {error}", file=sys.stderr)
        return 2
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(device))
    return 0

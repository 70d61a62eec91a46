# SPDX-License-Identifier: Apache-2.0
"""`dockline sims`: any set of simulated devices and rooms from one file, and what is done to them while they run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware_sims.rig.api import LOOPBACK, Control, kind_shown
from firmware_sims.rig.client import READY_FILE, RigError, ask, control_of, path_of, write_ready
from firmware_sims.rig.plan import PlanError, read_plan
from firmware_sims.rig.rig import Rig

_EPILOG = """\
a file:
  [[sim]]
  id = "scale-1"
  device = "scale_sics"          # dockline sims kinds
  port = 4001                    # or: pty = true, pty = "./ttyScale", pipe = "./hidraw0"; without: a free port
  options = { capacity_g = 30000 }
  faults = { drop = 0.01, delay = "50ms" }

while it runs, in the same folder:
  dockline sims list
  dockline sims do scale-1 place weight_g=12500
  dockline sims set scale-1 load=12.5kg
  dockline sims faults scale-1 drop=0.01 corrupt=0.001 delay=50ms mute=on chunk=1
  dockline sims faults scale-1 brown_out=2s
  dockline sims faults scale-1 none"""


def pairs_of(words: list[str]) -> dict[str, str]:
    """`key=value` words. Raises: ValueError: a word without `=`."""
    if wrong := [word for word in words if "=" not in word]:
        raise ValueError(f"{wrong[0]!r} is not key=value")
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline sims", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the devices of a file and serve until interrupted")
    up.add_argument("file", type=Path, help="which devices, and where (TOML)")
    up.add_argument("--seed", type=int, help="which bytes the faults hit; a seed that was printed repeats them")
    up.add_argument("--json", action="store_true", help="print where they listen as one line of JSON")
    up.add_argument("--ready-file", type=Path, default=Path(READY_FILE), help=f"written when all listen, removed at the end (default: {READY_FILE})")
    up.add_argument("--control", default="127.0.0.1:0", metavar="HOST:PORT", help="where the HTTP control listens (default: a free port on loopback)")
    up.add_argument("--key-file", type=Path, help="a key that the control asks for; needed beyond loopback")
    kinds = commands.add_parser("kinds", help="which simulators there are, their options, conditions and stimuli")
    kinds.add_argument("--json", action="store_true", help="as JSON")
    for name, words in (("list", "what runs, and where it listens"), ("show", "one device or room: how it stands, what can be done to it")):
        asking = commands.add_parser(name, help=words)
        if name == "show":
            asking.add_argument("id")
        asking.add_argument("--json", action="store_true", help="as JSON")
        _add_where(asking)
    for name, words in (("set", "set conditions: load=12.5kg paper=out"), ("faults", "make its line bad: drop=0.01 delay=50ms; or good: none")):
        changing = commands.add_parser(name, help=words)
        changing.add_argument("id")
        changing.add_argument("pair", nargs="+", help="name=value")
        _add_where(changing)
    doing = commands.add_parser("do", help="let something happen: scan text=4006381333931")
    doing.add_argument("id")
    doing.add_argument("stimulus")
    doing.add_argument("pair", nargs="*", help="name=value")
    _add_where(doing)
    return parser


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ready-file", type=Path, default=Path(READY_FILE), help=f"the rig's file (default: {READY_FILE} in this folder)")
    parser.add_argument("--control", default="", metavar="URL", help="the rig's control instead; its key in DOCKLINE_SIMS_KEY")


def main(argv: list[str]) -> int:
    """Returns the exit status (1: it did not work, 2: wrong usage)."""
    arguments = _parser().parse_args(argv)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "up": _up,
        "kinds": _kinds,
        "list": _list,
        "show": _show,
        "set": _set,
        "do": _do,
        "faults": _fault,
    }
    try:
        return commands[arguments.command](arguments)
    except (RigError, ValueError, OSError) as error:
        for line in str(error).splitlines():
            print(f"dockline sims: {line}", file=sys.stderr)
        return 2 if isinstance(error, PlanError) else 1


# Serving


def _up(arguments: argparse.Namespace) -> int:
    plan = read_plan(arguments.file)
    key = arguments.key_file.read_text(encoding="utf-8").strip() if arguments.key_file else ""
    host, _, port = arguments.control.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"--control takes HOST:PORT, such as 127.0.0.1:8640, got {arguments.control!r}")
    if host.strip("[]") not in LOOPBACK and not key:
        raise ValueError(f"the control on {host} could be reached by others: give a key with --key-file FILE, or stay on 127.0.0.1")
    asyncio.run(_serve(Rig(plan, arguments.seed), arguments, host.strip("[]"), int(port), key))
    return 0


async def _serve(rig: Rig, arguments: argparse.Namespace, host: str, port: int, key: str) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with rig:
        control = Control(rig, loop, host=host, port=port, key=key)
        shown = rig.shown() | {"control": control.url, "pid": os.getpid()}
        write_ready(arguments.ready_file, shown)
        try:
            print(json.dumps(shown) if arguments.json else _as_table(shown), flush=True)
            await stopped.wait()
        finally:
            arguments.ready_file.unlink(missing_ok=True)
            await asyncio.to_thread(control.close)


def _as_table(shown: dict[str, Any]) -> str:
    width = max((len(sim["id"]) for sim in shown["sims"]), default=0)
    lines = [f"{sim['id']:{width}}  {sim['device']:18} {sim['listens']}" for sim in shown["sims"]]
    lines += [f"{part}  {kind}" for kind in ("room", "door") for part in shown[f"{kind}s"]]
    lines += [f"control {shown['control']}"] if "control" in shown else []
    return "\n".join([*lines, f"seed {shown['seed']} (the same faults again: --seed {shown['seed']})"])


# Asking


def _kinds(arguments: argparse.Namespace) -> int:
    from firmware_sims import registry

    kinds = [kind_shown(name) for name in registry.names()]
    if arguments.json:
        print(json.dumps(kinds))
        return 0
    for kind in kinds:
        print(f"{kind['device']:18} {kind['about']}")
        conditions = [f"{name} ({examples})" for name, examples in kind["conditions"].items()]
        for part, words in (("options", kind["options"]), ("conditions", conditions), ("stimuli", kind["stimuli"])):
            print(f"{'':18} {part}: {', '.join(words) or '-'}")
    return 0


def _ask(arguments: argparse.Namespace, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return ask(arguments.control or control_of(arguments.ready_file), method, path, body)


def _list(arguments: argparse.Namespace) -> int:
    shown = _ask(arguments, "GET", "/v1/sims")
    print(json.dumps(shown) if arguments.json else _as_table(shown))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    shown = _ask(arguments, "GET", path_of(arguments.id))
    if arguments.json:
        print(json.dumps(shown))
        return 0
    for name, value in shown.items():
        print(f"{name:18} {_stimuli(value) if name == 'stimuli' else _in_words(value)}")
    return 0


def _stimuli(value: dict[str, dict[str, str]]) -> str:
    return "; ".join(" ".join([name, *(f"{each}=({takes})" for each, takes in taken.items())]) for name, taken in value.items()) or "-"


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_in_words(each)}" for name, each in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)


def _set(arguments: argparse.Namespace) -> int:
    _ask(arguments, "PATCH", path_of(arguments.id, "conditions"), pairs_of(arguments.pair))
    return 0


def _do(arguments: argparse.Namespace) -> int:
    _ask(arguments, "POST", path_of(arguments.id, "stimuli", arguments.stimulus), pairs_of(arguments.pair))
    return 0


def _fault(arguments: argparse.Namespace) -> int:
    if arguments.pair == ["none"]:
        _ask(arguments, "DELETE", path_of(arguments.id, "faults"))
    else:
        _ask(arguments, "PATCH", path_of(arguments.id, "faults"), pairs_of(arguments.pair))
    return 0

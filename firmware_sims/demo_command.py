# SPDX-License-Identifier: Apache-2.0
"""`dockline demo`: broker, central, gateway and a simulated warehouse in one go, on loopback, with nothing to install or configure."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
import tempfile
import time
import webbrowser
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from firmware_sims.stack import Stack, StackError
from firmware_sims.world.director import Director, Figures
from firmware_sims.world.goods import ItemFileError, read_items
from firmware_sims.world.office import OfficeError
from firmware_sims.world.pace import Pace

_STARTED_S = time.monotonic()


def seconds(text: str) -> float:
    """`90`, `60s`, `5m` or `1h` in seconds. Raises: ArgumentTypeError: none of these."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text)
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 60s, 5m or 1h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def _positive(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 20:
        raise argparse.ArgumentTypeError("the speed lies between 0.1 and 20")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline demo", description=__doc__)
    parser.add_argument("--for", dest="for_s", type=seconds, metavar="60s", help="end by itself after this long (default: until Ctrl-C)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what happened as JSON at the end")
    parser.add_argument("--items", type=Path, metavar="FILE", help="item master as CSV instead of the one that comes along")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another day (default 1)")
    parser.add_argument("--speed", type=_positive, default=1.0, help="shorten all pauses by this factor (default 1)")
    parser.add_argument("--port", type=int, default=0, help="port of the page on loopback (default: a free one)")
    parser.add_argument("--data-dir", type=Path, help="keep databases and logs here (default: a temporary folder, removed at the end)")
    parser.add_argument("--broker", default="", metavar="URL", help="use this MQTT broker instead of the embedded one")
    parser.add_argument("--database", default="", metavar="URL", help="use this database instead of SQLite")
    return parser


def _say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED_S:5.1f} s] {text}", flush=True)


def _show(figures: Figures) -> None:
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"  {name:{width}}  {value}", flush=True)


def _interrupted() -> asyncio.Event:
    """Set by the first Ctrl-C or SIGTERM; the second one ends everything at once."""
    event, everything = asyncio.Event(), asyncio.current_task()

    def stop() -> None:
        if event.is_set() and everything is not None:
            everything.cancel()
        else:
            _say("stopping; once more to stop at once")
            event.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return event


async def _demo(arguments: argparse.Namespace, data_dir: Path) -> Figures:
    director = Director(
        Stack(data_dir, central_port=arguments.port, broker_url=arguments.broker, database_url=arguments.database, banner="simulated"),
        read_items(arguments.items),
        Pace(arguments.speed, arguments.seed),
        say=_say,
    )
    interrupted = _interrupted()
    async with AsyncExitStack() as stack:
        await director.open(stack)
        _say(f"the live page: {director.stack.central_url}/")
        if not arguments.no_browser:
            await asyncio.to_thread(webbrowser.open, director.stack.central_url)
        await director.run(arguments.for_s, interrupted)
        return await director.close_the_books()


def _write_report(path: Path, figures: dict[str, Any]) -> None:
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _say(f"report written to {path}")


def main(argv: list[str]) -> int:
    """Run the demo; returns the exit status (1: something did not work, or the books do not agree)."""
    arguments = _parser().parse_args(argv)
    figures: Figures = {}
    try:
        if arguments.data_dir:
            figures = asyncio.run(_demo(arguments, arguments.data_dir.resolve()))
        else:
            with tempfile.TemporaryDirectory(prefix="dockline-demo-") as folder:
                figures = asyncio.run(_demo(arguments, Path(folder)))
    except* asyncio.CancelledError:
        print("dockline demo: stopped before the books were closed", file=sys.stderr)
    except* (StackError, ItemFileError, OfficeError) as several:
        print(f"dockline demo: {_first(several)}", file=sys.stderr)
    return _end(figures, arguments.report) if figures else 1


def _first(error: BaseException) -> BaseException:
    """The first of errors that came together: actors that ask the same dead program all say the same."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _end(figures: Figures, report: Path | None) -> int:
    _show(figures)
    if report:
        _write_report(report, figures)
    if not figures["ledger_verified"] or figures["events_applied"] != figures["events_accepted"]:
        print("dockline demo: the books do not agree; run it again with --data-dir DIR and look at DIR/*.log", file=sys.stderr)
        return 1
    return 0

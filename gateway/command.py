# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway check|run|reload|doctor|swap|tap FILE`, `dockline gateway enrol|update|discover`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections import Counter
from pathlib import Path

from contracts.log_lines import configure_logging
from gateway import discover_command, enrol_command, update_command
from gateway.config import GatewayConfig, kind_of
from gateway.config_file import ConfigFileError, load_config
from gateway.lazy_modules import SELDOM_USED, load_late
from gateway.outbox import OutboxDamagedError
from gateway.program import words_to_begin_anew
from gateway.starting import Start, load_start

_LEVELS = ["debug", "info", "warning", "error"]


def _check(config: GatewayConfig) -> int:
    kinds = Counter(kind_of(type(station)) for station in config.stations.values())
    drivers = Counter(config.drivers.values())
    print(f"ok: gateway {config.gateway.id} at site {config.gateway.site}, broker {config.gateway.broker}")
    print(f"  {len(config.devices)} devices: {', '.join(f'{count} {name}' for name, count in sorted(drivers.items())) or 'none'}")
    print(f"  {len(config.stations)} stations: {', '.join(f'{count} {name}' for name, count in sorted(kinds.items())) or 'none'}")
    if config.north:
        print(f"  {len(config.north)} north sides: {', '.join(f'{north.id} ({north.__struct_config__.tag})' for north in config.north.values())}")
    return 0


def _run(start: Start, own_file: Path, *, safe: bool) -> int:
    for name in SELDOM_USED:
        load_late(name)
    from gateway.app import PartEndedError, run_gateway
    from gateway.configuration_store import ConfigurationStore

    own = start.own
    try:
        chosen = ConfigurationStore(own.gateway.data_dir, own.gateway.trust_dir, own_file.resolve()).choose(own)
        is_to_restart = asyncio.run(run_gateway(chosen.config, safe=safe, own_file=own_file.resolve(), own_fault=start.fault))
    except (OSError, OutboxDamagedError, PartEndedError) as error:
        print(f"dockline gateway: cannot run: {error}", file=sys.stderr)
        return 1
    if is_to_restart:
        sys.stdout.flush()
        again = words_to_begin_anew()
        os.execv(again[0], again)  # noqa: S606  # under the same process id
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline gateway", description="Run a gateway, check its file, or find out what is wrong with it.")
    actions = parser.add_subparsers(dest="action", required=True)
    made = {}
    for name, summary in (
        ("check", "check a file and say everything that is wrong with it"),
        ("run", "run until SIGTERM"),
        ("doctor", "say in words what is wrong with a gateway, the most important first; exit status 1 if something must be done"),
        ("reload", "have the running gateway take over its file as it is now; what does not prove good is given back"),
        ("swap", "bind the place of a device to the hardware that stands there now"),
        ("tap", "write what a device of the running gateway says, both ways"),
    ):
        made[name] = actions.add_parser(name, help=summary, description=summary)
        made[name].add_argument("file", type=Path, help="the gateway's TOML file")
        made[name].add_argument("--log-level", default="info" if name == "run" else "error", choices=_LEVELS)
    made["run"].add_argument("--safe", action="store_true", help="touch no device and decide nothing: uplink, outbox, health and commands to the gateway only")
    made["run"].add_argument("--log-format", choices=["text", "json"], help="log lines for people or one JSON object per line; else as the file says")
    made["doctor"].add_argument("--json", action="store_true", help="a JSON list of findings")
    made["doctor"].add_argument("--lang", default="en", choices=["en", "zh"], help="language of the findings")
    for name in ("swap", "tap"):
        made[name].add_argument("device")
    made["swap"].add_argument("--serial", default="", help="serial number of the new hardware; left out, the one that answers there now")
    made["swap"].add_argument("--host", default="", help="its new host name or address, if that changed")
    made["tap"].add_argument("--for", dest="for_s", metavar="TIME", help="go on for 60s, 5m; left out, what is kept of the last bytes")
    made["tap"].add_argument("--reconnect", action="store_true", help="begin a new conversation, so that the recording has its beginning")
    made["tap"].add_argument("--out", type=Path, metavar="FILE", help="write there instead of to the screen")
    enrol_command.add_command(actions)
    update_command.add_command(actions)
    discover_command.add_command(actions)
    return parser


def main(argv: list[str]) -> int:
    """Returns the exit status: 1 when the file is wrong, the gateway cannot run, or something must be done."""
    arguments = _parser().parse_args(argv)
    if arguments.action == "enrol":
        return enrol_command.run(arguments)
    if arguments.action == "update":
        return update_command.run(arguments)
    if arguments.action == "discover":
        return discover_command.run(arguments)
    configure_logging(arguments.log_level, getattr(arguments, "log_format", None) or "text")
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every frame of a failed exchange as an error
    if arguments.action == "doctor":
        from gateway.doctor.command import run_doctor

        return run_doctor(arguments.file, as_json=arguments.json, language=arguments.lang)
    try:
        return _begin(arguments) if arguments.action == "run" else _act(arguments, load_config(arguments.file))
    except ConfigFileError as error:
        print(error, file=sys.stderr)
        return 1


def _begin(arguments: argparse.Namespace) -> int:
    """Raises: ConfigFileError."""
    start = load_start(arguments.file, safe=arguments.safe)
    if start.fault:
        print(
            f"{start.fault}\ndockline gateway: goes on with {'the last good copy of it' if start.own.devices else 'the table [gateway] alone'}", file=sys.stderr
        )
    configure_logging(arguments.log_level, arguments.log_format or start.own.gateway.log_format)
    return _run(start, arguments.file, safe=arguments.safe)


def _act(arguments: argparse.Namespace, config: GatewayConfig) -> int:
    if arguments.action == "check":
        return _check(config)
    from gateway import field_commands

    if arguments.action == "reload":
        return field_commands.reload(config)
    if arguments.action == "swap":
        return field_commands.swap(config, arguments.device, arguments.serial, arguments.host)
    return field_commands.tap(config, arguments.device, arguments.for_s, arguments.out, reconnect=arguments.reconnect)

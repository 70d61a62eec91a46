# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway check FILE` and `dockline gateway run FILE`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections import Counter
from pathlib import Path

from contracts.log_lines import configure_logging
from gateway.config import GatewayConfig, kind_of
from gateway.config_file import ConfigFileError, load_config
from gateway.outbox import OutboxDamagedError


def _check(config: GatewayConfig) -> int:
    kinds = Counter(kind_of(type(station)) for station in config.stations.values())
    drivers = Counter(config.drivers.values())
    print(f"ok: gateway {config.gateway.id} at site {config.gateway.site}, broker {config.gateway.broker}")
    print(f"  {len(config.devices)} devices: {', '.join(f'{count} {name}' for name, count in sorted(drivers.items())) or 'none'}")
    print(f"  {len(config.stations)} stations: {', '.join(f'{count} {name}' for name, count in sorted(kinds.items())) or 'none'}")
    return 0


def _run(config: GatewayConfig) -> int:
    from gateway.app import run_gateway

    try:
        asyncio.run(run_gateway(config))
    except (OSError, OutboxDamagedError) as error:
        print(f"dockline gateway: cannot run: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv: list[str]) -> int:
    """Returns the exit status: 1 when the file is wrong or the gateway cannot run."""
    parser = argparse.ArgumentParser(prog="dockline gateway", description="Run a gateway, or check its file.")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, summary in (("check", "check a file and say everything that is wrong with it"), ("run", "run until SIGTERM")):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("file", type=Path, help="the gateway's TOML file")
        action.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    arguments = parser.parse_args(argv)
    configure_logging(arguments.log_level)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every frame of a failed exchange as an error
    try:
        config = load_config(arguments.file)
    except ConfigFileError as error:
        print(error, file=sys.stderr)
        return 1
    return _check(config) if arguments.action == "check" else _run(config)

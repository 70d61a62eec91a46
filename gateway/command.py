# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway check FILE` and `dockline gateway run FILE`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from gateway.config import GatewayConfig, kind_of
from gateway.config_file import ConfigFileError, load_config
from gateway.outbox import OutboxDamagedError

_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FieldsFormatter(logging.Formatter):
    """The constant text of a record followed by its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields = " ".join(f"{key}={_quoted(value)}" for key, value in vars(record).items() if key not in _PLAIN_FIELDS)
        line = super().format(record)
        return f"{line} {fields}" if fields else line


def _quoted(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or not text else text


def configure_logging(level: str) -> None:
    """Log lines to stderr: time, level, program part, text, fields."""
    handler = logging.StreamHandler()
    handler.setFormatter(FieldsFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every frame of a failed exchange as an error


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
    try:
        config = load_config(arguments.file)
    except ConfigFileError as error:
        print(error, file=sys.stderr)
        return 1
    return _check(config) if arguments.action == "check" else _run(config)

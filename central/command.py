# SPDX-License-Identifier: Apache-2.0
"""`dockline central run|migrate|key|backup|restore|gaps|authority|gateway-code|gateway-revoke|mosquitto-config`: the central inventory service."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from central import backup_command, migrations
from central.database import in_transaction, open_engine, reading
from central.errors import DomainError
from central.fleet import authority_command
from central.identity import service as identity
from central.identity.tables import api_key
from central.settings import Settings
from contracts.addresses import BrokerAddress, is_loopback, parse_broker
from contracts.log_lines import configure_logging

if TYPE_CHECKING:
    from central.fleet.authority import Authority

_DATABASE = "sqlite:///dockline.db"
_BROKER = "mqtt://127.0.0.1:1883"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline central", description="The central inventory service.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the service: pages, API, ingest")
    run.add_argument("--listen", default="127.0.0.1:8080", metavar="ADDRESS:PORT", help="default 127.0.0.1:8080; any but loopback needs an API key")
    run.add_argument(
        "--broker",
        action="append",
        default=[],
        metavar="URL",
        help="mqtt://[USER:PASSWORD@]HOST:PORT or mqtts://... (default mqtt://127.0.0.1:1883); once for each broker: all are listened to at once",
    )
    run.add_argument("--ingest-only", action="store_true", help="take events beside another central on the same database: no pages, no API")
    run.add_argument("--broker-ca-file", type=Path, metavar="FILE", help="certificates that may have signed the broker's, when a CA of your own did")
    run.add_argument("--broker-password-file", type=Path, metavar="FILE", help="file that holds the broker's password, rather than in the URL")
    run.add_argument("--broker-certificate-file", type=Path, metavar="FILE", help="central's own certificate, where the broker asks for one")
    run.add_argument("--broker-key-file", type=Path, metavar="FILE", help="the key of that certificate")
    run.add_argument("--authority", type=Path, metavar="DIR", help="the site's authority: certifies gateways and signs their configurations")
    run.add_argument("--passphrase-file", type=Path, metavar="FILE", help="file with the passphrase of the authority's keys")
    run.add_argument("--tls-certificate-file", type=Path, metavar="FILE", help="serve https with this certificate ('dockline central authority server-cert')")
    run.add_argument("--tls-key-file", type=Path, metavar="FILE", help="the key of that certificate")
    run.add_argument("--host-name", action="append", default=[], help="a further name under which browsers may call the service; may be repeated")
    run.add_argument("--banner", default="", help="a word that the pages show, as 'simulated'")
    run.add_argument("--time-zone", default="", metavar="NAME", help="time zone of the pages, as Asia/Shanghai (default: this machine's)")
    run.add_argument("--captures-keep-days", type=_at_least_one, default=90, metavar="N", help="keep what a door's antennas saw of a pass so long (default 90)")
    run.add_argument("--captures-keep-per-door", type=_at_least_one, default=1000, metavar="N", help="and of each door's newest N passes (default 1000)")
    migrate = commands.add_parser("migrate", help="bring the database to this program's schema")
    key = commands.add_parser("key", help="API keys: make NAME, revoke NAME, list")
    key.add_argument("action", choices=["make", "revoke", "list"])
    key.add_argument("name", nargs="?", default="")
    authority_command.add_commands(commands, _DATABASE)
    for each in (run, migrate, key, *backup_command.add_commands(commands, migrate)):
        each.add_argument("--database", default=_DATABASE, metavar="URL", help=f"sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME (default {_DATABASE})")
    return parser


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000000")
    return int(text)


def main(argv: list[str]) -> int:
    """Run `dockline central ...`; returns the exit status (1: refused, 2: wrong usage)."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command in authority_command.COMMANDS:
            return authority_command.run(arguments)
        if arguments.command in backup_command.COMMANDS:
            return backup_command.run(arguments)
        engine = open_engine(arguments.database)
        if arguments.command == "migrate" and arguments.to:
            return backup_command.go_back(engine, arguments.database, arguments.to)
        backup_command.upgrade(engine, arguments.database)
        if arguments.command == "run":
            return _run(arguments, engine)
        if arguments.command == "gaps":
            return backup_command.say_gaps(engine)
        if arguments.command == "key":
            return _key(arguments, engine)
    except ValueError as error:
        print(f"dockline central: {error}", file=sys.stderr)
        return 2
    except (DomainError, DBAPIError) as error:
        print(f"dockline central: {error}", file=sys.stderr)
        return 1
    print(f"dockline central: {arguments.database} is at revision {migrations.newest()}")
    return 0


def _run(arguments: argparse.Namespace, engine: Engine) -> int:
    import uvicorn

    from central.app import create_app
    from central.server import CentralServer

    host, port = _address(arguments.listen)
    tls = _tls(arguments)
    urls = arguments.broker or [_BROKER]
    first, *more = (_broker(url, arguments) for url in urls)
    settings = Settings(
        database=arguments.database,
        warm_up=not arguments.ingest_only,
        ingest_only=arguments.ingest_only,
        broker=first,
        more_brokers=tuple(more),
        host=host,
        port=port,
        keys_required=not is_loopback(host),
        allowed_hosts=tuple(arguments.host_name),
        banner=arguments.banner,
        time_zone=_time_zone(arguments.time_zone),
        captures_keep_days=arguments.captures_keep_days,
        captures_keep_per_door=arguments.captures_keep_per_door,
        authority=_authority(arguments),
    )
    if settings.keys_required:
        _make_first_key(engine, host)
    configure_logging()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    app = create_app(settings, engine=engine)
    # uvicorn stops in order on SIGTERM and then sends it to itself once more; an orderly stop is a success.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5, **tls)
    CentralServer(app, config).run()
    return 0


def _broker(url: str, arguments: argparse.Namespace) -> BrokerAddress:
    files: dict[str, Path | None] = {
        "ca_file": arguments.broker_ca_file,
        "certificate_file": arguments.broker_certificate_file,
        "key_file": arguments.broker_key_file,
    }
    for name, file in files.items():
        if file is not None and not file.is_file():
            raise ValueError(f"--broker-{name.replace('_', '-')}: there is no file {file}")
    named: dict[str, Any] = {name: str(file or "") for name, file in files.items()}
    address = replace(parse_broker(url), **named)
    if arguments.broker_password_file is None:
        return address
    try:
        return replace(address, password=arguments.broker_password_file.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ValueError(f"--broker-password-file: {error}") from error


def _authority(arguments: argparse.Namespace) -> Authority | None:
    if arguments.authority is None:
        return None
    from central.fleet.authority import load_authority

    return load_authority(arguments.authority, authority_command.passphrase(arguments.passphrase_file))


def _tls(arguments: argparse.Namespace) -> dict[str, Any]:
    """What uvicorn serves https with; nothing: http."""
    certificate, key = arguments.tls_certificate_file, arguments.tls_key_file
    if certificate is None and key is None:
        return {}
    for name, file in (("certificate", certificate), ("key", key)):
        if file is None or not file.is_file():
            raise ValueError(f"--tls-{name}-file: there is no file {file}; https needs a certificate and its key")
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"--listen {listen!r} is not ADDRESS:PORT, as 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _time_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"--time-zone {name!r} is not known here; use a name as Asia/Shanghai") from error


def _make_first_key(engine: Engine, host: str) -> None:
    with reading(engine) as connection:
        if identity.any_key(connection):
            return
    key = in_transaction(engine, lambda connection: identity.make_key(connection, "first", datetime.now(UTC)))
    print(f"dockline central: {host} can be reached from outside, so every call needs a key. The first one, shown once: {key}", flush=True)


def _key(arguments: argparse.Namespace, engine: Engine) -> int:
    now = datetime.now(UTC)
    if arguments.action == "list":
        with reading(engine) as connection:
            for row in connection.execute(select(api_key).order_by(api_key.c.name)):
                print(f"{row.name}\tmade {row.made_at:%Y-%m-%d}\t{'revoked' if row.revoked_at else 'in use'}")
        return 0
    if not arguments.name:
        raise ValueError(f"key {arguments.action} needs a NAME")
    if arguments.action == "make":
        print(in_transaction(engine, lambda connection: identity.make_key(connection, arguments.name, now)))
    else:
        in_transaction(engine, lambda connection: identity.revoke_key(connection, arguments.name, now))
    return 0

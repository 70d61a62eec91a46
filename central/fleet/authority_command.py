# SPDX-License-Identifier: Apache-2.0
"""`dockline central authority|gateway-code|gateway-revoke|mosquitto-config`: the site's own authority and who is trusted by it."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from central import migrations
from central.database import in_transaction, open_engine

if TYPE_CHECKING:
    from central.fleet.authority import Authority, KeyPair

COMMANDS = ("authority", "gateway-code", "gateway-revoke", "mosquitto-config")
_FOLDER = "authority"
_PASSPHRASE = "DOCKLINE_AUTHORITY_PASSPHRASE"  # noqa: S105  # the variable's name


def add_commands(commands: Any, database: str) -> None:
    """Add the sub-commands to `dockline central`; `database` is the default URL."""
    authority = commands.add_parser("authority", help="the site's own authority: init, server-cert, central-cert, sign-update").add_subparsers(
        dest="action", required=True
    )
    init = authority.add_parser("init", help="make the keys that certificates and configurations are signed with, once for a site")
    init.add_argument("--name", default="Dockline authority", help="name in its certificate")
    server = authority.add_parser("server-cert", help="a key and certificate for a server, as central behind https")
    server.add_argument("host", nargs="+", help="names and addresses by which it is called")
    central = authority.add_parser("central-cert", help="a key and certificate with which central proves itself to a broker")
    signed = authority.add_parser("sign-update", help="sign a bundle that 'dockline update build' made, so that this site's gateways take it")
    signed.add_argument("bundle", type=Path, help="the bundle; the signature is put into it")
    code = commands.add_parser("gateway-code", help="a one-time code that enrols a gateway")
    code.add_argument("gateway", help="the gateway's id")
    code.add_argument("--site", required=True, help="the gateway's site")
    code.add_argument(
        "--broker", action="append", default=[], metavar="URL", help="mqtts://HOST:PORT that it shall use; may be repeated (default: the site's last)"
    )
    code.add_argument("--hours", type=float, default=24.0, help="how long the code holds (default 24)")
    revoke = commands.add_parser("gateway-revoke", help="take back all trust in a gateway")
    revoke.add_argument("gateway", help="the gateway's id")
    revoke.add_argument("--reason", default="", help="for people")
    revoke.add_argument("--into", type=Path, action="append", default=[], metavar="FILE", help="the broker's crlfile, written anew; may be repeated")
    broker = commands.add_parser("mosquitto-config", help="all files of a Mosquitto that takes certificates only")
    broker.add_argument("host", nargs="+", help="names and addresses by which gateways and central call the broker")
    broker.add_argument("--port", type=int, default=8883, help="default 8883")
    broker.add_argument("--address", default="", help="bind to this address (default: all)")
    for each in (server, central, broker):
        each.add_argument("--into", type=Path, required=True, metavar="DIR", help="folder for the files")
    for each in (init, server, central, signed, code, revoke, broker):
        each.add_argument("--authority", type=Path, default=Path(_FOLDER), metavar="DIR", help=f"the authority's folder (default ./{_FOLDER})")
        each.add_argument("--passphrase-file", type=Path, metavar="FILE", help=f"file with the passphrase of its keys (or ${_PASSPHRASE}; default: none)")
    for each in (code, revoke, broker):
        each.add_argument("--database", default=database, metavar="URL", help=f"default {database}")


def passphrase(file: Path | None) -> bytes:
    """The authority's passphrase; empty: none. Raises: ValueError: the file cannot be read."""
    if file is None:
        return os.environ.get(_PASSPHRASE, "").encode()
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise ValueError(f"--passphrase-file: {error}") from error


def run(arguments: argparse.Namespace) -> int:
    """Do one of `COMMANDS`. Raises: ValueError, DomainError: it cannot be done; the text says why."""
    from central.fleet.authority import load_authority, make_authority

    now = datetime.now(UTC)
    try:
        if arguments.command == "authority" and arguments.action == "init":
            made = make_authority(arguments.authority, arguments.name, now, passphrase(arguments.passphrase_file))
            print(f"authority made in {made.folder}; keep a copy of this folder where nobody can take it: whoever has it can be any gateway")
            return 0
        authority = load_authority(arguments.authority, passphrase(arguments.passphrase_file))
        actions = {"authority": _certificate, "gateway-code": _code, "gateway-revoke": _revoke, "mosquitto-config": _broker}
        actions[arguments.command](arguments, authority, now)
    except OSError as error:
        raise ValueError(str(error)) from error
    return 0


def _certificate(arguments: argparse.Namespace, authority: Authority, now: datetime) -> None:
    from central.fleet.authority import CENTRAL

    if arguments.action == "sign-update":
        from contracts.bundles import sign_bundle

        manifest = sign_bundle(arguments.bundle, authority.signing_pem)
        print(f"{arguments.bundle}: version {manifest.version} signed; bring it to a gateway and run 'dockline gateway update' there")
    elif arguments.action == "server-cert":
        _write_pair(authority.make_server(arguments.host, now, for_gateways=False), arguments.into, "server", authority)
    else:
        _write_pair(authority.make_client(CENTRAL, now), arguments.into, "central", authority)


def _write_pair(pair: KeyPair, folder: Path, name: str, authority: Authority) -> None:
    from central.fleet.authority import write_secret, write_whole

    folder.mkdir(parents=True, exist_ok=True)
    write_secret(folder / f"{name}-key.pem", pair.key)
    write_whole(folder / f"{name}.pem", pair.certificate.encode())
    write_whole(folder / "authority.pem", authority.pem.encode())
    print(f"{folder / name}.pem and {folder / name}-key.pem made; they hold for 820 days. {folder / 'authority.pem'} is what the others must trust")


def _code(arguments: argparse.Namespace, authority: Authority, now: datetime) -> None:
    from central.fleet.enrolment import offer_code

    if not 0 < arguments.hours <= 24 * 30:
        raise ValueError(f"--hours {arguments.hours:g} is not above 0 and at most 720")
    engine = open_engine(arguments.database)
    migrations.upgrade(engine)
    life = timedelta(hours=arguments.hours)
    terms = (arguments.gateway, arguments.site, arguments.broker)
    made = in_transaction(engine, lambda connection: offer_code(connection, authority, *terms, now, actor="command line", life=life))
    print(f"code for gateway {arguments.gateway} at {arguments.site}, for one use until {made.expires_at:%Y-%m-%d %H:%M} UTC; shown once:\n\n  {made.code}\n")
    print(f"on the gateway: dockline gateway enrol --central http://THIS-HOST:8080 --code {made.code} --into /etc/dockline")


def _revoke(arguments: argparse.Namespace, authority: Authority, now: datetime) -> None:
    from central.fleet.broker_files import write_revoked
    from central.fleet.enrolment import revoke

    engine = open_engine(arguments.database)
    migrations.upgrade(engine)
    count = in_transaction(engine, lambda connection: revoke(connection, arguments.gateway, arguments.reason, now))
    write_revoked(engine, authority, arguments.into, now)
    print(f"gateway {arguments.gateway} is revoked, {count} certificates with it; nothing that it still says is applied")
    files = ", ".join(map(str, arguments.into)) or authority.folder / "revoked.pem"
    print(f"restart the broker with {files} as its crlfile, so that it lets the gateway in no more")


def _broker(arguments: argparse.Namespace, authority: Authority, now: datetime) -> None:
    from central.fleet.broker_files import write_broker_files

    engine = open_engine(arguments.database)
    migrations.upgrade(engine)
    for path in write_broker_files(engine, authority, arguments.into, arguments.host, arguments.port, arguments.address, now):
        print(path)
    folder = arguments.into.resolve()
    print(f"broker: mosquitto -c {folder / 'mosquitto.conf'} (its user must be able to read broker-key.pem)")
    print(
        f"central: dockline central run --broker mqtts://{arguments.host[0]}:{arguments.port} --broker-ca-file {folder / 'authority.pem'} "
        f"--broker-certificate-file {folder / 'central.pem'} --broker-key-file {folder / 'central-key.pem'} --authority {authority.folder}"
    )

# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway enrol`: get a certificate from the site's authority with a one-time code, and write a file to begin with."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contracts.enrolment import Enrolled, EnrolmentError, read_code
from gateway.trust import AUTHORITY, IDENTITY, TrustError

_STARTER = """\
# Made by 'dockline gateway enrol'. Add the devices and stations of this place; 'dockline gateway check FILE' says what is wrong.
[gateway]
id = {gateway}
site = {site}
broker = {broker}
{more}broker_ca_file = {authority}
broker_certificate_file = {identity}
trust_dir = {folder}
data_dir = {data_dir}
"""
_TRUST = "trust"


def add_command(actions: Any) -> None:
    """Add the sub-command to `dockline gateway`."""
    enrol = actions.add_parser("enrol", help="get a certificate with a one-time code", description="Get a certificate with a one-time code.")
    enrol.add_argument("--central", required=True, metavar="URL", help="http://HOST:PORT or https://HOST:PORT of central")
    enrol.add_argument("--code", required=True, help="as shown by 'dockline central gateway-code'")
    enrol.add_argument("--into", type=Path, default=Path("/etc/dockline"), metavar="DIR", help="for gateway.toml and the folder trust (default /etc/dockline)")
    enrol.add_argument("--data-dir", default="/var/lib/dockline", metavar="DIR", help="for the outbox (default /var/lib/dockline)")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status."""
    from gateway.trust_keys import enrol

    folder = arguments.into.resolve() / _TRUST
    try:
        enrolled = enrol(arguments.central, read_code(arguments.code), folder)
        path = _write_starter(arguments.into.resolve(), folder, enrolled, arguments.data_dir)
    except (TrustError, EnrolmentError, OSError) as error:
        print(f"dockline gateway enrol: {error}", file=sys.stderr)
        return 1
    print(f"enrolled as {enrolled.gateway} at {enrolled.site}; the key stays in {folder}. Begin with {path}:\n\n  dockline gateway run {path}")
    return 0


def _write_starter(folder: Path, trust: Path, enrolled: Enrolled, data_dir: str) -> Path:
    """A file to begin with; one that is there already is left alone, the new one then gets another name."""
    path = folder / "gateway.toml"
    if path.exists():
        path = folder / "gateway.enrolled.toml"
    first, *more = enrolled.brokers or ["mqtts://localhost:8883"]
    words = {
        "gateway": enrolled.gateway,
        "site": enrolled.site,
        "broker": first,
        "authority": str(trust / AUTHORITY),
        "identity": str(trust / IDENTITY),
        "folder": str(trust),
        "data_dir": data_dir,
    }
    quoted = {name: json.dumps(word) for name, word in words.items()}
    path.write_text(_STARTER.format(**quoted, more=f"brokers_more = {json.dumps(more)}\n" if more else ""))
    return path

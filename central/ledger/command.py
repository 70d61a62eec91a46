# SPDX-License-Identifier: Apache-2.0
"""`dockline ledger verify`: check the stock ledger and say what does not add up."""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.exc import DBAPIError

from central.database import open_engine, reading
from central.ledger.state import kept, replayed, state_hash
from central.ledger.verify import Findings, verify


def main(argv: list[str]) -> int:
    """Run `dockline ledger ...`; returns 0 when everything adds up, 1 with findings, 2 when the database cannot be read."""
    parser = argparse.ArgumentParser(prog="dockline ledger", description="The stock ledger.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="rebuild balances from entries and compare; check reservations, seals and FEFO; nothing is repaired")
    state = commands.add_parser("state-hash", help="print the hash of all balances, and whether replaying all entries gives the same")
    for each in (check, state):
        each.add_argument("--database", required=True, help="sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
    arguments = parser.parse_args(argv)
    try:
        engine = open_engine(arguments.database)
        with reading(engine) as connection:
            if arguments.command == "state-hash":
                hashes = state_hash(kept(connection)), state_hash(replayed(connection))
            else:
                findings = verify(connection)
    except (ValueError, DBAPIError) as error:
        print(f"ledger {arguments.command}: cannot read {arguments.database}: {error}", file=sys.stderr)
        return 2
    engine.dispose()
    return _say_hashes(*hashes) if arguments.command == "state-hash" else _say(findings)


def _say_hashes(now: str, again: str) -> int:
    print(now if now == again else f"{now}\nreplaying all entries gives {again}: run 'dockline ledger verify' to see where they differ")
    return 0 if now == again else 1


def _say(findings: Findings) -> int:
    for line in findings.texts():
        print(line)
    looked = (
        f"{findings.events} events ({findings.sealed} sealed), {findings.entries} entries, {findings.balances} balances, {findings.reservations} reservations"
    )
    print(f"{'sound' if findings.sound else f'{len(findings.found)} findings'}: {looked}")
    return 0 if findings.sound else 1

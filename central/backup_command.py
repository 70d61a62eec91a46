# SPDX-License-Identifier: Apache-2.0
"""`dockline central backup|restore|gaps`, `migrate --to`: copies of the database, steps back, and what never came."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from central import backup, migrations
from central.database import reading
from central.ingest import gaps

COMMANDS = ("backup", "restore")
"""Those that must not bring the database to this program's revision first."""


def add_commands(commands: Any, migrate: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the sub-commands, and `--to` to `migrate`; returns those that need `--database`."""
    copy = commands.add_parser("backup", help="copy the database into a new file while the service runs")
    back = commands.add_parser("restore", help="put such a copy into an empty database, and verify it")
    for each in (copy, back):
        each.add_argument("file", type=Path, metavar="FILE")
    missing = commands.add_parser("gaps", help="which events never came from which gateway, and why")
    migrate.add_argument("--to", default="", metavar="REVISION", help="an older revision to go back to; what only the newer ones store is lost")
    return [copy, back, missing]


def run(arguments: argparse.Namespace) -> int:
    """Do `backup` or `restore`; returns the exit status. Raises: BackupError."""
    if arguments.command == "backup":
        size_bytes = backup.back_up(arguments.database, arguments.file)
        print(f"dockline central: {arguments.file} holds a checked copy of {arguments.database} ({size_bytes:,} bytes)")
        return 0
    findings = backup.restore(arguments.file, arguments.database)
    for line in findings.texts():
        print(line)
    state = "sound" if findings.sound else f"{len(findings.found)} findings"
    print(f"dockline central: {arguments.database} was restored from {arguments.file}: {state}, {findings.events} events, {findings.entries} entries")
    print("dockline central: gateways now send again what they keep; 'dockline central gaps' says later what they could not")
    return 0 if findings.sound else 1


def go_back(engine: Engine, url: str, revision: str) -> int:
    """Take the schema back, after a copy; returns the exit status. Raises: BackupError."""
    if revision not in migrations.known():
        raise backup.BackupError(f"--to {revision!r} is no revision of this program; it knows {', '.join(reversed(migrations.known()))}")
    if migrations.known().index(revision) < migrations.known().index(migrations.current(engine) or revision):
        raise backup.BackupError(f"--to {revision} is newer than the database; leave --to away to go to the newest")
    print(f"dockline central: going back to {revision}; what only newer revisions store is lost", file=sys.stderr)
    say_copied(backup.copy_before_upgrade(url))
    try:
        migrations.downgrade(engine, revision)
    except NotImplementedError as error:
        raise backup.BackupError(str(error)) from error
    print(f"dockline central: {url} is at revision {revision}")
    return 0


def upgrade(engine: Engine, url: str) -> None:
    """Bring the database to this program's revision; a SQLite file that changes by it is copied first. Raises: BackupError."""
    at = migrations.current(engine)
    if at is not None and at != migrations.newest():
        if at not in migrations.known():
            raise backup.BackupError(f"{url} is at revision {at}, which this program does not know: a newer program made it; start that one")
        say_copied(backup.copy_before_upgrade(url))
    migrations.upgrade(engine)


def say_copied(copy: Path | None) -> None:
    """Where the database as it was can be found."""
    if copy is not None:
        print(f"dockline central: the database as it was is in {copy}", file=sys.stderr)


def say_gaps(engine: Engine) -> int:
    """Print what never came; returns 1 when there is anything."""
    with reading(engine) as connection:
        rows = gaps.every(connection)
    for row in rows:
        print(f"{row.gateway} {row.lane} (epoch {row.epoch}): {row.first_seq} to {row.last_seq}, found {row.found_at:%Y-%m-%d %H:%M} UTC: {row.explanation}")
    if not rows:
        print("dockline central: nothing is missing")
    return 1 if rows else 0

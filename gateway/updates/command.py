# SPDX-License-Identifier: Apache-2.0
"""`dockline update build|sign|begin|self-test`: bundles, and the folder of a gateway whose versions stand side by side."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from contracts.bundles import BundleError, Manifest, sign_bundle
from gateway.config_file import ConfigFileError, load_config
from gateway.outbox.file import FORMAT
from gateway.program import program_version
from gateway.updates import root
from gateway.updates.build import build_bundle
from gateway.updates.environment import SelfTest, tags, to_json
from gateway.updates.update import OUTBOX_READS


def _build(arguments: argparse.Namespace) -> int:
    manifest = Manifest(
        version=arguments.version,
        previous_min=arguments.previous_min,
        python=arguments.python,
        platform=arguments.platform,
        downgrade=arguments.allow_downgrade,
        files=[],
    )
    made = build_bundle(arguments.wheels, arguments.into, manifest, arguments.lock)
    size_mb = sum(file.size_bytes for file in made.files) / 1e6
    print(f"{arguments.into}: version {made.version}, {len(made.files)} wheels, {size_mb:.1f} MB, for Python {made.python} on {made.platform}; not signed yet")
    print(f"sign it where the site's authority is: dockline central authority sign-update {arguments.into} --authority DIR")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    manifest = sign_bundle(arguments.bundle, arguments.key.read_bytes())
    print(f"{arguments.bundle}: version {manifest.version} signed")
    return 0


def _begin(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.file)
    os.umask(0o022)  # what stands there is for the user of the gateway to read
    standing = root.begin(arguments.root.resolve(), program_version(), Path(sys.prefix), str(Path(config.gateway.data_dir).absolute()))
    print(f"{arguments.root} holds version {standing.in_force}, started by {arguments.root}/bin/dockline; bring others with 'dockline gateway update'")
    return 0


def _self_test(arguments: argparse.Namespace) -> int:
    faults = []
    try:
        load_config(arguments.file)
    except ConfigFileError as error:
        faults += [f"{mistake.key}: {mistake.reason}" if mistake.key else mistake.reason for mistake in error.mistakes]
    try:
        if arguments.outbox.exists() and (found := _outbox_format(arguments.outbox)) not in OUTBOX_READS:
            faults.append(f"{arguments.outbox} has format {found}; this version reads {', '.join(map(str, OUTBOX_READS))}")
    except sqlite3.Error as error:
        faults.append(f"{arguments.outbox} cannot be read: {error}")
    print(to_json(SelfTest(version=program_version(), outbox_reads=list(OUTBOX_READS), outbox_writes=FORMAT, faults=faults)))
    return 0


def _outbox_format(path: Path) -> int:
    """Raises: sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline update", description="Make and sign update bundles; prepare a machine for them.")
    actions = parser.add_subparsers(dest="action", required=True)
    python, platform = tags()
    build = actions.add_parser("build", help="make a bundle of the wheels in a folder, without a network")
    build.add_argument("--version", required=True, help="the version of the dockline wheel among them")
    build.add_argument("--wheels", type=Path, required=True, metavar="DIR", help="folder with the dockline wheel and all that it stands on")
    build.add_argument("--into", type=Path, required=True, metavar="FILE", help="the bundle to write")
    build.add_argument("--lock", type=Path, metavar="FILE", help="requirements/gateway.txt: every wheel must be there as locked, and no other")
    build.add_argument("--previous-min", default="0.0", metavar="V", help="versions below this one cannot go to it")
    build.add_argument("--python", default=python, help=f"as cp311, or any (default: this one's, {python})")
    build.add_argument("--platform", default=platform, help=f"as x86_64, aarch64, armv7l, or any (default: this one's, {platform})")
    build.add_argument("--allow-downgrade", action="store_true", help="the bundle may also take the place of a newer version")
    sign = actions.add_parser("sign", help="sign a bundle with a key file, where there is no authority's folder")
    sign.add_argument("bundle", type=Path)
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="Ed25519 private key, PEM")
    begin = actions.add_parser("begin", help="make the version that runs this command, in ROOT/versions/V, the first of its root")
    begin.add_argument("--root", type=Path, default=Path("/opt/dockline"), metavar="DIR", help="default /opt/dockline")
    tested = actions.add_parser("self-test", help="say as JSON whether this version could take over here; asked by the version before")
    tested.add_argument("--outbox", type=Path, required=True, metavar="FILE", help="outbox.db of the data folder")
    for each in (begin, tested):
        each.add_argument("file", type=Path, help="the gateway's TOML file")
    return parser


_ACTIONS = {"build": _build, "sign": _sign, "begin": _begin, "self-test": _self_test}


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _ACTIONS[arguments.action](arguments)
    except (BundleError, ConfigFileError, root.UpdateError, ValueError, OSError) as error:
        print(f"dockline update {arguments.action}: {error}", file=sys.stderr)
        return 1

# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway update`: bring this gateway to another version, or back."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.updates.root import Root
    from gateway.updates.update import Prepared


def add_command(actions: Any) -> None:
    """Add the sub-command to `dockline gateway`."""
    summary = "bring this gateway to the version of a signed bundle; what does not prove good is given back"
    update = actions.add_parser("update", help=summary, description=summary)
    update.add_argument("bundle", type=Path, nargs="?", help="the bundle; left out with --back")
    update.add_argument("--file", type=Path, default=Path("/etc/dockline/gateway.toml"), help="the gateway's TOML file (default /etc/dockline/gateway.toml)")
    update.add_argument("--root", type=Path, default=Path("/opt/dockline"), metavar="DIR", help="where versions stand (default /opt/dockline)")
    update.add_argument("--back", action="store_true", help="go back to the version that was in force before")
    update.add_argument("--allow-downgrade", action="store_true", help="take an older version, if the bundle is signed for that")
    update.add_argument("--again", action="store_true", help="try a version once more that was returned")
    update.add_argument("--within", type=float, default=120.0, metavar="SECONDS", help="until all that was up must be up again (default 120)")
    update.add_argument("--no-wait", action="store_true", help="do not wait for what becomes of it")


def run(arguments: argparse.Namespace) -> int:
    """Returns the exit status: 0 only if the version proved good, or nobody waits for that."""
    from contracts.bundles import BundleError
    from gateway.config_file import ConfigFileError
    from gateway.updates.root import Root, UpdateError

    if (arguments.bundle is None) != arguments.back:
        print("dockline gateway update: give a bundle, or --back", file=sys.stderr)
        return 2
    try:
        root = Root(arguments.root.resolve(), lambda step: print(f"  {step}", flush=True))
        root.read()
        os.umask(0o022)  # what is put there is for the user of the gateway to read
        with root.locked():
            return _update(root, arguments)
    except (UpdateError, BundleError, ConfigFileError, OSError) as error:
        print(f"dockline gateway update: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dockline gateway update: nobody waits any more; a trial that has begun goes on without that", file=sys.stderr)
        return 130


def _update(root: Root, arguments: argparse.Namespace) -> int:
    """Raises: UpdateError, BundleError, ConfigFileError, OSError."""
    from gateway.config_file import load_config
    from gateway.updates.update import Wishes, await_verdict, begin_anew, go_back, prepare, start_trial

    own_file = arguments.file.resolve()
    config = load_config(own_file)
    wishes = Wishes(arguments.allow_downgrade, arguments.again, arguments.within)
    prepared: Prepared = go_back(root) if arguments.back else prepare(root, arguments.bundle, config, own_file, wishes)
    trial = start_trial(root, prepared, config, wishes)
    if not begin_anew(config):
        print(f"version {trial.version} is put in place; no gateway runs, so its trial begins with the next start")
        return 0
    print(f"the gateway begins anew with version {trial.version}; it has {trial.health_s:g} s to have all up again that was up")
    if arguments.no_wait:
        return 0
    verdict = await_verdict(root, trial, Path(config.gateway.data_dir))
    if verdict.outcome == "proved":
        print(f"version {trial.version} proved good and is in force; {trial.previous} stays for --back")
        return 0
    print(f"dockline gateway update: {verdict.fault}; version {trial.previous} is in force again", file=sys.stderr)
    return 1

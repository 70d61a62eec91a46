# SPDX-License-Identifier: Apache-2.0
"""The folder in which versions stand side by side (see `gateway.updates.launcher` for what is where), as whoever may change it sees it.

Every change of a file or folder is announced to `step` before it is made, so that a test can cut there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from contracts.bundles import BundleError, version_key
from gateway.updates import launcher
from gateway.updates.trial import UpdateTrial

STAGING, WHOLE = "staging", "version.json"


class UpdateError(Exception):
    """An update that is not made or did not prove good; the text says why and what to do."""


class Standing(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """ROOT/standing.json. `previous`: the version that was in force before, kept for a return by hand."""

    in_force: str
    data_dir: str
    previous: str = ""
    trial: UpdateTrial | None = None
    last_trial: dict[str, Any] = {}


def _no_step(_: str) -> None:
    pass


class Root:
    """One such folder. Raises: OSError: it may not be changed."""

    def __init__(self, folder: Path, step: Callable[[str], None] = _no_step) -> None:
        self.folder = folder
        self.step = step

    def version(self, version: str) -> Path:
        """Where a version stands."""
        return self.folder / "versions" / version

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the folder meanwhile. Raises: UpdateError: somebody does."""
        with (self.folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UpdateError(f"another update of {self.folder} is going on; wait for its end") from error
            yield

    def read(self) -> Standing:
        """Raises: UpdateError: this is no folder of versions."""
        found = launcher.read_json(str(self.folder / "standing.json"))
        try:
            return msgspec.convert(found, Standing)
        except msgspec.ValidationError as error:
            raise UpdateError(f"{self.folder} has no versions side by side yet; see docs/how-to/update.md for how to begin") from error

    def settle(self) -> Standing:
        """Take over how the last trial ended."""
        self.step("settle")
        launcher.settle(str(self.folder))
        return self.read()

    def write(self, standing: Standing) -> None:
        """Durable when it returns: this is the moment at which what the launcher starts changes."""
        self.step("write standing.json")
        launcher.write_json(str(self.folder / "standing.json"), msgspec.to_builtins(standing), 0o644)

    def link(self, version: str) -> None:
        """Point ROOT/current at a version."""
        self.step("link current")
        launcher.link_current(str(self.folder), version)

    def make_staging(self) -> Path:
        """An empty folder for what is being unpacked."""
        self.step("make staging")
        staging = self.folder / STAGING
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700)
        return staging

    def drop_staging(self) -> None:
        """Remove that folder."""
        self.step("drop staging")
        shutil.rmtree(self.folder / STAGING, ignore_errors=True)

    def make_version(self, version: str) -> Path:
        """An empty folder for a version; what stood there was not whole or is not wanted."""
        self.drop_version(version)
        self.step("make version")
        folder = self.version(version)
        folder.mkdir(parents=True)
        return folder

    def mark_whole(self, version: str, facts: dict[str, Any]) -> None:
        """Everything of the version is on the disk and works: from now on it can be started."""
        self.step("sync everything")
        os.sync()  # thousands of files that others wrote; without it a power cut could leave some of them empty
        self.step("mark whole")
        launcher.write_json(str(self.version(version) / WHOLE), facts, 0o644)

    def drop_version(self, version: str) -> None:
        """Remove a version. It stops to be whole first, so that a cut leaves nothing that looks like one."""
        folder = self.version(version)
        if not folder.exists():
            return
        self.step(f"unmark {version}")
        (folder / WHOLE).unlink(missing_ok=True)
        launcher.sync_folder(str(folder))
        self.step(f"drop {version}")
        shutil.rmtree(folder)

    def keep_only(self, versions: Collection[str]) -> None:
        """Remove all versions but these."""
        for folder in sorted((self.folder / "versions").iterdir()):
            if folder.name not in versions:
                self.drop_version(folder.name)

    def put_launcher(self) -> None:
        """Copy the launcher to ROOT/bin/dockline; only when a folder of versions begins, never by an update."""
        source = Path(launcher.__file__).read_text(encoding="utf-8")
        python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        place = self.folder / "bin" / "dockline"
        place.parent.mkdir(exist_ok=True)
        new = place.with_name(".dockline.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(f"#!{python} -I\n{source}")
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o755)
        new.replace(place)
        launcher.sync_folder(str(place.parent))


def begin(folder: Path, version: str, environment: Path, data_dir: str) -> Standing:
    """Make a folder of versions of the one that stands in `folder`/versions/`version` already. Raises: UpdateError, OSError."""
    root = Root(folder)
    if environment.resolve() != root.version(version).resolve():
        raise UpdateError(f"this program is in {environment}; to begin with it, it has to stand in {root.version(version)}")
    try:
        version_key(version)
    except BundleError as error:
        raise UpdateError(str(error)) from error
    with root.locked():
        if (folder / "standing.json").exists():
            raise UpdateError(f"{folder} has versions side by side already; bring another one with 'dockline gateway update'")
        root.mark_whole(version, {"version": version})
        root.put_launcher()
        standing = Standing(in_force=version, data_dir=data_dir)
        root.write(standing)
        root.link(version)
    return standing

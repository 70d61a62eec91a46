# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.integration.update_cuts FOLDER`: an update, a start and a return, each killed by SIGKILL at every single change that it makes to the disk.

A process of its own, because an audit hook (PEP 578), which sees every such change, cannot be taken away again, and because it forks. Prints a JSON list.
The versions are stand-ins: `bin/python` is a shell script that answers what a version is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contracts.bundles import Manifest
from gateway.config import GatewayConfig
from gateway.config_file import load_config
from gateway.updates import launcher
from gateway.updates.root import WHOLE, Root, Standing
from gateway.updates.update import Prepared, Wishes, prepare, start_trial
from tests.integration.update_field import Field

OLDEST, OLD, HALF, NEW = "0.9.0", "1.0.0", "1.0.5", "1.1.0"
_STUB = """#!/bin/sh
case "$*" in
  *--version) echo "dockline {version}";;
  *self-test*) echo '{{"version": "{version}", "outbox_reads": [0, 2], "outbox_writes": 2, "faults": []}}';;
  *) echo "{version} runs";;
esac
"""
_CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR


def stand_in(folder: Path, wheels: Sequence[Path], manifest: Manifest) -> None:
    """In the place of `environment.make_environment`: several files, so that a cut leaves half of them."""
    for name in ("pyvenv.cfg", "lib/one.py", "lib/two.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(", ".join(wheel.name for wheel in wheels))
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(_STUB.format(version=manifest.version))
    python.chmod(0o755)


class Killer:
    """Kills this process at its n-th change of the disk below a folder."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = str(folder)
        self._left = number
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _CHANGES or (event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES)):
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        if path and (not path.startswith("/") or path.startswith(self._folder)):
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


def killed_at(number: int, folder: Path, act: Callable[[], object]) -> bool:
    """Do something in a process that is killed at its n-th change; False: it came to its end before."""
    child = os.fork()
    if not child:
        status = 1
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            Killer(folder, number)
            act()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"change {number}: ended with {status}"
    return os.WIFSIGNALED(status)


class Bench:
    """One root, made anew for every cut."""

    def __init__(self, folder: Path) -> None:
        self.field = Field(folder)
        self.bundle = self.field.bundle(NEW)
        self.config: GatewayConfig = load_config(self.field.file)
        self.pristine = folder / "pristine"
        root = Root(self.pristine)
        self.pristine.mkdir()
        for version in (OLDEST, OLD):
            stand_in(root.make_version(version), (), Manifest(version=version, python="any", platform="any", files=[]))
            (root.version(version) / WHOLE).write_text("{}")
        stand_in(root.make_version(HALF), (), Manifest(version=HALF, python="any", platform="any", files=[]))  # an update that was cut left it
        (root.make_staging() / "half.whl").write_text("half")
        root.put_launcher()
        root.write(Standing(in_force=OLD, previous=OLDEST, data_dir=str(self.field.data)))
        root.link(OLD)

    def afresh(self) -> Root:
        for folder in (self.field.root, self.field.data):
            shutil.rmtree(folder, ignore_errors=True)
        self.field.data.mkdir()
        shutil.copytree(self.pristine, self.field.root, symlinks=True)
        return Root(self.field.root)

    def prepare(self, root: Root) -> Prepared:
        return prepare(root, self.bundle, self.config, self.field.file, Wishes(), make=stand_in)

    def update(self, root: Root) -> None:
        start_trial(root, self.prepare(root), self.config, Wishes())

    def starts(self) -> str:
        """Which version the launcher starts now, for real."""
        command = [self.field.launcher, "gateway", "run", str(self.field.file)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().removesuffix(" runs")

    def verdict(self, outcome: str) -> None:
        standing = launcher.read_json(str(self.field.root / "standing.json"))
        launcher.say(standing, standing["trial"], outcome, "as this test wants it")

    def update_again(self, root: Root) -> str:
        """The person tries once more after the cut: it comes to an end, and what is left is tidy."""
        if root.settle().trial is None:
            self.update(root)
        self.verdict("proved")
        standing = root.settle()
        root.keep_only({standing.in_force, standing.previous})
        left = sorted(path.name for path in (self.field.root / "versions").iterdir())
        tidy = left == [OLD, NEW] and not (self.field.root / "staging").exists() and launcher.linked(str(self.field.root)) == NEW
        return self.starts() if tidy else f"left: {left}"


def every_cut(bench: Bench, name: str, begin: Callable[[Root], None], act: Callable[[Root], object], *, again: bool = False) -> list[dict[str, Any]]:
    """Cut at the first, second, third... change until none is left."""
    told: list[dict[str, Any]] = []
    while True:
        root = bench.afresh()
        begin(root)
        number = len(told) + 1
        was_killed = killed_at(number, bench.field.folder, lambda: act(Root(bench.field.root)))
        trial = root.read().trial
        cut = {"of": name, "change": number, "on_trial": trial is not None, "starts": bench.starts()}
        if again:
            cut["again"] = bench.update_again(root)
        told.append(cut)
        if not was_killed:
            return told


def main(folder: Path) -> None:
    """Everything."""
    bench = Bench(folder)
    arguments = ["gateway", "run", str(bench.field.file)]

    def on_trial(root: Root) -> None:
        bench.update(root)

    def ended(outcome: str) -> Callable[[Root], None]:
        def begin(root: Root) -> None:
            bench.update(root)
            bench.verdict(outcome)

        return begin

    def third_start(root: Root) -> None:
        bench.update(root)
        (bench.field.data / "update").mkdir()
        trial = root.read().trial
        assert trial is not None
        launcher.write_json(str(bench.field.data / "update" / "starts.json"), {"id": trial.id, "starts": launcher.STARTS_MAX}, 0o600)

    def tidy(root: Root) -> None:
        standing = root.settle()
        root.keep_only({standing.in_force, standing.previous})

    start = lambda _: launcher.main(bench.field.launcher, arguments)  # noqa: E731
    told = [
        *every_cut(bench, "update", lambda _: None, bench.update, again=True),
        *every_cut(bench, "first start", on_trial, start),
        *every_cut(bench, "start too many", third_start, start),
        *every_cut(bench, "settle good", ended("proved"), tidy),
        *every_cut(bench, "settle bad", ended("returned"), Root.settle),
    ]
    json.dump(msgspec.to_builtins(told), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

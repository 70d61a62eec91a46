# SPDX-License-Identifier: Apache-2.0
"""A version's own environment of Python, made of the wheels of a bundle without a network, and its test of itself before anything depends on it."""

from __future__ import annotations

import ensurepip
import json
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import msgspec

from contracts.bundles import Manifest
from gateway.updates.root import UpdateError

_MAKE_S, _TEST_S = 900.0, 120.0
"""A Raspberry Pi with a slow card takes minutes to install."""
ENVIRONMENT_BYTES = 1_000_000
"""What an environment needs before anything is installed in it."""


class SelfTest(msgspec.Struct, kw_only=True, frozen=True):
    """What a version says of itself: formats of the outbox that it reads, and the one that it makes of them."""

    version: str
    outbox_reads: list[int]
    outbox_writes: int
    faults: list[str]


def tags() -> tuple[str, str]:
    """This interpreter and this machine, as they stand in a manifest."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}", platform.machine()


def check_fits(manifest: Manifest) -> None:
    """Raises: UpdateError: the bundle is for another Python or another kind of machine."""
    for wanted, here, what in zip((manifest.python, manifest.platform), tags(), ("Python", "machines"), strict=True):
        if wanted not in ("any", here):
            raise UpdateError(f"the bundle of {manifest.version} is for {what} {wanted}, this is {here}; take the bundle for {here}")


def make_environment(folder: Path, wheels: Sequence[Path], manifest: Manifest) -> None:
    """Make an environment in an empty folder and install the wheels, each by its hash. Raises: UpdateError."""
    digests = {file.name.rpartition("/")[2]: file.sha256 for file in manifest.files}
    wanted = wheels[0].parent / "requirements.txt"
    wanted.write_text("".join(f"{wheel} --hash=sha256:{digests[wheel.name]}\n" for wheel in wheels), encoding="utf-8")
    _run([getattr(sys, "_base_executable", sys.executable), "-I", "-m", "venv", "--without-pip", str(folder)], "no environment can be made", _MAKE_S)
    offline = ["--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"]
    pip = [str(folder / "bin" / "python"), "-I", f"{_pip_wheel()}/pip", "install", "--quiet", *offline]
    _run([*pip, "--requirement", str(wanted)], "its wheels cannot be installed", _MAKE_S)


def _pip_wheel() -> Path:
    """The wheel of pip that comes with Python, used from where it lies: a version needs no pip of its own, which would be 20 MB. Raises: UpdateError."""
    wheels = [Path(ensurepip.__file__).parent / "_bundled"]
    if debian := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        wheels.insert(0, Path(debian))
    found = sorted(wheel for folder in wheels for wheel in folder.glob("pip-*.whl"))
    if not found:
        raise UpdateError(f"the wheel of pip is not in {wheels[0]}; install the package python3-venv of this system")
    return found[-1]


def self_test(folder: Path, version: str, configuration: Path, outbox: Path, outbox_reads: Sequence[int]) -> SelfTest:
    """Have the version say that it is the one, takes the configuration in force, and reads the outbox; and that there is a way back.

    Raises: UpdateError.
    """
    python = [str(folder / "bin" / "python"), "-I", "-m", "dockline"]
    said = _run([*python, "--version"], "it cannot be started", _TEST_S).strip()
    if said != f"dockline {version}":
        raise UpdateError(f"the bundle says that it brings {version}, but what is in it says {said!r}")
    answer = _run([*python, "update", "self-test", str(configuration), "--outbox", str(outbox)], "it does not pass its own test", _TEST_S)
    try:
        tested = msgspec.json.decode(answer, type=SelfTest)
    except msgspec.DecodeError as error:
        raise UpdateError(f"version {version} gives an answer to its own test that is not understood: {answer[:200]!r}") from error
    if tested.faults:
        raise UpdateError(f"version {version} does not do here: {'; '.join(tested.faults)}")
    if tested.outbox_writes not in outbox_reads:
        raise UpdateError(
            f"version {version} writes the outbox in format {tested.outbox_writes}, which the present version could not read after a return; "
            "go to a version between them first, one that reads both"
        )
    return tested


def _run(command: Sequence[str], complaint: str, within_s: float) -> str:
    """What a program printed. Raises: UpdateError."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)  # noqa: S603  # built above
    except (OSError, subprocess.SubprocessError) as error:
        raise UpdateError(f"{complaint}: {error}") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UpdateError(f"{complaint}: {' / '.join(words[-3:]) or f'it ended with {done.returncode}'}")
    return done.stdout


def to_json(tested: SelfTest) -> str:
    """As it is printed."""
    return json.dumps(msgspec.to_builtins(tested))

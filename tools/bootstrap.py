# SPDX-License-Identifier: Apache-2.0
"""Make `.venv` from a hashed lock with nothing but Python's standard library.

    python3 tools/bootstrap.py demo      what `make demo` needs
    python3 tools/bootstrap.py test      what `make test` needs beside that
    python3 tools/bootstrap.py system    the servers and the browser that the tests start, from the system's packages

Every step is skipped when it is done already; nothing is ever deleted. Packages come from wherever pip is configured to look.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PYTHON_MIN = (3, 11)
UNITS = (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"), Path("/etc/systemd/system"))
SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)

SYSTEM_TOOLS = {
    "mosquitto": ("mosquitto", ["/usr/sbin/mosquitto"]),
    "mosquitto-clients": ("mosquitto_pub", ["/usr/bin/mosquitto_pub"]),
    "postgresql": ("initdb", ["/usr/lib/postgresql/*/bin/initdb"]),
    "chromium": ("chromium", ["/usr/bin/chromium"]),
    "fonts-noto-cjk": ("", ["/usr/share/fonts/**/NotoSansCJK*", "/usr/share/fonts/**/wqy*"]),
    "libzbar0": ("", ["/usr/lib/*/libzbar.so.0"]),  # a second reader of barcodes, beside zxing-cpp
    "libatomic1": ("", ["/usr/lib/*/libatomic.so.1", "/lib/*/libatomic.so.1"]),  # the browser tests' driver needs it
    "prometheus": ("promtool", ["/usr/bin/promtool"]),
    "curl": ("curl", ["/usr/bin/curl"]),
    "systemd": ("systemd-analyze", ["/usr/bin/systemd-analyze"]),
    "ser2net": ("ser2net", ["/usr/sbin/ser2net"]),
    "socat": ("socat", ["/usr/bin/socat"]),
    "gcc": ("cc", ["/usr/bin/gcc"]),  # the clock of the fault runner is a few lines of C
    "libc6-dev": ("", ["/usr/include/stdio.h"]),
}
"""Debian package -> the program that shows it is there (may be empty) and where else to look."""

SERVICES = {"mosquitto": ["mosquitto"], "postgresql": ["postgresql"], "prometheus": ["prometheus", "prometheus-node-exporter"], "ser2net": ["ser2net"]}
"""Debian package -> services that it, or what it needs, starts and enables. The tests start servers of their own and want none of these."""


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def _stop(text: str) -> NoReturn:
    print(f"setup: {text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def _run(command: list[str], **options: object) -> None:
    """Run a command; stops the set-up with its exit status and the command line if it fails."""
    done = subprocess.run(command, check=False, cwd=ROOT, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        _stop(f"this failed with exit status {done.returncode}: {shlex.join(command)}")


def _root_prefix() -> list[str] | None:
    """What to put before a command that needs root: nothing for root, sudo if it asks no password, else None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def _install_packages(packages: list[str], why: str) -> None:
    """Install Debian packages when this user may; else say exactly what to run and stop."""
    by_hand = f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
    prefix = _root_prefix()
    if shutil.which("apt-get") is None or prefix is None:
        _stop(f"{why}\nRun this once, then make again:\n\n    {by_hand}\n")
    _say(f"installing {', '.join(packages)} from the system's packages")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    install = [*prefix, *environment, "apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *packages]
    # The package lists may be there and fresh enough: fetching them anew takes longer than the packages.
    if subprocess.run(install, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        return
    _run([*prefix, *environment, "apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=120"], stdout=subprocess.DEVNULL)
    if subprocess.run(install, check=False, stdout=subprocess.DEVNULL).returncode != 0:
        _stop(f"{why}\nThe packages could not be installed; try by hand:\n\n    {by_hand}\n")


def make_environment() -> None:
    """Create `.venv` with pip in it, if it is not there."""
    if sys.version_info < PYTHON_MIN:
        wanted, found = ".".join(map(str, PYTHON_MIN)), sys.version.split()[0]
        _stop(f"Dockline needs Python {wanted} or newer; {sys.executable} is {found}. Install a newer one and run: make PYTHON=python{wanted} setup")
    if PYTHON.exists() and (VENV / "bin" / "pip").exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        _install_packages(["python3-venv"], "Python's venv module is missing (Debian keeps it in a package of its own).")
    _say("making .venv")
    _run([sys.executable, "-m", "venv", str(VENV)])


def _fingerprint(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def install(group: str) -> None:
    """Install the lock of a group and the project itself; a stamp with the lock's hash makes the next run immediate."""
    lock = ROOT / "requirements" / f"{group}.txt"
    stamp = VENV / f".dockline-{group}"
    wanted = _fingerprint([lock, ROOT / "pyproject.toml"])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    quiet = ["-qq", "--no-warn-script-location", "--progress-bar", "off"]
    _say(f"installing {sum('==' in line for line in lock.read_text().splitlines())} locked packages for {group}")
    # The lock is all there is to install: what it leaves out on purpose (requirements/left_out.in) is not to be looked for.
    # Byte code is written when a module is first imported; compiling every file of every package takes longer than installing it.
    _run([*pip, "install", *quiet, "--no-compile", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(lock)])
    _say("installing dockline itself")
    _run([*pip, "install", *quiet, "--no-compile", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    stamp.write_text(wanted)


def missing_system_packages() -> list[str]:
    """Debian packages of SYSTEM_TOOLS that are not to be seen on this machine, and that of the venv module when `.venv` still needs it."""

    def present(program: str, places: list[str]) -> bool:
        return bool(program and shutil.which(program)) or any(next(Path("/").glob(place.lstrip("/")), None) for place in places)

    missing = [package for package, (program, places) in SYSTEM_TOOLS.items() if not present(program, places)]
    return missing if PYTHON.exists() or importlib.util.find_spec("ensurepip") else ["python3-venv", *missing]


def install_system() -> None:
    """Install what the tests start: broker, database, browser, font, checkers."""
    packages = missing_system_packages()
    if packages:
        services = [service for package in packages for service in SERVICES.get(package, []) if not _is_service(service)]
        _install_packages(packages, f"The tests start real servers and a browser; missing here: {', '.join(packages)}.")
        _switch_off([service for service in services if _is_service(service)])


def _is_service(name: str) -> bool:
    return any((folder / f"{name}.service").exists() for folder in UNITS)


def _switch_off(services: list[str]) -> None:
    """Stop and disable services that were not there before; a developer's machine is no server. Those that were there stay as they are."""
    prefix = _root_prefix()
    if not services or prefix is None or shutil.which("systemctl") is None:
        return
    now = ["--now"] if SYSTEMD.exists() else []  # without systemd nothing was started, but would be with it
    if subprocess.run([*prefix, "systemctl", "disable", "--quiet", *now, *services], check=False).returncode == 0:
        _say(f"Debian's packages started or enabled {', '.join(services)}; switched off again, since the tests start their own")
    else:
        _say(f"Debian's packages started or enabled {', '.join(services)}; switch off by hand: sudo systemctl disable --now {' '.join(services)}")


def main(arguments: list[str]) -> int:
    """Do the steps named; returns the exit status."""
    if not arguments or not set(arguments) <= {"demo", "test", "system"}:
        print(__doc__)
        return 2
    started_s = time.monotonic()
    for step in arguments:
        if step == "system":
            install_system()
        else:
            make_environment()
            install(step)
    taken_s = time.monotonic() - started_s
    if taken_s > 2:
        _say(f"ready after {taken_s:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

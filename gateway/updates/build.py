# SPDX-License-Identifier: Apache-2.0
"""Bundles are made of wheels that lie in a folder; nothing comes over a network."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from contracts.bundles import MANIFEST, WHEELS, BundledFile, BundleError, Manifest, version_key

_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(.*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_WHEEL_PARTS = 5  # PyPA, binary distribution format: name-version[-build]-python-abi-platform.whl
_PROGRAM = "dockline"


def build_bundle(wheels: Path, into: Path, manifest: Manifest, lock: Path | None = None) -> Manifest:
    """Write a bundle, not signed yet, of all wheels of a folder. `manifest`: what to say, without files. `lock`: requirements with hashes that must be met.

    Raises: BundleError: the wheels do not make this version, do not fit the machine, or are not those of the lock; OSError.
    """
    version_key(manifest.version)
    version_key(manifest.previous_min)
    found = sorted(wheels.glob("*.whl"))
    programs = [wheel.name for wheel in found if _name_of(wheel) == _PROGRAM]
    if len(programs) != 1 or programs[0].split("-")[1] != manifest.version:
        raise BundleError(f"{wheels} must hold one wheel of {_PROGRAM} {manifest.version}; there are {', '.join(programs) or 'none'}")
    for wheel in found:
        _check_tags(wheel.name, manifest)
    files = [_bundled(wheel) for wheel in found]
    if lock is not None:
        _check_lock(found, {file.name: file.sha256 for file in files}, lock)
    manifest = msgspec.structs.replace(manifest, files=files)
    made = into.with_name(f".{into.name}.new")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        for wheel in found:
            with wheel.open("rb") as source, archive.open(zipfile.ZipInfo(f"{WHEELS}{wheel.name}"), "w") as target:
                shutil.copyfileobj(source, target)
    made.replace(into)
    return manifest


def _bundled(wheel: Path) -> BundledFile:
    with wheel.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return BundledFile(name=f"{WHEELS}{wheel.name}", size_bytes=wheel.stat().st_size, sha256=digest)


def _name_of(wheel: Path) -> str:
    return _plain(wheel.name.split("-")[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _check_tags(name: str, manifest: Manifest) -> None:
    """Whether a wheel can be installed where the bundle is meant for, as far as its name says."""
    parts = name.removesuffix(".whl").split("-")
    if len(parts) < _WHEEL_PARTS:
        raise BundleError(f"{name} is not named as a wheel is")
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    fits_python = manifest.python in pythons or "py3" in pythons or "abi3" in abis
    if not fits_python and manifest.python != "any":
        raise BundleError(f"{name} is not for Python {manifest.python}")
    if "any" not in platforms and not any(platform.endswith(f"_{manifest.platform}") for platform in platforms):
        raise BundleError(f"{name} is not for machines {manifest.platform}")


def _check_lock(found: Iterable[Path], digests: Mapping[str, str], lock: Path) -> None:
    """Every package of the lock is there and nothing else, each as locked."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    pinned = {_plain(name): (set(_HASH.findall(rest)), ";" in rest) for name, rest in _REQUIREMENT.findall(lines)}
    there = {_name_of(wheel): wheel.name for wheel in found if _name_of(wheel) != _PROGRAM}
    if strangers := sorted(there.keys() - pinned.keys()):
        raise BundleError(f"not in {lock.name}: {', '.join(strangers)}")
    if missing := sorted(name for name, (_, has_marker) in pinned.items() if name not in there and not has_marker):
        raise BundleError(f"no wheel for {', '.join(missing)}; get them with: pip download --require-hashes --only-binary=:all: -r {lock.name} -d DIR")
    if changed := sorted(name for name, wheel in there.items() if digests[f"{WHEELS}{wheel}"] not in pinned[name][0]):
        raise BundleError(f"not as {lock.name} has them: {', '.join(changed)}")

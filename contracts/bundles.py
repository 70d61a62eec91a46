# SPDX-License-Identifier: Apache-2.0
"""Update bundles of gateways: one file that holds a version of the program whole, so that it is put in place without a network.

A bundle is a zip archive that compresses nothing (what is in it is compressed already, and so it cannot grow when it is unpacked):

    manifest.json   the version, what it needs, and SHA-256 and size of every other file
    manifest.sig    Ed25519 over the bytes of manifest.json (`contracts.signatures`, purpose "update"), base64
    wheels/*.whl    the program and everything that it stands on

Nothing of a bundle is used before its signature and every hash hold. The package `cryptography` is imported only to sign or to check.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, NamedTuple

import msgspec

from contracts import signatures

MANIFEST, SIGNATURE, WHEELS = "manifest.json", "manifest.sig", "wheels/"
BUNDLE_FORMAT = 1
BUNDLE_BYTES_MAX = 512 * 1024 * 1024
"""Chosen: ten times what a gateway with all its packages needs."""
_FILES_MAX = 200
_TEXT_BYTES_MAX = 256 * 1024
_WHEEL = re.compile(r"wheels/[A-Za-z0-9][A-Za-z0-9_.+!-]*\.whl")
_VERSION = re.compile(r"(\d{1,9}(?:\.\d{1,9}){1,3})(?:(a|b|rc)(\d{1,9}))?")
_STAGES = {"a": 0, "b": 1, "rc": 2, "": 3}
_CHUNK_BYTES = 1024 * 1024

VersionKey = tuple[tuple[int, ...], int, int]


class BundleError(ValueError):
    """A bundle that must not be used; the text says why and what to do."""


class BundledFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle."""

    name: str
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=BUNDLE_BYTES_MAX)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is signed. `python`: as "cp311"; `platform`: the machine's word, as "x86_64"; each of them "any" where it does not matter.

    `previous_min`: versions below it cannot go to this one. `downgrade`: whoever signed wants this version also in the place of a newer one.
    """

    format: int = BUNDLE_FORMAT
    version: str
    previous_min: str = "0.0"
    python: str
    platform: str
    downgrade: bool = False
    files: list[BundledFile]


def version_key(text: str) -> VersionKey:
    """By which versions are compared: N.N, N.N.N or N.N.N.N, with a1, b1 or rc1 behind it for what comes before. Raises: BundleError: it is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise BundleError(f"{text!r} is not a version as Dockline has them, such as 1.4.0 or 1.4.0rc1")
    numbers = tuple(int(number) for number in found[1].split("."))
    return numbers + (0,) * (4 - len(numbers)), _STAGES[found[2] or ""], int(found[3] or 0)


class _Whole(NamedTuple):
    """A bundle whose shape is right; nothing in it has been checked yet."""

    archive: zipfile.ZipFile
    manifest_bytes: bytes
    signature: str
    manifest: Manifest


def sign_bundle(path: Path, private_pem: bytes) -> Manifest:
    """Put a signature into a bundle, in the place of an older one; every hash in it is checked first. Raises: BundleError, OSError, ValueError: no such key."""
    with _opened(path) as whole:
        _check_hashes(whole)
        made = path.with_name(f".{path.name}.signed")
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as signed:
            signed.writestr(MANIFEST, whole.manifest_bytes)
            signed.writestr(SIGNATURE, signatures.sign(private_pem, "update", whole.manifest_bytes))
            for file in whole.manifest.files:
                _copy(whole.archive, file, signed)
    made.replace(path)
    return whole.manifest


def _copy(archive: zipfile.ZipFile, file: BundledFile, into: zipfile.ZipFile) -> None:
    with archive.open(file.name) as source, into.open(zipfile.ZipInfo(file.name), "w") as target:
        for chunk in _chunks(source):
            target.write(chunk)


def verify_bundle(path: Path, signing_key: str) -> Manifest:
    """The manifest, once the signature and the hash of every file hold; nothing is written. Raises: BundleError, OSError."""
    with _opened(path) as whole:
        if not whole.signature:
            raise BundleError(f"{path} is not signed; sign it with 'dockline central authority sign-update'")
        try:
            signatures.verify(signing_key, "update", whole.manifest_bytes, whole.signature)
        except signatures.SignatureError as error:
            raise BundleError(f"{path}: {error}; a bundle for this gateway is signed with the key of its own site's authority") from error
        _check_hashes(whole)
        return whole.manifest


def unpack_wheels(path: Path, manifest: Manifest, folder: Path) -> Iterator[Path]:
    """Write the wheels of a bundle that was verified into a folder that is there, one at each step; hashes count once more. Raises: BundleError, OSError."""
    with _opened(path) as whole:
        for file in manifest.files:
            target = folder / file.name.removeprefix(WHEELS)
            digest = hashlib.sha256()
            with whole.archive.open(file.name) as source, target.open("xb") as written:
                for chunk in _chunks(source):
                    digest.update(chunk)
                    written.write(chunk)
            if digest.hexdigest() != file.sha256:
                raise BundleError(f"{path} was changed while it was unpacked")
            yield target


def unpacked_bytes(path: Path, manifest: Manifest) -> int:
    """How much room the wheels need once they are installed. Raises: BundleError: one is no wheel; OSError."""
    total = 0
    with _opened(path) as whole:
        for file in manifest.files:
            with whole.archive.open(file.name) as source:
                try:
                    total += sum(entry.file_size for entry in zipfile.ZipFile(source).infolist())
                except zipfile.BadZipFile as error:
                    raise BundleError(f"{path}: {file.name} is not a wheel: {error}") from error
    return total


@contextmanager
def _opened(path: Path) -> Iterator[_Whole]:
    """Raises: BundleError: the archive has another shape than a bundle's; says how."""
    if path.stat().st_size > BUNDLE_BYTES_MAX:
        raise BundleError(f"{path} has {path.stat().st_size} bytes, more than {BUNDLE_BYTES_MAX}")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(path, archive)
            manifest_bytes = archive.read(MANIFEST)
            signature = archive.read(SIGNATURE).decode("ascii") if SIGNATURE in entries else ""
            yield _Whole(archive, manifest_bytes, signature, _manifest(path, manifest_bytes, entries))
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, EOFError) as error:
        raise BundleError(f"{path} is not a whole bundle ({error}); copy it again") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    listed = archive.infolist()
    entries = {entry.filename: entry for entry in listed}
    if len(listed) > _FILES_MAX or len(entries) != len(listed):
        raise BundleError(f"{path} has too many files, or one twice")
    for entry in listed:
        if fault := _fault(entry):
            raise BundleError(f"{path}: {entry.filename!r} {fault}")
    if sum(entry.file_size for entry in listed) > path.stat().st_size:
        raise BundleError(f"{path} says that it holds more than it is long")
    if MANIFEST not in entries:
        raise BundleError(f"{path} has no {MANIFEST}, so it is no bundle; make one with 'dockline update build'")
    return entries


def _fault(entry: zipfile.ZipInfo) -> str:
    """Why an entry may not be in a bundle."""
    if entry.filename not in (MANIFEST, SIGNATURE) and not _WHEEL.fullmatch(entry.filename):
        return f"has no place in a bundle; there are {MANIFEST}, {SIGNATURE} and {WHEELS}NAME.whl"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size or entry.flag_bits & 0x1:
        return "is compressed or encrypted; a bundle is neither"
    if entry.filename in (MANIFEST, SIGNATURE) and entry.file_size > _TEXT_BYTES_MAX:
        return f"has {entry.file_size} bytes, more than {_TEXT_BYTES_MAX}"
    return ""


def _manifest(path: Path, content: bytes, entries: dict[str, zipfile.ZipInfo]) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(f"{path}: {MANIFEST} is not understood ({error}); is the bundle made for a newer program?") from error
    if manifest.format != BUNDLE_FORMAT:
        raise BundleError(f"{path} is a bundle of format {manifest.format}; this program knows {BUNDLE_FORMAT}")
    version_key(manifest.version)
    version_key(manifest.previous_min)
    named = {file.name: file.size_bytes for file in manifest.files}
    held = {name: entry.file_size for name, entry in entries.items() if name not in (MANIFEST, SIGNATURE)}
    if named != held or len(named) != len(manifest.files):
        odd = sorted(named.keys() ^ held.keys()) or sorted(name for name in named if named[name] != held[name])
        raise BundleError(f"{path}: {MANIFEST} and what is there differ: {', '.join(odd) or 'a file is named twice'}")
    return manifest


def _check_hashes(whole: _Whole) -> None:
    for file in whole.manifest.files:
        digest = hashlib.sha256()
        with whole.archive.open(file.name) as source:
            for chunk in _chunks(source):
                digest.update(chunk)
        if digest.hexdigest() != file.sha256:
            raise BundleError(f"{whole.archive.filename}: {file.name} is not what {MANIFEST} says; copy the bundle again")


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk

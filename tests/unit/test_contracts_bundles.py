# SPDX-License-Identifier: Apache-2.0
"""Update bundles: made, signed, and refused for everything that is not exactly what was signed."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contracts import signatures
from contracts.bundles import MANIFEST, SIGNATURE, BundledFile, BundleError, Manifest, sign_bundle, unpack_wheels, unpacked_bytes, verify_bundle, version_key
from gateway.updates.build import build_bundle

KEY = signatures.make_signing_key()
PUBLIC = signatures.public_key_of(KEY)
WHEEL = "wheels/dockline-1.4.0-py3-none-any.whl"
MANIFEST_OF = Manifest(version="1.4.0", python="cp311", platform="x86_64", files=[])


def wheels(folder: Path, *names: str) -> Path:
    """Archives with such names."""
    folder.mkdir(exist_ok=True)
    for name in names or ("dockline-1.4.0-py3-none-any.whl",):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("dockline.py", f"# {name}\n" * 100)
    return folder


def bundle(folder: Path) -> Path:
    """A good one."""
    into = folder / "dockline.bundle"
    build_bundle(wheels(folder / "wheels"), into, MANIFEST_OF)
    sign_bundle(into, KEY)
    return into


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def resigned(path: Path, entries: dict[str, bytes], **changes: object) -> Path:
    """With another manifest over what is there, signed rightly: what only a wrong signer could make."""
    files = [
        BundledFile(name=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in entries.items()
        if name not in (MANIFEST, SIGNATURE)
    ]
    said = {**msgspec.to_builtins(msgspec.structs.replace(MANIFEST_OF, files=files)), **changes}
    manifest = msgspec.json.encode(said)
    return written(path, {**entries, MANIFEST: manifest, SIGNATURE: signatures.sign(KEY, "update", manifest).encode()})


@pytest.mark.requirement("X12")
def test_bundle_comes_through_signing_checking_and_unpacking_as_it_was(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    (tmp_path / "out").mkdir()

    manifest = verify_bundle(path, PUBLIC)
    unpacked = list(unpack_wheels(path, manifest, tmp_path / "out"))

    assert (manifest.version, manifest.downgrade, [file.name for file in manifest.files]) == ("1.4.0", False, [WHEEL])
    assert [each.read_bytes() for each in unpacked] == [(tmp_path / "wheels" / unpacked[0].name).read_bytes()]
    assert unpacked_bytes(path, manifest) == len("# dockline-1.4.0-py3-none-any.whl\n" * 100)
    sign_bundle(path, KEY)
    assert verify_bundle(path, PUBLIC) == manifest


@pytest.mark.requirement("X12")
def test_bundle_is_refused_when_any_byte_of_it_was_changed(tmp_path: Path) -> None:
    content = bundle(tmp_path).read_bytes()
    manifest = verify_bundle(tmp_path / "dockline.bundle", PUBLIC)
    changed = tmp_path / "changed.bundle"
    taken = []

    for place in range(0, len(content), 7):
        changed.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        try:
            found = verify_bundle(changed, PUBLIC)
        except BundleError:
            continue
        taken.append(found)  # bytes that mean nothing, such as a time of day of the archive

    assert all(each == manifest for each in taken)
    assert len(taken) < len(content) / 14


@pytest.mark.requirement("X12")
def test_bundle_is_refused_when_it_ends_early(tmp_path: Path) -> None:
    content = bundle(tmp_path).read_bytes()
    short = tmp_path / "short.bundle"

    for length in range(0, len(content), 97):
        short.write_bytes(content[:length])
        with pytest.raises(BundleError):
            verify_bundle(short, PUBLIC)


def _unsigned(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {name: content for name, content in entries.items() if name != SIGNATURE})


def _of_another_key(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, SIGNATURE: signatures.sign(signatures.make_signing_key(), "update", entries[MANIFEST]).encode()})


def _of_another_purpose(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, SIGNATURE: signatures.sign(KEY, "configuration", entries[MANIFEST]).encode()})


def _wheel_exchanged(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, WHEEL: entries[WHEEL][:-1] + b"!"})


def _wheel_longer(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, WHEEL: entries[WHEEL] + b"!"})


def _one_more(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, "wheels/more-1-py3-none-any.whl": b""})


def _one_less(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {name: content for name, content in entries.items() if name != WHEEL})


def _out_of_its_folder(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, {**entries, "wheels/../../bin/dockline.whl": b"x"})


def _absolute(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, {**entries, "/etc/cron.d/x.whl": b"x"})


def _link(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, entries)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("wheels/link.whl")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")


def _bomb(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, "wheels/zeros-1-py3-none-any.whl": bytes(1_000_000)}, zipfile.ZIP_DEFLATED)


def _twice(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, entries)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(WHEEL, b"another")


def _no_manifest(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {WHEEL: entries[WHEEL]})


def _huge_manifest(path: Path, entries: dict[str, bytes]) -> None:
    written(path, {**entries, MANIFEST: entries[MANIFEST] + b" " * 300_000})


def _newer_format(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, entries, format=2)


def _unknown_key(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, entries, scripts=["rm"])


def _odd_version(path: Path, entries: dict[str, bytes]) -> None:
    resigned(path, entries, version="../../1.0")


@pytest.mark.requirement("X12")
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_unsigned, "is not signed"),
        (_of_another_key, "signature of this update does not hold"),
        (_of_another_purpose, "signature of this update does not hold"),
        (_wheel_exchanged, "is not what manifest.json says"),
        (_wheel_longer, "differ: wheels/dockline"),
        (_one_more, "differ: wheels/more"),
        (_one_less, "differ: wheels/dockline"),
        (_out_of_its_folder, "has no place in a bundle"),
        (_absolute, "has no place in a bundle"),
        (_link, "is not a plain file"),
        (_bomb, "compressed or encrypted"),
        (_twice, "one twice"),
        (_no_manifest, "has no manifest.json"),
        (_huge_manifest, "more than 262144"),
        (_newer_format, "format 2"),
        (_unknown_key, "made for a newer program"),
        (_odd_version, "is not a version"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_bundle_is_refused_with_its_reason(tmp_path: Path, spoil: Callable[[Path, dict[str, bytes]], None], says: str) -> None:
    spoilt = tmp_path / "spoilt.bundle"
    spoil(spoilt, entries_of(bundle(tmp_path)))

    with pytest.raises(BundleError, match=says):
        verify_bundle(spoilt, PUBLIC)


def test_bundle_with_a_wrong_hash_is_not_signed(tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.bundle"
    _wheel_exchanged(spoilt, entries_of(bundle(tmp_path)))

    with pytest.raises(BundleError, match="is not what"):
        sign_bundle(spoilt, KEY)


def test_bundle_exchanged_after_the_check_is_noticed_while_it_is_unpacked(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    manifest = verify_bundle(path, PUBLIC)
    entries = entries_of(path)
    (tmp_path / "out").mkdir()
    _wheel_exchanged(path, entries)

    with pytest.raises(BundleError, match="changed while"):
        list(unpack_wheels(path, manifest, tmp_path / "out"))


def test_versions_are_ordered_as_people_number_them() -> None:
    ordered = ["0.9", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.1", "1.2", "1.10", "1.10.0.1", "2.0"]

    assert sorted(["2.0", *ordered[3:9], *ordered[:3]], key=version_key) == ordered
    assert version_key("1.0") == version_key("1.0.0")
    for odd in ("1", "1.0-dirty", "v1.0", "1.0\n", "1..0", "../1.0"):
        with pytest.raises(BundleError):
            version_key(odd)


@pytest.mark.parametrize(
    ("names", "version", "says"),
    [
        (("msgspec-1-py3-none-any.whl",), "1.4.0", "there are none"),
        (("dockline-1.3.0-py3-none-any.whl",), "1.4.0", "must hold one wheel of dockline 1.4.0"),
        (("dockline-1.4.0-py3-none-any.whl", "msgspec-1-cp312-cp312-manylinux_2_17_x86_64.whl"), "1.4.0", "not for Python cp311"),
        (("dockline-1.4.0-py3-none-any.whl", "msgspec-1-cp311-cp311-manylinux_2_17_aarch64.whl"), "1.4.0", "not for machines x86_64"),
        (("dockline-1.4.0-py3-none-any.whl",), "1.4", "must hold one wheel of dockline 1.4"),
    ],
)
def test_bundle_is_not_built_of_wheels_that_do_not_make_it(tmp_path: Path, names: tuple[str, ...], version: str, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        build_bundle(wheels(tmp_path / "wheels", *names), tmp_path / "x.bundle", msgspec.structs.replace(MANIFEST_OF, version=version))


def test_bundle_is_built_only_of_what_the_lock_names(tmp_path: Path) -> None:
    names = ("dockline-1.4.0-py3-none-any.whl", "msg_spec-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "cryptography-50-cp39-abi3-manylinux_2_34_x86_64.whl")
    folder = wheels(tmp_path / "wheels", *names)
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    lock = tmp_path / "gateway.txt"
    pins = f"msg-spec==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digests[names[1]]}\n"
    more = f"cryptography==50 \\\n    --hash=sha256:{digests[names[2]]}\ncolorama==1 ; sys_platform == 'win32' \\\n    --hash=sha256:{'1' * 64}\n"

    lock.write_text("# locked\n" + pins + more)
    assert len(build_bundle(folder, tmp_path / "x.bundle", MANIFEST_OF, lock).files) == 3
    for text, says in (
        (pins, "not in gateway.txt: cryptography"),
        (pins + more + "biip==5 \\\n    --hash=sha256:" + "2" * 64 + "\n", "no wheel for biip"),
        (pins.replace(digests[names[1]], "3" * 64) + more, "not as gateway.txt has them: msg-spec"),
    ):
        lock.write_text(text)
        with pytest.raises(BundleError, match=says):
            build_bundle(folder, tmp_path / "y.bundle", MANIFEST_OF, lock)

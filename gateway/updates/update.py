# SPDX-License-Identifier: Apache-2.0
"""An update, step by step. A cut at any of them leaves a version that starts (docs/decisions/0033):

verified as a whole -> unpacked beside what runs -> tested -> marked whole -> on trial -> the gateway begins anew -> proved, or returned.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts.bundles import Manifest, unpack_wheels, unpacked_bytes, verify_bundle, version_key
from gateway.config import GatewayConfig
from gateway.configuration_store import OWN, ConfigurationStore
from gateway.control import ControlError, ask_gateway, is_running
from gateway.doctor.running import ask_health
from gateway.outbox.file import FORMAT
from gateway.trust import TrustError, read_enrolment
from gateway.updates import environment, launcher
from gateway.updates.root import Root, Standing, UpdateError
from gateway.updates.trial import LastUpdate, UpdateTrial, last_update

OUTBOX_READS = (0, FORMAT)
"""Formats of the outbox that this program reads; the format before had no number."""
_RESERVE_BYTES = 50_000_000
_ANSWER_S = 15.0
_LOOK_S = 0.2
_STARTS_S = 60.0

Make = Callable[[Path, Sequence[Path], Manifest], None]


class Wishes(NamedTuple):
    """What the person at the machine allows. `again`: also a version that was returned before; `health_s`: so long it may take until all is up again."""

    allow_downgrade: bool = False
    again: bool = False
    health_s: float = launcher.HEALTH_S
    grace_s: float = launcher.GRACE_S


class Prepared(NamedTuple):
    """A version that stands beside the one in force and works on paper."""

    version: str
    standing: Standing


def prepare(root: Root, bundle: Path, config: GatewayConfig, own_file: Path, wishes: Wishes, make: Make = environment.make_environment) -> Prepared:
    """Put the version of a bundle beside the one that runs; nothing that runs is touched. Raises: UpdateError, BundleError, OSError."""
    standing = root.settle()
    if standing.trial is not None:
        raise UpdateError(f"version {standing.trial.version} is on trial; wait for its end ('dockline gateway doctor' shows it)")
    manifest = verify_bundle(bundle, _signing_key(config))
    check_allowed(manifest, standing, wishes)
    environment.check_fits(manifest)
    configuration = _configuration_in_force(config, own_file)
    root.drop_staging()
    root.keep_only({standing.in_force, standing.previous})
    _check_room(root.folder, bundle, manifest)
    staging = root.make_staging()
    wheels = []
    for wheel in unpack_wheels(bundle, manifest, staging):
        root.step(f"unpacked {wheel.name}")
        wheels.append(wheel)
    folder = root.make_version(manifest.version)
    root.step("make environment")
    make(folder, wheels, manifest)
    root.step("test itself")
    environment.self_test(folder, manifest.version, configuration, Path(config.gateway.data_dir) / "outbox.db", OUTBOX_READS)
    root.drop_staging()
    root.mark_whole(manifest.version, {"version": manifest.version, "wheels": [file.name for file in manifest.files]})
    return Prepared(manifest.version, standing)


def check_allowed(manifest: Manifest, standing: Standing, wishes: Wishes) -> None:
    """Raises: UpdateError: this version may not follow the one in force."""
    wanted, present = version_key(manifest.version), version_key(standing.in_force)
    if wanted == present:
        raise UpdateError(f"version {manifest.version} is in force already")
    if wanted < present and not manifest.downgrade:
        raise UpdateError(f"version {manifest.version} is older than {standing.in_force}, and the bundle is not signed for a downgrade; build a new one")
    if wanted < present and not wishes.allow_downgrade:
        raise UpdateError(f"version {manifest.version} is older than {standing.in_force}; if that is what you want: --allow-downgrade")
    if present < version_key(manifest.previous_min):
        raise UpdateError(f"version {manifest.version} can follow {manifest.previous_min} or later, this is {standing.in_force}; take a version between first")
    last = msgspec.convert(standing.last_trial, LastUpdate)
    if last.version == manifest.version and last.outcome == "returned" and not wishes.again:
        raise UpdateError(f"version {manifest.version} was returned before: {last.reason}; if the reason is gone: --again")


def start_trial(root: Root, prepared: Prepared, config: GatewayConfig, wishes: Wishes) -> UpdateTrial:
    """Note the version as on trial, with what is up now; from this moment on the launcher starts it. Raises: OSError."""
    health, _ = ask_health(config.gateway)
    devices = health["devices"] if health is not None else {}
    trial = UpdateTrial(
        id=secrets.token_hex(8),
        version=prepared.version,
        previous=prepared.standing.in_force,
        must=tuple(sorted(device for device, fares in devices.items() if fares["up"])),
        must_uplink=bool(health["uplink"]) if health is not None else False,
        health_s=wishes.health_s,
        grace_s=wishes.grace_s,
    )
    standing = msgspec.structs.replace(prepared.standing, trial=trial, data_dir=str(Path(config.gateway.data_dir).absolute()))
    root.write(standing)
    root.link(trial.version)
    return trial


def begin_anew(config: GatewayConfig) -> bool:
    """Have the running gateway end for the version on trial. False: none runs; the trial begins with its next start. Raises: UpdateError."""
    data_dir = Path(config.gateway.data_dir)
    if not is_running(data_dir):
        return False
    try:
        list(ask_gateway(data_dir, {"do": "update"}, _ANSWER_S))
    except ControlError as error:
        raise UpdateError(f"the gateway did not begin anew by itself ({error}); restart it: systemctl restart dockline-gateway") from error
    return True


def await_verdict(root: Root, trial: UpdateTrial, data_dir: Path) -> LastUpdate:
    """How the trial ended, taken over into the folder; older versions are removed then. Raises: UpdateError: nobody said in time; OSError."""
    end_s = time.monotonic() + launcher.STARTS_MAX * (trial.health_s + trial.grace_s) + _STARTS_S
    while (verdict := last_update(data_dir)).id != trial.id:
        if time.monotonic() > end_s:
            raise UpdateError(f"version {trial.version} has neither proved good nor been returned; does the gateway run? See 'dockline gateway doctor'")
        time.sleep(_LOOK_S)
    standing = root.settle()
    if verdict.outcome == "proved":
        root.keep_only({standing.in_force, standing.previous})
    return verdict


def go_back(root: Root) -> Prepared:
    """The version that was in force before, as a person wishes. Raises: UpdateError."""
    standing = root.settle()
    if standing.trial is not None:
        raise UpdateError(f"version {standing.trial.version} is on trial; wait for its end")
    if not launcher.is_whole(str(root.folder), standing.previous):
        raise UpdateError("there is no version before this one on the machine; bring it with a bundle that is signed for a downgrade")
    return Prepared(standing.previous, standing)


def _signing_key(config: GatewayConfig) -> str:
    if not config.gateway.trust_dir:
        raise UpdateError("this gateway is not enrolled, so it cannot tell who signed; set gateway.trust_dir ('dockline gateway enrol')")
    try:
        return read_enrolment(Path(config.gateway.trust_dir)).signing_key
    except TrustError as error:
        raise UpdateError(str(error)) from error


def _configuration_in_force(config: GatewayConfig, own_file: Path) -> Path:
    store = ConfigurationStore(config.gateway.data_dir, config.gateway.trust_dir, own_file)
    if store.standing.trying is not None:
        raise UpdateError("a configuration is on trial; try again when it is in force or returned, in a minute or two")
    return own_file if store.standing.in_force == OWN else store.path(store.standing.in_force)


def _check_room(folder: Path, bundle: Path, manifest: Manifest) -> None:
    wheels = sum(file.size_bytes for file in manifest.files)
    wanted = wheels + unpacked_bytes(bundle, manifest) * 3 // 2 + environment.ENVIRONMENT_BYTES + _RESERVE_BYTES  # half as much again: compiled modules
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise UpdateError(f"{folder} has {free // 1_000_000} MB free, the update needs {wanted // 1_000_000} MB; nothing was changed")

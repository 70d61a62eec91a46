# SPDX-License-Identifier: Apache-2.0
"""What starts a gateway whose versions stand side by side. It is copied to ROOT/bin/dockline and stays as it is when versions change, so that no new version
can break the way back; hence it uses the standard library only, and little of that.

    ROOT/bin/dockline     this file
    ROOT/versions/V/      a version: an environment of Python; whole when `version.json` is in it
    ROOT/current          link to the version that runs, for people; what counts is the next
    ROOT/standing.json    which version is in force and which is on trial; written by whoever may change ROOT (root), read by all
    DATA/update/          written by the user of the gateway, who may not change ROOT: `starts.json` counts the starts of the trial,
                          `verdict.json` says how it ended

`gateway run` with a version on trial: the start is counted durably, a watcher is set beside the new version, and the new version begins. It has
proved good when it says so itself in `verdict.json`. It has failed when it says so, when it was started too often, when it cannot be started, or when
it has said nothing in time; then the watcher kills it, and the version before is started here from then on. Every other command takes the same version
without counting anything.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

ENVIRONMENT_TRIAL = "DOCKLINE_UPDATE_TRIAL"
ENVIRONMENT_LAUNCHER = "DOCKLINE_LAUNCHER"  # as gateway.program.LAUNCHER
STARTS_MAX = 3
"""So many processes may begin a trial; a power cut counts as one, too."""
GRACE_S = 30.0
"""So much longer than its own limit a version on trial is given to say how it fared."""
HEALTH_S = 120.0
SETTLE = "settle"
_LOOK_S = 0.25


def read_json(path: str) -> Facts:
    """What a small file says; empty: it is not there or says nothing."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:  # noqa: PTH123
            found = json.loads(file.read(1 << 20))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, content: Facts, mode: int) -> None:
    """Replace a small file; it is whole after a power cut, old or new. Raises: OSError: the old one is still there."""
    folder = os.path.dirname(path)  # noqa: PTH120
    new = os.path.join(folder, f".{os.path.basename(path)}.new")  # noqa: PTH118, PTH119
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "w", encoding="utf-8") as file:  # noqa: PTH123
        os.fchmod(file.fileno(), mode)
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)  # noqa: PTH105
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_current(root: str, version: str) -> None:
    """Point ROOT/current at a version, at once. Raises: OSError: it points where it did."""
    new, current, target = f"{root}/.current.new", f"{root}/current", f"versions/{version}"
    if os.path.islink(current) and os.readlink(current) == target:  # noqa: PTH114, PTH115
        return
    if os.path.lexists(new):
        os.unlink(new)  # noqa: PTH108
    os.symlink(target, new)  # noqa: PTH211
    os.replace(new, current)  # noqa: PTH105
    sync_folder(root)


def is_whole(root: str, version: str) -> bool:
    """Whether a version can be started at all."""
    folder = f"{root}/versions/{version}"
    return bool(version) and "/" not in version and os.path.exists(f"{folder}/version.json") and os.path.exists(f"{folder}/bin/python")  # noqa: PTH110


def verdict_of(standing: Facts, trial: Facts) -> Facts:
    """How a trial ended; empty: it goes on, or has not begun."""
    verdict = read_json(f"{standing.get('data_dir', '')}/update/verdict.json")
    return verdict if verdict.get("id") == trial.get("id") else {}


def say(standing: Facts, trial: Facts, outcome: str, reason: str) -> None:
    """Write down how a trial ended, unless that is known. Raises: OSError."""
    if verdict_of(standing, trial):
        return
    folder = f"{standing['data_dir']}/update"
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    told = {"id": trial["id"], "version": trial["version"], "previous": trial["previous"], "outcome": outcome, "reason": reason}
    write_json(f"{folder}/verdict.json", told, 0o600)


def settled(standing: Facts, trial: Facts, verdict: Facts) -> Facts:
    """The standing once a trial is over."""
    after = {key: value for key, value in standing.items() if key != "trial"}
    after["last_trial"] = verdict
    if verdict.get("outcome") == "proved":
        after["in_force"], after["previous"] = trial["version"], trial["previous"]
    return after


def settle(root: str) -> Facts:
    """Take over into ROOT how a trial ended, as far as this user may; returns the standing. Raises: OSError: it may not."""
    standing = read_json(f"{root}/standing.json")
    trial = standing.get("trial") or {}
    verdict = verdict_of(standing, trial) if trial else {}
    if verdict:
        standing = settled(standing, trial, verdict)
        write_json(f"{root}/standing.json", standing, 0o644)
    running = (standing.get("trial") or {}).get("version") or standing.get("in_force")
    if running:
        link_current(root, running)
    return standing


def begin_trial(standing: Facts, trial: Facts) -> bool:
    """Count a start of the version on trial. False: it must not be started, or not be counted, which comes to the same."""
    folder = f"{standing['data_dir']}/update"
    counted = read_json(f"{folder}/starts.json")
    starts = int(counted.get("starts", 0)) if counted.get("id") == trial["id"] else 0
    try:
        if starts >= STARTS_MAX:
            say(standing, trial, "returned", f"it ended {starts} times before it was healthy{last_words(standing, trial)}")
            return False
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        write_json(f"{folder}/starts.json", {"id": trial["id"], "starts": starts + 1}, 0o600)
    except OSError as error:
        complain(f"update to {trial['version']} waits, {folder} cannot be written: {error}")
        return False
    return True


def last_words(standing: Facts, trial: Facts) -> str:
    """How the version on trial ended last, if it came so far as to write that down (`gateway.restarts`)."""
    run = read_json(f"{standing['data_dir']}/run.json")
    return f", at last with: {run['ended']}" if run.get("version") == trial["version"] and run.get("ended") else ""


def choose(root: str, standing: Facts, *, counts: bool) -> tuple[str, Facts | None]:
    """Which version to start, and the trial if it is on trial now."""
    trial = standing.get("trial") or {}
    if trial:
        outcome = verdict_of(standing, trial).get("outcome")
        if is_whole(root, trial["version"]) and (outcome == "proved" or (not outcome and (not counts or begin_trial(standing, trial)))):
            return trial["version"], trial if counts and not outcome else None
        return first_whole(root, (trial["previous"], standing.get("in_force", ""))), None
    return first_whole(root, (standing.get("in_force", ""), linked(root), standing.get("previous", ""))), None


def linked(root: str) -> str:
    """Where ROOT/current points."""
    try:
        return os.path.basename(os.readlink(f"{root}/current"))  # noqa: PTH119, PTH115
    except OSError:
        return ""


def first_whole(root: str, wanted: tuple[str, ...]) -> str:
    """The first of these versions that can be started, or any other that can; empty: none."""
    try:
        there = sorted(os.listdir(f"{root}/versions"))  # noqa: PTH208
    except OSError:
        there = []
    return next((version for version in (*wanted, *there) if is_whole(root, version)), "")


def watch(process: int, standing: Facts, trial: Facts, limit_s: float) -> None:
    """Kill a process that has not said in time how its trial ended. `process`: a descriptor of it (pidfd_open(2)), so that no other can be meant."""
    end_s = time.monotonic() + limit_s
    gone = select.poll()
    gone.register(process, select.POLLIN)
    while not verdict_of(standing, trial):
        if gone.poll(_LOOK_S * 1000):
            return
        if time.monotonic() > end_s:
            try:
                say(standing, trial, "returned", f"it was not healthy within {limit_s:g} s and did not say why")
            except OSError as error:
                complain(f"{standing['data_dir']} cannot be written: {error}")
            if verdict_of(standing, trial).get("outcome") != "proved":
                signal.pidfd_send_signal(process, signal.SIGKILL)
            return


def set_watcher(standing: Facts, trial: Facts) -> None:
    """Have a process of its own watch what becomes of this one. Raises: OSError."""
    process = os.pidfd_open(os.getpid())
    between = os.fork()
    if between:
        os.close(process)
        os.waitpid(between, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        watch(process, standing, trial, float(trial.get("health_s", HEALTH_S)) + float(trial.get("grace_s", GRACE_S)))
    finally:
        os._exit(0)


def start(root: str, version: str, arguments: list[str]) -> None:
    """Become that version. Raises: OSError: it cannot be started."""
    python = f"{root}/versions/{version}/bin/python"
    os.execv(python, [python, "-I", "-m", "dockline", *arguments])  # noqa: S606


def run(root: str, arguments: list[str]) -> int:
    """Become the right version; returns only when there is none that can be started."""
    counts = arguments[:2] == ["gateway", "run"]
    os.environ[ENVIRONMENT_LAUNCHER] = f"{root}/bin/dockline"
    os.environ.pop(ENVIRONMENT_TRIAL, None)
    standing = read_json(f"{root}/standing.json")
    version, trial = choose(root, standing, counts=counts)
    try:
        if trial:
            os.environ[ENVIRONMENT_TRIAL] = json.dumps({**trial, "data_dir": standing["data_dir"]})
            set_watcher(standing, trial)
        if version:
            start(root, version, arguments)
    except OSError as error:
        complain(f"version {version} cannot be started: {error}")
        if trial:
            return give_back(root, standing, trial, error, arguments)
        return 1
    complain(f"there is no version in {root}/versions that can be started")
    return 1


def give_back(root: str, standing: Facts, trial: Facts, error: OSError, arguments: list[str]) -> int:
    """The version on trial does not even start."""
    os.environ.pop(ENVIRONMENT_TRIAL, None)
    try:
        say(standing, trial, "returned", f"it cannot be started: {error}")
        start(root, first_whole(root, (trial["previous"],)), arguments)
    except OSError as other:
        complain(f"version {trial['previous']} cannot be started: {other}")
    return 1


def complain(text: str) -> None:
    """A line for the log."""
    sys.stderr.write(f"dockline launcher: {text}\n")
    sys.stderr.flush()


def main(place: str, arguments: list[str]) -> int:
    """`settle` is for the service manager, with the rights to write ROOT, before each start; everything else is handed on."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(place)))  # noqa: PTH120, PTH100
    if arguments != [SETTLE]:
        return run(root, arguments)
    try:
        settle(root)
    except OSError as error:
        complain(f"{root} stays as it is: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(__file__, sys.argv[1:]))

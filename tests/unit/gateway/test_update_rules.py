# SPDX-License-Identifier: Apache-2.0
"""Which version may follow which, what the launcher starts, and what is said of an update that returned."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from central.command import main as central
from central.fleet.authority import load_authority
from contracts.bundles import BundleError, Manifest, verify_bundle
from gateway.program import words_to_begin_anew
from gateway.updates import launcher
from gateway.updates.command import main as update
from gateway.updates.environment import check_fits, tags
from gateway.updates.root import Root, Standing, UpdateError
from gateway.updates.trial import LastUpdate, UpdateTrial, last_update, trial_of_this_process
from gateway.updates.update import Wishes, check_allowed

pytestmark = pytest.mark.requirement("X12")
RETURNED = msgspec.to_builtins(LastUpdate(id="t0", version="1.5.0", previous="1.4.0", outcome="returned", reason="it ended 3 times"))
STANDING = Standing(in_force="1.4.0", data_dir="x", last_trial=RETURNED)


def manifest(version: str, **words: Any) -> Manifest:
    return Manifest(**{"version": version, "python": "any", "platform": "any", "files": [], **words})


@pytest.mark.parametrize(
    ("bundle", "wishes"),
    [
        (manifest("1.4.1"), Wishes()),
        (manifest("1.5.0"), Wishes(again=True)),
        (manifest("1.3.0", downgrade=True), Wishes(allow_downgrade=True)),
        (manifest("2.0.0", previous_min="1.4"), Wishes()),
    ],
)
def test_version_is_taken(bundle: Manifest, wishes: Wishes) -> None:
    check_allowed(bundle, STANDING, wishes)


@pytest.mark.parametrize(
    ("bundle", "wishes", "says"),
    [
        (manifest("1.4.0"), Wishes(), "in force already"),
        (manifest("1.4"), Wishes(), "in force already"),
        (manifest("1.4.0rc1"), Wishes(), "is older than 1.4.0"),
        (manifest("1.3.0"), Wishes(allow_downgrade=True), "not signed for a downgrade"),
        (manifest("1.3.0", downgrade=True), Wishes(), "--allow-downgrade"),
        (manifest("2.0.0", previous_min="1.4.1"), Wishes(), "can follow 1.4.1 or later"),
        (manifest("1.5.0"), Wishes(), "was returned before: it ended 3 times"),
    ],
)
def test_version_is_refused_with_its_reason(bundle: Manifest, wishes: Wishes, says: str) -> None:
    with pytest.raises(UpdateError, match=says):
        check_allowed(bundle, STANDING, wishes)


def test_bundle_for_another_python_or_machine_is_refused() -> None:
    python, platform = tags()

    check_fits(manifest("1.0", python=python, platform=platform))
    for words in ({"python": "cp399"}, {"platform": "s390x"}):
        with pytest.raises(UpdateError, match="take the bundle for"):
            check_fits(manifest("1.0", **words))


class Versions:
    """A root with a version in force and one on trial."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.data = folder / "data"
        self.trial = UpdateTrial(id="t1", version="1.5.0", previous="1.4.0", must=("reader-3",))
        self.data.mkdir()
        for version in ("1.4.0", "1.5.0"):
            (self.root / "versions" / version / "bin").mkdir(parents=True)
            (self.root / "versions" / version / "bin" / "python").touch()
            (self.root / "versions" / version / "version.json").touch()
        Root(self.root).write(Standing(in_force="1.4.0", data_dir=str(self.data), trial=self.trial))

    @property
    def standing(self) -> dict[str, Any]:
        return launcher.read_json(str(self.root / "standing.json"))

    def choose(self, *, counts: bool = True) -> tuple[str, bool]:
        version, trial = launcher.choose(str(self.root), self.standing, counts=counts)
        return version, trial is not None

    def verdict(self, outcome: str) -> None:
        launcher.say(self.standing, self.standing["trial"], outcome, "because")


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path)


def test_version_on_trial_is_started_three_times_and_then_the_one_before(versions: Versions) -> None:
    found = [versions.choose() for _ in range(5)]

    assert found == [("1.5.0", True)] * 3 + [("1.4.0", False)] * 2
    assert last_update(versions.data).fault == "update to 1.5.0 returned: it ended 3 times before it was healthy"


def test_reason_names_the_last_words_of_the_version_on_trial(versions: Versions) -> None:
    (versions.data / "run.json").write_text(json.dumps({"version": "1.5.0", "ended": "crash: ValueError('x')"}))
    for _ in range(4):
        versions.choose()

    assert last_update(versions.data).reason == "it ended 3 times before it was healthy, at last with: crash: ValueError('x')"


@pytest.mark.parametrize(("outcome", "version"), [("proved", "1.5.0"), ("returned", "1.4.0")])
def test_verdict_decides_what_is_started_and_is_taken_over(versions: Versions, outcome: str, version: str) -> None:
    versions.verdict(outcome)

    assert versions.choose() == (version, False)
    standing = Root(versions.root).settle()
    assert (standing.in_force, standing.trial, standing.last_trial["outcome"]) == (version, None, outcome)
    assert (versions.root / "current").readlink() == Path("versions", version)
    assert versions.choose() == (version, False)


def test_first_verdict_stays(versions: Versions) -> None:
    versions.verdict("returned")
    versions.verdict("proved")

    assert last_update(versions.data).outcome == "returned"


def test_commands_of_people_do_not_count_as_starts(versions: Versions) -> None:
    assert [versions.choose(counts=False) for _ in range(5)] == [("1.5.0", False)] * 5
    assert not (versions.data / "update").exists()


def test_version_before_is_started_while_starts_cannot_be_counted(versions: Versions, capsys: pytest.CaptureFixture[str]) -> None:
    (versions.data / "update").write_text("a file where a folder should be")

    assert versions.choose() == ("1.4.0", False)
    assert "cannot be written" in capsys.readouterr().err


def test_version_that_is_not_whole_is_never_started(versions: Versions) -> None:
    (versions.root / "versions" / "1.5.0" / "version.json").unlink()

    assert versions.choose() == ("1.4.0", False)


def test_any_whole_version_is_started_when_nothing_else_is_known(versions: Versions) -> None:
    (versions.root / "standing.json").write_text("{ torn")
    (versions.root / "versions" / "1.4.0" / "bin" / "python").unlink()

    assert versions.choose() == ("1.5.0", False)


def test_root_that_is_none_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=r"docs/how-to/update\.md"):
        Root(tmp_path).read()


def test_second_update_at_the_same_time_is_refused(versions: Versions) -> None:
    with Root(versions.root).locked(), pytest.raises(UpdateError, match="another update"), Root(versions.root).locked():
        raise AssertionError("both got in")


def test_process_knows_its_trial_until_the_verdict(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launcher.ENVIRONMENT_TRIAL, msgspec.json.encode(versions.trial).decode())

    assert trial_of_this_process(versions.data) == versions.trial
    versions.verdict("proved")
    assert trial_of_this_process(versions.data) is None
    monkeypatch.setenv(launcher.ENVIRONMENT_TRIAL, "nonsense")
    assert trial_of_this_process(versions.data) is None


def test_program_begins_anew_by_the_launcher_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["dockline", "gateway", "run", "x.toml"])
    monkeypatch.delenv(launcher.ENVIRONMENT_LAUNCHER, raising=False)
    without = words_to_begin_anew()
    monkeypatch.setenv(launcher.ENVIRONMENT_LAUNCHER, "/opt/dockline/bin/dockline")

    assert without[0] != "/opt/dockline/bin/dockline"
    assert words_to_begin_anew() == ["/opt/dockline/bin/dockline", "gateway", "run", "x.toml"]


def test_bundle_is_made_and_signed_by_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheels, bundle, authority = tmp_path / "wheels", tmp_path / "dockline.bundle", str(tmp_path / "authority")
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "dockline-1.4.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("dockline.py", "")

    made = update(["build", "--version", "1.4.0", "--wheels", str(wheels), "--into", str(bundle), "--previous-min", "1.2", "--allow-downgrade"])
    inited = central(["authority", "init", "--authority", authority])
    signing_key = load_authority(Path(authority)).signing_public
    with pytest.raises(BundleError, match="is not signed"):
        verify_bundle(bundle, signing_key)
    signed = central(["authority", "sign-update", str(bundle), "--authority", authority])
    manifest = verify_bundle(bundle, signing_key)

    assert (made, inited, signed) == (0, 0, 0)
    assert (manifest.version, manifest.previous_min, manifest.downgrade, (manifest.python, manifest.platform)) == ("1.4.0", "1.2", True, tags())
    assert "version 1.4.0 signed" in capsys.readouterr().out
    assert update(["sign", str(wheels), "--key", str(tmp_path / "none.pem")]) == 1
    assert "dockline update sign: " in capsys.readouterr().err


def test_version_says_which_configuration_and_outbox_it_does_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, outbox = tmp_path / "gateway.toml", tmp_path / "outbox.db"
    table = f'[gateway]\nid = "gw-1"\nsite = "s"\nbroker = "mqtt://127.0.0.1"\ndata_dir = "{tmp_path}"\n'

    file.write_text(table)
    assert update(["self-test", str(file), "--outbox", str(outbox)]) == 0
    good = json.loads(capsys.readouterr().out)
    file.write_text(table + 'colour = "blue"\n')
    with closing(sqlite3.connect(outbox)) as db:
        db.execute("PRAGMA user_version=99")
        db.commit()
    assert update(["self-test", str(file), "--outbox", str(outbox)]) == 0
    bad = json.loads(capsys.readouterr().out)

    assert (good["faults"], good["outbox_writes"] in good["outbox_reads"]) == ([], True)
    assert ["colour" in bad["faults"][0], "has format 99" in bad["faults"][1]] == [True, True]

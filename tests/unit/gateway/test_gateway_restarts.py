# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.restarts import SAFE_AFTER_STARTS, Restarts, Run, read_run, reason_of

pytestmark = pytest.mark.requirement("E17")


def started(folder: Path, *, boot: str = "boot-1", config: str = "abc") -> Restarts:
    return Restarts(folder, boot_id=boot, version="1", config_hash=config, watchdogs=folder / "none")


@pytest.mark.parametrize(
    ("last", "words", "reset", "expected"),
    [
        (None, "", False, "first"),
        (Run(boot_id="boot-1", ended="clean"), "", False, "clean"),
        (Run(boot_id="boot-0", ended="clean"), "", True, "clean"),
        (Run(boot_id="boot-1", ended="update"), "", False, "update"),
        (Run(boot_id="boot-1", ended="crash: ValueError('x')"), "", False, "crash: ValueError('x')"),
        (Run(boot_id="boot-0"), "", False, "power"),
        (Run(boot_id="boot-0"), "", True, "watchdog"),
        (Run(boot_id="boot-1"), "", False, "killed"),
        (Run(boot_id="boot-1"), "Fatal Python error: Aborted\n", False, "watchdog"),
        (Run(boot_id="boot-1"), "Fatal Python error: Segmentation fault\n\nThread", False, "crash: Segmentation fault"),
    ],
)
def test_reason_is_told_by_what_the_last_run_left(last: Run | None, words: str, reset: bool, expected: str) -> None:
    assert reason_of(last, "boot-1", words, reset_by_watchdog=reset) == expected


def test_hardware_watchdog_that_reset_the_machine_is_told_from_a_power_cut(tmp_path: Path) -> None:
    (tmp_path / "watchdog0").mkdir()
    (tmp_path / "watchdog0" / "bootstatus").write_text("32\n")
    Restarts(tmp_path, boot_id="boot-0", version="1", config_hash="abc", watchdogs=tmp_path)

    assert Restarts(tmp_path, boot_id="boot-1", version="1", config_hash="abc", watchdogs=tmp_path).restarted == "watchdog"


def test_starts_that_come_to_nothing_lead_to_safe_mode_and_one_that_works_begins_the_count_anew(tmp_path: Path) -> None:
    modes = [started(tmp_path).safe for _ in range(SAFE_AFTER_STARTS + 1)]
    assert modes == [False] * SAFE_AFTER_STARTS + [True]

    started(tmp_path).stable()

    assert [started(tmp_path).safe for _ in range(SAFE_AFTER_STARTS)] == [False] * SAFE_AFTER_STARTS


def test_power_cuts_never_lead_to_safe_mode(tmp_path: Path) -> None:
    assert not any(started(tmp_path, boot=f"boot-{number}").safe for number in range(20))


def test_another_configuration_gets_a_start_of_its_own(tmp_path: Path) -> None:
    for _ in range(SAFE_AFTER_STARTS):
        started(tmp_path)

    assert not started(tmp_path, config="def").safe


def test_a_person_who_restarts_it_in_safe_mode_gets_a_normal_start(tmp_path: Path) -> None:
    for _ in range(SAFE_AFTER_STARTS):
        started(tmp_path)
    in_safe_mode = started(tmp_path)
    in_safe_mode.ended("clean")

    assert (in_safe_mode.safe, started(tmp_path).safe) == (True, False)


def test_safe_mode_that_ended_by_itself_comes_back_after_one_more_failure(tmp_path: Path) -> None:
    for _ in range(SAFE_AFTER_STARTS):
        started(tmp_path)
    started(tmp_path).ended("safe mode over")

    assert [started(tmp_path).safe for _ in range(2)] == [False, True]


def test_file_that_cannot_be_read_or_written_does_not_keep_it_from_starting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run.json").write_bytes(b"\xff torn")
    assert started(tmp_path).restarted == "first"

    missing = started(tmp_path / "not-there")
    assert missing.restarted == "first"
    assert "how this run goes cannot be noted" in [record.message for record in caplog.records]


def test_stuck_process_that_is_aborted_still_says_where_it_stood(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom gateway.restarts import Restarts\n"
        "run = Restarts(Path(sys.argv[1]), boot_id='boot-1', version='1', config_hash='abc')\nrun.listen_for_last_words()\n"
        "def where_it_hangs():\n    print('ready', flush=True)\n    time.sleep(1000)\nwhere_it_hangs()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGABRT)
        process.wait(20)

    again = started(tmp_path)
    assert again.restarted == "watchdog"
    kept = read_run(tmp_path / "run.json")
    assert kept is not None
    assert "where_it_hangs" in kept.last_words


def test_last_words_stay_to_be_read_and_are_not_taken_for_those_of_a_later_run(tmp_path: Path) -> None:
    started(tmp_path)
    (tmp_path / "last-words.txt").write_text("Fatal Python error: Aborted\n\nThread 1\n")

    assert [started(tmp_path).restarted for _ in range(2)] == ["watchdog", "killed"]
    assert "Thread 1" in (tmp_path / "last-words-before.txt").read_text()

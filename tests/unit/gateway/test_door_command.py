# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import dockline
from gateway.door_command import parse_settings, parse_sides

CAPTURES = Path(__file__).parents[2] / "captures" / "rfid_portal"
EXCERPT = str(CAPTURES / "run3_excerpt.csv.gz")
SIDES = ["--side", "inner=1,2", "--side", "outer=3,4"]
A = "3074257BF7194E4000001A85"


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert dockline.main(["door", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.requirement("E2")
def test_replay_of_a_real_portal_tells_every_tag_and_then_every_pass(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(capsys, "replay", EXCERPT, *SIDES, "--json")

    tags, passes = [one for one in told if one["kind"] == "tag"], [one for one in told if one["kind"] == "pass"]
    assert [*tags, *passes] == told
    assert [one["direction"] for one in passes] == ["out", "in", "out", "in", "out", "in"]
    assert [one["pass"] for one in passes] == [1, 2, 3, 4, 5, 6]
    moving = set((CAPTURES / "moving.txt").read_text().split())
    right = sum(tag["result"].startswith("moved") == (tag["epc"] in moving) for tag in tags if tag["result"] != "unknown")
    assert len(tags) == 160
    assert right >= 157
    assert all(0.5 <= tag["confidence"] <= 1 and tag["evidence"]["reads"] > 0 for tag in tags)


def test_replay_of_one_pass_tells_its_evidence_with_the_tag(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cut = tmp_path / "pass.csv"
    rows = gzip.decompress(Path(EXCERPT).read_bytes()).decode().splitlines()
    cut.write_text("\n".join(row for row in rows if row.startswith("//") or "17:21:05" <= row[11:19] <= "17:21:18"))

    told = lines(capsys, "replay", str(cut), *SIDES, "--json")

    (one,) = (each for each in told if each["kind"] == "pass")
    moved = [tag for tag in told if tag["kind"] == "tag" and tag["result"] == "moved_out"]
    assert one["direction"] == "out"
    assert len(moved) >= 95
    assert {"pass", "moved", "crossed_s", "passes"} <= moved[0]["evidence"].keys()


def test_order_of_the_rows_changes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shuffled = tmp_path / "shuffled.csv"
    rows = gzip.decompress(Path(EXCERPT).read_bytes()).decode().splitlines()
    mixed = rows[3:]
    random.Random(1).shuffle(mixed)
    shuffled.write_text("\n".join([*rows[:3], *mixed]))

    assert Counter(map(str, lines(capsys, "replay", EXCERPT, *SIDES, "--json"))) == Counter(map(str, lines(capsys, "replay", str(shuffled), *SIDES, "--json")))


def test_replay_for_people_is_a_table_with_a_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert dockline.main(["door", "replay", EXCERPT, *SIDES]) == 0

    said = capsys.readouterr()
    assert "went with pass" in said.out
    assert said.out.splitlines()[-1].startswith("160 tags: ")
    assert said.out.splitlines()[-1].endswith("6 passes")
    assert "seconds since the first read" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay", "none.csv", *SIDES], "none.csv: cannot be read"),
        (["replay", EXCERPT, "--side", "inner=1,2"], "say which antennas look to the outer side"),
        (["replay", EXCERPT, "--side", "middle=1"], "--side 'middle=1' is not understood"),
        (["replay", EXCERPT, "--side", "inner=1,x"], "'x' is no number of an antenna"),
        (["replay", EXCERPT, "--side", "inner=1,2", "--side", "outer=2"], "antenna 2 is given to both sides"),
        (["replay", EXCERPT, "--side", "inner=7", "--side", "outer=8"], "all its reads are of antennas 1, 2, 3, 4"),
        (["replay", EXCERPT, *SIDES, "--settings", "quite_s=2"], "did you mean quiet_s=...?"),
        (["replay", EXCERPT, *SIDES, "--settings", "quiet_s=long"], "'long' is no number"),
        (["replay", EXCERPT, *SIDES, "--settings", "observed_count_threshold=1.5"], "no whole number"),
        (["replay", EXCERPT, *SIDES, "--settings", "sure=2"], "from 0 to 1"),
        (["tune", EXCERPT, *SIDES, "--labels", "none.txt"], "none.txt: cannot be read"),
    ],
)
def test_wrong_words_and_files_say_what_to_do_and_print_nothing_else(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert dockline.main(["door", *words]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_bad_rows_stop_a_replay_before_anything_is_printed_unless_they_are_to_be_skipped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text(f"time_s,epc,antenna,peak_rssi_dbm\n1,{A},1,-60\n2,{A},x,-60\n3,{A},9,-60\n")

    assert dockline.main(["door", "replay", str(file), *SIDES, "--json"]) == 2
    assert "line 3: antenna 'x' is no number" in capsys.readouterr().err
    assert dockline.main(["door", "replay", str(file), *SIDES, "--json", "--skip-bad"]) == 0
    printed = capsys.readouterr()
    assert "1 bad rows are left out" in printed.err
    assert "1 reads of antennas 9 are left out" in printed.err
    assert json.loads(printed.out.splitlines()[0])["epc"] == A


def test_tune_shows_for_every_setting_what_other_values_would_change(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    short = tmp_path / "reads.csv"
    short.write_text("\n".join(gzip.decompress(Path(EXCERPT).read_bytes()).decode().splitlines()[:850]))

    told = lines(capsys, "tune", str(short), *SIDES, "--json", "--labels", str(CAPTURES / "moving.txt"))

    assert told[0]["setting"] is None
    assert {one["setting"] for one in told[1:]} == set(parse_settings([]).__dataclass_fields__)
    assert all(one["value"] != one["default"] for one in told[1:])
    assert told[0]["right"] > 0.9


def test_sides_and_settings_are_read_from_words() -> None:
    assert parse_sides(["inner=1,2", "outer=3"]) == {1: "inner", 2: "inner", 3: "outer"}
    assert parse_settings(["quiet_s=2", "observed_count_threshold=3"]).quiet_s == 2.0

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from contracts.events import PassCaptured
from gateway.portal.files import FileError, load_edges, load_reads
from gateway.portal.reads import Edge, Read

A, B = "3074257BF7194E4000001A85", "3174257BF4499602D2000000"


def reads_of(folder: Path, text: str, **options: bool) -> list[Read]:
    file = folder / "reads.csv"
    file.write_text(text, encoding="utf-8")
    return load_reads(str(file), **options).reads


@pytest.mark.parametrize(
    "text",
    [
        f"time_s,epc,antenna,peak_rssi_dbm\n1.5,{A},1,-61.5\n2,{B},3,\n",
        f"antenna;peak_rssi_dbm;epc;time_s\n1;-61,5;{A};1,5\n3;;{B.lower()};2\n",
        f'"epc"\t"time_s"\t"antenna"\t"peak_rssi_dbm"\textra\n{A}\t1.5\t1\t-61.5\tx\n"{B}"\t2\t3.0\tnan\t\n',
        f"\ufeffTime_S, EPC, Antenna, Peak_RSSI_dBm\r\n1.5, {A}, 1, -61.5\r\n\r\n2, {B}, 3, \r\n",
    ],
)
def test_reads_are_the_same_in_any_order_delimiter_and_spelling(tmp_path: Path, text: str) -> None:
    assert reads_of(tmp_path, text) == [Read(1.5, A, 1, -61.5), Read(2.0, B, 3, None)]


def test_reads_may_be_compressed_and_out_of_order_which_is_said(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv.gz"
    file.write_bytes(gzip.compress(f"time_s,epc,antenna,peak_rssi_dbm\n2,{A},1,-60\n1,{B},3,-61\n".encode()))

    recording = load_reads(str(file))

    assert [read.t_s for read in recording.reads] == [1.0, 2.0]
    assert recording.notes == [f"{file}: 1 reads stand before earlier ones; sorted by time"]


def test_export_of_a_reader_tool_becomes_seconds_since_its_first_read(tmp_path: Path) -> None:
    text = (
        "// 06/01/2023 16:25:36\n// ReaderName=169.254.1.1, AntennaIDs=1,2\n"
        "// Timestamp, EPC, TID, Antenna, RSSI, Frequency, Hostname, PhaseAngle, DopplerFrequency\n"
        f"2023-01-06T17:01:31.2429680+01:00;{A};;1;-63;865,7;169.254.1.1;;\n2023-01-06T17:01:31.7429687+01:00;{B};;4;-60,5;865,7;169.254.1.1;;\n"
    )

    assert reads_of(tmp_path, text) == [Read(0.0, A, 1, -63.0), Read(0.500001, B, 4, -60.5)]


def test_capture_of_a_pass_is_read_with_its_sides_and_edges(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    columns = {"read_ms": [0, 250], "read_tags": [0, 1], "read_antennas": [1, 3], "read_rssi_dbm": [-60.0, None], "edge_ms": [100], "edge_eyes": ["outer"]}
    event = {"event_time": start, "pass_id": "p", "direction": "in", "confidence": 0.9, "epcs": [A, B], "sides": {"1": "inner", "3": "outer"}}
    first = PassCaptured(**event, **columns, edge_levels=[True], started_at=start)
    second = PassCaptured(**event, **columns, edge_levels=[True], started_at=start + timedelta(seconds=20))
    file = tmp_path / "captured.json"
    file.write_bytes(msgspec.json.encode(second) + b"\n" + msgspec.json.encode(first))

    recording = load_reads(str(file))

    assert recording.reads == [Read(0.0, A, 1, -60.0), Read(0.25, B, 3, None), Read(20.0, A, 1, -60.0), Read(20.25, B, 3, None)]
    assert recording.edges == [Edge(0.1, "outer", True), Edge(20.1, "outer", True)]
    assert recording.sides == {1: "inner", 3: "outer"}


HEADER = "time_s,epc,antenna,peak_rssi_dbm\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        (HEADER, "there is no read in it"),
        ("time,tag,antenna\n1,A,1\n", "line 1: the header lacks epc"),
        (f"{HEADER}1,{A},1,-60\nnan,{A},1,-60\n", "line 3: time_s 'nan' is no number"),
        (f"{HEADER}soon,{A},1,-60\n", "line 2: time_s 'soon' is neither seconds nor a date"),
        (f"{HEADER}1,{A},1,-60\n2026-01-01T00:00:00Z,{A},1,-60\n", "line 3: time_s '2026-01-01T00:00:00Z' is no number of seconds like"),
        (f"{HEADER}1,,1,-60\n", "line 2: epc '' is empty"),
        (f"{HEADER}1,{A},one,-60\n", "line 2: antenna 'one' is no number"),
        (f"{HEADER}1,{A},1.5,-60\n", "line 2: antenna '1.5' is no number of an antenna"),
        (f"{HEADER}1,{A},inf,-60\n", "line 2: antenna 'inf' is no number of an antenna"),
        (f"{HEADER}1,{A},1,strong\n", "line 2: peak_rssi_dbm 'strong' is no number"),
        (f"{HEADER}1,{A},1,-6150\n", "some tools write hundredths"),
        (f"{HEADER}1,5,{A},1,-60\n", "line 2: 5 fields where the header has 4; a decimal comma needs semicolons"),
        (f"{HEADER}1,{A},1\n", "line 2: 3 fields where the header has 4"),
        ('{"type": "PalletPassed"}', "no PassCaptured"),
        ("// only\n// comments\n", "only comments"),
    ],
)
def test_file_that_cannot_be_used_says_file_line_and_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError) as failed:
        reads_of(tmp_path, text)

    assert str(tmp_path / "reads.csv") in str(failed.value)
    assert said in str(failed.value)


def test_bad_rows_are_listed_up_to_five_and_left_out_when_asked(tmp_path: Path) -> None:
    text = HEADER + f"1,{A},1,-60\n" + f"x,{A},1,-60\n" * 7

    with pytest.raises(FileError, match="and 2 more lines\ncorrect the file"):
        reads_of(tmp_path, text)

    recording = load_reads(str(tmp_path / "reads.csv"), skip_bad=True)
    assert len(recording.reads) == 1
    assert len(recording.skipped) == 7


def test_edges_lie_on_the_line_of_the_reads(tmp_path: Path) -> None:
    reads, eyes = tmp_path / "reads.csv", tmp_path / "eyes.csv"
    reads.write_text(f"{HEADER}2026-01-01T00:00:10Z,{A},1,-60\n")
    eyes.write_text("time_s;eye;level\n2026-01-01T00:00:12Z;inner;1\n2026-01-01T00:00:09.5Z;outer;true\n2026-01-01T00:00:11Z;outer;0\n")
    recording = load_reads(str(reads))

    load_edges(str(eyes), recording)

    assert recording.edges == [Edge(-0.5, "outer", True), Edge(1.0, "outer", False), Edge(2.0, "inner", True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_s,eye,level\n1,middle,1\n", "line 2: eye 'middle' is none of inner, outer, presence"),
        ("time_s,eye,level\n1,inner,2\n", "line 2: level '2' is neither 1"),
        ("time_s,eye\n1,inner\n", "the header lacks level"),
        ("time_s,eye,level\n2026-01-01T00:00:00Z,inner,1\n", "its times are dates and those of the reads are not"),
    ],
)
def test_edges_that_cannot_be_used_say_why(tmp_path: Path, text: str, said: str) -> None:
    reads, eyes = tmp_path / "reads.csv", tmp_path / "eyes.csv"
    reads.write_text(f"{HEADER}1,{A},1,-60\n")
    eyes.write_text(text)

    with pytest.raises(FileError, match=said):
        load_edges(str(eyes), load_reads(str(reads)))


def test_missing_or_broken_file_is_said_as_such(tmp_path: Path) -> None:
    (tmp_path / "half.csv.gz").write_bytes(gzip.compress(b"x" * 1000)[:20])
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"1,\xe4,1,-60\n")

    for name, said in (("none.csv", "No such file"), ("half.csv.gz", "cannot be read"), ("latin.csv", "no UTF-8")):
        with pytest.raises(FileError, match=said):
            load_reads(str(tmp_path / name))

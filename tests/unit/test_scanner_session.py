# SPDX-License-Identifier: Apache-2.0
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.codes.reading import CodeReader, Scanned
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError
from drivers.base.session import FrameRejected, SessionEvent, SessionReady
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.frames import FRAME_BYTES_MAX, CodeFrame
from drivers.scanner_serial.session import ScannerSession
from firmware_sims.scanner_serial.twin import ScannerTwin


def _session(**fields: Any) -> ScannerSession:
    session = ScannerSession(ScannerSerialConfig(path="/dev/null", **fields))
    assert session.advance_to(0.0) == [SessionReady()]
    return session


def _texts(events: Sequence[SessionEvent]) -> list[str]:
    return [event.text if isinstance(event, Scanned) else f"!{event.reason}" for event in events if isinstance(event, Scanned | FrameRejected)]


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(
    ("suffix", "sent", "texts"),
    [
        ("line", b"A\rB\nC\r\nD\n\r\n\rE\r", ["A", "B", "C", "D", "E"]),
        ("cr", b"A\nB\rC\r", ["A\nB", "C"]),
        ("lf", b"A\rB\nC\n", ["A\rB", "C"]),
        ("crlf", b"A\rB\nC\r\nD\r\n", ["A\rB\nC", "D"]),
        ("tab", b"A B\tC\t", ["A B", "C"]),
        ("etx", b"\x02A\x03\x02B\x03\r\n\x02C\x03\r", ["A", "B", "C"]),
        ("line", b"\x02A\x03\r\n\x02B\r", ["A", "B"]),
    ],
)
def test_codes_end_at_the_suffix(suffix: str, sent: bytes, texts: list[str]) -> None:
    assert _texts(_session(suffix=suffix).receive_bytes(sent, 1.0)) == texts


@pytest.mark.parametrize("suffix", ["line", "cr", "lf", "crlf", "tab"])
@given(codes=st.lists(st.binary(max_size=30), max_size=5), cuts=st.lists(st.integers(0, 200)), long_by=st.sampled_from([None, -1, 0, 1, 2, 5000]))
def test_cutting_the_bytes_changes_nothing(suffix: str, codes: list[bytes], cuts: list[int], long_by: int | None) -> None:
    end = {"line": b"\r\n", "cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "tab": b"\t"}[suffix]
    if long_by is not None:
        codes = [*codes, b"x" * (FRAME_BYTES_MAX + long_by), b"last"]
    data = b"".join(code + end for code in codes)
    whole = _session(suffix=suffix).receive_bytes(data, 1.0)

    session, pieces = _session(suffix=suffix), list[SessionEvent]()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts), *(len(data) - cut for cut in cuts if cut <= len(data))})
    for start, stop in itertools.pairwise(edges):
        pieces += session.receive_bytes(data[start:stop], 1.0)

    assert pieces == whole


def test_longest_code_may_be_cut_inside_its_suffix() -> None:
    session = _session(suffix="crlf")

    events = [*session.receive_bytes(b"x" * FRAME_BYTES_MAX + b"\r", 1.0), *session.receive_bytes(b"\n", 1.0)]

    assert _texts(events) == ["x" * FRAME_BYTES_MAX]


def test_code_without_suffix_ends_by_silence() -> None:
    session = _session(suffix="none", gap_s=0.05)
    assert session.receive_bytes(b"ABC", 1.0) == []
    assert session.receive_bytes(b"DEF", 1.04) == []
    deadline_s = session.next_deadline_s()
    assert deadline_s == pytest.approx(1.09)

    assert _texts(session.advance_to(deadline_s)) == ["ABCDEF"]
    assert session.next_deadline_s() is None
    assert _texts(session.receive_bytes(b"GHI", 2.0)) == []
    assert _texts(session.receive_bytes(b"JKL", 3.0)) == ["GHI"]


def test_torn_code_is_dropped_and_the_next_is_whole() -> None:
    session = _session()
    session.receive_bytes(b"001061414", 1.0)

    assert session.advance_to(2.0) == [FrameRejected("torn", b"001061414")]
    assert _texts(session.receive_bytes(b"ABC\r", 2.1)) == ["ABC"]


def test_endless_code_is_dropped_once_and_the_next_is_whole() -> None:
    session = _session()
    events: list[SessionEvent] = []
    for _ in range(3):
        events += session.receive_bytes(b"x" * FRAME_BYTES_MAX, 1.0)

    events += session.receive_bytes(b"x\rABC\r", 1.0)

    assert _texts(events) == ["!too_long", "ABC"]


def test_endless_code_without_suffix_is_dropped_until_silence() -> None:
    session = _session(suffix="none")
    events = [*session.receive_bytes(b"x" * (FRAME_BYTES_MAX + 1), 1.0), *session.receive_bytes(b"y", 1.01), *session.receive_bytes(b"ABC", 2.0)]

    events += session.advance_to(3.0)

    assert _texts(events) == ["!too_long", "ABC"]


@pytest.mark.requirement("R31")
def test_same_code_again_within_the_window_is_one_scan() -> None:
    session = _session(duplicate_window_s=0.5)
    events: list[SessionEvent] = []
    for at_s in (1.0, 1.3, 1.7, 2.3):  # each repetition prolongs the window
        events += session.receive_bytes(b"ABC\r", at_s)

    assert _texts(events) == ["ABC", "!duplicate", "!duplicate", "ABC"]


def test_other_code_between_does_not_make_a_repetition_new() -> None:
    assert _texts(_session().receive_bytes(b"A\rB\rA\rB\r", 1.0)) == ["A", "B", "!duplicate", "!duplicate"]


def test_codes_that_are_remembered_are_no_more_than_a_thousand() -> None:
    reader = CodeReader(ScannerSerialConfig(path="/dev/null", duplicate_window_s=60))
    for number in range(1500):
        reader.read(b"%d" % number, 1.0 + number / 100)

    (again,), (forgotten,) = reader.read(b"1400", 17.0), reader.read(b"100", 17.0)

    assert isinstance(again, FrameRejected)
    assert isinstance(forgotten, Scanned)


def test_same_code_is_a_scan_each_time_without_a_window() -> None:
    assert _texts(_session(duplicate_window_s=0).receive_bytes(b"A\rA\r", 1.0)) == ["A", "A"]


def test_aim_identifier_is_split_off_unless_switched_off() -> None:
    (scanned,) = _session().receive_bytes(b"]C100106141412345678908\r", 1.0)
    (kept,) = _session(aim_identifier="off").receive_bytes(b"]C100106141412345678908\r", 1.0)

    assert scanned == Scanned("00106141412345678908", "]C1", {"00": "106141412345678908"})
    assert kept == Scanned("]C100106141412345678908", None, {})


def test_no_read_of_a_fixed_scanner_is_no_scan() -> None:
    assert _texts(_session(no_read="ERROR").receive_bytes(b"ERROR\r", 1.0)) == ["!no_read"]


@pytest.mark.parametrize(("encoding", "sent", "text"), [("utf-8", "批号", "批号"), ("gb18030", "批号", "批号"), ("utf-8", b"\xff\xfe", "ÿþ")])
def test_text_beyond_ascii_is_read_and_never_lost(encoding: str, sent: str | bytes, text: str) -> None:
    data = sent if isinstance(sent, bytes) else sent.encode(encoding)

    assert CodeFrame.decode(data).text(encoding) == text


def test_scanner_takes_no_commands() -> None:
    session = _session()

    with pytest.raises(LocalProtocolError, match="beep"):
        session.start_command("beep", {}, 1.0)
    assert session.bytes_to_send() == session.farewell() == b""


@pytest.mark.parametrize(("field", "value"), [("separators", [""]), ("gtin_lengths", [10]), ("suffix", "semicolon"), ("gap_s", 0)])
def test_wrong_setting_is_refused_with_its_name(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        parse_config(ScannerSerialConfig, {"driver": "scanner_serial", "path": "/dev/null", field: value})


def test_twin_sends_prefix_code_and_suffix() -> None:
    twin = ScannerTwin(suffix="crlf", separator="<GS>")
    twin.connected(0.0)

    assert twin.on_scan(text="10A\x1d21B", symbology="]C1", now_s=1.0) == b"]C110A<GS>21B\r\n"
    assert twin.on_scan(text=6901234567892, now_s=1.0) == b"6901234567892\r\n"
    assert twin.scans == 2


def test_twin_keeps_no_scan_for_later() -> None:
    twin = ScannerTwin()

    assert twin.on_scan(text="A", now_s=1.0) == b""
    assert twin.connected(2.0) == b""

# SPDX-License-Identifier: Apache-2.0
"""How fast LLRP tag reports are read, beside sllurp, in one run on one machine: tags per second of CPU time, medians of interleaved rounds.

The frames come from the simulated reader's encoder, which is neither's. These ways are timed, each from the bytes of whole messages, one at a time unless said:

- `sllurp`: `LLRPMessage(msgbytes=...)`, the decoding alone, to dictionaries;
- `dockline`: the whole session of a reader, to `SeenTag` tuples;
- `dockline_stream`: the same bytes in pieces as a socket gives them when reports were held back;
- `dockline_readings`: the session and the driver's `TagRead` readings, as a gateway gets them;
- `dockline_sessions`: the session, smoothing and the cutting into windows of a real `Door`;
- `dockline_smoothed`: the same, with tags that count from their third read on;
- `dockline_station`: the session, readings and the whole dock door station, told the time after each message.

What is judged of a window at its end is no part of it; `judge_ms` tells it for one pass of 1,200 reads of 40 tags.

Run: `python -m benchmarks.llrp_decode [ROUNDS]`, or with the others by `make bench`; the result goes to benchmarks/results/llrp_decode.json.
"""

from __future__ import annotations

import gc
import itertools
import math
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

from sllurp.llrp import LLRPMessage
from sllurp.version import __version__ as sllurp_version

from benchmarks.__main__ import main
from contracts.readings import AnyReading
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from drivers.rfid_llrp.events import TagsSeen
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.tag_reports import SeenTag
from firmware_sims.rfid_llrp.codec import encode
from firmware_sims.rfid_llrp.rospecs import Radio, Seen
from gateway.clock import Instant
from gateway.config import DockDoor
from gateway.portal.door import Door
from gateway.portal.portal import Portal
from gateway.portal.reads import Judged, Read, Side, Window
from gateway.portal.settings import Settings
from gateway.stations.dock_door import DockDoorStation

TAGS_PER_ROUND = 4_000
_TAGS = 97
_APART_US = 909  # 1,100 reads a second
_START_US = 1_767_225_600_000_000
_PIECE_BYTES = 65_536
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_STANDARD = 1 << 12 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7  # antenna, peak RSSI, first and last seen, count: 43 bytes a tag
_WITH_IMPINJ = _STANDARD | 1 << 15 | 1 << 11  # and ROSpec id and channel
_IMPINJ, _PHASE, _PEAK_RSSI, _DOPPLER = 25882, 56, 57, 68
SIDES: dict[int, Side] = {1: "inner", 2: "inner", 3: "outer", 4: "outer"}
CASES: dict[str, tuple[int, Callable[[int], bool]]] = {
    "standard_50": (50, lambda number: False),
    "impinj_50": (50, lambda number: True),
    "mixed_50": (50, lambda number: number % 2 == 0),
    "standard_1": (1, lambda number: False),
    "impinj_1": (1, lambda number: True),
}
GOALS = {("standard_50", "dockline"): 10.0, ("impinj_50", "dockline"): 10.0, ("standard_1", "dockline"): 5.0, ("standard_50", "dockline_sessions"): 5.0}


def _tag(number: int, impinj: bool) -> bytes:
    at_us = _START_US + number * _APART_US
    seen = Seen(struct.pack("!IQ", 0x30742500, number % _TAGS), 1 + number % 4, Radio(-45 - number % 30), at_us - 900, at_us)
    tag = seen.encoded(_WITH_IMPINJ if impinj else _STANDARD, 1, True, {})
    if not impinj:
        return tag
    values = ((_PHASE, number % 4096), (_PEAK_RSSI, -4512 - number % 2900), (_DOPPLER, number % 320 - 160))
    return encode("TagReportData", inner=tag[4:] + b"".join(struct.pack("!HHIIh", 1023, 14, _IMPINJ, kind, value) for kind, value in values))


def frames(tags_per_frame: int, is_impinj: Callable[[int], bool]) -> list[bytes]:
    """RO_ACCESS_REPORTs with `TAGS_PER_ROUND` tags in all."""
    made = []
    for start in range(0, TAGS_PER_ROUND, tags_per_frame):
        body = b"".join(_tag(number, is_impinj(number)) for number in range(start, start + tags_per_frame))
        made.append(struct.pack("!HII", 1 << 10 | 61, 10 + len(body), 1 + start) + body)
    return made


Way = Callable[[Sequence[bytes]], Sequence[Any]]


def _sllurp() -> Way:
    def way(given: Sequence[bytes]) -> Sequence[Any]:
        found: list[dict[str, Any]] = []
        for frame in given:
            found += LLRPMessage(msgbytes=frame).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
        return found

    return way


def _dockline() -> Way:
    session = LlrpSession(RfidLlrpConfig(host="reader"))

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        found: list[SeenTag] = []
        for frame in given:
            for event in session.receive_bytes(frame, 1.0):
                if isinstance(event, TagsSeen):
                    found += event.tags
        return found

    return way


def _dockline_stream() -> Way:
    read = _dockline()

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        stream = b"".join(given)
        return read([stream[start : start + _PIECE_BYTES] for start in range(0, len(stream), _PIECE_BYTES)])

    return way


def _dockline_readings() -> Way:
    config = RfidLlrpConfig(host="reader")
    session, driver = LlrpSession(config), RfidLlrpDriver("reader", config)

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        found: list[AnyReading] = []
        for frame in given:
            for event in session.receive_bytes(frame, 1.0):
                found += driver.readings(event, 1.0)
        return found

    return way


class _Unjudged(Portal):
    """A portal that keeps the windows and judges none of them."""

    def __init__(self, sides: dict[int, Side]) -> None:
        super().__init__(sides)
        self.windows: list[Window] = []

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        """See `Portal.judge`."""
        self.windows.append(window)
        return Judged([], window.end_s)


class _Texts(dict[bytes, str]):
    """EPCs as upper-case hex, each made once."""

    def __missing__(self, epc: bytes) -> str:
        self[epc] = text = epc.hex().upper()
        return text


_as_read: Callable[[Iterable[Any]], Read] = partial(tuple.__new__, Read)


def _dockline_sessions(settings: Settings | None = None) -> Way:
    session = LlrpSession(RfidLlrpConfig(host="reader"))
    texts = _Texts()

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        portal = _Unjudged(SIDES)
        door = Door(SIDES, settings, portal=portal)
        for frame in given:
            for event in session.receive_bytes(frame, 1.0):
                if isinstance(event, TagsSeen):
                    reads = [_as_read(((last_us - _START_US) / 1e6, texts[epc], antenna, dbm)) for epc, antenna, dbm, _, last_us, *_ in event.tags if last_us]
                    door.read_all(reads)
                    door.advance(reads[-1].t_s)
        door.finish()
        return [read for window in portal.windows for read in window.reads]

    return way


def _dockline_station() -> Way:
    config = RfidLlrpConfig(host="reader")
    session, driver = LlrpSession(config), RfidLlrpDriver("reader", config)

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        station = DockDoorStation(DockDoor(id="door-1", reader="reader", inner_antennas=[1, 2], outer_antennas=[3, 4]))
        at_s, apart_s = 1.0, TAGS_PER_ROUND / len(given) * _APART_US / 1e6
        for frame in given:
            at_s += apart_s
            now = Instant(_NOON, at_s)
            for event in session.receive_bytes(frame, at_s):
                for reading in driver.readings(event, at_s):
                    station.on_reading(reading, now)
            station.advance_to(now)
        return ()

    return way


WAYS: dict[str, Callable[[], Way]] = {
    "sllurp": _sllurp,
    "dockline": _dockline,
    "dockline_stream": _dockline_stream,
    "dockline_readings": _dockline_readings,
    "dockline_sessions": _dockline_sessions,
    "dockline_station": _dockline_station,
    "dockline_smoothed": lambda: _dockline_sessions(Settings(observed_count_threshold=3)),
}


def _check_agreement(given: Sequence[bytes]) -> None:
    """All ways must read the same tags, or their speeds say nothing."""
    theirs = [(tag["EPC"].decode().upper(), tag["AntennaID"], tag["LastSeenTimestampUTC"]) for tag in _sllurp()(given)]
    ours = [(tag.epc.hex().upper(), tag.antenna, tag.last_seen_us) for tag in _dockline()(given)]
    streamed = [(tag.epc.hex().upper(), tag.antenna, tag.last_seen_us) for tag in _dockline_stream()(given)]
    readings = [(read.epc, read.antenna, read.reader_time_us) for read in _dockline_readings()(given)]
    in_window = [(read.epc, read.antenna, round(read.t_s * 1e6) + _START_US) for read in _dockline_sessions()(given)]
    assert theirs == ours == streamed == readings == in_window, "the decoders disagree"
    assert len(ours) == TAGS_PER_ROUND


def _timed(way: Way, given: Sequence[bytes]) -> float:
    """Tags per second of this process; the garbage of the way before is not counted against this one."""
    gc.collect()
    begin = time.process_time()
    way(given)
    return TAGS_PER_ROUND / (time.process_time() - begin)


def _judge_ms(repeats: int) -> float:
    """How long the decision on one pass takes."""
    rows = []
    for number in range(1200):
        t_s, side = number / 300, -1 if number / 300 + (number % 7) / 10 < 2.3 else 1
        antenna = (1 if side > 0 else 3) + number % 2
        rows.append(Read(t_s, f"{number * 7 % 40:024X}", antenna, -50 - 8 * abs(t_s - 2 - side * 0.5) + math.sin(number)))
    window = Window(0.0, 5.5, tuple(rows), (), "quiet")
    taken = []
    for _ in range(repeats):
        portal = Portal(SIDES)
        begin = time.process_time()
        portal.judge(window)
        taken.append(time.process_time() - begin)
    return 1000 * median(taken)


def run(repeats: int) -> dict[str, Any]:
    """Medians over `repeats` rounds, the order of the ways rotating from round to round."""
    cases: dict[str, Any] = {}
    for name, (tags_per_frame, is_impinj) in CASES.items():
        given = frames(tags_per_frame, is_impinj)
        _check_agreement(given)
        ways = {way: make() for way, make in WAYS.items()}  # each remembers what it learnt, as it does in a gateway
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(repeats):
            for way in itertools.islice(itertools.cycle(WAYS), turn % len(WAYS), turn % len(WAYS) + len(WAYS)):
                rates[way].append(_timed(ways[way], given))
        medians = {way: median(values) for way, values in rates.items()}
        cases[name] = {
            "tags_per_second": {way: round(value) for way, value in medians.items()},
            "ratio_to_sllurp": {way: round(value / medians["sllurp"], 1) for way, value in medians.items()},
            "bytes_per_tag": round(sum(map(len, given)) / TAGS_PER_ROUND, 1),
        }
    goals = {f"{case}_{way}": {"ratio_min": least, "met": cases[case]["ratio_to_sllurp"][way] >= least} for (case, way), least in GOALS.items()}
    return {"sllurp": sllurp_version, "goals": goals, "cases": cases, "judge_ms": round(_judge_ms(repeats), 1)}


if __name__ == "__main__":
    sys.exit(main(["llrp_decode", "--repeats", *(sys.argv[1:] or ["15"])]))

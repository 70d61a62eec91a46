# SPDX-License-Identifier: Apache-2.0
"""How fast LLRP tag reports are read, beside sllurp, in one run on one machine: tags per second, medians of interleaved rounds.

The frames come from the simulated reader's encoder, which is neither's. Three ways are timed, each from the bytes of whole messages:

- `sllurp`: `LLRPMessage(msgbytes=...)`, the decoding alone, to dictionaries;
- `dockline`: `MessageSplitter` and `TagReportReader`, to `SeenTag` tuples;
- `dockline_readings`: the whole session and the driver's `TagRead` readings, as a gateway gets them.

Run: `python -m benchmarks.llrp_decode [ROUNDS]`, or with the others by `make bench`; the result goes to benchmarks/results/llrp_decode.json.
"""

from __future__ import annotations

import gc
import struct
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from sllurp.llrp import LLRPMessage
from sllurp.version import __version__ as sllurp_version

from benchmarks.__main__ import main
from contracts.readings import AnyReading
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from drivers.rfid_llrp.frames import MessageSplitter
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.tag_reports import SeenTag, TagReportReader
from firmware_sims.rfid_llrp.codec import encode
from firmware_sims.rfid_llrp.rospecs import Radio, Seen

TAGS_PER_ROUND = 4_000
_STANDARD = 1 << 12 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7  # antenna, peak RSSI, first and last seen, count: 43 bytes a tag
_WITH_IMPINJ = _STANDARD | 1 << 15 | 1 << 11  # and ROSpec id and channel
_IMPINJ, _PHASE, _PEAK_RSSI, _DOPPLER = 25882, 56, 57, 68
CASES = {"standard_50": (50, False), "impinj_50": (50, True), "standard_1": (1, False)}
GOAL_RATIO = 10.0


def _tag(number: int, impinj: bool) -> bytes:
    seen_us, radio = 1_767_225_600_000_000 + number, Radio(-45 - number % 30)
    seen = Seen(struct.pack("!IQ", 0x30742500 + number % 97, number), 1 + number % 4, radio, seen_us, seen_us + 900)
    tag = seen.encoded(_WITH_IMPINJ if impinj else _STANDARD, 1, utc=True, wanted={})
    if not impinj:
        return tag
    values = ((_PHASE, number % 4096), (_PEAK_RSSI, -4512 - number % 2900), (_DOPPLER, number % 320 - 160))
    return encode("TagReportData", inner=tag[4:] + b"".join(struct.pack("!HHIIh", 1023, 14, _IMPINJ, kind, value) for kind, value in values))


def frames(tags_per_frame: int, impinj: bool) -> list[bytes]:
    """RO_ACCESS_REPORTs with `TAGS_PER_ROUND` tags in all."""
    made = []
    for start in range(0, TAGS_PER_ROUND, tags_per_frame):
        body = b"".join(_tag(number, impinj) for number in range(start, start + tags_per_frame))
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
    splitter, reader = MessageSplitter(), TagReportReader()

    def way(given: Sequence[bytes]) -> Sequence[Any]:
        found: list[SeenTag] = []
        for frame in given:
            for message in splitter.messages(frame):
                found += reader.read(message.body)[0]
        return found

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


WAYS: dict[str, Callable[[], Way]] = {"sllurp": _sllurp, "dockline": _dockline, "dockline_readings": _dockline_readings}


def _check_agreement(given: Sequence[bytes]) -> None:
    """All ways must read the same tags, or their speeds say nothing."""
    theirs = [(tag["EPC"].decode().upper(), tag["AntennaID"], tag["LastSeenTimestampUTC"]) for tag in _sllurp()(given)]
    ours = [(tag.epc.hex().upper(), tag.antenna, tag.last_seen_us) for tag in _dockline()(given)]
    readings = [(read.epc, read.antenna, read.reader_time_us) for read in _dockline_readings()(given)]
    assert theirs == ours == readings, "the decoders disagree"
    assert len(ours) == TAGS_PER_ROUND


def _timed(way: Way, given: Sequence[bytes]) -> float:
    """Tags per second; the garbage of the way before is not counted against this one."""
    gc.collect()
    begin = time.perf_counter()
    tags = way(given)
    return len(tags) / (time.perf_counter() - begin)


def run(repeats: int) -> dict[str, Any]:
    """Medians over `repeats` rounds, the order of the ways rotating from round to round."""
    cases: dict[str, Any] = {}
    for name, (tags_per_frame, impinj) in CASES.items():
        given = frames(tags_per_frame, impinj)
        _check_agreement(given)
        ways = {way: make() for way, make in WAYS.items()}  # each remembers what it learnt, as it does in a gateway
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(repeats):
            order = list(WAYS)[turn % len(WAYS) :] + list(WAYS)[: turn % len(WAYS)]
            for way in order:
                rates[way].append(_timed(ways[way], given))
        medians = {way: median(values) for way, values in rates.items()}
        cases[name] = {
            "tags_per_second": {way: round(value) for way, value in medians.items()},
            "ratio_to_sllurp": {way: round(value / medians["sllurp"], 1) for way, value in medians.items()},
            "bytes_per_tag": round(sum(map(len, given)) / TAGS_PER_ROUND, 1),
        }
    met = cases["standard_50"]["ratio_to_sllurp"]["dockline"] >= GOAL_RATIO
    return {"sllurp": sllurp_version, "goal": {"case": "standard_50", "ratio_min": GOAL_RATIO, "met": met}, "cases": cases}


if __name__ == "__main__":
    sys.exit(main(["llrp_decode", "--repeats", *(sys.argv[1:] or ["15"])]))

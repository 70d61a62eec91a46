# SPDX-License-Identifier: Apache-2.0
"""How many tags a second the simulated reader gives, as the source of a load test: tags per second of CPU time of its process, medians of rounds.

- `one_by_one`: the twin alone, a stimulus for each tag, a report for each tag;
- `reports_of_50`: the same, with reports of fifty tags;
- `in_batches`: the twin alone, `read_all` with fifty tags, reports of fifty;
- `served_one_by_one`, `served_in_batches`: over TCP on loopback, with the kernel's share of its end; another process takes what comes.

Before anything is timed, sllurp, which is neither's decoder, reads a round of reports: every tag must be there, once and in order.

Run: `python -m benchmarks.reader_twin [ROUNDS]`, or with the others by `make bench`; the result goes to benchmarks/results/reader_twin.json.
"""

from __future__ import annotations

import asyncio
import gc
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from sllurp.llrp import LLRPMessage

from benchmarks.__main__ import main
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.codec import encode
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin

TAGS_PER_ROUND = 50_000
GOAL_TAGS_PER_S = 50_000
_TAGS, _BATCH = 1000, 50
_EPCS = [struct.pack("!IQ", 0x30742500, number) for number in range(_TAGS)]
_HEX = [epc.hex() for epc in _EPCS]
_CONTENT = 1 << 12 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7  # antenna, peak RSSI, first and last seen, count
_ADD, _START, _ENABLE = 20, 22, 24
_SINK = """\
import socket, sys
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while line.recv(1 << 20):
    pass
"""


def _message(kind: int, body: bytes) -> bytes:
    return struct.pack("!HII", 1 << 10 | kind, 10 + len(body), 1) + body


def _reading(tags_per_report: int) -> LlrpReaderTwin:
    """A reader with a client that reads with all antennas."""
    twin = LlrpReaderTwin()
    boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 0) + encode("ROSpecStopTrigger", 0, 0))
    inventory = encode("AISpec", [0], inner=encode("AISpecStopTrigger", 0, 0) + encode("InventoryParameterSpec", 1, 1))
    report = encode("ROReportSpec", 2, tags_per_report, inner=encode("TagReportContentSelector", _CONTENT))
    number = struct.pack("!I", 1)
    twin.connected(0.0)
    for message in (_message(_ADD, encode("ROSpec", 1, 0, 0, inner=boundary + inventory + report)), _message(_ENABLE, number), _message(_START, number)):
        twin.receive_bytes(message, 0.0)
    return twin


def _one_by_one(twin: LlrpReaderTwin) -> Iterator[bytes]:
    for number in range(TAGS_PER_ROUND):
        yield twin.on_read(_HEX[number % _TAGS], 1 + number % 4, -45.0 - number % 30, now_s=1.0 + number / GOAL_TAGS_PER_S)


def _batches() -> Iterator[list[tuple[bytes, int, float]]]:
    for start in range(0, TAGS_PER_ROUND, _BATCH):
        yield [(_EPCS[number % _TAGS], 1 + number % 4, -45.0 - number % 30) for number in range(start, start + _BATCH)]


def _in_batches(twin: LlrpReaderTwin) -> Iterator[bytes]:
    for number, batch in enumerate(_batches()):
        yield twin.read_all(batch, 1.0 + number * _BATCH / GOAL_TAGS_PER_S)


def _check(said: bytes) -> None:
    """What came must be every tag, once and in order, by another's decoder."""
    found: list[bytes] = []
    while said:
        size = int.from_bytes(said[2:6], "big")
        found += [tag["EPC"] for tag in LLRPMessage(msgbytes=said[:size]).msgdict["RO_ACCESS_REPORT"]["TagReportData"]]
        said = said[size:]
    assert [epc.decode().lower() for epc in found] == _HEX, "the reader lost tags or mixed them up"


def _timed(way: Callable[[LlrpReaderTwin], Iterator[bytes]], tags_per_report: int) -> float:
    twin = _reading(tags_per_report)
    gc.collect()
    begin = time.process_time()
    for _ in way(twin):
        pass
    return TAGS_PER_ROUND / (time.process_time() - begin)


async def _served(in_batches: bool) -> float:
    """The same over TCP; the sink reads as fast as it can."""
    twin = _reading(_BATCH if in_batches else 1)
    server = TcpTwinServer(twin)
    await server.start()
    with subprocess.Popen(  # noqa: ASYNC220  # a moment, before anything is timed
        [sys.executable, "-c", _SINK, str(server.port)]
    ) as sink:
        while not server.has_client:  # noqa: ASYNC110  # another process's start has no event
            await asyncio.sleep(0.01)
        gc.collect()
        begin = time.process_time()
        if in_batches:
            for batch in _batches():
                server.let(lambda now_s, batch=batch: twin.read_all(batch, now_s))  # type: ignore[misc]  # bound now
                await asyncio.sleep(0)
        else:
            for number in range(TAGS_PER_ROUND):
                server.stimulate("read", epc=_HEX[number % _TAGS], antenna=1 + number % 4, peak_rssi_dbm=-45.0 - number % 30)
                if number % _BATCH == 0:
                    await asyncio.sleep(0)
        while server.unsent_bytes:  # noqa: ASYNC110  # what is not sent yet is not done
            await asyncio.sleep(0.001)
        await server.stop()
        taken_s = time.process_time() - begin
        sink.wait()
    return TAGS_PER_ROUND / taken_s


def run(repeats: int) -> dict[str, Any]:
    """Medians over `repeats` rounds."""
    _check(b"".join(said for said, _ in zip(_one_by_one(_reading(1)), range(_TAGS), strict=False)))
    ways: dict[str, Callable[[], float]] = {
        "one_by_one": lambda: _timed(_one_by_one, 1),
        "reports_of_50": lambda: _timed(_one_by_one, _BATCH),
        "in_batches": lambda: _timed(_in_batches, _BATCH),
        "served_one_by_one": lambda: asyncio.run(_served(in_batches=False)),
        "served_in_batches": lambda: asyncio.run(_served(in_batches=True)),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            rates[name].append(way())
    medians = {name: round(median(values)) for name, values in rates.items()}
    goals = {name: {"tags_per_second_min": GOAL_TAGS_PER_S, "met": medians[name] >= GOAL_TAGS_PER_S} for name in ("served_one_by_one", "served_in_batches")}
    return {"tags_per_second": medians, "goals": goals}


if __name__ == "__main__":
    sys.exit(main(["reader_twin", "--repeats", *(sys.argv[1:] or ["5"])]))

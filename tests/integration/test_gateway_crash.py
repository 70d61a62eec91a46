# SPDX-License-Identifier: Apache-2.0
"""SIGKILL in the middle of work: whatever was acknowledged is there, numbers have no holes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.events import ItemScanned, SensorMeasured
from contracts.wire import decode_event
from gateway.outbox import Outbox
from tests.integration.gateway_bench import GATEWAY, SITE, running_broker

pytestmark = pytest.mark.slow

# Appends for ever and says after each commit what is durable: movements so far, telemetry so far.
_APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from contracts.events import ItemScanned, SensorMeasured
from gateway.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
scans = outbox.levels["movements"].accepted
samples = outbox.levels["telemetry"].accepted
now = datetime.now(UTC)
while True:
    sample = SensorMeasured(event_time=now, device="s", quantity="temperature_c", value=float(samples + 1))
    outbox.append([ItemScanned(event_time=now, text=str(scans + 1)), sample], {"zone": str(scans + 1).encode()})
    scans, samples = scans + 1, samples + 1
    if scans % 7 == 0:
        outbox.batch_after("telemetry", outbox.levels["telemetry"].last_seq)
    if scans % 11 == 0:
        outbox.acknowledge("movements", scans - 5)
        outbox.trim(everything=scans % 22 == 0)
    print(scans, samples, outbox.levels["movements"].acked, flush=True)
"""


@pytest.mark.requirement("E12")
def test_killed_writer_leaves_everything_acknowledged_and_no_hole(tmp_path: Path) -> None:
    path, rounds, dice = tmp_path / "outbox.db", 12, random.Random(2)
    for _ in range(rounds):
        with subprocess.Popen([sys.executable, "-c", _APPENDER, str(path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(dice.randint(20, 90)):
                line = child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            said = [line, *child.stdout.read().splitlines(keepends=True)]
        scans, samples, _ = map(int, [line for line in said if line.endswith("\n")][-1].split())  # a torn line was not acknowledged

        outbox = Outbox(path)
        movements, telemetry = outbox.levels["movements"], outbox.levels["telemetry"]
        assert movements.accepted >= scans, "an acknowledged movement is missing"
        assert telemetry.accepted >= samples, "an acknowledged sample is missing"
        assert outbox.snapshots() == {"zone": str(movements.accepted).encode()}, "the state is not that of the last event"
        first = movements.acked
        assert first <= scans
        seq, texts = first, []
        while (batch := outbox.batch_after("movements", seq)) is not None:
            for body in batch.events:
                event = decode_event(body)
                assert isinstance(event, ItemScanned)
                texts.append((event.seq, event.text))
            seq = batch.last_seq
        assert texts == [(number, str(number)) for number in range(first + 1, movements.last_seq + 1)]
        seen, seq = [], telemetry.acked
        while (batch := outbox.batch_after("telemetry", seq)) is not None:
            for body in batch.events:
                sample = decode_event(body)
                assert isinstance(sample, SensorMeasured)
                seen.append((sample.seq, sample.value))
            seq = batch.last_seq
        assert [number for number, _ in seen] == list(range(telemetry.acked + 1, telemetry.acked + 1 + len(seen)))
        assert sorted(value for _, value in seen) == [float(number) for number in range(1, len(seen) + 1)]
        outbox.close()


@pytest.mark.requirement("E17")
def test_gateway_program_serves_says_where_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    with running_broker() as port:
        file = tmp_path / "gateway.toml"
        file.write_text(f'[gateway]\nid = "{GATEWAY}"\nsite = "{SITE}"\nbroker = "mqtt://127.0.0.1:{port}"\ndata_dir = "{tmp_path}"\n')
        command = [sys.executable, "-m", "dockline", "gateway", "run", str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if "uplink connected" in line:
                    process.terminate()
            status = process.wait(20)

    assert status == 0, "".join(lines)
    assert any("gateway serves" in line and "/health" in line for line in lines)
    assert (tmp_path / "listen").read_text().startswith("127.0.0.1:")

# SPDX-License-Identifier: Apache-2.0
"""Real files, cut and overwritten at random places: an outbox always comes of them, nothing readable is lost, and what central has is not sent again."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.events import LANES, Event, ItemScanned, Lane, SensorMeasured
from contracts.wire import decode_event
from gateway.epoch import EpochWatch
from gateway.outbox import Answer, Outbox, OutboxDamagedError
from gateway.outbox.opening import note_damage

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E12")


def scan(number: int) -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=f"{number}-{'x' * (number % 90)}", monotonic_s=number / 7)


def sample(number: int) -> SensorMeasured:
    return SensorMeasured(event_time=NOW, station="cold-1", device=f"s-{number % 9}", quantity="temperature_c", value=float(number))


def number_of(event: Event) -> int:
    assert isinstance(event, ItemScanned | SensorMeasured)
    return int(event.text.partition("-")[0]) if isinstance(event, ItemScanned) else int(event.value)


class Central:
    """Takes batches as central's ingest does: one mark for each epoch and lane."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, Lane], int] = {}
        self.has: dict[Lane, list[int]] = {lane: [] for lane in LANES}

    def take(self, outbox: Outbox, lane: Lane, batches: int = 1_000_000) -> None:
        seq = outbox.levels[lane].acked
        for _ in range(batches):
            if (batch := outbox.batch_after(lane, seq)) is None:
                return
            mark = self.marks.get((batch.epoch, lane), 0)
            assert batch.first_seq <= mark + 1, "a gap"
            for seq, body in enumerate(batch.events, batch.first_seq):
                if seq > mark:
                    self.has[lane].append(number_of(decode_event(body)))
            self.marks[batch.epoch, lane] = seq = max(mark, batch.last_seq)
            outbox.acknowledge(lane, seq)
            outbox.trim()

    def converse(self, outbox: Outbox) -> None:
        """Ask, begin anew if need be, and take everything."""
        watch = EpochWatch(outbox.known, is_damaged=outbox.must_begin_epoch)
        while watch.to_ask:
            lane = watch.asked = watch.to_ask[0]
            acked, mark = outbox.levels[lane].acked, self.marks.get((outbox.epoch, lane), 0)
            outbox.acknowledge(lane, watch.on_ack(lane, mark, resend=mark < acked, acked=acked))
        if watch.must_begin_anew:
            outbox.begin_epoch(watch.central_has)
        for lane in LANES:
            self.take(outbox, lane)


def filled(path: Path, dice: random.Random, central: Central) -> dict[Lane, int]:
    """A file as after some hours with central and some without; its writer was killed, so that there is a log. Returns how many events each lane got."""
    working = Outbox(path.with_name("working.db"))
    working.answered()
    given: dict[Lane, int] = {"movements": 0, "telemetry": 0}
    for turn in range(dice.randint(30, 200)):
        scans = [scan(given["movements"] + number) for number in range(1, dice.choice((1, 1, 2, 5)) + 1)]
        samples = [sample(given["telemetry"] + number) for number in range(1, dice.choice((0, 5, 50)) + 1)]
        working.append([*scans, *samples], {"zone-1": str(turn).encode() * 40}, {f"c-{turn}": Answer("done", "")})
        given["movements"] += len(scans)
        given["telemetry"] += len(samples)
        if turn < 60:
            central.take(working, dice.choice(LANES), dice.randint(0, 3))
    for part in ("", "-wal", ".epoch"):
        source = working_path(path, part)
        if source.exists():
            shutil.copy(source, path.with_name(path.name + part))
    working.close()
    return given


def working_path(path: Path, part: str) -> Path:
    return path.with_name("working.db" + part)


def cut(file: Path, dice: random.Random) -> None:
    with file.open("r+b") as stream:
        stream.truncate(dice.randint(0, file.stat().st_size))


def overwrite(file: Path, dice: random.Random) -> None:
    with file.open("r+b") as stream:
        for _ in range(dice.randint(1, 4)):
            stream.seek(dice.randrange(max(1, file.stat().st_size)))
            stream.write(dice.choice((dice.randbytes, bytes))(dice.choice((1, 16, 512, 4096))))


def append_garbage(file: Path, dice: random.Random) -> None:
    with file.open("ab") as stream:
        stream.write(dice.randbytes(dice.randint(1, 20_000)))


@pytest.mark.parametrize("seed", range(16))
def test_damaged_file_becomes_an_outbox_that_sends_nothing_twice_and_goes_on(tmp_path: Path, seed: int) -> None:
    dice, central, path = random.Random(seed), Central(), tmp_path / "outbox.db"
    given = filled(path, dice, central)
    before = {lane: list(central.has[lane]) for lane in LANES}
    part = dice.choice([file for file in (path, path.with_name("outbox.db-wal")) if file.exists() and file.stat().st_size])
    dice.choice((cut, overwrite, append_garbage))(part, dice)

    outbox = opened(path)
    outbox.append([scan(given["movements"] + 1), sample(given["telemetry"] + 1)], {"zone-1": b"after"})
    outbox = conversed(outbox, path, central)
    outbox.close()

    told = f"seed {seed}: {part.name} {outbox.found}"
    for lane in LANES:
        has = central.has[lane]
        if lane == "movements" or part == path:  # samples whose numbers stood in a log that is gone are told again (docs/decisions/0011)
            assert len(has) == len(set(has)), f"{lane} sent twice, {told}"
        assert has[: len(before[lane])] == before[lane]
        assert set(has) <= set(range(1, given[lane] + 2))
        assert has[-1] == given[lane] + 1, f"what came after the damage is not there, {told}"
    assert outbox.levels["movements"].pending == outbox.levels["telemetry"].pending == 0


def opened(path: Path) -> Outbox:
    return Outbox(path)


def conversed(outbox: Outbox, path: Path, central: Central) -> Outbox:
    """What the program does, which ends and starts anew when it meets damage at work."""
    for _ in range(3):
        try:
            central.converse(outbox)
        except OutboxDamagedError:
            outbox.close()
            outbox = opened(path)
        else:
            return outbox
    raise AssertionError("a loop of crashes")


def test_damage_that_comes_again_and_again_fills_no_disk_and_loses_nothing(tmp_path: Path) -> None:
    """Only the last of what was set aside is kept, two of the same second told apart."""
    path = tmp_path / "outbox.db"
    number = 0

    def now_s() -> float:
        return NOW.timestamp() + number // 2

    for number in range(1, 7):
        outbox = Outbox(path, now_s=now_s)
        outbox.append([scan(number)])
        outbox.close()
        note_damage(path, "a block that was not what was written")

    number = 8
    outbox = Outbox(path, now_s=now_s)
    try:
        assert sorted(each.name for each in tmp_path.glob("outbox.db.damaged-*")) == [
            f"outbox.db.damaged-20261121T08000{when}" for when in ("2Z.again-2", "3Z", "4Z")
        ]
        assert outbox.levels["movements"].pending == 6
    finally:
        outbox.close()

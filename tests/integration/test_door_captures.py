# SPDX-License-Identifier: Apache-2.0
"""Captures of passes are kept, given back as they came, and forgotten, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.errors import DomainError
from central.exceptions.service import raise_work_order
from central.exceptions.tables import work_order
from central.inbound import captures
from central.inbound.tables import pass_capture
from central.ingest.registry import collect_handlers, collect_many
from central.ingest.service import Door, read_message, take_message
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import PassCaptured
from contracts.topics import GatewayAddress
from gateway import door_command
from tests.integration.applications import app_over
from tests.integration.dock_yard import capture_of_a_walk
from tests.integration.warehouse import NOW, ON_SQLITE, SITE, Warehouse

pytestmark = pytest.mark.requirement("E4", "R10")

EPCS = ["3034257BF7194E4000001A85", "3034257BF7194E4000001A86"]


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    yield house
    house.assert_sound()


def captured(pass_id: str = "p1", **changes: Any) -> PassCaptured:
    """Two tags, read outside first and then inside, between two photo-eyes."""
    fields: dict[str, Any] = {
        "event_time": NOW,
        "station": "door-3",
        "pass_id": pass_id,
        "started_at": NOW,
        "direction": "in",
        "confidence": 0.98,
        "sides": {"1": "inner", "2": "inner", "3": "outer"},
        "epcs": EPCS,
        "results": ["moved_in", "stayed"],
        "confidences": [0.99, 0.9],
        "read_ms": [100, 250, 900],
        "read_tags": [0, 1, 0],
        "read_antennas": [3, 3, 1],
        "read_rssi_dbm": [-60.5, None, -48.0],
        "edge_ms": [80, 700],
        "edge_eyes": ["outer", "inner"],
        "edge_levels": [True, False],
    }
    return PassCaptured(**(fields | changes))


def get(house: Warehouse, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = app_over(house.engine, lambda: house.now)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(f"/api/v1/passes/{path}")

    return asyncio.run(ask())


def test_capture_is_given_back_whole_and_as_files_for_replay(house: Warehouse) -> None:
    house.happen(captured())

    whole = get(house, "p1/capture").json()
    reads = get(house, "p1/capture?format=csv")
    eyes = get(house, "p1/capture?format=eyes")

    assert (whole["station"], whole["direction"], whole["sides"]["3"], whole["started_at"]) == ("door-3", "in", "outer", "2026-11-21T08:00:00Z")
    assert whole["tags"][1] == {"epc": EPCS[1], "result": "stayed", "confidence": 0.9}
    assert whole["reads"][1] == {"time_s": 0.25, "epc": EPCS[1], "antenna": 3, "peak_rssi_dbm": None}
    assert next(iter(csv.DictReader(io.StringIO(reads.text)))) == {"time_s": "0.100", "epc": EPCS[0], "antenna": "3", "peak_rssi_dbm": "-60.5"}
    assert eyes.text == "time_s,eye,level\n0.080,outer,1\n0.700,inner,0\n"
    assert reads.headers["content-disposition"] == 'attachment; filename="pass-p1-reads.csv"'
    assert captures.replay_sides(whole["sides"]) == "--side inner=1,2 --side outer=3"
    assert get(house, "p2/capture").json()["code"] == "unknown_capture"


def test_same_pass_captured_again_replaces_what_its_gateway_said_before(house: Warehouse) -> None:
    house.happen(captured())

    house.happen(captured(confidence=0.75))

    assert [(row.pass_id, row.confidence) for row in house.rows(pass_capture)] == [("p1", 0.75)]


@ON_SQLITE
@pytest.mark.parametrize(
    "changes",
    [
        {"pass_id": ""},
        {"read_ms": [100]},
        {"results": ["moved_in"]},
        {"read_tags": [0, 1, 2]},
        {"read_tags": [0, -1, 0]},
        {"edge_levels": []},
        {"results": ["moved_in", "flew"]},
        {"sides": {"1": "above"}},
    ],
)
def test_capture_whose_columns_do_not_fit_is_refused(house: Warehouse, changes: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        house.happen(captured(**changes))

    assert refused.value.code == "capture_broken"
    assert house.rows(pass_capture) == []


def test_newest_captures_of_each_door_are_kept_and_none_for_ever(house: Warehouse) -> None:
    for n in range(4):
        house.later(60)
        house.happen(captured(f"a{n}"))
        house.happen(captured(f"b{n}", station="door-4"))
    house.happen(captured("c0", station="door-5"))

    gone = house.do(lambda c: captures.forget(c, house.now - timedelta(days=1), keep_per_door=2))
    assert gone == 4
    assert [row.pass_id for row in house.rows(pass_capture)] == ["a2", "a3", "b2", "b3", "c0"]

    gone = house.do(lambda c: captures.forget(c, house.now - timedelta(seconds=30), keep_per_door=2))
    assert [row.pass_id for row in house.rows(pass_capture)] == ["a3", "b3", "c0"]


def test_reads_of_a_capture_are_not_recorded_for_ever_and_another_capture_under_its_number_is_found(house: Warehouse) -> None:
    many = 5000
    reads = {"read_ms": list(range(many)), "read_tags": [0] * many, "read_antennas": [1] * many, "read_rssi_dbm": [-50.0] * many}
    address = GatewayAddress(1, SITE, "gate-1")
    door = Door(collect_handlers(), raise_work_order, collect_many())

    def send(event: PassCaptured) -> int:
        batch = wire.Batch(gateway="gate-1", epoch="e", lane="telemetry", first_seq=1, events=[wire.msgspec.Raw(wire.encode(event))])
        message = read_message("topic", address, "telemetry", wire.encode(batch))
        return in_transaction(house.engine, lambda c: take_message(c, message, door, house.now)).duplicates

    first = captured(**reads, seq=1)

    assert [send(first), send(first)] == [0, 1]
    assert house.rows(work_order) == []
    with reading(house.engine) as connection:
        kept = captures.capture_of(connection, "p1")
    assert kept is not None
    assert kept.columns.read_ms == reads["read_ms"]
    (recorded,) = (row for row in house.rows(event_table) if row.kind == "PassCaptured")
    assert len(recorded.body) < 120
    assert len(house.rows(pass_capture)[0].body) < 20_000

    send(captured(seq=1))
    assert house.asked() == ["identity_reused"]


@ON_SQLITE
@pytest.mark.parametrize("direction", ["in", "out"])
def test_files_of_a_capture_replay_into_the_same_pass(house: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str], direction: str) -> None:
    house.happen(capture_of_a_walk("walk", "door-3", NOW, range(1, 9), direction=direction, strays=2))
    for name, form in (("reads.csv", "csv"), ("eyes.csv", "eyes")):
        (tmp_path / name).write_text(get(house, f"walk/capture?format={form}").text)
    sides = captures.replay_sides(get(house, "walk/capture").json()["sides"]).split()

    assert door_command.main(["replay", str(tmp_path / "reads.csv"), *sides, "--eye", str(tmp_path / "eyes.csv"), "--json"]) == 0

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    results = Counter(each["result"] for each in said if "epc" in each)
    assert results == {f"moved_{direction}": 8, "stayed": 2}

# SPDX-License-Identifier: Apache-2.0
"""One golden message for each type on the wire: a change of any byte is a change of the contract and needs a decision record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts import schema, wire
from contracts.commands import AnyCommand, LightTasks
from contracts.events import MOVEMENTS, TELEMETRY, AnyEvent, Event, ItemScanned, lane_of
from contracts.readings import AnyReading

GOLDEN = Path(__file__).parent / "golden"
TYPES: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "events": schema.members(AnyEvent),
    "commands": schema.members(AnyCommand),
    "readings": schema.members(AnyReading),
    "wire": schema.WIRE_MESSAGES,
}
UNIONS: dict[str, Any] = {"events": AnyEvent, "commands": AnyCommand, "readings": AnyReading}
CASES = [(kind, struct) for kind, structs in TYPES.items() for struct in structs]


@pytest.mark.parametrize(("kind", "struct"), CASES, ids=[f"{kind}/{struct.__name__}" for kind, struct in CASES])
def test_golden_message_decodes_and_encodes_to_the_same_bytes(kind: str, struct: type[msgspec.Struct]) -> None:
    golden = (GOLDEN / kind / f"{struct.__name__}.json").read_bytes().rstrip(b"\n")

    message = msgspec.json.decode(golden, type=UNIONS.get(kind, struct))

    assert type(message) is struct
    assert wire.encode(message) == golden


@pytest.mark.parametrize("kind", TYPES)
def test_golden_folder_holds_one_file_per_type(kind: str) -> None:
    assert {path.stem for path in (GOLDEN / kind).iterdir()} == {struct.__name__ for struct in TYPES[kind]}


def test_golden_batch_holds_events_that_decode_in_order() -> None:
    batch = wire.decode_batch((GOLDEN / "wire" / "Batch.json").read_bytes())

    events = [wire.decode_event(bytes(raw)) for raw in batch.events]

    assert [event.seq for event in events] == list(range(batch.first_seq, batch.first_seq + len(events)))


def test_every_event_travels_in_exactly_one_lane() -> None:
    assert set(MOVEMENTS) | set(TELEMETRY) == set(schema.members(AnyEvent))
    assert not set(MOVEMENTS) & set(TELEMETRY)


def test_lane_of_event_follows_its_kind() -> None:
    golden: list[Event] = [wire.decode_event(path.read_bytes()) for path in sorted((GOLDEN / "events").iterdir())]

    assert {type(event) for event in golden if lane_of(event) == "movements"} == set(MOVEMENTS)


def test_light_tasks_as_they_were_before_tours_still_read() -> None:
    """The bytes of the version before, see docs/decisions/0020."""
    before = (
        b'{"type":"LightTasks","commandID":"01J9ZK5T3Q","station":"zone-a","deadlineAt":"2026-11-21T08:20:00Z","tasks":[{"taskID":"T-7781","bin":"A-01",'
        b'"item":"SKU-1001","quantity":{"value":3,"uom":"C62"},"lot":"LOT-A1","order":"SO-4711","colour":"blue"}]}'
    )

    command = wire.decode_command(before)

    assert isinstance(command, LightTasks)
    assert (command.tasks[0].tour, command.tasks[0].sequence) == ("", 0)
    assert wire.encode(command) == before


def test_scans_as_they_were_before_lists_still_read() -> None:
    """The bytes of the version before, see docs/decisions/0028."""
    before = (
        b'{"type":"ItemScanned","seq":1046,"eventTime":"2026-11-21T08:15:30.120000Z","clock":"synced","bootID":"3f1c9a52","monotonicS":81234.5,'
        b'"station":"scan-1","text":"0106141418123452\\u001d10LOT-A1","symbology":"]C1","identifiers":{"gtin":"06141418123452","lot":"LOT-A1"},'
        b'"bizStep":"receiving"}'
    )

    event = wire.decode_event(before)

    assert isinstance(event, ItemScanned)
    assert (event.checked, event.work_version, event.line) == ("", 0, "")
    assert wire.encode(event) == before

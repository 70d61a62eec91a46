# SPDX-License-Identifier: Apache-2.0
"""What every driver does with bytes, whatever they are and however they are cut."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import DeviceFault, ProtocolError, ReplyTimeout
from drivers.base.session import CommandFailed, Session, SessionEvent
from gateway.conformance.kit import capture_folder, captures, entry, session, settings_of, twin
from gateway.conformance.transcripts import event_as_json, play_to_session, play_to_twin, read_transcript

CAPTURES_PER_DRIVER_MIN = 3


@given(cuts=st.lists(st.integers(min_value=0, max_value=4096), max_size=40))
def test_every_chunking_gives_the_same_events(name: str, cuts: list[int]) -> None:
    for capture in captures(name):
        steps, settings = read_transcript(capture), settings_of(capture)
        whole = play_to_session(session(name, settings), steps)

        cut = play_to_session(session(name, settings), steps, cuts)

        assert [event_as_json(event) for event in cut] == [event_as_json(event) for event in whole], f"{capture.name} cut at {cuts}"


def _said_by_device(name: str) -> list[bytes]:
    return [step.data for capture in captures(name) for step in read_transcript(capture) if step.kind == "from_device"]


def _mutate(data: bytes, at: int, patch: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + patch + data[at + len(patch) :]


def _feed(talk: Session, pieces: Iterable[tuple[bytes, float]]) -> None:
    """Garbage in; ProtocolError and ReplyTimeout end the conversation, anything else is a fault of the driver."""
    now_s = 100.0
    try:
        talk.advance_to(now_s)
        for data, pause_s in pieces:
            now_s += pause_s
            if data:
                talk.receive_bytes(data, now_s)
            talk.bytes_to_send()
            talk.advance_to(now_s)
            talk.next_deadline_s()
    except (ProtocolError, ReplyTimeout):
        return


@given(data=st.data())
def test_garbage_raises_only_protocol_error(name: str, data: st.DataObject) -> None:
    said = st.sampled_from(_said_by_device(name))
    mutated = st.builds(_mutate, said, st.integers(0, 4096), st.binary(max_size=3))
    capture = data.draw(st.sampled_from(captures(name)), label="set up as in")
    pieces = st.lists(st.tuples(st.one_of(st.binary(max_size=200), mutated, said), st.sampled_from([0.0, 0.001, 0.3, 1.1, 5.0])), max_size=12)

    _feed(session(name, settings_of(capture)), data.draw(pieces))


@given(data=st.data())
def test_decode_encode_round_trip(name: str, data: st.DataObject) -> None:
    trips = entry(name).round_trips
    assert trips, f"{name} names no frames in its sample"
    for trip in trips:
        frame = data.draw(trip.frames, label=trip.name)

        assert trip.decode(trip.encode(frame)) == frame


def test_captures_decode_to_golden(name: str) -> None:
    found = captures(name)
    assert len(found) >= CAPTURES_PER_DRIVER_MIN, f"{name} has {len(found)} captures in {capture_folder(name)}, at least {CAPTURES_PER_DRIVER_MIN} are wanted"
    for capture in found:
        golden = json.loads(capture.with_suffix(".json").read_text(encoding="utf-8"))

        events = play_to_session(session(name, settings_of(capture)), read_transcript(capture))

        assert [event_as_json(event) for event in events] == golden, f"{capture.name}; if it is right now: gateway.conformance.record --events"


def test_sim_and_driver_agree_on_captures(name: str) -> None:
    for capture in captures(name):
        play_to_twin(twin(name, settings_of(capture)), read_transcript(capture))


def _codes(events: Iterable[SessionEvent]) -> Iterable[str]:
    for event in events:
        if isinstance(event, CommandFailed) and isinstance(event.error, DeviceFault):
            yield event.error.code
        elif code := getattr(event, "code", ""):
            yield str(code)


def test_device_fault_maps_to_documented_code(name: str) -> None:
    faults = entry(name).faults
    assert faults, f"{name} names no capture with a device fault in its sample"
    for stem, code in faults.items():
        capture = capture_folder(name) / f"{stem}.hex"

        events = play_to_session(session(name, settings_of(capture)), read_transcript(capture))

        assert code in set(_codes(events)), f"{capture.name}: expected code {code} in {events}"

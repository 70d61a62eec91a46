# SPDX-License-Identifier: Apache-2.0
"""The session of a one-wire bus line by line."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandFailed, FrameRejected, SessionReady
from drivers.sensor_onewire.config import SensorOnewireConfig
from drivers.sensor_onewire.session import ProbeFailed, ProbeRead, SensorOnewireSession, Told, UnnamedProbes

ROM = "28-0316a2791e0b"
COLD = "5e fe 4b 46 7f ff 02 10 8b : crc=8b YES\\n5e fe 4b 46 7f ff 02 10 8b t=-26125\\n"


def _session(told: Told | None = None, **fields: Any) -> SensorOnewireSession:
    session = SensorOnewireSession(parse_config(SensorOnewireConfig, {"driver": "sensor_onewire", **fields}), told or Told())
    session.advance_to(0.0)
    assert session.bytes_to_send() == b"list - -\n"
    return session


def test_bus_that_tells_nothing_has_no_probes() -> None:
    events = _session().receive_bytes(b"bus w1_bus_master1 \n", 0.1)

    assert [type(event) for event in events] == [SessionReady, ProbeFailed]


def test_probe_is_read_again_twice_and_then_given_up_until_the_next_round() -> None:
    session = _session(probes={ROM: "shelf_temperature_c"})
    session.receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)
    told = []
    for answer in ("error {} EIO", "slave {} ", "error {} EIO"):
        assert session.bytes_to_send() == f"read {ROM} -\n".encode()
        told += session.receive_bytes(f"{answer.format(ROM)}\n".encode(), 1.0)

    assert [(event.quantity, event.code) for event in told if isinstance(event, ProbeFailed)] == [("shelf_temperature_c", "EIO")]
    assert (session.bytes_to_send(), session.next_deadline_s()) == (b"", 10.0)
    session.advance_to(10.0)
    session.receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 10.1)
    assert session.receive_bytes(f"slave {ROM} {COLD}\n".encode(), 10.9) == [ProbeRead("shelf_temperature_c", -26.125)]


def test_probe_without_a_name_that_was_pulled_off_while_the_bus_was_away_is_told() -> None:
    told, probes = Told(), {ROM: "shelf_temperature_c"}
    before = _session(told, probes=probes).receive_bytes(f"bus w1_bus_master1 single {ROM} 28-0417c1a2ffe1\n".encode(), 0.1)
    after = _session(told, probes=probes).receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)
    again = _session(told, probes=probes).receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)

    changes = [[event.roms for event in events if isinstance(event, UnnamedProbes)] for events in (before, after, again)]
    assert changes == [[("28-0417c1a2ffe1",)], [()], []]


def test_precision_that_may_not_be_set_is_counted_and_told_to_who_asked() -> None:
    session = _session(precision_bits=11)
    session.receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)
    assert session.bytes_to_send() == f"precision {ROM} 11\n".encode()
    session.start_command("set_precision", {"probe": ROM, "bits": 9}, 0.1)

    events = [*session.receive_bytes(f"error {ROM} EROFS\n".encode(), 0.2), *session.receive_bytes(f"error {ROM} EROFS\n".encode(), 0.3)]

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["precision_refused"]
    assert ["only root may" in str(event.error) for event in events if isinstance(event, CommandFailed)] == [True]


def test_probe_that_stays_measuring_does_not_hold_the_others_up() -> None:
    session = _session()
    session.receive_bytes(f"bus w1_bus_master1 bulk {ROM} 28-0417c1a2ffe1\n".encode(), 0.0)
    session.receive_bytes(b"triggered - -\n", 0.0)
    asked_s = []
    for tenths in range(50):
        session.advance_to(tenths / 10)
        if b"pending" in session.bytes_to_send():
            asked_s.append(tenths / 10)
            session.receive_bytes(b"pending - -1\n", tenths / 10)
            if b"read" in session.bytes_to_send():
                break

    assert 0.7 < asked_s[0] < 0.9
    assert 2.9 <= asked_s[-1] <= 3.1


def test_answer_about_another_probe_is_not_taken() -> None:
    session = _session()
    session.receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)

    events = session.receive_bytes(f"slave 28-0417c1a2ffe1 {COLD}\n".encode(), 0.9)

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["unasked"]


def test_bus_that_is_gone_or_silent_ends_the_conversation() -> None:
    with pytest.raises(RemoteProtocolError, match="the bus is gone"):
        _session().receive_bytes(b"error - ENODEV\n", 0.1)
    with pytest.raises(ReplyTimeout, match="answer to `list`"):
        _session().advance_to(5.0)
    with pytest.raises(RemoteProtocolError, match="no line"):
        _session().receive_bytes(bytes(5000), 0.1)


@pytest.mark.parametrize(
    ("name", "arguments"), [("set_precision", {"probe": "28-000000000000", "bits": 9}), ("set_precision", {"probe": ROM, "bits": 8}), ("dance", {})]
)
def test_impossible_command_says_what_is_possible(name: str, arguments: dict[str, Any]) -> None:
    session = _session()
    session.receive_bytes(f"bus w1_bus_master1 single {ROM}\n".encode(), 0.1)

    with pytest.raises(LocalProtocolError, match=rf"there are: {ROM}|9 to 12|read, set_precision"):
        session.start_command(name, arguments, 0.1)

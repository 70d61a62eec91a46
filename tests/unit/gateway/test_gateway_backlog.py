# SPDX-License-Identifier: Apache-2.0
"""What a reader held back during an outage, through the driver's real bytes and the station, becomes the passes that it was."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import pytest

from contracts.events import PalletPassed
from contracts.identifiers import Sgtin, Sscc
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from drivers.rfid_llrp.session import LlrpSession
from gateway.config import DockDoor
from gateway.portal.pallets import uri_of
from gateway.stations.dock_door import DockDoorStation
from tests.unit.gateway.portals import PlainPortal
from tests.unit.gateway.virtual_time import EPOCH, Stage, instant

PASSES, READS_EACH, TAGS_EACH = 60, 1_100, 20
APART_S = 40.0
YEAR_2000_US = 946_684_800_000_000
PIECE_BYTES = 16_384


def epcs(number: int) -> list[str]:
    """A pallet and its cases."""
    return [Sscc("0614141", f"1{number:09}").hex(), *(Sgtin("0614141", "812345", str(number * 100 + case)).hex() for case in range(TAGS_EACH - 1))]


def report(number: int, epc: str, antenna: int, at_s: float) -> bytes:
    """RO_ACCESS_REPORT with one tag, as a reader sends it whose clock nobody set."""
    at_us = YEAR_2000_US + round(at_s * 1e6)
    tag = struct.pack("!B12sBHBbBQBQBH", 0x8D, bytes.fromhex(epc), 0x81, antenna, 0x86, -55, 0x82, at_us, 0x84, at_us, 0x88, 1)
    return struct.pack("!HIIHH", 1 << 10 | 61, 14 + len(tag), number, 240, 4 + len(tag)) + tag


def passing(number: int, start_s: float) -> Iterator[tuple[float, str, int]]:
    """The reads of one pass: 3 s."""
    tags = epcs(number)
    for read in range(READS_EACH):
        yield start_s + 3.0 * read / READS_EACH, tags[read % TAGS_EACH], 3 if read < READS_EACH / 2 else 1


@pytest.mark.slow
@pytest.mark.requirement("R95")
@pytest.mark.requirement("E2")
@pytest.mark.parametrize("in_order", [True, False])
def test_66_000_reads_held_back_become_the_right_passes_by_the_readers_time(in_order: bool) -> None:
    """Live first, then an outage of 40 minutes in which 60 pallets pass; then all reports come within a second."""
    config = RfidLlrpConfig(host="reader")
    session, driver = LlrpSession(config), RfidLlrpDriver("r", config)
    stage = Stage(DockDoorStation(DockDoor(id="door-1", reader="r", inner_antennas=[1], outer_antennas=[3]), portal=PlainPortal()))

    def feed(stream: bytes, at_s: float) -> None:
        for event in session.receive_bytes(stream, at_s):
            for reading in driver.readings(event, at_s):
                stage.outputs += stage.station.on_reading(reading, instant(at_s))
        stage.advance(at_s)

    for number, (at_s, epc, antenna) in enumerate(passing(0, 10.0)):
        feed(report(number, epc, antenna, at_s), at_s + 0.01)
    stage.wait_until(20.0)
    held = [row for number in range(1, PASSES + 1) for row in passing(number, number * APART_S)]
    if not in_order:
        noise = random.Random(1)
        held.sort(key=lambda row: row[0] + noise.uniform(0, 50))
    stream = b"".join(report(number, *_row(row)) for number, row in enumerate(held))
    pieces = [stream[start : start + PIECE_BYTES] for start in range(0, len(stream), PIECE_BYTES)]
    for number, piece in enumerate(pieces):
        feed(piece, 2600.0 + number / len(pieces))
    stage.wait_until(2700.0)

    assert len(held) == 66_000
    events = [event for event in stage.events(PalletPassed) if isinstance(event, PalletPassed)]
    assert len(events) == 1 + PASSES
    for number, event in enumerate(events):
        assert event.parent_id == uri_of(epcs(number)[0])
        assert event.child_epcs == sorted(map(uri_of, epcs(number)[1:]))
        assert event.evidence.reads == READS_EACH
        start_s = number * APART_S if number else 10.0
        assert (event.event_time - EPOCH).total_seconds() == pytest.approx(start_s + 1.5, abs=0.5)
    assert len({event.pass_id for event in events}) == 1 + PASSES


@pytest.mark.requirement("R95")
@pytest.mark.parametrize("step_s", [-3600.0, -3.0, -1.6, 2.0, 3600.0])
def test_passes_stay_whole_when_the_readers_clock_is_set_between_them(step_s: float) -> None:
    config = RfidLlrpConfig(host="reader")
    session, driver = LlrpSession(config), RfidLlrpDriver("r", config)
    stage = Stage(DockDoorStation(DockDoor(id="door-1", reader="r", inner_antennas=[1], outer_antennas=[3]), portal=PlainPortal()))
    for number in range(4):
        for count, (at_s, epc, antenna) in enumerate(list(passing(number, 10.0 + number * APART_S))[::3]):
            shown_s = 7200.0 + at_s + (step_s if number > 1 else 0.0)
            stage.wait_until(at_s + 0.02)
            for event in session.receive_bytes(report(count, epc, antenna, shown_s), at_s + 0.02):
                for reading in driver.readings(event, at_s + 0.02):
                    stage.outputs += stage.station.on_reading(reading, instant(at_s + 0.02))
            stage.advance(at_s + 0.02)
    stage.wait_until(200.0)

    events = [event for event in stage.events(PalletPassed) if isinstance(event, PalletPassed)]
    assert [event.parent_id for event in events] == [uri_of(epcs(number)[0]) for number in range(4)]
    assert {event.evidence.reads for event in events} == {367}


def _row(row: tuple[float, str, int]) -> tuple[str, int, float]:
    return row[1], row[2], row[0]

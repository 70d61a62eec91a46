# SPDX-License-Identifier: Apache-2.0
"""A reader behind sllurp gives the same readings as one behind our own session, and says what it cannot do."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from contracts.readings import AnyReading, InputChanged, TagRead
from drivers.base.errors import ConfigError, LocalProtocolError, RemoteProtocolError
from drivers.registry import load
from drivers.sllurp.config import SllurpConfig
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from tests.integration.gateway_bench import eventually
from tests.integration.test_recordings import driver_of, recorded

pytestmark = [pytest.mark.requirement("E1"), pytest.mark.slow]

READS = [("3074257BF7194E4000001A85", 1, -51.0), ("E2801160600002054CC2096F", 2, -63.0), ("3034257BF7194E4000001A85", 1, -48.0)]


async def _readings(name: str, **config: Any) -> list[AnyReading]:
    driver, server = await driver_of(name, LlrpReaderTwin(), antennas=[1, 2], **config)

    def act() -> None:
        for epc, antenna, rssi in READS:
            server.stimulate("read", epc=epc, antenna=antenna, peak_rssi_dbm=rssi)
        server.stimulate("input", input=2, level=True)

    try:
        return await recorded(driver, InputChanged if name == "sllurp" else _RaisedInput, act)
    finally:
        await server.stop()


class _Raised(type):
    def __instancecheck__(cls, reading: object) -> bool:
        return isinstance(reading, InputChanged) and reading.level


class _RaisedInput(metaclass=_Raised):
    """An input that went up; our own session also tells how the inputs stood in the beginning."""


async def test_same_tags_and_inputs_come_through_sllurp_and_through_our_own_session() -> None:
    theirs, ours = await _readings("sllurp", inputs=[2]), await _readings("rfid_llrp")

    def told(readings: list[AnyReading]) -> list[object]:
        tags = [reading for reading in readings if isinstance(reading, TagRead)]
        seen = [(tag.epc, tag.antenna, tag.peak_rssi_dbm, tag.seen_count, tag.reader_time_us is not None) for tag in tags]
        return [*seen, *((each.input, each.level) for each in readings if isinstance(each, InputChanged) and each.level)]

    assert told(theirs) == told(ours)
    assert len(told(theirs)) == len(READS) + 1


async def test_reader_that_has_a_client_already_is_told_and_not_waited_for() -> None:
    server = TcpTwinServer(LlrpReaderTwin(), exclusive=True)
    await server.start()
    spec = load("sllurp")
    drivers = [spec.factory(f"d-{n}", SllurpConfig(host="127.0.0.1", port=server.port)) for n in (1, 2)]
    running = asyncio.create_task(drivers[0].run(lambda reading: None))
    await eventually(lambda: server.has_client)
    with pytest.raises(RemoteProtocolError, match="refuses the connection"):
        await drivers[1].run(lambda reading: None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.stop()


def test_command_is_refused_with_the_driver_that_takes_it() -> None:
    session = load("sllurp").factory("d", SllurpConfig(host="h")).new_session()  # type: ignore[attr-defined]

    with pytest.raises(LocalProtocolError, match="rfid_llrp"):
        session.start_command("switch_output", {}, 0.0)


def test_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ConfigError, match=r"dockline\[sllurp\]"):
        load("sllurp").factory("d", SllurpConfig(host="h"))

# SPDX-License-Identifier: Apache-2.0
"""A birth that cannot be stored stops nobody but the gateway that says it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import Engine, select

from central.database import reading
from central.exceptions.service import raise_work_order
from central.fleet.tables import gateway as gateway_table
from central.ingest.groups import Group, Said, take_group
from central.ingest.service import Door, read_message
from contracts import wire
from contracts.events import DeviceLinkChanged
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch, GatewayState

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.requirement("E12")
@pytest.mark.parametrize("said", [{"config_version": 2**64 - 1}, {"last_seq": {"movements": 2**64 - 1}}, {"version": "1\x00"}])
def test_birth_that_cannot_be_stored_stops_nobody_else(engine: Engine, said: dict[str, object]) -> None:
    odd, good = (GatewayAddress(partition_of("s1"), "s1", name) for name in ("odd", "good"))
    state = GatewayState(online=True, boot_id="b", session_id="s", epoch="e1")
    event = msgspec.Raw(wire.encode(DeviceLinkChanged(seq=1, event_time=NOW, device="d", state="connected")))
    batch = Batch(gateway="good", epoch="e1", lane="movements", first_seq=1, events=[event])
    message = read_message(good.topic("up/movements"), good, "movements", wire.encode(batch))

    group = Group([Said(odd, msgspec.structs.replace(state, **said)), Said(good, state)], [message])
    (taken,) = take_group(engine, group, Door({}, raise_work_order), lambda: NOW)

    assert taken.ack is not None
    assert taken.ack.upto == 1
    with reading(engine) as connection:
        assert connection.execute(select(gateway_table.c.online).where(gateway_table.c.id == "good")).scalar()

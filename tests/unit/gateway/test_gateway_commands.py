# SPDX-License-Identifier: Apache-2.0
"""Commands to the gateway itself: each is done once, answered durably, and only then followed by what it leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.commands import GATEWAY, ConfigureGateway, SwapDevice
from contracts.events import CommandAnswered, DeviceSwapped
from contracts.wire import decode_event
from gateway.clock import Instant
from gateway.gateway_commands import GatewayCommands, Handled
from gateway.metrics import Metrics
from gateway.outbox import Outbox, OutboxFullError
from gateway.store import Store
from tests.unit.gateway.virtual_time import DEADLINE, instant


class Rig:
    """The dispatcher with a real outbox; `done` is what its handler was given, `durable` how many events were stored when each aftermath ran."""

    def __init__(self, path: Path) -> None:
        self.now_s = 10.0
        self.outbox = Outbox(path)
        self.store = Store(self.outbox, Metrics(), self.now)
        self.commands = GatewayCommands(self.store, self.now, Metrics())
        self.commands.register(SwapDevice, self.swap)
        self.done: list[SwapDevice] = []
        self.durable: list[int] = []

    def now(self) -> Instant:
        return instant(self.now_s)

    async def swap(self, command: SwapDevice) -> Handled:
        self.done.append(command)
        event = DeviceSwapped(**self.now().stamp(), station=GATEWAY, device=command.device, new_serial=command.serial)
        return Handled(events=[event], afterwards=lambda: self.durable.append(self.outbox.levels["movements"].last_seq))

    def stored(self) -> list[object]:
        batch = self.outbox.batch_after("movements", 0)
        return [decode_event(body) for body in batch.events] if batch else []


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path / "outbox.db")
    yield made
    await made.store.close()


def swap() -> SwapDevice:
    return SwapDevice(command_id="c-1", station=GATEWAY, deadline_at=DEADLINE, device="reader-1", serial="37-11")


async def test_command_that_comes_twice_is_done_once_and_answered_twice(rig: Rig) -> None:
    await rig.commands._answer(swap())
    await rig.commands._answer(swap())

    assert [type(event) for event in rig.stored()] == [DeviceSwapped, CommandAnswered, CommandAnswered]
    assert (len(rig.done), rig.durable) == (1, [2])


async def test_command_nobody_registered_for_is_refused(rig: Rig) -> None:
    await rig.commands._answer(ConfigureGateway(command_id="c-2", station=GATEWAY, deadline_at=DEADLINE, version=1, document="", signature=""))

    (answer,) = rig.stored()
    assert isinstance(answer, CommandAnswered)
    assert (answer.outcome, answer.reason) == ("refused", "this gateway takes no ConfigureGateway")


async def test_command_after_its_deadline_is_not_done(rig: Rig) -> None:
    rig.now_s += timedelta(days=2).total_seconds()

    await rig.commands._answer(swap())

    assert not rig.done
    assert [event.outcome for event in rig.stored() if isinstance(event, CommandAnswered)] == ["expired"]


async def test_full_outbox_leaves_the_command_unanswered_and_without_aftermath(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutboxFullError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.outbox, "append", full)
        await rig.commands._answer(swap())
    assert (rig.stored(), rig.durable) == ([], [])

    await rig.commands._answer(swap())
    assert [type(event) for event in rig.stored()] == [DeviceSwapped, CommandAnswered]

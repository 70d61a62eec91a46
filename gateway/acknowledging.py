# SPDX-License-Identifier: Apache-2.0
"""Acknowledging an alarm at the gateway itself, over its own little API: as a command of central's would, but without central."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from contracts.commands import AcknowledgeAlarm, AnyCommand
from gateway.clock import Now
from gateway.outbox import Answer
from gateway.stations.station import AT_THE_GATEWAY
from gateway.store import Store

_PATIENCE_S = 3.0


class Acknowledging:
    """Hands the floor a command and waits until what came of it is durable."""

    def __init__(self, take: Callable[[AnyCommand], None], store: Store, now: Now) -> None:
        self._take = take
        self._store = store
        self._now = now

    async def acknowledge(self, alarm_id: str, who: str) -> Answer | None:
        """What came of it; None: the floor did not get to it in time (the disk may be full). Acknowledging twice changes nothing."""
        command = AcknowledgeAlarm(
            command_id=f"local:{uuid.uuid4()}",
            station=alarm_id.rpartition(".")[0],
            deadline_at=self._now().utc + timedelta(minutes=1),
            alarm_id=alarm_id,
            actor=f"{AT_THE_GATEWAY}{who}",
        )
        self._take(command)
        return await self._store.answer_within(command.command_id, _PATIENCE_S)

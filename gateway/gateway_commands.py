# SPDX-License-Identifier: Apache-2.0
"""Commands to the gateway itself: one place that does each once, one after the other, and answers it durably.

Who can do a kind of command says so with `register`. What a handler says happened and the answer become durable together; only then `afterwards` is called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from contracts.commands import AnyCommand, Command
from contracts.events import CommandAnswered, Event, Outcome
from gateway.clock import Instant, Now
from gateway.metrics import Metrics
from gateway.outbox import Answer, OutboxFullError
from gateway.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handled:
    """What became of a command to the gateway. `events` are told with the answer; `afterwards` is called once both are durable."""

    outcome: Outcome = "done"
    reason: str = ""
    events: Sequence[Event] = ()
    afterwards: Callable[[], None] | None = None


Handler = Callable[[Any], Awaitable[Handled]]
"""Does commands of one kind. It may be called again with the same command when the outbox was full: doing one twice changes nothing."""


def late_answer(command: Command, now: Instant) -> Answer | None:
    """The answer to a command that came after its deadline; None: in time, or no trusted clock tells (then it is done)."""
    if now.clock == "unsynced" or now.utc <= command.deadline_at:
        return None
    return Answer("expired", f"came {(now.utc - command.deadline_at).total_seconds():.0f} s after its deadline")


class GatewayCommands:
    """Takes commands whose station is `@gateway` and hands each to whoever registered for its kind."""

    def __init__(self, store: Store, now: Now, metrics: Metrics) -> None:
        self._store = store
        self._now = now
        self._metrics = metrics
        self._handlers: dict[type[Command], Handler] = {}
        self._commands: asyncio.Queue[AnyCommand] = asyncio.Queue()

    def register(self, kind: type[Command], handler: Handler) -> None:
        """Have commands of a kind done by this handler; the last one registered counts."""
        self._handlers[kind] = handler

    def take(self, command: AnyCommand) -> None:
        """Queue a command of central, also one that came before."""
        self._commands.put_nowait(command)

    async def run(self) -> NoReturn:
        """Do one command after the other until cancelled."""
        while True:
            await self._answer(await self._commands.get())

    async def _answer(self, command: AnyCommand) -> None:
        known = await self._store.answer_to(command.command_id)
        handled = Handled(*known) if known is not None else await self._handle(command)
        self._metrics.commands.labels(outcome=handled.outcome).inc()
        said = CommandAnswered(**self._now().stamp(), station=command.station, command_id=command.command_id, outcome=handled.outcome, reason=handled.reason)
        try:
            await self._store.append([*handled.events, said], {}, {} if known else {command.command_id: Answer(handled.outcome, handled.reason)})
        except OutboxFullError as error:  # central sends the command again
            log.error("command to the gateway not answered", extra={"command": type(command).__name__, "reason": str(error)})  # noqa: TRY400  # the reason says all
            return
        if handled.afterwards is not None:
            handled.afterwards()

    async def _handle(self, command: AnyCommand) -> Handled:
        if (late := late_answer(command, self._now())) is not None:
            return Handled(*late)
        handler = self._handlers.get(type(command))
        if handler is None:
            return Handled("refused", f"this gateway takes no {type(command).__name__}")
        return await handler(command)

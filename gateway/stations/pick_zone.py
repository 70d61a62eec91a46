# SPDX-License-Identifier: Apache-2.0
"""Pick zone: lights tasks one by one at each bin and takes the picker's answers. What is lit survives every restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from contracts.commands import AnyCommand, CancelTasks, LightTasks, PickTask
from contracts.events import PickConfirmed, UnexpectedPress
from contracts.quantities import Quantity
from contracts.readings import AnyReading, ButtonPressed, LinkChanged
from gateway.clock import Instant
from gateway.config import PickZone
from gateway.stations.station import CommandRefusedError, DeviceAction, Output, Station

_ANSWERED_KEPT_MAX = 256
"""So many answered task ids are remembered against a task that comes again in another command (guessed: an hour of a busy picker)."""
_SHOWN_QUANTITY_MAX = 99_999  # five digits is the widest pick light (facts of the trade: 3 to 5)


class _State(msgspec.Struct):
    """`queues`: per bin the open tasks, the first is lit. `answered`: task ids, oldest first."""

    queues: dict[str, list[PickTask]] = {}
    answered: dict[str, None] = {}


class PickZoneStation(Station):
    """One controller of pick lights. A node has at most one lit task; others at the same bin wait their turn."""

    def __init__(self, config: PickZone) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._bin_of = {node: bin_code for bin_code, node in config.bins.items()}
        self._state = _State()
        self._pressed_s: dict[int, float] = {}

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case ButtonPressed():
                return self._pressed(reading, now)
            case LinkChanged(state="connected"):
                return list(self._everything())
            case _:
                return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`. All tasks of a command are lit or none is."""
        match command:
            case LightTasks():
                return self._light(command.tasks)
            case CancelTasks():
                return self._cancel(set(command.task_ids))
            case _:
                return super().on_command(command, now)

    def snapshot(self) -> bytes:
        """See `Station.snapshot`."""
        return msgspec.json.encode(self._state)

    def restore(self, data: bytes) -> None:
        """See `Station.restore`. Tasks of bins that the configuration no longer has stay waiting until it has them again."""
        self._state = msgspec.json.decode(data, type=_State)

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The answer was not accepted: the lights of the zone stay as they were, so that the picker sees that it did not count.

        Pressing again at once is then no double press.
        """
        self._pressed_s.clear()
        return list(self._everything())

    def lit(self) -> dict[int, PickTask]:
        """The lit task of each node."""
        return {self._config.bins[bin_code]: queue[0] for bin_code, queue in self._state.queues.items() if queue and bin_code in self._config.bins}

    def _light(self, tasks: list[PickTask]) -> list[Output]:
        if strangers := sorted({task.bin for task in tasks} - set(self._config.bins)):
            raise CommandRefusedError(f"station {self.id} has no light for bin {', '.join(strangers)}; add it to the gateway's file or pick from a list")
        if too_many := [task for task in tasks if not 1 <= task.quantity.value <= _SHOWN_QUANTITY_MAX]:
            raise CommandRefusedError(f"task {too_many[0].task_id}: quantity {too_many[0].quantity.value} cannot be shown; 1 to {_SHOWN_QUANTITY_MAX} can")
        known = self._known()
        outputs: list[Output] = []
        for task in tasks:
            if task.task_id in known:
                continue
            known.add(task.task_id)
            queue = self._state.queues.setdefault(task.bin, [])
            queue.append(task)
            if len(queue) == 1:
                outputs.append(self._show(task))
        return outputs

    def _cancel(self, task_ids: set[str]) -> list[Output]:
        outputs: list[Output] = []
        for bin_code, queue in self._state.queues.items():
            was_lit = queue[0].task_id if queue else None
            queue[:] = [task for task in queue if task.task_id not in task_ids]
            if was_lit in task_ids and bin_code in self._config.bins:
                outputs.append(self._light_next(bin_code))
        return outputs

    def _known(self) -> set[str]:
        return set(self._state.answered) | {task.task_id for queue in self._state.queues.values() for task in queue}

    def _pressed(self, press: ButtonPressed, now: Instant) -> list[Output]:
        pressed_before_s = self._pressed_s.get(press.node, float("-inf"))
        self._pressed_s[press.node] = press.at_s
        if press.at_s - pressed_before_s < self._config.double_press_s:
            return []
        bin_code = self._bin_of.get(press.node)
        queue = self._state.queues.get(bin_code, []) if bin_code is not None else []
        stamp = now.at(press.at_s).stamp()
        if bin_code is None or not queue:
            return [UnexpectedPress(**stamp, station=self.id, device=press.device, node=press.node, quantity=press.quantity)]
        task = queue.pop(0)
        self._remember(task.task_id)
        taken = _taken(task, press)
        confirmed = PickConfirmed(
            **stamp,
            station=self.id,
            task_id=task.task_id,
            quantity=Quantity(taken, task.quantity.uom),
            requested=task.quantity,
            short=taken < task.quantity.value,
            device=press.device,
            node=press.node,
        )
        return [confirmed, self._light_next(bin_code)]

    def _remember(self, task_id: str) -> None:
        self._state.answered[task_id] = None
        while len(self._state.answered) > _ANSWERED_KEPT_MAX:
            del self._state.answered[next(iter(self._state.answered))]

    def _light_next(self, bin_code: str) -> DeviceAction:
        queue = self._state.queues[bin_code]
        return self._show(queue[0]) if queue else DeviceAction(self._config.lights, "clear", {"node": self._config.bins[bin_code]})

    def _show(self, task: PickTask) -> DeviceAction:
        return DeviceAction(self._config.lights, "show", {"node": self._config.bins[task.bin], "quantity": task.quantity.value, "colour": task.colour})

    def _everything(self) -> Iterator[DeviceAction]:
        """The whole zone as it should look: a light that burns without a task is as wrong as a dark one with a task."""
        lit = self.lit()
        for node in sorted(self._bin_of):
            yield self._show(lit[node]) if node in lit else DeviceAction(self._config.lights, "clear", {"node": node})


def _taken(task: PickTask, press: ButtonPressed) -> int:
    """What was taken. A confirm takes what the display shows, all if it shows nothing; a shortage key alone, number untouched, takes nothing."""
    if press.press == "shortage":
        return press.quantity if press.quantity is not None and press.quantity < task.quantity.value else 0
    return task.quantity.value if press.quantity is None else press.quantity

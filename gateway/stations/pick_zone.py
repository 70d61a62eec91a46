# SPDX-License-Identifier: Apache-2.0
"""Pick zone: lights tasks at their bins and takes the picker's answers. What is lit survives every restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from contracts.commands import AnyCommand, CancelTasks, LampTest, LightTasks, PickTask
from contracts.events import LampsTested, LightFailed, PickConfirmed, UnexpectedPress, ZoneCompleted
from contracts.quantities import Quantity
from contracts.readings import AnyReading, ButtonPressed, LampTestEnded, LinkChanged, ReadingFailed
from gateway.clock import Instant
from gateway.config import PickZone
from gateway.stations.station import CommandRefusedError, DeviceAction, Output, Station

_ANSWERED_KEPT_MAX = 256
"""So many answered task ids are remembered against a task that comes again in another command (guessed: an hour of a busy picker)."""
_SHOWN_QUANTITY_MAX = 99_999  # five digits is the widest pick light (facts of the trade: 3 to 5)
_NODE_FAULT = "node_"


class _Completed(msgspec.Struct, frozen=True):
    """A tour, or an order without one, that has nothing left here."""

    tour: str
    order: str
    colour: str


class _State(msgspec.Struct):
    """`queues`: per bin the open tasks as they came. `lit`: per bin the one that its light shows. `answered`: task ids, oldest first.

    `completed`: what the zone's own lamp still has to show.
    """

    queues: dict[str, list[PickTask]] = {}
    answered: dict[str, None] = {}
    lit: dict[str, str] = {}
    completed: list[_Completed] = []


class PickZoneStation(Station):
    """One controller of pick lights. A node has at most one lit task; others at the same bin wait their turn, and so do later ones of the same tour."""

    def __init__(self, config: PickZone) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._bin_of = {node: bin_code for bin_code, node in config.bins.items()}
        self._state = _State()
        self._pressed_s: dict[int, float] = {}
        self._connected = False
        self._lost_at_s: float | None = None
        self._told_dark: set[str] = set()
        self._lamp_tests: list[str] = []

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case ButtonPressed():
                return self._pressed(reading, now)
            case LinkChanged():
                return self._link_changed(reading, now)
            case ReadingFailed(quantity=quantity) if quantity.removeprefix(_NODE_FAULT).isdecimal():
                return self._light_failed(int(quantity.removeprefix(_NODE_FAULT)), reading, now)
            case LampTestEnded():
                return self._lamps_tested(now, reading.dead)
            case _:
                return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`. All tasks of a command are lit or none is."""
        match command:
            case LightTasks():
                return self._light(command.tasks)
            case CancelTasks():
                return self._cancel(set(command.task_ids))
            case LampTest():
                return self._test_lamps(command)
            case _:
                return super().on_command(command, now)

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`: when the controller has been away for too long and tasks wait that no screen knows of."""
        return None if self._lost_at_s is None or not self._untold() else self._lost_at_s + self._config.dark_s

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        deadline_s = self.next_deadline_s()
        if deadline_s is None or now.monotonic_s < deadline_s:
            return ()
        dark = self._untold()
        self._told_dark.update(dark)
        reason = f"the controller has been away for {self._config.dark_s:g} s"
        return [LightFailed(**now.stamp(), station=self.id, device=self._config.lights, task_ids=dark, reason=reason)]

    def snapshot(self) -> bytes:
        """See `Station.snapshot`."""
        return msgspec.json.encode(self._state)

    def restore(self, data: bytes) -> None:
        """See `Station.restore`. Tasks of bins that the configuration no longer has stay waiting until it has them again."""
        self._state = msgspec.json.decode(data, type=_State)
        self._choose()

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The answer was not accepted: the lights of the zone stay as they were, so that the picker sees that it did not count.

        Pressing again at once is then no double press.
        """
        self._pressed_s.clear()
        return list(self._everything())

    def lit(self) -> dict[int, PickTask]:
        """The lit task of each node."""
        return {self._config.bins[bin_code]: task for bin_code, task in self._lit_tasks().items()}

    # -- which light shows what ---------------------------------------------------------------------------------------------------------------

    def _lit_tasks(self) -> dict[str, PickTask]:
        queues, lit = self._state.queues, self._state.lit
        return {code: task for code in self._config.bins if code in lit for task in queues.get(code, ()) if task.task_id == lit[code]}

    def _choose(self) -> None:
        """Decide per bin which task is lit: the one that is lit stays, else the first that is due. A display never changes under a picker's hand."""
        first: dict[str, int] = {}
        for code in self._config.bins:
            for task in self._state.queues.get(code, ()):
                if task.sequence:
                    first[task.tour] = min(task.sequence, first.get(task.tour, task.sequence))
        lit: dict[str, str] = {}
        for code in self._config.bins:
            due = [task.task_id for task in self._state.queues.get(code, ()) if not task.sequence or task.sequence == first[task.tour]]
            if due:
                before = self._state.lit.get(code)
                lit[code] = before if before in due else due[0]
        self._state.lit = lit

    def _changed(self, before: dict[str, PickTask]) -> list[Output]:
        """What the lights must do after the tasks have changed; `before` was lit until now."""
        self._choose()
        after = self._lit_tasks()
        return [self._state_of(code, after) for code in self._config.bins if before.get(code) != after.get(code)]

    def _state_of(self, code: str, lit: dict[str, PickTask]) -> DeviceAction:
        return self._show(lit[code]) if code in lit else DeviceAction(self._config.lights, "clear", {"node": self._config.bins[code]})

    def _show(self, task: PickTask) -> DeviceAction:
        return DeviceAction(self._config.lights, "show", {"node": self._config.bins[task.bin], "quantity": task.quantity.value, "colour": task.colour})

    def _everything(self) -> Iterator[DeviceAction]:
        """The whole zone as it should look: a light that burns without a task is as wrong as a dark one with a task."""
        lit = self._lit_tasks()
        for node in sorted(self._bin_of):
            yield self._state_of(self._bin_of[node], lit)
        if self._config.done_node:
            yield self._completed_lamp()

    def _completed_lamp(self) -> DeviceAction:
        node = self._config.done_node
        if not self._state.completed:
            return DeviceAction(self._config.lights, "clear", {"node": node})
        return DeviceAction(self._config.lights, "show", {"node": node, "quantity": 0, "colour": self._state.completed[0].colour})

    # -- commands -----------------------------------------------------------------------------------------------------------------------------

    def _light(self, tasks: list[PickTask]) -> list[Output]:
        if strangers := sorted({task.bin for task in tasks} - set(self._config.bins)):
            raise CommandRefusedError(f"station {self.id} has no light for bin {', '.join(strangers)}; add it to the gateway's file or pick from a list")
        if too_many := [task for task in tasks if not 1 <= task.quantity.value <= _SHOWN_QUANTITY_MAX]:
            raise CommandRefusedError(f"task {too_many[0].task_id}: quantity {too_many[0].quantity.value} cannot be shown; 1 to {_SHOWN_QUANTITY_MAX} can")
        before = self._lit_tasks()
        known = {task.task_id: (queue, n) for queue in self._state.queues.values() for n, task in enumerate(queue)}
        for task in tasks:
            if task.task_id in known:
                queue, n = known[task.task_id]
                queue[n] = msgspec.structs.replace(queue[n], colour=task.colour, tour=task.tour, sequence=task.sequence)
            elif task.task_id not in self._state.answered:
                queue = self._state.queues.setdefault(task.bin, [])
                known[task.task_id] = (queue, len(queue))
                queue.append(task)
        return self._changed(before)

    def _cancel(self, task_ids: set[str]) -> list[Output]:
        before = self._lit_tasks()
        for queue in self._state.queues.values():
            queue[:] = [task for task in queue if task.task_id not in task_ids]
        return self._changed(before)

    def _test_lamps(self, command: LampTest) -> list[Output]:
        if not self._connected:
            raise CommandRefusedError(f"station {self.id}: controller {self._config.lights} is not connected; check its power and network")
        self._lamp_tests.append(command.command_id)
        return [DeviceAction(self._config.lights, "test")]

    # -- readings -----------------------------------------------------------------------------------------------------------------------------

    def _pressed(self, press: ButtonPressed, now: Instant) -> list[Output]:
        pressed_before_s = self._pressed_s.get(press.node, float("-inf"))
        self._pressed_s[press.node] = press.at_s
        if press.at_s - pressed_before_s < self._config.double_press_s:
            code, lit = self._bin_of.get(press.node, ""), self._lit_tasks()
            return [self._show(lit[code])] if code in lit else []  # the tag went dark by this press as by any other
        if press.node == self._config.done_node and self._state.completed:
            self._state.completed.pop(0)
            return [self._completed_lamp()]
        stamp = now.at(press.at_s).stamp()
        before = self._lit_tasks()
        task = before.get(self._bin_of.get(press.node, ""))
        if task is None:
            return [UnexpectedPress(**stamp, station=self.id, device=press.device, node=press.node, quantity=press.quantity)]
        self._state.queues[task.bin].remove(task)
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
        return [confirmed, *self._changed(before), *self._completed_by(task, now.at(press.at_s))]

    def _completed_by(self, task: PickTask, at: Instant) -> list[Output]:
        """What follows when that was the last of its tour, or of its order where there is no tour."""
        group = _group(task)
        if not any(group) or any(_group(each) == group for queue in self._state.queues.values() for each in queue):
            return []
        completed: list[Output] = [ZoneCompleted(**at.stamp(), station=self.id, tour=task.tour, order=task.order, colour=task.colour)]
        if self._config.done_node:
            self._state.completed.append(_Completed(task.tour, task.order, task.colour))
            completed.append(self._completed_lamp())
        return completed

    def _remember(self, task_id: str) -> None:
        self._told_dark.discard(task_id)
        self._state.answered[task_id] = None
        while len(self._state.answered) > _ANSWERED_KEPT_MAX:
            del self._state.answered[next(iter(self._state.answered))]

    def _link_changed(self, change: LinkChanged, now: Instant) -> list[Output]:
        self._connected = change.state == "connected"
        if self._connected:
            self._lost_at_s = None
            self._told_dark.clear()
            return list(self._everything())
        if self._lost_at_s is None:
            self._lost_at_s = change.at_s
        return self._lamps_tested(now, [], fault=f"the controller was lost: {change.reason}")

    def _light_failed(self, node: int, fault: ReadingFailed, now: Instant) -> list[Output]:
        """A tag does not answer or reports a fault: its tasks are for a screen. They stay here too, and light up should the tag come back."""
        code = self._bin_of.get(node, "")
        task_ids = [task.task_id for task in self._state.queues.get(code, ())]
        if not task_ids:
            return []
        stamp = now.at(fault.at_s).stamp()
        return [LightFailed(**stamp, station=self.id, device=fault.device, node=node, bin=code, task_ids=task_ids, reason=fault.reason)]

    def _lamps_tested(self, now: Instant, dead: Sequence[int], fault: str = "") -> list[Output]:
        nodes = [node for node in sorted(self._bin_of) if node in dead]
        commands, self._lamp_tests = self._lamp_tests, []
        return [
            LampsTested(
                **now.stamp(),
                station=self.id,
                command_id=command_id,
                device=self._config.lights,
                tested=0 if fault else len(self._bin_of),
                dead_bins=[self._bin_of[node] for node in nodes],
                dead_nodes=nodes,
                fault=fault,
            )
            for command_id in commands
        ]

    def _untold(self) -> list[str]:
        return [task.task_id for queue in self._state.queues.values() for task in queue if task.task_id not in self._told_dark]


def _group(task: PickTask) -> tuple[str, str]:
    return (task.tour, "") if task.tour else ("", task.order)


def _taken(task: PickTask, press: ButtonPressed) -> int:
    """What was taken. A confirm takes what the display shows, all if it shows nothing; a shortage key alone, number untouched, takes nothing."""
    if press.press == "shortage":
        return press.quantity if press.quantity is not None and press.quantity < task.quantity.value else 0
    return task.quantity.value if press.quantity is None else press.quantity

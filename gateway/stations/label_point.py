# SPDX-License-Identifier: Apache-2.0
"""Label point: prints what central asks for, one job after the other, and tells what became of each. No restart loses a job or prints it twice unnoticed.

The printer is given one job at a time, and only when that is durable together with what the printer's counter said before. After a restart, or a lost
link, the job is given again marked as `resume`: the driver finds out by the counter whether it was printed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from contracts.commands import AnyCommand, PrintLabel
from contracts.events import LabelPrinted
from contracts.readings import AnyReading, LabelJobChanged, LabelsCounted, LinkChanged
from drivers.base.session import Argument
from gateway.clock import Instant
from gateway.config import LabelPoint
from gateway.gateway_commands import late_answer
from gateway.stations.station import CommandRefusedError, DeviceAction, Output, Remember, Station

Ended = Literal["printed", "taken", "failed", "unknown"]
JOBS_MAX = 32
_BYTES_MAX = 4 * 1024 * 1024
"""Of all jobs together: they lie in memory, and on the card while they wait."""
_LOOK_S = 30.0
"""How often jobs that wait are looked at for their deadline, and the printer is asked again for one that it was given."""


class _Job(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job that waits, or that the printer was given. `slot` names the part of the snapshot that holds its data."""

    command: PrintLabel
    slot: str
    given: bool = False
    count_before: int = -1


class _Kept(msgspec.Struct, frozen=True):
    """What is kept of a job beside its data."""

    command_id: str
    slot: str
    given: bool
    count_before: int


class LabelPointStation(Station):
    """One label printer."""

    def __init__(self, config: LabelPoint) -> None:
        super().__init__(config.id, config.devices())
        self._printer = config.printer
        self._jobs: list[_Job] = []
        self._data: dict[str, bytes] = {}
        self._connected: bool | None = None
        """None: nothing was heard of the printer's link since this station began; then it is tried."""
        self._counted = -1
        """As the printer's counter stands after all that was printed, -1 where that is not known: labels of one job must not be taken for the next one's."""
        self._fresh = ""
        """The job that was given to the driver that runs now: until it sends it, what it counts is what was printed before it."""
        self._look_s: float | None = None

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`: one more job."""
        if not isinstance(command, PrintLabel):
            return super().on_command(command, now)
        if all(job.command.command_id != command.command_id for job in self._jobs):
            self._take(command)
        return [Remember(), *self._give(now)]

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case LinkChanged():
                return self._link_changed(reading.state == "connected", now)
            case LabelsCounted():
                return self._labels_counted(reading.count)
            case LabelJobChanged() if reading.state != "waiting":
                return self._ended(reading, now)
            case _:
                return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        if self._look_s is None or now.monotonic_s < self._look_s:
            return ()
        self._look_s = now.monotonic_s + _LOOK_S if self._jobs else None
        late = self._drop_late(now)
        given = next((job for job in self._jobs if job.given), None)
        again = [self._action(given, resume=True)] if given is not None and self._connected is not False else []
        return [*late, *again, *self._give(now)]

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return self._look_s

    def parts(self) -> Mapping[str, bytes]:
        """See `Station.parts`: the list, and the data of each job in a slot, which is written once."""
        kept = [_Kept(job.command.command_id, job.slot, job.given, job.count_before) for job in self._jobs]
        return {"": msgspec.msgpack.encode(kept), **{job.slot: self._data[job.slot] for job in self._jobs}}

    def restore_parts(self, parts: Mapping[str, bytes]) -> None:
        """See `Station.restore_parts`. What the printer was given may have been printed meanwhile."""
        try:
            kept = msgspec.msgpack.decode(parts.get("", b"\x90"), type=list[_Kept])
            commands = [msgspec.msgpack.decode(parts[each.slot], type=PrintLabel) for each in kept]
        except (msgspec.MsgspecError, KeyError) as error:
            raise ValueError(f"jobs of a label point: {error}") from error
        pairs = zip(commands, kept, strict=True)
        self._jobs = [_Job(command=command, slot=each.slot, given=each.given, count_before=each.count_before) for command, each in pairs]
        self._data = {each.slot: parts[each.slot] for each in kept}
        self._fresh = ""
        self._look_s = 0.0 if self._jobs else None

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The outbox is full: what was told was not accepted. The driver tells it again when it is asked for the same job."""
        self._look_s = now.monotonic_s + _LOOK_S if self._jobs else None
        return ()

    def _take(self, command: PrintLabel) -> None:
        """Raises: CommandRefusedError: too much waits, or the data cannot be read."""
        if command.encoding == "base64":
            try:
                base64.b64decode(command.data, validate=True)
            except binascii.Error as error:
                raise CommandRefusedError(f"the data is no base64: {error}") from error
        if not command.data.strip():
            raise CommandRefusedError("there is nothing to print in it")
        data = msgspec.msgpack.encode(command)
        size = len(data) * command.copies
        if size > _BYTES_MAX:
            raise CommandRefusedError(f"all copies together have {size} bytes and a job has {_BYTES_MAX} at most; print fewer at a time")
        if len(self._jobs) >= JOBS_MAX or sum(map(len, self._data.values())) + size > _BYTES_MAX:
            raise CommandRefusedError(f"{len(self._jobs)} jobs wait for printer {self._printer}; look what keeps it from printing, then send this one again")
        slot = next(name for n in range(JOBS_MAX) if (name := f"job-{n}") not in self._data)
        self._jobs.append(_Job(command=command, slot=slot))
        self._data[slot] = data

    def _give(self, now: Instant) -> list[Output]:
        """Hand the next job to the printer, if it is there and has none of ours."""
        self._look_s = (self._look_s or now.monotonic_s + _LOOK_S) if self._jobs else None
        late = self._drop_late(now)
        if self._connected is False or not self._jobs or self._jobs[0].given:
            return late
        job = self._jobs[0]
        job.given, job.count_before, self._fresh = True, self._counted, job.command.command_id
        return [*late, Remember(), self._action(job, resume=False)]

    def _drop_late(self, now: Instant) -> list[Output]:
        late = [job for job in self._jobs if not job.given and late_answer(job.command, now) is not None]
        events: list[Output] = []
        for job in late:
            self._forget(job)
            reason = f"printer {self._printer} could not take it before its deadline"
            events.append(self._event(job, now, "failed", 0, reason))
        return events

    def _link_changed(self, connected: bool, now: Instant) -> list[Output]:
        before, self._connected = self._connected, connected
        given = next((job for job in self._jobs if job.given), None)
        never_sent = before is None and given is not None and given.command.command_id == self._fresh
        if given is None or never_sent:
            if given is not None:
                given.given = False  # what a device is asked before its first link is never sent
            return [Remember(), *self._give(now)] if connected or given is not None else []
        self._fresh = ""
        return [self._action(given, resume=True)] if connected else []

    def _labels_counted(self, count: int) -> Sequence[Output]:
        self._counted = count
        job = self._jobs[0] if self._jobs else None
        if job is None or job.command.command_id != self._fresh or job.count_before == count:
            return ()
        job.count_before = count
        return [Remember()]

    def _ended(self, told: LabelJobChanged, now: Instant) -> Sequence[Output]:
        job = next((each for each in self._jobs if each.command.command_id == told.job), None)
        if job is None or told.state == "waiting":
            return ()
        self._forget(job)
        self._fresh = ""
        self._counted = -1 if job.count_before < 0 or told.labels is None else job.count_before + told.labels
        return [self._event(job, now.at(told.at_s), told.state, told.labels, told.reason), *self._give(now)]

    def _forget(self, job: _Job) -> None:
        self._jobs.remove(job)
        del self._data[job.slot]

    def _event(self, job: _Job, at: Instant, outcome: Ended, labels: int | None, reason: str) -> LabelPrinted:
        job_id, stamp = job.command.command_id, at.stamp()
        return LabelPrinted(**stamp, station=self.id, command_id=job_id, device=self._printer, outcome=outcome, labels=labels, reason=reason)

    def _action(self, job: _Job, *, resume: bool) -> DeviceAction:
        command = job.command
        what: dict[str, Argument] = {"job": command.command_id, "data": command.data, "encoding": command.encoding, "copies": command.copies}
        return DeviceAction(self._printer, "print", {**what, "resume": resume, "count_before": job.count_before})

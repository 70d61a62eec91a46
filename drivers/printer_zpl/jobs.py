# SPDX-License-Identifier: Apache-2.0
"""Print jobs, and what is remembered of a printer from one connection to the next, so that a job is never printed twice unnoticed."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from contracts.readings import PrintState
from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.printer_zpl.frames import labels_in

JOBS_WAITING_MAX = 64
JOB_BYTES_MAX = 4 * 1024 * 1024
"""A sheet of graphics of a 4-inch label at 600 dpi takes 0.9 MB in hex."""
_FINISHED_MAX = 256
_COPIES_MAX = 999
SENDINGS_MAX = 2


@dataclass
class Job:
    """One job. `count_before`: the printer's counter before it; None: it has none. `sent`: bytes of it may have reached the printer.

    `resumed`: the link, or the gateway, was lost after it was sent. `clear_since_s`: since when the printer has had nothing left to do.
    """

    id: str
    data: bytes
    labels: int
    count_before: int | None = None
    sent: bool = False
    resumed: bool = False
    sendings: int = 0
    cancelled: bool = False
    told_waiting: str = ""
    clear_since_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    state: PrintState
    labels: int | None = None
    reason: str = ""


@dataclass
class Memory:
    """What outlives a connection: jobs, conditions that were told, what the printer can."""

    waiting: deque[Job] = field(default_factory=deque)
    current: Job | None = None
    finished: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    active: dict[str, str] = field(default_factory=dict)
    counted: int | None = None
    told: int | None = None

    def knows(self, job_id: str) -> bool:
        """Whether a job of that id is at work or waits."""
        return (self.current is not None and self.current.id == job_id) or any(job.id == job_id for job in self.waiting)

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Keep what became of it, so that the same job given again is answered and not printed."""
        if self.current is job:
            self.current = None
        self.finished[job.id] = outcome
        while len(self.finished) > _FINISHED_MAX:
            self.finished.popitem(last=False)


def job_of(arguments: Mapping[str, Argument]) -> Job:
    """A job of the arguments of `print`. Raises: LocalProtocolError: not understood, or too large."""
    data = _decoded(str(arguments["data"]), str(arguments.get("encoding", "text")))
    copies, before = int(arguments.get("copies", 1)), int(arguments.get("count_before", -1))
    if not 1 <= copies <= _COPIES_MAX:
        raise LocalProtocolError(f"copies must be 1 to {_COPIES_MAX}, got {copies}")
    if not data.strip() or len(data) * copies > JOB_BYTES_MAX:
        raise LocalProtocolError(f"a job has 1 to {JOB_BYTES_MAX} bytes, this one has {len(data) * copies}")
    job = Job(str(arguments["job"]), data * copies, labels_in(data) * copies, before if before >= 0 else None)
    job.sent = job.resumed = bool(arguments.get("resume", False))
    return job


def _decoded(text: str, encoding: str | Literal["text", "base64"]) -> bytes:
    if encoding == "text":
        return text.encode()
    if encoding != "base64":
        raise LocalProtocolError(f"encoding is text or base64, got {encoding!r}")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise LocalProtocolError(f"data is no base64: {error}") from error

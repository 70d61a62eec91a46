# SPDX-License-Identifier: Apache-2.0
"""The driver of ZPL label printers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.readings import AnyReading, ConditionChanged, LabelJobChanged, LabelsCounted
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.printer_zpl.config import PrinterZplConfig
from drivers.printer_zpl.jobs import Memory
from drivers.printer_zpl.session import ConditionTold, JobTold, LabelsTold, PrinterZplSession


class PrinterZplDriver(StreamDriver[PrinterZplConfig]):
    """One printer. Jobs outlive a lost link."""

    def __init__(self, device_id: str, config: PrinterZplConfig, **others: Any) -> None:
        super().__init__(device_id, config, **others)
        self._memory = Memory()

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return PrinterZplSession(self.config, self._memory)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        match event:
            case ConditionTold(condition=condition, active=active, reason=reason):
                yield ConditionChanged(device=self.device_id, at_s=at_s, condition=condition, active=active, reason=reason)
            case JobTold(job=job, state=state, labels=labels, reason=reason):
                yield LabelJobChanged(device=self.device_id, at_s=at_s, job=job, state=state, labels=labels, reason=reason)
            case LabelsTold(count=count):
                yield LabelsCounted(device=self.device_id, at_s=at_s, count=count)


SPEC = DriverSpec(
    name="printer_zpl",
    config=PrinterZplConfig,
    factory=PrinterZplDriver,
    capabilities=frozenset({"prints"}),
    twin="firmware_sims.printer_zpl.twin:ZplPrinterTwin",
    source="Zebra, Programming Guide ZPL II, ZBI 2, Set-Get-Do, Mirror, WML (P1099958): ~HS, ~HI, ~HQ, ~JA, ~PP, ~PS, SGD getvar",
    commands=(
        CommandSpec(
            "print",
            "Print a job once; the same job given again is answered with what became of it",
            (
                ArgumentSpec("job", str, "Name of the job, unique for good", "name"),
                ArgumentSpec("data", str, "ZPL, as text or as base64", "text"),
                ArgumentSpec("encoding", str, "text or base64", "choice", default="text", required=False),
                ArgumentSpec("copies", int, "How often the whole job is sent", "count", default=1, required=False),
                ArgumentSpec("resume", bool, "It may have been sent: find out, and print it only if nothing was printed", "flag", False, required=False),
                ArgumentSpec("count_before", int, "The printer's counter before it was sent; -1: not known", "count", default=-1, required=False),
            ),
        ),
        CommandSpec("status", "Ask for the status now"),
        CommandSpec("pause", "Pause after the label that is being printed (~PP)"),
        CommandSpec("resume", "Go on printing (~PS)"),
        CommandSpec("cancel", "Cancel all jobs, in the printer and here (~JA)"),
    ),
)

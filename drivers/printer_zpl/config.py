# SPDX-License-Identifier: Apache-2.0
"""Configuration of a label printer."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class PrinterZplConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="printer_zpl"):
    """A label printer with ZPL II."""

    port: Annotated[int, described("TCP port", "count", ge=0, le=65535)] = 9100
    status: Annotated[
        Literal["ask", "none"], described("ask: the printer answers ~HS; none: it answers nothing (many clones), so that a job is `taken` at best", "choice")
    ] = "ask"
    counter: Annotated[
        Literal["auto", "none"], described("auto: ask for the printer's counter of labels (SGD) and use it where there is one; none: do not ask", "choice")
    ] = "auto"
    poll_interval_s: Annotated[float, described("Time from one question for the status to the next while nothing is printed", "s", ge=0.2, le=600)] = 5.0
    job_poll_interval_s: Annotated[float, described("The same while a job is in the printer", "s", ge=0.05, le=60)] = 0.5
    settle_s: Annotated[
        float, described("A job counts as printed when the printer has had nothing left to do for so long: the last label is on its way out", "s", ge=0, le=60)
    ] = 1.0
    reply_timeout_s: Annotated[float, described("How long the printer may take to answer before the link counts as lost", "s", gt=0, le=60)] = 3.0
    busy_timeout_s: Annotated[float, described("The same while it works on a job: some answer only between two labels", "s", gt=0, le=600)] = 30.0

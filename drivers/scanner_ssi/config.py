# SPDX-License-Identifier: Apache-2.0
"""Configuration of an SSI scanner."""

from __future__ import annotations

from typing import Annotated

from drivers.base.codes.config import CodeStreamConfig, NoRead
from drivers.base.config import described


class ScannerSsiConfig(CodeStreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scanner_ssi"):
    """Set the scanner to SSI host, packeted decode data and ACK/NAK (its defaults for SSI)."""

    no_read: NoRead = "NR"
    reply_timeout_s: Annotated[
        float, described("How long the scanner may take to answer, before the command is sent again; it waits as long itself", "s", ge=0.1, le=60)
    ] = 2.0
    keepalive_s: Annotated[float, described("After so much silence the scanner is asked for its revision; 0 for never", "s", ge=0, le=3600)] = 30.0

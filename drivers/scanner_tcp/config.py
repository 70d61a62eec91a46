# SPDX-License-Identifier: Apache-2.0
"""Configuration of a fixed scanner over TCP."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.codes.config import CodeStreamConfig, NoRead
from drivers.base.codes.lines import Gap, Suffix
from drivers.base.config import described


class ScannerTcpConfig(CodeStreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scanner_tcp"):
    """Usual ports: Keyence 9004, Cognex 23, Datalogic 51236. A serial line works as well."""

    make: Annotated[Literal["keyence_sr", "cognex_dmcc", "datalogic"], described("Whose commands it takes", "choice")]
    suffix: Suffix = "line"
    gap_s: Gap = 0.05
    no_read: NoRead = "maker"
    """`maker`: what the maker's scanners say as delivered."""
    checksums: Annotated[bool, described("Send DMCC commands with a checksum (Cognex), which the scanner then answers with one", "flag")] = False
    trigger_text: Annotated[
        str, described("What begins a reading, as set in DL.CODE (Datalogic); a byte as 0x02; empty: trigger is refused", "text", max_length=40)
    ] = ""
    stop_text: Annotated[str, described("What ends a reading, as set in DL.CODE (Datalogic); empty: stop is refused", "text", max_length=40)] = ""
    heartbeat: Annotated[
        str, described("What the scanner says by itself to show that it lives, which is no code; several with | between; empty: nothing", "text", max_length=80)
    ] = ""
    heartbeat_timeout_s: Annotated[float, described("Silence after which the link counts as lost, where a heartbeat is set", "s", gt=0, le=3600)] = 60.0
    keepalive_s: Annotated[float, described("After so much silence the scanner is asked who it is (Keyence, Cognex); 0 for never", "s", ge=0, le=3600)] = 15.0
    reply_timeout_s: Annotated[float, described("How long the scanner may take to answer a command", "s", gt=0, le=60)] = 2.0
    silent_s: Annotated[
        float, described("After so long without a refusal a Keyence scanner has taken LON or LOFF, which it does not answer as delivered", "s", gt=0, le=10)
    ] = 0.3

# SPDX-License-Identifier: Apache-2.0
"""Configuration of an LLRP reader that is spoken to through sllurp."""

from __future__ import annotations

from typing import Annotated

from drivers.base.config import StreamConfig, described

PORT = 5084  # LLRP 1.0.1, 8.1


class SllurpConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sllurp"):
    """An RFID reader reached over TCP, without TLS and LLRP 1.1, which sllurp does not know."""

    port: Annotated[int, described("TCP port", "count", ge=1, le=65535)] = PORT
    antennas: Annotated[
        tuple[Annotated[int, described("Antenna number as printed on the reader", "count", ge=1, le=255)], ...],
        described("Antennas to read with; sllurp wants them named", "count", min_length=1),
    ] = (1,)
    inputs: Annotated[
        tuple[Annotated[int, described("Input number as printed on the reader", "count", ge=1, le=64)], ...],
        described("Inputs whose changes are reported; sllurp wants them named", "count"),
    ] = ()
    power_dbm: Annotated[float | None, described("Transmit power, the reader's nearest step to it; left out: its highest", "dBm")] = None
    session: Annotated[int, described("Gen2 session, as in rfid_llrp", "count", ge=0, le=3)] = 1
    tag_population: Annotated[int, described("How many tags are in the field at once, roughly", "count", ge=1, le=65535)] = 32
    reader_mode: Annotated[int | None, described("RF mode from the reader's mode table; left out, the reader chooses", "count")] = None
    report_every_n_tags: Annotated[int, described("Reads that the reader collects into one report", "count", ge=1, le=1000)] = 1
    report_phase: Annotated[bool, described("Report phase, Doppler shift and fine RSSI of each read (Impinj)", "flag")] = False
    keepalive_s: Annotated[
        float, described("How often the reader is to say that it lives; 2.2 times as long of silence counts as lost", "s", ge=0.1, le=600)
    ] = 2.0
    reply_timeout_s: Annotated[float, described("How long the reader may take to be set up", "s", gt=0, le=60)] = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path:
            raise ValueError("LLRP is spoken over TCP only; give `host` instead of `path`")

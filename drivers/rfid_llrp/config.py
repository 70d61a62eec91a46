# SPDX-License-Identifier: Apache-2.0
"""Configuration of an LLRP reader."""

from __future__ import annotations

from typing import Annotated

import msgspec

from drivers.base.config import StreamConfig, described

Port = Annotated[int, described("Antenna number as printed on the reader", "count", ge=1, le=255)]


class RfidLlrpConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rfid_llrp"):
    """An RFID reader reached over TCP; LLRP knows no serial lines."""

    port: Annotated[int, described("TCP port; 5084 is LLRP's own", "count", ge=0, le=65535)] = 5084
    antennas: Annotated[tuple[Port, ...], described("Antennas to read with; empty means all of the reader", "count")] = ()
    power_dbm: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=40)] | None,
        described("Transmit power; the reader's nearest step that is not above it is used; left out, the reader's own setting stays", "dBm"),
    ] = None
    session: Annotated[
        int, described("Gen2 session: 0 reads a tag again at once, 1 after some 0.5 to 5 s, 2 and 3 only after it left the field", "count", ge=0, le=3)
    ] = 1
    tag_population: Annotated[int, described("How many tags are in the field at once, roughly; the reader sizes its slots by it", "count", ge=1, le=65535)] = 32
    reader_mode: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=65535)] | None, described("RF mode from the reader's mode table; left out, the reader chooses", "count")
    ] = None
    report_every_n_tags: Annotated[
        int,
        described(
            "Reads that the reader collects into one report. 1 gives the shortest delay, and no read waits in the reader after the last tag has passed;"
            " more saves work at busy doors; 0 reports only when asked, every `report_within_s`",
            "count",
            ge=0,
            le=1000,
        ),
    ] = 1
    report_within_s: Annotated[float, described("How often collected reads are fetched when `report_every_n_tags` is not 1", "s", ge=0.05, le=60)] = 0.25
    keepalive_s: Annotated[
        float, described("How often the reader is to say that it lives; 2.2 times as long without a byte counts as lost", "s", ge=0.1, le=600)
    ] = 2.0
    reply_timeout_s: Annotated[float, described("How long the reader may take to answer a request", "s", gt=0, le=60)] = 5.0
    frame_bytes_max: Annotated[
        int, described("Longest LLRP message that is believed; a longer one means that the stream is damaged", "bytes", ge=4096, le=16_777_216)
    ] = 1_048_576

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path:
            raise ValueError("LLRP is spoken over TCP only; give `host` instead of `path`")

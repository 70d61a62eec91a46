# SPDX-License-Identifier: Apache-2.0
"""Configuration of an LLRP reader."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from drivers.base.config import TlsStreamConfig, described
from drivers.rfid_llrp.frames import FRAME_BYTES_MAX

PORT, TLS_PORT = 5084, 5085  # LLRP 1.0.1, 8.1 and 8.3.1 (IANA "llrp" and "encrypted-llrp")

Port = Annotated[int, described("Antenna number as printed on the reader", "count", ge=1, le=255)]
Power = Annotated[float, msgspec.Meta(ge=0, le=40)]
SearchMode = Literal["default", "reader_selected", "single_target", "dual_target", "single_target_with_suppression"]


class RfidLlrpConfig(TlsStreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rfid_llrp"):
    """An RFID reader reached over TCP; LLRP knows no serial lines."""

    port: Annotated[int, described("TCP port; 0 stands for LLRP's own: 5084, with `tls` 5085", "count", ge=0, le=65535)] = 0
    connect_timeout_s: Annotated[
        float, described("How long to wait for the connection; short, so that a reader that starts is found at once", "s", gt=0, le=60)
    ] = 1.0
    llrp_version: Annotated[
        Literal["auto", "1.0.1", "1.1"], described("Version to speak; auto agrees on 1.1 where the reader knows it and keeps 1.0.1 where not", "choice")
    ] = "auto"
    antennas: Annotated[tuple[Port, ...], described("Antennas to read with; empty means all of the reader", "count")] = ()
    power_dbm: Annotated[
        Power | None,
        described("Transmit power; the reader's nearest step that is not above it is used; left out, the reader's own setting stays", "dBm"),
    ] = None
    antenna_powers_dbm: Annotated[
        tuple[Power, ...], described("Transmit power of each of `antennas`, in their order; empty: `power_dbm` for all of them", "dBm")
    ] = ()
    session: Annotated[
        int, described("Gen2 session: 0 reads a tag again at once, 1 after some 0.5 to 5 s, 2 and 3 only after it left the field", "count", ge=0, le=3)
    ] = 1
    tag_population: Annotated[int, described("How many tags are in the field at once, roughly; the reader sizes its slots by it", "count", ge=1, le=65535)] = 32
    reader_mode: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=65535)] | None, described("RF mode from the reader's mode table; left out, the reader chooses", "count")
    ] = None
    tari_ns: Annotated[int, described("Tari, the length of the reader's 0, within what the mode allows; 0: the mode's own", "ns", ge=0, le=25_000)] = 0
    start: Annotated[
        Literal["immediate", "periodic", "input"],
        described("What makes the reader read: the connection, a clock (`start_period_s`), or an input (`start_input` turning to `start_level`)", "choice"),
    ] = "immediate"
    start_period_s: Annotated[float, described("How often reading begins when `start` is periodic", "s", ge=0.1, le=86_400)] = 10.0
    start_input: Annotated[int, described("Input that starts the reading when `start` is input", "count", ge=1, le=64)] = 1
    start_level: Annotated[bool, described("Level to which that input turns", "flag")] = True
    stop: Annotated[
        Literal["never", "time", "input"],
        described("What ends it: nothing, `stop_after_s`, or an input (`stop_input` turning to `stop_level`, `stop_after_s` at the latest)", "choice"),
    ] = "never"
    stop_after_s: Annotated[float, described("How long one reading lasts, with `stop` input at most (0: without limit)", "s", ge=0, le=86_400)] = 0.0
    stop_input: Annotated[int, described("Input that ends the reading when `stop` is input", "count", ge=1, le=64)] = 1
    stop_level: Annotated[bool, described("Level to which that input turns", "flag")] = False
    search_mode: Annotated[
        SearchMode,
        described("Impinj's search mode; dual_target reads tags again and again, as a door wants it", "choice"),
    ] = "default"
    report_channel: Annotated[bool, described("Report the channel of each read", "flag")] = False
    report_phase: Annotated[bool, described("Report the phase of each read, with its channel (Impinj, Zebra)", "flag")] = False
    report_doppler: Annotated[bool, described("Report the Doppler shift of each read (Impinj)", "flag")] = False
    fine_rssi: Annotated[bool, described("Report peak RSSI in hundredths of a dBm instead of whole ones (Impinj)", "flag")] = False
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
    ] = FRAME_BYTES_MAX

    def __post_init__(self) -> None:
        if not self.port:
            msgspec.structs.force_setattr(self, "port", TLS_PORT if self.tls else PORT)
        super().__post_init__()
        if self.path:
            raise ValueError("LLRP is spoken over TCP only; give `host` instead of `path`")
        if self.antenna_powers_dbm and len(self.antenna_powers_dbm) != len(self.antennas):
            raise ValueError("`antenna_powers_dbm` needs one power for each of `antennas`")
        if self.tari_ns and self.reader_mode is None:
            raise ValueError("`tari_ns` needs a `reader_mode`")
        if self.stop == "time" and not self.stop_after_s:
            raise ValueError("`stop` time needs `stop_after_s`")
        if self.start == "periodic" and self.stop != "time":
            raise ValueError("`start` periodic needs `stop` time, or the first reading never ends")

    @property
    def reads_on_and_on(self) -> bool:
        """Whether the reader is to read all the time, so that an end of its reading is a fault."""
        return self.start == "immediate" and self.stop == "never"

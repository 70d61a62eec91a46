# SPDX-License-Identifier: Apache-2.0
"""The LLRP reader as a driver: TCP around the session, and its events as readings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from contracts.readings import AnyReading, InputChanged, ReadingFailed, TagRead
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec
from drivers.rfid_llrp.commands import COMMANDS
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import InputLevel, ReaderFault, TagsSeen
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.setup import KnownReader


class RfidLlrpDriver(StreamDriver[RfidLlrpConfig]):
    """Emits TagRead, InputChanged, and ReadingFailed (quantity antenna, report_buffer or reader) when the reader complains.

    `TagRead.reader_time_us` is the reader's own clock as it sends it: UTC, or microseconds since its start when it has no UTC clock, and wrong as often as
    not. It orders reads and measures between them; whoever needs to know when they were lays it beside `at_s`.
    """

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LlrpSession(self.config, self._known)

    @cached_property
    def _known(self) -> KnownReader:
        return KnownReader()

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        match event:
            case TagsSeen(tags=tags):
                return [
                    TagRead(
                        device=self.device_id,
                        at_s=at_s,
                        epc=tag.epc.hex().upper(),
                        antenna=tag.antenna,
                        peak_rssi_dbm=tag.peak_rssi_dbm,
                        reader_time_us=tag.first_seen_us if tag.last_seen_us is None else tag.last_seen_us,
                        seen_count=tag.seen_count,
                        channel=tag.channel,
                        phase_rad=tag.phase_rad,
                        doppler_hz=tag.doppler_hz,
                    )
                    for tag in tags
                ]
            case InputLevel(input=number, level=level, reader_time_us=time_us):
                return [InputChanged(device=self.device_id, at_s=at_s, input=number, level=level, reader_time_us=time_us)]
            case ReaderFault(part=part, text=text):
                return [ReadingFailed(device=self.device_id, at_s=at_s, quantity=part, reason=text)]
        return []


SPEC = DriverSpec(
    name="rfid_llrp",
    config=RfidLlrpConfig,
    factory=RfidLlrpDriver,
    capabilities=frozenset({"reads_tags", "senses_inputs", "switches_outputs"}),
    twin="firmware_sims.rfid_llrp.twin:LlrpReaderTwin",
    source="EPCglobal Low Level Reader Protocol (LLRP) 1.0.1 and 1.1, ratified standards",
    commands=COMMANDS,
)

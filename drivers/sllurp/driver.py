# SPDX-License-Identifier: Apache-2.0
"""A reader behind sllurp as a driver. sllurp is under the GPL and comes with an extra; it is imported with the first conversation."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import Any

from contracts.readings import AnyReading, InputChanged, TagRead
from drivers.base.driver import StreamDriver
from drivers.base.errors import ConfigError
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec
from drivers.sllurp.config import SllurpConfig


class SllurpDriver(StreamDriver[SllurpConfig]):
    """Emits the same TagRead and InputChanged as `rfid_llrp`. Raises: ConfigError: sllurp is not installed."""

    def __init__(self, device_id: str, config: SllurpConfig, **arguments: Any) -> None:
        if importlib.util.find_spec("sllurp") is None:
            raise ConfigError("sllurp is not installed; pip install 'dockline[sllurp]', or use the driver rfid_llrp", device_id=device_id)
        super().__init__(device_id, config, **arguments)

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        from drivers.sllurp.session import SllurpSession

        return SllurpSession(self.config)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        from drivers.sllurp.session import InputLevel, TagSeen

        if isinstance(event, TagSeen):
            yield TagRead(
                device=self.device_id,
                at_s=at_s,
                epc=event.epc,
                antenna=event.antenna,
                peak_rssi_dbm=event.peak_rssi_dbm,
                reader_time_us=event.reader_time_us,
                seen_count=event.seen_count,
                channel=event.channel,
                phase_rad=event.phase_rad,
                doppler_hz=event.doppler_hz,
            )
        elif isinstance(event, InputLevel):
            yield InputChanged(device=self.device_id, at_s=at_s, input=event.input, level=event.level)


SPEC = DriverSpec(
    name="sllurp",
    config=SllurpConfig,
    factory=SllurpDriver,
    capabilities=frozenset({"reads_tags", "senses_inputs"}),
    twin="firmware_sims.rfid_llrp.twin:LlrpReaderTwin",
    source="sllurp 3.0.5 (GPL-3.0), its LLRPClient and LLRPMessage; EPCglobal LLRP 1.0.1, 16.1 for the cutting of messages",
)

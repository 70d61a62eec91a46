# SPDX-License-Identifier: Apache-2.0
"""ROSpecs of the simulated reader: their triggers, their state, and the reads that they collect for the next report.

Source: LLRP 1.0.1, 6.3 (ROSpec states), 10.2 (ROSpec and its triggers), 13.2.1 (report triggers and content). The reader runs one AISpec per ROSpec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_sims.rfid_llrp import extensions
from firmware_sims.rfid_llrp.codec import MalformedError, Node, encode

DISABLED, INACTIVE, ACTIVE = 0, 1, 2
_START_IMMEDIATE, _START_PERIODIC, _START_GPI = 1, 2, 3
_STOP_DURATION, _STOP_GPI = 1, 2
_UPON_N_TAGS = 0
_EVERY_CONTENT = 0x1F80  # antenna, channel, peak RSSI, first and last seen, count: what is reported when no ROReportSpec says otherwise
_COUNT_MAX = 65_535


class UnsupportedError(ValueError):
    """The ROSpec asks for what this reader cannot do."""


class Radio(NamedTuple):
    """How a tag was heard."""

    peak_rssi_dbm: float
    channel: int = 1
    phase_rad: float = 0.0
    doppler_hz: float = 0.0


@dataclass
class Seen:
    """Reads of one tag by one antenna since the last report."""

    epc: bytes
    antenna: int
    radio: Radio
    first_us: int
    last_us: int
    count: int = 1

    def again(self, radio: Radio, at_us: int) -> None:
        """The same tag was read once more; phase and Doppler shift are those of the last read."""
        self.radio = radio._replace(peak_rssi_dbm=max(self.radio.peak_rssi_dbm, radio.peak_rssi_dbm))
        self.last_us = at_us
        self.count = min(self.count + 1, _COUNT_MAX)

    def encoded(self, content: int, rospec_id: int, utc: bool, wanted: dict[str, int], access: tuple[int, bytes] = (0, b"")) -> bytes:
        """TagReportData with what the content selector and the maker's parameters ask for, and the results of an AccessSpec."""
        access_spec_id, results = access
        whole_dbm = max(-128, min(127, round(self.radio.peak_rssi_dbm)))
        clock = "UTC" if utc else "Uptime"
        identity = encode("EPC_96", self.epc) if len(self.epc) == 12 else encode("EPCData", self.epc)
        optional = (
            (15, encode("ROSpecID", rospec_id)),
            (14, encode("SpecIndex", 1)),
            (13, encode("InventoryParameterSpecID", 1)),
            (12, encode("AntennaID", self.antenna)),
            (10, encode("PeakRSSI", whole_dbm)),
            (11, encode("ChannelIndex", self.radio.channel)),
            (9, encode(f"FirstSeenTimestamp{clock}", self.first_us)),
            (8, encode(f"LastSeenTimestamp{clock}", self.last_us)),
            (7, encode("TagSeenCount", self.count)),
            (6, encode("AccessSpecID", access_spec_id)),
        )
        standard = b"".join(part for bit, part in optional if content >> bit & 1)
        custom = extensions.reported(wanted, self.radio.peak_rssi_dbm, self.radio.phase_rad, self.radio.doppler_hz)
        return encode("TagReportData", inner=identity + standard + results + custom)


@dataclass
class RoSpec:
    """One ROSpec. `antennas` empty: all. `start_input` and `stop_input` are (port, level) of GPI triggers."""

    rospec_id: int
    raw: bytes
    antennas: frozenset[int] = frozenset()
    power_indices: frozenset[int] = frozenset()
    modes: frozenset[int] = frozenset()
    immediate: bool = False
    start_input: tuple[int, bool] | None = None
    stop_input: tuple[int, bool] | None = None
    starts_after_ms: int = 0
    starts_every_ms: int = 0
    starts_at_s: float | None = None
    wanted: dict[str, int] = field(default_factory=dict)
    runs_ms: int = 0
    ends_after_tags: int = 0
    report_trigger: int = 2
    report_every_n: int = 1
    content: int = _EVERY_CONTENT
    state: int = DISABLED
    stops_at_s: float | None = None
    _collected: dict[tuple[bytes, int], Seen] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Node, raw: bytes) -> RoSpec:
        """From a parsed ROSpec. Raises: UnsupportedError, MalformedError: why it cannot be taken."""
        rospec_id, _, state = node.fields
        if not rospec_id or state != DISABLED:
            raise UnsupportedError("a ROSpec needs an id above 0 and must be added disabled")
        boundary, ai = node.find("ROBoundarySpec"), node.find("AISpec")
        start = boundary.find("ROSpecStartTrigger") if boundary else None
        stop = boundary.find("ROSpecStopTrigger") if boundary else None
        if boundary is None or start is None or stop is None or ai is None:
            raise MalformedError("a ROSpec needs a boundary with start and stop trigger, and an AISpec")
        spec = cls(rospec_id, raw, frozenset(ai.fields[0]) - {0}, immediate=start.fields[0] == _START_IMMEDIATE)
        if start.fields[0] == _START_PERIODIC:
            spec._take_period(start)
        spec.start_input = _trigger(start) if start.fields[0] == _START_GPI else None
        spec._take_stop(stop, ai)
        spec._take_report(node)
        spec.power_indices = frozenset(transmitter.fields[2] for transmitter in ai.walk("RFTransmitter"))
        spec.modes = frozenset(control.fields[0] for control in ai.walk("C1G2RFControl"))
        return spec

    def _take_period(self, start: Node) -> None:
        value = start.find("PeriodicTriggerValue")
        if value is None:
            raise MalformedError("a periodic start trigger needs a PeriodicTriggerValue")
        self.starts_after_ms, self.starts_every_ms = value.fields
        if not self.starts_every_ms:
            raise UnsupportedError("a period of zero is none")

    def wind(self, now_s: float) -> None:
        """It was enabled: a periodic one begins to count."""
        if self.starts_every_ms:
            self.starts_at_s = now_s + self.starts_after_ms / 1000

    def _take_stop(self, stop: Node, ai: Node) -> None:
        kind, duration_ms = stop.fields
        if kind == _STOP_DURATION:
            self.runs_ms = duration_ms
        elif kind == _STOP_GPI and (value := stop.find("GPITriggerValue")):
            self.stop_input, self.runs_ms = _trigger(stop), value.fields[2]
        ai_stop = ai.find("AISpecStopTrigger")  # when the only AISpec ends, the ROSpec ends
        if ai_stop and ai_stop.fields[0] == _STOP_DURATION and ai_stop.fields[1]:
            self.runs_ms = ai_stop.fields[1]
        elif ai_stop and (observed := ai_stop.find("TagObservationTrigger")):
            if observed.fields[0] != _UPON_N_TAGS:
                raise UnsupportedError("of the tag observation triggers only the number of tags is simulated")
            self.ends_after_tags, self.runs_ms = observed.fields[2], observed.fields[5] or self.runs_ms

    def _take_report(self, node: Node) -> None:
        report = node.find("ROReportSpec")
        if report is not None:
            self.report_trigger, self.report_every_n = report.fields
            selector = report.find("TagReportContentSelector")
            self.content = selector.fields[0] if selector else _EVERY_CONTENT

    def encoded(self) -> bytes:
        """As it was added, with the present state."""
        return self.raw[:9] + bytes([self.state]) + self.raw[10:]

    def start(self, now_s: float) -> None:
        """Begin to read."""
        self.state = ACTIVE
        if self.starts_at_s is not None:
            self.starts_at_s += self.starts_every_ms / 1000
        self.stops_at_s = now_s + self.runs_ms / 1000 if self.runs_ms else None

    def stop(self) -> None:
        """Cease to read and wait for the next start."""
        self.state, self.stops_at_s = INACTIVE, None

    def reads_with(self, antenna: int) -> bool:
        """Whether a tag before this antenna is seen now."""
        return self.state == ACTIVE and (not self.antennas or antenna in self.antennas)

    def collect(self, epc: bytes, antenna: int, radio: Radio, at_us: int) -> None:
        """Take a read."""
        key = (epc, antenna if self.content >> 12 & 1 else 0)
        if (seen := self._collected.get(key)) is not None:
            seen.again(radio, at_us)
        else:
            self._collected[key] = Seen(epc, antenna, radio, at_us, at_us)

    @property
    def report_is_due(self) -> bool:
        """Whether as many tags are collected as one report is to have."""
        return bool(self.report_trigger) and 0 < self.report_every_n <= len(self._collected)

    @property
    def run_is_over(self) -> bool:
        """Whether as many tags were seen as one run is to see."""
        return 0 < self.ends_after_tags <= len(self._collected)

    def collected(self, utc: bool) -> bytes:
        """The reads since the last report as TagReportData, and forget them."""
        seen, self._collected = self._collected, {}
        return b"".join(one.encoded(self.content, self.rospec_id, utc, self.wanted) for one in seen.values())


def _trigger(node: Node) -> tuple[int, bool]:
    value = node.find("GPITriggerValue")
    if value is None:
        raise MalformedError("a GPI trigger needs a GPITriggerValue")
    return value.fields[0], bool(value.fields[1] & 0x80)

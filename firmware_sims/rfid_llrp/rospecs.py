# SPDX-License-Identifier: Apache-2.0
"""ROSpecs of the simulated reader: their triggers, their state, and the reads that they collect for the next report.

Source: LLRP 1.0.1, 6.3 (ROSpec states), 10.2 (ROSpec and its triggers), 13.2.1 (report triggers and content), 13.2.3 (what is reported as one).
"""

from __future__ import annotations

import binascii
import math
import operator
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from firmware_sims.rfid_llrp import extensions
from firmware_sims.rfid_llrp.aispecs import AiSpec, UnsupportedError, ends_of, trigger_of
from firmware_sims.rfid_llrp.codec import TABLE, MalformedError, Node, encode

DISABLED, INACTIVE, ACTIVE = 0, 1, 2
_START_IMMEDIATE, _START_PERIODIC, _START_GPI = 1, 2, 3
END_OF_AISPEC = 1  # ROReportTrigger
_EVERY_CONTENT = 0x1F80  # antenna, channel, peak RSSI, first and last seen, count: what is reported when no ROReportSpec says otherwise
_COUNT_MAX = 65_535
_PER_ANTENNA = 1 << 12  # EnableAntennaID
_PER_AISPEC = 1 << 14 | 1 << 13  # EnableSpecIndex, EnableInventoryParameterSpecID


class Radio(NamedTuple):
    """How a tag was heard."""

    peak_rssi_dbm: float
    channel: int = 1
    phase_rad: float = 0.0
    doppler_hz: float = 0.0


@dataclass
class Seen:
    """Reads of one tag by one antenna in one AISpec since the last report."""

    epc: bytes
    antenna: int
    radio: Radio
    first_us: int
    last_us: int
    count: int = 1
    ai: AiSpec = field(default_factory=AiSpec)

    def again(self, radio: Radio, at_us: int) -> None:
        """The same tag was read once more; phase and Doppler shift are those of the last read."""
        self.radio = radio._replace(peak_rssi_dbm=max(self.radio.peak_rssi_dbm, radio.peak_rssi_dbm))
        self.last_us = at_us
        self.count = min(self.count + 1, _COUNT_MAX)

    def encoded(self, content: int, rospec_id: int, utc: bool, wanted: dict[str, int], access: tuple[int, bytes] = (0, b""), memory: int = 0) -> bytes:
        """TagReportData with what the content selector, the memory selector and the maker's parameters ask for, and the results of an AccessSpec."""
        access_spec_id, results = access
        dbm, epc = self.radio.peak_rssi_dbm, self.epc
        whole_dbm = -128 if dbm < -128 else 127 if dbm > 127 else round(dbm)
        identity = b"\x8d" + epc if len(epc) == _EPC_96_BYTES else encode("EPCData", epc)
        protocol = _protocol_data(epc, memory) if memory else b""
        custom = extensions.reported(wanted, dbm, self.radio.phase_rad, self.radio.doppler_hz) if wanted else b""
        pack, pick = _layout(content & ~_ACCESS_SPEC_ID, utc)
        values = (rospec_id, self.ai.index, self.ai.inventory_id, self.antenna, whole_dbm, self.radio.channel, self.first_us, self.last_us, self.count)
        standard = pack(*pick(values + _NUMBERS)) if pick else b""
        if content & _ACCESS_SPEC_ID:
            protocol += encode("AccessSpecID", access_spec_id)
        size = 4 + len(identity) + len(standard) + len(protocol) + len(results) + len(custom)
        return b"".join((_HEADER.pack(_TAG_REPORT_DATA, size), identity, standard, protocol, results, custom))


_HEADER = struct.Struct("!HH")
_TAG_REPORT_DATA = TABLE["TagReportData"][0]
_EPC_96_BYTES = 12
_ACCESS_SPEC_ID = 1 << 6
_CRC, _PC = 0x80, 0x40  # C1G2EPCMemorySelector, 16.3.1.5.1 of LLRP 1.0.1
_CONTENT = (
    (15, "ROSpecID", "I"),
    (14, "SpecIndex", "H"),
    (13, "InventoryParameterSpecID", "H"),
    (12, "AntennaID", "H"),
    (10, "PeakRSSI", "b"),
    (11, "ChannelIndex", "H"),
    (9, "FirstSeenTimestamp{clock}", "Q"),
    (8, "LastSeenTimestamp{clock}", "Q"),
    (7, "TagSeenCount", "H"),
)
"""Bit of TagReportContentSelector, the parameter that it asks for and the width of its value, in the order of TagReportData."""
_NUMBERS = tuple(0x80 | TABLE[name.format(clock=clock)][0] for clock in ("UTC", "Uptime") for _, name, _ in _CONTENT)
_Pick = Callable[[tuple[int, ...]], tuple[int, ...]]


@cache
def _layout(content: int, utc: bool) -> tuple[Callable[..., bytes], _Pick | None]:
    """How the parameters that a content selector asks for are written at once: each is one byte of its number, then its value."""
    wanted = [(place, width) for place, (bit, _, width) in enumerate(_CONTENT) if content >> bit & 1]
    first_number = len(_CONTENT) * (1 if utc else 2)
    places = [index for place, _ in wanted for index in (first_number + place, place)]
    return struct.Struct("!" + "".join(f"B{width}" for _, width in wanted)).pack, operator.itemgetter(*places) if places else None


def _protocol_data(epc: bytes, memory: int) -> bytes:
    """C1G2_PC and C1G2_CRC as the tag has them in its EPC bank: length in words, and the CRC of ISO/IEC 13239 over both."""
    pc = struct.pack("!H", len(epc) // 2 << 11)
    crc = ~binascii.crc_hqx(pc + epc, 0xFFFF) & 0xFFFF
    return (encode("C1G2_PC", *struct.unpack("!H", pc)) if memory & _PC else b"") + (encode("C1G2_CRC", crc) if memory & _CRC else b"")


@dataclass
class RoSpec:
    """One ROSpec. `ai` is the AISpec that runs or ran last. `start_input` and `stop_input` are (port, level) of GPI triggers."""

    rospec_id: int
    raw: bytes
    ai_specs: tuple[AiSpec, ...]
    ai: AiSpec
    power_indices: frozenset[int] = frozenset()
    modes: frozenset[int] = frozenset()
    immediate: bool = False
    start_input: tuple[int, bool] | None = None
    stop_input: tuple[int, bool] | None = None
    starts_by_time: bool = False
    starts_after_ms: int = 0
    starts_every_ms: int = 0
    starts_from_utc_us: int | None = None
    starts_at_s: float | None = None
    wanted: dict[str, int] = field(default_factory=dict)
    runs_ms: int = 0
    report_trigger: int = 2
    report_every_n: int = 1
    content: int = _EVERY_CONTENT
    memory: int = 0
    has_own_report: bool = False
    state: int = DISABLED
    stops_at_s: float | None = None
    _ends_at_s: float = math.inf
    _times_out_at_s: float = math.inf
    _seen_in_run: set[bytes] = field(default_factory=set)
    _collected: dict[tuple[bytes, int, int], Seen] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Node, raw: bytes) -> RoSpec:
        """From a parsed ROSpec. Raises: UnsupportedError, MalformedError: why it cannot be taken."""
        rospec_id, _, state = node.fields
        if not rospec_id or state != DISABLED:
            raise UnsupportedError("a ROSpec needs an id above 0 and must be added disabled")
        boundary, ai_nodes = node.find("ROBoundarySpec"), node.find_all("AISpec")
        start = boundary.find("ROSpecStartTrigger") if boundary else None
        stop = boundary.find("ROSpecStopTrigger") if boundary else None
        if boundary is None or start is None or stop is None or not ai_nodes:
            raise MalformedError("a ROSpec needs a boundary with start and stop trigger, and an AISpec")
        ai_specs = tuple(AiSpec.of(index, ai) for index, ai in enumerate(ai_nodes, 1))
        spec = cls(rospec_id, raw, ai_specs, ai_specs[0], immediate=start.fields[0] == _START_IMMEDIATE)
        if start.fields[0] == _START_PERIODIC:
            spec._take_period(start)
        spec.start_input = trigger_of(start)[0] if start.fields[0] == _START_GPI else None
        spec.runs_ms, spec.stop_input = ends_of(stop)
        spec._take_report(node)
        spec.power_indices = frozenset(transmitter.fields[2] for transmitter in node.walk("RFTransmitter"))
        spec.modes = frozenset(control.fields[0] for control in node.walk("C1G2RFControl"))
        return spec

    def _take_period(self, start: Node) -> None:
        value = start.find("PeriodicTriggerValue")
        if value is None:
            raise MalformedError("a periodic start trigger needs a PeriodicTriggerValue")
        self.starts_after_ms, self.starts_every_ms = value.fields
        if utc := value.find("UTCTimestamp"):
            self.starts_from_utc_us = utc.fields[0]
        self.starts_by_time = True

    def wind(self, now_s: float, now_utc_us: int) -> None:
        """It was enabled: a periodic one begins to count, from now or from the UTC time that it was given; what of that is over is skipped.

        A period of zero is one run (10.2.1.1.1.1); when its time is over already, it begins at once (guessed: the standard does not say).
        """
        if not self.starts_by_time:
            return
        self.starts_at_s = now_s + self.starts_after_ms / 1000
        if self.starts_from_utc_us is not None:
            self.starts_at_s += (self.starts_from_utc_us - now_utc_us) / 1e6
            self._skip_to(now_s)

    def _skip_to(self, now_s: float) -> None:
        period_s = self.starts_every_ms / 1000
        if period_s and self.starts_at_s is not None and self.starts_at_s < now_s:
            self.starts_at_s += math.ceil((now_s - self.starts_at_s) / period_s) * period_s

    @property
    def inputs(self) -> set[int]:
        """The inputs that its triggers wait for."""
        edges = (self.start_input, self.stop_input, *(ai.stop_input for ai in self.ai_specs))
        return {edge[0] for edge in edges if edge is not None}

    def _take_report(self, node: Node) -> None:
        if (report := node.find("ROReportSpec")) is not None:
            self.has_own_report = True
            self.report_as(report)

    def report_as(self, report: Node) -> None:
        """What an ROReportSpec says: its own, or the reader's where it has none."""
        self.report_trigger, self.report_every_n = report.fields
        selector = report.find("TagReportContentSelector")
        self.content = selector.fields[0] if selector else _EVERY_CONTENT
        memory = selector.find("C1G2EPCMemorySelector") if selector else None
        self.memory = memory.fields[0] if memory else 0

    def encoded(self) -> bytes:
        """As it was added, with the present state."""
        return self.raw[:9] + bytes([self.state]) + self.raw[10:]

    def start(self, now_s: float) -> None:
        """Begin to read, with the first AISpec."""
        self.state = ACTIVE
        if self.starts_at_s is not None:
            self.starts_at_s = self.starts_at_s + self.starts_every_ms / 1000 if self.starts_every_ms else None
        self._ends_at_s = now_s + self.runs_ms / 1000 if self.runs_ms else math.inf
        self._begin(self.ai_specs[0], now_s)

    def _begin(self, ai: AiSpec, now_s: float) -> None:
        self.ai = ai
        self._seen_in_run.clear()
        self._times_out_at_s = now_s + ai.runs_ms / 1000 if ai.runs_ms else math.inf
        self._wait_for_more(now_s)

    def _wait_for_more(self, now_s: float) -> None:
        """An AISpec that ends when no new tag comes any more: so long after the last one, but not after its time is out."""
        quiet_at_s = now_s + self.ai.ends_when_quiet_ms / 1000 if self.ai.ends_when_quiet_ms else math.inf
        stops_at_s = min(quiet_at_s, self._times_out_at_s, self._ends_at_s)
        self.stops_at_s = None if stops_at_s == math.inf else stops_at_s

    def goes_on(self, now_s: float) -> bool:
        """The AISpec has ended: begin the next one, if there is one and time for it."""
        if self.ai.index == len(self.ai_specs) or now_s >= self._ends_at_s:
            return False
        self._begin(self.ai_specs[self.ai.index], now_s)
        return True

    def stop(self) -> None:
        """Cease to read and wait for the next start."""
        self.state, self.stops_at_s = INACTIVE, None

    def reads_with(self, antenna: int) -> bool:
        """Whether a tag before this antenna is seen now."""
        return self.state == ACTIVE and (not self.ai.antennas or antenna in self.ai.antennas)

    def collect(self, epc: bytes, antenna: int, radio: Radio, at_us: int, now_s: float) -> None:
        """Take a read."""
        key = (epc, antenna if self.content & _PER_ANTENNA else 0, self.ai.index if self.content & _PER_AISPEC else 0)
        if (seen := self._collected.get(key)) is not None:
            seen.again(radio, at_us)
        else:
            self._collected[key] = Seen(epc, antenna, radio, at_us, at_us, ai=self.ai)
        if (self.ai.ends_after_tags or self.ai.ends_when_quiet_ms) and epc not in self._seen_in_run:
            self._seen_in_run.add(epc)
            self._wait_for_more(now_s)

    @property
    def report_is_due(self) -> bool:
        """Whether as many tags are collected as one report is to have."""
        return bool(self.report_trigger) and 0 < self.report_every_n <= len(self._collected)

    @property
    def has_seen_enough(self) -> bool:
        """Whether the AISpec saw as many tags as it is to see, reported meanwhile or not."""
        return 0 < self.ai.ends_after_tags <= len(self._seen_in_run)

    def collected(self, utc: bool) -> bytes:
        """The reads since the last report as TagReportData, and forget them."""
        seen, self._collected = self._collected, {}
        return b"".join([one.encoded(self.content, self.rospec_id, utc, self.wanted, memory=self.memory) for one in seen.values()])

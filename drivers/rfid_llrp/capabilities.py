# SPDX-License-Identifier: Apache-2.0
"""What a reader is and can do, decoded in full.

Source: LLRP 1.0.1, chapter 9 and 16.2.3 (general, LLRP and regulatory capabilities), 16.3.1 (those of C1G2); the same in 1.1, 10.2 and 17.2.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from drivers.base.errors import RemoteProtocolError
from drivers.rfid_llrp.frames import Message, Parameter, ParameterType, first, parameters

T = TypeVar("T")

IMPINJ, ZEBRA = 25882, 161  # IANA private enterprise numbers; Zebra's readers still carry Motorola's
_MAKERS = {IMPINJ: "Impinj", ZEBRA: "Zebra", 24831: "Sirit"}
_MILLER = {0: "FM0", 1: "Miller 2", 2: "Miller 4", 3: "Miller 8"}
_STANDARDS = {1: "US FCC part 15", 2: "ETSI 302 208", 3: "ETSI 300 220"}  # 16.2.3.4; the others by their number


@dataclass(frozen=True)
class RfMode:
    """A line of the table of RF modes (C1G2UHFRFModeTableEntry): what the tags answer with, and which Tari the reader takes, in nanoseconds."""

    mode_id: int
    answer: str
    tag_bps: int
    tari_ns_min: int
    tari_ns_max: int

    def __str__(self) -> str:
        return f"{self.mode_id} ({self.answer}, {self.tag_bps / 1000:g} kb/s, Tari {self.tari_ns_min / 1000:g} to {self.tari_ns_max / 1000:g} us)"


@dataclass(frozen=True)
class Limits:
    """How much a reader takes at once (LLRPCapabilities); 0: it does not limit it."""

    rospecs_max: int = 0
    specs_per_rospec_max: int = 0
    access_specs_max: int = 0
    ops_per_access_spec_max: int = 0
    holds_reports: bool = False
    warns_of_full_buffer: bool = False


@dataclass(frozen=True)
class Band:
    """What it may send (RegulatoryCapabilities). `power_dbm` maps the indices of its power table; `hop_table_id` is 0 where channels are fixed.

    `channels_khz`: its fixed channels, or those of its first hop table, in the order of the channel numbers of tag reports (which begin with 1).
    """

    country: int = 0
    standard: int = 0
    power_dbm: dict[int, float] = field(default_factory=dict)
    hop_table_id: int = 0
    channels_khz: tuple[int, ...] = ()
    modes: tuple[RfMode, ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """What the reader is and can do."""

    manufacturer: int = 0
    model: int = 0
    firmware: str = ""
    antennas: int = 0
    has_utc_clock: bool = True
    inputs: int = 0
    outputs: int = 0
    limits: Limits = field(default_factory=Limits)
    band: Band = field(default_factory=Band)
    select_filters_max: int = 0

    def __str__(self) -> str:
        clock = "UTC clock" if self.has_utc_clock else "no UTC clock"
        what = f"{self.maker} model {self.model}, firmware {self.firmware}, {self.antennas} antennas, {self.inputs} inputs, {self.outputs} outputs, {clock}"
        return "; ".join([what, *self._details()])

    @property
    def maker(self) -> str:
        """Its name, or its number where nobody told us the name."""
        return _MAKERS.get(self.manufacturer, f"maker {self.manufacturer}")

    def _details(self) -> list[str]:
        band, told = self.band, []
        if band.power_dbm:
            told.append(f"{min(band.power_dbm.values()):g} to {max(band.power_dbm.values()):g} dBm in {len(band.power_dbm)} steps")
        if band.channels_khz:
            hops = f"hop table {band.hop_table_id}" if band.hop_table_id else "fixed channels"
            told.append(f"{hops} of {len(band.channels_khz)} from {min(band.channels_khz) / 1000:g} to {max(band.channels_khz) / 1000:g} MHz")
        if band.standard or band.country:
            told.append(f"{_STANDARDS.get(band.standard, f'standard {band.standard}')}, country {band.country}")
        if band.modes:
            told.append(f"modes {', '.join(map(str, band.modes))}")
        if self.limits.rospecs_max or self.limits.access_specs_max:
            told.append(f"at most {self.limits.rospecs_max} ROSpecs and {self.limits.access_specs_max} AccessSpecs")
        return told

    def power_index(self, power_dbm: float) -> int | None:
        """The table index of the highest power that is not above `power_dbm`; None: the table has none so low."""
        fitting = [(power, index) for index, power in self.band.power_dbm.items() if power <= power_dbm + 1e-9]
        return max(fitting)[1] if fitting else None


_U8 = struct.Struct("!B")
_TWO_U16 = struct.Struct("!HH")
_GENERAL = struct.Struct("!HHII")  # antennas; flags (bit 15 can set antenna properties, bit 14 UTC clock); maker; model (16.2.3.1)
_LIMITS = struct.Struct("!BBHIIIII")  # flags; priorities; timeout of client requests; ROSpecs; specs; inventories; AccessSpecs; OpSpecs (16.2.3.2)
_POWER_ENTRY = struct.Struct("!Hh")  # index, dBm * 100 (16.2.3.4.1.1)
_MODE = struct.Struct("!IBBBBIIIII")  # id; flags; M; forward modulation; spectral mask; bits/s; PIE * 1000; Tari ns least, most, step (16.3.1.1.3)
_C1G2 = struct.Struct("!BH")  # bit 7 block erase, bit 6 block write; select filters (16.3.1.1.1)


def decode_capabilities(message: Message) -> Capabilities:
    """Of a GET_READER_CAPABILITIES_RESPONSE (16.2.3). What it says of limits and bands is left out where it cannot be read; tags are read all the same.

    Raises: RemoteProtocolError: it is damaged, or says nothing about the device.
    """
    found = list(parameters(message.body))
    general = first(found, ParameterType.GENERAL_DEVICE_CAPABILITIES)
    if general is None:
        raise RemoteProtocolError("the reader does not say what it is (no GeneralDeviceCapabilities)", message.body)
    antennas, flags, manufacturer, model = general.value(_GENERAL)
    firmware, text_end = general.text(_GENERAL.size)
    gpio = first(general.children(text_end), ParameterType.GPIO_CAPABILITIES)
    inputs, outputs = gpio.value(_TWO_U16) if gpio else (0, 0)
    return Capabilities(
        manufacturer=manufacturer,
        model=model,
        firmware=firmware,
        antennas=antennas,
        has_utc_clock=bool(flags & 0x4000),
        inputs=inputs,
        outputs=outputs,
        limits=_readable(_decode_limits, first(found, ParameterType.LLRP_CAPABILITIES), Limits()),
        band=_readable(_decode_band, first(found, ParameterType.REGULATORY_CAPABILITIES), Band()),
        select_filters_max=_readable(lambda part: part.value(_C1G2)[1], first(found, ParameterType.C1G2_LLRP_CAPABILITIES), 0),
    )


def _readable(decode: Callable[[Parameter], T], part: Parameter | None, otherwise: T) -> T:
    try:
        return otherwise if part is None else decode(part)
    except RemoteProtocolError:
        return otherwise


def _decode_limits(found: Parameter) -> Limits:
    flags, _, _, rospecs, specs, _, access_specs, ops = found.value(_LIMITS)
    return Limits(rospecs, specs, access_specs, ops, holds_reports=bool(flags & 0x08), warns_of_full_buffer=bool(flags & 0x40))


def _decode_band(regulatory: Parameter) -> Band:
    country, standard = regulatory.value(_TWO_U16)
    band = first(regulatory.children(_TWO_U16.size), ParameterType.UHF_BAND_CAPABILITIES)
    if band is None:
        return Band(country, standard)
    found = band.children()
    powers = [entry.value(_POWER_ENTRY) for entry in found if entry.type == ParameterType.TRANSMIT_POWER_LEVEL_TABLE_ENTRY]
    hop_table_id, channels_khz = _decode_channels(first(found, ParameterType.FREQUENCY_INFORMATION))
    table = first(found, ParameterType.C1G2_UHF_RF_MODE_TABLE)
    modes = [_mode(entry) for entry in table.children() if entry.type == ParameterType.C1G2_UHF_RF_MODE_TABLE_ENTRY] if table else []
    return Band(country, standard, {index: hundredths / 100 for index, hundredths in powers}, hop_table_id, channels_khz, tuple(modes))


def _mode(entry: Parameter) -> RfMode:
    mode_id, _, miller, _, _, tag_bps, _, tari_ns_min, tari_ns_max, _ = entry.value(_MODE)
    return RfMode(mode_id, _MILLER.get(miller, f"M {miller}"), tag_bps, tari_ns_min, tari_ns_max)


def _decode_channels(information: Parameter | None) -> tuple[int, tuple[int, ...]]:
    """Hop table id (0: fixed channels) and the channels. FrequencyHopTable: | 8 bits id | 8 bits reserved | 16 bits count | kHz |; fixed: | count | kHz |."""
    found = information.children(1) if information else []
    if hop_table := first(found, ParameterType.FREQUENCY_HOP_TABLE):
        return hop_table.value(_U8)[0], _frequencies(hop_table, 2)
    fixed = first(found, ParameterType.FIXED_FREQUENCY_TABLE)
    return 0, _frequencies(fixed, 0) if fixed else ()


def _frequencies(table: Parameter, skip_bytes: int) -> tuple[int, ...]:
    rest = Parameter(table.type, table.body, min(table.start + skip_bytes, table.end), table.end)
    if rest.start == rest.end:
        return ()
    (count,) = rest.value(struct.Struct("!H"))
    return rest.value(struct.Struct(f"!H{count}I"))[1:]

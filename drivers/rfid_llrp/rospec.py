# SPDX-License-Identifier: Apache-2.0
"""The ROSpec: when the reader reads, with which antennas at which power, how, and what it reports when.

Source: LLRP 1.0.1, 16.2.4 (ROSpec, AISpec and their triggers), 16.2.6 (antenna configuration), 16.2.7.1 (reports), 16.3.1.2 (Gen2).
"""

from __future__ import annotations

from drivers.base.errors import LocalProtocolError
from drivers.rfid_llrp.capabilities import Capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.extensions import inventory_parameters, report_parameters
from drivers.rfid_llrp.frames import ParameterType as P
from drivers.rfid_llrp.requests import ROSPEC_ID, parameter

_GEN2 = 1  # air protocol EPCGlobal Class1 Gen2
_ALL_ANTENNAS = 0
_START_NULL, _START_IMMEDIATE, _START_PERIODIC, _START_INPUT = 0, 1, 2, 3
_STOP_NULL, _STOP_DURATION, _STOP_INPUT = 0, 1, 2
_ON_N_TAGS_OR_END_OF_ROSPEC, _NO_REPORT_BY_ITSELF = 2, 0
_CHANNEL = 1 << 11
# What each read shall carry: antenna (bit 12), peak RSSI (10), last seen (8), seen count (7) of the TagReportContentSelector (16.2.7.1.1)
_CONTENT = 1 << 12 | 1 << 10 | 1 << 8 | 1 << 7


def rospec_body(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    """ADD_ROSPEC. Raises: LocalProtocolError: the configuration does not fit the reader."""
    inner = _boundary(config) + _antenna_inventory(config, able) + _report_spec(config, able)
    return parameter(P.RO_SPEC, "IBB", ROSPEC_ID, 0, 0, inner=inner)  # id, priority, state disabled


def needs_start(config: RfidLlrpConfig) -> bool:
    """Whether START_ROSPEC is to be sent.

    For reading on and on the start trigger is Null, because readers differ in whether Immediate survives a second enabling.
    """
    return config.reads_on_and_on


def _boundary(config: RfidLlrpConfig) -> bytes:
    return parameter(P.RO_BOUNDARY_SPEC, inner=_start_trigger(config) + _stop_trigger(config))


def _start_trigger(config: RfidLlrpConfig) -> bytes:
    """ROSpecStartTrigger: | 8 bits type |; periodic | 32 bits offset ms | 32 bits period ms |; input | 16 bits port | bit 7 level | 32 bits limit ms |."""
    if config.start == "periodic":
        every = parameter(P.PERIODIC_TRIGGER_VALUE, "II", 0, _ms(config.start_period_s))
        return parameter(P.RO_SPEC_START_TRIGGER, "B", _START_PERIODIC, inner=every)
    if config.start == "input":
        return parameter(P.RO_SPEC_START_TRIGGER, "B", _START_INPUT, inner=_edge(config.start_input, config.start_level, 0))
    return parameter(P.RO_SPEC_START_TRIGGER, "B", _START_NULL if needs_start(config) else _START_IMMEDIATE)


def _stop_trigger(config: RfidLlrpConfig) -> bytes:
    """ROSpecStopTrigger: | 8 bits type | 32 bits duration ms |, of an input with its own time-out."""
    if config.stop == "input":
        edge = _edge(config.stop_input, config.stop_level, _ms(config.stop_after_s))
        return parameter(P.RO_SPEC_STOP_TRIGGER, "BI", _STOP_INPUT, 0, inner=edge)
    return parameter(P.RO_SPEC_STOP_TRIGGER, "BI", *((_STOP_DURATION, _ms(config.stop_after_s)) if config.stop == "time" else (_STOP_NULL, 0)))


def _edge(port: int, level: bool, timeout_ms: int) -> bytes:
    return parameter(P.GPI_TRIGGER_VALUE, "HBI", port, 0x80 if level else 0, timeout_ms)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _antenna_inventory(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    """AISpec: | 16 bits count | antennas |, stop trigger Null, one inventory by Gen2 with its settings for all antennas, or for each one its own power."""
    antennas = config.antennas or (_ALL_ANTENNAS,)
    powers_dbm = config.antenna_powers_dbm
    settings = zip(antennas, powers_dbm, strict=True) if powers_dbm else [(_ALL_ANTENNAS, config.power_dbm)]
    radio = b"".join(_antenna(antenna, power_dbm, config, able) for antenna, power_dbm in settings)
    inner = parameter(P.AI_SPEC_STOP_TRIGGER, "BI", 0, 0) + parameter(P.INVENTORY_PARAMETER_SPEC, "HB", 1, _GEN2, inner=radio)
    return parameter(P.AI_SPEC, f"H{len(antennas)}H", len(antennas), *antennas, inner=inner)


def _antenna(antenna: int, power_dbm: float | None, config: RfidLlrpConfig, able: Capabilities) -> bytes:
    return parameter(P.ANTENNA_CONFIGURATION, "H", antenna, inner=_transmitter(power_dbm, able) + _gen2_command(config))


def _transmitter(power_dbm: float | None, able: Capabilities) -> bytes:
    """RFTransmitter: | 16 bits hop table | 16 bits channel | 16 bits power index |; channel 1 is ignored where the reader hops."""
    if power_dbm is None:
        return b""
    return parameter(P.RF_TRANSMITTER, "HHH", able.band.hop_table_id, 1, _power_index(power_dbm, able))


def _power_index(power_dbm: float, able: Capabilities) -> int:
    index = able.power_index(power_dbm)
    if index is None:
        lowest = min(able.band.power_dbm.values(), default=None)
        if lowest is None:
            raise LocalProtocolError(
                "the reader has no table of transmit powers to choose `power_dbm` or `antenna_powers_dbm` from; leave them out of the configuration"
            )
        raise LocalProtocolError(
            f"`power_dbm` {power_dbm:g} (or one of `antenna_powers_dbm`) is below the reader's lowest step ({lowest} dBm); correct the configuration"
        )
    return index


def _gen2_command(config: RfidLlrpConfig) -> bytes:
    """C1G2InventoryCommand, not state aware; RF control | 16 bits mode | 16 bits Tari |; singulation | 2 bits session | 16 bits tags | 32 bits transit |."""
    control = b"" if config.reader_mode is None else parameter(P.C1G2_RF_CONTROL, "HH", config.reader_mode, config.tari_ns)
    singulation = parameter(P.C1G2_SINGULATION_CONTROL, "BHI", config.session << 6, config.tag_population, 0)
    return parameter(P.C1G2_INVENTORY_COMMAND, "B", 0, inner=control + singulation + inventory_parameters(config.search_mode))


def _report_spec(config: RfidLlrpConfig, able: Capabilities) -> bytes:
    """ROReportSpec: | 8 bits trigger | 16 bits n | what to report; phases mean something only beside their channel."""
    every_n_tags = config.report_every_n_tags
    trigger = _ON_N_TAGS_OR_END_OF_ROSPEC if every_n_tags else _NO_REPORT_BY_ITSELF
    content = _CONTENT | (_CHANNEL if config.report_channel or config.report_phase else 0)
    inner = parameter(P.TAG_REPORT_CONTENT_SELECTOR, "H", content) + report_parameters(config, able)
    return parameter(P.RO_REPORT_SPEC, "BH", trigger, every_n_tags, inner=inner)

# SPDX-License-Identifier: Apache-2.0
"""Bodies of the requests that the session sends; the layout of each parameter stands in its comment.

Source: LLRP 1.0.1, 16.2. Parameters follow one another in the order of the standard's definitions, since some readers insist on it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.rfid_llrp.frames import ParameterType as P

ROSPEC_ID = 1
_GEN2 = 1  # air protocol EPCGlobal Class1 Gen2
_ALL = 0
_INPUT_LEVELS = 9  # GET_READER_CONFIG asks for GPIPortCurrentState
_ON_N_TAGS_OR_END_OF_ROSPEC, _NO_REPORT_BY_ITSELF = 2, 0
# What each read shall carry: antenna (bit 12), peak RSSI (10), last seen (8), seen count (7) of the TagReportContentSelector (16.2.7.1.1)
_CONTENT = 1 << 12 | 1 << 10 | 1 << 8 | 1 << 7
# GPI, ROSpec, report buffer fill warning, reader exception, antenna (EventNotificationState, 16.2.7.5.1)
_EVENTS = (1, 2, 3, 4, 8)


def _parameter(kind: P, layout: str = "", *values: int, inner: bytes = b"") -> bytes:
    """One TLV parameter: header, fields, then the parameters within it."""
    fields = struct.pack("!" + layout, *values)
    return struct.pack("!HH", kind, 4 + len(fields) + len(inner)) + fields + inner


@dataclass(frozen=True)
class Inventory:
    """How the reader is to read tags. `power_index` None leaves the reader's own transmit power, `reader_mode` None its own RF mode."""

    antennas: tuple[int, ...] = ()
    session: int = 1
    tag_population: int = 32
    reader_mode: int | None = None
    power_index: int | None = None
    hop_table_id: int = 0
    report_every_n_tags: int = 1


def capabilities_body() -> bytes:
    """GET_READER_CAPABILITIES: | 8 bits requested data |; everything."""
    return bytes([_ALL])


def configuration_body(keepalive_ms: int, inputs: int) -> bytes:
    """SET_READER_CONFIG: | bit 7 factory default |; wanted events, keepalive, inputs enabled, nothing held back after a reconnect."""
    events = b"".join(_parameter(P.EVENT_NOTIFICATION_STATE, "HB", event, 0x80) for event in _EVENTS)
    return b"".join(
        [
            b"\x00",
            _parameter(P.READER_EVENT_NOTIFICATION_SPEC, inner=events),
            _parameter(P.KEEPALIVE_SPEC, "BI", 1, keepalive_ms),  # 1: periodic, milliseconds
            *(_parameter(P.GPI_PORT_CURRENT_STATE, "HBB", port, 0x80, 2) for port in range(1, inputs + 1)),  # bit 7: enabled; the state is ignored
            _parameter(P.EVENTS_AND_REPORTS, "B", 0),
        ]
    )


def input_levels_body() -> bytes:
    """GET_READER_CONFIG: | 16 bits antenna | 8 bits requested data | 16 bits GPI | 16 bits GPO |; all inputs."""
    return struct.pack("!HBHH", 0, _INPUT_LEVELS, 0, 0)


def output_body(port: int, level: bool) -> bytes:
    """SET_READER_CONFIG with one GPOWriteData: | 16 bits port | bit 7 level |."""
    return b"\x00" + _parameter(P.GPO_WRITE_DATA, "HB", port, 0x80 if level else 0)


def rospec_id_body(rospec_id: int = ROSPEC_ID) -> bytes:
    """ENABLE_, START_ and DELETE_ROSPEC: | 32 bits id |, 0 for all."""
    return struct.pack("!I", rospec_id)


def rospec_body(inventory: Inventory) -> bytes:
    """ADD_ROSPEC: reads on and on, from START_ROSPEC until it is deleted.

    The start trigger is Null (and START_ROSPEC is sent) because readers differ in whether Immediate survives a second enabling.
    """
    boundary = _parameter(P.RO_BOUNDARY_SPEC, inner=_parameter(P.RO_SPEC_START_TRIGGER, "B", 0) + _parameter(P.RO_SPEC_STOP_TRIGGER, "BI", 0, 0))
    inner = boundary + _antenna_inventory(inventory) + _report_spec(inventory.report_every_n_tags)
    return _parameter(P.RO_SPEC, "IBB", ROSPEC_ID, 0, 0, inner=inner)  # id, priority, state disabled


def _antenna_inventory(inventory: Inventory) -> bytes:
    """AISpec: | 16 bits count | antennas |, stop trigger Null, one inventory by Gen2 with the same settings on all its antennas."""
    antennas = inventory.antennas or (_ALL,)
    settings = _parameter(P.ANTENNA_CONFIGURATION, "H", _ALL, inner=_transmitter(inventory) + _gen2_command(inventory))
    inner = _parameter(P.AI_SPEC_STOP_TRIGGER, "BI", 0, 0) + _parameter(P.INVENTORY_PARAMETER_SPEC, "HB", 1, _GEN2, inner=settings)
    return _parameter(P.AI_SPEC, f"H{len(antennas)}H", len(antennas), *antennas, inner=inner)


def _transmitter(inventory: Inventory) -> bytes:
    """RFTransmitter: | 16 bits hop table | 16 bits channel | 16 bits power index |; channel 1 is ignored where the reader hops."""
    if inventory.power_index is None:
        return b""
    return _parameter(P.RF_TRANSMITTER, "HHH", inventory.hop_table_id, 1, inventory.power_index)


def _gen2_command(inventory: Inventory) -> bytes:
    """C1G2InventoryCommand, not state aware; RF control | 16 bits mode | 16 bits Tari |; singulation | 2 bits session | 16 bits tags | 32 bits transit ms |."""
    control = b"" if inventory.reader_mode is None else _parameter(P.C1G2_RF_CONTROL, "HH", inventory.reader_mode, 0)
    singulation = _parameter(P.C1G2_SINGULATION_CONTROL, "BHI", inventory.session << 6, inventory.tag_population, 0)
    return _parameter(P.C1G2_INVENTORY_COMMAND, "B", 0, inner=control + singulation)


def _report_spec(every_n_tags: int) -> bytes:
    """ROReportSpec: | 8 bits trigger | 16 bits n | what to report."""
    trigger = _ON_N_TAGS_OR_END_OF_ROSPEC if every_n_tags else _NO_REPORT_BY_ITSELF
    return _parameter(P.RO_REPORT_SPEC, "BH", trigger, every_n_tags, inner=_parameter(P.TAG_REPORT_CONTENT_SELECTOR, "H", _CONTENT))

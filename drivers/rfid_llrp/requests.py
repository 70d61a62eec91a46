# SPDX-License-Identifier: Apache-2.0
"""Bodies of the requests that the session sends; the layout of each parameter stands in its comment.

Source: LLRP 1.0.1, 16.2. Parameters follow one another in the order of the standard's definitions, since some readers insist on it.
"""

from __future__ import annotations

import struct

from drivers.rfid_llrp.frames import ParameterType as P

ROSPEC_ID = 1
_ALL = 0
_IDENTITY, _KEEPALIVE, _INPUT_LEVELS = 1, 8, 9  # GET_READER_CONFIG asks for Identification, KeepaliveSpec, GPIPortCurrentState
# GPI, ROSpec, report buffer fill warning, reader exception, antenna (EventNotificationState, 16.2.7.5.1)
_EVENTS = (1, 2, 3, 4, 8)


def parameter(kind: P, layout: str = "", *values: int, inner: bytes = b"") -> bytes:
    """One TLV parameter: header, fields, then the parameters within it."""
    fields = struct.pack("!" + layout, *values)
    return struct.pack("!HH", kind, 4 + len(fields) + len(inner)) + fields + inner


def capabilities_body() -> bytes:
    """GET_READER_CAPABILITIES: | 8 bits requested data |; everything."""
    return bytes([_ALL])


def version_body(version: int) -> bytes:
    """SET_PROTOCOL_VERSION (LLRP 1.1, 17.1.3): | 8 bits version |."""
    return bytes([version])


def configuration_body(keepalive_ms: int | None, inputs: int) -> bytes:
    """SET_READER_CONFIG: | bit 7 factory default |; wanted events, keepalive (None: left as it is), inputs enabled, nothing held back after a reconnect."""
    keepalive = b"" if keepalive_ms is None else parameter(P.KEEPALIVE_SPEC, "BI", 1, keepalive_ms)  # 1: periodic, milliseconds
    events = b"".join(parameter(P.EVENT_NOTIFICATION_STATE, "HB", event, 0x80) for event in _EVENTS)
    return b"".join(
        [
            b"\x00",
            parameter(P.READER_EVENT_NOTIFICATION_SPEC, inner=events),
            keepalive,
            *(parameter(P.GPI_PORT_CURRENT_STATE, "HBB", port, 0x80, 2) for port in range(1, inputs + 1)),  # bit 7: enabled; the state is ignored
            parameter(P.EVENTS_AND_REPORTS, "B", 0),
        ]
    )


def input_levels_body() -> bytes:
    """GET_READER_CONFIG: | 16 bits antenna | 8 bits requested data | 16 bits GPI | 16 bits GPO |; all inputs."""
    return struct.pack("!HBHH", 0, _INPUT_LEVELS, 0, 0)


def identity_body() -> bytes:
    """GET_READER_CONFIG for who the reader is."""
    return struct.pack("!HBHH", 0, _IDENTITY, 0, 0)


def keepalive_setting_body() -> bytes:
    """GET_READER_CONFIG for a part that every reader has and that is short: a question only to hear whether somebody is there."""
    return struct.pack("!HBHH", 0, _KEEPALIVE, 0, 0)


def output_body(port: int, level: bool) -> bytes:
    """SET_READER_CONFIG with one GPOWriteData: | 16 bits port | bit 7 level |."""
    return b"\x00" + parameter(P.GPO_WRITE_DATA, "HB", port, 0x80 if level else 0)


def rospec_id_body(rospec_id: int = ROSPEC_ID) -> bytes:
    """ENABLE_, START_ and DELETE_ROSPEC, and those of AccessSpecs: | 32 bits id |, 0 for all."""
    return struct.pack("!I", rospec_id)

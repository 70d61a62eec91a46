# SPDX-License-Identifier: Apache-2.0
"""What the reader says, but for tag reports and capabilities: its version, events, input levels.

Source: LLRP 1.0.1, 16.2.6 (configuration), 16.2.7.6 (events); LLRP 1.1, 17.1.2 (version).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError
from drivers.rfid_llrp.frames import Message, Parameter, ParameterType, Status, decode_status, first, parameters

_U8 = struct.Struct("!B")
_U16 = struct.Struct("!H")
_U64 = struct.Struct("!Q")

CONNECTION_ATTEMPT = {  # LLRP 1.0.1, 16.2.7.6.10
    1: "a connection that the reader itself opened exists already; close it in the reader's settings",
    2: "another client is connected already; stop it, or restart the reader when it is a dead one",
    3: "the reader gives no reason; look at its own log",
    4: "another client tried to connect while this connection is open",
}


@dataclass(frozen=True)
class Notification:
    """A READER_EVENT_NOTIFICATION (16.2.7.6): the reader's time and what happened. At most one of the optional parts is there."""

    reader_time_us: int | None = None
    connection_attempt: int | None = None
    closing: bool = False
    input: int | None = None
    level: bool = False
    ended_rospec: int | None = None
    fault: str = ""
    fault_text: str = ""


def decode_notification(message: Message) -> Notification:
    """Raises: RemoteProtocolError: the notification is damaged."""
    data = first(list(parameters(message.body)), ParameterType.READER_EVENT_NOTIFICATION_DATA)
    if data is None:
        raise RemoteProtocolError("notification without data", message.body)
    time_us = None
    happened: dict[str, int | bool | str] = {}
    for part in data.children():
        if part.type in (ParameterType.UTC_TIMESTAMP, ParameterType.UPTIME):
            time_us = part.value(_U64)[0]
        elif part.type == ParameterType.CONNECTION_ATTEMPT_EVENT:
            happened["connection_attempt"] = part.value(_U16)[0]
        elif part.type == ParameterType.CONNECTION_CLOSE_EVENT:
            happened["closing"] = True
        elif part.type == ParameterType.GPI_EVENT:
            port, flags = part.value(_GPI)
            happened |= {"input": port, "level": bool(flags & 0x80)}
        elif part.type == ParameterType.RO_SPEC_EVENT:
            change, rospec_id, _ = part.value(_ROSPEC_EVENT)
            happened |= {"ended_rospec": rospec_id} if change else {}
        else:
            happened |= _fault(part)
    return Notification(reader_time_us=time_us, **happened)  # type: ignore[arg-type]


_GPI = struct.Struct("!HB")  # port; bit 7: level (16.2.7.6.2)
_ROSPEC_EVENT = struct.Struct("!BII")  # 0 started, 1 ended, 2 preempted; ROSpec; the one that preempted it (16.2.7.6.3)
_ANTENNA_EVENT = struct.Struct("!BH")  # 0 disconnected, 1 connected; antenna (16.2.7.6.9)


def _fault(part: Parameter) -> dict[str, int | bool | str]:
    """What a person should hear of, as `fault` (a closed set) and `fault_text`; empty for events that nobody needs."""
    if part.type == ParameterType.READER_EXCEPTION_EVENT:
        return {"fault": "reader", "fault_text": part.text(0)[0]}
    if part.type == ParameterType.REPORT_BUFFER_LEVEL_WARNING:
        return {"fault": "report_buffer", "fault_text": f"the reader's report buffer is {part.value(_U8)[0]} % full; reads may get lost"}
    if part.type == ParameterType.REPORT_BUFFER_OVERFLOW:
        return {"fault": "report_buffer", "fault_text": "the reader's report buffer overflowed; reads were lost"}
    if part.type == ParameterType.ANTENNA_EVENT:
        connected, antenna = part.value(_ANTENNA_EVENT)
        return {} if connected else {"fault": "antenna", "fault_text": f"antenna {antenna} is disconnected; check its cable"}
    return {}


_PORT_STATE = struct.Struct("!HBB")  # port; bit 7: enabled; 0 low, 1 high, 2 unknown (16.2.6)


def decode_input_levels(message: Message) -> dict[int, bool]:
    """Levels of the inputs in a GET_READER_CONFIG_RESPONSE; those that the reader does not know are left out. Raises: RemoteProtocolError: damaged."""
    states = [part.value(_PORT_STATE) for part in parameters(message.body) if part.type == ParameterType.GPI_PORT_CURRENT_STATE]
    return {port: state == 1 for port, _, state in states if state in (0, 1)}


_IDENTITY = struct.Struct("!BH")  # 0: MAC address as EUI-64, 1: EPC; count of the bytes that follow (16.2.6.1)


def decode_identity(message: Message) -> str:
    """The id of a reader in a GET_READER_CONFIG_RESPONSE, bytes as upper-case hex with dashes; empty: it tells none. Raises: RemoteProtocolError: damaged."""
    part = next((part for part in parameters(message.body) if part.type == ParameterType.IDENTIFICATION), None)
    if part is None:
        return ""
    _, count = part.value(_IDENTITY)
    begin = part.start + _IDENTITY.size
    if begin + count > part.end:
        raise RemoteProtocolError("the reader's id is cut off", message.body)
    return bytes(part.body[begin : begin + count]).hex("-").upper()


_VERSIONS = struct.Struct("!BB")  # in use, highest supported (LLRP 1.1, 17.1.2)


def decode_versions(message: Message) -> tuple[int, int, Status]:
    """The version in use, the highest that the reader supports, and the status, of a GET_SUPPORTED_VERSION_RESPONSE. Raises: RemoteProtocolError: damaged."""
    if len(message.body) < _VERSIONS.size:
        raise RemoteProtocolError("the reader's answer about its version is cut off", message.body)
    current, supported = _VERSIONS.unpack_from(message.body)
    return current, supported, decode_status(message._replace(body=message.body[_VERSIONS.size :]))

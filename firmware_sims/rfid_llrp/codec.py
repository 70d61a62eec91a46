# SPDX-License-Identifier: Apache-2.0
"""LLRP parameters for the simulated reader, declared as a table and encoded and parsed by it.

Source: LLRP 1.0.1, 16.2. Each line of the table is a parameter's number and its fields in order. Bit fields are given as the whole byte or word
that holds them, as the standard draws them: `flags` with the first bit highest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TABLE: dict[str, tuple[int, str]] = {
    # TV parameters: one byte 0x80 + number, no length
    "AntennaID": (1, "u16"),
    "FirstSeenTimestampUTC": (2, "u64"),
    "FirstSeenTimestampUptime": (3, "u64"),
    "LastSeenTimestampUTC": (4, "u64"),
    "LastSeenTimestampUptime": (5, "u64"),
    "PeakRSSI": (6, "s8"),
    "ChannelIndex": (7, "u16"),
    "TagSeenCount": (8, "u16"),
    "ROSpecID": (9, "u32"),
    "InventoryParameterSpecID": (10, "u16"),
    "C1G2_CRC": (11, "u16"),
    "C1G2_PC": (12, "u16"),
    "EPC_96": (13, "b12"),
    "SpecIndex": (14, "u16"),
    "AccessSpecID": (16, "u32"),
    # TLV parameters: number, length, fields, then parameters
    "UTCTimestamp": (128, "u64"),
    "Uptime": (129, "u64"),
    "GeneralDeviceCapabilities": (137, "u16 u16 u32 u32 text"),  # antennas, flags, maker, model, firmware
    "ReceiveSensitivityTableEntry": (139, "u16 s16"),
    "PerAntennaAirProtocol": (140, "u16 u8list"),
    "GPIOCapabilities": (141, "u16 u16"),
    "LLRPCapabilities": (142, "u8 u8 u16 u32 u32 u32 u32 u32"),
    "RegulatoryCapabilities": (143, "u16 u16"),  # country, standard
    "UHFBandCapabilities": (144, ""),
    "TransmitPowerLevelTableEntry": (145, "u16 s16"),
    "FrequencyInformation": (146, "u8"),
    "FixedFrequencyTable": (148, "u32list"),
    "ROSpec": (177, "u32 u8 u8"),  # id, priority, state
    "ROBoundarySpec": (178, ""),
    "ROSpecStartTrigger": (179, "u8"),
    "PeriodicTriggerValue": (180, "u32 u32"),  # offset ms, period ms
    "GPITriggerValue": (181, "u16 u8 u32"),  # port, flags, timeout ms
    "ROSpecStopTrigger": (182, "u8 u32"),  # type, duration ms
    "AISpec": (183, "u16list"),
    "AISpecStopTrigger": (184, "u8 u32"),
    "TagObservationTrigger": (185, "u8 u8 u16 u16 u16 u32"),  # type, reserved, tags, attempts, quiet ms, timeout ms
    "InventoryParameterSpec": (186, "u16 u8"),
    "AccessSpec": (207, "u32 u16 u8 u8 u32"),  # id, antenna, protocol, state, ROSpec
    "AccessSpecStopTrigger": (208, "u8 u16"),  # type, operations
    "AccessCommand": (209, ""),
    "LLRPConfigurationStateValue": (217, "u32"),
    "Identification": (218, "u8 u8list"),
    "GPOWriteData": (219, "u16 u8"),
    "KeepaliveSpec": (220, "u8 u32"),  # type, period ms
    "AntennaProperties": (221, "u8 u16 s16"),
    "AntennaConfiguration": (222, "u16"),
    "RFReceiver": (223, "u16"),
    "RFTransmitter": (224, "u16 u16 u16"),  # hop table, channel, power index
    "GPIPortCurrentState": (225, "u16 u8 u8"),
    "EventsAndReports": (226, "u8"),
    "ROReportSpec": (237, "u8 u16"),  # trigger, n
    "TagReportContentSelector": (238, "u16"),
    "AccessReportSpec": (239, "u8"),
    "TagReportData": (240, ""),
    "EPCData": (241, "bits"),
    "ReaderEventNotificationSpec": (244, ""),
    "EventNotificationState": (245, "u16 u8"),
    "ReaderEventNotificationData": (246, ""),
    "GPIEvent": (248, "u16 u8"),
    "ROSpecEvent": (249, "u8 u32 u32"),  # type, id, preempting id
    "ReportBufferLevelWarningEvent": (250, "u8"),  # per cent
    "AISpecEvent": (254, "u8 u32 u16"),  # 0 end, ROSpec, index of the AISpec
    "AntennaEvent": (255, "u8 u16"),
    "ConnectionAttemptEvent": (256, "u16"),
    "ConnectionCloseEvent": (257, ""),
    "LLRPStatus": (287, "u16 text"),
    "C1G2LLRPCapabilities": (327, "u8 u16"),
    "C1G2UHFRFModeTable": (328, ""),
    "C1G2UHFRFModeTableEntry": (329, "u32 u8 u8 u8 u8 u32 u32 u32 u32 u32"),
    "C1G2InventoryCommand": (330, "u8"),
    "C1G2RFControl": (335, "u16 u16"),
    "C1G2SingulationControl": (336, "u8 u16 u32"),
    "C1G2TagSpec": (338, ""),
    "C1G2TargetTag": (339, "u8 u16 bits bits"),  # flags, first bit, mask, data
    "C1G2Read": (341, "u16 u32 u8 u16 u16"),  # OpSpec, password, flags, first word, words
    "C1G2Write": (342, "u16 u32 u8 u16 u16list"),
    "C1G2Kill": (343, "u16 u32"),
    "C1G2Lock": (344, "u16 u32"),
    "C1G2LockPayload": (345, "u8 u8"),  # privilege, part
    "C1G2EPCMemorySelector": (348, "u8"),  # flags: CRC, PC
    "C1G2ReadOpSpecResult": (349, "u8 u16 u16list"),
    "C1G2WriteOpSpecResult": (350, "u8 u16 u16"),
    "C1G2KillOpSpecResult": (351, "u8 u16"),
    "C1G2LockOpSpecResult": (352, "u8 u16"),
    "Custom": (1023, "u32 u32 rest"),  # maker, subtype, what only that maker knows
}

_FROM_CLIENT = {number: name for name, (number, _) in TABLE.items() if number > 127 and name != "EPCData"}  # what only readers send is not parsed
_CODES = {"u8": "!B", "u16": "!H", "u32": "!I", "u64": "!Q", "s8": "!b", "s16": "!h"}
_TV_LAST = 127
_DEPTH_MAX = 16  # a ROSpec is six deep; whoever nests deeper wants to exhaust the stack


class MalformedError(ValueError):
    """The client sent a parameter that cannot be read; the text says which."""


@dataclass(frozen=True)
class Node:
    """A parsed parameter: its name (`Unknown`: not in the table), its fields, the parameters within."""

    name: str
    fields: tuple[Any, ...]
    inner: tuple[Node, ...]

    def find(self, name: str) -> Node | None:
        """The first parameter of that name directly within."""
        return next((node for node in self.inner if node.name == name), None)

    def find_all(self, name: str) -> list[Node]:
        """The parameters of that name directly within."""
        return [node for node in self.inner if node.name == name]

    def walk(self, name: str) -> Iterator[Node]:
        """All parameters of that name at any depth."""
        for node in self.inner:
            if node.name == name:
                yield node
            yield from node.walk(name)


def encode(name: str, *fields: Any, inner: bytes = b"") -> bytes:
    """One parameter with its fields and what lies within it."""
    number, layout = TABLE[name]
    body = b"".join(_encode_field(kind, value) for kind, value in zip(layout.split(), fields, strict=True)) + inner
    return bytes([0x80 | number]) + body if number <= _TV_LAST else struct.pack("!HH", number, 4 + len(body)) + body


def _encode_field(kind: str, value: Any) -> bytes:
    if kind == "text":
        raw = bytes(value, "utf-8")
        return struct.pack("!H", len(raw)) + raw
    if kind == "bits":
        return struct.pack("!H", 8 * len(value)) + bytes(value)
    if kind.endswith("list"):
        return struct.pack("!H", len(value)) + b"".join(struct.pack(_CODES[kind[:-4]], item) for item in value)
    if kind.startswith("b") or kind == "rest":
        return bytes(value)
    return struct.pack(_CODES[kind], value)


def parse(data: bytes, depth: int = 0) -> tuple[Node, ...]:
    """The parameters in a body. Raises: MalformedError: they do not fit."""
    if depth > _DEPTH_MAX:
        raise MalformedError("parameters are nested too deep")
    nodes = []
    at = 0
    while at < len(data):
        if data[at] & 0x80:
            raise MalformedError("TV parameter where a client sends none")
        if len(data) - at < 4:
            raise MalformedError("parameter header cut off")
        number, length = struct.unpack_from("!HH", data, at)
        if length < 4 or at + length > len(data):
            raise MalformedError(f"parameter {number} has length {length}, {len(data) - at} bytes are left")
        nodes.append(_parse_one(_FROM_CLIENT.get(number, "Unknown"), data[at + 4 : at + length], depth))
        at += length
    return tuple(nodes)


def _parse_one(name: str, body: bytes, depth: int) -> Node:
    if name == "Unknown":
        return Node(name, (body,), ())
    fields, at = [], 0
    for kind in TABLE[name][1].split():
        value, at = _parse_field(name, kind, body, at)
        fields.append(value)
    return Node(name, tuple(fields), parse(body[at:], depth + 1))


def _parse_field(name: str, kind: str, body: bytes, at: int) -> tuple[Any, int]:
    try:
        if kind == "text":
            end = at + 2 + struct.unpack_from("!H", body, at)[0]
            return body[at + 2 : end].decode(errors="replace"), end
        if kind == "rest":
            return body[at:], len(body)
        if kind == "bits":
            count = struct.unpack_from("!H", body, at)[0]
            end = at + 2 + (count + 7) // 8
            if end > len(body):
                raise MalformedError(f"{name} is too short")
            return "".join(f"{byte:08b}" for byte in body[at + 2 : end])[:count], end
        if kind.endswith("list"):
            code = _CODES[kind[:-4]]
            count, size = struct.unpack_from("!H", body, at)[0], struct.calcsize(code)
            return [struct.unpack_from(code, body, at + 2 + index * size)[0] for index in range(count)], at + 2 + count * size
        return struct.unpack_from(_CODES[kind], body, at)[0], at + struct.calcsize(_CODES[kind])
    except struct.error as error:
        raise MalformedError(f"{name} is too short") from error

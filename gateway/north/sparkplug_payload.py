# SPDX-License-Identifier: Apache-2.0
"""The payload of Sparkplug B as bytes: the fields that an edge node for telemetry needs, written from the specification (3.0, section 6.4.1, the message
definitions; field numbers beside each constant). The wire format is that of Protocol Buffers: a varint key (field number * 8 + wire type) before each value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

Value = bool | int | float | str

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES_MAX = 10
_PAYLOAD_TIMESTAMP, _PAYLOAD_METRICS, _PAYLOAD_SEQ = 1, 2, 3
_NAME, _TIMESTAMP, _DATATYPE, _IS_HISTORICAL, _IS_NULL, _PROPERTIES = 1, 3, 4, 5, 7, 9
_PROPERTY_KEYS, _PROPERTY_VALUES = 1, 2
_PROPERTY_TYPE = 1
_INT64_BITS, _INT32_BITS = 64, 32


class Datatype(IntEnum):
    """Sparkplug 3.0, section 6.4.16."""

    INT32 = 3
    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


_METRIC_VALUE = {Datatype.INT32: 10, Datatype.INT64: 11, Datatype.DOUBLE: 13, Datatype.BOOLEAN: 14, Datatype.STRING: 15}
_PROPERTY_VALUE = {Datatype.INT32: 3, Datatype.INT64: 4, Datatype.DOUBLE: 6, Datatype.BOOLEAN: 7, Datatype.STRING: 8}


class Metric(NamedTuple):
    """One metric. `value` None: null; `properties` by name, texts or Int32."""

    name: str
    datatype: Datatype
    value: Value | None
    at_ms: int
    is_historical: bool = False
    properties: Mapping[str, str | int] = {}


class PayloadError(ValueError):
    """Bytes that are no payload."""


def encode(at_ms: int, metrics: Sequence[Metric], seq: int | None = None) -> bytes:
    """A payload; `seq` None: without a sequence number (NDEATH)."""
    body = _number(_PAYLOAD_TIMESTAMP, at_ms) + b"".join(_block(_PAYLOAD_METRICS, _metric(metric)) for metric in metrics)
    return body if seq is None else body + _number(_PAYLOAD_SEQ, seq)


def decode_flags(payload: bytes) -> dict[str, bool]:
    """The Boolean metrics of a command by name; all others are left out. Raises: PayloadError."""
    flags: dict[str, bool] = {}
    for field, metric in _fields(payload):
        if field != _PAYLOAD_METRICS or not isinstance(metric, bytes):
            continue
        found = dict(_fields(metric))
        name, value = found.get(_NAME), found.get(_METRIC_VALUE[Datatype.BOOLEAN])
        if isinstance(name, bytes) and isinstance(value, int):
            flags[name.decode(errors="replace")] = bool(value)
    return flags


def _metric(metric: Metric) -> bytes:
    parts = [_block(_NAME, metric.name.encode()), _number(_TIMESTAMP, metric.at_ms), _number(_DATATYPE, metric.datatype)]
    if metric.is_historical:
        parts.append(_number(_IS_HISTORICAL, 1))
    if metric.value is None:
        parts.append(_number(_IS_NULL, 1))
    if metric.properties:
        parts.append(_block(_PROPERTIES, _properties(metric.properties)))
    if metric.value is not None:
        parts.append(_value(_METRIC_VALUE[metric.datatype], metric.datatype, metric.value))
    return b"".join(parts)


def _properties(properties: Mapping[str, str | int]) -> bytes:
    keys = b"".join(_block(_PROPERTY_KEYS, name.encode()) for name in properties)
    return keys + b"".join(_block(_PROPERTY_VALUES, _property(value)) for value in properties.values())


def _property(value: str | int) -> bytes:
    datatype = Datatype.STRING if isinstance(value, str) else Datatype.INT32
    return _number(_PROPERTY_TYPE, datatype) + _value(_PROPERTY_VALUE[datatype], datatype, value)


def _value(field: int, datatype: Datatype, value: Value) -> bytes:
    """Negative integers travel as the unsigned number of the same bits (section 6.4.16)."""
    match datatype:
        case Datatype.STRING:
            return _block(field, str(value).encode())
        case Datatype.DOUBLE:
            return _varint(field << 3 | _FIXED64) + struct.pack("<d", value)
        case Datatype.INT32 | Datatype.INT64:
            return _number(field, int(value) & ((1 << (_INT64_BITS if datatype is Datatype.INT64 else _INT32_BITS)) - 1))
        case Datatype.BOOLEAN:
            return _number(field, int(bool(value)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the least first; the top bit says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values, in their order. Raises: PayloadError."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        match key & 7:
            case 0:
                value, at = _read_varint(data, at)
                yield key >> 3, value
                continue
            case 1:
                size = 8
            case 5:
                size = 4
            case 2:
                size, at = _read_varint(data, at)
            case kind:
                raise PayloadError(f"wire type {kind} at byte {at}; expected 0, 1, 2 or 5")
        if at + size > len(data):
            raise PayloadError(f"field {key >> 3} at byte {at} wants {size} bytes, {len(data) - at} are left")
        yield key >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(data[at : at + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    raise PayloadError(f"no number ends within {_VARINT_BYTES_MAX} bytes from byte {at}")

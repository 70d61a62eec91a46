# SPDX-License-Identifier: Apache-2.0
"""A block: events that were made durable together, compressed, with a check sum. Pure.

    1 byte   kind: 1 = deflate (RFC 1951) with the dictionary below
    4 bytes  CRC-32 of lane, first number, count and the compressed bytes, little endian
    rest     the events as JSON, a line feed between them (JSON has none), compressed

The dictionary is what events of this program look like; it makes a single event a tenth of its size. It is part of the format and never changes: another one
is another kind.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from contracts.events import LANES, Lane

_KIND = b"\x01"
_HEAD = struct.Struct("<cI")
_PLACE = struct.Struct("<BQI")
_LEVEL = 1  # measured: levels above 1 save a tenth of the bytes and cost twice the time
_DICTIONARY = (
    b'"certificateUntil":"2027-","rssBytes":3,"diskFreeBytes":,"devicesUp":,"devicesDown":0,"payloadBytes":,"writtenBytes":,"cardLifeDays":'
    b'{"type":"GatewayReported","pendingEvents":0,"oldestPendingS":0.0,{"type":"DeviceLinkChanged","state":"connected","reason":"lost"'
    b'{"type":"SensorArrayMeasured","first":0,"values":[0,1,2,{"type":"SensorFailed","reason":"no reply"{"type":"UnexpectedPress","node":1'
    b'{"type":"LightFailed","bin":"A-01","taskIDs":["'
    b'{"type":"ZoneCompleted","tour":"","order":"","colour":"{"type":"TagsCounted","countID":"","epcList":["urn:epc:id:sgtin:","seen":,"complete":true'
    b',"bizStep":"cycle_counting"}{"type":"CommandAnswered","commandID":"","outcome":"done","reason":"refused"{"type":"AlarmChanged","alarmID":"'
    b'","state":"unacknowledged","condition":"high","quantity":"temperature_c","value":,"limit":,"priority":2,"actor":"rtn_unacknowledged","normal"'
    b'{"type":"WeightRecorded","value":"1.234","unit":"kg","weightMg":1234000,"text":"S S      1.234 kg","net":true,"subject":{"gtin":"0'
    b'"subjectText":""{"type":"PickConfirmed","taskID":"","quantity":{"value":1,"requested":{"value":1,"short":true,"bizStep":"picking","device":"lights-1"'
    b'{"type":"PalletPassed","readPoint":"urn:epc:id:sgln:","bizStep":"receiving","action":"OBSERVE","direction":"in","confidence":0.9,'
    b'"parentID":"urn:epc:id:sscc:","childEPCs":["urn:epc:id:sgtin:0614141.812345.","otherParents":[],"strayEPCs":[],"evidence":{"reads":,"eyes":"outer-inner",'
    b'"antennas":"in","antennasConfidence":0.9,"closedBy":"eyes","peaksS":{"outer":1.,"inner":2.},"tagsIn":,"durationS":3.},"passID":"'
    b'"strengthsDbm":{"urn:epc:id:sgtin:":-55.0,"checked":"expected","workVersion":1'
    b'{"type":"ItemScanned","eventTime":"2026-11-21T08:15:30.120000Z","clock":"synced","bootID":"","monotonicS":12345.678,"station":"scan-1",'
    b'"text":"01040","symbology":"]C1","identifiers":{"gtin":"040","serial":"0000","lot":"","expiry":"},"bizStep":"receiving"}\n'
    b'{"type":"SensorMeasured","eventTime":"2026-11-21T08:15:30.120000Z","clock":"synced","bootID":"","monotonicS":12345.678,"station":"cold-1",'
    b'"device":"sensor-1","quantity":"temperature_c","value":4.0,"lowLimit":2.0,"highLimit":8.0,"bizStep":"sensor_reporting"}\n'
)


class BlockDamagedError(ValueError):
    """The bytes are not those that were written."""


def pack(lane: Lane, first: int, bodies: Sequence[bytes]) -> bytes:
    """The block of the events `first`, `first` + 1, ... of a lane."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    packed = deflate.compress(b"\n".join(bodies)) + deflate.flush()
    return _HEAD.pack(_KIND, _check_sum(lane, first, len(bodies), packed)) + packed


def unpack(lane: Lane, first: int, count: int, block: bytes) -> list[bytes]:
    """The events of a block. Raises: BlockDamagedError."""
    if not is_whole(lane, first, count, block):
        raise BlockDamagedError(f"{lane} {first} to {first + count - 1}: the check sum is wrong")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, _DICTIONARY)
    return inflate.decompress(block[_HEAD.size :]).split(b"\n")


def is_whole(lane: Lane, first: int, count: int, block: bytes) -> bool:
    """Whether these are the bytes that were written at this place."""
    if len(block) < _HEAD.size:
        return False
    kind, check_sum = _HEAD.unpack_from(block)
    return bool(kind == _KIND and check_sum == _check_sum(lane, first, count, block[_HEAD.size :]))


def _check_sum(lane: Lane, first: int, count: int, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(_PLACE.pack(LANES.index(lane), first, count)))

# SPDX-License-Identifier: Apache-2.0
"""Reading, writing, locking and killing one tag: the AccessSpec that asks for it and what the reader reports of it.

Source: LLRP 1.0.1, 16.2.5 (AccessSpec) and 16.3.1.3 to 16.3.1.5 (C1G2 tag spec, operations and results); the results above those of 1.0.1 are those of 1.1.
Memory banks, lock and kill: EPC Gen2 1.2.0, 6.3.2.1 and 6.3.2.11.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.rfid_llrp.frames import ParameterType as P
from drivers.rfid_llrp.requests import ROSPEC_ID, parameter
from drivers.rfid_llrp.tag_reports import TV_BYTES

ACCESS_SPEC_ID = 1
_OP_SPEC_ID = 1
_GEN2 = 1
_ONCE = 1  # AccessSpecStopTrigger by the number of operations
_AT_ITS_END = 1  # AccessReportSpec: report when the AccessSpec ends, whatever the ROSpec waits for
_EPC_BANK, _EPC_AT_BIT = 1, 32  # behind CRC and PC
_ACCESS_SPEC_ID_TV = 16  # told only by readers that were asked for it

BANKS = {"reserved": 0, "epc": 1, "tid": 2, "user": 3}
LOCKS = {"lock": 0, "permalock": 1, "permaunlock": 2, "unlock": 3}  # C1G2LockPayload, privilege
LOCKED = {"kill_password": 0, "access_password": 1, "epc": 2, "tid": 3, "user": 4}  # C1G2LockPayload, data field

_SUCCESS = "success"
_TAG, _SILENT, _READER = "tag_error", "no_response_from_tag", "reader_error"
_WEAK, _OVERRUN, _LOCKED, _PASSWORD = "insufficient_power", "memory_overrun", "memory_locked", "incorrect_password"
RESULTS: dict[P, tuple[str, ...]] = {
    P.C1G2_READ_OP_SPEC_RESULT: (_SUCCESS, _TAG, _SILENT, _READER, _OVERRUN, _LOCKED, _PASSWORD),
    P.C1G2_WRITE_OP_SPEC_RESULT: (_SUCCESS, _OVERRUN, _LOCKED, _WEAK, _TAG, _SILENT, _READER, _PASSWORD),
    P.C1G2_KILL_OP_SPEC_RESULT: (_SUCCESS, "zero_kill_password", _WEAK, _TAG, _SILENT, _READER, _PASSWORD),
    P.C1G2_LOCK_OP_SPEC_RESULT: (_SUCCESS, _WEAK, _TAG, _SILENT, _READER, _PASSWORD, _OVERRUN, _LOCKED),
}
"""Names of the result codes of each operation, in the order of their numbers."""

ADVICE = {
    _TAG: "the tag refused and does not say why; its memory may be locked, or shorter",
    _SILENT: "the tag did not answer; hold it nearer to the antenna and still",
    _READER: "the reader failed and does not say why; look at its own log",
    _WEAK: "the tag gets too little power; hold it nearer to the antenna, or raise `power_dbm`",
    _OVERRUN: "the tag has no memory there; ask for fewer words, or another place",
    _LOCKED: "the tag's memory is locked; give its access password, or unlock it",
    _PASSWORD: "the password is not the tag's",
    "zero_kill_password": "the tag's kill password is zero, and such tags cannot be killed; write one to its reserved memory first",
}


@dataclass(frozen=True)
class Operation:
    """One operation on one tag: the OpSpec, the parameter that will report it, and what is said again with its result."""

    epc: bytes
    op_spec: bytes
    reported_as: P
    about: Mapping[str, Argument]

    def add_body(self) -> bytes:
        """ADD_ACCESSSPEC: once, for the tag with this EPC, on any antenna, while our ROSpec reads; disabled until it is enabled."""
        ends = parameter(P.ACCESS_SPEC_STOP_TRIGGER, "BH", _ONCE, 1)
        command = parameter(P.ACCESS_COMMAND, inner=parameter(P.C1G2_TAG_SPEC, inner=self._target()) + self.op_spec)
        inner = ends + command + parameter(P.ACCESS_REPORT_SPEC, "B", _AT_ITS_END)
        return parameter(P.ACCESS_SPEC, "IHBBI", ACCESS_SPEC_ID, 0, _GEN2, 0, ROSPEC_ID, inner=inner)

    def _target(self) -> bytes:
        """C1G2TargetTag: | 2 bits bank | bit 5 match | 16 bits first bit | 16 bits length | mask | 16 bits length | data |."""
        bits = struct.pack("!H", 8 * len(self.epc))
        fields = struct.pack("!BH", _EPC_BANK << 6 | 0x20, _EPC_AT_BIT) + bits + b"\xff" * len(self.epc) + bits + self.epc
        return struct.pack("!HH", P.C1G2_TARGET_TAG, 4 + len(fields)) + fields


@dataclass(frozen=True)
class Outcome:
    """What became of an operation: the name of its result (`success`, or a key of `ADVICE`), its number, and what was read or how much written."""

    name: str
    code: int
    data: bytes = b""
    words_written: int | None = None


def operation(name: str, arguments: Mapping[str, Argument]) -> Operation:
    """The operation that a command asks for. Raises: LocalProtocolError: names the argument that does not fit."""
    epc = _words("epc", str(arguments["epc"]))
    password = _password(str(arguments["password"]))
    head = struct.pack("!HI", _OP_SPEC_ID, password)
    about: dict[str, Argument] = {"epc": epc.hex().upper()}
    if name == "kill_tag":
        if not password:
            raise LocalProtocolError("`password` is zero; a tag is killed only with the kill password that was written to it before")
        return Operation(epc, _op_spec(P.C1G2_KILL, head), P.C1G2_KILL_OP_SPEC_RESULT, about)
    if name == "lock_tag":
        how, what = _choice("how", arguments, LOCKS), _choice("what", arguments, LOCKED)
        payload = parameter(P.C1G2_LOCK_PAYLOAD, "BB", how, what)
        return Operation(epc, _op_spec(P.C1G2_LOCK, head + payload), P.C1G2_LOCK_OP_SPEC_RESULT, about)
    place = struct.pack("!BH", _choice("bank", arguments, BANKS) << 6, _u16("first_word", arguments))
    if name == "read_tag":
        return Operation(epc, _op_spec(P.C1G2_READ, head + place + struct.pack("!H", _u16("words", arguments))), P.C1G2_READ_OP_SPEC_RESULT, about)
    data = _words("data", str(arguments["data"]))
    return Operation(epc, _op_spec(P.C1G2_WRITE, head + place + struct.pack("!H", len(data) // 2) + data), P.C1G2_WRITE_OP_SPEC_RESULT, about)


def _op_spec(kind: P, fields: bytes) -> bytes:
    """C1G2Read, Write, Kill or Lock: | 16 bits OpSpec | 32 bits password ...; then | 2 bits bank | 16 bits first word | 16 bits words | data |."""
    return struct.pack("!HH", kind, 4 + len(fields)) + fields


def _words(argument: str, text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise LocalProtocolError(f"`{argument}` {text!r} is not hex") from error
    if not data or len(data) % 2 or len(data) > 128:
        raise LocalProtocolError(f"`{argument}` must be 1 to 64 words of 4 hex digits, not {len(text)} digits")
    return data


def _password(text: str) -> int:
    try:
        if len(text) == 8:
            return int.from_bytes(bytes.fromhex(text), "big")
    except ValueError:
        pass
    raise LocalProtocolError("`password` must be 8 hex digits")


def _choice(argument: str, arguments: Mapping[str, Argument], choices: Mapping[str, int]) -> int:
    if (chosen := str(arguments[argument])) not in choices:
        raise LocalProtocolError(f"`{argument}` {chosen!r} is none of {', '.join(choices)}")
    return choices[chosen]


def _u16(argument: str, arguments: Mapping[str, Argument]) -> int:
    if not 0 <= (number := int(arguments[argument])) <= 0xFFFF:
        raise LocalProtocolError(f"`{argument}` must be 0 to 65535, not {number}")
    return number


def outcome_in(report: bytes, reported_as: P) -> Outcome | None:
    """The first result of our AccessSpec in the body of an RO_ACCESS_REPORT; None: there is none in it. Damaged tags are passed over; never raises."""
    for start, end in _tlvs(report, 0, len(report)):
        found, is_of_another = None, False
        for kind, value in _values(report[start:end]):
            is_of_another |= kind == _ACCESS_SPEC_ID_TV and value != struct.pack("!I", ACCESS_SPEC_ID)
            found = _outcome(value, reported_as) if kind == reported_as else found
        if found and not is_of_another:
            return found
    return None


def _tlvs(body: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the values of the TagReportData in a report lie."""
    while end - at >= 4:
        kind, length = struct.unpack_from("!HH", body, at)
        if length < 4 or at + length > end:
            return
        if kind == P.TAG_REPORT_DATA:
            yield at + 4, at + length
        at += length


def _values(row: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of each parameter of a tag, as far as they can be told apart."""
    at = 0
    while at < len(row):
        kind = row[at] & 0x7F
        if row[at] & 0x80:
            start, size = at + 1, TV_BYTES.get(kind, len(row))
        elif len(row) - at >= 4:
            kind, length = struct.unpack_from("!HH", row, at)
            start, size = at + 4, max(length - 4, 0) if length >= 4 else len(row)
        else:
            return
        if start + size > len(row):
            return
        yield kind, row[start : start + size]
        at = start + size


def _outcome(value: bytes, kind: P) -> Outcome | None:
    """OpSpecResult: | 8 bits result | 16 bits OpSpec |, after it of a read | 16 bits words | data |, of a write | 16 bits words written |."""
    if len(value) < 3 or value[1:3] != struct.pack("!H", _OP_SPEC_ID):
        return None
    code, names = value[0], RESULTS[kind]
    name = names[code] if code < len(names) else f"result_{code}"
    more = int.from_bytes(value[3:5], "big") if len(value) >= 5 else 0
    if kind == P.C1G2_READ_OP_SPEC_RESULT:
        return Outcome(name, code, data=value[5 : 5 + 2 * more])
    return Outcome(name, code, words_written=more if kind == P.C1G2_WRITE_OP_SPEC_RESULT else None)

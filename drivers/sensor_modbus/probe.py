# SPDX-License-Identifier: Apache-2.0
"""Sensors that tell by their own settings what they are. Only registers are read, and a bare answer is no proof: any unit answers something."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drivers.base.errors import RemoteProtocolError
from drivers.base.modbus.frames import Reply, Request, decode_reply, decode_rtu, decode_tcp, encode_rtu, encode_tcp
from drivers.base.probe import Probe, Recognised

_HOLDING = 3
_UNITS = (1, 2, 3, 4)
"""Asked one after the other; sensors are delivered as unit 1, and few go on numbering far."""
_BAUDS = (1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200)
_XY_UNIT_AND_BAUD = 0x0101
"""XY-MD02: its own address, and behind it the rate as it is (facts of the seller's table corrected by the mbmap library)."""
_COMET_SERIAL = 0x1034
"""Comet: the serial number as eight BCD digits in numbers 0x1035 and 0x1036, one less on the wire (T3311 manual)."""
_PORT = 502

Judge = Callable[[Reply], Recognised | None]


def _xy_md02(reply: Reply) -> Recognised | None:
    if len(reply.registers) == 2 and reply.registers[0] == reply.unit_id and reply.registers[1] in _BAUDS:
        return Recognised(f"XY-MD02 as unit {reply.unit_id}", {"map": "xy_md02", "unit_id": reply.unit_id})
    return None


def _comet(reply: Reply) -> Recognised | None:
    if _xy_md02(reply) is not None:
        return None  # a late answer to the other question
    digits = "".join(f"{word:04X}" for word in reply.registers)
    if len(digits) == 8 and digits.isdigit() and digits.strip("0"):
        return Recognised(f"Comet sensor, serial number {digits}, as unit {reply.unit_id}", {"map": "comet_tx5xx", "unit_id": reply.unit_id})
    return None


def _answer(said: bytes, request: Request, *, is_tcp: bool) -> Reply | None:
    try:
        unit_id, pdu = decode_tcp(said)[1:] if is_tcp else decode_rtu(said)
        reply = decode_reply(unit_id, pdu)
    except RemoteProtocolError:
        return None
    return reply if (unit_id, reply.function, reply.exception_code) == (request.unit_id, request.function, None) else None


def _probe(request: Request, judge: Judge, *, is_tcp: bool) -> Probe:
    def recognise(said: bytes) -> Recognised | None:
        reply = _answer(said, request, is_tcp=is_tcp)
        found = judge(reply) if reply is not None else None
        return None if found is None else Recognised(found.about, {**found.fields, "framing": "tcp" if is_tcp else "rtu"})

    asks = encode_tcp(1, request.unit_id, request.pdu()) if is_tcp else encode_rtu(request.unit_id, request.pdu())
    return Probe(recognise, asks, 0.5, ports=(_PORT,) if is_tcp else (), lines=() if is_tcp else ((9600, "N", 8), (19200, "E", 8)))


def _probes() -> Iterator[Probe]:
    for unit_id in _UNITS:
        for address, judge in ((_XY_UNIT_AND_BAUD, _xy_md02), (_COMET_SERIAL, _comet)):
            for is_tcp in (False, True):
                yield _probe(Request(unit_id, _HOLDING, address, 2), judge, is_tcp=is_tcp)


PROBES = tuple(_probes())

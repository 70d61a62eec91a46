# SPDX-License-Identifier: Apache-2.0
"""How the lines of several makes look, each written from the manual that its function names; and what they are asked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_sims.scales.body import ScaleBody


@dataclass(frozen=True)
class Format:
    """A make: its line without the end, and its commands (bytes -> print, zero, tare, serial, or a text that is answered)."""

    line: Callable[[ScaleBody], str]
    commands: Mapping[bytes, str]


def _header(body: ScaleBody) -> str:
    return "OL" if body.limit else "ST" if body.is_stable else "US"


def _zero_filled(body: ScaleBody, width: int) -> str:
    """Sign, then digits filled with zeros to `width` with the sign."""
    sign = "-" if body.net < 0 else "+"
    return sign + f"{abs(body.net)}".rjust(width - 1, "0")


def _and_standard(body: ScaleBody) -> str:
    """A&D GC series manual p. 51: header, comma, nine characters of data, three of unit. Out of range: nines (EK-L manual p. 30)."""
    data = ("-" if body.limit == "under" else "+") + "999999.9" if body.limit else _zero_filled(body, 9)
    return f"{_header(body)},{data}{body.unit:>3}"


def _and_gs(body: ScaleBody) -> str:
    """CAS CI-600D manual p. 74, "AND 18 bytes": header, GS or NT, eight characters of data, two of unit."""
    data = ("-" if body.limit == "under" else "+").ljust(8) if body.limit else _zero_filled(body, 8)
    return f"{_header(body)},{'NT' if body.is_net else 'GS'},{data}{body.unit:>2}"


def _cas_10(body: ScaleBody) -> str:
    """CAS CI-600D manual p. 74, "CAS 10 bytes": eight characters of data."""
    return " " * 8 if body.limit else f"{body.net:>8}"


def _kern_gs(body: ScaleBody) -> str:
    """KERN KFB manual p. 49: two headers and the weight, eight places; the unit in capitals."""
    return f"{_header(body)},{'NT' if body.is_net else 'GS'}{'' if body.limit else body.net:>9}{body.unit.upper()}"


def _kern_gab(body: ScaleBody) -> str:
    """KERN GAB-N manual p. 37: one-letter header, commas around, sign or blank and seven places."""
    weight = "" if body.limit else ("-" if body.net < 0 else " ") + f"{abs(body.net):>7}"
    return f"{_header(body)},{'N' if body.is_net else 'G'} ,{weight:>8},{body.unit}"


def _kern_fkb(body: ScaleBody) -> str:
    """KERN PCB manual p. 35: sign at place 2, ten places, and a unit of three when the load rests. Nothing to show: Error."""
    if body.limit:
        return " " * 11 + "Error"
    sign = "-" if body.net < 0 else " "
    return f" {sign}{abs(body.net):>10} {body.unit if body.is_stable else '':<3}"


def _ohaus_ranger(body: ScaleBody) -> str:
    """Ohaus Ranger RC manual p. 36, response to P: polarity, two blanks, seven places, unit, stability, NET or B/G."""
    if body.limit:
        return "Err 8.3" if body.limit == "over" else "Err 8.4"
    sign = "-" if body.net < 0 else " "
    return f"{sign}  {abs(body.net):>7} {body.unit:<2} {' ' if body.is_stable else '?'} {'NET' if body.is_net else 'B/G'}"


def _sbi(body: ScaleBody) -> str:
    """Sartorius Quintix manual p. 87: sign, blank, eight places, blank, unit of three when the load rests."""
    if body.limit:
        return " " * 6 + ("High" if body.limit == "over" else "Low ") + " " * 4
    sign = "-" if body.net < 0 else "+"
    return f"{sign} {abs(body.net):>8} {body.unit if body.is_stable else '':<3}"


def _sbi_22(body: ScaleBody) -> str:
    """Sartorius WZA manual p. 23: six characters that say which weight it is, then as with 16; Stat for what is none."""
    return f"{'Stat' if body.limit else 'N' if body.is_net else 'G':<6}{_sbi(body)}"


def _dini_ext(body: ScaleBody) -> str:
    """Dini Argeo DFW serial protocol, REXT: scale, state, net, tare with PT when keyed in, pieces, unit; numbers of ten characters."""
    state = {"over": "OL", "under": "UL"}.get(body.limit) or ("ST" if body.is_stable else "US")
    return f"1,{state},{body.net:>10},{'PT' if body.tare_kind == 'preset' else '  '}{body.tare:>10},{0:>10},{body.unit:>2}"


_SBI_COMMANDS = {
    b"\x1bP": "print", b"\x1bT": "tare", b"\x1bU": "tare", b"\x1bV": "zero", b"\x1bx1_": "Dockline SBI", b"\x1bx2_": "serial", b"\x1bx3_": "01-02-03",
}  # fmt: skip
_KERN = {b"W": "print", b"w": "print", b"T": "tare", b"t": "tare", b"Z": "zero"}
_AND = {b"Q\r\n": "print", b"Z\r\n": "zero", b"T\r\n": "tare"}
FORMATS = {
    "and_standard": Format(_and_standard, _AND),
    "and_18": Format(_and_gs, _AND),
    "cas_10": Format(_cas_10, {}),
    "dini_ext": Format(_dini_ext, {b"REXT\r\n": "print", b"Z\r\n": "zero", b"T\r\n": "tare"}),
    "kern_gs": Format(_kern_gs, _KERN),
    "kern_gab": Format(_kern_gab, _KERN),
    "kern_fkb": Format(_kern_fkb, _KERN),
    "ohaus_ranger": Format(_ohaus_ranger, {b"P\r\n": "print", b"Z\r\n": "zero", b"T\r\n": "tare"}),
    "sartorius_sbi": Format(_sbi, _SBI_COMMANDS),
    "sartorius_sbi_22": Format(_sbi_22, _SBI_COMMANDS),
}

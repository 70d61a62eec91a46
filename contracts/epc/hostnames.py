# SPDX-License-Identifier: Apache-2.0
"""The host name that a "++" tag carries after its identity, so that its Digital Link leads to its owner. Source: TDS 2.3, section 14.5.16."""

from __future__ import annotations

from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.characters import SET_39, SET_82
from contracts.epc.digits import IdentifierError
from contracts.epc.values import read_code_40, write_code_40

_LONGEST = 63
_SHORT = {
    0b0011110: "qr.",
    0b0011111: "www.",
    0b0100000: "id.",
    0b1011011: ".com",
    0b1011100: ".org",
    0b1011101: ".net",
    0b1011110: ".int",
    0b1100000: ".edu",
    0b1111011: ".gov",
    0b1111100: ".mil",
    0b1111101: ".biz",
    0b1111110: ".eco",
    0b1111111: ".med",
}
"""Seven bits that stand for more than a character (table 14-11)."""
_LONG = (
    """
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo bq br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu
    cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id
    ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li
    """,
    """
    lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm
    pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug
    us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
    """,
    """
    com.au net.au org.au co.at com.bd co.bd com.br net.br co.nz com.ng com.pk co.in com.in co.il co.jp co.za co.kr com.es com.lk co.th co.tt com.tt com.tr
    biz.tr com.ua co.uk co.zm com.zm com.cn org.cn net.cn gov.cn
    """,
    """
    tech
    """,
)
"""Endings by the first seven of fourteen bits, in the order of the second seven (tables 14-12 to 14-15; for .org.cn and .net.cn table 14-14 prints the
first seven of another table, which are taken: the place among the others is right)."""
_ENDINGS = tuple(tuple(f".{name}" for name in names.split()) for names in _LONG)
_CODES = {text: (code, 7) for code, text in _SHORT.items()} | {
    text: (table << 7 | index, 14) for table, names in enumerate(_ENDINGS) for index, text in enumerate(names)
}
_BY_LENGTH = sorted({len(text) for text in _CODES}, reverse=True)
_CAPITALS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:")


def read_hostname(reader: BitReader) -> str:
    """The host name at this place. Raises: IdentifierError: empty, or a sequence that is reserved."""
    is_ascii, length = reader.read(1), reader.read(6)
    if not length:
        raise IdentifierError("the host name is empty")
    if not is_ascii:
        return read_code_40(reader, length)
    name = ""
    while length > 0:
        code = reader.read(7)
        length -= 1
        if code < len(_ENDINGS):
            name += _ending(code, reader.read(7))
            length -= 1
        elif code in _SHORT:
            name += _SHORT[code]
        elif chr(code) in SET_82 or chr(code) in SET_39:
            name += chr(code)
        else:
            raise IdentifierError(f"{code:07b} in the host name is reserved")
    if length:
        raise IdentifierError("the host name is longer than it announces")
    return name


def _ending(table: int, index: int) -> str:
    if index >= len(_ENDINGS[table]):
        raise IdentifierError(f"{table:07b} {index:07b} in the host name is reserved")
    return _ENDINGS[table][index]


def write_hostname(writer: BitWriter, name: str) -> None:
    """Append a host name. Raises: IdentifierError: empty, longer than 63 characters, or with characters that no host name has."""
    if not 1 <= len(name) <= _LONGEST or not SET_82.issuperset(name):
        raise IdentifierError(f"{name!r} is no host name of 1 to {_LONGEST} characters of GS1's set 82")
    if _CAPITALS.issuperset(name):
        writer.write(len(name), 7)
        write_code_40(writer, name)
        return
    codes = _sequences(name)
    writer.write(1 << 6 | sum(bits for _, bits in codes) // 7, 7)
    for code, bits in codes:
        writer.write(code, bits)


def _sequences(name: str) -> list[tuple[int, int]]:
    """Codes and their bits, the longest sequence that fits at each place."""
    codes: list[tuple[int, int]] = []
    at = 0
    while at < len(name):
        text = next((name[at : at + length] for length in _BY_LENGTH if name[at : at + length] in _CODES), name[at])
        codes.append(_CODES.get(text, (ord(name[at]), 7)))
        at += len(text)
    return codes

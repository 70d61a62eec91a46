# SPDX-License-Identifier: Apache-2.0
"""The EPC of a tag, to and from the bits of its EPC memory. Source: TDS 2.3, sections 12 to 15."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from contracts.epc import own_layouts, partitioned, plus
from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.characters import escaped
from contracts.epc.digits import IdentifierError
from contracts.epc.elements import GS1_HOST, digital_link, element_string, machine_string
from contracts.epc.identities import Identity
from contracts.epc.kinds import Elements, Parts
from contracts.epc.partitioned import Partitioned
from contracts.epc.plus import DATE_AIS, PlusContent, PlusScheme

_WORD_BITS = 16
_BITS_MAX = 31 * _WORD_BITS
"""The length that a tag's protocol control bits can say (TDS 9.3)."""
_CACHED_EPCS = 4096

Scheme = Partitioned | own_layouts.OwnLayout | PlusScheme
SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in (*partitioned.SCHEMES, *own_layouts.SCHEMES, *plus.SCHEMES)}
"""All schemes by name, lower-case: sgtin-96, sgtin+, sgtin++, ..."""
_BY_HEADER: dict[int, Scheme] = {scheme.header: scheme for scheme in SCHEMES.values()}
_NO_EPC = {0x00: "the tag's EPC has not been written", 0xE2: "it looks like a TID, the number of the chip"}
_WITH_PREFIX = {
    kind: tuple(scheme.name for scheme in (*partitioned.SCHEMES, *own_layouts.SCHEMES) if scheme.kind == kind and scheme.name != "gdti-113")
    for kind in {scheme.kind for scheme in SCHEMES.values()}
}
"""Schemes of TDS 1.x by kind, the shortest first. (GDTI-113 is read and no longer written unless asked for.)"""


class Epc(NamedTuple):
    """What the EPC memory of a tag says, and its bits."""

    hex: str
    """Upper-case, whole words."""
    scheme: str
    filter_value: int | None
    """Packaging level and the like (TDS 10); no part of the identity. None: the scheme has none."""
    identity: Identity
    date: Elements = ()
    """The date of a DSGTIN+."""
    aidc: Elements = ()
    """Elements that a "+" tag carries after its identity."""
    aidc_raw: str = ""
    """Bits after the identity that stand for nothing known, as 0 and 1."""
    host: str = GS1_HOST
    """Of a "++" tag."""

    @property
    def tag_uri(self) -> str | None:
        """`urn:epc:tag:sgtin-96:3.0614141.812345.6789`; None for "+" schemes, for which TDS has none."""
        if self.identity.parts is None or self.scheme.endswith("+"):
            return None
        filter_part = "" if self.filter_value is None else f"{self.filter_value}."
        return f"urn:epc:tag:{self.scheme}:{filter_part}{'.'.join(map(escaped, self.identity.parts))}"

    @property
    def raw_uri(self) -> str:
        """`urn:epc:raw:96.x3074257BF7194E4000001A85`."""
        return f"urn:epc:raw:{4 * len(self.hex)}.x{self.hex}"

    @property
    def elements(self) -> Elements:
        """Everything the tag carries: the identity's elements, its date, its further data."""
        return (*self.identity.elements, *self.date, *self.aidc)

    @property
    def element_string(self) -> str | None:
        """`(01)79521141123453(21)32a/b(17)220630`; None for kinds outside GS1."""
        return element_string(self.elements) if self.identity.elements else None

    @property
    def machine_string(self) -> str | None:
        """The same with GS (FNC1) between values, as a scanner sends it."""
        return machine_string(self.elements) if self.identity.elements else None

    @property
    def digital_link(self) -> str | None:
        """The whole as a GS1 Digital Link, at the tag's own host if it names one."""
        return digital_link(self.elements, self.host) if self.identity.elements else None


def _bits(epc_hex: str) -> int:
    """Raises: IdentifierError: not hex, nothing, or more than a tag can hold."""
    if not (epc_hex.isascii() and epc_hex.isalnum()):
        raise IdentifierError(f"{epc_hex[:200]!r} is no hex digits")
    if not 2 <= len(epc_hex) <= _BITS_MAX // 4:
        raise IdentifierError(f"{len(epc_hex)} hex digits are no EPC: it has 2 to {_BITS_MAX // 4}")
    try:
        return int(epc_hex, 16)
    except ValueError:
        raise IdentifierError(f"{epc_hex!r} is no hex digits") from None


def _aligned(bits: int, length: int, scheme: Partitioned | own_layouts.OwnLayout) -> int:
    """The scheme's own bits of a tag's memory of so many. Raises: IdentifierError: too few, no whole words, or padding that is not zero."""
    padding = length - scheme.bits
    if padding < 0:
        raise IdentifierError(f"{length} bits are too few; {scheme.name.upper()} has {scheme.bits}")
    if length % _WORD_BITS:
        raise IdentifierError(f"{length} bits are no whole 16-bit words; {scheme.name.upper()} is read as {-(-scheme.bits // _WORD_BITS) * _WORD_BITS}")
    if bits & ((1 << padding) - 1):
        raise IdentifierError(f"the {padding} bits after the {scheme.bits} of {scheme.name.upper()} are not zero")
    return bits >> padding


def decode(epc_hex: str) -> Epc:
    """Read the EPC memory of a tag, from its header on; whole words, but a scheme of variable length may stop at its last hex digit.

    Raises: IdentifierError: not hex, an unknown header, too short, reserved values, numbers with too many digits, wrong characters or check digits,
    padding that is not zero.
    """
    bits, length = _bits(epc_hex), 4 * len(epc_hex)
    header = bits >> length - 8
    scheme = _BY_HEADER.get(header)
    if scheme is None:
        raise IdentifierError(f"EPC {epc_hex}: no scheme has header {header:02X}" + (f"; {_NO_EPC[header]}" if header in _NO_EPC else ""))
    padded = epc_hex.upper() + "0" * (-len(epc_hex) % (_WORD_BITS // 4))
    try:
        if isinstance(scheme, Partitioned):
            own = _aligned(bits, length, scheme)
            return Epc(padded, scheme.name, own >> scheme.filter_shift & 7, Identity(scheme.kind, scheme.read(own)))
        reader = BitReader(bits, length)
        reader.read(8)
        if isinstance(scheme, PlusScheme):
            filter_value, content = plus.read_plus(reader, scheme)
            return Epc(padded, scheme.name, filter_value, *content)
        return _own_layout(padded, reader, scheme, length)
    except IdentifierError as error:
        raise IdentifierError(f"EPC {epc_hex}: {error}") from None


def _own_layout(padded: str, reader: BitReader, scheme: own_layouts.OwnLayout, length: int) -> Epc:
    if scheme.bits:
        _aligned(0, length, scheme)
    filter_value = reader.read(scheme.filter_bits) if scheme.filter_bits else None
    parts = scheme.read_from(reader)
    if reader.rest():
        raise IdentifierError(f"the {reader.left} bits after the end of {scheme.name.upper()} are not zero")
    return Epc(padded, scheme.name, filter_value, Identity(scheme.kind, parts))


def scheme_of(name: str) -> Scheme:
    """The scheme of this name, capitals or not. Raises: IdentifierError: there is none."""
    scheme = SCHEMES.get(name.lower())
    if scheme is None:
        raise IdentifierError(f"there is no scheme {name!r}; there are {', '.join(sorted(SCHEMES))}")
    return scheme


def encode(identity: Identity, scheme: str | None = None, filter_value: int = 0, attributes: Elements = (), host: str = GS1_HOST) -> Epc:
    """Write an identity, and elements about it, into the memory of a tag.

    Without a scheme: the shortest of TDS 1.x that holds the identity if the company prefix is known and there is nothing else to carry, a "+" scheme
    otherwise. Raises: IdentifierError: unknown scheme, one of another kind, a value that does not fit, elements or a prefix that it needs or lacks.
    """
    if scheme is None:
        return _shortest(identity, filter_value, attributes, host)
    found = scheme_of(scheme)
    if found.kind != identity.kind:
        raise IdentifierError(f"{found.name} carries an identity of {found.kind}, not of {identity.kind}")
    writer = BitWriter()
    writer.write(found.header, 8)
    if isinstance(found, PlusScheme):
        _check_filter(filter_value, 3)
        content = _content(found, identity, attributes, host)
        plus.write_plus(writer, found, filter_value, content)
        return _epc(writer, found.name, filter_value, content)
    _check_filter(filter_value, found.filter_bits)
    if attributes:
        raise IdentifierError(f"{found.name} has no place for {', '.join(f'({ai})' for ai, _ in attributes)}; {found.kind}+ has")
    parts = _parts(identity, found.name)
    if isinstance(found, Partitioned):
        writer.value, writer.length = found.write(parts, filter_value), found.bits
    else:
        writer.write(filter_value, found.filter_bits)
        found.write_to(writer, parts)
    return _epc(writer, found.name, filter_value if found.filter_bits else None, PlusContent(identity))


def _content(scheme: PlusScheme, identity: Identity, attributes: Elements, host: str) -> PlusContent:
    date = next((element for element in attributes if element[0] in DATE_AIS and len(element[1]) == 6), None) if scheme.dated else None
    aidc = tuple(element for element in attributes if element != date)
    return PlusContent(identity, (date,) if date else (), aidc, host=host if scheme.hosted else GS1_HOST)


def _epc(writer: BitWriter, scheme: str, filter_value: int | None, content: PlusContent) -> Epc:
    epc_hex = writer.hex()
    if 4 * len(epc_hex) > _BITS_MAX:
        raise IdentifierError(f"{writer.length} bits are more than the {_BITS_MAX} of a tag's EPC memory")
    return Epc(epc_hex, scheme, filter_value, *content)


def _check_filter(filter_value: int, bits: int) -> None:
    if not 0 <= filter_value < max(1, 1 << bits):
        raise IdentifierError(f"filter value {filter_value} is not 0 to {(1 << bits) - 1}")


def _parts(identity: Identity, scheme: str) -> Parts:
    if identity.parts is None:
        raise IdentifierError(f"{scheme} needs the length of the company prefix in {identity.element_string}: say it (6 to 12), or take {identity.kind}+")
    return identity.parts


def _shortest(identity: Identity, filter_value: int, attributes: Elements, host: str) -> Epc:
    if identity.parts is None or attributes or host != GS1_HOST:
        return encode(identity, f"{identity.kind}+" if host == GS1_HOST else f"{identity.kind}++", filter_value, attributes, host)
    *shorter, longest = _WITH_PREFIX[identity.kind]
    for name in shorter:
        try:
            return encode(identity, name, filter_value)
        except IdentifierError:
            continue
    return encode(identity, longest, filter_value)


@lru_cache(maxsize=_CACHED_EPCS)
def identity_of_epc(epc_hex: str) -> Identity | None:
    """What object a tag's EPC names; None for whatever is no EPC. Never raises."""
    try:
        return decode(epc_hex).identity
    except IdentifierError:
        return None

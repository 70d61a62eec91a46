# SPDX-License-Identifier: Apache-2.0
"""Every way of writing an EPC, told apart by how it begins: hex, URN, tag URI, raw URI, element string, Digital Link."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from contracts.epc.characters import unescaped
from contracts.epc.digits import IdentifierError
from contracts.epc.elements import GS1_HOST, parse_digital_link, parse_elements
from contracts.epc.identities import Identity, of_elements, of_parts, of_uri
from contracts.epc.kinds import KINDS, Elements
from contracts.epc.plus import PlusScheme
from contracts.epc.tags import Epc, decode, encode, scheme_of
from contracts.gs1.elements import GS

_PURE, _TAG, _RAW = "urn:epc:id:", "urn:epc:tag:", "urn:epc:raw:"
_CONTROL = re.compile(r"(?:\[[a-z0-9\-]+=[0-9A-Za-z]+\])+:")
"""Control fields of the tag's memory in front of a tag URI or a raw URI (TDS 12.2); they are no part of the EPC."""
_HEX_PAYLOAD = re.compile(r"([1-9][0-9]*)\.x([0-9A-F]+)")
_DECIMAL_PAYLOAD = re.compile(r"([1-9][0-9]*)\.([0-9]+)")
_CACHED_URIS = 4096
_SHOWN = 200


class Given(NamedTuple):
    """What a text says: always an identity; what is about it; the tag, if the text is one's."""

    identity: Identity
    attributes: Elements = ()
    host: str = GS1_HOST
    epc: Epc | None = None


def parse(text: str) -> Given:
    """Read any form. Raises: IdentifierError: it is none, or says what is wrong with the one that it looks like."""
    lower = text[:12].lower()
    if lower.startswith(_PURE):
        return Given(of_uri(text))
    if lower.startswith(_TAG):
        return _tag(_tag_uri(text))
    if lower.startswith(_RAW):
        return _tag(decode(_raw_uri(text)))
    if lower.startswith(("http:", "https:")):
        elements, host = parse_digital_link(text)
        return Given(*of_elements(elements), host)
    if text.startswith(("(", "]", GS)) or GS in text:
        return Given(*of_elements(parse_elements(text)))
    if lower.startswith("urn:"):
        raise IdentifierError(f"{text[:_SHOWN]!r} is not {_PURE}..., {_TAG}... or {_RAW}...")
    return _hex_or_elements(text)


def _tag(epc: Epc) -> Given:
    return Given(epc.identity, (*epc.date, *epc.aidc), epc.host, epc)


def _hex_or_elements(text: str) -> Given:
    """Digits alone may be either; a tag's bits check themselves better than an element string that ends with its only value."""
    try:
        return _tag(decode(text.removeprefix("0x")))
    except IdentifierError as error:
        try:
            return Given(*of_elements(parse_elements(text)))
        except IdentifierError:
            raise error from None


def _tag_uri(uri: str) -> Epc:
    name, colon, body = _CONTROL.sub("", uri.removeprefix(_TAG), count=1).partition(":")
    scheme = scheme_of(name)
    if not colon or not uri.startswith(_TAG) or isinstance(scheme, PlusScheme):
        raise IdentifierError(f"{uri!r} is not {_TAG}SCHEME:... of a scheme that has such a URI")
    filter_text, dot, rest = body.partition(".") if scheme.filter_bits else ("0", ".", body)
    if not dot or not re.fullmatch(r"0|[1-9][0-9]?", filter_text):
        raise IdentifierError(f"{uri!r} has no filter value, a number before the first dot")
    spec = KINDS.get(scheme.kind)
    texts = rest.split(".", spec.part_count - 1) if spec else rest.split(".")
    try:
        return encode(of_parts(scheme.kind, tuple(unescaped(text, uri) for text in texts)), name, int(filter_text))
    except IdentifierError as error:
        raise IdentifierError(f"{uri!r}: {error}") from None


def _raw_uri(uri: str) -> str:
    body = _CONTROL.sub("", uri.removeprefix(_RAW), count=1)
    if match := _HEX_PAYLOAD.fullmatch(body):
        value, payload = int(match[2], 16), match[2]
    elif match := _DECIMAL_PAYLOAD.fullmatch(body[:_SHOWN]):
        value, payload = int(match[2]), ""
    else:
        raise IdentifierError(f"{uri!r} is not {_RAW}BITS.xHEX: a payload with an AFI is ISO's, not an EPC")
    bits = int(match[1][:6])
    if value >> min(bits, 10_000) or bits % 4 or len(payload) > bits // 4 or bits > 10_000:
        raise IdentifierError(f"{uri!r} says {match[1]} bits, which its payload does not have")
    return f"{value:0{bits // 4}X}"


def read(text: str, prefix_digits: int | None = None) -> Epc:
    """The tag that a text names, or a tag that would name the same: `encode` chooses its scheme. Raises: IdentifierError."""
    given = parse(text)
    identity = given.identity if prefix_digits is None else given.identity.with_prefix(prefix_digits)
    if given.epc is not None:
        return given.epc._replace(identity=identity)
    return encode(identity, None, 0, given.attributes)


def write(text: str, scheme: str | None, filter_value: int | None, prefix_digits: int | None = None, host: str | None = None) -> Epc:
    """The tag of that scheme for what a text says; the filter value of a tag is kept unless another is given. Raises: IdentifierError."""
    given = parse(text)
    identity = given.identity if prefix_digits is None else given.identity.with_prefix(prefix_digits)
    kept = given.epc.filter_value if given.epc is not None else None
    chosen = filter_value if filter_value is not None else kept or 0
    return encode(identity, scheme, chosen, given.attributes, host or (given.host if scheme and scheme.endswith("++") else GS1_HOST))


def described(epc: Epc) -> dict[str, Any]:
    """All forms of a tag's EPC, as JSON has them; None for a form that does not exist."""
    identity = epc.identity
    return {
        "hex": epc.hex,
        "scheme": epc.scheme,
        "filter": epc.filter_value,
        "kind": identity.kind,
        "uri": identity.uri,
        "pure_identity": identity.urn,
        "tag_uri": epc.tag_uri,
        "raw_uri": epc.raw_uri,
        "element_string": epc.element_string,
        "fnc1_string": epc.machine_string,
        "digital_link": epc.digital_link,
        "elements": dict(epc.elements),
        "company_prefix_length": len(identity.parts[0]) if identity.parts is not None and identity.elements else None,
        "unknown_data_bits": epc.aidc_raw,
    }


@lru_cache(maxsize=_CACHED_URIS)
def identity_of_uri(uri: str) -> Identity | None:
    """What `urn:epc:id:...` or a GS1 Digital Link names; None for whatever names no single object. Never raises."""
    try:
        return of_uri(uri) if uri.startswith(_PURE) else of_elements(parse_digital_link(uri)[0])[0]
    except IdentifierError:
        return None


def sscc_of(uri: str) -> str | None:
    """The 18 digits of the SSCC that a URN or a Digital Link names; None where it names anything else. Never raises."""
    identity = identity_of_uri(uri)
    return identity.sscc if identity is not None else None


def sgtin_of(uri: str) -> tuple[str, str] | None:
    """GTIN (14 digits) and serial of the item that a URN or a Digital Link names; None where it names anything else. Never raises."""
    identity = identity_of_uri(uri)
    if identity is None or identity.gtin is None or identity.serial is None:
        return None
    return identity.gtin, identity.serial

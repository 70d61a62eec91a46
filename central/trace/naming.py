# SPDX-License-Identifier: Apache-2.0
"""Identifiers of events in one canonical form, so that an EPC URN and a GS1 Digital Link URI of the same thing are the same thing.

The canonical form is that of the event hash (CBV 2.0, section 8.9.2): https://id.gs1.org, keys by their application identifiers, the finest level only,
no query. What no GS1 key has (GID, USDOD, ADI, IMOVN, BIC, other URIs) stays as it is. What a key is knows `contracts.epc`, which names single objects;
here are besides the classes of them, written as a single one whose serial is left out, and the keys that no tag carries (LGTIN, UPUI, PGLN, GINC, GSIN).
Sources: GS1 EPC Tag Data Standard 2.1, section 6; GS1 Digital Link 1.2, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

from contracts.epc.characters import escaped, require_text, unescaped
from contracts.epc.digits import check_digit, normalise_gtin, require_checked, require_digits
from contracts.epc.forms import parse
from contracts.epc.identities import of_elements, of_uri
from contracts.epc.kinds import BY_AI, KINDS, OUTSIDE_GS1, Elements
from contracts.identifiers import IdentifierError

HOST = "https://id.gs1.org"
_CACHED = 16_384
_SAFE = "'-.;=_"
"""What a canonical URI leaves unescaped beside letters, digits and `~` (which no such value has)."""
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
_LEADING = re.compile(r"[0-9]{6,}")
_KEYS = "00|01|253|255|401|402|414|417|8003|8004|8006|8010|8017|8018"
_SHORT_NAMES = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
}
_PATH = re.compile(rf"/((?:{_KEYS}|{'|'.join(_SHORT_NAMES)})/[^/]+(?:/(?:22|10|21|235|254|8011|cpv|lot|ser)/[^/]+)*)/?$")
_FIXED = {"00": 18, "01": 14, "402": 17, "414": 13, "417": 13, "8006": 18, "8017": 18, "8018": 18}
"""Keys of so many digits alone."""
_AFTER = {"253": 13, "255": 13, "8003": 14}
"""Keys whose serial follows them in the same element, after so many digits."""
_UNLINKED = frozenset({*OUTSIDE_GS1, "imovn", "bic", "raw"})
_LOTS = {"10": 20, "235": 28}
"""What tells goods of a GTIN apart beside a serial, and its longest: the lot, the serial of a third party."""
_ANY = "0"
"""A serial that stands in for none, so that a class is read as one of its objects."""


class NamingError(ValueError):
    """An EPC URI or a Digital Link that is malformed; the message says what is wrong with it."""


@lru_cache(maxsize=_CACHED)
def canonical(uri: str) -> str:
    """The canonical form of an identifier; URIs that carry no GS1 key stay as they are.

    Raises: NamingError: an EPC URI or a Digital Link with a wrong check digit, length or character.
    """
    try:
        if uri.startswith("urn:epc:"):
            return _of_urn(uri)
        if uri.startswith(("http://", "https://")):
            return _of_link(uri)
    except IdentifierError as error:
        raise NamingError(str(error) if uri in str(error) else f"{uri!r}: {error}") from None
    return uri


def canonical_or_same(uri: str) -> str:
    """As `canonical`; what is malformed stays as it is."""
    try:
        return canonical(uri)
    except NamingError:
        return uri


def _of_urn(uri: str) -> str:
    match = _URN.fullmatch(uri)
    if match is None:
        hint = meant(uri)
        raise NamingError(f"{uri!r} is no urn:epc:id:, urn:epc:class: or urn:epc:idpat: URI" + (f"; write {hint}" if hint else ""))
    kind, scheme, rest = match.groups()
    if scheme in _UNLINKED:
        return uri
    if kind == "id" and scheme in KINDS:
        return link(of_uri(uri).elements)
    reader = _URNS.get((kind, scheme))
    if reader is None and (kind != "idpat" or scheme not in KINDS or not KINDS[scheme].serial_longest):
        raise NamingError(f"{uri!r} has the scheme {scheme}, which has no such URI")
    return link(_pattern(scheme, rest) if reader is None else reader(rest))


def link(elements: Elements) -> str:
    """The canonical URI of a key and what of it tells more."""
    return HOST + "".join(f"/{ai}/{quote(value, safe=_SAFE)}" for ai, value in elements)


def _pattern(scheme: str, rest: str) -> Elements:
    """The key of a class, `4012345.098765.*`."""
    named, dot, star = rest.rpartition(".")
    if not dot or star != "*":
        raise IdentifierError("is a pattern for no class; it ends in .*")
    return _without_serial(of_uri(f"urn:epc:id:{scheme}:{named}.{_ANY}").elements)


def _without_serial(elements: Elements) -> Elements:
    ai, key = elements[0]
    return ((ai, key[: _AFTER[ai]] if ai in _AFTER else key),)


def _lot(ai: str) -> Callable[[str], Elements]:
    def read(rest: str) -> Elements:
        parts = rest.split(".", 2)
        if len(parts) != 3:
            raise IdentifierError("is not company prefix, item reference and lot or serial")
        value = unescaped(parts[2], rest)
        return (*_pattern("sgtin", f"{parts[0]}.{parts[1]}.*"), (ai, require_text(value, _LOTS[ai], f"({ai})")))

    return read


def _party(rest: str) -> Elements:
    return (("417", of_uri(f"urn:epc:id:sgln:{rest}.{_ANY}").elements[0][1]),)


def _consignment(rest: str) -> Elements:
    return (("401", of_uri(f"urn:epc:id:giai:{rest}").elements[0][1]),)


def _shipment(rest: str) -> Elements:
    prefix, _, reference = rest.partition(".")
    require_digits(prefix, tuple(range(6, 13)), "company prefix")
    payload = require_digits(prefix + reference, (16,), "company prefix and shipper reference")
    return (("402", payload + check_digit(payload)),)


_URNS: Mapping[tuple[str, str], Callable[[str], Elements]] = {
    ("class", "lgtin"): _lot("10"),
    ("id", "upui"): _lot("235"),
    ("idpat", "upui"): lambda rest: _pattern("sgtin", rest),
    ("id", "pgln"): _party,
    ("id", "ginc"): _consignment,
    ("id", "gsin"): _shipment,
}
"""What names no single object on a tag."""


def _of_link(uri: str) -> str:
    bare = uri.partition("#")[0].partition("?")[0]
    match = _PATH.search(bare)
    ours = bare.startswith((f"{HOST}/", "http://id.gs1.org/"))
    if match is None:
        if ours:
            raise NamingError(f"{uri!r} is no GS1 Digital Link: it has no GS1 key as its path")
        return uri
    words = match.group(1).split("/")
    pairs = {_SHORT_NAMES.get(name, name): unquote(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    ai = _SHORT_NAMES.get(words[0], words[0])
    try:
        return link(_finest(ai, pairs))
    except IdentifierError:
        # Elsewhere in the web a path may look alike and mean something else, unless it has just the shape of a key.
        if ours or (pairs[ai].isdigit() and len(pairs[ai]) == _FIXED.get(ai, 0)):
            raise
        return uri


def _finest(ai: str, pairs: Mapping[str, str]) -> Elements:
    """The key of a link with what of it tells most. Raises: IdentifierError."""
    value = pairs[ai]
    if ai in ("402", "417"):
        return ((ai, require_checked(value, (_FIXED[ai],), f"({ai})")),)
    if ai == "401":
        return ((ai, of_elements((("8004", value),))[0].elements[0][1]),)
    key = normalise_gtin(value) if ai == "01" else value
    serial = BY_AI[ai].serial_ai
    if serial and serial in pairs:
        return of_elements(((ai, key), (serial, pairs[serial])))[0].elements
    return (*_class(ai, key), *_lot_of(ai, pairs))


def _class(ai: str, key: str) -> Elements:
    """A key alone: an object where the key names one, else a class of them."""
    kind = BY_AI[ai]
    if not kind.serial_longest or ai == "414" or len(key) > _AFTER.get(ai, len(key)):
        return of_elements(((ai, key),))[0].elements
    return _without_serial(of_elements(((ai, key), (kind.serial_ai, _ANY)) if kind.serial_ai else ((ai, key + _ANY),))[0].elements)


def _lot_of(ai: str, pairs: Mapping[str, str]) -> Elements:
    for finer in ("235", "10"):
        if finer in pairs and (ai == "01" or (ai == "8006" and finer == "10")):
            return ((finer, require_text(pairs[finer], _LOTS[finer], f"({finer})")),)
    return ()


def as_urn(uri: str) -> str:
    """The EPC URN of a Digital Link; what has none, or whose company prefix is of unknown length, stays as it is.

    How long a company prefix is says GS1's own table of prefixes, which comes with biip.
    """
    if uri.startswith("urn:"):
        return uri
    try:
        named = canonical(uri)
        return _urn_of(named.removeprefix(HOST + "/").split("/")) or uri if named.startswith(HOST + "/") else uri
    except (NamingError, IdentifierError):
        return uri


def meant(text: str) -> str | None:
    """The URI that events have for what a scanner or a reader gave: hex of a tag, element string, tag URI; None: it is none of these."""
    if text.startswith(("http:", "https:", "urn:epc:id:")):
        return None
    try:
        return parse(text).identity.uri
    except IdentifierError:
        return None


def _urn_of(words: list[str]) -> str | None:
    ai, value = words[0], unquote(words[1])
    finer, rest = (words[2], unquote(words[3])) if len(words) > 3 else ("", "")
    prefix = _company_prefix(value[1:] if ai in ("00", "01", "8003", "8006") else value)
    if prefix is None:
        return None
    if ai == "402":
        return f"urn:epc:id:gsin:{value[:prefix]}.{value[prefix:-1]}"
    if ai == "417":
        return _urn("414", value, "", "", prefix).replace(":sgln:", ":pgln:").removesuffix(f".{_ANY}")
    if ai == "401":
        return _urn("8004", value, "", "", prefix).replace(":giai:", ":ginc:")
    if finer in _LOTS:
        if ai != "01":
            return None
        kind = "class:lgtin" if finer == "10" else "id:upui"
        return _urn(ai, value, "21", _ANY, prefix).replace("id:sgtin", kind).removesuffix(_ANY) + escaped(rest)
    return _urn(ai, value, finer, rest, prefix)


def _urn(ai: str, value: str, finer: str, rest: str, prefix: int) -> str:
    """The URN of an object, or the pattern of a class."""
    kind = BY_AI[ai]
    alone = bool(kind.serial_longest) and ai != "414" and not finer and len(value) <= _AFTER.get(ai, len(value))
    elements: Elements = ((ai, value), (finer, rest)) if finer else ((ai, value),)
    if alone:
        elements = ((ai, value), (kind.serial_ai, _ANY)) if kind.serial_ai else ((ai, value + _ANY),)
    urn = of_elements(elements)[0].with_prefix(prefix).uri
    return urn.replace("urn:epc:id:", "urn:epc:idpat:").removesuffix(_ANY) + "*" if alone else urn


@lru_cache(maxsize=_CACHED)
def _company_prefix(key: str) -> int | None:
    """Digits of the company prefix with which a key begins."""
    digits = _LEADING.match(key)
    if digits is None:
        return None
    # Its tables of company prefixes cost 21 MiB: only who asks for URNs of Digital Links pays for them.
    from biip import ParseError
    from biip.gs1_prefixes import GS1CompanyPrefix

    try:
        found = GS1CompanyPrefix.extract(digits[0].ljust(12, "0"))
    except (ParseError, IdentifierError, ValueError):
        return None
    return len(found.value) if found is not None and 6 <= len(found.value) <= min(12, len(digits[0])) else None

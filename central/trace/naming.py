# SPDX-License-Identifier: Apache-2.0
"""Identifiers of events in one canonical form, so that an EPC URN and a GS1 Digital Link URI of the same thing are the same thing.

The canonical form is that of the event hash (CBV 2.0, section 8.9.2): https://id.gs1.org, keys by their application identifiers, the finest level only,
no query. What no GS1 key has (GID, USDOD, ADI, IMOVN, BIC, other URIs) stays as it is.
Sources: GS1 EPC Tag Data Standard 2.1, section 6; GS1 Digital Link 1.2, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote, unquote

from biip import ParseError
from biip.gs1_prefixes import GS1CompanyPrefix

from contracts.identifiers import IdentifierError, check_digit

HOST = "https://id.gs1.org"
_CACHED = 16_384
_SAFE = "'-.;=_"
"""What a canonical URI leaves unescaped beside letters, digits and `~` (which no such value has)."""
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
_VALUE = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+")
_ESCAPED = re.compile(r"(?:[!'()*+,\-.0-9:;=A-Z_a-z]|%(?:22|25|26|2[Ff]|3[CcEeFf]))+")
_CPI = re.compile(r"(?:[0-9A-Z\-]|%23|%2[Ff])+")
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
_DIGITS = {"00": 18, "402": 17, "414": 13, "417": 13, "8017": 18, "8018": 18}
"""Keys of digits alone, the last of them the check digit."""
_PREFIXED = {"253": (13, 17), "255": (13, 12), "8003": (14, 16)}
"""Keys with a check digit after so many digits, and at most so many characters behind it."""
_FREE = {"401": 30, "8004": 30, "8010": 30}
_UNLINKED = frozenset({"gid", "usdod", "adi", "imovn", "bic", "raw"})


class NamingError(ValueError):
    """An EPC URI or a Digital Link that is malformed; the message says what is wrong with it."""


@lru_cache(maxsize=_CACHED)
def canonical(uri: str) -> str:
    """The canonical form of an identifier; URIs that carry no GS1 key stay as they are.

    Raises: NamingError: an EPC URI or a Digital Link with a wrong check digit, length or character.
    """
    if uri.startswith("urn:epc:"):
        return _of_urn(uri)
    if uri.startswith(("http://", "https://")):
        return _of_link(uri)
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
        raise NamingError(f"{uri!r} is no urn:epc:id:, urn:epc:class: or urn:epc:idpat: URI")
    kind, scheme, rest = match.groups()
    if kind == "class":
        if scheme != "lgtin":
            raise NamingError(f"{uri!r} is no class of goods; classes are urn:epc:class:lgtin:")
        prefix, item, lot = _parts(uri, rest, 3)
        return f"{HOST}/01/{_gtin(uri, prefix, item)}/10/{_tail(uri, lot, 20)}"
    if scheme in _UNLINKED:
        return uri
    reader = (_IDENTITIES if kind == "id" else _PATTERNS).get(scheme)
    if reader is None:
        raise NamingError(f"{uri!r} has the scheme {scheme}, which has no such URI")
    return HOST + reader(uri, rest)


def _parts(uri: str, rest: str, number: int) -> list[str]:
    parts = rest.split(".", number - 1)
    if len(parts) != number or not re.fullmatch(r"[0-9]{6,12}", parts[0]):
        raise NamingError(f"{uri!r} is not a company prefix of 6 to 12 digits and {number - 1} more parts")
    return parts


def _digits(uri: str, prefix: str, reference: str, number: int) -> str:
    if not re.fullmatch(r"[0-9]*", reference, re.ASCII) or len(prefix) + len(reference) != number:
        raise NamingError(f"{uri!r} has {len(prefix)} + {len(reference)} characters where {number} digits belong")
    return prefix + reference


def _checked(payload: str) -> str:
    return payload + check_digit(payload)


def _gtin(uri: str, prefix: str, item: str) -> str:
    _digits(uri, prefix, item, 13)
    return _checked(item[0] + prefix + item[1:])


def _tail(uri: str, text: str, most: int) -> str:
    if not _ESCAPED.fullmatch(text) or len(unquote(text)) > most:
        raise NamingError(f"{uri!r} ends in {text!r}, which is not 1 to {most} characters of GS1's set 82 with escapes")
    return quote(unquote(text), safe=_SAFE)


def _sgtin(uri: str, rest: str, ai: str = "21", most: int = 20) -> str:
    prefix, item, serial = _parts(uri, rest, 3)
    return f"/01/{_gtin(uri, prefix, item)}/{ai}/{_tail(uri, serial, most)}"


def _sscc(uri: str, rest: str) -> str:
    prefix, unit = _parts(uri, rest, 2)
    _digits(uri, prefix, unit, 17)
    return "/00/" + _checked(unit[0] + prefix + unit[1:])


def _sgln(uri: str, rest: str) -> str:
    prefix, place, extension = _parts(uri, rest, 3)
    gln = "/414/" + _checked(_digits(uri, prefix, place, 12))
    return gln if extension == "0" else f"{gln}/254/{_tail(uri, extension, 20)}"


def _serialised(ai: str, lead: str, most: int) -> Callable[[str, str], str]:
    def read(uri: str, rest: str) -> str:
        prefix, reference, serial = _parts(uri, rest, 3)
        return f"/{ai}/{_checked(lead + _digits(uri, prefix, reference, 12))}{_tail(uri, serial, most)}"

    return read


def _plain(ai: str, number: int) -> Callable[[str, str], str]:
    def read(uri: str, rest: str) -> str:
        prefix, reference = _parts(uri, rest, 2)
        return f"/{ai}/{_checked(_digits(uri, prefix, reference, number))}"

    return read


def _free(ai: str) -> Callable[[str, str], str]:
    def read(uri: str, rest: str) -> str:
        prefix, reference = _parts(uri, rest, 2)
        return f"/{ai}/{prefix}{_tail(uri, reference, 30 - len(prefix))}"

    return read


def _cpi(uri: str, rest: str) -> str:
    prefix, _, behind = rest.partition(".")
    part, _, serial = behind.rpartition(".")
    if not re.fullmatch(r"[0-9]{6,12}", prefix) or not _CPI.fullmatch(part) or not re.fullmatch(r"[0-9]{1,12}|\*", serial):
        raise NamingError(f"{uri!r} is not company prefix, component and serial")
    key = f"/8010/{prefix}{quote(unquote(part), safe=_SAFE)}"
    return key if serial == "*" else f"{key}/8011/{serial}"


def _itip(uri: str, rest: str) -> str:
    prefix, item, piece, total, serial = _parts(uri, rest, 5)
    if not re.fullmatch(r"[0-9]{2}", piece) or not re.fullmatch(r"[0-9]{2}", total):
        raise NamingError(f"{uri!r} has piece {piece} of {total}; both have two digits")
    key = f"/8006/{_gtin(uri, prefix, item)}{piece}{total}"
    return key if serial == "*" else f"{key}/21/{_tail(uri, serial, 20)}"


def _upui(uri: str, rest: str) -> str:
    return _sgtin(uri, rest, "235", 28)


_IDENTITIES: dict[str, Callable[[str, str], str]] = {
    "sgtin": _sgtin,
    "sscc": _sscc,
    "sgln": _sgln,
    "grai": _serialised("8003", "0", 16),
    "gdti": _serialised("253", "", 17),
    "sgcn": _serialised("255", "", 12),
    "giai": _free("8004"),
    "ginc": _free("401"),
    "gsrn": _plain("8018", 17),
    "gsrnp": _plain("8017", 17),
    "gsin": _plain("402", 16),
    "pgln": _plain("417", 12),
    "cpi": _cpi,
    "itip": _itip,
    "upui": _upui,
}


def _starred(ai: str, lead: str, number: int) -> Callable[[str, str], str]:
    def read(uri: str, rest: str) -> str:
        prefix, reference, star = _parts(uri, rest, 3)
        if star != "*":
            raise NamingError(f"{uri!r} is a pattern for no class; it ends in .*")
        if ai == "01":
            return f"/01/{_gtin(uri, prefix, reference)}"
        return f"/{ai}/{_checked(lead + _digits(uri, prefix, reference, number))}"

    return read


_PATTERNS: dict[str, Callable[[str, str], str]] = {
    "sgtin": _starred("01", "", 13),
    "upui": _starred("01", "", 13),
    "grai": _starred("8003", "0", 12),
    "gdti": _starred("253", "", 12),
    "sgcn": _starred("255", "", 12),
    "cpi": _cpi,
    "itip": _itip,
}


def _of_link(uri: str) -> str:
    bare = uri.partition("#")[0].partition("?")[0]
    match = _PATH.search(bare)
    if match is None:
        if bare.startswith((f"{HOST}/", "http://id.gs1.org/")):
            raise NamingError(f"{uri!r} is no GS1 Digital Link: it has no GS1 key as its path")
        return uri
    words = match.group(1).split("/")
    pairs = {_SHORT_NAMES.get(name, name): unquote(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    ai = _SHORT_NAMES.get(words[0], words[0])
    ours = bare.startswith((f"{HOST}/", "http://id.gs1.org/"))
    try:
        return HOST + _link_path(uri, ai, pairs)
    except NamingError:
        # Elsewhere in the web a path may look alike and mean something else, unless it has just the shape of a key.
        if ours or _looks_like_key(ai, pairs[ai]):
            raise
        return uri


def _looks_like_key(ai: str, value: str) -> bool:
    return value.isdigit() and len(value) == {"01": 14, "8006": 18, **_DIGITS}.get(ai, 0)


def _link_path(uri: str, ai: str, pairs: dict[str, str]) -> str:
    value = pairs[ai]
    if ai == "01":
        return f"/01/{_link_gtin(uri, value)}{_link_rest(uri, pairs, ('21', '235', '10'))}"
    if ai == "8006":
        if not re.fullmatch(r"[0-9]{18}", value):
            raise NamingError(f"{uri!r}: AI 8006 has 18 digits")
        return f"/8006/{_link_gtin(uri, value[:14])}{value[14:]}{_link_rest(uri, pairs, ('21', '10'))}"
    if ai in _DIGITS:
        return f"/{ai}/{_link_digits(uri, ai, value, _DIGITS[ai])}{_link_rest(uri, pairs, ('254',)) if ai == '414' else ''}"
    if ai in _PREFIXED:
        number, most = _PREFIXED[ai]
        behind = value[number:]
        if behind and (not _VALUE.fullmatch(behind) or len(behind) > most):
            raise NamingError(f"{uri!r}: AI {ai} ends in {behind!r}")
        return f"/{ai}/{_link_digits(uri, ai, value[:number], number)}{quote(behind, safe=_SAFE)}"
    if not re.match(r"[0-9]{4}", value) or len(value) > _FREE[ai] or not re.fullmatch(r"[!\"#%&'()*+,\-./0-9:;<=>?A-Z_a-z]+", value):
        raise NamingError(f"{uri!r}: AI {ai} begins with a company prefix and has at most {_FREE[ai]} characters")
    return f"/{ai}/{quote(value, safe=_SAFE)}{_link_rest(uri, pairs, ('8011',)) if ai == '8010' else ''}"


def _link_gtin(uri: str, value: str) -> str:
    if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", value):
        raise NamingError(f"{uri!r}: a GTIN has 8, 12, 13 or 14 digits, not {value!r}")
    return _link_digits(uri, "01", value, len(value)).zfill(14)


def _link_digits(uri: str, ai: str, value: str, number: int) -> str:
    if not re.fullmatch(rf"[0-9]{{{number}}}", value):
        raise NamingError(f"{uri!r}: AI {ai} has {number} digits, not {value!r}")
    if check_digit(value[:-1]) != value[-1]:
        raise NamingError(f"{uri!r}: {value} has check digit {value[-1]}, expected {check_digit(value[:-1])}")
    return value


def _link_rest(uri: str, pairs: dict[str, str], finest: tuple[str, ...]) -> str:
    for ai in finest:
        if ai in pairs:
            if not _VALUE.fullmatch(pairs[ai]) or len(pairs[ai]) > (28 if ai == "235" else 20):
                raise NamingError(f"{uri!r}: AI {ai} has {pairs[ai]!r}, which is not 1 to 20 characters of GS1's set 82")
            return f"/{ai}/{quote(pairs[ai], safe=_SAFE)}"
    return ""


def as_link(uri: str) -> str:
    """The GS1 Digital Link of an identifier; what has none stays as it is."""
    return canonical_or_same(uri)


def as_urn(uri: str) -> str:
    """The EPC URN of a Digital Link; what has none, or whose company prefix is of unknown length, stays as it is.

    How long a company prefix is says GS1's own table of prefixes, which comes with biip.
    """
    if uri.startswith("urn:"):
        return uri
    link = canonical_or_same(uri)
    return _urn_of(link.removeprefix(HOST + "/").split("/")) or uri if link.startswith(HOST + "/") else uri


def _urn_of(words: list[str]) -> str | None:
    ai, value = words[0], unquote(words[1])
    finer, rest = (words[2], escaped(unquote(words[3]))) if len(words) > 3 else ("", "")
    if ai == "01":
        prefix = _company_prefix(value[1:])
        if prefix is None:
            return None
        item = f"{prefix}.{value[0]}{value[1 + len(prefix) : 13]}"
        kinds = {"21": "id:sgtin", "235": "id:upui", "10": "class:lgtin"}
        return f"urn:epc:{kinds[finer]}:{item}.{rest}" if finer else f"urn:epc:idpat:sgtin:{item}.*"
    if ai == "00":
        prefix = _company_prefix(value[1:])
        return None if prefix is None else f"urn:epc:id:sscc:{prefix}.{value[0]}{value[1 + len(prefix) : 17]}"
    return _urn_of_other(ai, value, finer, rest)


def _urn_of_other(ai: str, value: str, finer: str, rest: str) -> str | None:
    digits = value[1:] if ai == "8003" else value
    prefix = _company_prefix(digits)
    if prefix is None:
        return None
    plain = {"417": "pgln", "402": "gsin", "8018": "gsrn", "8017": "gsrnp"}
    if ai in plain:
        return f"urn:epc:id:{plain[ai]}:{prefix}.{digits[len(prefix) : -1]}"
    if ai == "414":
        return f"urn:epc:id:sgln:{prefix}.{digits[len(prefix) : 12]}.{rest or '0'}"
    if ai in _PREFIXED:
        scheme = {"253": "gdti", "255": "sgcn", "8003": "grai"}[ai]
        serial, reference = digits[13:], digits[len(prefix) : 12]
        return f"urn:epc:id:{scheme}:{prefix}.{reference}.{escaped(serial)}" if serial else f"urn:epc:idpat:{scheme}:{prefix}.{reference}.*"
    if ai in ("8004", "401"):
        return f"urn:epc:id:{'giai' if ai == '8004' else 'ginc'}:{prefix}.{escaped(value[len(prefix) :])}"
    if ai == "8010":
        part = quote(value[len(prefix) :], safe="-")
        return f"urn:epc:id:cpi:{prefix}.{part}.{rest}" if finer == "8011" else f"urn:epc:idpat:cpi:{prefix}.{part}.*"
    return None


_ESCAPES = {'"': "%22", "%": "%25", "&": "%26", "/": "%2F", "<": "%3C", ">": "%3E", "?": "%3F"}


def escaped(text: str) -> str:
    """A serial or lot as EPC URNs write it (TDS table A-1)."""
    return "".join(_ESCAPES.get(character, character) for character in text)


@lru_cache(maxsize=_CACHED)
def _company_prefix(digits: str) -> str | None:
    if not digits[:6].isdigit():
        return None
    try:
        found = GS1CompanyPrefix.extract(digits)
    except (ParseError, IdentifierError, ValueError):
        return None
    return found.value if found is not None and 6 <= len(found.value) <= 12 else None

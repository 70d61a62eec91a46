# SPDX-License-Identifier: Apache-2.0
"""GS1 identifiers: GTIN, SSCC and GLN with their check digits, and the EPCs of RFID tags that carry them.

An EPC is known here in three shapes: the tag's hex, the pure identity URI (`urn:epc:id:sgtin:0614141.812345.6789`; the GS1 Digital Link
`https://id.gs1.org/01/80614141123458/21/6789` for the "+" tags of TDS 2, which do not say where the company prefix ends), and the GS1 element values
(GTIN 80614141123458 with serial 6789). Every scheme and every form is in `contracts.epc`; here stand the three kinds a warehouse counts with.
Source: GS1 EPC Tag Data Standard 2.3 (TDS), sections 6.3, 7 and 14.6; GS1 General Specifications 24, section 7.9 (check digits).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from contracts.epc.characters import escaped, require_text
from contracts.epc.digits import IdentifierError, check_digit, check_gln, check_sscc, normalise_gtin
from contracts.epc.forms import identity_of_uri, sgtin_of, sscc_of
from contracts.epc.identities import Identity, of_parts, of_uri
from contracts.epc.kinds import WITHOUT_EXTENSION, require_prefix_length
from contracts.epc.pure import epc_uri
from contracts.epc.tags import decode, encode, identity_of_epc

_CACHED_EPCS = 4096
_SERIAL_LENGTH_MAX = 20


class Sgtin(NamedTuple):
    """A serialised trade item. `item` is the indicator digit and the item reference; both numbers together have 13 digits."""

    company_prefix: str
    item: str
    serial: str

    @property
    def gtin(self) -> str:
        """The GTIN, 14 digits."""
        payload = self.item[0] + self.company_prefix + self.item[1:]
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sgtin:<company prefix>.<item>.<serial>`."""
        return f"urn:epc:id:sgtin:{self.company_prefix}.{self.item}.{escaped(self.serial)}"

    @property
    def element_string(self) -> str:
        """`(01)<gtin>(21)<serial>`, for people."""
        return f"(01){self.gtin}(21){self.serial}"

    def hex(self, filter_value: int = 0) -> str:
        """The SGTIN-96 of a tag, upper-case. Raises: IdentifierError: serial is no number below 2^38 or has leading zeros; filter not 0-7."""
        return encode(of_parts("sgtin", self), "sgtin-96", filter_value).hex


class Sscc(NamedTuple):
    """A logistic unit. `unit` is the extension digit and the serial reference; both numbers together have 17 digits."""

    company_prefix: str
    unit: str

    @property
    def sscc(self) -> str:
        """The SSCC, 18 digits."""
        payload = self.unit[0] + self.company_prefix + self.unit[1:]
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sscc:<company prefix>.<unit>`."""
        return f"urn:epc:id:sscc:{self.company_prefix}.{self.unit}"

    @property
    def element_string(self) -> str:
        """`(00)<sscc>`, for people."""
        return f"(00){self.sscc}"

    def hex(self, filter_value: int = 0) -> str:
        """The SSCC-96 of a tag, upper-case. Raises: IdentifierError: filter not 0-7."""
        return encode(of_parts("sscc", self), "sscc-96", filter_value).hex


class Sgln(NamedTuple):
    """A place. `location` completes the company prefix to 12 digits; `extension` is "0" for the place as a whole."""

    company_prefix: str
    location: str
    extension: str = WITHOUT_EXTENSION

    @property
    def gln(self) -> str:
        """The GLN, 13 digits."""
        payload = self.company_prefix + self.location
        return payload + check_digit(payload)

    @property
    def uri(self) -> str:
        """`urn:epc:id:sgln:<company prefix>.<location>.<extension>`."""
        return f"urn:epc:id:sgln:{self.company_prefix}.{self.location}.{escaped(self.extension)}"

    @property
    def element_string(self) -> str:
        """`(414)<gln>(254)<extension>`, for people."""
        return f"(414){self.gln}" + (f"(254){self.extension}" if self.extension != WITHOUT_EXTENSION else "")

    def hex(self, filter_value: int = 0) -> str:
        """The SGLN-96 of a tag, upper-case. Raises: IdentifierError: extension is no number below 2^41 or has leading zeros; filter not 0-7."""
        return encode(of_parts("sgln", self), "sgln-96", filter_value).hex


Countable = Sgtin | Sscc | Sgln
_COUNTABLE: dict[str, type[Sgtin] | type[Sscc] | type[Sgln]] = {"sgtin": Sgtin, "sscc": Sscc, "sgln": Sgln}


class TagEpc(NamedTuple):
    """What a tag's 96 bits say: the identity, and the filter value (packaging level, TDS 10) that does not belong to it."""

    scheme: str
    filter_value: int
    identity: Countable

    @property
    def tag_uri(self) -> str:
        """`urn:epc:tag:sgtin-96:3.0614141.812345.6789`."""
        return f"urn:epc:tag:{self.scheme}:{self.filter_value}.{self.identity.uri.split(':', 4)[4]}"


@lru_cache(maxsize=_CACHED_EPCS)
def decode_epc(epc_hex: str) -> TagEpc:
    """Read the EPC of a tag: SGTIN-96, SSCC-96 or SGLN-96. `contracts.epc.tags.decode` reads every scheme.

    Raises: IdentifierError: not 24 hex digits, another scheme, partition 7, a number with more digits than its partition allows, padding not zero.
    """
    epc = decode(epc_hex)
    kind, _, bits = epc.scheme.partition("-")
    if bits != "96" or kind not in _COUNTABLE or len(epc_hex) != 24 or epc.filter_value is None:
        raise IdentifierError(f"EPC {epc_hex} is {epc.scheme.upper()}; expected SGTIN-96, SSCC-96 or SGLN-96")
    return TagEpc(epc.scheme, epc.filter_value, _countable(epc.identity))


def _countable(identity: Identity) -> Countable:
    return _COUNTABLE[identity.kind](*identity.parts or ())


@lru_cache(maxsize=_CACHED_EPCS)
def parse_uri(uri: str) -> Countable:
    """Read a pure identity URI of an SGTIN, SSCC or SGLN. Raises: IdentifierError: another scheme, wrong lengths, bad characters or escapes."""
    identity = of_uri(uri)
    if identity.kind not in _COUNTABLE:
        raise IdentifierError(f"{uri!r} is not urn:epc:id:sgtin:..., urn:epc:id:sscc:... or urn:epc:id:sgln:...")
    return _countable(identity)


def sscc_uri(sscc: str, company_prefix_digits: int) -> str:
    """The URI of an SSCC of which the first so many digits after the extension digit are the company prefix. Raises: IdentifierError."""
    check_sscc(sscc)
    cut = 1 + require_prefix_length(company_prefix_digits)
    return Sscc(sscc[1:cut], sscc[0] + sscc[cut:17]).uri


def sgtin_uri(gtin: str, serial: str, company_prefix_digits: int) -> str:
    """The URI of a GTIN (any length) with a serial (1-20 characters of AI 21). Raises: IdentifierError."""
    digits = normalise_gtin(gtin)
    cut = 1 + require_prefix_length(company_prefix_digits)
    return Sgtin(digits[1:cut], digits[0] + digits[cut:13], require_text(serial, _SERIAL_LENGTH_MAX, "serial")).uri


def sgln_uri(gln: str, company_prefix_digits: int, extension: str = WITHOUT_EXTENSION) -> str:
    """The URI of a GLN, with an extension (AI 254) or "0" for none. Raises: IdentifierError."""
    check_gln(gln)
    cut = require_prefix_length(company_prefix_digits)
    return Sgln(gln[:cut], gln[cut:12], require_text(extension, _SERIAL_LENGTH_MAX, "extension")).uri


def sscc_from_uri(uri: str) -> str:
    """The 18 digits that the URN or the Digital Link of an SSCC names. Raises: IdentifierError: it names anything else."""
    sscc = sscc_of(uri)
    if sscc is None:
        raise IdentifierError(f"{uri!r} is neither urn:epc:id:sscc:... nor a Digital Link with /00/")
    return sscc


def sgtin_from_uri(uri: str) -> tuple[str, str]:
    """GTIN (14 digits) and serial that the URN or the Digital Link of an SGTIN names. Raises: IdentifierError: it names anything else."""
    sgtin = sgtin_of(uri)
    if sgtin is None:
        raise IdentifierError(f"{uri!r} is neither urn:epc:id:sgtin:... nor a Digital Link with /01/ and /21/")
    return sgtin


__all__ = [
    "IdentifierError",
    "Identity",
    "Sgln",
    "Sgtin",
    "Sscc",
    "TagEpc",
    "check_digit",
    "check_gln",
    "check_sscc",
    "decode_epc",
    "epc_uri",
    "identity_of_epc",
    "identity_of_uri",
    "normalise_gtin",
    "parse_uri",
    "sgln_uri",
    "sgtin_from_uri",
    "sgtin_of",
    "sgtin_uri",
    "sscc_from_uri",
    "sscc_of",
    "sscc_uri",
]

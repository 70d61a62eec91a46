# SPDX-License-Identifier: Apache-2.0
"""What a tag names, whichever scheme wrote it: one object with a GS1 key, or with an identifier from outside GS1."""

from __future__ import annotations

from typing import NamedTuple

from contracts.epc.characters import escaped, unescaped
from contracts.epc.digits import IdentifierError
from contracts.epc.elements import GS1_HOST, digital_link, element_string, machine_string
from contracts.epc.kinds import BY_AI, KINDS, Elements, Parts, check_elements, check_parts, elements_of, parts_of

_PURE = "urn:epc:id:"


class Identity(NamedTuple):
    """One object. `parts` is known where the length of the company prefix is; without it `keys` holds the GS1 elements.

    Make one with `of_parts`, `of_uri` or `of_elements`, which check; the constructor does not.
    """

    kind: str
    """sgtin, sscc, sgln, grai, giai, gsrn, gsrnp, gdti, cpi, sgcn, itip, gid, usdod or adi."""
    parts: Parts | None
    keys: Elements = ()

    @property
    def elements(self) -> Elements:
        """The GS1 elements, key first; equal for the same object whichever scheme named it. Empty for gid, usdod and adi."""
        return elements_of(self.kind, self.parts) if self.parts is not None else self.keys

    @property
    def urn(self) -> str | None:
        """`urn:epc:id:sgtin:0614141.812345.6789`; None where the length of the company prefix is not known."""
        return None if self.parts is None else f"{_PURE}{self.kind}:{'.'.join([part if part.isalnum() else escaped(part) for part in self.parts])}"

    @property
    def digital_link(self) -> str | None:
        """`https://id.gs1.org/01/80614141123458/21/6789`; None for kinds outside GS1."""
        elements = self.elements
        return digital_link(elements) if elements else None

    @property
    def uri(self) -> str:
        """The pure identity: the URN, or the Digital Link where TDS has no URN ("+" tags)."""
        return self.urn or self.digital_link or ""

    @property
    def element_string(self) -> str | None:
        """`(01)80614141123458(21)6789`, for people; None for kinds outside GS1."""
        return element_string(self.elements) if self.elements else None

    @property
    def machine_string(self) -> str | None:
        """`0180614141123458216789`, GS (FNC1) where a separator is needed; None for kinds outside GS1."""
        return machine_string(self.elements) if self.elements else None

    @property
    def gtin(self) -> str | None:
        """14 digits, of an SGTIN."""
        return self._key("sgtin")

    @property
    def sscc(self) -> str | None:
        """18 digits, of an SSCC."""
        return self._key("sscc")

    @property
    def gln(self) -> str | None:
        """13 digits, of an SGLN."""
        return self._key("sgln")

    @property
    def serial(self) -> str | None:
        """The value of the element after the key: AI 21, 254 or 8011."""
        elements = self.elements
        return elements[1][1] if len(elements) > 1 else None

    def _key(self, kind: str) -> str | None:
        return self.elements[0][1] if self.kind == kind else None

    def with_prefix(self, digits: int) -> Identity:
        """The same object, its company prefix having so many digits. Raises: IdentifierError: it cannot, or it is known to have others."""
        if self.kind not in KINDS:
            return self
        if self.parts is not None and len(self.parts[0]) != digits:
            raise IdentifierError(f"the company prefix {self.parts[0]} has {len(self.parts[0])} digits, not {digits}")
        return self if self.parts is not None else Identity(self.kind, parts_of(self.kind, self.keys, digits))


def of_parts(kind: str, parts: Parts) -> Identity:
    """The object that these parts of a URI name. Raises: IdentifierError."""
    return Identity(kind, check_parts(kind, parts))


def of_uri(uri: str) -> Identity:
    """Read `urn:epc:id:...`. Raises: IdentifierError: another URI, an unknown kind, wrong lengths, characters or escapes."""
    kind, colon, body = uri.removeprefix(_PURE).partition(":")
    if not uri.startswith(_PURE) or not colon:
        raise IdentifierError(f"{uri!r} is not urn:epc:id:KIND:...")
    try:
        return of_parts(kind, tuple(unescaped(part, uri) for part in _split(kind, body)))
    except IdentifierError as error:
        raise IdentifierError(f"{uri!r}: {error}") from None


def _split(kind: str, body: str) -> list[str]:
    """The last part may hold dots, where it is a serial or a reference of GS1's set 82."""
    spec = KINDS.get(kind)
    return body.split(".", spec.part_count - 1) if spec is not None else body.split(".")


def of_elements(elements: Elements) -> tuple[Identity, Elements]:
    """The object that these elements name, and the elements that are about it and do not name it. Raises: IdentifierError: no key, or a wrong one."""
    values = dict(elements)
    ai = next((ai for ai in ("00", "01", *BY_AI) if ai in values), None)
    if ai is None:
        raise IdentifierError(f"none of {', '.join(f'({ai})' for ai in values) or 'nothing'} is a key that a tag carries: {', '.join(BY_AI)}")
    kind = BY_AI[ai]
    serial = values.get(kind.serial_ai) if kind.serial_ai else None
    identity = Identity(kind.name, None, check_elements(kind.name, values[ai], serial))
    named = {ai, kind.serial_ai}
    return identity, tuple(element for element in elements if element[0] not in named)


__all__ = ["GS1_HOST", "Identity", "of_elements", "of_parts", "of_uri"]

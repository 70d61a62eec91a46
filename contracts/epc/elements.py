# SPDX-License-Identifier: Apache-2.0
"""GS1 elements as text: element strings for people and for scanners, and GS1 Digital Links.

Source: GS1 General Specifications 24, section 7.8; GS1 Digital Link URI Syntax 1.4. Only what tags may carry (TDS table F) is known here.
"""

from __future__ import annotations

import itertools
import re
from urllib.parse import urlsplit

from contracts.epc.applications import FORMATS
from contracts.epc.bits import BitWriter
from contracts.epc.characters import percent_decoded, percent_encoded
from contracts.epc.digits import IdentifierError, normalise_gtin
from contracts.epc.kinds import BY_AI, Elements
from contracts.epc.values import write_value
from contracts.gs1.applications import PREDEFINED
from contracts.gs1.elements import GS, QUALIFIERS, split_printed
from contracts.gs1.elements import parse_elements as parse_scanned

GS1_HOST = "id.gs1.org"
_QUALIFIERS = {key: tuple(itertools.chain(*orders)) for key, orders in QUALIFIERS.items()}
"""Elements that follow a key in the path of its link, in order."""
_SYMBOLOGY = re.compile(r"^\](?:C1|e0|d2|Q3|J1)")
"""How a scanner says that a code is GS1's (GenSpecs 5.1.6)."""


def element_string(elements: Elements) -> str:
    """`(01)80614141123458(21)6789`."""
    return "".join(f"({ai}){value}" for ai, value in elements)


def machine_string(elements: Elements) -> str:
    """`018061414112345821...`, with GS after a value that may be longer and is not the last."""
    ends = len(elements) - 1
    return "".join(f"{ai}{value}{GS if at < ends and ai[:2] not in PREDEFINED else ''}" for at, (ai, value) in enumerate(elements))


def digital_link(elements: Elements, host: str = GS1_HOST) -> str:
    """`https://id.gs1.org/01/80614141123458/21/6789?17=220630`; the first element is the key."""
    (key, value), *others = elements
    qualifiers = _QUALIFIERS.get(key, ())
    values = dict(others)
    path = f"/{key}/{percent_encoded(value)}" + "".join(f"/{ai}/{percent_encoded(values[ai])}" for ai in qualifiers if ai in values)
    query = "&".join(f"{ai}={percent_encoded(value)}" for ai, value in others if ai not in qualifiers)
    return f"https://{host}{path}" + (f"?{query}" if query else "")


def parse_elements(text: str) -> Elements:
    """Read an element string, with AIs in parentheses or with GS between values.

    Raises: IdentifierError: an AI that no tag carries, a value that is none of its values, the same AI twice with different values.
    """
    found = split_printed(text) if text.startswith("(") else _scanned(text)
    if foreign := next((ai for ai, _ in found if ai not in FORMATS), None):
        raise IdentifierError(f"{text!r} has ({foreign}), an application identifier that no tag carries")
    return _checked(found)


def _scanned(text: str) -> list[tuple[str, str]]:
    """What the values hold is checked later, as what a tag carries."""
    code = _SYMBOLOGY.sub("", text, count=1).removeprefix(GS)
    return list(parse_scanned(code, checks_values=False).items())


def _checked(found: list[tuple[str, str]]) -> Elements:
    values: dict[str, str] = {}
    for ai, value in found:
        if values.setdefault(ai, value) != value:
            raise IdentifierError(f"({ai}) is both {values[ai]!r} and {value!r}")
        if ai not in BY_AI:  # a key is checked as a key, with its check digit and its serial
            write_value(BitWriter(), ai, value)
    if not values:
        raise IdentifierError("there is no element")
    return tuple(values.items())


def parse_digital_link(link: str) -> tuple[Elements, str]:
    """The elements of a GS1 Digital Link, key first, and its host. Raises: IdentifierError: no Digital Link, or a wrong value in it."""
    try:
        address = urlsplit(link)
    except ValueError as error:
        raise IdentifierError(f"{link!r} is no web address: {error}") from None
    if address.scheme.lower() not in ("http", "https") or not address.netloc:
        raise IdentifierError(f"{link!r} is no web address")
    segments = address.path.rstrip("/").split("/")
    start = next((at for at in range(len(segments) - 1) if segments[at] in BY_AI and segments[at + 1][:1].isdigit()), None)
    if start is None or (len(segments) - start) % 2:
        raise IdentifierError(f"{link!r} has no key such as /01/ or /00/ followed by pairs of identifier and value in its path")
    pairs = list(zip(segments[start::2], segments[start + 1 :: 2], strict=True))
    query = (pair.partition("=")[::2] for pair in address.query.split("&"))
    pairs += [(ai, value) for ai, value in query if ai in FORMATS]
    return _checked([_link_element(ai, value, link) for ai, value in pairs]), address.netloc


def _link_element(ai: str, value: str, link: str) -> tuple[str, str]:
    if ai not in FORMATS:
        raise IdentifierError(f"{link!r} has /{ai}/, which is no application identifier that a tag carries")
    text = percent_decoded(value, link)
    return ai, normalise_gtin(text) if ai == "01" else text

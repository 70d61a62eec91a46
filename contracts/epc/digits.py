# SPDX-License-Identifier: Apache-2.0
"""Digits that check themselves: GTIN, SSCC, GLN. Source: GS1 General Specifications 24, section 7.9."""

from __future__ import annotations

_GTIN_LENGTHS = (8, 12, 13, 14)


class IdentifierError(ValueError):
    """Digits, hex or a URI that are no such identifier; the message says what is wrong with what."""


def require_digits(text: str, lengths: tuple[int, ...], what: str) -> str:
    """The text, unchanged. Raises: IdentifierError: not ASCII digits, or none of the lengths."""
    if not (text.isascii() and text.isdigit()) or len(text) not in lengths:
        raise IdentifierError(f"{what} {text!r} is not {' or '.join(map(str, lengths))} digits")
    return text


def check_digit(payload: str) -> str:
    """The check digit that follows these digits: weights 3, 1, 3, ... from the right (GenSpecs 7.9.1). Raises: IdentifierError: not digits."""
    if not (payload.isascii() and payload.isdigit()):
        raise IdentifierError(f"{payload!r} is not all digits")
    total = 3 * sum(map(int, payload[::-2])) + sum(map(int, payload[-2::-2]))
    return str(-total % 10)


def require_checked(text: str, lengths: tuple[int, ...], what: str) -> str:
    """The text, unchanged. Raises: IdentifierError: none of the lengths, or its last digit is not its check digit."""
    require_digits(text, lengths, what)
    if check_digit(text[:-1]) != text[-1]:
        raise IdentifierError(f"{what} {text} has check digit {text[-1]}, expected {check_digit(text[:-1])}")
    return text


def normalise_gtin(text: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits. Raises: IdentifierError: other length, not digits, or wrong check digit."""
    return require_checked(text, _GTIN_LENGTHS, "GTIN").zfill(14)


def check_sscc(text: str) -> str:
    """An SSCC, unchanged. Raises: IdentifierError: not 18 digits, or wrong check digit."""
    return require_checked(text, (18,), "SSCC")


def check_gln(text: str) -> str:
    """A GLN, unchanged. Raises: IdentifierError: not 13 digits, or wrong check digit."""
    return require_checked(text, (13,), "GLN")

# SPDX-License-Identifier: Apache-2.0
"""GS1 keys as a label printer writes them: SSCC and SGTIN, as digits and as 96-bit tag memory.

Written from the GS1 EPC Tag Data Standard (sections 14.6.1 SGTIN, 14.6.2 SSCC) and on purpose not from the codec that decodes them elsewhere.
"""

from __future__ import annotations

COMPANY_PREFIX_DIGITS = 7
_PARTITION_OF_7_DIGITS = 5
_COMPANY_BITS = 24
_SGTIN_HEADER, _SGTIN_ITEM_BITS, _SGTIN_SERIAL_BITS, _CASE_FILTER = 0x30, 20, 38, 2
_SSCC_HEADER, _SSCC_REFERENCE_BITS, _SSCC_PADDING_BITS, _LOGISTIC_FILTER = 0x31, 34, 24, 2


def check_digit(payload: str) -> str:
    """GS1 check digit: weights 3, 1, 3, 1 ... from the right (GS1 General Specifications 7.9)."""
    total = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(payload)))
    return str((10 - total % 10) % 10)


def sscc(company_prefix: str, reference: int, extension: int = 1) -> str:
    """An SSCC of 18 digits for a company prefix of 7."""
    payload = f"{extension}{company_prefix}{reference:09d}"
    return payload + check_digit(payload)


def sscc_tag(sscc18: str) -> str:
    """Memory of an SSCC-96 tag as upper-case hex, company prefix of 7 digits."""
    company = int(sscc18[1 : 1 + COMPANY_PREFIX_DIGITS])
    reference = int(sscc18[0] + sscc18[1 + COMPANY_PREFIX_DIGITS : 17])
    bits = _SSCC_HEADER
    for value, width in (
        (_LOGISTIC_FILTER, 3),
        (_PARTITION_OF_7_DIGITS, 3),
        (company, _COMPANY_BITS),
        (reference, _SSCC_REFERENCE_BITS),
        (0, _SSCC_PADDING_BITS),
    ):
        bits = bits << width | value
    return f"{bits:024X}"


def is_sscc_tag(epc: str) -> bool:
    """Whether the memory of a tag (hex) is an SSCC-96."""
    return epc.startswith(f"{_SSCC_HEADER:02X}")


def sgtin_tag(gtin14: str, serial: int) -> str:
    """Memory of an SGTIN-96 tag as upper-case hex, company prefix of 7 digits."""
    company = int(gtin14[1 : 1 + COMPANY_PREFIX_DIGITS])
    item = int(gtin14[0] + gtin14[1 + COMPANY_PREFIX_DIGITS : 13])
    bits = _SGTIN_HEADER
    for value, width in ((_CASE_FILTER, 3), (_PARTITION_OF_7_DIGITS, 3), (company, _COMPANY_BITS), (item, _SGTIN_ITEM_BITS), (serial, _SGTIN_SERIAL_BITS)):
        bits = bits << width | value
    return f"{bits:024X}"

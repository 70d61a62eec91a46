# SPDX-License-Identifier: Apache-2.0
"""The short way from a tag's hex to its pure identity URI: what a gateway does with every tag it sees.

96-bit schemes of whole numbers are read by a table of header, filter and partition (14 bits), whose rows hold shifts, masks, limits and the head of the
URI: a handful of integer operations and one string, nothing else; numbers that fill their digits, most of them, are not padded. Everything else, every
error included, takes the long way of `tags.decode`, and a test holds that both say the same.
"""

from __future__ import annotations

from functools import lru_cache

from contracts.epc import own_layouts, partitioned
from contracts.epc.digits import IdentifierError
from contracts.epc.partitioned import Number, Partitioned, Zeros
from contracts.epc.tags import decode

_CACHED_EPCS = 4096
_BITS = 96
_KEY_BITS = 14
"""Header, filter and partition."""

Row = tuple[int, int, int, int, int, int, int, int, int, int, str]
"""Prefix: shift, mask, limit, least with all digits, least with all but one; reference: shift, mask, limit, least with all digits; mask of the tail;
head of the URI, up to the company prefix."""
Rows = list[Row | None]


def _rows(tail: type[Number]) -> Rows:
    rows: Rows = [None] * (1 << _KEY_BITS)
    for scheme in partitioned.SCHEMES:
        if scheme.bits == _BITS and type(scheme.tail) is tail:
            _fill(rows, scheme)
    return rows


def _fill(rows: Rows, scheme: Partitioned) -> None:
    for partition, row in enumerate(scheme.rows):
        least = 0 if row.reference_template == "%d" else max(1, row.reference_limit // 10)
        prefix = (row.prefix_shift, row.prefix_mask, row.prefix_limit, row.prefix_limit // 10, row.prefix_limit // 100)
        reference = (row.reference_shift, row.reference_mask, row.reference_limit, least)
        for filter_value in range(8):
            rows[scheme.header << 6 | filter_value << 3 | partition] = (*prefix, *reference, scheme.tail_mask, f"urn:epc:id:{scheme.kind}:")


_WITH_SERIAL = _rows(Number)
_WITHOUT_SERIAL = _rows(Zeros)


def pure_uri(epc_hex: str) -> str:
    """The pure identity URI of a tag, a Digital Link for "+" tags. Raises: IdentifierError: as `decode`."""
    if len(epc_hex) == 24 and epc_hex.isascii():
        try:
            bits = int(epc_hex, 16)  # of what it takes besides 24 hex digits (spaces, underscores, signs, 0x) nothing leaves a header of these tables
        except ValueError:
            return decode(epc_hex).identity.uri
        row = _WITH_SERIAL[bits >> 82]
        if row is not None:
            shift, mask, limit, full, nearly, reference_shift, reference_mask, reference_limit, reference_full, tail, head = row
            prefix = bits >> shift & mask
            reference = bits >> reference_shift & reference_mask
            if reference_full <= reference < reference_limit:
                if full <= prefix < limit:
                    return f"{head}{prefix}.{reference}.{bits & tail}"
                if nearly <= prefix < full:
                    return f"{head}0{prefix}.{reference}.{bits & tail}"
            if reference_full and prefix < limit and reference < reference_limit:
                return f"{head}{str(prefix + limit)[1:]}.{str(reference + reference_limit)[1:]}.{bits & tail}"
        elif (row := _WITHOUT_SERIAL[bits >> 82]) is not None:
            shift, mask, limit, full, _, reference_shift, reference_mask, reference_limit, reference_full, tail, head = row
            prefix = bits >> shift & mask
            reference = bits >> reference_shift & reference_mask
            if full <= prefix < limit and reference_full <= reference < reference_limit and not bits & tail:
                return f"{head}{prefix}.{reference}"
            if reference_full and prefix < limit and reference < reference_limit and not bits & tail:
                return f"{head}{str(prefix + limit)[1:]}.{str(reference + reference_limit)[1:]}"
        elif bits >> 88 == own_layouts.GeneralIdentifier.header:
            return f"urn:epc:id:gid:{bits >> 60 & 0xFFFFFFF}.{bits >> 36 & 0xFFFFFF}.{bits & 0xFFFFFFFFF}"
    return decode(epc_hex).identity.uri


@lru_cache(maxsize=_CACHED_EPCS)
def epc_uri(epc_hex: str) -> str | None:
    """The pure identity URI of a tag's EPC, a Digital Link for "+" tags; None for whatever is no EPC. Never raises."""
    try:
        return pure_uri(epc_hex)
    except IdentifierError:
        return None

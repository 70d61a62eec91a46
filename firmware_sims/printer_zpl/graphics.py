# SPDX-License-Identifier: Apache-2.0
"""Data of ^GF and ~DG: hex, hex with Zebra's run lengths, and `:Z64:` and `:B64:` (base64, compressed or not, with a CRC).

Source: Zebra, Programming Guide ZPL II (P1099958), "Alternative data compression scheme for ~DG and ~DB", "ZB64 encoding".
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

_RUNS = {chr(ord("G") + n): n + 1 for n in range(19)} | {chr(ord("g") + n): 20 * (n + 1) for n in range(20)}
"""G to Y repeat the next digit 1 to 19 times, g to z 20 to 400 times; they add up."""
_ENCODED = re.compile(r":(Z64|B64):([A-Za-z0-9+/=\s]+):([0-9A-Fa-f]{4})")


def rows_of(data: str, total: int, row_bytes: int) -> bytes:
    """`total` bytes of dots, 1 is black; what is missing is white. Raises: ValueError: a CRC does not fit, or no hex."""
    if found := _ENCODED.search(data):
        text = "".join(found[2].split()).encode()
        if binascii.crc_hqx(text, 0) != int(found[3], 16):  # CRC-16 of CCITT over the base64 text
            raise ValueError("the CRC of a graphic does not fit")
        packed = base64.b64decode(text)
        return _filled(zlib.decompress(packed) if found[1] == "Z64" else packed, total)
    return _filled(bytes.fromhex(_expanded("".join(data.split()), row_bytes * 2)), total)


def _filled(rows: bytes, total: int) -> bytes:
    return rows[:total] + bytes(max(0, total - len(rows)))


def _expanded(data: str, row_digits: int) -> str:
    """Hex without run lengths. `,` fills the row with 0, `!` with F, `:` repeats the row before."""
    rows: list[str] = []
    row, run = "", 0
    for character in data:
        if character in _RUNS:
            run += _RUNS[character]
            continue
        if character in ",!":
            row += ("0" if character == "," else "F") * (row_digits - len(row) % row_digits if len(row) % row_digits or not row else 0)
        elif character == ":":
            row += rows[-1] if rows else "0" * row_digits
        else:
            row += character * (run or 1)
        run = 0
        while len(row) >= row_digits:
            rows.append(row[:row_digits])
            row = row[row_digits:]
    return "".join(rows) + row.ljust(row_digits, "0") * bool(row)

# SPDX-License-Identifier: Apache-2.0
"""What is checked inside values of GS1 elements. Source: GS1 General Specifications 24, sections 3 and 7.9; GS1 Barcode Syntax Dictionary ("Linter").

A check takes the text of one component, already of the right length and characters, and returns what is wrong with it for people; empty: nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from contracts.epc.digits import check_digit

CSET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""GenSpecs figure 7.11-1, in the order of its values."""
_CHECK_CHARACTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # GenSpecs 7.9.5, of the check character pair
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)  # GenSpecs 7.9.5, weights from the right
_LAST_DAY = dict(zip((f"{month:02}" for month in range(1, 13)), ("31", "29", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31"), strict=True))

Check = Callable[[str], str]


def key(digits: str) -> str:
    """GenSpecs 7.9.1: weights 3 and 1 in turn from the right, the sum with the check digit is a multiple of ten. `digits`: ASCII."""
    data = digits.encode()
    size = len(data)
    zeros = 48 * (3 * (size // 2) + (size + 1) // 2)  # what the digits' own codes add
    if (3 * sum(data[-2::-2]) + sum(data[-1::-2]) - zeros) % 10 == 0:
        return ""
    return f"{digits} has check digit {digits[-1]}, expected {check_digit(digits[:-1])}; scan again"


def is_date(yymmdd: str, *, allows_day_zero: bool) -> bool:
    """YYMMDD (GenSpecs 3.4); day 00 is the last of the month where it is allowed. 00 stands for 2000, a leap year, in every century this will see."""
    month, day = yymmdd[2:4], yymmdd[4:6]
    last = _LAST_DAY.get(month)
    if last is None or not ("00" if allows_day_zero else "01") <= day <= last:
        return False
    return not (month == "02" and day == "29" and int(yymmdd[:2]) % 4)


def _date(text: str) -> str:
    return "" if is_date(text, allows_day_zero=False) else f"{text} is no date"


def _date_or_month(text: str) -> str:
    return "" if is_date(text, allows_day_zero=True) else f"{text} is no date"


def _long_date(text: str) -> str:
    return "" if is_date(text[2:], allows_day_zero=False) and (text[4:] != "0229" or int(text[:4]) % 400 == 0 or int(text[:4]) % 100) else f"{text} is no date"


def _hour(text: str) -> str:
    return "" if text < "24" else f"{text} is no hour"


def _minute(text: str) -> str:
    return "" if text < "60" else f"{text} is no minute or second"


def _time(text: str) -> str:
    return _hour(text[:2]) or _minute(text[2:])


def _piece_of_total(text: str) -> str:
    piece, total = text[:2], text[2:]
    return "" if "01" <= piece <= total else f"piece {piece} of {total} cannot be"


def _birth_sequence(text: str) -> str:
    return "" if text[1] == "/" and "1" <= text[0] <= text[2] <= "9" else f"{text} is no position in a sequence, like 1/2"


def _check_pair(text: str) -> str:
    """Check character pair of a GMN (GenSpecs 7.9.5): primes from the right, modulo 1021, as two characters of 32."""
    body, pair = text[:-2], text[-2:]
    total = sum(CSET_82.index(one) * prime for one, prime in zip(reversed(body), _PRIMES, strict=False)) % 1021
    expected = _CHECK_CHARACTERS[total // 32] + _CHECK_CHARACTERS[total % 32]
    return "" if body and pair == expected else f"{text} has check characters {pair}, expected {expected}; scan again"


def _one_of(allowed: str) -> Check:
    return lambda text: "" if text in allowed else f"{text} is none of {', '.join(allowed)}"


CHECKS: dict[str, Check] = {
    "k": key,
    "d": _date,
    "z": _date_or_month,
    "D": _long_date,
    "h": _time,
    "H": _hour,
    "m": _minute,
    "p": _piece_of_total,
    "a": _check_pair,
    "/": _birth_sequence,
    "y": _one_of("01"),  # no, yes
    "s": _one_of("0129"),  # ISO/IEC 5218
    "w": _one_of("019"),  # winding direction of a roll
    "C": lambda text: "" if text.isalpha() and text.isupper() else f"{text} is no country like CN",
    "0": _one_of("0"),
    "-": _one_of("-"),  # a temperature below zero
    "n": lambda text: "" if text.strip("0") else f"{text} is nothing",
    "o": lambda text: "" if text == "0" or text[0] != "0" else f"{text} must not begin with 0",
}
"""By the letters of `applications`."""

# SPDX-License-Identifier: Apache-2.0
"""GS1's application identifiers: what a value looks like, what is checked in it, and what it may or must stand together with.

The facts are those of the GS1 Barcode Syntax Dictionary (release of 2025: "AI", "Specification", "Attributes"), in a notation of our own; 717 and
8040-8043 are younger and stand as biip knows them, without companions. Each line:

    identifiers  format  companions

- identifiers: `17`, `3100-3105`, several with commas.
- format: components, N digits, X CSET 82, Y CSET 39, Z base64url; `N6` so many, `X..20` up to so many, `N4?` may be missing. After a colon what is
  checked in the component (see `values.CHECKS`).
- companions: `+01,02` one of these must be on the same item; each `+` is one such condition, `01&21` both. `-255,37` none of these may be. `31..` any
  identifier of that length that begins so.

Country, currency and media codes, coordinates and IBANs are left to who uses them: a code is not refused for a country founded next year.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_TABLE = """
00 N18:k
01 N14:k -255,37
02 N14:k +37 -01,03
03 N14:k -01,02,37
10 X..20 +01,02,03,8006,8026
11,13,15,16 N6:z +01,02,03,8006,8026
12 N6:z +8020
17 N6:z +01,02,03,255,8006,8026
20 N2 +01,02,8006,8026
21 X..20 +01,03,8006 -235
22 X..20 +01
235 X..28 +01
240,241 X..30 +01,02,8006,8026
242 N..6 +01,02,8006,8026
243 X..20 +01
250 X..30 +01,8006 +21
251 X..30 +01,8006
253 N13:k X..17?
254 X..20 +414
255 N13:k N..12? -01,02,415,8006,8020,8026
30 N..8 +01,02
3100-3105 N6 +01,02 -310.
3110-3115 N6 +01,02 -311.
3120-3125 N6 +01,02 -312.
3130-3135 N6 +01,02 -313.
3140-3145 N6 +01,02 -314.
3150-3155 N6 +01,02 -315.
3160-3165 N6 +01,02 -316.
3200-3205 N6 +01,02 -320.
3210-3215 N6 +01,02 -321.
3220-3225 N6 +01,02 -322.
3230-3235 N6 +01,02 -323.
3240-3245 N6 +01,02 -324.
3250-3255 N6 +01,02 -325.
3260-3265 N6 +01,02 -326.
3270-3275 N6 +01,02 -327.
3280-3285 N6 +01,02 -328.
3290-3295 N6 +01,02 -329.
3300-3305 N6 +00,01 -330.
3310-3315 N6 +00,01 -331.
3320-3325 N6 +00,01 -332.
3330-3335 N6 +00,01 -333.
3340-3345 N6 +00,01 -334.
3350-3355 N6 +00,01 -335.
3360-3365 N6 +00,01 -336.
3370-3375 N6 +01 -337.
3400-3405 N6 +00,01 -340.
3410-3415 N6 +00,01 -341.
3420-3425 N6 +00,01 -342.
3430-3435 N6 +00,01 -343.
3440-3445 N6 +00,01 -344.
3450-3455 N6 +00,01 -345.
3460-3465 N6 +00,01 -346.
3470-3475 N6 +00,01 -347.
3480-3485 N6 +00,01 -348.
3490-3495 N6 +00,01 -349.
3500-3505 N6 +01,02 -350.
3510-3515 N6 +01,02 -351.
3520-3525 N6 +01,02 -352.
3530-3535 N6 +00,01 -353.
3540-3545 N6 +00,01 -354.
3550-3555 N6 +00,01 -355.
3560-3565 N6 +01,02 -356.
3570-3575 N6 +01,02 -357.
3600-3605 N6 +01,02 -360.
3610-3615 N6 +01,02 -361.
3620-3625 N6 +00,01 -362.
3630-3635 N6 +00,01 -363.
3640-3645 N6 +01,02 -364.
3650-3655 N6 +01,02 -365.
3660-3665 N6 +01,02 -366.
3670-3675 N6 +00,01 -367.
3680-3685 N6 +00,01 -368.
3690-3695 N6 +00,01 -369.
37 N..8 +00 +02,8026
3900-3909 N..15 +255,8020 -390.,391.,394.,8111
3910-3919 N3 N..15 +8020 -391.
3920-3929 N..15 +01 +30,31..,32..,35..,36.. -392.,393.
3930-3939 N3 N..15 +30,31..,32..,35..,36.. -393.
3940-3943 N4 +255 -394.,8111
3950-3955 N6 +30,31..,32..,35..,36.. -392.,393.,395.,8005
400 X..30
401 X..30
402 N17:k
403 X..30 +00
410-414,416,417 N13:k
415 N13:k +8020
420 X..20 -421
421 N3 X..9 -4307
422 N3 +01,02,8006,8026 -426
423,425 N3 N3? N3? N3? N3? +01,02 -426
424 N3 +01,02 -426
426 N3 +01,02
427 X..3 +01,02 +422
4300,4301,4310,4311,4320 X..35 +00
4302,4304-4306,4312,4314-4316 X..70 +00
4303 X..70 +4302
4313 X..70 +4312
4307,4317 X2:C +00
4308,4319 X..30 +00
4309 N10 N10 +00
4318 X..20 +00
4321-4323 N1:y +00
4324,4325 N6:z N4:h +00
4326 N6:d +00
4330 N6 X1?:- +00 -4331
4331 N6 X1?:- +00 -4330
4332 N6 X1?:- +00 -4333
4333 N6 X1?:- +00 -4332
7001 N13 +01,02,8006,8026
7002 X..30 +01,02
7003 N6:d N4:h +01,02
7004 N..4 +01 +10
7005 X..12 +01,02
7006 N6:d +01,02
7007 N6:d N6?:d +01,02
7008 X..3 +01,02
7009 X..10 +01,02
7010 X..2 +01,02
7011 N6:d N4?:h +01,02
7020 X..20 +01,8006 +416
7021 X..20 +01,8006
7022 X..20 +7021
7023 X..30
7030-7039 N3 X..27 +01,02
7040 N1 X1 X1 X1
7041 X..4 +00
710-717 X..20 +01
7230-7239 X2 X..28 +01,8004
7240 X..20 +01,8006
7241 N2 +8017,8018
7242 X..25 +8017,8018
7250 N8:D +8018 -7251
7251 N8:D N4:h +8018 -7250
7252 N1:s +8018
7253,7254 X..40 +8017,8018 -7256,7259
7255 X..10 +8017,8018 -7256,7259
7256 X..90 +8017,8018
7257 X..70 +8018
7258 X3:/ +8018&7259
7259 X..40 +8018 -7256
8001 N4:n N5:n N3:n N1:w N1 +01
8002 X..20
8003 N1:0 N13:k X..16?
8004 X..30
8005 N6 +01,02
8006 N14:k N4:p -01,37
8007 X..34 +415
8008 N6:d N2:H N2?:m N2?:m +01,02
8009 X..50 +00,01
8010 Y..30
8011 N..12:o +8010
8012 X..20 +01,8006
8013 X..25:a
8014 X..25:a +01
8017 N18:k -8018
8018 N18:k -8017
8019 N..10 +8017,8018
8020 X..25 +415
8026 N14:k N4:p +37 -02,8006
8040,8041 N15
8042 N32
8043 N18 N..2?
8030 Z..90 +00,01&21,253,255,8003,8004,8006&21,8010&8011,8017,8018
8110,8112 X..70
8111 N4 +255
8200 X..70 +01
90 X..30
91-99 X..90
"""

PREDEFINED = frozenset(("00", "01", "02", "03", "04", *map(str, range(11, 21)), *map(str, range(31, 37)), "41"))
"""Identifiers that begin so need no separator behind their value: its length is known to everybody (GenSpecs figure 7.8.5-2)."""


class Component(NamedTuple):
    """A part of a value: N, X, Y or Z, how many characters, whether it may be missing, and the letter of what is checked in it (empty: nothing)."""

    kind: str
    length_min: int
    length_max: int
    is_optional: bool
    check: str


class Application(NamedTuple):
    """An application identifier. `needs_separator`: when it is not the last. Companions: groups of alternatives, each a set of identifiers or patterns."""

    ai: str
    components: tuple[Component, ...]
    needs_separator: bool
    required: tuple[tuple[tuple[str, ...], ...], ...]
    excluded: tuple[str, ...]


def _identifiers(text: str) -> Iterator[str]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f"{number:0{len(first)}}"


@cache
def _lines() -> dict[str, str]:
    """The rest of its line, by identifier; a line is taken apart only when one of its identifiers is first met."""
    return {ai: rest for line in _TABLE.split("\n") if line for head, _, rest in (line.partition(" "),) for ai in _identifiers(head)}


@cache
def lengths() -> dict[str, int]:
    """How long an identifier is, by its first two digits; they tell it (GenSpecs 7.8.1)."""
    return {ai[:2]: len(ai) for ai in _lines()}


def _component(text: str) -> Component:
    form, _, check = text.partition(":")
    is_optional = form.endswith("?")
    number = form[1:].removesuffix("?")
    if number.startswith(".."):
        return Component(form[0], 1, int(number[2:]), is_optional, check)
    return Component(form[0], int(number), int(number), is_optional, check)


def known(ai: str) -> bool:
    """Whether GS1 has such an identifier."""
    return ai in _lines()


def identifiers() -> list[str]:
    """All of them, in the order of the table."""
    return list(_lines())


def application(ai: str) -> Application:
    """Raises: KeyError: there is none."""
    words = _lines()[ai].split(" ")
    return Application(
        ai,
        tuple(_component(word) for word in words if word[0] in "NXYZ"),
        ai[:2] not in PREDEFINED,
        tuple(tuple(tuple(one.split("&")) for one in word[1:].split(",")) for word in words if word[0] == "+"),
        tuple(one for word in words if word[0] == "-" for one in word[1:].split(",")),
    )

# SPDX-License-Identifier: Apache-2.0
"""How the value of each GS1 application identifier (AI) is written in bits. Source: TDS 2.3 table F.

What else there is to know of them (table K: how long an AI is) stands in `contracts.gs1.applications`.

A format is one component or two joined by "+". A component is a letter and its numbers:

- `n14`: 14 digits, 4 bits each (14.5.4);  `b6:20`: 6 digits as a number of 20 bits (14.5.2);
- `x20:5`: up to 20 characters after a 3-bit encoding and a 5-bit length (14.5.6);  `m30:5`: digits of 4 bits, then perhaps an x (14.5.5);
- `v8:4`: up to 8 digits after a 4-bit length (14.5.13);
- `d` YYMMDD, `t` YYMMDDhhmm, `r` a date or two, `p` a date with hh, hhmm or hhmmss (14.5.8 to 14.5.11);
- `c` country of two letters, `f` one bit, `s` minus sign in one bit, `q` n/m (14.5.12, 14.5.7, 14.5.14, 14.5.15).
"""

from __future__ import annotations

from typing import NamedTuple


class Component(NamedTuple):
    """One component of a format."""

    letter: str
    longest: int = 0
    """Characters: exactly so many for n and b, at most so many for x, m and v."""
    bits: int = 0
    """Of the number for b, of the length for x, m and v."""


_BY_FORMAT = {
    "n18": "00 8006 8017 8018 8026",
    "n14": "01 02",
    "n13": "410 411 412 413 414 415 416 417",
    "n2": "7241",
    "n14+x16:5": "8003",
    "n13+x17:5": "253",
    "n13+v12:4": "255",
    "m30:5": "7023 8004 8010",
    "d": "11 12 13 15 16 17 4326 7006",
    "t": "4324 4325 7003",
    "r": "7007",
    "p": "7011 8008",
    "c": "4307 4317",
    "f": "4321 4322 4323",
    "q": "7258",
    "b1:4": "7252",
    "b2:7": "20",
    "b3:10": "422 424 426",
    "b4:14": "3940 3941 3942 3943 8111",
    "b6:20": "3950 3951 3952 3953 3954 3955 8005",
    "b6:20+s": "4330 4331 4332 4333",
    "b8:27": "7250",
    "b12:40": "7251",
    "b13:44": "7001",
    "b14:47": "8001",
    "b17:57": "402",
    "b20:67": "4309",
    "b3:10+v15:4": "3910 3911 3912 3913 3914 3915 3916 3917 3918 3919 3930 3931 3932 3933 3934 3935 3936 3937 3938 3939",
    "b3:10+x9:4": "421",
    "b3:10+x27:5": "7030 7031 7032 7033 7034 7035 7036 7037 7038 7039",
    "v4:3": "7004",
    "v6:3": "242",
    "v8:4": "30 37",
    "v10:4": "8019",
    "v12:4": "8011",
    "v15:4": "3900 3901 3902 3903 3904 3905 3906 3907 3908 3909 3920 3921 3922 3923 3924 3925 3926 3927 3928 3929 423 425",
    "x2:2": "7010",
    "x3:2": "427 7008",
    "x4:3": "7040 7041",
    "x10:4": "7009 7255",
    "x12:4": "7005",
    "x20:5": "10 21 22 243 254 420 4318 7020 7021 7022 710 711 712 713 714 715 716 7240 8002 8012",
    "x24:5": "8007",
    "x25:5": "7242 8013 8020",
    "x28:5": "235",
    "x30:5": "240 241 250 251 400 401 403 4308 4319 7002 7230 7231 7232 7233 7234 7235 7236 7237 7238 7239 90",
    "x35:6": "4300 4301 4310 4311 4320",
    "x40:6": "7253 7254 7259",
    "x50:6": "8009",
    "x70:7": "4302 4303 4304 4305 4306 4312 4313 4314 4315 4316 7257 8110 8112 8200",
    "x90:7": "7256 8030 91 92 93 94 95 96 97 98 99",
}
_MEASURES = (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370))
"""Weights, lengths, areas and volumes: the fourth digit, 0 to 5, counts decimals."""


def _component(text: str) -> Component:
    longest, _, bits = text[1:].partition(":")
    return Component(text[0], int(longest or 0), int(bits or 0))


def _table() -> dict[str, tuple[Component, ...]]:
    listed = {ai: tuple(map(_component, form.split("+"))) for form, ais in _BY_FORMAT.items() for ai in ais.split()}
    measure = listed["8005"]
    return listed | {f"{ai}{decimals}": measure for ai in _MEASURES for decimals in range(6)}


FORMATS = _table()
"""Components by AI."""

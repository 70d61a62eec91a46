# SPDX-License-Identifier: Apache-2.0
"""What a label looks like: fields of a format as dots, with an understanding of ^BC and ^GF of its own (Zebra ZPL II Programming Guide).

It knows nothing of how anybody makes labels. Texts in printer fonts are kept as texts too, since what matters of them is what they say; they are
drawn in Pillow's own font.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware_sims.printer_zpl.graphics import rows_of

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_TABLE = """
11011001100 11001101100 11001100110 10010011000 10010001100 10001001100 10011001000 10011000100 10001100100 11001001000 11001000100 11000100100 10110011100
10011011100 10011001110 10111001100 10011101100 10011100110 11001110010 11001011100 11001001110 11011100100 11001110100 11101101110 11101001100 11100101100
11100100110 11101100100 11100110100 11100110010 11011011000 11011000110 11000110110 10100011000 10001011000 10001000110 10110001000 10001101000 10001100010
11010001000 11000101000 11000100010 10110111000 10110001110 10001101110 10111011000 10111000110 10001110110 11101110110 11010001110 11000101110 11011101000
11011100010 11011101110 11101011000 11101000110 11100010110 11101101000 11101100010 11100011010 11101111010 11001000010 11110001010 10100110000 10100001100
10010110000 10010000110 10000101100 10000100110 10110010000 10110000100 10011010000 10011000010 10000110100 10000110010 11000010010 11001010000 11110111010
11000010100 10001111010 10100111100 10010111100 10010011110 10111100100 10011110100 10011110010 11110100100 11110010100 11110010010 11011011110 11011110110
11110110110 10101111000 10100011110 10001011110 10111101000 10111100010 11110101000 11110100010 10111011110 10111101110 11101011110 11110101110 11010000100
11010010000 11010011100 1100011101011
"""
_PATTERNS = _TABLE.split()
_INVOKED = {"<": 62, "0": 30, "=": 94, "1": 95, "2": 96, "3": 97, "4": 98, "5": 99, "6": 100, "7": 101, "8": 102}


@dataclass
class Drawn:
    """A printed label: its picture, texts in printer fonts, copies, and the start of each bitmap's field."""

    image: Image.Image
    texts: list[str] = field(default_factory=list)
    bitmaps: int = 0
    copies: int = 1


def symbol(data: str) -> str:
    """Modules of a Code 128 symbol for ^FD data of ^BC in mode N: black is 1."""
    start, subset = 104, "B"
    if data[:2] in (">9", ">:", ">;"):
        start, subset = {">9": (103, "A"), ">:": (104, "B"), ">;": (105, "C")}[data[:2]]
        data = data[2:]
    values, at = [start], 0
    while at < len(data):
        if data[at] == ">":
            value = _INVOKED[data[at + 1]]
            subset = {99: "C", 100: "B", 101: "A"}.get(value, subset) if value in (99, 100, 101) else subset
            at += 2
        elif subset == "C":
            value = int(data[at : at + 2])
            at += 2
        else:
            value = ord(data[at]) - 32
            at += 1
        values.append(value)
    check = (values[0] + sum(n * value for n, value in enumerate(values[1:], 1))) % 103
    return "".join(_PATTERNS[value] for value in (*values, check, 106))


_FIELD = re.compile(r"\^F[OT](\d+),(\d+)(.*?)\^FS", re.DOTALL)
_GRAPHIC = re.compile(r"\^GF([ABC]),(\d+),(\d+),(\d+),(.*)", re.DOTALL)


def draw(zpl: str, default_size: tuple[int, int] = (812, 406)) -> Drawn:
    """Draw one label; `default_size` in dots, where the format gives none."""
    from PIL import Image, ImageDraw

    width, height = (_last_number(zpl, name, default) for name, default in (("PW", default_size[0]), ("LL", default_size[1])))
    label = Drawn(Image.new("L", (width, height), 255), copies=_last_number(zpl, "PQ", 1))
    pencil = ImageDraw.Draw(label.image)
    for x, y, content in _FIELD.findall(zpl):
        _draw_field(label, pencil, int(x), int(y), content)
    return label


def _last_number(zpl: str, name: str, default: int) -> int:
    found = re.findall(rf"\^{name}(\d+)", zpl)
    return int(found[-1]) if found else default


def _draw_field(label: Drawn, pencil: ImageDraw.ImageDraw, x: int, y: int, content: str) -> None:
    if graphic := _GRAPHIC.search(content):
        _draw_graphic(label, x, y, graphic)
    elif box := re.search(r"\^GB(\d+),(\d+),(\d+)", content):
        wide, high, thick = (max(1, int(number)) for number in box.groups())
        pencil.rectangle([x, y, x + max(wide, thick) - 1, y + max(high, thick) - 1], outline=0, width=min(thick, max(wide, high)))
    else:
        _draw_data(label, pencil, x, y, content)


def _draw_graphic(label: Drawn, x: int, y: int, graphic: re.Match[str]) -> None:
    from PIL import Image

    row_bytes = int(graphic[4])
    rows = rows_of(graphic[5], int(graphic[3]), row_bytes)
    picture = Image.frombytes("1", (row_bytes * 8, len(rows) // row_bytes), bytes(byte ^ 0xFF for byte in rows))
    label.image.paste(picture.convert("L"), (x, y))
    label.bitmaps += 1


def _draw_data(label: Drawn, pencil: ImageDraw.ImageDraw, x: int, y: int, content: str) -> None:
    from PIL import ImageFont

    data = re.search(r"\^F[DV](.*)", content, flags=re.DOTALL)
    text = _unhexed(data[1], content) if data else ""
    if code := re.search(r"\^BCN?,?(\d*)", content):
        module, tall = _last_number(content, "BY", 2), int(code[1] or 10)
        for n, black in enumerate(symbol(text)):
            if black == "1":
                pencil.rectangle([x + n * module, y, x + (n + 1) * module - 1, y + tall - 1], fill=0)
    elif text:
        label.texts.append(text)
        height = re.search(r"\^A[0-9A-Z@][NRIB]?,(\d+)", content)
        pencil.text((x, y), text, fill=0, font=ImageFont.load_default(int(height[1]) if height else 20))


def _unhexed(data: str, content: str) -> str:
    """Field data with ^FH resolved: two hex digits after the indicator, which is `_` unless another is named, are one byte of UTF-8."""
    indicator = re.search(r"\^FH(.?)", content)
    if indicator is None:
        return data
    mark = re.escape(indicator[1] if indicator[1] not in ("", "^") else "_")
    return re.sub(rf"(?:{mark}[0-9A-Fa-f]{{2}})+", lambda found: bytes.fromhex(re.sub(mark, "", found[0])).decode("utf-8", "replace"), data)

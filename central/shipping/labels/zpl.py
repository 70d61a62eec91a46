# SPDX-License-Identifier: Apache-2.0
"""ZPL II, the language of label printers: fields of text and bars at dots. Text of other scripts than Latin goes as a bitmap (^GFA).

Source: Zebra ZPL II Programming Guide, commands ^XA ^PW ^LL ^CI ^FO ^FH ^FD ^A ^FB ^BY ^BC ^GB ^GFA ^PQ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from central.shipping.labels.code128 import QUIET_MODULES, modules_of, zpl_data
from central.shipping.labels.fonts import font_for, is_chinese

if TYPE_CHECKING:
    from PIL import Image

_MM_PER_INCH = 25.4
_BLACK_BELOW = 128


class ZplLabel:
    """One label of a size in millimetres for a printer of so many dots per inch. Positions and heights are given in millimetres."""

    def __init__(self, width_mm: float, height_mm: float, dpi: int) -> None:
        self._dpi = dpi
        self.width_dots = self.dots(width_mm)
        self._fields = [f"^XA^CI28^PW{self.width_dots}^LL{self.dots(height_mm)}^LH0,0"]

    def dots(self, length_mm: float) -> int:
        """So many dots of this printer."""
        return round(length_mm * self._dpi / _MM_PER_INCH)

    def text(self, x_mm: float, y_mm: float, height_mm: float, text: str, width_mm: float) -> None:
        """A line of text, cut off at the width."""
        if not text:
            return
        if is_chinese(text):
            self._bitmap(x_mm, y_mm, height_mm, text, width_mm)
            return
        height, width = self.dots(height_mm), self.dots(width_mm)
        self._fields.append(f"^FO{self.dots(x_mm)},{self.dots(y_mm)}^A0N,{height},{height}^FB{width},1,0,L^FH_^FD{escaped(text)}^FS")

    def _bitmap(self, x_mm: float, y_mm: float, height_mm: float, text: str, width_mm: float) -> None:
        image = drawn(text, self.dots(height_mm), self.dots(width_mm))
        row_bytes = (image.width + 7) // 8
        data = image.tobytes()
        # Pillow's mode 1 has white as 1; a printer prints ones.
        hexed = bytes(byte ^ 0xFF for byte in data)
        spare = row_bytes * 8 - image.width
        rows = [hexed[start : start + row_bytes] for start in range(0, len(hexed), row_bytes)]
        trimmed = b"".join(row[:-1] + bytes([row[-1] & (0xFF << spare & 0xFF)]) for row in rows)
        total = len(trimmed)
        self._fields.append(f"^FO{self.dots(x_mm)},{self.dots(y_mm)}^GFA,{total},{total},{row_bytes},{trimmed.hex().upper()}^FS")

    def barcode(self, y_mm: float, height_mm: float, words: Sequence[int], module_mm: float) -> None:
        """A GS1-128 symbol in the middle, its bars as wide as fit up to `module_mm`; the text for people is a field of its own."""
        modules = modules_of(words) + 2 * QUIET_MODULES
        dots = max(1, min(self.dots(module_mm), self.width_dots // modules))
        x = (self.width_dots - modules_of(words) * dots) // 2
        self._fields.append(f"^FO{x},{self.dots(y_mm)}^BY{dots}^BCN,{self.dots(height_mm)},N,N,N,N^FH_^FD{escaped(zpl_data(words))}^FS")

    def line(self, y_mm: float, thickness_mm: float = 0.4) -> None:
        """A line across."""
        self._fields.append(f"^FO0,{self.dots(y_mm)}^GB{self.width_dots},{max(1, self.dots(thickness_mm))},{max(1, self.dots(thickness_mm))}^FS")

    def done(self, copies: int = 1) -> bytes:
        """What the printer is sent."""
        return "\n".join([*self._fields, f"^PQ{copies}^XZ\n"]).encode()


def escaped(text: str) -> str:
    """Field data in which nothing is a command: ^ ~ _ and control characters as _XX (^FH)."""
    return "".join(f"_{ord(each):02X}" if each in "^~_" or ord(each) < 0x20 else each for each in text)


def drawn(text: str, height: int, width_max: int) -> Image.Image:
    """A line of text in black and white, `height` dots high, cut off at `width_max`. Raises: NoFontError."""
    from PIL import Image, ImageDraw, ImageFont  # only Chinese on a label printer is drawn: who prints none is spared 10 MiB

    found = font_for(text)
    font = ImageFont.truetype(found.path, max(6, round(height * 0.8)), index=found.index)
    width = max(1, min(width_max, round(font.getlength(text))))
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).text((0, height // 2), text, fill=0, font=font, anchor="lm")
    return image.point(lambda level: 0 if level < _BLACK_BELOW else 255).convert("1", dither=Image.Dither.NONE)

# SPDX-License-Identifier: Apache-2.0
"""A label printer for tests: takes ZPL over TCP and draws it, with an understanding of ^BC and ^GFA of its own (Zebra ZPL II Programming Guide).

It knows nothing of how central makes labels. Texts in printer fonts are kept as texts, since what matters of them is what they say.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


def draw(zpl: str) -> Drawn:
    """Draw one label."""
    width, height = (int(re.search(rf"\^{name}(\d+)", zpl)[1]) for name in ("PW", "LL"))  # type: ignore[index]
    label = Drawn(Image.new("L", (width, height), 255), copies=int((re.search(r"\^PQ(\d+)", zpl) or ["", "1"])[1]))
    for content in re.findall(r"\^FO(.*?)\^FS", zpl, flags=re.DOTALL):
        x, y = (int(part) for part in re.match(r"(\d+),(\d+)", content).groups())  # type: ignore[union-attr]
        _draw_field(label, x, y, content)
    return label


def _draw_field(label: Drawn, x: int, y: int, content: str) -> None:
    if bitmap := re.search(r"\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)", content):
        row_bytes, data = int(bitmap[3]), bytes.fromhex(bitmap[4])
        assert len(data) == int(bitmap[1])
        picture = Image.frombytes("1", (row_bytes * 8, len(data) // row_bytes), bytes(byte ^ 0xFF for byte in data))
        label.image.paste(picture.convert("L"), (x, y))
        label.bitmaps += 1
        return
    data = re.search(r"\^FD(.*)", content, flags=re.DOTALL)
    text = re.sub(r"_([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), data[1]) if data and "^FH_" in content else ""
    if "^BC" in content:
        module = int(re.search(r"\^BY(\d+)", content)[1])  # type: ignore[index]
        tall = int(re.search(r"\^BCN,(\d+)", content)[1])  # type: ignore[index]
        pencil = ImageDraw.Draw(label.image)
        for n, black in enumerate(symbol(text)):
            if black == "1":
                pencil.rectangle([x + n * module, y, x + (n + 1) * module - 1, y + tall - 1], fill=0)
    elif text:
        label.texts.append(text)


@contextmanager
def printer() -> Iterator[tuple[str, list[bytes]]]:
    """A printer on a free port: its address, and what it was sent, one entry for each connection."""
    jobs: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    data = b""
                    while part := line.recv(65536):
                        data += part
                    jobs.append(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", jobs
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()

# SPDX-License-Identifier: Apache-2.0
"""Labels through renderers and readers that we did not write: zplkit and the twin draw them, zxing-cpp and zbar read them, zebrafy knows ^GF."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
import zplkit
from PIL import Image, ImageChops, ImageDraw
from pyzbar.pyzbar import ZBarSymbol
from pyzbar.pyzbar import decode as zbar_decode
from zebrafy.zebrafy_image import ZebrafyImage
from zebrafy.zebrafy_zpl import ZebrafyZPL

from central.errors import DomainError
from central.shipping.labels import code128, label
from central.shipping.labels.label import ItemLabel
from central.shipping.labels.location import LocationLabel, locations_paper, locations_zpl
from firmware_sims.printer_zpl.drawing import draw
from tests.unit.test_shipping_labels import BARCODES, CHINESE, MILK, PLAIN, read

pytestmark = pytest.mark.requirement("R53")

LOCATION = LocationLabel("A-01-02", "pick", "A", "chilled")


def by_twin(zpl: bytes) -> Image.Image:
    return draw(zpl.decode()).image


def by_zplkit(zpl: bytes) -> Image.Image:
    """zplkit 0.3 knows no ^PQ and has no multiplication sign in its font; both say nothing of bars."""
    plain = re.sub(rb"\^PQ\d+", b"", zpl).replace("×".encode(), b"x")
    (made,) = zplkit.render(plain, zplkit.Options(dpi=203, width=812, height=1200)).labels
    return Image.open(io.BytesIO(made.png()))


def with_zbar(image: Image.Image) -> set[str]:
    framed = Image.new("L", (image.width + 80, image.height + 80), 255)
    framed.paste(image.convert("L"), (40, 40))
    return {found.data.decode().replace("\x1d", "") for found in zbar_decode(framed, symbols=[ZBarSymbol.CODE128])}


def data_of(texts: dict[str, str]) -> set[str]:
    return {re.sub(r"[()]", "", text) for text in texts}


TEMPLATES = {
    "logistic": (label.logistic_zpl(PLAIN, 203), BARCODES),
    "item": (label.item_zpl(ItemLabel(MILK), 203), {"(01)00614141000012(17)261201(10)L1/b": "]C1"}),
    "location": (locations_zpl([LOCATION], 203), {"A-01-02": "]C0"}),
}


@pytest.mark.parametrize("drawn", [by_twin, by_zplkit], ids=["twin", "zplkit"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_read_back_by_two_readers_from_two_renderers(template: str, drawn: Callable[[bytes], Image.Image]) -> None:
    zpl, expected = TEMPLATES[template]

    image = drawn(zpl)

    assert read(image) == expected
    assert with_zbar(image) == data_of(expected)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_location_label_on_paper_is_read_back_by_two_readers(language: str) -> None:
    made = LocationLabel("B-17-3", "拣货区" if language == "zh" else "pick", "B", "frozen", language)  # type: ignore[arg-type]  # one of both

    image = Image.open(io.BytesIO(locations_paper([made], "png")))

    assert read(image) == {"B-17-3": "]C0"}
    assert with_zbar(image) == {"B-17-3"}
    assert locations_paper([made, LOCATION], "pdf").startswith(b"%PDF-")


def test_location_label_says_zone_aisle_and_condition_in_both_languages() -> None:
    assert draw(locations_zpl([LOCATION], 203).decode()).texts == ["A-01-02", "Zone pick   Aisle A   Keep chilled"]
    chinese = draw(locations_zpl([LocationLabel("A-01", "拣货", "A", "ambient", "zh")], 203).decode())
    assert (chinese.texts, chinese.bitmaps) == (["A-01"], 1)
    assert LocationLabel("A-01").facts == []


def test_location_label_keeps_its_long_code_on_the_paper() -> None:
    made = LocationLabel("AISLE-17-RACK-03-LEVEL-2")

    assert read(by_twin(locations_zpl([made], 300))) == {made.code: "]C0"}
    assert made.code_height_mm < LOCATION.code_height_mm


def test_location_whose_code_no_barcode_carries_is_refused() -> None:
    with pytest.raises(DomainError, match="letters and digits"):
        locations_zpl([LocationLabel("货架-1")], 203)


def test_plain_symbol_has_no_fnc1_and_a_gs1_symbol_has() -> None:
    assert code128.FNC1_VALUE not in code128.words_of("A-01", is_gs1=False)
    assert code128.words_of("A-01")[1] == code128.FNC1_VALUE


def spotted() -> Image.Image:
    image = Image.new("1", (64, 40), 1)
    pencil = ImageDraw.Draw(image)
    pencil.ellipse([4, 4, 40, 36], fill=0)
    pencil.line([0, 39, 63, 39], fill=0)
    return image


@pytest.mark.parametrize("form", ["ASCII", "ASCII_COMPRESSED", "B64", "Z64"])
def test_graphics_that_zebrafy_writes_are_drawn_by_the_twin_as_they_were(form: str) -> None:
    zpl = ZebrafyImage(spotted(), format=form).to_zpl()

    made = draw(zpl, (64, 40)).image

    assert ImageChops.difference(made.convert("L"), spotted().convert("L")).getbbox() is None


def test_chinese_that_central_draws_is_read_by_zebrafy_as_the_twin_draws_it() -> None:
    zpl = label.logistic_zpl(CHINESE, 203).decode()
    fields = re.findall(r"\^GFA[^\^]*", zpl)

    for each in fields:
        (theirs,) = ZebrafyZPL(f"^XA^FO0,0{each}^FS^XZ").to_images()
        ours = draw(f"^XA^FO0,0{each}^FS^XZ", theirs.size).image
        assert ImageChops.difference(ours.convert("L"), theirs.convert("L")).getbbox() is None

    assert len(fields) > 5

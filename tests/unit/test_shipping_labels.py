# SPDX-License-Identifier: Apache-2.0
"""Labels say what they should: what is drawn is read back by a decoder that has nothing to do with how it was drawn."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from central.errors import DomainError
from central.shipping.labels import code128, fonts, gs1, label
from central.shipping.labels.label import ContentLine, ItemLabel, LogisticLabel
from central.shipping.labels.zpl import drawn, escaped
from tests.integration.zpl_printer import draw

pytestmark = pytest.mark.requirement("R53")

SSCC = "006141410000000005"
MILK = ContentLine("milk", "Milk", "00614141000012", "L1/b", 12, expiry=date(2026, 12, 1))
PLAIN = LogisticLabel(SSCC, "SO-1", ("Dock", "Harbour 1"), ("Wang Fang", "Century Ave 1"), "sf", "SF7001", 1, 2, 3250, (MILK,))
CHINESE = LogisticLabel(SSCC, "SO-1", ("仓库",), ("王芳 13800000000", "上海市浦东新区", "世纪大道 1 号"), "顺丰", "SF7001", 1, 1, None, (MILK,), "zh")


def read(image: Image.Image) -> dict[str, str]:
    """Symbology identifier by text of every barcode in a picture; a margin as wide as a label's own."""
    framed = Image.new("L", (image.width + 40, image.height + 40), 255)
    framed.paste(image.convert("L"), (20, 20))
    return {found.text: found.symbology_identifier for found in zxingcpp.read_barcodes(framed)}


def picture(words: list[int], module: int = 3) -> Image.Image:
    width = (code128.modules_of(words) + 2 * code128.QUIET_MODULES) * module
    image = Image.new("L", (width, 80), 255)
    pencil = ImageDraw.Draw(image)
    for start, bar in code128.bars_of(words):
        at = (start + code128.QUIET_MODULES) * module
        pencil.rectangle([at, 0, at + bar * module - 1, 79], fill=0)
    return image


BARCODES = {f"(00){SSCC}": "]C1", "(02)00614141000012(17)261201": "]C1", "(37)12(10)L1/b": "]C1"}


def test_logistic_label_for_a_printer_carries_sscc_and_contents() -> None:
    made = draw(label.logistic_zpl(PLAIN, 203).decode())

    assert read(made.image) == BARCODES
    assert {"SO-1", "1 / 2", "3.25 kg", "Wang Fang", "12 × Milk Batch L1/b Expiry 2026-12-01", f"(00){SSCC}"} <= set(made.texts)
    assert made.bitmaps == 0


@pytest.mark.parametrize("dpi", [203, 300, 600])
def test_chinese_lines_go_to_the_printer_as_bitmaps(dpi: int) -> None:
    made = draw(label.logistic_zpl(CHINESE, dpi).decode())

    assert BARCODES.keys() == read(made.image).keys()
    assert made.bitmaps >= 8
    assert all(text.isascii() or "×" in text for text in made.texts)


@pytest.mark.parametrize("which", [PLAIN, CHINESE])
def test_logistic_label_on_paper_carries_the_same(which: LogisticLabel) -> None:
    png = label.logistic_paper(which, "png")

    assert read(Image.open(io.BytesIO(png))) == BARCODES
    assert label.logistic_paper(which, "svg").startswith(b"<svg")
    pdf = label.logistic_paper(which, "pdf")
    assert pdf.startswith(b"%PDF-")
    assert b"/FontFile" in pdf
    assert b"CJK" in pdf or which is PLAIN


def test_different_chinese_texts_look_different_and_not_like_boxes() -> None:
    one, other = drawn("上海市浦东新区", 40, 600), drawn("北京市朝阳区海", 40, 600)
    missing = drawn("\u9fef\u9fef", 40, 600).crop((0, 0, 32, 40)).tobytes()

    assert one.size == other.size
    assert one.tobytes() != other.tobytes()
    glyphs = {one.crop((x, 0, x + 32, 40)).tobytes() for x in range(0, one.width - 31, 32)}
    assert len(glyphs) >= 6
    assert missing not in glyphs


def test_without_a_chinese_font_it_is_said_and_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)

    with pytest.raises(DomainError, match="fonts-noto-cjk") as raised:
        label.logistic_zpl(CHINESE, 203)
    assert (raised.value.code, raised.value.status) == ("no_cjk_font", 501)
    assert label.logistic_zpl(PLAIN, 203)


def test_short_contents_stand_in_one_barcode() -> None:
    short = LogisticLabel(SSCC, "1", (), (), "", "", 1, 1, None, (ContentLine("milk", "Milk", "00614141000012", "7", 12),))

    assert read(draw(label.logistic_zpl(short, 203).decode()).image) == {f"(00){SSCC}": "]C1", "(02)00614141000012(37)12(10)7": "]C1"}


def test_longest_lot_with_its_expiry_and_count_stands_in_two_barcodes() -> None:
    longest = ContentLine("milk", "Milk", "00614141000012", "L" * 20, 99_999_999, expiry=date(2026, 12, 1))
    made = LogisticLabel(SSCC, "1", (), (), "", "", 1, 1, None, (longest,))

    on_printer = read(draw(label.logistic_zpl(made, 203).decode()).image)

    assert on_printer == {f"(00){SSCC}": "]C1", "(02)00614141000012(17)261201": "]C1", f"(37)99999999(10){'L' * 20}": "]C1"}


def test_package_of_several_items_has_no_content_barcode() -> None:
    mixed = LogisticLabel(SSCC, "1", (), ("x",), "", "", 1, 1, 10, (MILK, ContentLine("peas", "Peas", None, "", 2)))

    assert read(draw(label.logistic_zpl(mixed, 203).decode()).image) == {f"(00){SSCC}": "]C1"}
    assert "14 × several items" in draw(label.logistic_zpl(mixed, 203).decode()).texts


def test_content_label_lists_what_fits_and_counts_the_rest() -> None:
    lines = tuple(ContentLine(f"i{n}", f"Item {n}", None, "", n) for n in range(1, 16))
    made = draw(label.content_zpl(LogisticLabel(SSCC, "1", (), (), "", "", 1, 1, None, lines), 203).decode())

    assert "12 × Item 12" in made.texts
    assert "and 3 more" in made.texts
    assert read(made.image) == {f"(00){SSCC}": "]C1"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_item_label_carries_batch_expiry_and_barcode(language: Any) -> None:
    line = ContentLine("milk", "牛奶" if language == "zh" else "Milk", "00614141000012", "L1", 1, expiry=date(2026, 12, 1))
    made = ItemLabel(line, "chilled", language=language)
    on_printer = draw(label.item_zpl(made, 300, copies=3).decode())

    assert read(on_printer.image) == {"(01)00614141000012(17)261201(10)L1": "]C1"}
    assert on_printer.copies == 3
    assert read(Image.open(io.BytesIO(label.item_paper(made, "png")))) == {"(01)00614141000012(17)261201(10)L1": "]C1"}
    assert "2026-12-01" in on_printer.texts


def test_text_cannot_command_the_printer_or_the_typesetter() -> None:
    nasty = '^XZ^XA~JA #strong[x] $1$ _5E \\ " <svg>'
    evil = LogisticLabel(SSCC, nasty, (nasty,), (nasty,), nasty, nasty, 1, 1, None, (MILK,))
    sent = label.logistic_zpl(evil, 203).decode()

    assert sent.count("^XA") == sent.count("^XZ") == 1
    assert "~JA" not in sent
    assert draw(sent).texts.count(nasty) >= 4
    assert escaped("a^b~c_d") == "a_5Eb_7Ec_5Fd"
    assert label.logistic_paper(evil, "pdf").startswith(b"%PDF-")


LOTS = st.text(st.sampled_from("ABCabcxyz0123456789-/.>:;_<=%&"), min_size=1, max_size=20)


@given(LOTS, st.integers(1, 9_999_999))  # with the longest lot just the 48 characters of one symbol
def test_any_lot_and_count_is_read_back_from_bars_and_from_the_printer(lot: str, count: int) -> None:
    elements = gs1.contents("00614141000012", count, lot, None, None)
    words = code128.words_of(gs1.data_of(elements))
    expected = b"0200614141000012" + b"37%d" % count + b"\x1d10" + lot.encode()

    (found,) = zxingcpp.read_barcodes(picture(words))
    assert (found.bytes, found.symbology_identifier) == (expected, "]C1")
    zpl = f"^XA^PW2000^LL100^FO100,5^BY3^BCN,80,N,N,N,N^FH_^FD{escaped(code128.zpl_data(words))}^FS^XZ"
    (printed,) = zxingcpp.read_barcodes(draw(zpl).image)
    assert printed.bytes == expected


def test_what_no_barcode_can_say_is_refused() -> None:
    with pytest.raises(DomainError, match="cannot carry '批'"):
        gs1.data_of(gs1.trade_item("00614141000012", "批1", None, None))
    with pytest.raises(DomainError, match="carries 48 characters"):
        gs1.data_of(gs1.trade_item("00614141000012", "L" * 20, None, None, "S" * 20))


@pytest.mark.slow
def test_central_starts_without_the_typesetter_and_without_a_drawing_library() -> None:
    """Together they take 16 MiB, and most processes never print."""
    program = (
        "import sys\n"
        "from central.app import create_app\n"
        "from central.settings import Settings\n"
        "create_app(Settings(database='sqlite:///never-opened.db'))\n"
        "print([name for name in ('PIL', 'typst', 'biip', 'openpyxl', 'zxingcpp') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

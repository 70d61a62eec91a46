# SPDX-License-Identifier: Apache-2.0
"""CSV as people's spreadsheets write it."""

from __future__ import annotations

import pytest

from central.catalog.rules import Item, Location, Partner, Row, StockLevel, Zone, repeated
from central.sheets import cells, reading
from central.sheets.rules import Sheet, SheetUnreadableError

pytestmark = pytest.mark.requirement("R28", "R29", "X8")

HEADING = "code,gtin,name,name_zh,unit_weight_g,condition\n"
GOOD = HEADING + "milk,614141000012,Milk,牛奶,250,chilled\npeas,,Peas,豌豆,,\n"


def read_sheet(data: bytes, kind: type[Row]) -> Sheet:
    return reading.read_sheet(data, kind, repeated)


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("gb18030"),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").replace("\n", "\r\n").encode(),
        GOOD.replace("code,gtin,name,name_zh,unit_weight_g,condition", "编码,条码,名称,中文名称,单重克,储存条件").encode("gb18030"),
        (GOOD + "\n,,,,,\n").encode(),
    ],
    ids=["utf8", "utf8-mark", "gb18030", "semicolons", "tabs", "chinese-heading", "blank-rows"],
)
def test_same_items_come_from_every_spreadsheet(data: bytes) -> None:
    sheet = read_sheet(data, Item)

    assert sheet.errors == ()
    assert [row for _, row in sheet.rows] == [
        Item(code="milk", gtin="00614141000012", name="Milk", name_zh="牛奶", unit_weight_g=250, condition="chilled"),
        Item(code="peas", name="Peas", name_zh="豌豆"),
    ]


def test_every_error_of_every_row_is_told_with_its_row_and_column() -> None:
    data = HEADING + "milk,614141000013,Milk,,0,warm\n,,Peas,,,\nok,,Good,,,\nok,,Again,,,\nx,,Much,,,,,!\n"

    errors = read_sheet(data.encode(), Item).errors

    assert [(error.row, error.column) for error in errors] == [(2, "condition"), (2, "gtin"), (2, "unit_weight_g"), (3, "code"), (5, ""), (6, "")]
    by_column = {error.column: error.message for error in errors if error.row == 2}
    assert by_column["gtin"] == "GTIN 614141000013 has check digit 3, expected 2"
    assert errors[4].message == "ok stands in this file more than once; keep one row of it"
    assert errors[5].message == "8 cells under 6 headings"


def test_one_gtin_on_two_items_of_a_file_is_told() -> None:
    data = HEADING + "a,614141000012,A,,,\nb,00614141000012,B,,,\n"

    assert [(error.row, error.code) for error in read_sheet(data.encode(), Item).errors] == [(3, "repeated")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "file is empty"),
        (b"code,nmae\n", "columns 'nmae' are not known; known are code, gtin, name"),
        (b"gtin\n", "columns code, name are missing"),
        (b"code,name,code\n", "a column stands twice"),
        (b"code,name\n\x81\xff,x\n", "neither UTF-8 nor GB18030"),
        (b'code,name\n"' + b"a" * 200_000 + b'",x\n', "is no CSV"),
    ],
)
def test_file_that_cannot_be_read_says_why(data: bytes, message: str) -> None:
    with pytest.raises(SheetUnreadableError, match=message):
        read_sheet(data, Item)


def test_huge_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "SHEET_BYTES_MAX", 10)

    with pytest.raises(SheetUnreadableError, match="split it"):
        read_sheet(GOOD.encode(), Item)


def test_locations_zones_levels_and_partners_are_read_too() -> None:
    (location,) = read_sheet("仓库,编码,类型,冷库\ns1,A-01,bin,cold-1\n".encode(), Location).rows
    (zone,) = read_sheet(b"site,id,gateway,station\ns1,A,gate-1,zone-a\n", Zone).rows
    (level,) = read_sheet(b"site,location,item,minimum,maximum\ns1,A-01,milk,1,9\n", StockLevel).rows
    (partner,) = read_sheet(b"code,name,kind,gln\nd,Dairy,supplier,0614141000005\n", Partner).rows

    assert location[1].model_dump()["cold_room"] == "cold-1"
    assert isinstance(level[1], StockLevel)
    assert level[1].place == "s1/A-01"
    assert (zone[0], partner[0]) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        (StockLevel, "site,item,minimum,maximum\ns1,milk,9,1\n", "minimum 9 is above maximum 1"),
        (Zone, "site,id,gateway\ns1,A,gate-1\n", "give gateway and station together, or neither"),
        (Location, "site,code,kind\nS 1,A,bin\n", "name 'S 1' is not allowed"),
        (Location, "site,code,kind\ns1,A/1,bin\n", "match pattern"),
        (Item, "code,name\n@vendor,x\n", "match pattern"),
        (Partner, "code,name,kind,gln\nd,D,supplier,0614141000006\n", "check digit"),
    ],
)
def test_row_that_contradicts_itself_is_told(kind: type, row: str, message: str) -> None:
    (error,) = read_sheet(row.encode(), kind).errors

    assert message in error.message

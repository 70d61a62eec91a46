# SPDX-License-Identifier: Apache-2.0
"""Spreadsheets in: whole or not at all, errors by row and column, taken back by batch, opening stock by count."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import Engine, delete

from central.app import create_app
from central.catalog.tables import lot
from central.identity.tables import request_answer
from central.ledger.rules import NO_EXPIRY
from central.ledger.tables import balance, event, handling_unit, serial
from central.settings import Settings
from central.sheets import cells
from central.stock.tables import stock_opening
from tests.integration.test_areas_api import Http
from tests.integration.warehouse import MILK_GTIN, SITE, Warehouse

pytestmark = pytest.mark.slow

CASE_GTIN = "10614141000019"
UNIT = "106141412345678908"
STOCK = "site,location,item,quantity,packaging,lot,expiry,status,owner,unit,serials\n"


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


@pytest.fixture
def http(engine: Engine, house: Warehouse) -> Http:
    return Http(create_app(Settings(database=engine.url.render_as_string(hide_password=False)), lambda: house.now, engine))


def sent(http: Http, kind: str, data: bytes | str, status: int = 200, **query: Any) -> Any:
    answer = http.post(f"imports/{kind}", content=data.encode() if isinstance(data, str) else data, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def undone(http: Http, batch: str, status: int = 200) -> Any:
    answer = http.post(f"imports/batches/{batch}/undo", json={"actor": "li"})
    assert answer.status_code == status, answer.text
    return answer.json()


def codes(answer: Any) -> list[tuple[int, str, str]]:
    return [(each["row"], each["column"], each["code"]) for each in answer["errors"]]


def items(http: Http) -> dict[str, str]:
    return {row["code"]: row["name"] for row in http.get("catalog/items").json()["items"]}


def workbook(rows: list[list[Any]]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    for n, row in enumerate(rows):
        sheet.write_row(n, 0, row)
    book.close()
    return file.getvalue()


def crafted(sheet: str, shared: str = "<sst/>", fill: int = 0) -> bytes:
    """A workbook made by hand around one sheet's XML."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", shared)
        archive.writestr("xl/media/fill.bin", b"\0" * fill)
    return file.getvalue()


@pytest.mark.requirement("R29", "X8")
def test_import_says_what_is_new_changed_and_as_before(http: Http) -> None:
    sheet = f"code,gtin,name\nmilk,{MILK_GTIN},Milk\npeas,00614141000029,Green peas\nhoney,,Honey\n"

    tried = sent(http, "items", sheet, dry_run=True)
    done = sent(http, "items", sheet, actor="li", file_name="items.csv")

    assert (tried["new"], tried["changed"], tried["unchanged"], tried["written"], tried["batch"]) == (1, 1, 1, False, None)
    assert (done["new"], done["changed"], done["unchanged"], done["written"]) == (1, 1, 1, True)
    assert items(http)["peas"] == "Green peas"
    (batch,) = http.get("imports").json()["items"]
    assert (batch["id"], batch["kind"], batch["file_name"], batch["actor"], batch["new"]) == (done["batch"], "items", "items.csv", "li", 1)
    assert sent(http, "items", sheet)["batch"] is None


@pytest.mark.requirement("R29", "X8")
def test_columns_that_a_file_does_not_have_leave_what_is_known(http: Http) -> None:
    sent(http, "items", "编码,名称\nmilk,牛奶\n".encode("gb18030"))

    milk = http.get("catalog/items/milk").json()
    assert (milk["name"], milk["gtin"], milk["unit_weight_g"], milk["condition"]) == ("牛奶", MILK_GTIN, 250, "chilled")
    sent(http, "items", "code,name,unit_weight_g\nmilk,Milk,\n")
    assert http.get("catalog/items/milk").json()["unit_weight_g"] is None


@pytest.mark.requirement("X8", "X11")
def test_errors_name_row_and_column_in_both_languages(http: Http) -> None:
    bad = "code,name,gtin,condition,length_mm,hazard_class\nham,Ham,12,warm,,\n,Egg,,,,\nx,X,,,5,\ny,Y,,,,33\nx,X,,,,\nz,Z,00614141000012,,,\n"

    errors = sent(http, "items", bad)["errors"]

    told = {(each["row"], each["column"]): (each["code"], each["message_zh"]) for each in errors}
    assert told == {
        (2, "gtin"): ("value_error", "不是有效的商品条码（GTIN）：应为 8、12、13 或 14 位数字，且校验位正确"),
        (2, "condition"): ("literal_error", "不在允许的值之内：'ambient', 'chilled' or 'frozen'"),
        (3, "code"): ("missing", "缺少必填的值"),
        (4, ""): ("sizes_incomplete", "长、宽、高要么都填，要么都不填"),
        (5, "hazard_class"): ("hazard_unknown", "不是联合国危险品类别"),
        (7, "gtin"): ("gtin_taken", "条码 00614141000012 已属于商品 milk；一个条码只能对应一个商品"),
    }
    assert items(http).keys() == {"milk", "peas"}


@pytest.mark.requirement("X8")
def test_workbook_is_read_as_people_fill_it(http: Http) -> None:
    book = workbook([["编码", "条码", "名称", "储存条件", "称重商品"], ["ham", 614141000036, "火腿", "冷藏", "是"], [], ["7", "", 42, "", ""]])

    assert sent(http, "items", book)["new"] == 2
    ham = http.get("catalog/items/ham").json()
    assert (ham["gtin"], ham["condition"], ham["catch_weight"]) == ("00614141000036", "chilled", True)
    assert items(http)["7"] == "42"


@pytest.mark.requirement("X8")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "file is empty"),
        (b"PK\x03\x04nonsense", "workbook is damaged"),
        (b"\xd0\xcf\x11\xe0old", "save it as .xlsx"),
        (crafted('<worksheet><sheetData><row r="1"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'), "has a cell at XFD1048576"),
        (crafted("<worksheet/>", "<sst>" + "<si><t>" + "x" * 4000 + "</t></si></sst>"), "no Excel workbook"),
        (crafted('<c t="s"><v>0</v></c>' * 400_000, "<sst><si><t>" + "x" * 8000 + "</t></si></sst>"), "too long texts"),
        (crafted("<worksheet/>", fill=cells.UNPACKED_BYTES_MAX + 1), "unpacks to more than"),
    ],
    ids=["empty", "damaged", "old", "far-cell", "no-workbook", "long-texts", "bomb"],
)
def test_file_that_cannot_be_read_is_a_problem_that_says_why(http: Http, data: bytes, says: str) -> None:
    answer = sent(http, "items", data, 422)

    assert (answer["code"], says in answer["detail"]) == ("sheet_unreadable", True), answer["detail"]


def test_file_over_the_limit_is_refused_while_it_comes(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.sheets.api.SHEET_BYTES_MAX", 100)

    assert sent(http, "items", b"code,name\n" + b"a" * 200, 413)["code"] == "sheet_too_large"


def test_formula_in_a_name_stays_text_there_and_back(http: Http) -> None:
    http.put("catalog/items/evil", json={"name": "=cmd|' /C calc'!A0", "name_zh": "+1"})

    file = http.get("catalog/items?format=csv")
    assert "'=cmd" in file.text
    assert sent(http, "items", file.content)["changed"] == 0
    assert sent(http, "items", http.get("catalog/items?format=xlsx").content)["changed"] == 0


@pytest.mark.requirement("R29", "X8")
def test_import_is_taken_back_as_if_it_had_not_been(http: Http) -> None:
    before = http.get("catalog/items").json()
    batch = sent(http, "items", f"code,name,gtin\nmilk,Milch,\nham,Ham,{MILK_GTIN}\n")["batch"]

    first, again = undone(http, batch), undone(http, batch)

    assert http.get("catalog/items").json() == before
    assert http.get(f"catalog/named?code={MILK_GTIN}").json()["item"] == "milk"
    assert (first["undone_by"], again["undone_at"]) == ("li", first["undone_at"])


@pytest.mark.requirement("R29")
def test_import_that_something_built_upon_is_not_taken_back(http: Http) -> None:
    batch = sent(http, "items", "code,name\nmilk,Milch\nham,Ham\n")["batch"]
    http.put("catalog/items/milk", json={"name": "Lait"})

    assert undone(http, batch, 409)["code"] == "changed_since"
    assert items(http)["ham"] == "Ham"
    used = sent(http, "items", "code,name\nrye,Rye\n")["batch"]
    http.put("catalog/aliases/OLD", json={"item": "rye"})
    assert undone(http, used, 409)["code"] == "in_use"
    assert undone(http, "00000000-0000-4000-8000-000000000000", 404)["code"] == "unknown_import"


@pytest.mark.requirement("R29")
def test_counted_stock_is_opened_once_whatever_its_codes(http: Http, house: Warehouse) -> None:
    http.put("catalog/packagings/milk/case", json={"quantity": 12, "gtin": CASE_GTIN})
    sheet = STOCK + (
        f"{SITE},A-01,milk,2,case,L1,2026-12-01,,,,\n"
        f"{SITE},A-02,{CASE_GTIN},3,,L2,2026-12-09,inspect,,,\n"
        f"{SITE},B-01,{MILK_GTIN},5,,,,,,,\n"
        f"{SITE},cool-1,milk,48,,L1,,,shop,{UNIT},\n"
        f"{SITE},rack-1,peas,0,,,,,,,\n"
    )

    tried = sent(http, "stock", sheet, dry_run=True)
    assert (tried["errors"], tried["new"], tried["unchanged"], house.stock()) == ([], 4, 1, {})
    done = sent(http, "stock", sheet)

    assert done["written"]
    assert house.stock() == {"A-01 milk L1": (24, 0), "A-02 milk L2 inspect": (36, 0), "B-01 milk": (5, 0), "cool-1 milk L1": (48, 0)}
    assert [(row.sscc, row.place) for row in house.rows(handling_unit)] == [(UNIT, f"{SITE}/cool-1")]
    assert [row.kind for row in house.rows(event)] == ["StockOpened"]
    assert codes(sent(http, "stock", sheet))[0] == (2, "location", "place_opened")
    house.assert_sound()


@pytest.mark.requirement("R29")
def test_count_is_compared_with_the_books_and_not_added_to_them(http: Http, house: Warehouse) -> None:
    house.put("A-01", "milk", 10, "L1")
    sheet = STOCK + f"{SITE},A-01,milk,7,,L1,,,,,\n"

    assert sent(http, "stock", sheet)["changed"] == 1
    assert house.stock() == {"A-01 milk L1": (7, 0)}
    again = sent(http, "stock", sheet.replace(",7,", ",9,"), again=True)

    assert house.stock() == {"A-01 milk L1": (9, 0)}
    undone(http, again["batch"])
    assert house.stock() == {"A-01 milk L1": (7, 0)}
    house.assert_sound()


@pytest.mark.requirement("R29", "R18", "R19")
def test_every_error_of_a_count_is_told_and_nothing_posted(http: Http, house: Warehouse) -> None:
    http.put("catalog/items/drill", json={"name": "Drill", "tracking": "serial"})
    house.put("A-02", "milk", 1, "L1")
    http.put("catalog/lots/milk/L1", json={"expiry": "2026-12-01"})
    bad = STOCK + (
        f"{SITE},A-01,ghost,1,,,,,,,\n"
        f"{SITE},Z-99,milk,1,,,,,,,\n"
        f"{SITE},A-01,milk,1,barrel,,,,,,\n"
        f"{SITE},A-01,milk,1,,L1,2026-12-02,,,,\n"
        f"{SITE},A-01,milk,1,,,2026-12-02,,,,\n"
        f"{SITE},A-01,drill,2,,,,,,,S1\n"
        f"{SITE},A-01,milk,-1,,L7,,,,,\n"
        f"{SITE},A-01,milk,1,,L8,,lost,,,\n"
        f"{SITE},A-01,milk,1,,L8,,,nobody,,\n"
        f"{SITE},A-01,milk,1,,L9,,,,123,\n"
        f"{SITE},A-01,peas,1,,,,,,,S9\n"
        f"{SITE},B-01,peas,1,,,,,,,\n"
        f"{SITE},B-01,00614141000029,2,,,,,,,\n"
    )

    assert codes(sent(http, "stock", bad)) == [
        (2, "item", "unknown_item"),
        (3, "location", "unknown_location"),
        (4, "packaging", "unknown_packaging"),
        (5, "expiry", "lot_expiry_differs"),
        (6, "", "expiry_without_lot"),
        (7, "serials", "serials_differ"),
        (8, "quantity", "greater_than_equal"),
        (9, "status", "literal_error"),
        (10, "owner", "unknown_partner"),
        (11, "unit", "value_error"),
        (12, "serials", "serials_unwanted"),
        (14, "", "repeated"),
    ]
    assert house.stock() == {"A-02 milk L1": (1, 0)}
    assert house.rows(stock_opening) == []


@pytest.mark.requirement("R29", "R19")
def test_pieces_are_opened_with_their_serials_and_taken_back(http: Http, house: Warehouse) -> None:
    http.put("catalog/items/drill", json={"name": "Drill", "tracking": "serial"})
    batch = sent(http, "stock", STOCK + f'{SITE},rack-1,drill,3,,,,,,,"S1 S2,S3"\n')["batch"]

    assert [(row.serial, row.place, row.state) for row in house.rows(serial)] == [(f"S{n}", f"{SITE}/rack-1", "in_stock") for n in (1, 2, 3)]
    assert codes(sent(http, "stock", STOCK + f"{SITE},B-01,drill,1,,,,,,,S2\n")) == [(2, "serials", "serial_known")]
    house.assert_sound()
    undone(http, batch)
    assert (house.stock(), {row.state for row in house.rows(serial)}) == ({}, {"lost"})
    assert house.rows(stock_opening) == []
    house.assert_sound()


@pytest.mark.requirement("R29", "R18", "X1")
def test_opened_stock_is_taken_back_with_the_lots_and_units_that_it_made_known(http: Http, house: Warehouse) -> None:
    house.put("A-02", "milk", 1, "L2")
    house.put("A-02", "milk", 1, "L4", date(2026, 12, 5))
    rows = ("A-01,milk,2,,L1,2026-12-01,,,,", "A-02,milk,3,,L2,2026-12-09,,,,", "A-02,milk,3,,L4,2026-12-05,,,,", f"cool-1,milk,48,,L3,,,,{UNIT},")
    sheet = STOCK + "".join(f"{SITE},{row}\n" for row in rows)
    batch = sent(http, "stock", sheet)["batch"]

    undone(http, batch)

    assert house.stock() == {"A-02 milk L2": (1, 0), "A-02 milk L4": (1, 0)}
    assert [(row.lot, row.expiry) for row in house.rows(lot)] == [("L2", None), ("L4", date(2026, 12, 5))]
    assert {row.expiry for row in house.rows(balance)} == {NO_EXPIRY, date(2026, 12, 5)}
    assert (house.rows(handling_unit), house.rows(stock_opening)) == ([], [])
    house.assert_sound()
    again = sent(http, "stock", sheet)
    assert (again["written"], len(house.rows(lot)), len(house.rows(handling_unit))) == (True, 4, 1)
    house.assert_sound()


@pytest.mark.requirement("R29", "R18")
def test_lot_of_opened_stock_stays_when_something_else_names_it_by_now(http: Http, house: Warehouse) -> None:
    batch = sent(http, "stock", STOCK + f"{SITE},A-01,milk,2,,L1,2026-12-01,,,,\n{SITE},A-01,milk,2,,L2,2026-12-02,,,,\n")["batch"]
    house.put("A-02", "milk", 3, "L1")

    undone(http, batch)

    assert house.stock() == {"A-02 milk L1": (3, 0)}
    assert [(row.lot, row.expiry) for row in house.rows(lot)] == [("L1", date(2026, 12, 1))]
    house.assert_sound()


@pytest.mark.requirement("R29", "X1")
def test_opened_unit_that_was_used_is_not_taken_back(http: Http, house: Warehouse) -> None:
    batch = sent(http, "stock", STOCK + f"{SITE},cool-1,milk,48,,,,,,{UNIT},\n")["batch"]
    http.post(f"stock/units/{UNIT}/close", json={})

    assert undone(http, batch, 409)["code"] == "changed_since"
    assert house.stock() == {"cool-1 milk": (48, 0)}
    assert [row.sscc for row in house.rows(handling_unit)] == [UNIT]


@pytest.mark.requirement("R29")
def test_place_that_was_counted_anew_is_still_opened_after_that_is_taken_back(http: Http, house: Warehouse) -> None:
    sheet = STOCK + f"{SITE},A-01,milk,7,,,,,,,\n"
    first = sent(http, "stock", sheet)["batch"]
    second = sent(http, "stock", sheet.replace(",7,", ",9,"), again=True)["batch"]

    undone(http, second)

    assert [row.batch for row in house.rows(stock_opening)] == [first]
    assert codes(sent(http, "stock", sheet)) == [(2, "location", "place_opened")]
    undone(http, first)
    assert (house.stock(), house.rows(stock_opening)) == ({}, [])


@pytest.mark.requirement("R29", "X8")
def test_import_that_was_written_before_its_answer_was_lost_is_answered_the_same(http: Http, house: Warehouse) -> None:
    def send() -> Any:
        sheet = STOCK + f"{SITE},A-01,milk,7,,,,,,,\n"
        return http.post("imports/stock", content=sheet.encode(), headers={"Idempotency-Key": "count-7"}).json()

    first = send()
    # What the layer of answers kept is gone, as when the service ends between the commit and the answer.
    house.do(lambda c: c.execute(delete(request_answer)))

    assert send() == first
    assert (first["written"], house.stock()) == (True, {"A-01 milk": (7, 0)})


@pytest.mark.requirement("R29")
def test_opened_stock_that_was_used_is_not_taken_back(http: Http, house: Warehouse) -> None:
    batch = sent(http, "stock", STOCK + f"{SITE},A-01,milk,10,,L1,,,,,\n")["batch"]
    house.put("A-01", "milk", -4, "L1")

    assert undone(http, batch, 409)["code"] == "insufficient_stock"
    assert house.stock() == {"A-01 milk L1": (6, 0)}
    assert http.get(f"imports/batches/{batch}").json()["undone_at"] is None


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.requirement("X8")
def test_tens_of_thousands_of_items_come_in_and_are_taken_back(http: Http, house: Warehouse) -> None:
    # On PostgreSQL fewer: what takes long there is the test's own server with a client in the same process.
    number = 50_000 if house.engine.dialect.name == "sqlite" else 10_000
    lines = "".join(f"i{n:05d},Item {n},商品{n},{100 + n % 900},{n // 50:04d}\n" for n in range(number))

    done = sent(http, "items", "code,name,name_zh,unit_weight_g,category\n" + lines)

    assert (done["new"], done["written"], done["errors"]) == (number, True, [])
    assert undone(http, done["batch"])["undone_by"] == "li"
    assert items(http).keys() == {"milk", "peas"}


@pytest.mark.requirement("X8")
def test_every_list_of_the_api_comes_as_a_file(http: Http, house: Warehouse) -> None:
    house.put("A-01", "milk", 10, "L1")
    paths = http.get("openapi.json").json()["paths"]
    parameters = {path: item["get"].get("parameters", []) for path, item in paths.items() if "get" in item}
    lists = [
        path for path, those in parameters.items() if {"after", "format"} <= {each["name"] for each in those} and not any(each["required"] for each in those)
    ]

    answers = {(path, form): http.get(path.removeprefix("/api/v1/"), params={"format": form, "lang": "zh"}) for path in lists for form in ("csv", "xlsx")}

    failed = {(path, form): answer.text for (path, form), answer in answers.items() if form not in answer.headers.get("content-disposition", "")}
    assert failed == {}
    assert len(lists) > 30
    assert {"/api/v1/ledger/balances", "/api/v1/orders", "/api/v1/work-orders", "/api/v1/catalog/items"} <= set(lists)


@pytest.mark.requirement("X8")
def test_file_of_a_list_has_all_its_pages_and_filters(http: Http, house: Warehouse) -> None:
    for n in range(3):
        house.put("A-01", "milk", 10 + n, f"L{n}")
    house.put("B-01", "peas", 5)

    file = http.get("ledger/balances?format=csv&item=milk&limit=1").text.splitlines()
    chinese = http.get("ledger/balances?format=csv", headers={"Accept-Language": "zh-CN"}).text

    assert file[0].lstrip("\ufeff").split(",")[:3] == ["place", "item", "lot"]
    assert sorted(line.split(",")[2] for line in file[1:]) == ["L0", "L1", "L2"]
    assert "批号" in chinese.splitlines()[0]
    assert http.get("ledger/balances?format=pdf").json()["code"] == "unknown_format"
    assert http.get("ledger/entries?format=csv").status_code == 422
    assert len(http.get("ledger/entries?format=csv&item=milk").text.splitlines()) > 3

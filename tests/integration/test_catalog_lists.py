# SPDX-License-Identifier: Apache-2.0
"""The lists of the catalog over HTTP, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select

from central.app import create_app
from central.catalog import rules, service
from central.catalog.service import Goods, Weighing
from central.catalog.tables import barcode, location
from central.database import in_transaction, load_tables, reading
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger.tables import balance
from central.settings import Settings
from tests.integration.test_areas_api import Http
from tests.integration.warehouse import MILK_GTIN, SITE, Warehouse

pytestmark = pytest.mark.slow

CASE_GTIN = "10614141000019"
CASE = {"item": "milk", "code": "case", "quantity": 12, "gtin": CASE_GTIN}
ROWS: dict[str, dict[str, Any]] = {
    "partners": {"code": "bee", "name": "Bees", "kind": "supplier", "address": {"city": "上海市"}},
    "items": {"code": "honey", "name": "Honey", "name_zh": "蜂蜜"},
    "packagings": CASE,
    "aliases": {"code": "OLD-1", "item": "milk"},
    "substitutes": {"item": "milk", "substitute": "peas"},
    "kits": {"kit": "milk", "component": "peas", "quantity": 2},
    "lots": {"item": "milk", "lot": "L9", "expiry": "2026-12-24"},
    "reasons": {"code": "dropped", "kind": "damage", "name": "Dropped"},
    "sites": {"code": "s9", "name": "Nine", "time_zone": "Asia/Shanghai", "cutoff": "16:30"},
    "aisles": {"site": SITE, "code": "A", "x_m": 1.0, "y_from_m": 0.0, "y_to_m": 20.0},
    "cross-aisles": {"site": SITE, "code": "front", "y_m": 0.0},
    "zones": {"site": SITE, "id": "C"},
    "locations": {"site": SITE, "code": "C-01", "kind": "bin"},
    "levels": {"site": SITE, "location": "A-01", "item": "milk", "minimum": 1, "maximum": 2},
    "partner-items": {"partner": "shop", "item": "milk", "min_remaining_days": 5},
}


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


@pytest.fixture
def http(engine: Engine, house: Warehouse) -> Http:
    return Http(create_app(Settings(database=engine.url.render_as_string(hide_password=False)), lambda: house.now, engine))


def put(http: Http, kind: str, *rows: dict[str, Any], status: int = 200) -> Any:
    answer = http.put(f"catalog/{kind}", json=list(rows))
    assert answer.status_code == status, answer.text
    return answer.json()


def one(kind: str) -> str:
    row = ROWS[kind]
    path = "/".join(str(row[name]) for name in rules.KINDS[kind].KEY if name != "location")
    return f"catalog/{kind}/{path}" + (f"?location={row['location']}" if kind == "levels" else "")


@pytest.mark.requirement("X9")
@pytest.mark.parametrize("kind", rules.KINDS)
def test_row_is_kept_read_changed_as_seen_and_deleted(http: Http, kind: str) -> None:
    made = http.put(one(kind), json=ROWS[kind], headers={"If-None-Match": "*"})
    again = http.put(one(kind), json=ROWS[kind], headers={"If-None-Match": "*"})
    seen = http.get(one(kind))

    assert (made.status_code, again.status_code, again.json()["code"]) == (200, 412, "precondition_failed")
    assert seen.json() == made.json()
    assert seen.json().items() >= {name: value for name, value in ROWS[kind].items() if name != "address"}.items()
    assert made.headers["ETag"] == seen.headers["ETag"]
    assert http.get(one(kind), headers={"If-None-Match": seen.headers["ETag"]}).status_code == 304
    assert seen.json() in http.get(f"catalog/{kind}").json()["items"]
    assert http.put(one(kind), json=seen.json(), headers={"If-Match": seen.headers["ETag"]}).status_code == 200
    assert http.put(f"catalog/{kind}", json=[seen.json()]).json() == {"kept": 1, "new": 0, "changed": 0, "unchanged": 1}
    assert http.request("DELETE", one(kind), headers={"If-Match": '"other"'}).status_code == 412
    assert http.request("DELETE", one(kind), headers={"If-Match": seen.headers["ETag"]}).status_code == 204
    assert http.get(one(kind)).json()["code"] == "unknown_row"
    assert http.request("DELETE", one(kind)).status_code == 404


@pytest.mark.parametrize("kind", rules.KINDS)
def test_list_comes_as_a_file_that_can_be_imported_again(http: Http, kind: str) -> None:
    http.put(one(kind), json=ROWS[kind])

    for form in ("csv", "xlsx"):
        for language in ("en", "zh"):
            file = http.get(f"catalog/{kind}?format={form}&lang={language}")
            back = http.post(f"imports/{kind}", content=file.content).json()

            assert file.headers["content-disposition"] == f'attachment; filename="{kind}.{form}"'
            assert (back["errors"], back["new"], back["changed"]) == ([], 0, 0)
            assert back["unchanged"] >= 1


@pytest.mark.requirement("X8")
@pytest.mark.parametrize("kind", [*rules.KINDS, "stock"])
def test_template_of_every_list_is_an_empty_list_with_headings_and_an_example(http: Http, kind: str) -> None:
    for form in ("csv", "xlsx"):
        file = http.get(f"imports/{kind}/template?format={form}&lang=zh")
        back = http.post(f"imports/{kind}", content=file.content)

        assert (file.status_code, back.status_code) == (200, 200)
        assert (back.json()["rows"], back.json()["errors"]) == (0, [])
    assert "编码" in http.get("imports/items/template?format=csv", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).text
    assert "# milk" in http.get("imports/items/template?format=csv").text


def test_list_goes_on_where_the_page_before_ended(http: Http) -> None:
    put(http, "items", *({"code": f"i{n:02d}", "name": f"Item {n}"} for n in range(7)))
    codes, after = [], None
    while True:
        page = http.get("catalog/items?limit=2&q=item" + (f"&after={after}" if after else "")).json()
        codes += [row["code"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert codes == [f"i{n:02d}" for n in range(7)]
    assert http.get("catalog/items?after=nonsense").json()["code"] == "bad_cursor"


@pytest.mark.requirement("X11")
def test_item_is_found_by_what_a_person_types(http: Http) -> None:
    put(http, "items", {"code": "milk-zh", "name": "Pure milk", "name_zh": "蒙牛纯牛奶"})
    put(http, "aliases", {"code": "OLD-77", "item": "peas"})

    answers = {typed: http.get("catalog/items", params={"q": typed}).json() for typed in ("cnn", "牛奶", "PURE", "old-77", "0029")}
    found = {typed: [row["code"] for row in answer["items"]] for typed, answer in answers.items()}

    assert found == {"cnn": ["milk-zh"], "牛奶": ["milk-zh"], "PURE": ["milk-zh"], "old-77": ["peas"], "0029": ["peas"]}
    assert http.get("catalog/items", params={"q": "100%"}).json()["items"] == []


def test_body_and_path_must_name_the_same_row(http: Http) -> None:
    assert http.put("catalog/items/honey", json={"code": "wax", "name": "W"}).json()["code"] == "key_differs"
    refused = http.put("catalog/items/honey", json={"name": "H", "hazard_class": "x"}).json()

    assert refused["errors"][0]["at"] == "body/hazard_class"
    assert http.put("catalog/items/@vendor", json={"name": "H"}).json()["errors"][0]["at"] == "path/code"


@pytest.mark.requirement("R28")
def test_code_names_one_thing_whoever_says_it(http: Http) -> None:
    put(http, "packagings", CASE)
    put(http, "aliases", {"code": "OLD-1", "item": "peas"})

    refused = [
        put(http, "items", {"code": "honey", "name": "H", "gtin": MILK_GTIN}, status=409),
        put(http, "items", {"code": "honey", "name": "H", "gtin": CASE_GTIN}, status=409),
        put(http, "items", {"code": MILK_GTIN[2:], "name": "H"}, status=409),
        put(http, "items", {"code": "OLD-1", "name": "H"}, status=409),
        put(http, "aliases", {"code": "milk", "item": "peas"}, status=409),
        put(http, "aliases", {"code": CASE_GTIN, "item": "milk", "quantity": 12}, status=409),
        put(http, "packagings", CASE | {"item": "peas"}, status=409),
        put(http, "packagings", {"item": "milk", "code": "pallet", "quantity": 48, "gtin": CASE_GTIN}, status=409),
        put(http, "items", {"code": "a", "name": "A"}, {"code": "b", "name": "B", "gtin": "12345670"}, {"code": "12345670", "name": "C"}, status=409),
    ]

    assert [each["code"] for each in refused] == ["gtin_taken", *["code_taken"] * 8]
    assert "names 12 of item milk already (packaging) and cannot name item honey" in refused[1]["detail"]


@pytest.mark.requirement("R28")
def test_gtins_change_hands_within_one_request(http: Http) -> None:
    put(http, "items", {"code": "milk", "name": "Milk", "gtin": "00614141000029"}, {"code": "peas", "name": "Peas", "gtin": MILK_GTIN})

    assert http.get(f"catalog/named?code={MILK_GTIN}").json()["item"] == "peas"
    put(http, "items", {"code": "peas", "name": "Peas"})
    assert http.get(f"catalog/named?code={MILK_GTIN}").status_code == 404
    put(http, "items", {"code": "12345670", "name": "Tea", "gtin": "12345670"})
    assert http.get("catalog/named?code=00000012345670").json() == {"code": "00000012345670", "item": "12345670", "quantity": 1, "kind": "item"}


@pytest.mark.requirement("R28", "X1")
def test_every_code_of_an_item_names_it_with_its_quantity(http: Http) -> None:
    put(http, "packagings", CASE)
    put(http, "aliases", {"code": "SIX", "item": "milk", "quantity": 6})

    named = {code: http.get("catalog/named", params={"code": code}).json() for code in ("milk", MILK_GTIN[2:], CASE_GTIN, "SIX", f"(01){CASE_GTIN}(10)L1")}

    assert [(each["item"], each["quantity"], each["kind"]) for each in named.values()] == [
        ("milk", 1, "item"),
        ("milk", 1, "gtin"),
        ("milk", 12, "packaging"),
        ("milk", 6, "alias"),
        ("milk", 12, "packaging"),
    ]


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("code", ["gtin", "alias"])
def test_of_two_who_give_a_code_at_once_one_gets_it(engine: Engine, house: Warehouse, code: str) -> None:
    start = threading.Barrier(8)

    def give(n: int) -> str:
        item = rules.Item(code=f"new-{n}", name="New", gtin="00012345670121" if code == "gtin" else None)
        rows: list[rules.Row] = [item] if code == "gtin" else [rules.Alias(code="SHARED", item="milk" if n % 2 else "peas")]
        start.wait()
        try:
            in_transaction(engine, lambda c: service.keep(c, rows))
        except ConflictError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(give, range(8)))

    with reading(engine) as connection:
        holders = connection.execute(select(barcode.c.item).where(barcode.c.code.in_(("00012345670121", "SHARED")))).scalars().all()
    assert len(holders) == 1
    if code == "gtin":
        assert (answers.count("kept"), answers.count("gtin_taken")) == (1, 7)


@pytest.mark.requirement("X3")
def test_two_who_write_at_once_make_no_kit_that_contains_itself(engine: Engine, house: Warehouse) -> None:
    in_transaction(engine, lambda c: service.keep(c, [rules.Item(code=f"k{n}", name="Kit") for n in range(6)]))
    start = threading.Barrier(6)

    def build(n: int) -> str:
        start.wait()
        try:
            in_transaction(engine, lambda c: service.keep(c, [rules.Component(kit=f"k{n}", component=f"k{(n + 1) % 6}", quantity=1)]))
        except DomainError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(build, range(6)))

    assert answers == [*["kept"] * 5, "kit_cycle"]


@pytest.mark.requirement("X1", "X3")
def test_parts_that_do_not_fit_together_are_refused(http: Http) -> None:
    put(http, "packagings", CASE)
    put(http, "kits", {"kit": "milk", "component": "peas", "quantity": 1})

    refused = [
        put(http, "packagings", {"item": "milk", "code": "pallet", "quantity": 50}, status=422),
        put(http, "packagings", {"item": "milk", "code": "box", "quantity": 12}, status=422),
        put(http, "kits", {"kit": "peas", "component": "milk", "quantity": 1}, status=422),
        put(http, "aisles", {"site": SITE, "code": "A", "x_m": 1, "y_from_m": 0, "y_to_m": 10}),
        put(http, "locations", {"site": SITE, "code": "Q", "kind": "bin", "aisle": "Z", "x_m": 1, "y_m": 1}, status=404),
        put(http, "locations", {"site": SITE, "code": "Q", "kind": "bin", "aisle": "A", "x_m": 1, "y_m": 11}, status=422),
        put(http, "locations", {"site": SITE, "code": "Q", "kind": "bin", "aisle": "A", "x_m": 1, "y_m": 9}),
        put(http, "aisles", {"site": SITE, "code": "A", "x_m": 1, "y_from_m": 0, "y_to_m": 8}, status=422),
        put(http, "partner-items", {"partner": "nobody", "item": "ghost", "min_remaining_days": 1}, status=404),
    ]

    codes = ["packagings_disagree", "packagings_disagree", "kit_cycle", None, "unknown_aisle", "outside_aisle", None, "outside_aisle", "unknown_item"]
    assert [each.get("code") for each in refused] == codes


@pytest.mark.requirement("R28")
def test_what_is_named_elsewhere_is_not_deleted(http: Http, house: Warehouse) -> None:
    house.put("A-01", "milk", 5, "L1")
    put(http, "aliases", {"code": "OLD", "item": "honey"}, status=404)
    put(http, "items", {"code": "honey", "name": "Honey"})
    put(http, "aliases", {"code": "OLD", "item": "honey"})

    paths = ("items/milk", "items/honey", f"locations/{SITE}/A-01", "lots/milk/L1", f"zones/{SITE}/A")
    answers = {path: http.request("DELETE", f"catalog/{path}") for path in paths}

    assert {path: (answer.status_code, answer.json()["code"]) for path, answer in answers.items()} == dict.fromkeys(paths, (409, "in_use"))
    assert "is also called OLD (alias)" in answers["items/honey"].json()["detail"]
    assert "is named in " in answers[f"locations/{SITE}/A-01"].json()["detail"]


@pytest.mark.requirement("X2", "X3", "R18", "R28")
def test_other_areas_read_the_catalog_by_its_service(http: Http, engine: Engine) -> None:
    put(http, "packagings", CASE, {"item": "milk", "code": "pallet", "quantity": 480})
    put(http, "items", {"code": "milk", "name": "Milk", "gtin": MILK_GTIN, "removal": "lifo", "unit_weight_g": 250, "condition": "chilled"})
    put(http, "partners", {"code": "shop", "name": "Shop", "kind": "customer", "min_remaining_days": 3})
    put(http, "partner-items", {"partner": "shop", "item": "milk", "min_remaining_days": 9})
    put(http, "items", {"code": "oat", "name": "Oat"}, {"code": "set", "name": "Set"})
    put(http, "substitutes", {"item": "milk", "substitute": "peas", "priority": 2}, {"item": "milk", "substitute": "oat", "priority": 1})
    put(http, "kits", {"kit": "set", "component": "milk", "quantity": 2}, {"kit": "set", "component": "peas", "quantity": 1})
    put(http, "reasons", {"code": "dropped", "kind": "damage", "name": "Dropped"})
    put(http, "sites", {"code": "s2", "kind": "store", "time_zone": "Asia/Shanghai"})

    with reading(engine) as c:
        assert {item: [(each.code, each.quantity) for each in packed] for item, packed in service.packagings_of(c, ["milk", "oat"]).items()} == {
            "milk": [("pallet", 480), ("case", 12)],
            "oat": [],
        }
        assert service.removal_of(c, ["milk", "peas", "ghost"]) == {"milk": "lifo", "peas": "fefo"}
        assert service.min_remaining_days(c, "shop", ["milk", "peas"]) == {"milk": 9, "peas": 3}
        assert service.min_remaining_days(c, "nobody", ["milk"]) == {"milk": 0}
        assert service.substitutes_of(c, "milk") == ["oat", "peas"]
        assert service.components_of(c, "set") == [("milk", 2), ("peas", 1)]
        assert service.reason_of(c, "dropped", "damage").name == "Dropped"
        for code, kind in (("dropped", "loss"), ("ghost", "damage")):
            with pytest.raises(DomainError) as refused:
                service.reason_of(c, code, kind)  # type: ignore[arg-type]
            assert refused.value.code == "unknown_reason"
        assert (service.site_of(c, "s2").kind, service.site_of(c, SITE).time_zone) == ("store", "UTC")
        assert [each.code for each in service.sites(c)] == [SITE, "s2"]
        assert service.item_by_gtin(c, CASE_GTIN).code == "milk"
        assert service.held_lot(c, "milk", "L1") is False
        with pytest.raises(NotFoundError, match="item ghost is not in the catalog"):
            service.resolve(c, "ghost")


@pytest.mark.requirement("R16", "R30")
def test_place_is_asked_whether_it_takes_goods(http: Http, engine: Engine) -> None:
    put(http, "items", {"code": "acid", "name": "Acid", "hazard_class": "8"}, {"code": "bleach", "name": "Bleach", "hazard_class": "5.1"})
    put(http, "packagings", {"item": "acid", "code": "case", "quantity": 3, "weight_g": 1000})
    put(http, "locations", {"site": SITE, "code": "H-01", "kind": "storage", "hazard_classes": "8,5.1", "capacity_g": 999})

    with reading(engine) as c:

        def told(*coming: Goods, present: tuple[Goods, ...] = (), place: str = "H-01") -> list[str]:
            return [each.code for each in service.check_place_takes(c, f"{SITE}/{place}", coming, present)]

        assert told(Goods("acid", 2)) == []
        assert told(Goods("acid", 3)) == ["place_weight"]
        assert told(Goods("acid", 1), present=(Goods("bleach", 1),)) == ["weight_unknown", "hazard_apart"]
        assert told(Goods("acid", 1), place="rack-1") == ["hazard_not_allowed"]
        assert told(Goods("milk", 1), place="rack-1") == ["place_condition"]
        with pytest.raises(NotFoundError):
            told(Goods("ghost", 1))


@pytest.mark.requirement("X1")
def test_weight_of_catch_weight_goods_says_how_it_is_known(http: Http, house: Warehouse, engine: Engine) -> None:
    put(http, "items", {"code": "salmon", "name": "Salmon", "catch_weight": True, "unit_weight_g": 4000})

    def asked(quantity: int, lot: str = "L1", unit: str = "") -> tuple[int, str]:
        answer = http.get("catalog/weights", params={"item": "salmon", "quantity": quantity, "lot": lot, "unit": unit}).json()
        return answer["weight_g"], answer["basis"]

    assert asked(3) == (12000, "nominal")
    body = {"item": "salmon", "lot": "L1", "unit": "P1", "quantity": 3, "weight_g": 12401}
    assert http.post("catalog/weights", json=body, headers={"Idempotency-Key": "w1"}).json() == {"kept": True}
    house.later(5)
    in_transaction(engine, lambda c: service.record_weight(c, "7f1f8f8a-0000-4000-8000-000000000001", Weighing("salmon", 5, 19999, "L1"), house.now))
    assert asked(3, unit="P1") == (12401, "weighed")
    assert asked(2, unit="P1") == (8267, "average_of_unit")
    assert asked(8) == (32400, "average_of_lot")
    assert asked(1, "L2") == (4000, "nominal")
    house.later(5)
    http.post("catalog/weights", json=body | {"weight_g": 12300, "quantity": 3}, headers={"Idempotency-Key": "w2"})
    assert asked(3, unit="P1") == (12300, "weighed")
    assert http.post("catalog/weights", json=body | {"item": "milk"}).json()["code"] == "not_catch_weight"
    with pytest.raises(ConflictError):
        in_transaction(engine, lambda c: service.record_weight(c, "7f1f8f8a-0000-4000-8000-000000000001", Weighing("salmon", 6, 19999, "L1"), house.now))


@pytest.mark.requirement("R16")
def test_ranks_from_coordinates_reach_the_stock_that_lies_there(http: Http, house: Warehouse) -> None:
    put(http, "aisles", *({"site": SITE, "code": code, "x_m": x, "y_from_m": 0, "y_to_m": 10} for code, x in (("1", 2), ("2", 6))))
    spots = (("A-01", "2", 5, 1), ("A-02", "1", 1, 9), ("B-01", "2", 5, 8))
    put(http, "locations", *({"site": SITE, "code": code, "kind": "bin", "aisle": aisle, "x_m": x, "y_m": y} for code, aisle, x, y in spots))
    put(http, "locations", {"site": SITE, "code": "go", "kind": "start", "x_m": 0, "y_m": 0})
    house.put("A-01", "milk", 1, "L1")

    tried = http.post(f"catalog/sites/{SITE}/ranks", json={"dry_run": True}).json()
    before = {row.code: row.pick_rank for row in house.rows(location)}
    done = http.post(f"catalog/sites/{SITE}/ranks", json={}).json()

    assert tried == done == {"order": ["A-02", "B-01", "A-01"], "changed": 3, "unplaced": ["cool-1", "rack-1"]}
    assert before["A-01"] == 0
    assert [row.pick_rank for row in house.rows(balance)] == [30]
    assert [each["code"] for each in http.get(f"catalog/sites/{SITE}/layout").json()["aisles"]] == ["1", "2"]
    assert http.post(f"catalog/sites/{SITE}/ranks", json={}).json()["changed"] == 0


@pytest.mark.requirement("R28")
def test_look_alikes_are_reported_for_a_person_to_judge(http: Http) -> None:
    put(http, "items", {"code": "MILK-", "name": "milk!"})

    assert http.get("catalog/duplicates").json() == {"items": [{"one": "MILK-", "other": "milk", "alike": ["code", "name"]}], "next": None}


def test_tables_of_the_catalog_name_no_table_of_a_later_area() -> None:
    tables = load_tables()

    assert {key.column.table.name for name in ("item", "lot", "packaging", "barcode", "location") for key in tables.tables[name].foreign_keys} == {"item"}

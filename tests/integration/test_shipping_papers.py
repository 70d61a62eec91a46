# SPDX-License-Identifier: Apache-2.0
"""Labels and papers over HTTP: what is stored is what is printed; a label printer on a real socket takes them."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from sqlalchemy import Engine, update

from central.catalog.tables import item as catalog_item
from central.shipping import printing
from tests.integration.test_areas_api import Http, sent
from tests.integration.test_shipping_packages import desk, house, http, package_with, picked_order  # noqa: F401  # fixtures
from tests.integration.warehouse import SITE, Warehouse
from tests.integration.zpl_printer import draw, printer
from tests.unit.test_shipping_labels import read

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R53", "R46")]


@pytest.fixture
def sscc(engine: Engine, http: Http, house: Warehouse) -> str:  # noqa: F811
    house.do(lambda c: c.execute(update(catalog_item).where(catalog_item.c.code == "milk").values(name_zh="牛奶")))
    order_id = picked_order(http, house, ("milk", 4))
    return package_with(http, order_id, {"item": "milk", "lot": "L1", "quantity": 4})


def test_label_of_a_package_is_printed_on_the_sites_printer(http: Http, sscc: str) -> None:  # noqa: F811
    with printer() as (address, jobs):
        http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141", "printer": address, "dpi": 300})
        answer = sent(http, f"packages/{sscc}/print", {"language": "zh"})

    assert answer == {"printer": address, "bytes": len(jobs[0]), "job": ""}
    made = draw(jobs[0].decode())
    assert read(made.image).keys() == {f"(00){sscc}", "(02)00614141000012(17)261201", "(37)4(10)L1"}
    assert made.image.size == (1181, 1772)


def test_printer_that_is_off_is_told(http: Http, sscc: str) -> None:  # noqa: F811
    assert sent(http, f"packages/{sscc}/print", {}, 409)["code"] == "no_printer"
    problem = sent(http, f"packages/{sscc}/print", {"printer": "127.0.0.1:1"}, 409)
    assert problem["code"] == "printer_unreachable"
    assert "127.0.0.1:1" in problem["detail"]


def test_printer_that_talks_without_end_keeps_nobody() -> None:
    def talk(server: socket.socket) -> None:
        line, _ = server.accept()
        with line, contextlib.suppress(OSError):
            while True:
                line.sendall(b"status " * 1000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        talking = threading.Thread(target=talk, args=(server,), name="talking printer")
        talking.start()
        sent_bytes = printing.send(f"127.0.0.1:{server.getsockname()[1]}", b"^XA^XZ")
        talking.join()

    assert sent_bytes == 6


def test_label_is_given_in_every_format(http: Http, sscc: str) -> None:  # noqa: F811
    starts = {"zpl": b"^XA", "pdf": b"%PDF-", "png": b"\x89PNG", "svg": b"<svg"}
    for form, start in starts.items():
        answer = http.get(f"packages/{sscc}/label?format={form}&language=zh")
        assert (answer.status_code, answer.content[: len(start)]) == (200, start), answer.text
    assert draw(http.get(f"packages/{sscc}/content-label").text).texts[2] == "4 × Milk"
    assert http.get("packages/006141410000000999/label").status_code == 404
    assert draw(http.get("items/milk/label?format=zpl&lot=L1&copies=2").text).copies == 2
    assert draw(http.get(f"packages/{sscc}/label?format=zpl&dpi=600").text).image.width == 2362
    assert http.get("items/milk/label?lot=L1&language=zh").content.startswith(b"%PDF-")
    assert http.get("items/ghost/label").status_code == 404


@pytest.mark.parametrize("paper", ["packing_list", "pick_list", "outbound_document", "delivery_note"])
def test_papers_of_an_order_are_made_in_both_languages(http: Http, house: Warehouse, sscc: str, paper: str) -> None:  # noqa: F811
    order_id = http.get(f"packages/{sscc}").json()["order_id"]

    for language in ("en", "zh"):
        answer = http.get(f"orders/{order_id}/papers/{paper}?language={language}")
        assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-"), answer.text
    assert http.get(f"orders/{order_id}/papers/poem").status_code == 422


def test_papers_say_what_was_picked_and_packed(http: Http, house: Warehouse, sscc: str) -> None:  # noqa: F811
    from central.database import reading
    from central.outbound.service import order_by_id
    from central.shipping import papers

    with reading(house.engine) as connection:
        order = order_by_id(connection, http.get(f"packages/{sscc}").json()["order_id"])
        parts = {name: make(connection, order, "zh")[0] for name, make in papers._PARTS.items()}

    assert parts["packing_list"][0]["rows"] == [["1", "milk", "牛奶", "L1", "2026-12-01", "4"]]
    assert sscc in parts["packing_list"][0]["title"]
    assert [row[1:] for row in parts["pick_list"][0]["rows"]] == [["A-01", "milk", "牛奶", "L1", "-", "4", "4"]]
    assert parts["delivery_note"][0]["rows"] == [["1", "milk", "牛奶", "L1", "C62", "4", "4"]]


@pytest.mark.requirement("R52")
def test_packing_advice_names_what_must_be_measured_then_advises(http: Http, house: Warehouse) -> None:  # noqa: F811
    order_id = picked_order(http, house, ("milk", 4), ("peas", 2))

    assert http.get(f"orders/{order_id}/packing-advice").json()["missing"] == {
        "milk": ["length_mm", "width_mm", "height_mm"],
        "peas": ["length_mm", "width_mm", "height_mm"],
    }
    house.do(lambda c: c.execute(update(catalog_item).values(length_mm=70, width_mm=70, height_mm=190, handling="upright, fragile")))
    advice = http.get(f"orders/{order_id}/packing-advice?transit_h=48").json()

    assert advice["possible"]
    assert [(each["group"], each["carton"], each["contents"]) for each in advice["cartons"]] == [
        ("ambient", "M", {"peas": 2}),
        ("chilled", "M", {"milk": 4}),
    ]
    assert [each["kind"] for each in advice["cartons"][1]["materials"]] == ["filler", "cushion", "insulation", "gel_pack"]

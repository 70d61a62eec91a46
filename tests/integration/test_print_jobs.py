# SPDX-License-Identifier: Apache-2.0
"""Labels that a gateway prints: asked for once, followed to their end, and given to a person where nobody knows."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from central.app import create_app
from central.exceptions.tables import work_order
from central.fleet.tables import command
from central.settings import Settings
from central.shipping.courier import work_once
from contracts import wire
from contracts.commands import PrintLabel
from contracts.events import CommandAnswered, DeviceConditionChanged, DeviceLinkChanged, LabelPrinted
from tests.integration.fleet_yard import FleetYard
from tests.integration.test_areas_api import Http, sent
from tests.integration.test_floor_pages import Browser
from tests.integration.zpl_printer import draw, printer
from tests.unit.test_shipping_labels import read

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R53", "E11")]

PRINTER = "gate-1/labels-1"
LABEL = {"printer": PRINTER, "data": "^XA^FO20,20^A0N,40,40^FDA-01^FS^XZ", "title": "A-01", "actor": "li"}


class Yard(FleetYard):
    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, None)  # type: ignore[arg-type]  # no configuration is pushed here
        self.born("gate-1")

    def printed(self, job: str, outcome: Any, labels: int | None = 1, reason: str = "") -> None:
        said: dict[str, Any] = {"command_id": job, "device": "printer-1", "outcome": outcome, "labels": labels, "reason": reason}
        self.happen(LabelPrinted(event_time=self.now, station="labels-1", **said))

    def answered(self, job: str, outcome: Any, reason: str = "") -> None:
        self.happen(CommandAnswered(event_time=self.now, station="labels-1", command_id=job, outcome=outcome, reason=reason))

    def condition(self, condition: str, *, active: bool, device: str = "printer-1", **said: Any) -> None:
        known: dict[str, Any] = {
            "event_time": self.now,
            "device": device,
            "condition": condition,
            "active": active,
            "reason": "put in a roll" if active else "",
        }
        self.happen(DeviceConditionChanged(**(known | said)))

    def open_orders(self) -> list[tuple[str, str]]:
        with self.engine.connect() as connection:
            return [(row.kind, row.message) for row in connection.execute(select(work_order).where(work_order.c.state == "open"))]

    def asked_of_gateways(self) -> list[PrintLabel]:
        with self.engine.connect() as connection:
            bodies = connection.execute(select(command.c.body).where(command.c.kind == "PrintLabel").order_by(command.c.made_at, command.c.id)).scalars()
            return [wire.decode_command(body) for body in bodies]  # type: ignore[misc]


@pytest.fixture
def yard(engine: Engine) -> Yard:
    return Yard(engine)


@pytest.fixture
def http(yard: Yard) -> Http:
    return Http.of(yard)


def test_job_goes_to_the_gateway_once_and_is_followed_to_its_end(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202, Idempotency_Key="one")
    same = sent(http, "print-jobs", LABEL, 202, Idempotency_Key="one")

    yard.answered(job["id"], "done")
    yard.printed(job["id"], "printed", 1)
    yard.printed(job["id"], "failed", 0, "told late and not for the first time")

    assert (job["state"], same["id"]) == ("sent", job["id"])
    (asked,) = yard.asked_of_gateways()
    assert (asked.command_id, asked.station, asked.data, asked.title) == (job["id"], "labels-1", LABEL["data"], "A-01")
    shown = http.get(f"print-jobs/{job['id']}").json()
    assert (shown["state"], shown["labels"], shown["device"]) == ("printed", 1, "printer-1")
    assert yard.open_orders() == []


@pytest.mark.parametrize(("outcome", "kind"), [("failed", "label_not_printed"), ("unknown", "label_doubtful")])
def test_job_that_may_not_be_printed_is_given_to_a_person_and_printed_again_when_they_say_so(yard: Yard, http: Http, outcome: str, kind: str) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]
    sent(http, f"print-jobs/{job}/again", {}, 409)
    yard.printed(job, outcome, None, "the link was lost")

    asked = yard.open_orders()
    again = sent(http, f"print-jobs/{job}/again", {"actor": "li"}, 202)

    assert [each for each, _ in asked] == [kind]
    assert "A-01" in asked[0][1]
    assert (again["again_of"], again["title"], again["state"]) == (job, "A-01", "sent")
    assert len(yard.asked_of_gateways()) == 2
    assert yard.open_orders() == []
    assert [each["id"] for each in http.get(f"print-jobs?state={outcome}").json()["items"]] == [job]


def test_person_who_looked_says_so_at_one_touch(yard: Yard, http: Http) -> None:
    doubtful, failed = (sent(http, "print-jobs", LABEL | {"title": title}, 202)["id"] for title in ("one", "two"))
    yard.printed(doubtful, "unknown", None, "the link was lost")
    yard.printed(failed, "failed", 0, "cancelled")
    asked = {each["kind"]: each for each in http.get("work-orders?state=open").json()["items"]}

    sent(http, f"work-orders/{asked['label_doubtful']['id']}/actions/was_printed", {"actor": "li"})
    sent(http, f"work-orders/{asked['label_not_printed']['id']}/actions/print_again", {"actor": "li"})

    assert http.get(f"print-jobs/{doubtful}").json()["state"] == "printed"
    assert sorted(each.title for each in yard.asked_of_gateways()) == ["one", "two", "two"]
    assert yard.open_orders() == []


def test_job_that_its_gateway_refuses_is_not_printed_and_says_why(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]

    yard.answered(job, "refused", "this gateway has no station 'labels-1'")

    shown = http.get(f"print-jobs/{job}").json()
    assert (shown["state"], shown["reason"]) == ("failed", "this gateway has no station 'labels-1'")
    assert [kind for kind, _ in yard.open_orders()] == ["label_not_printed"]


def test_job_whose_gateway_does_not_answer_is_given_to_a_person_until_the_gateway_tells(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]
    yard.later(2 * 3600)
    yard.answer("PrintLabel", "unanswered")
    shown = http.get(f"print-jobs/{job}").json()["state"]

    with httpx.Client() as client:
        work_once(yard.engine, client, lambda: yard.now)
        work_once(yard.engine, client, lambda: yard.now)
    given_up = http.get(f"print-jobs/{job}").json()["state"]
    asked = yard.open_orders()
    yard.printed(job, "printed", 1)

    assert (shown, given_up) == ("unanswered", "unknown")
    assert [kind for kind, _ in asked] == ["label_doubtful"]
    assert http.get(f"print-jobs/{job}").json()["state"] == "printed"
    assert yard.open_orders() == []


def test_job_of_which_its_gateway_says_no_more_is_given_to_a_person_after_a_shift(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]
    yard.answer("PrintLabel")
    yard.answered(job, "done")

    with httpx.Client() as client:
        yard.later(7 * 3600)
        work_once(yard.engine, client, lambda: yard.now)
        early = http.get(f"print-jobs/{job}").json()["state"]
        yard.later(3600)
        work_once(yard.engine, client, lambda: yard.now)
    given_up = http.get(f"print-jobs/{job}").json()
    asked = yard.open_orders()
    yard.printed(job, "failed", 0, "cancelled")

    assert (early, given_up["state"]) == ("sent", "unknown")
    assert "eight hours" in given_up["reason"]
    assert [kind for kind, _ in asked] == ["label_doubtful"]
    assert [kind for kind, _ in yard.open_orders()] == ["label_not_printed"]


def test_job_is_printed_again_once_although_two_people_press(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]
    yard.printed(job, "failed", 0, "cancelled")

    first = sent(http, f"print-jobs/{job}/again", {"actor": "li"}, 202, Idempotency_Key="press")
    same = sent(http, f"print-jobs/{job}/again", {"actor": "li"}, 202, Idempotency_Key="press")
    refused = sent(http, f"print-jobs/{job}/again", {"actor": "wang"}, 409)
    yard.printed(first["id"], "printed")
    sent(http, f"print-jobs/{job}/again", {"actor": "wang"}, 202)

    assert same["id"] == first["id"]
    assert refused["code"] == "job_comes_again"
    assert len(yard.asked_of_gateways()) == 3


def test_page_shows_what_became_of_labels_and_prints_one_again(yard: Yard, http: Http) -> None:
    for title, outcome, reason in (("A-01", "failed", "cancelled"), ("<b>B</b>", "unknown", ""), ("C-01", "printed", "")):
        job = sent(http, "print-jobs", LABEL | {"title": title, "copies": 2}, 202)["id"]
        yard.later(1)
        yard.printed(job, outcome, None, reason)
    waiting = sent(http, "print-jobs", LABEL | {"title": "D-01"}, 202)["id"]
    browser = Browser(create_app(Settings(database=str(yard.engine.url), warm_up=False), clock=lambda: yard.now, engine=yard.engine))

    _, failed = browser.visit("/labels?shown=failed")
    (button,) = re.findall(r'action="(/labels/[^"]+)"', failed)
    status, after = browser.visit(button, {})
    again = browser.visit(button, {})[1]

    assert "A-01" in failed
    assert "not printed: cancelled" in failed
    assert "C-01" not in failed
    assert "somebody had it printed again" not in failed
    assert after.count("somebody had it printed again") == 1
    assert status == 200
    assert "&lt;b&gt;B&lt;/b&gt;" in after
    assert after.count("What the printer waits for") == 2
    assert "is being printed again already" in again
    assert [asked.title for asked in yard.asked_of_gateways()].count("A-01") == 2
    assert f'action="/labels/{waiting}' not in after


def test_page_says_that_there_are_no_labels_and_that_a_job_is_not_known(yard: Yard) -> None:
    browser = Browser(create_app(Settings(database=str(yard.engine.url), warm_up=False), clock=lambda: yard.now, engine=yard.engine))

    assert "No labels." in browser.visit("/labels")[1]
    assert "is not known" in browser.visit("/labels/print:ghost/again", {})[1]


def test_nobody_is_asked_about_a_job_that_was_printed_again_meanwhile(yard: Yard, http: Http) -> None:
    job = sent(http, "print-jobs", LABEL, 202)["id"]
    yard.later(2 * 3600)
    yard.answer("PrintLabel", "unanswered")
    with httpx.Client() as client:
        work_once(yard.engine, client, lambda: yard.now)
    sent(http, f"print-jobs/{job}/again", {"actor": "li"}, 202)

    yard.printed(job, "failed", 0, "it was too late")

    assert yard.open_orders() == []


def test_printer_that_is_no_label_point_and_gateway_that_is_not_there_are_told(http: Http) -> None:
    assert sent(http, "print-jobs", LABEL | {"printer": "printer-1:9100"}, 422)["code"] == "not_a_label_point"
    assert sent(http, "print-jobs", LABEL | {"printer": "ghost/labels-1"}, 404)["code"] == "unknown_gateway"
    assert http.get("print-jobs/print:ghost").status_code == 404


def test_labels_of_an_aisle_are_printed_by_a_gateway_and_read_back(yard: Yard, http: Http) -> None:
    http.put("shipping/sites", json={"site": "s1", "company_prefix": "0614141", "printer": PRINTER})
    done = sent(http, "location-labels/print", {"site": "s1", "codes": ["A-02", "A-01"], "language": "en"})

    (asked,) = yard.asked_of_gateways()
    labels = [f"^XA{part}" for part in asked.data.split("^XA")[1:]]
    assert done == {"printer": PRINTER, "bytes": len(asked.data.encode()), "job": asked.command_id}
    assert [read(draw(each).image) for each in labels] == [{"A-02": "]C0"}, {"A-01": "]C0"}]
    assert asked.title == "A-02 ... A-01 (2)"


def test_labels_of_locations_go_straight_to_a_printer_and_come_as_paper(http: Http) -> None:
    with printer() as (address, jobs):
        done = sent(http, "location-labels/print", {"site": "s1", "codes": ["A-01"], "printer": address})
    assert done == {"printer": address, "bytes": len(jobs[0]), "job": ""}
    assert http.get("location-labels?site=s1&code=A-01&format=png").content[:4] == b"\x89PNG"
    assert http.get("location-labels?site=s1&language=zh").content[:5] == b"%PDF-"
    assert http.get("location-labels?site=s1&code=A-01&code=A-02&format=png").status_code == 422
    assert http.get("location-labels?site=s1&code=ghost").json()["code"] == "unknown_location"
    assert http.get("location-labels?site=nowhere").status_code == 404


def test_condition_of_a_device_is_shown_until_it_ends(yard: Yard, http: Http) -> None:
    yard.link("printer-1", "connected")
    yard.condition("paper_out", active=True)
    yard.condition("paper_low", active=True)
    shown = {each["device"]: each["conditions"] for each in http.get("devices").json()["items"]}
    yard.condition("paper_out", active=False)
    after = {each["device"]: each["conditions"] for each in http.get("devices").json()["items"]}

    assert [each["condition"] for each in shown["printer-1"]] == ["paper_low", "paper_out"]
    assert shown["printer-1"][1]["reason"] == "put in a roll"
    assert [each["condition"] for each in after["printer-1"]] == ["paper_low"]


def test_condition_is_forgotten_when_its_device_is_back_unless_it_is_told_again(yard: Yard, http: Http) -> None:
    yard.link("printer-1", "connected")
    since = yard.now
    yard.condition("paper_out", active=True)
    yard.condition("head_open", active=True)
    yard.later(60)
    yard.happen(DeviceLinkChanged(event_time=yard.now, device="printer-1", state="connected"))
    yard.condition("head_open", active=True, event_time=since)
    yard.condition("paper_out", active=True, event_time=since, historical=True, device="printer-2")

    (shown,) = (each for each in http.get("devices").json()["items"] if each["device"] == "printer-1")

    assert [each["condition"] for each in shown["conditions"]] == ["head_open"]

# SPDX-License-Identifier: Apache-2.0
"""The pages of the fleet, as a browser without a script uses them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from sqlalchemy import Engine, delete

from central.fleet.authority import Authority, make_authority
from central.fleet.tables import configuration, gateway
from central.settings import Settings
from contracts import signatures
from contracts.commands import SwapDevice
from tests.integration.applications import app_over
from tests.integration.fleet_yard import ANOTHER, DEVICES, FleetYard, document
from tests.integration.test_floor_pages import Browser, text
from tests.integration.warehouse import NOW, ON_SQLITE, SITE

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E14", "E16")]

PATH = "/gateways/gate-1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority") / "files", "Test", NOW)


@pytest.fixture
def yard(engine: Engine, authority: Authority) -> FleetYard:
    return FleetYard(engine, authority)


@pytest.fixture
def browser(yard: FleetYard) -> Browser:
    return Browser(app_over(yard.engine, lambda: yard.now, Settings("sqlite:///unused.db", authority=yard.authority)))


def part(page: str, start: str) -> str:
    """The text of the list item with that id, up to the next one at its level."""
    found = re.search(rf'<li class="[a-z_ ]+" id="{start}">(.*?)(?=<li class="[a-z_ ]+" id=|</section>)', page, re.DOTALL)
    assert found is not None, start
    return text(found[1])


def test_list_says_what_wants_a_person_first_and_is_calm_about_the_rest(yard: FleetYard, browser: Browser) -> None:
    yard.fill_fleet()

    status, page = browser.visit("/gateways")

    assert status == 200
    assert re.findall(r'id="gateway-(gate-\d)"', page) == ["gate-2", "gate-1", "gate-3", "gate-4"]
    assert "2 gateways want somebody to look" in text(page)
    assert re.search(r"away · since .*? \( 30 min \) It does not answer", part(page, "gateway-gate-2"))
    one = part(page, "gateway-gate-1")
    assert "It refused configuration 2; version 1 stays in force." in one
    assert "device[2].port: unknown key prt; there are: driver, host, id, port station[0].scanner" in one
    assert "scanner-2: another one answers at its place, serial 37-11-22 instead of 37-10-05." in one
    assert "scale-1: given up, tried only now and then." in one
    assert "Its certificate ends in 10 days" in one
    assert part(page, "gateway-gate-3").startswith("gate-3 all well devices: 1 /1 events waiting: 0")


@ON_SQLITE
def test_calm_fleet_and_an_empty_one_say_so(yard: FleetYard, browser: Browser) -> None:
    yard.do(lambda c: c.execute(delete(gateway)))
    assert "No gateway has reported yet" in browser.visit("/gateways")[1]
    yard.well()
    yard.later(1)

    page = browser.visit("/gateways")[1]

    assert "All gateways do their work" in page
    assert 'class="finding' not in page
    assert "Nothing about it wants a person." in browser.visit(PATH)[1]
    assert browser.visit("/gateways?site=nowhere")[0] == 404
    assert browser.visit(f"/gateways?site={SITE}")[0] == 200
    assert browser.visit("/gateways/nobody")[0] == 404


def test_gateway_shows_its_devices_lists_configurations_gaps_and_certificates(yard: FleetYard, browser: Browser) -> None:
    yard.fill_fleet()

    page = browser.visit(PATH)[1]

    assert "works since" in part(page, "device-scanner-1")
    assert "driver scanner_serial serial expected 37-10-04" in part(page, "device-scanner-1")
    assert "serial expected 37-10-05 serial found 37-11-22 Take over serial 37-11-22" in part(page, "device-scanner-2")
    assert "given up since" in part(page, "device-scale-1")
    said = text(page)
    assert re.search(r"Scan point 1 has the newest list what is picked works by the list of [\d-]* ?\d\d:\d\d:\d\d", said)
    assert re.search(r"version 2 refused .*? by Zhang third scanner device\[2\].port", said)
    assert "movements of goods 1191–1204 · its card was replaced, lost or wiped" in said
    assert "…3c2a7be1 · by a code" in said
    yard.died("gate-1")
    yard.later(1)
    gone = text(browser.visit(PATH)[1])
    assert gone.count("not known while the gateway is away") == len(DEVICES)


def test_hardware_that_answers_is_taken_over_with_one_press_however_often_it_is_pressed(yard: FleetYard, browser: Browser) -> None:
    yard.well()
    yard.link("scanner-2", "lost", ANOTHER)
    form = {"serial": "37-11-22", "after": ""}

    for _ in range(2):
        status, page = browser.visit(f"{PATH}/devices/scanner-2/swap", form)

    assert status == 200
    assert "The gateway was asked." in page
    (asked,) = yard.commands("SwapDevice")
    assert isinstance(asked, SwapDevice)
    assert (asked.device, asked.serial, asked.actor) == ("scanner-2", "37-11-22", "board")
    assert "asked; the gateway has not answered yet" in part(page, "device-scanner-2")
    assert "Take over" not in page
    yard.answer("SwapDevice", "refused", "the device does not answer")
    yard.later(1)
    page = browser.visit(PATH)[1]
    assert "the gateway did not do it: the device does not answer" in part(page, "device-scanner-2")
    (after,) = re.findall(r'name="after" value="([^"]+)"', page)
    browser.visit(f"{PATH}/devices/scanner-2/swap", form | {"after": after})
    assert len(yard.commands("SwapDevice")) == 2


@ON_SQLITE
def test_serial_number_is_typed_and_nonsense_is_refused_where_it_was_typed(yard: FleetYard, browser: Browser) -> None:
    yard.well()

    assert "Until now: serial 37-10-05." in browser.visit(f"{PATH}/devices/scanner-2/swap")[1]
    status, page = browser.visit(f"{PATH}/devices/scanner-2/swap", {"serial": "9" * 200, "host": "", "after": ""})
    assert status == 422
    assert "a serial number has at most 128 visible characters" in page
    assert "9" * 200 in page
    assert browser.visit(f"{PATH}/devices/scanner-2/swap", {"serial": "1", "host": "two words", "after": ""})[0] == 422
    assert browser.visit(f"{PATH}/devices/nothing/swap")[0] == 404
    assert browser.visit(f"{PATH}/devices/nothing/swap", {"serial": "1"})[0] == 404
    assert browser.visit("/gateways/nobody/devices/scanner-2/swap")[0] == 404
    assert yard.commands("SwapDevice") == []


def test_configuration_is_typed_signed_sent_and_sent_again(yard: FleetYard, browser: Browser) -> None:
    first = yard.well()
    browser.visit("/name", {"name": "Zhang"})
    assert "serial_number = &#34;37-10-05&#34;" in browser.visit(f"{PATH}/configuration")[1]
    typed = document("gate-1", *DEVICES[:2])

    status, page = browser.visit(f"{PATH}/configuration", {"document": typed.replace("\n", "\r\n"), "note": "no scale any more"})

    assert status == 200
    assert "It was sent." in page
    sent = yard.rows(configuration)[-1]
    assert (sent.document, sent.actor, sent.note, sent.state) == (typed, "Zhang", "no scale any more", "sent")
    payload = signatures.configuration_payload("gate-1", SITE, sent.version, typed)
    signatures.verify(yard.authority.signing_public, "configuration", payload, sent.signature)
    changes = browser.visit(f"{PATH}/configurations/{sent.version}")[1]
    assert "−" in text(changes)
    assert "id = &#34;scale-1&#34;" in changes
    assert "already; nothing was sent" in browser.visit(f"{PATH}/configuration", {"document": typed})[1]

    yard.became(sent.version, "returned", first, "scanner-1 is away: no answer; there is no way to central any more")
    yard.later(1)
    page = browser.visit(PATH)[1]
    assert "Configuration 2 did not work there, so it went back to version 1 by itself." in text(page)
    assert "<li>scanner-1 is away: no answer</li><li>there is no way to central any more</li>" in page
    assert "What the gateway had against version 2:" in browser.visit(f"{PATH}/configuration?version=2")[1]
    yard.became(yard.push(typed + "\n"), "applied", 3)

    browser.visit(f"{PATH}/configurations/{first}/again", {})

    again = yard.rows(configuration)[-1]
    assert (again.version, again.again_of, again.document, again.actor) == (4, first, yard.rows(configuration)[0].document, "Zhang")


@ON_SQLITE
@pytest.mark.parametrize(("typed", "said"), [("[gateway", "it is not TOML"), ('[gateway]\nid = "gate-9"\n', "this gateway&#39;s is &#39;gate-1&#39;")])
def test_text_that_cannot_be_a_configuration_stays_and_says_why(yard: FleetYard, browser: Browser, typed: str, said: str) -> None:
    yard.well()

    status, page = browser.visit(f"{PATH}/configuration", {"document": typed, "note": "why not"})

    assert status == 422
    assert said in page
    assert typed.splitlines()[0] in page
    assert 'value="why not"' in page
    assert len(yard.rows(configuration)) == 1


@ON_SQLITE
def test_configuration_comes_as_a_file_too(yard: FleetYard) -> None:
    yard.well()
    app = app_over(yard.engine, lambda: yard.now, Settings("sqlite:///unused.db", authority=yard.authority))

    async def send(content: bytes) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
            files = {"file": ("gate-1.toml", content, "application/octet-stream")}
            return await client.post(f"{PATH}/configuration", data={"document": "ignored"}, files=files, headers=headers)

    assert asyncio.run(send(b"\xef\xbb\xbf" + document("gate-1").encode())).status_code == 303
    assert yard.rows(configuration)[-1].document == document("gate-1")
    answer = asyncio.run(send(b"\xff\xfe\x00"))
    assert answer.status_code == 422
    assert "the file is not UTF-8 text" in answer.text


@ON_SQLITE
def test_central_without_an_authority_says_so_and_other_sites_press_nothing(yard: FleetYard) -> None:
    yard.well()
    bare = Browser(app_over(yard.engine, lambda: yard.now, Settings("sqlite:///unused.db")))

    status, page = bare.visit(f"{PATH}/configuration", {"document": document("gate-1")})

    assert status == 422
    assert "signs nothing" in page or "authority" in page

    async def from_elsewhere() -> int:
        transport = httpx.ASGITransport(app_over(yard.engine, lambda: yard.now, Settings("sqlite:///unused.db")))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            paths = ("configuration", "configurations/1/again", "devices/scanner-1/swap")
            answers = [await client.post(f"{PATH}/{path}", headers={"Origin": "http://evil.example"}) for path in paths]
            return min(answer.status_code for answer in answers)

    assert asyncio.run(from_elsewhere()) == 403


@ON_SQLITE
def test_revoked_gateway_is_calm_and_takes_nothing(yard: FleetYard, browser: Browser) -> None:
    yard.well()
    yard.set("gate-1", revoked_at=yard.now, online=False)
    yard.later(1)

    page = browser.visit(PATH)[1]

    assert "All trust in it was taken back" in page
    assert "Change the configuration" not in page
    assert browser.visit(f"{PATH}/configuration", {"document": document("gate-1")})[0] == 422

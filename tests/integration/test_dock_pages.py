# SPDX-License-Identifier: Apache-2.0
"""The pages of dock doors, as a browser without a script uses them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, update

from central.database import reading
from central.fleet.tables import gateway
from central.web.docks import DockTile, tiles
from tests.integration.applications import app_over
from tests.integration.dock_yard import Yard, capture_of_a_walk, pallet_code
from tests.integration.test_floor_pages import Browser, text
from tests.integration.warehouse import ON_SQLITE, SITE

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R31", "E4")]


@pytest.fixture
def yard(engine: Engine) -> Iterator[Yard]:
    yard = Yard(engine)
    yield yard
    yard.assert_sound()


@pytest.fixture
def browser(yard: Yard) -> Browser:
    return Browser(app_over(yard.engine, lambda: yard.now))


def doors(yard: Yard, site: str = SITE) -> dict[str, DockTile]:
    with reading(yard.engine) as connection:
        return {tile.station: tile for tile in tiles(connection, site, yard.now)}


def tile_of(page: str, station: str) -> str:
    found = re.search(rf'<li class="dock [a-z]+" id="dock-{SITE}-{station}">.*?</li>', page, re.DOTALL)
    assert found is not None
    return text(found[0])


def test_every_door_says_what_it_does_what_came_and_what_waits(yard: Yard, browser: Browser) -> None:
    passes = yard.fill_doors()

    status, page = browser.visit("/docks")

    assert status == 200
    assert tile_of(page, "door-1").startswith("Dock door 1 receiving 3 /6 pallets received Dairy · A·88123 · ASN-1182")
    assert f"in …{pallet_code(3)[-6:]} received 12/12 sure" in tile_of(page, "door-1")
    assert tile_of(page, "door-2").startswith("Dock door 2 waits for a person 15 /24 packages loaded B·20517 · sf · L-88")
    assert "out …005000 wrong vehicle" in tile_of(page, "door-2")
    assert tile_of(page, "door-3").startswith("Dock door 3 waits for a person (2) 1 /3 pallets received Dairy · ASN-1183")
    assert "not sure" in tile_of(page, "door-3")
    assert tile_of(page, "door-4").startswith("Dock door 4 reader away nothing planned")
    assert tile_of(page, "door-5").startswith("Dock door 5 closed next: C·31002 at")
    assert tile_of(page, "door-6").startswith("Dock door 6 free 0 /12 pallets received Dairy · ASN-1190")
    assert "gate-1: down are reader-6" in text(page)
    assert [station for station, tile in doors(yard).items() if tile.troubled] == ["door-2", "door-3", "door-4"]
    assert f'href="/passes/{passes["in"]}"' in page
    linked = re.findall(r'href="/exceptions#(case-\d+)"', page)
    assert len(linked) == 3
    exceptions = browser.visit("/exceptions")[1]
    assert all(f'id="{case}"' in exceptions for case in linked)
    assert f'href="/passes/{passes["unknown"]}">What the antennas saw' in exceptions


@ON_SQLITE
def test_door_is_free_again_after_a_while_and_its_trouble_ends_with_the_answer(yard: Yard) -> None:
    yard.links()
    serials = yard.announce("ASN-1", "", [1])[0]
    yard.walk("door-9", 1, serials, capture=False)
    work = doors(yard)["door-9"].receiving
    assert work is not None
    assert doors(yard)["door-9"].state == "receiving"
    assert (work.number, work.done, work.planned) == ("ASN-1", 1, 1)

    yard.later(16 * 60)
    assert doors(yard)["door-9"].state == "free"

    yard.do(lambda c: c.execute(update(gateway).values(online=False)))
    assert doors(yard)["door-9"].state == "away"


def test_doors_are_ordered_by_number_and_chosen_by_site(yard: Yard, browser: Browser) -> None:
    for station in ("door-10", "door-2", "gate-north", "door-1"):
        yard.timetable(station, "receiving")

    assert list(doors(yard)) == ["door-1", "door-2", "door-10", "gate-north"]
    assert {tile.state for tile in doors(yard).values()} == {"away"}
    assert list(doors(yard, "s2")) == []
    assert browser.visit("/docks?site=s2")[0] == 404
    assert browser.visit(f"/docks?site={SITE}&tv=1")[0] == 200


def test_pass_is_explained_with_its_reads_its_tags_and_what_it_led_to(yard: Yard, browser: Browser) -> None:
    passes = yard.fill_doors()

    page = browser.visit(f"/passes/{passes['in']}")[1]

    said = text(page)
    assert "Moved in, 98 % sure. 12 of 12 tags were read on the yard side first and inside afterwards. The photo-eyes agree." in said
    assert "Stood beside and left out: 2." in said
    assert "received: 12 of 12 cases · ship notice ASN-1182 · stands at s1/cool-1" in said
    assert re.search(r"goods in the middle of the door, at (2\.[6-9]|3\.[0-3]) s", said)
    assert "dockline door replay READS.csv --side inner=1,2 --side outer=3,4 --eye EYES.csv" in said
    assert page.count('<g class="trace outer">') == page.count('<g class="trace inner">') == 2
    assert "all 14 moved 12 stayed 2 doubtful 0" in said
    assert "Milk" in said

    missing = text(browser.visit(f"/passes/{passes['missing']}")[1])
    assert "with differences: 10 of 12 cases" in missing
    assert "8 × milk · lot L1 · open" in missing
    unknown = text(browser.visit(f"/passes/{passes['unknown']}")[1])
    assert "Not sure which way it went: the antennas do not agree. 6 tags were read on the yard side first, 0 inside first, 6 in no clear order." in unknown
    assert "not received" in unknown


@ON_SQLITE
def test_chosen_tag_shows_its_own_reads_and_filters_show_their_tags(yard: Yard, browser: Browser) -> None:
    passes = yard.fill_doors()
    stayed = browser.visit(f"/passes/{passes['in']}?show=stayed")[1]
    rows = re.findall(r'<tr class="(stayed|moved_in)', stayed)
    assert rows == ["stayed", "stayed"]

    link = re.search(rf'href="(/passes/{passes["in"]}\?show=stayed&amp;tag=[^"#]+)', stayed)
    assert link is not None
    chosen = browser.visit(link[1].replace("&amp;", "&"))[1]
    counted = [int(each) for each in re.findall(r"antenna \d, [a-z ]+: (\d+) reads", chosen)]

    assert "stayed chosen" in chosen
    assert sum(counted) == 60


@ON_SQLITE
def test_pass_without_its_reads_and_reads_without_their_pass_are_shown(yard: Yard, browser: Browser) -> None:
    passes = yard.fill_doors()
    away = text(browser.visit(f"/passes/{passes['away']}")[1])
    assert "Moved out, 98 % sure. 1 of 1 tags were read inside first" in away
    assert "The reads of this pass are not here" in away

    yard.happen(capture_of_a_walk("alone", "door-1", yard.now, [900, 901]))
    alone = text(browser.visit("/passes/alone")[1])
    assert "Moved in, 98 % sure. 2 of 2 tags were read on the yard side first and inside afterwards. The photo-eyes agree." in alone
    assert "the movement itself has not come yet" in alone

    assert browser.visit("/passes/nobody")[0] == 404


@ON_SQLITE
def test_pass_of_a_gateway_that_names_none_has_a_page_too(yard: Yard, browser: Browser) -> None:
    yard.links()
    yard.walk("door-1", 999, [950], capture=False, pass_id="")

    link = re.search(r'href="(/passes/[^"]+)"', browser.visit("/docks/door-1")[1])

    assert link is not None
    assert "no ship notice names it" in text(browser.visit(link[1])[1])


def test_passes_of_a_door_are_paged_and_filtered(yard: Yard, browser: Browser) -> None:
    yard.links()
    for n in range(55):
        yard.later(10)
        yard.walk("door-7", None, [n + 1], direction="unknown" if n % 11 == 0 else "out", capture=False, biz_step="shipping")

    newest = browser.visit("/docks/door-7")[1]
    assert newest.count('class="pass-line') == 50
    older = re.search(r'href="([^"]+)">Older', newest)
    assert older is not None
    assert browser.visit(older[1].replace("&amp;", "&"))[1].count('class="pass-line') == 5
    assert browser.visit("/docks/door-7?direction=unknown")[1].count('class="pass-line') == 5
    assert browser.visit("/docks/door-7?doubtful=1")[1].count('class="pass-line') == 5
    assert "No pass fits this." in text(browser.visit("/docks/door-7?direction=in")[1])
    assert browser.visit("/docks/door-77")[0] == 404


@ON_SQLITE
def test_page_of_a_pass_with_twenty_thousand_reads_is_small(yard: Yard, browser: Browser) -> None:
    yard.happen(capture_of_a_walk("many", "door-1", yard.now, range(1, 201), reads_per_tag=110))

    page = browser.visit("/passes/many")[1]
    steps = json.loads(browser.visit("/passes/many/steps")[1])["steps"]

    assert sum(int(each) for each in re.findall(r"antenna \d, [a-z ]+: (\d+) reads", page)) > 15_000
    assert len(re.findall(r"<svg.*?</svg>", page, re.DOTALL)) < 700
    drawn = re.search(r'<svg class="reads".*?</svg>', page, re.DOTALL)
    assert drawn is not None
    assert len(drawn[0]) < 30_000
    assert 1000 < len(steps) <= 2 * 6000
    assert steps == sorted(steps, key=lambda step: step[0])


@ON_SQLITE
def test_words_of_a_gateway_are_text_and_nothing_else(yard: Yard, browser: Browser) -> None:
    evil = '<script>alert("x")</script>'
    capture = capture_of_a_walk("evil", "door-1", yard.now, [1], direction="unknown")
    yard.happen(replace(capture, reason=evil, edge_eyes=[evil] * 4))
    yard.timetable("door-1", "receiving", vehicle=evil)
    yard.announce("ASN-1", "door-1", [1])

    for path in ("/passes/evil", "/docks", "/docks/door-1"):
        status, page = browser.visit(path)
        assert status == 200
        assert evil not in page

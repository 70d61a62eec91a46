# SPDX-License-Identifier: Apache-2.0
"""Dock doors that receive by themselves: repeated and doubtful passes, two doors, wrong doors, late notices, weak tags. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from central.catalog import rules as catalog
from central.exceptions import service as exceptions
from central.exceptions.tables import work_order
from central.inbound import habits, service
from central.inbound.documents import ShipNotice
from central.inbound.tables import discrepancy, passage, receipt, ship_notice, tag_statistic
from central.ledger.tables import balance, handling_unit
from contracts.events import ItemScanned, PalletPassed, PassEvidence
from contracts.identifiers import check_digit, sgtin_uri
from contracts.readings import Identifiers
from tests.integration.warehouse import MILK_GTIN, NOW, ON_SQLITE, PALLET, PALLET_URI, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "R31", "E4")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """With two receiving doors that have a place of their own."""
    house = Warehouse(engine)
    house.keep(*(catalog.Location(site=SITE, code=f"door-{n}", kind="dock") for n in (1, 2)))
    yield house
    house.assert_sound()


def sscc(number: int) -> str:
    payload = f"0061414{number:010d}"
    return payload + str(check_digit(payload))


def uri_of(code: str) -> str:
    return f"urn:epc:id:sscc:{code[1:8]}.{code[0]}{code[8:17]}"


def announce(house: Warehouse, number: str = "ASN-1", *, pallet: str = PALLET, serials: Sequence[str] = ("1", "2", "3", "4"), **changes: Any) -> None:
    lines = [{"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-24", "quantity": 12 * max(len(serials), 1), "serials": list(serials)}]
    document = {"number": number, "site": SITE, "supplier": "dairy", "pallets": [{"sscc": pallet, "lines": lines}]} | changes
    notice = ShipNotice.model_validate(document)
    house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, number), notice, house.now))


def passed(
    serials: Sequence[str] = ("1", "2", "3", "4"),
    *,
    door: str = "door-1",
    dbm: float | None = None,
    doubtful: Sequence[str] = (),
    weak: dict[str, float] | None = None,
    **changes: Any,
) -> PalletPassed:
    tags = [sgtin_uri(MILK_GTIN, serial, 7) for serial in serials]
    strengths = {} if dbm is None else dict.fromkeys((PALLET_URI, *tags), dbm)
    strengths |= {sgtin_uri(MILK_GTIN, serial, 7): strength for serial, strength in (weak or {}).items()}
    fields: dict[str, Any] = {"event_time": NOW, "station": door, "read_point": door, "direction": "in", "confidence": 0.99, "parent_id": PALLET_URI}
    fields |= {"child_epcs": tags, "doubtful_epcs": [sgtin_uri(MILK_GTIN, serial, 7) for serial in doubtful], "strengths_dbm": strengths}
    return PalletPassed(**(fields | changes))


def press(house: Warehouse, kind: str, action: str) -> str:
    (order,) = (row for row in house.rows(work_order) if row.kind == kind and row.state == "open")
    house.do(lambda c: exceptions.act(c, house.fact(), order.id, action, house.now))
    (done,) = (row for row in house.rows(work_order) if row.id == order.id)
    return str(done.resolution)


def standing(house: Warehouse) -> dict[str, int]:
    """How much of all goods stands where."""
    found: dict[str, int] = {}
    for row in house.rows(balance):
        if row.on_hand:
            found[row.place.partition("/")[2]] = found.get(row.place.partition("/")[2], 0) + row.on_hand
    return found


def outcomes(house: Warehouse) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in house.rows(passage):
        found.setdefault(row.station, []).append(row.outcome)
    return {door: sorted(each) for door, each in found.items()}


def test_pallet_stands_at_the_door_where_it_came_in(house: Warehouse) -> None:
    announce(house)

    house.happen(passed())

    assert house.stock() == {"door-1 milk L1": (48, 0)}
    assert [(row.place, row.station) for row in house.rows(receipt)] == [("s1/door-1", "door-1")]
    assert house.asked() == []


@pytest.mark.requirement("E12")
def test_same_pass_changes_nothing_when_it_is_told_again(house: Warehouse) -> None:
    announce(house)
    announce(house, "ASN-2", pallet=sscc(2), serials=["9"])
    house.happen(passed(["1", "2", "3"], pass_id="7b0c2f8e-30a4-5a0b-9f0e-6f1d0c7a4b52"))

    house.happen(passed(["1", "2", "3", "4"], pass_id="7b0c2f8e-30a4-5a0b-9f0e-6f1d0c7a4b52"))
    house.happen(passed(["9"], parent_id=uri_of(sscc(2)), pass_id="7b0c2f8e-30a4-5a0b-9f0e-6f1d0c7a4b52"))

    assert house.stock() == {"door-1 milk L1": (36, 0)}
    assert outcomes(house) == {"door-1": ["differences", "repeated", "repeated"]}
    assert house.asked() == ["pallet_cases_missing"]


def test_received_pallet_stands_at_the_other_door_when_it_comes_in_there_later(house: Warehouse) -> None:
    announce(house)
    house.happen(passed())
    house.later(3600)

    house.happen(passed(door="door-2", event_time=house.now))

    assert standing(house) == {"door-2": 48}
    assert outcomes(house) == {"door-1": ["received"], "door-2": ["moved"]}


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "kind", "action", "stock"),
    [
        ({"direction": "unknown", "evidence": PassEvidence(reason="eyes and antennas disagree")}, "pallet_direction_unknown", "receive_as_seen", 36),
        ({"checked": "unexpected", "work_version": 7}, "pallet_not_expected", "receive_as_seen", 36),
        ({"checked": "unexpected", "work_version": 7}, "pallet_not_expected", "not_received", 0),
        ({"parent_id": None}, "pallet_label_unread", "receive_as_seen", 36),
    ],
)
def test_nothing_is_received_on_a_doubtful_pass_without_a_person(house: Warehouse, changes: dict[str, Any], kind: str, action: str, stock: int) -> None:
    announce(house)

    house.happen(passed(["1", "2", "3"], pass_id="pass-1", **changes))

    assert (house.stock(), house.asked()) == ({}, [kind])
    (row,) = house.rows(discrepancy)
    assert (row.evidence["pass_id"], row.evidence["confidence"], row.evidence["station"]) == ("pass-1", 0.99, "door-1")
    press(house, kind, action)
    assert sum(standing(house).values()) == stock
    assert house.asked() == (["pallet_cases_missing"] if stock else [])
    assert [each.state for each in house.rows(discrepancy) if each.kind == kind] == ["accepted"]


def test_pallets_read_together_are_received_as_seen_each_with_its_own_cases(house: Warehouse) -> None:
    announce(house)
    announce(house, "ASN-2", pallet=sscc(2), serials=["11", "12"])
    house.happen(passed(["1", "2", "3", "4", "11", "12"], parent_id=None, other_parents=[PALLET_URI, uri_of(sscc(2))]))
    assert (house.stock(), house.asked()) == ({}, ["pallet_labels_many"])

    press(house, "pallet_labels_many", "receive_as_seen")

    assert {row.unit: row.on_hand for row in house.rows(balance)} == {PALLET: 48, sscc(2): 24}
    assert house.asked() == []


@ON_SQLITE
@pytest.mark.parametrize(("action", "stock"), [("book_found", 48), ("accept_missing", 36)])
def test_cases_in_doubt_are_one_question_and_neither_received_nor_missing(house: Warehouse, action: str, stock: int) -> None:
    announce(house)

    house.happen(passed(["1", "2", "3"], doubtful=["4"]))

    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (36, 0)}, ["pallet_cases_doubtful"])
    press(house, "pallet_cases_doubtful", action)
    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (stock, 0)}, [])


@ON_SQLITE
def test_pallet_at_another_door_than_announced_is_received_and_told(house: Warehouse) -> None:
    announce(house, door="door-2", expected_from="2026-11-21T09:00:00Z", expected_until="2026-11-21T10:00:00Z")

    house.happen(passed())

    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (48, 0)}, ["pallet_wrong_door"])
    press(house, "pallet_wrong_door", "noted")
    assert house.asked() == []


def test_pallet_at_another_door_is_asked_about_where_the_site_wants_it(house: Warehouse) -> None:
    house.do(lambda c: habits.keep_habits(c, SITE, habits.Habits(wrong_door="ask")))
    announce(house, door="door-2")

    house.happen(passed())

    assert (house.stock(), house.asked()) == ({}, ["pallet_other_door"])
    press(house, "pallet_other_door", "receive_as_seen")
    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (48, 0)}, ["pallet_wrong_door"])


@ON_SQLITE
@pytest.mark.parametrize("late", ["ask", "receive"])
def test_notice_that_comes_after_its_pallet_receives_it_without_another_pass(house: Warehouse, late: Any) -> None:
    house.do(lambda c: habits.keep_habits(c, SITE, habits.Habits(late_notice=late)))
    house.happen(passed(["1", "2", "3"]))
    assert house.asked() == ["pallet_unknown"]

    announce(house)

    if late == "ask":
        assert (house.stock(), house.asked()) == ({}, ["pallet_notice_late"])
        press(house, "pallet_notice_late", "receive_as_seen")
    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (36, 0)}, ["pallet_cases_missing"])
    assert outcomes(house) == {"door-1": ["differences"]}


@ON_SQLITE
def test_goods_past_their_last_day_are_kept_apart(house: Warehouse) -> None:
    house.keep(catalog.SiteRow(code=SITE, time_zone="Asia/Shanghai"))
    house.now = NOW.replace(hour=17)  # the 22nd in Shanghai
    lines = [{"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-11-21", "quantity": 12}]
    announce(house, pallets=[{"sscc": PALLET, "lines": lines}])

    house.happen(passed([]))

    assert (house.stock(), house.asked()) == ({"door-1 milk L1 expired": (12, 0)}, ["pallet_goods_expired"])


@ON_SQLITE
def test_more_tags_than_announced_are_too_many(house: Warehouse) -> None:
    house.keep(catalog.Packaging(item="milk", code="case", quantity=12, gtin="10614141000019"))
    announce(house, serials=[])  # 12 pieces: one case

    house.happen(passed([], child_epcs=[sgtin_uri("10614141000019", serial, 7) for serial in ("1", "2")]))

    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (12, 0)}, ["receipt_over_notice"])
    press(house, "receipt_over_notice", "book_surplus")
    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (24, 0)}, [])


@ON_SQLITE
def test_case_of_a_known_item_that_no_notice_lists_can_be_kept(house: Warehouse) -> None:
    announce(house)

    house.happen(passed(["1", "2", "3", "4", "99"]))
    press(house, "pallet_cases_unexpected", "book_surplus")

    assert house.stock() == {"door-1 milk L1": (60, 0)}


Passes = Callable[[], list[PalletPassed]]


def both_clear() -> list[PalletPassed]:
    return [passed(["1", "2", "3"], dbm=-60.0), passed(["2", "3", "4"], door="door-2", dbm=-50.0)]


def both_near() -> list[PalletPassed]:
    return [passed(["1", "2", "3"], dbm=-52.0), passed(["2", "3", "4"], door="door-2", dbm=-50.0)]


def weaker_without_direction() -> list[PalletPassed]:
    return [passed(dbm=-60.0, direction="unknown"), passed(door="door-2", dbm=-50.0)]


def stronger_without_direction() -> list[PalletPassed]:
    return [passed(dbm=-40.0, direction="unknown"), passed(door="door-2", dbm=-50.0)]


@ON_SQLITE
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("passes", "asked"),
    [(both_clear, []), (both_near, ["pallet_two_doors"]), (weaker_without_direction, []), (stronger_without_direction, ["pallet_two_doors"])],
)
def test_pallet_read_at_two_doors_stands_at_the_stronger_whichever_was_told_first(house: Warehouse, passes: Passes, asked: list[str], turned: bool) -> None:
    announce(house)

    for each in passes()[:: -1 if turned else 1]:
        house.happen(each)

    assert standing(house) == {"door-2": 48}
    assert [(row.place, row.station) for row in house.rows(receipt)] == [("s1/door-2", "door-2")]
    assert house.asked() == asked
    assert outcomes(house)["door-1"] == ["other_door"]


@ON_SQLITE
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("expected", "asked"), [("door-1", ["pallet_wrong_door"]), ("door-2", [])])
def test_door_is_told_wrong_by_where_the_pallet_came_whichever_was_told_first(house: Warehouse, expected: str, asked: list[str], turned: bool) -> None:
    announce(house, door=expected)

    for each in both_clear()[:: -1 if turned else 1]:
        house.happen(each)

    assert (standing(house), house.asked()) == ({"door-2": 48}, asked)


@ON_SQLITE
def test_pallet_that_left_and_came_back_asks_nobody_any_more(house: Warehouse) -> None:
    announce(house)
    for n, direction in enumerate(("in", "out", "in")):
        house.happen(passed(direction=direction, event_time=NOW + timedelta(minutes=n)))

    assert (standing(house), house.asked(), house.asked("resolved")) == ({"door-1": 48}, [], ["pallet_left"])


@pytest.mark.parametrize(("action", "door", "turned"), [("first_door", "door-1", False), ("second_door", "door-2", True)])
def test_person_names_the_door_when_both_read_a_pallet_alike(house: Warehouse, action: str, door: str, turned: bool) -> None:
    announce(house)
    for each in both_near()[:: -1 if turned else 1]:
        house.happen(each)

    press(house, "pallet_two_doors", action)

    assert standing(house) == {door: 48}
    assert house.asked() == []
    assert outcomes(house)[door] == ["received"]


@pytest.mark.parametrize("turned", [False, True])
def test_case_that_two_doors_read_belongs_to_the_pallet_that_lists_it(house: Warehouse, turned: bool) -> None:
    announce(house, serials=["1", "2"])
    announce(house, "ASN-2", pallet=sscc(2), serials=["3", "4"])
    said = [passed(["1", "2", "3"], dbm=-50.0, weak={"3": -55.0}), passed(["3", "4"], door="door-2", parent_id=uri_of(sscc(2)), weak={"3": -52.0})]

    for each in said[:: -1 if turned else 1]:
        house.happen(each)

    assert (house.stock(), house.asked()) == ({"door-1 milk L1": (24, 0), "door-2 milk L1": (24, 0)}, [])


@pytest.mark.parametrize("turned", [False, True])
def test_case_read_with_another_pallet_of_its_notice_is_booked_where_it_is_announced(house: Warehouse, turned: bool) -> None:
    one, two = ({"gtin": MILK_GTIN, "lot": "L1", "quantity": 24, "serials": serials} for serials in (["1", "2"], ["3", "4"]))
    announce(house, pallets=[{"sscc": PALLET, "lines": [one]}, {"sscc": sscc(2), "lines": [two]}])
    said = [passed(["1", "2", "3"]), passed(["4"], parent_id=uri_of(sscc(2)), event_time=NOW + timedelta(seconds=2))]
    first, second = said[:: -1 if turned else 1]

    house.happen(first)
    assert house.asked() == ["pallet_cases_missing" if turned else "pallet_cases_unexpected"]
    house.happen(second)

    assert {row.unit: row.on_hand for row in house.rows(balance) if row.on_hand} == {PALLET: 24, sscc(2): 24}
    assert house.asked() == []
    assert [row.state for row in house.rows(ship_notice)] == ["received"]


@ON_SQLITE
@pytest.mark.parametrize("turned", [False, True])
def test_cases_that_another_door_reads_weakly_are_nobodys_question(house: Warehouse, turned: bool) -> None:
    announce(house)
    said = [passed(dbm=-45.0), passed(["1", "2"], door="door-2", parent_id=None, dbm=-62.0)]

    for each in said[:: -1 if turned else 1]:
        house.happen(each)

    assert (standing(house), house.asked()) == ({"door-1": 48}, [])


@ON_SQLITE
def test_scan_of_another_lot_than_announced_is_kept_or_set_aside_by_a_person(house: Warehouse) -> None:
    announce(house, pallets=[], lines=[{"item": "milk", "lot": "L1", "quantity": 12}])
    label = Identifiers(gtin=MILK_GTIN, lot="L9", expiry="2026-12-20", count=12)

    house.happen(ItemScanned(event_time=NOW, station="scan-1", text="milk L9", identifiers=label))

    assert (house.stock(), house.asked()) == ({}, ["scan_wrong_lot"])
    press(house, "scan_wrong_lot", "book_surplus")
    assert (house.stock(), house.asked()) == ({"cool-1 milk L9": (12, 0)}, [])


@ON_SQLITE
def test_passes_at_two_doors_minutes_apart_are_not_compared(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(dbm=-40.0))

    house.happen(passed(door="door-2", dbm=-70.0, event_time=NOW + timedelta(minutes=5)))

    assert outcomes(house) == {"door-1": ["received"], "door-2": ["moved"]}


def test_case_that_is_not_seen_is_probably_missing_or_a_weak_tag_by_what_was_counted(house: Warehouse) -> None:
    def count(there: float, seen: float) -> None:
        row = {"item": "milk", "site": SITE, "station": "door-1", "there": there, "seen": seen, "changed_at": house.now}
        house.do(lambda c: c.execute(tag_statistic.delete()))
        house.do(lambda c: c.execute(insert(tag_statistic).values(**row)))

    for n, (there, seen) in enumerate([(1000.0, 999.0), (1000.0, 850.0)], start=1):
        count(there, seen)
        announce(house, f"ASN-{n}", pallet=sscc(n), serials=[f"{n}1", f"{n}2"])
        house.happen(passed([f"{n}1"], parent_id=uri_of(sscc(n))))

    missing, weak = house.rows(discrepancy)
    assert house.asked() == ["pallet_cases_missing", "pallet_cases_unread"]
    assert (missing.evidence["tag"]["verdict"], weak.evidence["tag"]["verdict"]) == ("missing", "weak_tag")
    assert missing.evidence["tag"]["weak_tag_probability"] < 0.4 < 0.95 < weak.evidence["tag"]["weak_tag_probability"]


def test_read_rates_learn_from_what_people_find(house: Warehouse) -> None:
    announce(house)
    house.happen(passed(["1", "2", "3"]))

    press(house, "pallet_cases_missing", "book_found")

    (row,) = house.rows(tag_statistic)
    assert (row.item, row.station, row.there, row.seen) == ("milk", "door-1", 4.0, 3.0)
    house.later(30 * 86_400)
    announce(house, "ASN-2", pallet=sscc(2), serials=["9"])
    house.happen(passed(["9"], parent_id=uri_of(sscc(2)), event_time=house.now))
    (row,) = house.rows(tag_statistic)
    assert (round(row.there, 6), round(row.seen, 6)) == (3.0, 2.5)


NESTED = [
    {
        "sscc": PALLET,
        "lines": [{"item": "milk", "lot": "L1", "quantity": 10}],
        "units": [
            {"sscc": sscc(21), "tagged": True, "lines": [{"item": "milk", "lot": "L1", "quantity": 12}]},
            {
                "sscc": sscc(22),
                "tagged": True,
                "units": [{"gtin": MILK_GTIN, "serial": "7", "lines": [{"item": "milk", "lot": "L2", "quantity": 6}, {"item": "peas", "quantity": 2}]}],
            },
        ],
    }
]


@pytest.mark.requirement("X1")
def test_units_inside_a_pallet_keep_their_names_and_what_is_in_them(house: Warehouse) -> None:
    announce(house, pallets=NESTED)
    labels = [PALLET_URI, uri_of(sscc(21)), uri_of(sscc(22))]

    house.happen(passed(["7"], parent_id=None, other_parents=labels))

    assert house.asked() == []
    assert {(row.unit, row.item, row.on_hand) for row in house.rows(balance)} == {
        (PALLET, "milk", 10),
        (sscc(21), "milk", 12),
        (f"{MILK_GTIN}.7", "milk", 6),
        (f"{MILK_GTIN}.7", "peas", 2),
    }
    assert {(row.sscc, row.parent) for row in house.rows(handling_unit)} == {
        (PALLET, None),
        (sscc(21), PALLET),
        (sscc(22), PALLET),
        (f"{MILK_GTIN}.7", sscc(22)),
    }


@pytest.mark.requirement("X1")
def test_unit_inside_a_pallet_that_was_not_read_is_missing_and_found_again(house: Warehouse) -> None:
    announce(house, pallets=NESTED)

    house.happen(passed(["7"], parent_id=None, other_parents=[PALLET_URI, uri_of(sscc(22))]))

    assert house.asked() == ["pallet_cases_missing"]
    assert sscc(21) not in {row.sscc for row in house.rows(handling_unit)}
    press(house, "pallet_cases_missing", "book_found")
    assert {row.sscc: row.parent for row in house.rows(handling_unit)}[sscc(21)] == PALLET


@pytest.mark.requirement("E11")
def test_two_doors_that_tell_one_pallet_at_the_same_time_receive_it_once(house: Warehouse) -> None:
    for n in range(1, 7):
        announce(house, f"ASN-{n}", pallet=sscc(n), serials=[f"{n}{k}" for k in range(4)])
        start = threading.Barrier(2)
        serials, parent = [f"{n}{k}" for k in range(4)], uri_of(sscc(n))
        strong = {parent: -45.0}
        said = [
            passed(serials, parent_id=parent, strengths_dbm={parent: -60.0}, event_time=NOW + timedelta(hours=n)),
            passed(serials, door="door-2", parent_id=parent, strengths_dbm=strong, event_time=NOW + timedelta(hours=n)),
        ]

        def tell(event: PalletPassed, start: threading.Barrier = start) -> None:
            start.wait()
            house.happen(event)

        threads = [threading.Thread(target=tell, args=(event,)) for event in said]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert standing(house) == {"door-2": 6 * 48}
    assert {row.station for row in house.rows(receipt)} == {"door-2"}
    assert house.asked() == []

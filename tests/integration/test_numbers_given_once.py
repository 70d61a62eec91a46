# SPDX-License-Identifier: Apache-2.0
"""One counter of SSCCs for handling units and packages: no number twice, whoever asks, and however many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from central.errors import ConflictError
from central.shipping import packing
from central.shipping.documents import SiteSettings
from central.stock import handling, numbers
from contracts.identifiers import check_sscc
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R55", "E4")
PREFIX = "00614141"


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    """Both the range of handling units and the packages of the site begin with the same digits, and so do units of another site."""
    house = Warehouse(engine)
    house.do(lambda c: numbers.keep_range(c, "", PREFIX))
    house.do(lambda c: numbers.keep_range(c, "s2", PREFIX))
    house.do(lambda c: packing.keep_site(c, SiteSettings(site=SITE, company_prefix="0614141")))
    return house


def test_units_and_packages_never_get_the_same_number(house: Warehouse) -> None:
    def give(n: int) -> list[str]:
        ask = (lambda c: numbers.next_sscc(c, SITE), lambda c: numbers.next_sscc(c, "s2"), lambda c: packing.issue_sscc(c, SITE))[n % 3]
        return [house.do(ask) for _ in range(8)]

    with ThreadPoolExecutor(6) as threads:
        given = [sscc for part in threads.map(give, range(6)) for sscc in part]

    assert len(set(given)) == len(given) == 48
    assert sorted(given) == [check_sscc(sscc) for sscc in sorted(given)]
    assert sorted(int(sscc[8:-1]) for sscc in given) == list(range(48))


def test_number_that_somebody_gave_by_hand_is_passed_over(house: Warehouse) -> None:
    house.do(lambda c: handling.make_unit(c, house.fact(), "pallet", f"{SITE}/rack-1", house.now, sscc="006141410000000005"))

    assert house.do(lambda c: packing.issue_sscc(c, SITE)) == "006141410000000012"
    assert house.do(lambda c: numbers.next_sscc(c, SITE)) == "006141410000000029"


def test_prefix_counts_on_after_another_one_was_used(house: Warehouse) -> None:
    first = house.do(lambda c: numbers.next_sscc(c, SITE))
    house.do(lambda c: numbers.keep_range(c, "", "10614141"))
    house.do(lambda c: numbers.next_sscc(c, SITE))
    house.do(lambda c: numbers.keep_range(c, "", PREFIX))

    assert (first, house.do(lambda c: numbers.next_sscc(c, SITE))) == ("006141410000000005", "006141410000000012")


@pytest.mark.parametrize("prefix", ["006141410", "0061414"])
def test_prefix_whose_numbers_meet_those_of_another_is_refused(house: Warehouse, prefix: str) -> None:
    with pytest.raises(ConflictError) as units:
        house.do(lambda c: numbers.keep_range(c, "s3", prefix))
    with pytest.raises(ConflictError) as packages:
        house.do(lambda c: packing.keep_site(c, SiteSettings(site="s3", company_prefix=prefix[1:], extension=prefix[0])))

    assert {units.value.code, packages.value.code} == {"sscc_prefix_overlaps"}

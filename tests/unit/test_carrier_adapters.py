# SPDX-License-Identifier: Apache-2.0
"""SF Express and JD Logistics: signatures against fixed vectors, every answer of their simulators, every way in which they can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from central.shipping.carriers import jd, sf
from central.shipping.carriers.faults import AddressRefusedError, CarrierBusyError, CarrierRefusedError, CarrierUnreachableError, PushRefusedError
from central.shipping.carriers.jd import JdLogistics
from central.shipping.carriers.protocol import Account, Cargo, Contact, Push, Pushed, Shipment
from central.shipping.carriers.sf import SfExpress
from firmware_sims.carriers.jd import JdDesk
from firmware_sims.carriers.server import Desk, serving
from firmware_sims.carriers.sf import SfDesk

pytestmark = pytest.mark.requirement("R108")

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SENDER = Contact("Dock", "02155550000", "上海市", "上海市", "宝山区", "港路 1 号")
RECEIVER = Contact("王芳", "13800000000", "上海市", "上海市", "浦东新区", "世纪大道 1 号")
SHIPMENT = Shipment("006141410000000005", SENDER, RECEIVER, (Cargo("牛奶", 4),), 1200, length_mm=306, width_mm=206, height_mm=156)


@pytest.fixture(params=["sf", "jd"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with serving(SfDesk() if request.param == "sf" else JdDesk()) as desk:
        yield desk


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20) as client:
        yield client


def account_at(desk: Desk) -> Account:
    if isinstance(desk, SfDesk):
        return Account(desk.base_url, desk.partner, desk.check_word, account="7551234567", push_token="word")
    assert isinstance(desk, JdDesk)
    return Account(desk.base_url, desk.app_key, desk.secret, desk.token, desk.customer)


def carrier_at(desk: Desk, client: httpx.Client) -> SfExpress | JdLogistics:
    return (SfExpress if isinstance(desk, SfDesk) else JdLogistics)(account_at(desk), client, lambda: NOW)


def read(desk: Desk, push: Push) -> Pushed:
    return (sf if isinstance(desk, SfDesk) else jd).read_push(account_at(desk), push)


@pytest.mark.parametrize(
    ("message", "timestamp", "check_word", "expected"),
    [
        # made with: printf %s "$(URL-encoded text)" | openssl dgst -md5 -binary | base64
        ('{"language": "zh-CN", "orderId": "QIAO-20200618-004"}', "12312334453453", "pp3eOwGR2jMZTl313aSNCybEEycG5ORNP", "9lfdwc7EnWooftr5ys7acA=="),
        ('{"address":"世纪大道 1 号 *~+"}', "1795248000000", "word", "UCumjolxe/pH8yuUdBiGcw=="),
    ],
)
def test_sf_digest_is_the_documented_one(message: str, timestamp: str, check_word: str, expected: str) -> None:
    assert sf.digest(message, timestamp, check_word) == expected


def test_jd_signature_is_the_documented_one() -> None:
    # made with: printf %s 's1access_tokent1app_keyk1method/ecap/v1/orders/createparam_json[{"a":1}]timestamp2026-11-21 16:00:00v2.0s1' | md5sum
    assert jd.sign("s1", "t1", "k1", "/ecap/v1/orders/create", '[{"a":1}]', "2026-11-21 16:00:00") == "55eb04db01d350807971897d4df077d6"


def test_order_is_placed_once_however_often_it_is_sent(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)

    first, again = carrier.create(SHIPMENT), carrier.create(SHIPMENT)

    assert first.waybill == again.waybill
    assert desk.waybills_of(SHIPMENT.reference) == [first.waybill]


def test_answer_that_is_lost_leaves_one_waybill(desk: Desk, client: httpx.Client) -> None:
    desk.faults.lost_answers = 1
    carrier = carrier_at(desk, client)

    with pytest.raises(CarrierUnreachableError):
        carrier.create(SHIPMENT)

    assert carrier.create(SHIPMENT).waybill == desk.waybills_of(SHIPMENT.reference)[0]


def test_label_quote_and_cancel(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    placed = carrier.create(SHIPMENT)

    assert carrier.label(SHIPMENT.reference, placed.waybill).content.endswith(placed.waybill.encode())
    assert [quote.price_minor for quote in carrier.quote(SHIPMENT)] == [1250 if isinstance(desk, SfDesk) else 1040]
    carrier.cancel(SHIPMENT.reference, placed.waybill)
    carrier.cancel(SHIPMENT.reference, placed.waybill)
    assert desk.parcels[SHIPMENT.reference].cancelled


def test_parcel_that_is_collected_is_not_taken_back(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    placed = carrier.create(SHIPMENT)
    collect(desk, placed.waybill)

    with pytest.raises(CarrierRefusedError):
        carrier.cancel(SHIPMENT.reference, placed.waybill)


def collect(desk: Desk, waybill: str) -> None:
    if isinstance(desk, SfDesk):
        desk.step(waybill, acceptTime="2026-11-21 17:00:00", acceptAddress="上海市", remark="已收取快件", opCode="50")
        desk.step(waybill, acceptTime="2026-11-22 09:30:00", acceptAddress="上海市", remark="已签收", opCode="80")
    else:
        desk.step(waybill, operationTime="2026-11-21 17:00:00", operationPlace="上海市", operationRemark="已收取快件", category="420")
        desk.step(waybill, operationTime="2026-11-22 09:30:00", operationPlace="上海市", operationRemark="已签收", category="510")


def push_of(desk: Desk, waybill: str) -> Push:
    if isinstance(desk, SfDesk):
        return Push({"token": "word"}, {}, desk.push_body(waybill))
    assert isinstance(desk, JdDesk)
    query, body = desk.push(waybill)
    return Push(query, {}, body)


def test_steps_are_the_same_by_pull_and_by_push(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    waybill = carrier.create(SHIPMENT).waybill
    assert carrier.track(waybill, SENDER.phone) == []
    collect(desk, waybill)

    pulled = carrier.track(waybill, SENDER.phone)

    assert [(step.state, step.text, step.place) for step in pulled] == [("in_transit", "已收取快件", "上海市"), ("delivered", "已签收", "上海市")]
    assert pulled[0].at == datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert read(desk, push_of(desk, waybill)).steps == {waybill: pulled}


def test_push_that_is_not_the_carriers_is_refused(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    waybill = carrier.create(SHIPMENT).waybill
    collect(desk, waybill)
    good = push_of(desk, waybill)

    for bad in (replace(good, query={}), replace(good, query={**good.query, "token": "other", "sign": "0" * 32})):
        with pytest.raises(PushRefusedError):
            read(desk, bad)
    with pytest.raises(PushRefusedError):
        read(desk, replace(good, body=b'{"Body": 1}' if isinstance(desk, SfDesk) else good.body + b" "))


def test_address_beyond_the_carriers_reach_is_an_address_fault(desk: Desk, client: httpx.Client) -> None:
    desk.undeliverable.add("世纪大道")
    carrier = carrier_at(desk, client)

    with pytest.raises(AddressRefusedError):
        carrier.create(SHIPMENT)
    with pytest.raises(AddressRefusedError):
        carrier.create(replace(SHIPMENT, receiver=replace(RECEIVER, phone="")))


def test_limited_rate_and_broken_service_are_tried_later(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    desk.faults.rate_limits = 1
    with pytest.raises(CarrierBusyError) as busy:
        carrier.create(SHIPMENT)
    desk.faults.server_errors = 1
    with pytest.raises(CarrierUnreachableError, match="502"):
        carrier.create(SHIPMENT)
    assert busy.value.retry
    assert carrier.create(SHIPMENT).waybill


def test_product_that_is_no_number_is_for_a_person_and_is_not_tried_again(client: httpx.Client) -> None:
    with serving(SfDesk()) as desk, pytest.raises(CarrierRefusedError, match="by numbers, as 1 or 2, and not 'express'") as refused:
        carrier_at(desk, client).create(replace(SHIPMENT, service="express"))

    assert not refused.value.retry
    assert desk.asked == []


@pytest.mark.slow
def test_carrier_that_hangs_is_unreachable(desk: Desk) -> None:
    desk.faults.hang_s = 30
    with httpx.Client(timeout=0.3) as impatient, pytest.raises(CarrierUnreachableError, match="does not answer"):
        carrier_at(desk, impatient).create(SHIPMENT)


def test_wrong_secret_is_refused_for_a_person_to_settle(desk: Desk, client: httpx.Client) -> None:
    carrier = carrier_at(desk, client)
    carrier._account = replace(carrier._account, secret="other")

    with pytest.raises(CarrierRefusedError) as refused:
        carrier.create(SHIPMENT)
    assert not refused.value.retry


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"apiResultCode": "A1000", "apiResultData": "x"}'])
def test_answers_that_make_no_sense_are_tried_again_and_break_nothing(body: bytes) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        account = Account("http://carrier.test", "c", "s")
        adapters: list[Any] = [SfExpress(account, client, lambda: NOW), JdLogistics(account, client, lambda: NOW)]
        for adapter in adapters[: 1 if body.startswith(b"{") else 2]:
            with pytest.raises(CarrierUnreachableError):
                adapter.create(SHIPMENT)

# SPDX-License-Identifier: Apache-2.0
"""SF Express (顺丰), open platform "Fengqiao": form posts to `/std/service`, one service code for each thing to do.

Source: SF "API Overview" (unified access platform: request fields, `msgDigest`, A- and business codes) and callers of it in public code for
EXP_RECE_CREATE_ORDER, EXP_RECE_SEARCH_ORDER_RESP, EXP_RECE_SEARCH_ROUTES, EXP_RECE_UPDATE_ORDER, COM_RECE_CLOUD_PRINT_WAYBILLS and the route push.
[guessed], for there is no account to try it with: which operation codes mean delivered (80, 8000) and trouble (33, 70, 99), that a waybill file is
fetched with the header X-Auth-token, the fields of EXP_RECE_QUERY_DELIVERTM, and that filterResult 3 means "not delivered there".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus

import httpx

from central.shipping.carriers import http
from central.shipping.carriers.faults import AddressRefusedError, CarrierBusyError, CarrierRefusedError, CarrierUnreachableError, PushRefusedError
from central.shipping.carriers.protocol import Account, Contact, Label, Placed, Push, Pushed, Quote, Shipment, Step, china_time, step_at

_NAME: Final = "SF Express"
_OK: Final = "A1000"
_RATE_LIMIT: Final = "A1005"
_TRY_LATER: Final = frozenset({"A1009", "A1099"})
"""API Overview: "target service exception or unreachable", "system exception"."""
_DUPLICATE: Final = "8016"
_CANCELLED_ALREADY: Final = "8037"
_ADDRESS_CODES: Final = frozenset({"1014", "1015", "1016", "6201", "8052", "8053", "8196"})
"""API Overview: receiver's address, name, phone or postcode missing or wrong."""
_NO_DELIVERY: Final = 3
_CANCEL: Final = 2
_DEFAULT_SERVICE: Final = "1"
_DELIVERED: Final = frozenset({"80", "8000"})
_TROUBLE: Final = frozenset({"33", "70", "99"})
_PUSH_OK: Final = {"return_code": "0000", "return_msg": "成功"}


def digest(message: str, timestamp: str, check_word: str) -> str:
    """`msgDigest`: Base64 of the MD5 of message, timestamp and check word, URL-encoded as Java's URLEncoder does (`*` stays, `~` does not)."""
    encoded = quote_plus(message + timestamp + check_word, safe="*").replace("~", "%7E")
    return base64.b64encode(hashlib.md5(encoded.encode(), usedforsecurity=False).digest()).decode()


class SfExpress:
    """The adapter. `now` gives the instant that a request is stamped with."""

    def __init__(self, account: Account, client: httpx.Client, now: Callable[[], datetime]) -> None:
        self._account = account
        self._client = client
        self._now = now

    def quote(self, shipment: Shipment) -> Sequence[Quote]:
        """EXP_RECE_QUERY_DELIVERTM: time and price of each product."""
        message = {
            "searchPrice": "1",
            "businessType": shipment.service,
            "weight": shipment.weight_g / 1000,
            "consignedTime": self._now().strftime("%Y-%m-%d %H:%M:%S"),
            "srcAddress": _place(shipment.sender),
            "destAddress": _place(shipment.receiver),
        }
        answer = self._call("EXP_RECE_QUERY_DELIVERTM", message)
        return [_quote(each) for each in answer.get("deliverTmDto") or []]

    def create(self, shipment: Shipment) -> Placed:
        """EXP_RECE_CREATE_ORDER; an order that is there already (8016) is looked up by its reference."""
        service = shipment.service or _DEFAULT_SERVICE
        if not service.isdecimal():
            raise CarrierRefusedError(f"{_NAME} names its products by numbers, as 1 or 2, and not {service!r}; correct the order's or the account's service")
        message = {
            "language": "zh-CN",
            "orderId": shipment.reference,
            "cargoDetails": [{"name": each.name, "count": each.quantity, "unit": "件"} for each in shipment.cargo],
            "contactInfoList": [_contact(1, shipment.sender), _contact(2, shipment.receiver)],
            "expressTypeId": int(service),
            "payMethod": 1,
            "monthlyCard": self._account.account,
            "parcelQty": 1,
            "totalWeight": shipment.weight_g / 1000,
            "totalLength": shipment.length_mm / 10,
            "totalWidth": shipment.width_mm / 10,
            "totalHeight": shipment.height_mm / 10,
            "isReturnRoutelabel": 1,
        }
        try:
            return Placed(_waybill(self._call("EXP_RECE_CREATE_ORDER", message)))
        except CarrierRefusedError as error:
            if error.code != _DUPLICATE:
                raise
        return Placed(_waybill(self._call("EXP_RECE_SEARCH_ORDER_RESP", {"orderId": shipment.reference, "language": "zh-CN"})))

    def label(self, reference: str, waybill: str) -> Label:
        """COM_RECE_CLOUD_PRINT_WAYBILLS as PDF, then the file behind the address that it gives."""
        message = {
            "templateCode": f"fm_150_standard_{self._account.client}",
            "version": "2.0",
            "fileType": "pdf",
            "sync": True,
            "documents": [{"masterWaybillNo": waybill, "remark": reference}],
        }
        answer = self._call("COM_RECE_CLOUD_PRINT_WAYBILLS", message)
        files = (answer.get("obj") or answer).get("files") or []
        if not files:
            raise CarrierUnreachableError(f"{_NAME} gives no file for waybill {waybill}")
        request = self._client.build_request("GET", files[0]["url"], headers={"X-Auth-token": str(files[0].get("token", ""))})
        return Label(http.send(self._client, _NAME, request).content, "application/pdf")

    def cancel(self, reference: str, waybill: str) -> None:
        """EXP_RECE_UPDATE_ORDER with dealType 2."""
        try:
            self._call("EXP_RECE_UPDATE_ORDER", {"language": "zh-CN", "orderId": reference, "dealType": _CANCEL})
        except CarrierRefusedError as error:
            if error.code != _CANCELLED_ALREADY:
                raise

    def track(self, waybill: str, phone: str) -> Sequence[Step]:
        """EXP_RECE_SEARCH_ROUTES by waybill; SF asks for the last four digits of a phone that belongs to it."""
        message = {"language": "zh-CN", "trackingType": "1", "trackingNumber": [waybill], "methodType": "1", "checkPhoneNo": phone[-4:]}
        answer = self._call("EXP_RECE_SEARCH_ROUTES", message)
        steps = [_step(route) for each in answer.get("routeResps") or [] for route in each.get("routes") or []]
        return sorted(steps, key=lambda step: step.at)

    def _call(self, service: str, message: dict[str, Any]) -> dict[str, Any]:
        """One call; `msgData` of what came back. Raises: CarrierError of some kind."""
        text = json.dumps(message, ensure_ascii=False)
        timestamp = str(int(self._now().timestamp() * 1000))
        form = {
            "partnerID": self._account.client,
            "requestID": str(uuid.uuid4()),
            "serviceCode": service,
            "timestamp": timestamp,
            "msgDigest": digest(text, timestamp, self._account.secret),
            "msgData": text,
        }
        request = self._client.build_request("POST", f"{self._account.base_url}/std/service", data=form)
        outer = http.as_object(_NAME, http.send(self._client, _NAME, request).content)
        code = str(outer.get("apiResultCode"))
        if code == _RATE_LIMIT:
            raise CarrierBusyError(f"{_NAME} limits how often it is asked", code)
        if code in _TRY_LATER:
            raise CarrierUnreachableError(f"{_NAME}: {outer.get('apiErrorMsg')} ({code})", code)
        if code != _OK:
            raise CarrierRefusedError(f"{_NAME}: {outer.get('apiErrorMsg') or 'refused'} ({code})", code)
        return _business(http.as_object(_NAME, str(outer.get("apiResultData"))))


def _business(inner: dict[str, Any]) -> dict[str, Any]:
    code, text = str(inner.get("errorCode") or ""), str(inner.get("errorMsg") or "")
    if inner.get("success") is not True:
        kind = AddressRefusedError if code in _ADDRESS_CODES else CarrierRefusedError
        raise kind(f"{_NAME}: {text or 'refused'} ({code})", code)
    found = inner.get("msgData") or inner.get("obj") or inner
    return found if isinstance(found, dict) else inner


def _waybill(answer: dict[str, Any]) -> str:
    if answer.get("filterResult") == _NO_DELIVERY:
        raise AddressRefusedError(f"{_NAME} does not deliver to this address", "filter_3")
    numbers = [each.get("waybillNo") for each in answer.get("waybillNoInfoList") or [] if each.get("waybillType") == 1]
    if not numbers or not numbers[0]:
        raise CarrierUnreachableError(f"{_NAME} took the order and gives no waybill yet")
    return str(numbers[0])


def _contact(kind: int, who: Contact) -> dict[str, Any]:
    return {
        "contactType": kind,
        "contact": who.name,
        "mobile": who.phone,
        "country": who.country,
        "province": who.province,
        "city": who.city,
        "county": who.district,
        "address": who.street,
        "postCode": who.postcode,
    }


def _place(who: Contact) -> dict[str, str]:
    return {"province": who.province, "city": who.city, "district": who.district, "address": who.street}


def _quote(each: dict[str, Any]) -> Quote:
    fee, arrives = each.get("fee"), each.get("deliverTime")
    try:
        at = china_time(str(arrives).split(",")[-1]) if arrives else None
    except ValueError:
        at = None
    return Quote(str(each.get("businessType", "")), None if fee is None else round(float(fee) * 100), at)


def read_push(account: Account, request: Push) -> Pushed:
    """The route push: JSON without a signature, so its address carries a word that only SF and we know."""
    given = request.query.get("token", "")
    if not account.push_token or not hmac.compare_digest(given.encode(), account.push_token.encode()):
        raise PushRefusedError("the push does not carry the word that was agreed with SF Express")
    try:
        routes = json.loads(request.body)["Body"]["WaybillRoute"]
        steps: dict[str, list[Step]] = defaultdict(list)
        for route in routes:
            steps[str(route["mailno"])].append(_step(route))
    except (ValueError, KeyError, TypeError) as error:
        raise PushRefusedError(f"the push cannot be read ({error})") from error
    return Pushed(steps, _PUSH_OK)


def _step(route: dict[str, Any]) -> Step:
    time, code = str(route["acceptTime"]), str(route["opCode"])
    return step_at(time, code, route.get("remark"), route.get("acceptAddress"), delivered=_DELIVERED, trouble=_TROUBLE)

# SPDX-License-Identifier: Apache-2.0
"""JD Logistics (京东物流), open platform at api.jdl.com: JSON posts, signed in the query.

Source: JD's own callers for the platform, as published in public code: the query (`LOP-DN`, `app_key`, `access_token`, `timestamp`, `v`, `sign`,
`algorithm`), the text that is signed, and the paths /ecap/v1/orders/{precheck, create, cancel, trace/query} and /PullDataService/pullData.
[guessed], for there is no account to try it with: the envelope {code, msg, success, data} and its codes, that the same orderId gets the same waybill
again, the fields of a trace (operationTime, operationRemark, category), that print data comes as base64, and the push: it is taken to be signed like
a request, in its query.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from central.shipping.carriers import http
from central.shipping.carriers.faults import AddressRefusedError, CarrierBusyError, CarrierRefusedError, CarrierUnreachableError, PushRefusedError
from central.shipping.carriers.protocol import CHINA, Account, Contact, Label, Placed, Push, Pushed, Quote, Shipment, Step, step_at

_NAME: Final = "JD Logistics"
_DOMAIN: Final = "ECAP"
_PRINT_DOMAIN: Final = "jdcloudprint"
_VERSION: Final = "2.0"
_ALGORITHM: Final = "md5-salt"
_ORIGIN: Final = 1
"""`orderOrigin`: a merchant's order paid monthly."""
_SETTLE_MONTHLY: Final = 3
_DEFAULT_SERVICE: Final = "ed-m-0001"
"""JD's standard express product."""
_BUSY_CODES: Final = frozenset({"LIMIT", "50001"})
_ADDRESS_CODES: Final = frozenset({"ADDRESS", "2001", "2002"})
_CANCELLED_CODES: Final = frozenset({"CANCELLED", "3003"})
_DELIVERED: Final = frozenset({"510", "DELIVERED", "150"})
_TROUBLE: Final = frozenset({"530", "REJECTED", "560"})


def sign(secret: str, token: str, key: str, path: str, body: str, timestamp: str) -> str:
    """The signature `md5-salt`: hex MD5 of secret, the named values in this order, secret."""
    parts = (secret, "access_token", token, "app_key", key, "method", path, "param_json", body, "timestamp", timestamp, "v", _VERSION, secret)
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


class JdLogistics:
    """The adapter. `now` gives the instant that a request is stamped with."""

    def __init__(self, account: Account, client: httpx.Client, now: Callable[[], datetime]) -> None:
        self._account = account
        self._client = client
        self._now = now

    def quote(self, shipment: Shipment) -> Sequence[Quote]:
        """/ecap/v1/orders/precheck: whether it can be carried, and for how much where JD says so."""
        data = self._call("/ecap/v1/orders/precheck", [self._order(shipment)])
        fee = data.get("totalFreightStandard")
        return [Quote(shipment.service or _DEFAULT_SERVICE, None if fee is None else round(float(fee) * 100))]

    def create(self, shipment: Shipment) -> Placed:
        """/ecap/v1/orders/create; the same orderId again gets the same waybill."""
        data = self._call("/ecap/v1/orders/create", [self._order(shipment)])
        waybill = str(data.get("waybillCode") or "")
        if not waybill:
            raise CarrierUnreachableError(f"{_NAME} took the order and gives no waybill yet")
        return Placed(waybill)

    def label(self, reference: str, waybill: str) -> Label:
        """/PullDataService/pullData: the print data of a waybill."""
        message = [
            {"cpCode": "JD", "wayBillInfos": [{"orderNo": reference, "jdWayBillCode": waybill}], "parameters": {"ewCustomerCode": self._account.account}}
        ]
        data = self._call("/PullDataService/pullData", message, _PRINT_DOMAIN)
        files = data.get("prePrintDatas") or []
        try:
            return Label(base64.b64decode(files[0]["perPrintData"], validate=True), str(files[0].get("mediaType") or "application/octet-stream"))
        except (IndexError, KeyError, binascii.Error) as error:
            raise CarrierUnreachableError(f"{_NAME} gives no print data for waybill {waybill}") from error

    def cancel(self, reference: str, waybill: str) -> None:
        """/ecap/v1/orders/cancel."""
        message = [{"waybillCode": waybill, "orderId": reference, "customerCode": self._account.account, "orderOrigin": _ORIGIN, "cancelReason": "取消"}]
        try:
            self._call("/ecap/v1/orders/cancel", message)
        except CarrierRefusedError as error:
            if error.code not in _CANCELLED_CODES:
                raise

    def track(self, waybill: str, phone: str) -> Sequence[Step]:
        """/ecap/v1/orders/trace/query."""
        data = self._call("/ecap/v1/orders/trace/query", [{"waybillCode": waybill, "orderOrigin": _ORIGIN, "customerCode": self._account.account}])
        return sorted((_step(each) for each in data.get("traceDetails") or []), key=lambda step: step.at)

    def _order(self, shipment: Shipment) -> dict[str, Any]:
        volume_cm3 = shipment.length_mm * shipment.width_mm * shipment.height_mm / 1000
        goods = ",".join(each.name for each in shipment.cargo)[:50]
        return {
            "orderId": shipment.reference,
            "orderOrigin": _ORIGIN,
            "customerCode": self._account.account,
            "productsReq": {"productCode": shipment.service or _DEFAULT_SERVICE},
            "settleType": _SETTLE_MONTHLY,
            "senderContact": _contact(shipment.sender),
            "receiverContact": _contact(shipment.receiver),
            "cargoes": [{"name": goods, "quantity": 1, "weight": max(0.01, shipment.weight_g / 1000), "volume": volume_cm3}],
        }

    def _call(self, path: str, message: list[dict[str, Any]], domain: str = _DOMAIN) -> dict[str, Any]:
        body = json.dumps(message, ensure_ascii=False)
        timestamp = self._now().astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        who = self._account
        query = {
            "LOP-DN": domain,
            "app_key": who.client,
            "access_token": who.token,
            "timestamp": timestamp,
            "v": _VERSION,
            "sign": sign(who.secret, who.token, who.client, path, body, timestamp),
            "algorithm": _ALGORITHM,
        }
        headers = {"content-type": "application/json;charset=utf-8", "lop-tz": "8"}
        request = self._client.build_request("POST", f"{who.base_url}{path}", params=query, content=body.encode(), headers=headers)
        return _data(http.as_object(_NAME, http.send(self._client, _NAME, request).content))


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    code, text = str(answer.get("code", "")), str(answer.get("msg") or "refused")
    if answer.get("success") is not True:
        if code in _BUSY_CODES:
            raise CarrierBusyError(f"{_NAME}: {text} ({code})", code)
        kind = AddressRefusedError if code in _ADDRESS_CODES else CarrierRefusedError
        raise kind(f"{_NAME}: {text} ({code})", code)
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def _contact(who: Contact) -> dict[str, str]:
    return {"name": who.name, "mobile": who.phone, "fullAddress": who.line}


def read_push(account: Account, request: Push) -> Pushed:
    """A trace push, signed like a request over its body."""
    query, body = request.query, request.body.decode("utf-8", errors="replace")
    expected = sign(account.secret, query.get("access_token", ""), account.client, query.get("method", ""), body, query.get("timestamp", ""))
    if not hmac.compare_digest(expected.encode(), query.get("sign", "").lower().encode()):
        raise PushRefusedError("the push is not signed with the app secret that JD Logistics and we share")
    try:
        steps: dict[str, list[Step]] = defaultdict(list)
        for each in json.loads(body):
            steps[str(each["waybillCode"])].append(_step(each))
    except (ValueError, KeyError, TypeError) as error:
        raise PushRefusedError(f"the push cannot be read ({error})") from error
    return Pushed(steps, {"code": "0", "success": True, "msg": "成功"})


def _step(each: dict[str, Any]) -> Step:
    time, code = str(each["operationTime"]), str(each["category"])
    return step_at(time, code, each.get("operationRemark"), each.get("operationPlace"), delivered=_DELIVERED, trouble=_TROUBLE)

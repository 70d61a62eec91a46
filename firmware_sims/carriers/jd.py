# SPDX-License-Identifier: Apache-2.0
"""JD Logistics' open platform: JSON arrays posted to a path, signed in the query with salted MD5. What its answers look like is partly guessed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from firmware_sims.carriers.server import Answer, Desk, as_json

_SIGNED = ("access_token", "app_key", "method", "param_json", "timestamp", "v")


def salted_md5(secret: str, values: Mapping[str, str]) -> str:
    """Hex MD5 of the secret, each name with its value in the order of the names, and the secret again."""
    digest = hashlib.md5(secret.encode())  # noqa: S324
    for name in _SIGNED:
        digest.update(name.encode())
        digest.update(values[name].encode())
    digest.update(secret.encode())
    return "".join(f"{byte:02x}" for byte in digest.digest())


class JdDesk(Desk):
    """The simulator with its one customer."""

    waybill_prefix = "JDV"

    def __init__(self, app_key: str = "key-1", secret: str = "secret-1", token: str = "token-1", customer: str = "010K1") -> None:  # noqa: S107  # opens nothing
        super().__init__()
        self.app_key = app_key
        self.secret = secret
        self.token = token
        self.customer = customer
        self._services: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/ecap/v1/orders/precheck": self._precheck,
            "/ecap/v1/orders/create": self._create,
            "/ecap/v1/orders/cancel": self._cancel,
            "/ecap/v1/orders/trace/query": self._trace,
            "/PullDataService/pullData": self._print,
        }

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        """The platform: checks signature and token, then asks the service."""
        service = self._services.get(path)
        if service is None:
            return Answer(404, b"{}")
        text = body.decode()
        values = {**query, "method": path, "param_json": text}
        if not {*_SIGNED, "sign", "LOP-DN"} <= set(values) or query["algorithm"] != "md5-salt":
            return _no("INVALID", "参数缺失")
        if query["sign"] != salted_md5(self.secret, values) or query["app_key"] != self.app_key or query["access_token"] != self.token:
            return _no("SIGN", "签名错误")
        if self.limited():
            return _no("LIMIT", "超出流量限制")
        message = json.loads(text)
        return service(message[0]) if isinstance(message, list) and message else _no("INVALID", "参数错误")

    def _refusal(self, message: dict[str, Any]) -> Answer | None:
        receiver = message.get("receiverContact") or {}
        if message.get("customerCode") != self.customer:
            return _no("CUSTOMER", "商家编码错误")
        if not receiver.get("fullAddress") or not receiver.get("mobile"):
            return _no("ADDRESS", "收件人信息不完整")
        return _no("ADDRESS", "收件地址超区") if self.is_undeliverable(receiver["fullAddress"]) else None

    def _precheck(self, message: dict[str, Any]) -> Answer:
        weight = float(message["cargoes"][0]["weight"])
        return self._refusal(message) or _yes({"totalFreightStandard": round(10 + 2 * max(0.0, weight - 1), 2)})

    def _create(self, message: dict[str, Any]) -> Answer:
        known = self.parcels.get(message["orderId"])
        if known is not None:
            return _yes({"waybillCode": known.waybill, "orderCode": message["orderId"], "existed": True})
        return self._refusal(message) or _yes({"waybillCode": self.take(message["orderId"], message).waybill, "orderCode": message["orderId"]})

    def _cancel(self, message: dict[str, Any]) -> Answer:
        parcel = self.parcels.get(message["orderId"])
        if parcel is None:
            return _no("UNKNOWN", "订单不存在")
        if parcel.cancelled:
            return _no("CANCELLED", "订单已取消")
        if parcel.steps:
            return _no("COLLECTED", "已揽收不可取消")
        parcel.cancelled = True
        return _yes({"resultType": 0})

    def _trace(self, message: dict[str, Any]) -> Answer:
        known = [parcel for parcel in self.parcels.values() if parcel.waybill == message["waybillCode"]]
        return _yes({"traceDetails": [{"waybillCode": parcel.waybill, **step} for parcel in known for step in parcel.steps]})

    def _print(self, message: dict[str, Any]) -> Answer:
        number = message["wayBillInfos"][0]["jdWayBillCode"]
        data = base64.b64encode(b"%PDF-1.4\n% waybill " + number.encode()).decode()
        return _yes({"prePrintDatas": [{"wayBillNo": number, "perPrintData": data, "mediaType": "application/pdf"}]})

    def push(self, waybill: str, timestamp: str = "2026-11-21 16:00:00") -> tuple[dict[str, str], bytes]:
        """Query and body of the trace push about a parcel."""
        parcel = next(each for each in self.parcels.values() if each.waybill == waybill)
        body = json.dumps([{"waybillCode": waybill, **step} for step in parcel.steps], ensure_ascii=False)
        query = {"access_token": "", "app_key": self.app_key, "method": "/trace/push", "timestamp": timestamp, "v": "2.0"}
        return {**query, "sign": salted_md5(self.secret, {**query, "param_json": body})}, body.encode()


def _yes(data: dict[str, Any]) -> Answer:
    return as_json({"code": "0", "success": True, "msg": "成功", "data": data})


def _no(code: str, text: str) -> Answer:
    return as_json({"code": code, "success": False, "msg": text, "data": None})

# SPDX-License-Identifier: Apache-2.0
"""SF Express's open platform, as its API Overview describes it: one address, a form, a service code, a digest; business answers inside `apiResultData`."""

from __future__ import annotations

import hashlib
import json
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from firmware_sims.carriers.server import Answer, Desk, as_json

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*"
"""What java.net.URLEncoder leaves alone; a blank becomes a plus, all other bytes %XX in capitals."""
_PDF = b"%PDF-1.4\n% waybill "


def java_url_encoded(text: str) -> bytes:
    """As java.net.URLEncoder.encode(text, "UTF-8")."""
    out = bytearray()
    for byte in text.encode():
        if byte in _UNRESERVED:
            out.append(byte)
        elif byte == 0x20:
            out += b"+"
        else:
            out += b"%%%02X" % byte
    return bytes(out)


class SfDesk(Desk):
    """The simulator. `check_word` is the secret of its one customer `partner`."""

    waybill_prefix = "SF7"

    def __init__(self, partner: str = "DOCKTEST", check_word: str = "check~word *1") -> None:
        super().__init__()
        self.partner = partner
        self.check_word = check_word
        self._services: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "EXP_RECE_CREATE_ORDER": self._create,
            "EXP_RECE_SEARCH_ORDER_RESP": self._search,
            "EXP_RECE_UPDATE_ORDER": self._update,
            "EXP_RECE_SEARCH_ROUTES": self._routes,
            "COM_RECE_CLOUD_PRINT_WAYBILLS": self._print,
            "EXP_RECE_QUERY_DELIVERTM": self._quote,
        }

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        """The platform: checks the form and the digest, then asks the service."""
        if path.startswith("/print/"):
            return Answer(200, _PDF + path.encode(), "application/pdf") if headers.get("x-auth-token") == f"token-{path[7:]}" else Answer(403, b"no token")
        if path != "/std/service" or not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return Answer(404, b"not here", "text/plain")
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if any(not form.get(name) for name in ("partnerID", "requestID", "serviceCode", "timestamp", "msgData")):
            return _platform("A1001", "必传参数不可为空")
        if self.limited():
            return _platform("A1005", "流量控制")
        digest = b64encode(hashlib.md5(java_url_encoded(form["msgData"] + form["timestamp"] + self.check_word)).digest()).decode()  # noqa: S324
        if form["partnerID"] != self.partner or form.get("msgDigest") != digest:
            return _platform("A1006", "数字签名无效")
        service = self._services.get(form["serviceCode"])
        if service is None:
            return _platform("A1004", "无对应服务权限")
        return _platform("A1000", "", service(json.loads(form["msgData"])))

    def _create(self, message: dict[str, Any]) -> dict[str, Any]:
        receiver = next(each for each in message["contactInfoList"] if each["contactType"] == 2)
        if not receiver.get("address"):
            return _no("1014", "到件地址不能为空")
        if not (receiver.get("mobile") or receiver.get("tel")):
            return _no("1016", "到件电话不能为空")
        if message["orderId"] in self.parcels:
            return _no("8016", "重复下单")
        if self.is_undeliverable(receiver["address"] + receiver.get("city", "")):
            return _yes({"orderId": message["orderId"], "filterResult": 3, "waybillNoInfoList": []})
        return _yes(self._shown(self.take(message["orderId"], message).reference))

    def _shown(self, reference: str) -> dict[str, Any]:
        parcel = self.parcels[reference]
        return {"orderId": reference, "filterResult": 2, "waybillNoInfoList": [{"waybillType": 1, "waybillNo": parcel.waybill}]}

    def _search(self, message: dict[str, Any]) -> dict[str, Any]:
        return _yes(self._shown(message["orderId"])) if message["orderId"] in self.parcels else _no("8018", "未获取到订单信息")

    def _update(self, message: dict[str, Any]) -> dict[str, Any]:
        parcel = self.parcels.get(message["orderId"])
        if parcel is None:
            return _no("6150", "找不到该订单")
        if parcel.cancelled:
            return _no("8037", "已消单")
        if parcel.steps:
            return _no("8252", "订单已确认")
        parcel.cancelled = message["dealType"] == 2
        return _yes({"orderId": message["orderId"], "resStatus": 2})

    def _routes(self, message: dict[str, Any]) -> dict[str, Any]:
        wanted = message["trackingNumber"]
        known = [parcel for parcel in self.parcels.values() if parcel.waybill in wanted]
        return _yes({"routeResps": [{"mailNo": parcel.waybill, "routes": parcel.steps[::-1]} for parcel in known]})

    def _print(self, message: dict[str, Any]) -> dict[str, Any]:
        numbers = [each["masterWaybillNo"] for each in message["documents"]]
        files = [{"url": f"{self.base_url}/print/{number}", "token": f"token-{number}", "waybillNo": number} for number in numbers]
        return {"success": True, "obj": {"templateCode": message["templateCode"], "fileType": "pdf", "files": files}}

    def _quote(self, message: dict[str, Any]) -> dict[str, Any]:
        fee = 12.0 + 2.5 * max(0.0, float(message["weight"]) - 1)
        return _yes({"deliverTmDto": [{"businessType": message.get("businessType") or "1", "deliverTime": "2026-11-23 18:00:00", "fee": fee}]})

    def push_body(self, waybill: str) -> bytes:
        """The route push about a parcel, as SF sends it."""
        parcel = next(each for each in self.parcels.values() if each.waybill == waybill)
        routes = [{"mailno": waybill, "orderid": parcel.reference, "id": str(n), "reasonCode": "", **step} for n, step in enumerate(parcel.steps)]
        return json.dumps({"Body": {"WaybillRoute": routes}}, ensure_ascii=False).encode()


def _yes(data: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": data}


def _no(code: str, text: str) -> dict[str, Any]:
    return {"success": False, "errorCode": code, "errorMsg": text, "msgData": None}


def _platform(code: str, text: str, inner: dict[str, Any] | None = None) -> Answer:
    data = json.dumps(inner, ensure_ascii=False) if inner is not None else ""
    return as_json({"apiErrorMsg": text, "apiResponseID": uuid.uuid4().hex, "apiResultCode": code, "apiResultData": data})

# SPDX-License-Identifier: Apache-2.0
"""The words on labels and papers, in English and Chinese. They stand here and not in the pages' translations: paper has a language of its own."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]

WORDS: dict[str, tuple[str, str]] = {
    "from": ("From", "发货方"),
    "to": ("To", "收货方"),
    "order": ("Order", "订单"),
    "carrier": ("Carrier", "承运商"),
    "waybill": ("Waybill", "运单号"),
    "package": ("Package", "包裹"),
    "packages": ("Packages", "包裹"),
    "weight": ("Weight", "重量"),
    "content": ("Content", "内装物"),
    "several": ("several items", "多种商品"),
    "lot": ("Batch", "批号"),
    "expiry": ("Expiry", "有效期至"),
    "best_before": ("Best before", "最佳食用期至"),
    "quantity": ("Quantity", "数量"),
    "item": ("Item", "商品"),
    "name": ("Name", "名称"),
    "bin": ("Bin", "库位"),
    "picked": ("Picked", "已拣"),
    "line": ("No.", "序号"),
    "serials": ("Serial numbers", "序列号"),
    "unit": ("Unit", "单位"),
    "page": ("Page", "页"),
    "printed": ("Printed", "打印时间"),
    "signed_sender": ("Handed over", "发货人签字"),
    "signed_receiver": ("Received", "收货人签字"),
    "ordered": ("Ordered", "订购"),
    "shipped": ("Shipped", "发货"),
    "packing_list": ("Packing list", "装箱单"),
    "pick_list": ("Pick list", "拣货单"),
    "outbound_document": ("Outbound document", "出库单"),
    "delivery_note": ("Delivery note", "送货单"),
    "receipt": ("Receipt", "收货单"),
    "place": ("Place", "位置"),
    "received_at": ("Received", "收货时间"),
    "announced": ("Announced", "通知"),
    "came": ("Came", "实收"),
    "differences": ("Differences", "差异"),
    "difference": ("Difference", "差异"),
    "answer": ("Answer", "处理"),
    "answer_open": ("open", "待处理"),
    "answer_accepted": ("accepted", "已接受"),
    "answer_found": ("booked", "已入账"),
    "differs_missing": ("missing", "缺少"),
    "differs_doubtful": ("in doubt", "存疑"),
    "differs_unexpected": ("unexpected", "意外"),
    "differs_over": ("too many", "超量"),
    "differs_expired": ("expired", "过期"),
    "differs_damaged": ("damaged", "破损"),
    "differs_wrong_lot": ("wrong lot", "批号不符"),
    "differs_wrong_door": ("wrong door", "月台不符"),
    "differs_asked": ("asked", "已询问"),
    "location": ("Location", "库位"),
    "zone": ("Zone", "区域"),
    "aisle": ("Aisle", "巷道"),
    "content_label": ("Content", "内装清单"),
    "tote": ("Tote", "周转箱"),
    "site": ("Site", "仓库"),
    "customer": ("Customer", "客户"),
    "kept": ("Keep", "储存"),
    "ambient": ("ambient", "常温"),
    "chilled": ("chilled", "冷藏"),
    "frozen": ("frozen", "冷冻"),
    "more": ("and {count} more", "另有 {count} 项"),
}


def word(key: str, language: Language) -> str:
    """A word in a language. Raises: KeyError: a mistake of the caller."""
    return WORDS[key][0 if language == "en" else 1]


def words(language: Language) -> dict[str, str]:
    """All words of a language."""
    return {key: word(key, language) for key in WORDS}

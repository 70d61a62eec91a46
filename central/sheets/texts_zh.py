# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a row, in Chinese, by the stable code of the error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_COLUMN: Mapping[str, str] = {
    "gtin": "不是有效的商品条码（GTIN）：应为 8、12、13 或 14 位数字，且校验位正确",
    "gln": "不是有效的全球位置码（GLN）：应为 13 位数字，且校验位正确",
    "site": "仓库编码只能用小写字母、数字、连字符和下划线，首尾须为字母或数字",
    "unit": "不是有效的 SSCC：应为 18 位数字，且校验位正确",
}
"""For values that their column refuses as a whole."""

_BY_CODE: Mapping[str, str] = {
    "missing": "缺少必填的值",
    "extra_forbidden": "没有这个字段",
    "string_too_short": "不能为空，至少 {min_length} 个字符",
    "string_too_long": "太长，最多 {max_length} 个字符",
    "string_pattern_mismatch": "含有不允许的字符，或格式不对",
    "string_type": "应为文字",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数，不能有小数",
    "int_type": "应为整数",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "bool_parsing": "应为“是”或“否”",
    "date_parsing": "应为日期，如 2026-12-31",
    "date_from_datetime_parsing": "应为日期，如 2026-12-31",
    "date_from_datetime_inexact": "应为日期，不带时间",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "literal_error": "不在允许的值之内：{expected}",
    "value_error": "值不正确（{message}）",
    "cells_too_many": "这一行有 {cells} 格，而标题只有 {headings} 列",
    "repeated": "这一行的编码或条码在文件中出现了不止一次，请只保留一行",
    "gtin_taken": "条码 {code} 已属于商品 {owner}；一个条码只能对应一个商品",
    "code_taken": "编码 {code} 已经代表商品 {owner}，不能再代表商品 {item}；请换一个编码",
    "unknown_item": "商品 {code} 不存在，请先导入商品",
    "unknown_location": "库位 {code} 不存在，请先导入库位",
    "unknown_partner": "往来单位 {code} 不存在，请先导入往来单位",
    "unknown_aisle": "巷道 {code} 不存在，请先导入巷道",
    "unknown_packaging": "商品 {item} 没有包装 {code}，请先导入包装",
    "outside_aisle": "库位的纵坐标不在巷道的范围内",
    "packagings_disagree": "商品 {item} 的包装数量互相矛盾：大包装应为小包装的整数倍，且数量各不相同",
    "kit_cycle": "套装互相包含：{circle}；套装不能包含自己",
    "sizes_incomplete": "长、宽、高要么都填，要么都不填",
    "position_incomplete": "两个坐标要么都填，要么都不填",
    "pair_incomplete": "网关和工位要么都填，要么都不填",
    "minimum_above_maximum": "最小库存 {minimum} 大于最大库存 {maximum}",
    "gtin_of_one_unit": "一件的包装使用商品自己的条码，请填在商品上",
    "each_is_one": "each 表示一件，不能是 {quantity} 件",
    "own_substitute": "商品不能替代自己",
    "own_component": "套装不能是自己的组件",
    "day_before_production": "日期早于生产日期",
    "no_length": "巷道的起点应小于终点",
    "hazard_unknown": "不是联合国危险品类别",
    "handling_unknown": "不是已知的搬运要求",
    "time_zone_unknown": "不是 IANA 时区名，例如 Asia/Shanghai",
    "time_wrong": "应为时间，如 16:30",
    "lot_missing": "批号不能为空",
    "text_unstorable": "含有不能保存的字符",
    "place_opened": "库位 {place} 已经录入过期初库存；确要再次录入请选择“再次”",
    "lot_expiry_differs": "批号 {lot} 的有效期已登记为 {known}，与表中的 {said} 不同",
    "serials_differ": "序列号有 {serials} 个，数量却是 {quantity}",
    "serials_needed": "商品 {item} 按序列号管理，请填写序列号",
    "serials_unwanted": "商品 {item} 不按序列号管理",
    "serial_twice": "序列号 {serial} 出现了不止一次",
    "serial_too_long": "序列号 {serial} 超过 20 个字符",
    "expiry_without_lot": "有效期属于批号：请填写批号，或不填有效期",
    "lot_held": "批号 {lot} 已被召回，请以状态“冻结”录入",
    "unit_elsewhere": "托盘 {unit} 在 {place}；一个托盘只能在一个位置",
    "serial_known": "序列号 {serial} 已经在库",
    "place_refuses": "库位不能存放：{reason}",
}


class _Given(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def text_zh(code: str, column: str, message: str, params: Mapping[str, Any]) -> str:
    """An error in Chinese; one without a Chinese text says its code and the English text."""
    if code == "value_error" and column in _BY_COLUMN:
        return _BY_COLUMN[column]
    template = _BY_CODE.get(code)
    return f"值不正确（{code}：{message}）" if template is None else template.format_map(_Given({"message": message, **params}))

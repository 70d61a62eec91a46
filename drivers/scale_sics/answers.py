# SPDX-License-Identifier: Apache-2.0
"""What a scale's replies mean to whoever gave the command."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from drivers.base.errors import DeviceFault, DriverError
from drivers.base.session import Argument
from drivers.base.weighing import weight_mg, weight_result
from drivers.scale_sics.frames import STATUS_MEANINGS, Reply
from drivers.scale_sics.questions import Ask

Result = dict[str, Argument | None]

_PIECE_DIVISIONS_MIN = 3
"""A piece lighter than three steps of the scale cannot be counted by it. Chosen; makers ask for 1 to 10."""
_ODD_SHARE = Decimal("0.25")
"""So much of a piece may be over or missing before a count is no count. Chosen: half of what would make it the next number."""


def refusal(reply: Reply) -> DeviceFault:
    """Why not, with the code as the maker writes it (`Z +`)."""
    return DeviceFault(reply.code, STATUS_MEANINGS.get(reply.status, f"the scale answered {reply.code!r} {reply.detail}".strip()))


def count_result(reply: Reply, text: str, piece: Reply | None) -> Result | DriverError:
    """What `count` gives: the weight, the weight of a piece and how many there are; or why that cannot be said."""
    assert reply.value is not None
    if piece is None or not piece.value:
        return DeviceFault("PW", "the scale holds no piece weight; set it first (piece_weight value=20.00 unit=g)")
    if piece.unit != reply.unit:
        return DeviceFault("PW", f"the piece weight is in {piece.unit!r} and the load in {reply.unit!r}; set both to one unit on the scale")
    step = Decimal(1).scaleb(int(reply.value.as_tuple().exponent))
    if piece.value < _PIECE_DIVISIONS_MIN * step:
        return DeviceFault("PW", f"a piece of {piece.value} {piece.unit} is too light for a scale that shows steps of {step} {reply.unit}; count by hand")
    pieces = (reply.value / piece.value).to_integral_value(ROUND_HALF_EVEN)
    if abs(reply.value - pieces * piece.value) > _ODD_SHARE * piece.value:
        return DeviceFault("PW", f"{reply.value} {reply.unit} is no whole number of pieces of {piece.value} {piece.unit}; look what lies on the scale")
    return {**weight_result(reply.value, reply.unit, text), "piece_weight": str(piece.value), "pieces": int(pieces)}


def result(ask: Ask, reply: Reply) -> Result:
    """What the other commands give: the serial number, the tare that was taken, the piece weight, or nothing."""
    if ask in (Ask.IDENTIFY, Ask.RESET):
        return {"serial": reply.detail}
    if reply.value is None:
        return {}
    amount_mg = weight_mg(reply.value, reply.unit)
    if ask in (Ask.TARE, Ask.TARE_NOW, Ask.PRESET):
        return {"tare": str(reply.value), "unit": reply.unit, "tare_mg": amount_mg}
    if ask is Ask.PIECE_WEIGHT:
        return {"piece_weight": str(reply.value), "unit": reply.unit, "piece_weight_mg": amount_mg}
    return {}

# SPDX-License-Identifier: Apache-2.0
"""What a scale's replies mean to whoever gave the command."""

from __future__ import annotations

from contracts.quantities import UnknownUnitError, milligrams
from drivers.base.errors import DeviceFault
from drivers.base.session import Argument
from drivers.scale_sics.frames import STATUS_MEANINGS, Reply
from drivers.scale_sics.questions import Ask


def refusal(reply: Reply) -> DeviceFault:
    """Why not, with the code as the maker writes it (`Z +`)."""
    return DeviceFault(reply.code, STATUS_MEANINGS.get(reply.status, f"the scale answered {reply.code!r} {reply.detail}".strip()))


def weight_result(reply: Reply, text: str) -> dict[str, Argument | None]:
    """What `weigh` gives: the number as sent with its unit, milligrams where the unit is a weight, and the line as it came."""
    return {"weight": str(reply.value), "unit": reply.unit, "weight_mg": _milligrams(reply), "text": text}


def result(ask: Ask, reply: Reply) -> dict[str, Argument | None]:
    """What the other commands give: the serial number, the tare that was taken, or nothing."""
    if reply.command == "I4":
        return {"serial": reply.detail}
    if ask in (Ask.TARE, Ask.PRESET) and reply.value is not None:
        return {"tare": str(reply.value), "unit": reply.unit, "tare_mg": _milligrams(reply)}
    return {}


def _milligrams(reply: Reply) -> int | None:
    """None for a unit that has no fixed weight (pieces, per cent)."""
    assert reply.value is not None
    try:
        return milligrams(reply.value, reply.unit)
    except UnknownUnitError:
        return None

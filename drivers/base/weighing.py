# SPDX-License-Identifier: Apache-2.0
"""What drivers of scales share: their configuration, the event of a weight, the commands about it, and how one becomes a reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, TypeVar

from contracts.quantities import UnknownUnitError, milligrams
from contracts.readings import AnyReading, Weight, WeightState
from drivers.base.config import DeviceConfig, StreamConfig, described
from drivers.base.driver import StreamDriver
from drivers.base.session import Argument, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec
from drivers.base.weighing_conditions import ScaleConditions

RESTING: tuple[WeightState, ...] = ("stable", "zero")
_UNITS = {"kg": "kg", "g": "g", "lb": "lb", "lbs": "lb", "oz": "oz"}
"""Units that mean one thing however they are written; `T` is left alone, since some write it for taels, and `MG`, which may be megagrams."""
_NUMBER = re.compile(r"[+-]?(?:0*[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
"""Nine digits before the point and nine behind it: more than any scale shows, and in tonnes still less milligrams than fit into 63 bits. What is longer
is damaged."""
_PARITY_OFF = bytes(value & 0x7F for value in range(256))


@dataclass(frozen=True)
class Weighed(SessionEvent):
    """What the scale says lies on it; see `contracts.readings.Weight`. `value` only when stable, zero or dynamic; `text` as it came.

    `code`: how the maker's document writes an overload, underload or error. `division`: the scale's step, in `unit`, where it tells it.
    """

    state: WeightState
    value: Decimal | None = None
    unit: str = ""
    text: str = ""
    net: bool = False
    tare: Decimal | None = None
    gross: Decimal | None = None
    tare_kind: Literal["", "weighed", "preset"] = ""
    code: str = ""
    division: Decimal | None = None


class ScaleConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scale at a serial line or a serial server."""

    interval_s: Annotated[float, described("Time from one question for the weight to the next", "s", ge=0.02, le=60)] = 0.2
    reply_timeout_s: Annotated[float, described("How long to wait for an answer before asking again", "s", gt=0, le=60)] = 1.0
    stale_after_s: Annotated[float, described("After so long without a weight the last one is told to be stale", "s", gt=0, le=3600)] = 2.0
    silence_timeout_s: Annotated[
        float,
        described("After so long without any valid answer the link counts as lost; 0: never, for a scale that speaks only when a key is pressed", "s", ge=0),
    ] = 6.0
    stability_timeout_s: Annotated[float, described("How long zero, tare and weigh wait for the load to rest", "s", gt=0, le=120)] = 10.0
    default_unit: Annotated[str, described("Unit of the weights where the scale does not send one; empty: none, such weights are not recorded", "text")] = ""
    division: Annotated[float, described("The scale's step (e) in its unit, like 0.005, to judge weights by; 0: as the scale says", "number", ge=0)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.silence_timeout_s <= self.stale_after_s:
            raise ValueError("`silence_timeout_s` must be longer than `stale_after_s`, or 0 for never")


ScaleConfigT = TypeVar("ScaleConfigT", bound=DeviceConfig)


class ScaleDriver(StreamDriver[ScaleConfigT]):
    """A driver whose sessions report `Weighed`."""

    @cached_property
    def _conditions(self) -> ScaleConditions:
        return ScaleConditions()

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Weighed):
            step = getattr(self.config, "division", 0.0)
            weight = Weight(
                device=self.device_id,
                at_s=at_s,
                state=event.state,
                value=event.value,
                unit=event.unit,
                text=event.text,
                net=event.net,
                tare=event.tare,
                gross=event.gross,
                tare_kind=event.tare_kind,
                division=Decimal(str(step)) if step else event.division,
            )
            yield weight
            yield from self._conditions.changes(weight)


WEIGH = CommandSpec(
    "weigh",
    "Wait for the load to rest and give its weight once",
    (ArgumentSpec("wait_s", float, "How long to wait; as configured (stability_timeout_s) when left out", "s", required=False),),
)
ZERO = CommandSpec("zero", "Set the scale to zero, once the load rests")
TARE = CommandSpec("tare", "Take what lies on the scale as tare, once it rests")


def number(text: str) -> Decimal | None:
    """A number as scales write it, `-  1.250` with the sign apart too; None: it is none. The decimals stay as sent.

    A comma or a blank between digits makes it none: nobody can say whether `1,250` is one or a thousand.
    """
    packed = text.strip()
    packed = packed[:1] + packed[1:].lstrip() if packed[:1] in ("+", "-") else packed
    return Decimal(packed) if _NUMBER.fullmatch(packed) else None


def unit_name(text: str) -> str:
    """A unit in the usual spelling where it can mean only one thing, else as sent."""
    stripped = text.strip(" _")
    return _UNITS.get(stripped.lower(), stripped)


def without_parity(data: bytes) -> bytes:
    """Seven bits of each byte; the eighth is parity where the line is opened with 8 data bits."""
    return data.translate(_PARITY_OFF)


def line_of(said: bytes) -> dict[str, Argument]:
    """Settings of the line on which this was heard with 8 data bits: none where no byte has an eighth bit, or where it is no parity."""
    odd_ones = {byte.bit_count() % 2 for byte in said}
    if len(odd_ones) != 1 or max(said) < 0x80:
        return {}
    return {"parity": "O" if odd_ones.pop() else "E", "data_bits": 7}


def plain(frame: bytes) -> str:
    """A frame as text for the record: ASCII as it is, every other byte as \\x and two hex digits, line ends left out."""
    return every_byte(frame.rstrip(b"\r\n"))


def every_byte(frame: bytes) -> str:
    """The same with line ends, where they may be something else (a checksum)."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in frame)


def weight_result(value: Decimal | None, unit: str, text: str) -> dict[str, Argument | None]:
    """What `weigh` gives: the number as sent with its unit, milligrams where the unit is a weight, and the text as it came."""
    return {"weight": str(value), "unit": unit, "weight_mg": weight_mg(value, unit), "text": text}


def weight_mg(value: Decimal | None, unit: str) -> int | None:
    """None for no value, and for a unit that has no fixed weight (pieces, per cent)."""
    try:
        return None if value is None else milligrams(value, unit)
    except UnknownUnitError:
        return None

# SPDX-License-Identifier: Apache-2.0
"""Readings: what drivers make of bytes. They stay on the gateway; stations turn them into events.

Every reading names its device and the monotonic second at which its last byte arrived (`at_s`). Delays and debounce use that, never a wall clock.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from contracts.naming import wire_name

WeightState = Literal["stable", "zero", "dynamic", "overload", "underload", "error", "stale"]
"""`zero`: stable, and the scale calls it zero. `stale`: it has said nothing for too long."""
LinkState = Literal["connected", "lost"]
PressKind = Literal["confirm", "shortage"]
PrintState = Literal["waiting", "printed", "taken", "failed", "unknown"]


class Reading(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, rename=wire_name, omit_defaults=True):
    """Base of all readings."""

    device: str
    at_s: float


class TagRead(Reading, frozen=True, kw_only=True):
    """One RFID read. `epc` is upper-case hex, `peak_rssi_dbm` in dBm; None: not reported.

    `reader_time_us` is the reader's own clock as it is, right or wrong: UTC, or time since its start. `phase_rad` is comparable only on one antenna and
    `channel` (the reader's number of it).
    """

    epc: str
    antenna: int
    peak_rssi_dbm: float | None = None
    reader_time_us: int | None = None
    seen_count: int = 1
    channel: int | None = None
    phase_rad: float | None = None
    doppler_hz: float | None = None


class InputChanged(Reading, frozen=True, kw_only=True):
    """A digital input (photo-eye, door contact) changed. `input` is the number printed on the device."""

    input: int
    level: bool
    reader_time_us: int | None = None


class Identifiers(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name, omit_defaults=True):
    """GS1 identifiers found in a scan, as digits and text: AI 00, 01, 10, 17 (YYYY-MM-DD), 21, 37, 310n (grams)."""

    sscc: str | None = None
    gtin: str | None = None
    lot: str | None = None
    expiry: str | None = None
    serial: str | None = None
    count: int | None = None
    weight_g: int | None = None


class Scan(Reading, frozen=True, kw_only=True):
    """A barcode. `text` is what was scanned without the symbology identifier, GS kept as \\x1d; unknown codes have no identifiers."""

    text: str
    symbology: str | None = None
    identifiers: Identifiers = Identifiers()
    error: str | None = None


class Weight(Reading, frozen=True, kw_only=True):
    """What a scale said. `value` in `unit` as sent (None unless stable, zero or dynamic); `text` is the raw line or frame for the record.

    `net`: the value is less the tare. `tare` and `gross` in the same unit where the scale tells them; `tare_kind`: how the tare came about, empty: not
    told. `division`: the scale's step, e.g. 0.005, where it is told or configured. Nothing is converted here.
    """

    state: WeightState
    value: Decimal | None = None
    unit: str = ""
    text: str = ""
    net: bool = False
    tare: Decimal | None = None
    gross: Decimal | None = None
    tare_kind: Literal["", "weighed", "preset"] = ""
    division: Decimal | None = None


class ButtonPressed(Reading, frozen=True, kw_only=True):
    """A pick light was answered. `quantity` is what its display shows now (the corrected quantity), None when it shows none."""

    node: int
    press: PressKind
    quantity: int | None = None


class LampTestEnded(Reading, frozen=True, kw_only=True):
    """A lamp test is over. `dead`: nodes that are not connected or reported a fault, also those that were never installed."""

    dead: list[int] = []


class Measured(Reading, frozen=True, kw_only=True):
    """A physical value; `quantity` names what and its unit (`temperature_c`, `humidity_pct`, `dew_point_c`, `pressure_hpa`)."""

    quantity: str
    value: float


class MeasuredArray(Reading, frozen=True, kw_only=True):
    """Values that a device gave in one answer, all of one `quantity`; `first` numbers the first of them. None: refused (sentinel, out of range)."""

    quantity: str
    first: int = 0
    values: list[int | float | None]


class ReadingFailed(Reading, frozen=True, kw_only=True):
    """A value was refused (sentinel, out of range, device error). `reason` is for people."""

    quantity: str
    reason: str


class ConditionChanged(Reading, frozen=True, kw_only=True):
    """Something about a device that a person must or may see to began or ended: `paper_out`, `head_open`, `battery_low`, `button_stuck`.

    `condition` is one of a small set of each driver, in snake_case; `reason` is for people, and says what to do.
    """

    condition: str
    active: bool
    reason: str = ""


class LabelJobChanged(Reading, frozen=True, kw_only=True):
    """What a label printer did with a job. `labels`: how many left it, None where it does not count them; `reason` is for people.

    `waiting`: it has the job and cannot print it now; all other states are final. `printed`: it said that nothing of it is left to print. `taken`: it has
    taken the bytes, and says nothing of what became of them. `unknown`: the link was lost in the middle and nothing tells what was printed.
    """

    job: str
    state: PrintState
    labels: int | None = None
    reason: str = ""


class LabelsCounted(Reading, frozen=True, kw_only=True):
    """How many labels a printer has ever printed, as its own counter says while it has nothing to do."""

    count: int


class LinkChanged(Reading, frozen=True, kw_only=True):
    """The way to the device was made or lost; made by the supervisor, once per change. `serial`: what answers, as far as it tells."""

    state: LinkState
    reason: str = ""
    serial: str = ""


AnyReading = (
    TagRead
    | InputChanged
    | Scan
    | Weight
    | ButtonPressed
    | LampTestEnded
    | Measured
    | MeasuredArray
    | ReadingFailed
    | ConditionChanged
    | LabelJobChanged
    | LabelsCounted
    | LinkChanged
)

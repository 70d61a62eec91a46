# SPDX-License-Identifier: Apache-2.0
"""What every carrier's adapter can do, in our words. Adapters speak HTTP through a client that is given to them; they know neither database nor clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal, Protocol

StepState = Literal["in_transit", "delivered", "exception"]

CHINA = timezone(timedelta(hours=8), "UTC+8")
"""Chinese carriers' instants carry no zone and mean Beijing time."""


@dataclass(frozen=True)
class Account:
    """How we are known at a carrier."""

    base_url: str
    client: str
    secret: str
    token: str = ""
    account: str = ""
    push_token: str = ""


@dataclass(frozen=True)
class Contact:
    """A sender or receiver."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    postcode: str = ""
    country: str = "CN"

    @property
    def line(self) -> str:
        """The address in one line, as a Chinese carrier writes it."""
        return f"{self.province}{self.city}{self.district}{self.street}"


@dataclass(frozen=True)
class Cargo:
    """So many of one kind of goods, by the name that stands on the waybill."""

    name: str
    quantity: int


@dataclass(frozen=True)
class Shipment:
    """One package to be carried. `reference` is ours and names it for ever; sizes are of the outside, 0 where nobody measured."""

    reference: str
    sender: Contact
    receiver: Contact
    cargo: tuple[Cargo, ...]
    weight_g: int
    service: str = ""
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class Placed:
    """The carrier took the order, now or before under our reference."""

    waybill: str


@dataclass(frozen=True)
class Quote:
    """What carrying would cost, in minor units of CNY, and when it would arrive, where the carrier says so."""

    service: str
    price_minor: int | None
    arrives_at: datetime | None = None


@dataclass(frozen=True)
class Label:
    """A waybill to print, as the carrier made it."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Step:
    """One step of a package's way. `key` is the same whenever the carrier tells it."""

    key: str
    code: str
    state: StepState
    text: str
    place: str
    at: datetime


@dataclass(frozen=True)
class Push:
    """A request that came from outside, as it came."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Pushed:
    """What a push says: steps by waybill, and what to answer so that the carrier does not send it again."""

    steps: Mapping[str, Sequence[Step]]
    answer: Mapping[str, object] = field(default_factory=dict)


class Carrier(Protocol):
    """An adapter. All methods raise a CarrierError (`carriers.faults`)."""

    def quote(self, shipment: Shipment) -> Sequence[Quote]:
        """What it would cost."""
        ...

    def create(self, shipment: Shipment) -> Placed:
        """Place an order; one that the carrier has under this reference is answered with its waybill, never with a second one."""
        ...

    def label(self, reference: str, waybill: str) -> Label:
        """The carrier's own waybill for printing."""
        ...

    def cancel(self, reference: str, waybill: str) -> None:
        """Take an order back; one that is cancelled already is fine."""
        ...

    def track(self, waybill: str, phone: str) -> Sequence[Step]:
        """The way so far, oldest first."""
        ...


ReadPush = Callable[[Account, Push], Pushed]
"""Reads what a carrier sends by itself, which needs no conversation. Raises: PushRefusedError."""


def step_at(time: str, code: str, text: object, place: object, *, delivered: Collection[str], trouble: Collection[str]) -> Step:
    """A step by the carrier's code; a time in Beijing and a code name it. Raises: ValueError: the time is none."""
    state: StepState = "delivered" if code in delivered else ("exception" if code in trouble else "in_transit")
    return Step(f"{time}/{code}", code, state, str(text or ""), str(place or ""), china_time(time))


def china_time(text: str) -> datetime:
    """`2026-11-21 08:00:00` in Beijing as an aware instant. Raises: ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)

# SPDX-License-Identifier: Apache-2.0
"""The closed list of what webhooks tell, each with what it means and an example of its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EventType:
    """`subject` says what the subject of such a message is; `example` is its data beside subject and site."""

    name: str
    description: str
    subject: str
    example: dict[str, Any] = field(default_factory=dict)


_ORDER = "order id"
_EXAMPLE_ORDER = {"channel": "shop", "number": "SO-1001"}
_PACKAGE = "SSCC of the package"
_EXAMPLE_PACKAGE = {"order": "7f0c", "carrier": "sf", "waybill": "SF1234567890"}

EVENT_TYPES = (
    EventType(
        "order.accepted",
        "an order was taken and promised, line by line",
        _ORDER,
        {**_EXAMPLE_ORDER, "lines": [{"n": 1, "item": "milk", "quantity": 8, "promised": 6}]},
    ),
    EventType("order.released", "goods are reserved for an order and its picking begins", _ORDER, _EXAMPLE_ORDER),
    EventType("order.picked", "the last task of an order is answered", _ORDER, _EXAMPLE_ORDER),
    EventType("order.shipped", "the goods of an order left", _ORDER, _EXAMPLE_ORDER),
    EventType("order.cancelled", "an order will not be sent", _ORDER, _EXAMPLE_ORDER),
    EventType(
        "order.backordered",
        "a part of an order waits for goods",
        _ORDER,
        {**_EXAMPLE_ORDER, "backorder": "SO-1001/b1", "lines": [{"n": 1, "item": "milk", "quantity": 4}]},
    ),
    EventType(
        "stock.transferred",
        "goods left one site for another; its `site` is where they go",
        "transfer number",
        {"from_site": "s1", "to_site": "s2", "state": "sent", "notice": "T-1001/1"},
    ),
    EventType(
        "lot.recalled",
        "a lot is held everywhere",
        "item/lot",
        {"recall": "R-1", "item": "milk", "lot": "L1", "reason": "supplier recall", "held": 48, "reservations": 2},
    ),
    EventType(
        "work_order.opened",
        "the floor needs a person",
        "work order number",
        {"kind": "pick_short", "about": "task 17", "message": "A-01: 4 of 6 milk are there; count the place", "station": "zone-a", "priority": 3},
    ),
    EventType(
        "work_order.resolved",
        "a work order was closed",
        "work order number",
        {"kind": "pick_short", "about": "task 17", "resolution": "counted", "resolved_by": "li"},
    ),
    EventType("shipment.label_created", "a carrier gave a waybill", _PACKAGE, _EXAMPLE_PACKAGE),
    EventType(
        "shipment.tracked",
        "a carrier told where a package is",
        _PACKAGE,
        {**_EXAMPLE_PACKAGE, "state": "delivered", "text": "signed for by the customer", "at": "2026-11-21T08:00:00+00:00"},
    ),
    EventType(
        "return.received",
        "a customer's goods came back",
        "return number",
        {"order": "SO-1001", "order_id": "7f0c", "item": "milk", "lot": "L1", "quantity": 2, "reason": "too many", "refund_minor": 1200},
    ),
    EventType("count.finished", "every place of a count is counted or decided on", "count id", {"kind": "cycle", "name": "shelf A"}),
    EventType("wave.released", "a wave of orders went to the floor", "wave id", {"orders": 24, "name": "noon", "mode": "cluster"}),
)
"""All types to which an endpoint can subscribe."""

TEST_TYPE = EventType("webhook.test", "somebody tries whether an endpoint takes messages; sent to that endpoint only", "endpoint", {"hello": "dockline"})
"""Sent on request, without a subscription."""

KNOWN = frozenset(each.name for each in EVENT_TYPES)

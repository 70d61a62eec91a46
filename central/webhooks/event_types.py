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

EVENT_TYPES = (
    EventType(
        "order.accepted", "an order was taken and promised, line by line", _ORDER, {**_EXAMPLE_ORDER, "lines": [{"n": 1, "item": "milk", "promised": 6}]}
    ),
    EventType("order.released", "goods are reserved for an order and its picking begins", _ORDER, _EXAMPLE_ORDER),
    EventType("order.picked", "the last task of an order is answered", _ORDER, _EXAMPLE_ORDER),
    EventType("order.shipped", "the goods of an order left", _ORDER, _EXAMPLE_ORDER),
    EventType("order.cancelled", "an order will not be sent", _ORDER, _EXAMPLE_ORDER),
    EventType("order.backordered", "a part of an order waits for goods", _ORDER, {**_EXAMPLE_ORDER, "lines": [{"n": 1, "item": "milk", "quantity": 4}]}),
    EventType("stock.changed", "what can be sold of an item at a site changed", "site/item", {"item": "milk", "available": 40}),
    EventType("stock.transferred", "goods left one site for another, or arrived", "transfer number", {"from_site": "s1", "to_site": "s2", "state": "sent"}),
    EventType("lot.recalled", "a lot is held everywhere", "item/lot", {"item": "milk", "lot": "L1", "reason": "supplier recall"}),
    EventType("work_order.opened", "the floor needs a person", "work order number", {"kind": "pick_short", "message": "..."}),
    EventType("work_order.resolved", "a work order was closed", "work order number", {"kind": "pick_short", "resolution": "counted", "resolved_by": "li"}),
    EventType("shipment.label_created", "a carrier gave a waybill and a label", "shipment number", {"carrier": "sf", "waybill": "SF1234567890"}),
    EventType("shipment.tracked", "a carrier told where a shipment is", "shipment number", {"carrier": "sf", "waybill": "SF1234567890", "state": "delivered"}),
    EventType("return.received", "a customer's goods came back", "return number", {"order": "SO-1001"}),
    EventType("count.finished", "a count was approved and its differences are posted", "count number", {"lines": 12, "differences": 1}),
    EventType("wave.released", "a wave of orders went to the floor", "wave number", {"orders": 24}),
)
"""All types to which an endpoint can subscribe."""

TEST_TYPE = EventType("webhook.test", "somebody tries whether an endpoint takes messages; sent to that endpoint only", "endpoint", {"hello": "dockline"})
"""Sent on request, without a subscription."""

KNOWN = frozenset(each.name for each in EVENT_TYPES)

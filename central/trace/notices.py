# SPDX-License-Identifier: Apache-2.0
"""Ship notices by EPCIS: what a supplier says it shipped to one of our sites is announced to inbound, with what is known of its pallets.

A shipping event is for us when it names the GLN of a site of ours as its destination. Its desadv is the notice's number; without one the event's hash is.
What stands on the pallets is told by events of aggregation, lots and days of expiry by those of commissioning, whenever they were captured before.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote

import pydantic
from sqlalchemy import Connection, select

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import item, partner, site
from central.database import savepoint
from central.errors import DomainError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.facts import fact_of
from central.inbound import service as inbound
from central.inbound.documents import DEPTH_MAX, ShipNotice
from central.trace import vocabulary
from central.trace.capturing import Prepared
from central.trace.indexing import key_of
from central.trace.naming import HOST, canonical_or_same
from central.trace.tables import epcis_event, epcis_term

_GLN = re.compile(rf"{HOST}/41[47]/([0-9]{{13}})(?:/.*)?")
_SSCC = re.compile(rf"{HOST}/00/([0-9]{{18}})")
_PIECE = re.compile(rf"{HOST}/01/([0-9]{{14}})/21/(.+)")
_CLASS = re.compile(rf"{HOST}/01/([0-9]{{14}})(?:/10/(.+))?")
_ISSUED = re.compile(r"urn:epcglobal:cbv:bt:([0-9]{13}):(.+)")
_LEAVING = frozenset({"shipping", "departing"})
_LOT = ("cbvmda:lotNumber", "gs1:hasBatchLotNumber", "urn:epcglobal:cbv:mda:lotNumber")
_EXPIRY = ("cbvmda:itemExpirationDate", "gs1:expirationDate", "urn:epcglobal:cbv:mda:itemExpirationDate")


class NoticeError(DomainError):
    """What the events say makes no notice."""

    def __init__(self, text: str) -> None:
        super().__init__("epcis_notice", text)


@dataclass
class _Shipment:
    """What events of one number say was shipped to a site: identifiers, and (class, quantity, unit of measure)."""

    number: str
    site: str
    supplier: str | None
    epcs: list[str] = field(default_factory=list)
    classes: list[tuple[str, float, str]] = field(default_factory=list)


def announce_shipments(connection: Connection, events: Sequence[Prepared], now: datetime) -> list[str]:
    """Announce what these events, which are stored, say was shipped to us; returns the numbers. What makes no notice becomes a question to a person."""
    leaving = [each for each in events if not each.declaration and vocabulary.bare_word("bizStep", each.event.get("bizStep", "")) in _LEAVING]
    announced = []
    for shipment in _shipments(connection, leaving) if leaving else ():
        try:
            with savepoint(connection):
                _announce(connection, shipment, now)
            announced.append(shipment.number)
        except (DomainError, pydantic.ValidationError) as error:
            reason = error.message if isinstance(error, DomainError) else "; ".join(each["msg"] for each in error.errors())
            told = message("epcis_notice_refused", notice=shipment.number, site=shipment.site, reason=reason)
            exceptions.ask_person(connection, told, shipment.number, None, now, site=shipment.site)
    return announced


def _shipments(connection: Connection, events: Sequence[Prepared]) -> Iterable[_Shipment]:
    sites = {row.gln: row.code for row in connection.execute(select(site.c.gln, site.c.code).where(site.c.gln.is_not(None)).order_by(site.c.code))}
    suppliers = {
        row.gln: row.code
        for row in connection.execute(select(partner.c.gln, partner.c.code).where(partner.c.gln.is_not(None)).order_by(partner.c.kind, partner.c.code))
    }
    found: dict[tuple[str, str], _Shipment] = {}
    for each in events:
        to = [sites[gln] for gln in _glns(each.event.get("destinationList", ()), "destination") if gln in sites]
        if to:
            number, issuer = _number(each)
            by = [*_glns(each.event.get("sourceList", ()), "source"), issuer]
            known = [suppliers[gln] for gln in by if gln in suppliers]
            shipment = found.setdefault((number, to[0]), _Shipment(number, to[0], None))
            shipment.supplier = shipment.supplier or (known[0] if known else None)
            _add(shipment, each.event)
    return found.values()


def _glns(parties: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return [match[1] for each in parties if (match := _GLN.fullmatch(canonical_or_same(each[name])))]


def _number(event: Prepared) -> tuple[str, str]:
    """The number of the notice, and the GLN of who gave it (empty: not said)."""
    for each in event.event.get("bizTransactionList", ()):
        if vocabulary.bare_word("transaction", each.get("type", "")) == "desadv":
            match = _ISSUED.fullmatch(each["bizTransaction"])
            if match is not None:
                return unquote(match[2]), match[1]
            return unquote(re.split(r"[:/]", each["bizTransaction"].rstrip("/"))[-1]), ""
    return f"EPCIS-{event.hash.partition(';')[2][:20]}", ""


def _add(shipment: _Shipment, event: Mapping[str, Any]) -> None:
    named = [event["parentID"]] if "parentID" in event else event.get("epcList", [])
    shipment.epcs += [epc for each in named if (epc := canonical_or_same(each)) not in shipment.epcs]
    if "parentID" not in event:
        shipment.classes += _classes(event.get("quantityList", ()))


def _classes(elements: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, str]]:
    return [(canonical_or_same(each["epcClass"]), each.get("quantity", 0), each.get("uom", "")) for each in elements]


def _announce(connection: Connection, shipment: _Shipment, now: datetime) -> None:
    if shipment.supplier is None:
        raise NoticeError("no partner has the GLN of its source; give the supplier its GLN in the catalog")
    reader = _Contents(connection)
    pallets, loose = [], []
    for epc in shipment.epcs:
        match = _SSCC.fullmatch(epc)
        if match is None:
            loose.append(epc)
        else:
            lines, units = reader.inside(epc)
            pallets.append({"sscc": match[1], "lines": lines, "units": units})
    lines = reader.lines(loose, shipment.classes)
    said = {"number": shipment.number, "site": shipment.site, "supplier": shipment.supplier, "pallets": pallets, "lines": lines, "progress": "in_transit"}
    notice = ShipNotice.model_validate(said)
    inbound.announce(connection, fact_of("ShipNotice", (notice.number,), notice, "epcis", now, notice.site), notice, now)


class _Contents:
    """What captured events say is in or on units."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def inside(self, unit: str, depth: int = 0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Lines and units of what stands in a unit. Raises: NoticeError: nothing is known of it, or it is nested too deeply."""
        epcs, classes = self._children(unit)
        if not epcs and not classes:
            raise NoticeError(f"what is in {unit} was told by no event; send the events that packed it first")
        units = []
        for epc in [epc for epc in epcs if _SSCC.fullmatch(epc)]:
            if depth >= DEPTH_MAX:
                raise NoticeError(f"{unit} is nested more than {DEPTH_MAX} deep")
            lines, inner = self.inside(epc, depth + 1)
            units.append({"sscc": epc.rpartition("/")[2], "lines": lines, "units": inner})
        return self.lines([epc for epc in epcs if not _SSCC.fullmatch(epc)], classes), units

    def _children(self, unit: str) -> tuple[list[str], list[tuple[str, float, str]]]:
        """Children by what was added and taken away, in the order in which it happened; what was observed last counts as added."""
        mine = select(epcis_term.c.event).where(epcis_term.c.kind == "parent", epcis_term.c.value == key_of(unit))
        taken_back = select(epcis_event.c.event_id).where(epcis_event.c.declared_at.is_not(None))
        query = select(epcis_event.c.body).where(epcis_event.c.n.in_(mine), epcis_event.c.type == "AggregationEvent", epcis_event.c.declaration == "")
        query = query.where(epcis_event.c.event_id.not_in(taken_back)).order_by(epcis_event.c.event_at, epcis_event.c.n)
        epcs: dict[str, None] = {}
        classes: dict[tuple[str, str], float] = defaultdict(float)
        for text in self._connection.execute(query).scalars():
            event = json.loads(text)
            children, quantities = [canonical_or_same(each) for each in event.get("childEPCs", ())], _classes(event.get("childQuantityList", ()))
            if event["action"] == "DELETE":
                epcs = {epc: None for epc in epcs if epc not in children} if children or quantities else {}
                for name, quantity, uom in quantities:
                    classes[name, uom] -= quantity
                if not children and not quantities:
                    classes.clear()
            else:
                epcs |= dict.fromkeys(children)
                for name, quantity, uom in quantities:
                    classes[name, uom] = quantity if event["action"] == "OBSERVE" else classes[name, uom] + quantity
        return list(epcs), [(name, quantity, uom) for (name, uom), quantity in classes.items() if quantity > 0]

    def lines(self, epcs: Sequence[str], classes: Sequence[tuple[str, float, str]]) -> list[dict[str, Any]]:
        """Tagged goods and quantities as lines of a notice. Raises: NoticeError, UnknownItemError."""
        told = self._master(epcs, [name for name, _, _ in classes])
        tagged: dict[tuple[str, str, date | None], list[str]] = defaultdict(list)
        for epc in epcs:
            match = _PIECE.fullmatch(epc)
            if match is None:
                raise NoticeError(f"{epc} is neither a unit with an SSCC nor goods with a GTIN")
            tagged[(match[1], *told.get(epc, ("", None)))].append(unquote(match[2]))
        lines = [self._line(gtin, lot, expiry, len(serials), serials) for (gtin, lot, expiry), serials in sorted(tagged.items(), key=str)]
        for name, quantity, uom in classes:
            match = _CLASS.fullmatch(name)
            if match is None or quantity != int(quantity) or quantity < 1:
                raise NoticeError(f"{name}: {quantity} {uom} is no whole number of goods with a GTIN")
            lot, expiry = told.get(name, ("", None))
            lines.append(self._line(match[1], unquote(match[2] or "") or lot, expiry, int(quantity), [], uom))
        return lines

    def _line(self, gtin: str, lot: str, expiry: date | None, number: int, serials: list[str], uom: str = "") -> dict[str, Any]:
        named = catalog.named(self._connection, gtin)
        row = self._connection.execute(select(item.c.gtin, item.c.uom).where(item.c.code == named.item)).one()
        if uom and uom != row.uom:
            raise NoticeError(f"item {named.item} is counted in {row.uom}, the event says {uom}")
        line = {"item": named.item, "lot": lot, "expiry": expiry, "quantity": number * named.quantity, "serials": serials}
        return line | ({"case_gtin": gtin} if serials and gtin != row.gtin else {})

    def _master(self, epcs: Sequence[str], classes: Sequence[str]) -> dict[str, tuple[str, date | None]]:
        """Lot and last day of use of goods, as the events say that made them."""
        found: dict[str, tuple[str, date | None]] = {}
        for kinds, names in ((("epc", "output"), epcs), (("class", "out_class"), classes)):
            term = epcis_term.c
            query = select(term.value, epcis_event.c.body).join(epcis_event, epcis_event.c.n == term.event)
            query = query.where(term.kind.in_(kinds), among(self._connection, term.value, sorted(set(names)))).order_by(epcis_event.c.event_at)
            for row in self._connection.execute(query) if names else ():
                ilmd = json.loads(row.body).get("ilmd")
                if ilmd:
                    found[row.value] = (_first(ilmd, _LOT), _day(_first(ilmd, _EXPIRY)))
        return found


def _first(ilmd: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(ilmd[name]) for name in names if isinstance(ilmd.get(name), str)), "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None

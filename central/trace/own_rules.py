# SPDX-License-Identifier: Apache-2.0
"""What a fact of Dockline's ledger is as events of EPCIS, pure.

Entries become flows of goods from one account to another; what kind of step a flow is follows from its places, statuses and units, not from who wrote it.
Goods are named by their GTIN and lot, numbered pieces and tagged cases by GTIN and serial, units by their SSCC; what has no GS1 key has a URI of our own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from central.ledger.rules import COUNT_DIFFERENCE, CUSTOMER, LOSS, PRODUCTION, TRANSIT, VENDOR, Account
from central.trace.naming import NamingError, canonical, link
from central.trace.shapes import is_uri, written

OURS = "urn:x-dockline:"
CONTEXT = {"dockline": f"{OURS}terms:"}
"""What our own events declare beside the standard's @context."""
_SENSORS = {
    "temperature_c": ("Temperature", "CEL"),
    "dew_point_c": ("Temperature", "CEL"),
    "humidity_pct": ("RelativeHumidity", "P1"),
    "pressure_hpa": ("Pressure", "A97"),
}
"""Measurement type and unit (UN/CEFACT Recommendation 20) of quantities that gateways measure."""
_OF_STATUS = {
    "hold": ("holding", "non_sellable_other"),
    "inspect": ("inspecting", "non_sellable_other"),
    "damaged": ("inspecting", "damaged"),
    "expired": ("inspecting", "expired"),
    "available": ("inspecting", "sellable_not_accessible"),
}
_SETTLING = ("ReceiptTakenBack", "WorkOrderAction")
"""Facts by which a person sets right what was booked at a door."""
_COUNTED = ("PlaceCounted", "CountDecided", "TagsCounted")


class Names(Protocol):
    """How things are called outside: what the catalog and the ledger know of them."""

    def gtin(self, item: str) -> str | None:
        """Of an item, 14 digits."""

    def gln(self, site: str) -> str | None:
        """Of a site, 13 digits."""

    def place_kind(self, place: str) -> str:
        """What kind of location a place is; empty: none."""

    def parent(self, unit: str) -> str:
        """The unit on which a unit stands; empty: none."""

    def notice(self, fact_id: str) -> Notice | None:
        """The ship notice on which a fact received goods."""


class Notice(NamedTuple):
    """The ship notice on which goods were received, and GLNs of who sent them."""

    number: str
    supplier_gln: str | None


class Piece(NamedTuple):
    """A numbered piece that moved."""

    item: str
    serial: str
    to_place: str


class Package(NamedTuple):
    """A package for a customer and what happened to it, a step of `central.shipping.trail`; `contents` are (item, lot, quantity, serials)."""

    sscc: str
    step: str
    contents: Sequence[tuple[str, str, int, Sequence[str]]] = ()


@dataclass(frozen=True)
class Told:
    """A fact of the ledger with what is needed of it. `body`: of an event of the wire, by its names; `offset`: of its site from UTC then, as +08:00."""

    id: str
    kind: str
    site: str
    at: datetime
    offset: str
    body: Mapping[str, Any] = field(default_factory=dict)
    legs: Sequence[tuple[Account, int]] = ()
    pieces: Sequence[Piece] = ()
    packages: Sequence[Package] = ()


class Flow(NamedTuple):
    """So much of an item went from one account to another."""

    source: Account
    target: Account
    quantity: int


class _Step(NamedTuple):
    """What goods that are told of together have alike. `parent`: the unit in or on which they are; `read_at` and `then_at` are places."""

    biz_step: str
    disposition: str
    action: str
    parent: str = ""
    read_at: str = ""
    then_at: str = ""
    owners: tuple[str, str] | None = None


def flows(legs: Sequence[tuple[Account, int]]) -> list[Flow]:
    """Legs of a fact, which sum to zero for each item, as flows: what leaves goes to what enters next, of the same lot and owner where it can."""
    leaving = [(account, -quantity) for account, quantity in legs if quantity < 0]
    entering = [(account, quantity) for account, quantity in legs if quantity > 0]
    made: list[Flow] = []
    for alike in (("item", "lot", "owner"), ("item", "lot"), ("item",)):
        rest: list[tuple[Account, int]] = []
        for target, wanted in entering:
            for n, (source, left) in enumerate(leaving):
                taken = min(wanted, left)
                if taken and all(getattr(source, name) == getattr(target, name) for name in alike):
                    made.append(Flow(source, target, taken))
                    leaving[n] = (source, left - taken)
                    wanted -= taken
            if wanted:
                rest.append((target, wanted))
        entering = rest
    return made


def undone(told: Told) -> list[Flow]:
    """Goods of a receipt that was taken back. That is no event of goods, which were never received; the receipt's own events are declared wrong instead."""
    return [flow for flow in flows(told.legs) if flow.target.place == VENDOR] if told.kind in _SETTLING else []


def events_of(told: Told, names: Names) -> list[dict[str, Any]]:
    """The events that tell of a fact, in a fixed order; none when nothing happened to goods."""
    if told.kind == "PalletPassed" and not told.legs:
        return list(_seen(told))
    made = list(_alarm(told, names)) if told.kind == "AlarmChanged" else []
    made += _transformation(told, names)
    grouped: dict[_Step, list[Flow]] = defaultdict(list)
    never_came = undone(told)
    for flow in flows(told.legs):
        if PRODUCTION not in (flow.source.place, flow.target.place) and flow not in never_came:
            for step in _steps(flow, told.kind, names):
                grouped[step].append(flow)
    for step, parts in grouped.items():
        made.append(_event(told, step, parts, names))
    made += _nested(told, grouped, names)
    made += _packages(told, names)
    return made


_INSIDE = {"closed": ("ADD", "packing"), "opened": ("DELETE", "unpacking"), "void": ("DELETE", "unpacking")}
"""Steps that are about what is in a package."""
_WHOLE = {"loaded": ("loading", "in_progress"), "unloaded": ("unloading", "in_progress"), "shipped": ("shipping", "in_transit")}


def _packages(told: Told, names: Names) -> Iterator[dict[str, Any]]:
    """Goods that were put into a package with its own number, or are in none any more; packages that were loaded, taken off again, or left."""
    for each in told.packages:
        if each.step in _INSIDE:
            action, step = _INSIDE[each.step]
            epcs = [piece_uri(item, serial, names.gtin(item)) for item, _, _, serials in each.contents for serial in serials]
            loose = [
                {"epcClass": class_uri(item, lot, names.gtin(item)), "quantity": quantity} for item, lot, quantity, serials in each.contents if not serials
            ]
            inside = {name: value for name, value in (("childEPCs", epcs), ("childQuantityList", loose)) if value}
            made = {**_when(told), "type": "AggregationEvent", "parentID": unit_uri(each.sscc), **inside}
            yield {**made, "action": action, "bizStep": step, "disposition": "in_progress", "readPoint": {"id": place_uri(told.site, names)}}
    for said, (step, disposition) in _WHOLE.items():
        units = [unit_uri(each.sscc) for each in told.packages if each.step == said]
        if units:
            made = {**_when(told), "epcList": units, "action": "OBSERVE", "bizStep": step, "disposition": disposition}
            yield {**made, "readPoint": {"id": place_uri(told.site, names)}}


def _steps(flow: Flow, kind: str, names: Names) -> Iterator[_Step]:
    """What happened with a flow; where goods also left or entered a unit, that too."""
    source, target, _ = flow
    if source.place == target.place and source.status == target.status:
        if source.owner != target.owner:
            yield _Step("other", "", "OBSERVE", target.unit, source.place, target.place, (source.owner, target.owner))
    elif source.status != target.status and not source.virtual and not target.virtual:
        biz_step, disposition = _OF_STATUS[target.status]
        recalled = kind == "LotRecalled" and target.status == "hold"
        yield _Step(biz_step, "recalled" if recalled else disposition, "OBSERVE", _kept(flow), source.place, target.place)
    else:
        yield _moved(flow, kind, names)
    if source.unit != target.unit and not source.virtual and not target.virtual:
        packed = names.place_kind(target.place) in ("stage", "pack", "dock") or kind in ("PackageClosed", "ItemPacked")
        if source.unit:
            yield _Step("unpacking", "in_progress", "DELETE", source.unit, source.place, target.place)
        if target.unit:
            yield _Step("packing" if packed or source.place == target.place else "storing", "in_progress", "ADD", target.unit, source.place, target.place)


def _kept(flow: Flow) -> str:
    """The unit in which goods stayed."""
    return flow.target.unit if flow.source.unit == flow.target.unit else ""


def _moved(flow: Flow, kind: str, names: Names) -> _Step:
    source, target, _ = flow
    if target.place == LOSS:
        return _Step("decommissioning", "inactive", "DELETE", source.unit, source.place)
    if source.place in (VENDOR, CUSTOMER) or source.place.endswith(f"/{TRANSIT}"):
        disposition = "returned" if source.place == CUSTOMER else "in_progress"
        return _Step("receiving", disposition, "OBSERVE", target.unit, target.place, target.place)
    if target.place in (VENDOR, CUSTOMER) or target.place.endswith(f"/{TRANSIT}"):
        return _Step("shipping", "in_transit", "OBSERVE", source.unit, source.place)
    counted = "cycle_counting" if kind in _COUNTED else "stock_taking"
    if source.place == COUNT_DIFFERENCE or source.virtual:
        return _Step(counted, "in_progress", "ADD", target.unit or "", target.place, target.place)
    if target.place == COUNT_DIFFERENCE:
        return _Step(counted, "unknown", "DELETE", source.unit, source.place)
    return _Step(_inside(source.place, target.place, kind, names), "in_progress", "OBSERVE", _kept(flow), source.place, target.place)


def _inside(source: str, target: str, kind: str, names: Names) -> str:
    """The step of goods that move within the house."""
    where = names.place_kind(target)
    if kind in ("PickConfirmed", "PickScanned") and where in ("stage", "pack", "dock"):
        return "picking"
    if where == "shipped":
        return "loading"
    if where in ("stage", "dock"):
        return "staging_outbound"
    if where == "pack":
        return "packing"
    return "stocking" if where == "bin" and names.place_kind(source) == "storage" else "storing"


def _event(told: Told, step: _Step, parts: Sequence[Flow], names: Names) -> dict[str, Any]:
    epcs, quantities = _goods(told, step, parts, names)
    made = _when(told)
    if step.parent:
        made |= {"type": "AggregationEvent", "parentID": unit_uri(step.parent)}
        goods = {"childEPCs": epcs, "childQuantityList": quantities}
    else:
        made["type"] = "ObjectEvent"
        goods = {"epcList": epcs, "quantityList": quantities}
    if step.parent and step.action == "DELETE" and step.biz_step != "unpacking":
        made |= {"type": "ObjectEvent"}
        del made["parentID"]
        goods = {"epcList": epcs, "quantityList": quantities}
    made |= {name: value for name, value in goods.items() if value}
    made |= {"action": step.action, "bizStep": step.biz_step}
    if step.disposition:
        made["disposition"] = step.disposition
    made |= _where(told, step, names)
    made |= _why(told, step, names)
    return made


def _when(told: Told) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": written(told.at),
        "eventTimeZoneOffset": told.offset,
        "dockline:fact": f"urn:uuid:{told.id}",
        "dockline:kind": told.kind,
    }


def _goods(told: Told, step: _Step, parts: Sequence[Flow], names: Names) -> tuple[list[str], list[dict[str, Any]]]:
    """Tags that a door read and pieces that were scanned one by one; the rest by class and quantity."""
    epcs = [each for each in _tags(told) if _is_good(each)] if step.biz_step == "receiving" and told.kind == "PalletPassed" else []
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for flow in parts:
        totals[flow.source.item, flow.source.lot] += flow.quantity
    pieces = defaultdict(list)
    for piece in told.pieces:
        if any(piece.item == flow.source.item and piece.to_place == flow.target.place for flow in parts):
            pieces[piece.item].append(piece.serial)
    numbered = {item for item, serials in pieces.items() if len(serials) == sum(number for (code, _), number in totals.items() if code == item)}
    epcs += [piece_uri(item, serial, names.gtin(item)) for item in sorted(numbered) for serial in sorted(pieces[item])]
    quantities = [
        {"epcClass": class_uri(item, lot, names.gtin(item)), "quantity": number} for (item, lot), number in sorted(totals.items()) if item not in numbered
    ]
    return list(dict.fromkeys(epcs)), quantities


def _where(told: Told, step: _Step, names: Names) -> dict[str, Any]:
    read = told.body.get("readPoint", "") if told.kind == "PalletPassed" else ""
    made: dict[str, Any] = {}
    if _is_good(read):
        made["readPoint"] = {"id": read}
    elif step.read_at and not step.read_at.startswith("@"):
        made["readPoint"] = {"id": place_uri(step.read_at, names)}
    if step.then_at and not step.then_at.startswith("@"):
        made["bizLocation"] = {"id": place_uri(step.then_at, names)}
    return made


def _why(told: Told, step: _Step, names: Names) -> dict[str, Any]:
    made: dict[str, Any] = {}
    notice = names.notice(told.id) if step.biz_step == "receiving" else None
    if notice is not None:
        number = quote(notice.number, safe="-._")
        uri = f"urn:epcglobal:cbv:bt:{notice.supplier_gln}:{number}" if notice.supplier_gln else f"{OURS}ship-notice:{number}"
        made["bizTransactionList"] = [{"type": "desadv", "bizTransaction": uri}]
        if notice.supplier_gln:
            made["sourceList"] = [{"type": "owning_party", "source": link((("417", notice.supplier_gln),))}]
    if step.owners is not None:
        before, after = (f"{OURS}owner:{quote(owner, safe='')}" if owner else f"{OURS}owner" for owner in step.owners)
        made["sourceList"] = [{"type": "owning_party", "source": before}]
        made["destinationList"] = [{"type": "owning_party", "destination": after}]
    return made


def _nested(told: Told, grouped: Mapping[_Step, Sequence[Flow]], names: Names) -> Iterator[dict[str, Any]]:
    """Units that came or went on others: the pallet with its cases."""
    inside: dict[_Step, list[str]] = defaultdict(list)
    for step in grouped:
        above = names.parent(step.parent) if step.parent and step.action == "OBSERVE" else ""
        if above:
            inside[step._replace(parent=above)].append(step.parent)
    for step, units in inside.items():
        made = {**_when(told), "type": "AggregationEvent", "parentID": unit_uri(step.parent), "childEPCs": [unit_uri(each) for each in sorted(set(units))]}
        yield {**made, "action": "OBSERVE", "bizStep": step.biz_step, "disposition": step.disposition, **_where(told, step, names)}


def _transformation(told: Told, names: Names) -> Iterator[dict[str, Any]]:
    """Components that became kits, or kits that became components."""
    used, made = ([flow for flow in _production(told.legs) if (flow.target if into else flow.source).place == PRODUCTION] for into in (True, False))
    if not used or not made:
        return
    step = _Step("assembling" if told.kind == "KitsAssembled" else "disassembling", "in_progress", "")
    event = {**_when(told), "type": "TransformationEvent"}
    for name, parts in (("input", used), ("output", made)):
        epcs, quantities = _goods(told, step, parts, names)
        event |= {key: value for key, value in ((f"{name}EPCList", epcs), (f"{name}QuantityList", quantities)) if value}
    place = made[0].target.place
    yield {**event, "bizStep": step.biz_step, "disposition": step.disposition, **_where(told, step._replace(read_at=place, then_at=place), names)}


def _production(legs: Sequence[tuple[Account, int]]) -> Iterator[Flow]:
    """Legs of goods that were used up or made, each with the place of production as its other end."""
    at_work = {account.item for account, _ in legs if account.place == PRODUCTION}
    for account, quantity in legs:
        if account.item in at_work and account.place != PRODUCTION:
            other = account.at(PRODUCTION)
            yield Flow(account, other, -quantity) if quantity < 0 else Flow(other, account, quantity)


def _tags(told: Told) -> list[str]:
    return [str(each) for each in told.body.get("childEPCs", ())]


def _is_good(uri: str) -> bool:
    """Whether a tag or read point of the wire is an identifier that an event may have."""
    try:
        return is_uri(uri) and bool(canonical(uri))
    except NamingError:
        return False


def _seen(told: Told) -> Iterator[dict[str, Any]]:
    """Goods passed a door and were not received there."""
    parent, tags = told.body.get("parentID") or "", [each for each in _tags(told) if _is_good(each)]
    made = {**_when(told), "action": "OBSERVE", "bizStep": "entering_exiting", "dockline:direction": str(told.body.get("direction", "unknown"))}
    if _is_good(told.body.get("readPoint", "")):
        made["readPoint"] = {"id": told.body["readPoint"]}
    if _is_good(parent) and tags:
        yield {**made, "type": "AggregationEvent", "parentID": parent, "childEPCs": list(dict.fromkeys(tags))}
    elif _is_good(parent) or tags:
        yield {**made, "epcList": list(dict.fromkeys([*([parent] if _is_good(parent) else []), *tags]))}


def _alarm(told: Told, names: Names) -> Iterator[dict[str, Any]]:
    """A room left its limits, or came back; that somebody acknowledged it is no event of goods."""
    state, quantity = told.body.get("state"), str(told.body.get("quantity", ""))
    if state == "acknowledged" or (state == "normal" and told.body.get("value") is None):
        return
    kind, unit = _SENSORS.get(quantity, (f"{OURS}quantity:{quote(quantity, safe='')}", ""))
    report: dict[str, Any] = {"type": kind}
    if told.body.get("condition") == "stale" and state == "unacknowledged":
        report["exception"] = "ERROR_CONDITION"
    elif state == "unacknowledged":
        report["exception"] = "ALARM_CONDITION"
    if told.body.get("value") is not None:
        report |= {"value": told.body["value"]} | ({"uom": unit} if unit else {})
    room = place_uri(f"{told.site}/{told.body.get('station', '')}", names)
    element = {"sensorMetadata": {"time": written(told.at)}, "sensorReport": [report]}
    yield {**_when(told), "action": "OBSERVE", "bizStep": "sensor_reporting", "readPoint": {"id": room}, "sensorElementList": [element]}


def class_uri(item: str, lot: str, gtin: str | None) -> str:
    """Goods of an item, of one lot where they have one."""
    if gtin is None:
        return f"{OURS}item:{quote(item, safe='')}" + (f":{quote(lot, safe='')}" if lot else "")
    return link((("01", gtin), ("10", lot)) if lot else (("01", gtin),))


def piece_uri(item: str, serial: str, gtin: str | None) -> str:
    """A numbered piece."""
    return f"{OURS}piece:{quote(item, safe='')}:{quote(serial, safe='')}" if gtin is None else link((("01", gtin), ("21", serial)))


def unit_uri(unit: str) -> str:
    """A handling unit by its SSCC, or by its name in the house."""
    return link((("00", unit),)) if len(unit) == 18 and unit.isdigit() else f"{OURS}unit:{quote(unit, safe='')}"


def place_uri(place: str, names: Names) -> str:
    """A place by its site's GLN and its own code as the extension, or by its name in the house."""
    site, _, code = place.partition("/")
    gln = names.gln(site)
    if gln is not None and not code:
        return link((("414", gln),))
    if gln is None or len(code) > 20 or not code.isascii():
        return f"{OURS}place:{quote(site, safe='')}" + (f":{quote(code, safe='')}" if code else "")
    return link((("414", gln), ("254", code)))

# SPDX-License-Identifier: Apache-2.0
"""The office of the simulated warehouse: it talks to central by its public HTTP API and by nothing else."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firmware_sims.world import labels
from firmware_sims.world.goods import ITEM_COLUMNS, Item, Pallet
from firmware_sims.world.hardware import BINS

SITE = "shanghai-1"
GATEWAY = "dock-1"
_ACTOR = "demo"
_PLACES_TO_COUNT = 5
_TOTE_G = 800
_STOCKED_MAX = 500
_OPENING_BIN, _OPENING_STORAGE = 14, 30
_BIN_LEVELS = {"minimum": 8, "maximum": 24}
_SITE_LEVELS = {"minimum": 48, "maximum": 160}
_TIMEOUT_S = 15.0
_TRIES = 120
_RETRY_S = 0.25
_LIST_TRIES = 20
_TRUCK_WINDOW = timedelta(minutes=15)
_OWN_PREFIX = "6901234"
_ONE_TOUCH = {"wrong_pallet_unplanned": "load_it", "pallet_loading_unclear": "load_it"}
"""What the clerk answers to a question of the loading door after a look."""
_NO_NOTICE = ("pallet_unknown",)
_SCAN_AGAIN = ("pallet_direction_unknown", "pallet_label_missing", "pallet_labels_many")


class OfficeError(RuntimeError):
    """Central refused a request or was away too long; the text has its answer."""


@dataclass(frozen=True)
class Tote:
    """A picked order on its way to the scale. Weights in grams."""

    order_id: str
    label: str
    weight_g: float
    one_case_g: float


@dataclass(frozen=True)
class Packed:
    """A pallet that is packed for a vehicle: its SSCC, and its tags as hex, its own first."""

    sscc: str
    tags: list[str]


@dataclass
class Office:
    """Master data, ship notices, orders, alarms and exceptions of one site."""

    url: str
    items: list[Item]
    random: random.Random
    unannounced: dict[str, Pallet] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)
    """Pallets that came in: nobody scans one that stands outside."""
    _notices: int = 0
    _orders: int = 0
    _scanned: set[str] = field(default_factory=set)
    _by_vehicle: list[str] = field(default_factory=list)
    _started: str = field(default_factory=lambda: f"{datetime.now(UTC):%H%M%S}")

    async def open_business(self) -> None:
        """Items, places, levels, partners and opening stock. Raises: OfficeError: central refused them."""
        await self._import_items()
        await self._put(
            "catalog/partners", [{"code": "acme", "name": "Acme Foods", "kind": "supplier"}, {"code": "corner-shop", "name": "Corner Shop", "kind": "customer"}]
        )
        await self._put("catalog/zones", [{"site": SITE, "id": "A", "gateway": GATEWAY, "station": "zone-a"}])
        await self._put("catalog/locations", self._locations())
        await self._put("catalog/levels", [*self._bin_levels(), *({"site": SITE, "item": item.code, **_SITE_LEVELS} for item in self._stocked)])
        await self._post("stock/corrections", {"reason": "opening", "actor": _ACTOR, "lines": self._opening_stock()}, key=f"opening-{self._started}")
        await self._put("shipping/sites", {"site": SITE, "company_prefix": _OWN_PREFIX})
        # For whoever opens /count: nobody in the simulated crew counts.
        plan = {"site": SITE, "kind": "dynamic", "scope": {"limit": _PLACES_TO_COUNT}, "actor": _ACTOR}
        await self._post("counts", plan, key=f"count-{self._started}")

    async def open_doors(self) -> None:
        """Say at which doors goods come; the gateway is up, and perhaps not enrolled yet. Raises: OfficeError."""
        for _ in range(_TRIES):
            if any(row["id"] == GATEWAY for row in await self._list("gateways")):
                break
            await asyncio.sleep(_RETRY_S)
        for door in ("door-1", "door-2"):
            await self._set_door(door, "receiving")

    async def announce(self, pallets: Sequence[Pallet], *, door: str = "") -> None:
        """Send a ship notice for what is on a truck, with the door and the quarter of an hour at which it comes; nothing for an empty list."""
        if pallets:
            self._notices += 1
            now = datetime.now(UTC)
            document = {
                "number": f"ASN-{self._started}-{self._notices}",
                "site": SITE,
                "supplier": "acme",
                "pallets": [_announced(pallet) for pallet in pallets],
                "door": door,
                "expected_from": now.isoformat(),
                "expected_until": (now + _TRUCK_WINDOW).isoformat(),
            }
            await self._post("ship-notices", document)

    async def announce_loose(self, item: Item, lot: str, quantity: int) -> None:
        """Send a ship notice for goods without a pallet."""
        self._notices += 1
        line = {"item": item.code, "lot": lot, "quantity": quantity}
        await self._post("ship-notices", {"number": f"ASN-{self._started}-{self._notices}", "site": SITE, "supplier": "acme", "lines": [line]})

    async def order_wave(self, orders: int = 2) -> None:
        """Customers order, and the orders are released to the floor at once; every second one leaves on a vehicle, the others when their weight is right."""
        for _ in range(orders):
            self._orders += 1
            by_vehicle = self._orders % 2 == 0
            number = f"SO-{self._started}-{self._orders}"
            wanted = self.random.sample(self.items[: len(BINS)], k=min(2, len(self.items)))
            lines = [{"item": item.code, "quantity": self.random.randint(1, 2)} for item in wanted]
            order = {"channel": "demo", "number": number, "site": SITE, "partner": "corner-shop", "lines": lines}
            order["ship_when"] = "asked" if by_vehicle else "weighed"
            answer = await self._post("orders", {**order, "tote": f"TOTE-{number}", "tare_g": _TOTE_G})
            await self._post(f"orders/{answer['id']}/release", {"actor": _ACTOR}, key=number)
            if by_vehicle:
                self._by_vehicle.append(answer["id"])

    async def totes_to_weigh(self) -> list[Tote]:
        """Orders that are picked and not yet away."""
        weights = {item.code: item.unit_weight_g for item in self.items}
        totes = []
        for row in await self._list("orders?state=picked"):
            order = await self._get(f"orders/{row['id']}")
            if order["ship_when"] != "weighed":
                continue
            taken = [(weights[line["item"]], line["picked"]) for line in order["lines"] if line["picked"]]
            if taken:
                totes.append(Tote(order["id"], order["tote"] or order["number"], _TOTE_G + sum(weight * count for weight, count in taken), taken[0][0]))
        return totes

    async def open_load(self, number: str, door: str) -> str:
        """A vehicle comes to a door to be loaded. Returns the load's id."""
        name, vehicle = f"LOAD-{self._started}-{number}", f"沪A{self._started[-4:]}{number}"
        load = await self._post("loads", {"site": SITE, "number": name, "door": door, "vehicle": vehicle, "actor": _ACTOR})
        await self._set_door(door, "loading", load=name, vehicle=vehicle)
        return str(load["id"])

    async def pack_for_vehicle(self) -> Packed | None:
        """Pack the next order that is picked and leaves on a vehicle onto a pallet of its own; None: there is none yet."""
        for order_id in list(self._by_vehicle):
            order = await self._get(f"orders/{order_id}")
            if order["state"] == "released":
                continue
            self._by_vehicle.remove(order_id)
            if order["state"] == "picked" and any(line["picked"] for line in order["lines"]):
                return await self._packed(order_id)
        return None

    async def _packed(self, order_id: str) -> Packed:
        box = await self._post("packages", {"site": SITE, "order_id": order_id, "kind": "pallet", "actor": "packer"}, key=f"pack-{order_id}")
        path, gtins = f"packages/{box['sscc']}", {item.code: item.gtin for item in self.items}
        tags = [labels.sscc_tag(box["sscc"])]
        for number, goods in enumerate(box["left"]):
            said = {name: goods[name] for name in ("item", "lot", "quantity")}
            await self._post(f"{path}/items", {**said, "actor": "packer"}, key=f"pack-{order_id}-{number}")
            tags += [labels.sgtin_tag(gtins[goods["item"]], self.random.randrange(1, 10**9)) for _ in range(goods["quantity"])]
        await self._post(f"{path}/close", {"actor": "packer"}, key=f"packed-{order_id}")
        return Packed(box["sscc"], tags)

    async def plan(self, load: str, sscc: str, door: str) -> None:
        """Put a package on a load's plan, and wait until the lamp of its door knows (not for ever)."""
        await self._post(f"loads/{load}/packages", {"sscc": sscc, "actor": _ACTOR}, key=f"plan-{sscc}")
        for _ in range(_LIST_TRIES):
            said = await self._get(f"doors/{SITE}/{door}/list")
            if sscc in (said["may_leave"] or ()) and (await self._get(f"doors/{SITE}/{door}"))["list_state"] == "newest":
                return
            await asyncio.sleep(_RETRY_S)

    async def close_load(self, load: str) -> bool:
        """The vehicle leaves, unless something is still to be settled about it."""
        return await self._post(f"loads/{load}/close", {"actor": _ACTOR, "incomplete": True}, key=f"close-{load}", refusable=True) is not None

    async def answer_doors(self) -> None:
        """The clerk looks at what a loading door asks, and answers at one touch."""
        for order in await self._list("work-orders"):
            if order["kind"] in _ONE_TOUCH:
                await self._post(f"work-orders/{order['id']}/actions/{_ONE_TOUCH[order['kind']]}", {"actor": "clerk"}, refusable=True)

    async def scan_aboard(self, load: str, ssccs: Sequence[str], door: str) -> None:
        """Of what was driven onto a vehicle the clerk scans the labels that the door did not see."""
        missing = set((await self._get(f"loads/{load}"))["missing"])
        for sscc in ssccs:
            if sscc in missing:
                scan = {"site": SITE, "text": f"00{sscc}", "station": door, "actor": "clerk"}
                await self._post("ship-scans", scan, key=f"aboard-{sscc}", refusable=True)

    async def count_doubted_bins(self) -> None:
        """After a short pick somebody counts the bin: the rest is there, and may be picked again."""
        for order in await self._list("work-orders?kind=pick_short"):
            said = order["params"]
            if said["doubtful"]:
                place = {"place": f"{SITE}/{said['bin']}", "item": said["item"], "lot": said["lot"], "status": "inspection"}
                move = {**place, "quantity": said["doubtful"], "to_status": "available", "actor": "counter"}
                await self._post("stock/moves", move, key=f"counted-{order['id']}", refusable=True)
            done = {"resolution": "counted the bin; the rest is there", "actor": "counter"}
            await self._post(f"work-orders/{order['id']}/resolve", done, refusable=True)

    async def told_of_doors(self) -> dict[str, list[dict[str, Any]]]:
        """All that the books say of doors: passes (inbound's and shipping's) in order of time, receipts, discrepancies, work orders."""
        passes = {row["event_id"]: row for row in [*await self._list("door-passes"), *await self._list("passages")]}
        return {
            "passes": sorted(passes.values(), key=lambda row: str(row["passed_at"])),
            "receipts": await self._list("receipts"),
            "discrepancies": await self._list("discrepancies"),
            "work_orders": await self._list("work-orders?state=all"),
        }

    async def _set_door(self, door: str, state: str, **what: str) -> None:
        until = (datetime.now(UTC) + _TRUCK_WINDOW).isoformat()
        await self._put(f"doors/{SITE}/{door}", {"gateway": GATEWAY, "state": state, "until_at": until, "actor": _ACTOR, **what})

    async def pallets_to_scan(self) -> list[str]:
        """Labels that a clerk is to scan because a door could not decide; a pallet without a notice gets one first."""
        found = []
        for order in await self._list("work-orders"):
            if order["kind"] not in _NO_NOTICE + _SCAN_AGAIN:
                continue
            for sscc in sorted(self._named_by(order) - self._scanned):
                if order["kind"] in _NO_NOTICE and (pallet := self.unannounced.get(sscc)):
                    await self.announce([pallet])
                self._scanned.add(sscc)
                found.append(f"00{sscc}")
        return found

    def _named_by(self, order: dict[str, Any]) -> set[str]:
        """The pallets that a question is about, as far as they are here."""
        said = order["params"]
        return {said.get("sscc", ""), *str(said.get("ssccs", "")).split(", ")} & self.here

    async def accept_proposals(self) -> None:
        """A forklift driver does what planning proposes."""
        for proposal in await self._list("proposals"):
            await self._post(f"proposals/{proposal['id']}/accept", {"actor": "forklift"}, refusable=True)

    async def unacknowledged_alarms(self) -> list[str]:
        """Alarms that nobody has taken in hand."""
        return [alarm["id"] for alarm in await self._list("alarms") if alarm["state"] in ("unacknowledged", "rtn_unacknowledged")]

    async def acknowledge(self, alarm: str) -> None:
        """The manager on call takes an alarm in hand."""
        await self._post(f"alarms/{alarm}/acknowledge", {"actor": "manager"}, refusable=True)

    async def is_busy(self) -> bool:
        """Whether alarms stand, picks are open or totes wait for the scale."""
        return bool(await self._list("alarms") or await self._list("pick-tasks") or await self.totes_to_weigh())

    async def figures(self) -> dict[str, Any]:
        """What happened, by central's own count."""
        answer: dict[str, Any] = await self._get("figures")
        return answer

    def _locations(self) -> list[dict[str, Any]]:
        bins = [{"site": SITE, "code": code, "kind": "bin", "zone": "A", "pick_rank": rank} for rank, code in enumerate(BINS, 1)]
        chilled = [{"site": SITE, "code": f"C-0{n}", "kind": "storage", "condition": "chilled", "cold_room": f"cold-{n}", "pick_rank": 90 + n} for n in (1, 2)]
        others = (("B-01", "storage"), ("STAGE", "stage"), ("DOCK", "dock"), ("SHIPPED", "shipped"))
        return [*bins, *chilled, *({"site": SITE, "code": code, "kind": kind, "pick_rank": 99} for code, kind in others)]

    @property
    def _stocked(self) -> list[Item]:
        """The items that the warehouse keeps: of a long master file its head."""
        return self.items[:_STOCKED_MAX]

    def _of_bin(self, n: int) -> Item:
        return self.items[n % len(self.items)]

    def _bin_levels(self) -> list[dict[str, Any]]:
        return [{"site": SITE, "location": code, "item": self._of_bin(n).code, **_BIN_LEVELS} for n, code in enumerate(BINS)]

    def _opening_stock(self) -> list[dict[str, Any]]:
        """Two lots in every bin, the older one first to go, and one in storage; chilled goods lie in the two cold rooms by turns."""
        today = datetime.now(UTC).date()
        lines = []
        for n, code in enumerate(BINS):
            item = self._of_bin(n)
            for age, quantity in ((2, _OPENING_BIN // 2), (1, _OPENING_BIN)):
                expiry = today + timedelta(days=max(2, item.shelf_life_days // (1 + age)))
                lines.append({"place": f"{SITE}/{code}", "item": item.code, "lot": f"L{age}{n:02d}", "expiry": expiry.isoformat(), "quantity": quantity})
        for n, item in enumerate(self._stocked):
            code = "B-01" if item.condition == "ambient" else f"C-0{1 + n % 2}"
            expiry = today + timedelta(days=max(3, item.shelf_life_days * 3 // 4))
            lines.append({"place": f"{SITE}/{code}", "item": item.code, "lot": f"S{n:03d}", "expiry": expiry.isoformat(), "quantity": _OPENING_STORAGE})
        return lines

    async def _import_items(self) -> None:
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, ITEM_COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(item) for item in self.items)
        answer = await self._request("POST", "imports/items", sheet.getvalue().encode(), {"Content-Type": "text/csv"})
        if answer["errors"]:
            first = answer["errors"][0]
            raise OfficeError(f"item file: row {first['row']}, {first['column']}: {first['message']}")

    async def _get(self, path: str) -> Any:
        return await self._request("GET", path)

    async def _list(self, path: str) -> list[dict[str, Any]]:
        """All of a list, page by page."""
        rows: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self._get(f"{path}{'&' if '?' in path else '?'}limit=1000{after}")
            rows += page["items"]
            if page["next"] is None:
                return rows
            after = f"&after={urllib.parse.quote(page['next'])}"

    async def _put(self, path: str, body: Any) -> Any:
        return await self._request("PUT", path, json.dumps(body).encode())

    async def _post(self, path: str, body: Any, *, key: str = "", refusable: bool = False) -> Any:
        return await self._request("POST", path, json.dumps(body).encode(), {"Idempotency-Key": key} if key else {}, refusable=refusable)

    async def _request(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, *, refusable: bool = False) -> Any:
        """One request, repeated while central is away (every write here names itself, so that doing it twice is doing it once).

        Raises: OfficeError: refused (unless `refusable`, then None), or away for too long.
        """
        request = urllib.request.Request(  # noqa: S310  # our own loopback address
            f"{self.url}/api/v1/{path}", body, {"Content-Type": "application/json", **(headers or {})}, method=method
        )
        for _ in range(_TRIES):
            try:
                return json.loads(await asyncio.to_thread(_exchange, request))
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")
                if error.code < 500:
                    if refusable:
                        return None
                    raise OfficeError(f"{method} {path}: {error.code} {said}") from error
            except OSError as error:
                said = str(error)
            await asyncio.sleep(_RETRY_S)
        raise OfficeError(f"{method} {path}: no answer from central at {self.url}: {said}")


def _exchange(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310  # our own loopback address
        data: bytes = response.read()
        return data


def _announced(pallet: Pallet) -> dict[str, Any]:
    first = pallet.cases[0]
    line = {"gtin": first.item.gtin, "lot": first.lot, "expiry": first.expiry.isoformat(), "quantity": len(pallet.cases)}
    return {"sscc": pallet.sscc, "lines": [{**line, "serials": [str(case.serial) for case in pallet.cases]}]}

# SPDX-License-Identifier: Apache-2.0
"""The office of the simulated warehouse: it talks to central by its public HTTP API and by nothing else."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

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
_NO_NOTICE = ("pallet_unknown",)
_SCAN_AGAIN = ("pallet_direction_unknown", "pallet_label_missing")


class OfficeError(RuntimeError):
    """Central refused a request or was away too long; the text has its answer."""


@dataclass(frozen=True)
class Tote:
    """A picked order on its way to the scale. Weights in grams."""

    order_id: str
    label: str
    weight_g: float
    one_case_g: float


@dataclass
class Office:
    """Master data, ship notices, orders, alarms and exceptions of one site."""

    url: str
    items: list[Item]
    random: random.Random
    unannounced: dict[str, Pallet] = field(default_factory=dict)
    _notices: int = 0
    _orders: int = 0
    _scanned: set[str] = field(default_factory=set)
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
        # For whoever opens /count: nobody in the simulated crew counts.
        plan = {"site": SITE, "kind": "dynamic", "scope": {"limit": _PLACES_TO_COUNT}, "actor": _ACTOR}
        await self._post("counts", plan, key=f"count-{self._started}")

    async def announce(self, pallets: Sequence[Pallet]) -> None:
        """Send a ship notice for what is on a truck; nothing for an empty list."""
        if pallets:
            self._notices += 1
            document = {
                "number": f"ASN-{self._started}-{self._notices}",
                "site": SITE,
                "supplier": "acme",
                "pallets": [_announced(pallet) for pallet in pallets],
            }
            await self._post("ship-notices", document)

    async def announce_loose(self, item: Item, lot: str, quantity: int) -> None:
        """Send a ship notice for goods without a pallet."""
        self._notices += 1
        line = {"item": item.code, "lot": lot, "quantity": quantity}
        await self._post("ship-notices", {"number": f"ASN-{self._started}-{self._notices}", "site": SITE, "supplier": "acme", "lines": [line]})

    async def order_wave(self, orders: int = 2) -> None:
        """Customers order, and the orders are released to the floor at once."""
        for _ in range(orders):
            self._orders += 1
            number = f"SO-{self._started}-{self._orders}"
            wanted = self.random.sample(self.items[: len(BINS)], k=min(2, len(self.items)))
            lines = [{"item": item.code, "quantity": self.random.randint(1, 2)} for item in wanted]
            order = {"channel": "demo", "number": number, "site": SITE, "partner": "corner-shop", "lines": lines, "ship_when": "weighed"}
            answer = await self._post("orders", {**order, "tote": f"TOTE-{number}", "tare_g": _TOTE_G})
            await self._post(f"orders/{answer['id']}/release", {"actor": _ACTOR}, key=number)

    async def totes_to_weigh(self) -> list[Tote]:
        """Orders that are picked and not yet away."""
        weights = {item.code: item.unit_weight_g for item in self.items}
        totes = []
        for row in await self._list("orders?state=picked"):
            order = await self._get(f"orders/{row['id']}")
            taken = [(weights[line["item"]], line["picked"]) for line in order["lines"] if line["picked"]]
            if taken:
                totes.append(Tote(order["id"], order["tote"], _TOTE_G + sum(weight * count for weight, count in taken), taken[0][0]))
        return totes

    async def pallets_to_scan(self) -> list[str]:
        """Labels that a clerk is to scan because a door could not decide; a pallet without a notice gets one first."""
        labels = []
        for order in await self._list("work-orders"):
            sscc = order["params"].get("sscc")
            if not sscc or sscc in self._scanned or order["kind"] not in _NO_NOTICE + _SCAN_AGAIN:
                continue
            if order["kind"] in _NO_NOTICE and (pallet := self.unannounced.get(sscc)):
                await self.announce([pallet])
            self._scanned.add(sscc)
            labels.append(f"00{sscc}")
        return labels

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

    async def _list(self, path: str) -> Any:
        answer = await self._get(path)
        return answer["items"] if isinstance(answer, dict) else answer

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

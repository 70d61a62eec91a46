# SPDX-License-Identifier: Apache-2.0
"""The office of the site under faults: master data, stock and orders by central's public API, each request repeated until it is answered."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.chaos.floor import SITE, Floor, bins_of
from firmware_sims.world.goods import ITEM_COLUMNS, Item, read_items

OPENING = 100_000
_ACTOR = "office"
_TIMEOUT_S = 10.0
_RETRY_S = 0.3
_TRIES = 600
_LATER = (409, 425, 429)
"""The same request is being worked on, or too many are."""
_ORDER_EVERY_S = (0.6, 1.4)
_LIT_ENOUGH = 2
_WAITING_MAX = 12


class OfficeError(RuntimeError):
    """Central refused a request that must go through; the text has its answer."""


@dataclass(frozen=True)
class Order:
    """An order that central has acknowledged: pieces by place."""

    id: str
    number: str
    pieces: dict[str, int]


@dataclass
class Office:
    """Talks to central at `url`. `acknowledged` are the orders that central said it has."""

    url: str
    seed: int
    acknowledged: list[Order] = field(default_factory=list)
    from_list: dict[str, int] = field(default_factory=dict)
    """Pieces by task that were picked without a light."""

    def __post_init__(self) -> None:
        self._dice = random.Random(f"office-{self.seed}")  # nobody gains by guessing it
        self._items: dict[str, Item] = {}
        self._lines: dict[str, int] = {}

    async def open_business(self, floors: list[Floor]) -> None:
        """Items, places, zones and opening stock. Raises: OfficeError."""
        places = [code for floor in floors for code in floor.bins]
        self._items = dict(zip(places, read_items(), strict=False))
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, ITEM_COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(item) for item in self._items.values())
        await self._request("POST", "imports/items", sheet.getvalue().encode(), {"Content-Type": "text/csv"})
        await self._put("catalog/partners", [{"code": "corner-shop", "name": "Corner Shop", "kind": "customer"}])
        await self._put("catalog/zones", [{"site": SITE, "id": floor.gateway.upper(), "gateway": floor.gateway, "station": "zone-1"} for floor in floors])
        kinds = (("STAGE", "stage"), ("DOCK", "dock"), ("SHIPPED", "shipped"))
        bins = [
            {"site": SITE, "code": code, "kind": "bin", "zone": floor.gateway.upper(), "pick_rank": rank}
            for floor in floors
            for rank, code in enumerate(floor.bins, 1)
        ]
        await self._put("catalog/locations", [*bins, *({"site": SITE, "code": code, "kind": kind, "pick_rank": 99} for code, kind in kinds)])
        expiry = (datetime.now(UTC).date() + timedelta(days=400)).isoformat()
        lines = [{"place": f"{SITE}/{code}", "item": item.code, "lot": "L1", "expiry": expiry, "quantity": OPENING} for code, item in self._items.items()]
        await self._post("stock/corrections", {"reason": "opening", "actor": _ACTOR, "lines": lines}, key="opening")

    async def order_for_ever(self, floor: Floor) -> None:
        """Customers order, as long as the pickers of this zone keep up."""
        number = 0
        while True:
            await floor.is_working.wait()
            waiting = self._lines.get(floor.gateway, 0) - len(floor.presses)
            if len(floor.lights.lit) < _LIT_ENOUGH and waiting < _WAITING_MAX:
                number += 1
                await self._order(floor, f"{floor.gateway}-{number}")
            await asyncio.sleep(self._dice.uniform(*_ORDER_EVERY_S))

    async def _order(self, floor: Floor, number: str) -> None:
        pieces = {code: self._dice.randint(1, 3) for code in self._dice.sample(bins_of(floor.gateway), k=2)}
        lines = [{"item": self._items[code].code, "quantity": quantity} for code, quantity in pieces.items()]
        said = await self._post("orders", {"channel": "chaos", "number": number, "site": SITE, "partner": "corner-shop", "lines": lines})
        await self._post(f"orders/{said['id']}/release", {"actor": _ACTOR}, key=f"release-{number}")
        self._lines[floor.gateway] = self._lines.get(floor.gateway, 0) + len(lines)
        self.acknowledged.append(Order(said["id"], number, pieces))

    async def pick_from_the_list(self) -> None:
        """What central no longer expects a light to show is picked with the list in hand."""
        for task in await self.open_tasks():
            if task["state"] == "listed":
                said = await self._post(f"pick-tasks/{task['id']}/confirm", {"quantity": task["requested"], "actor": "clerk"}, key=f"list-{task['id']}")
                if said["verdict"] != "repeated":
                    self.from_list[task["id"]] = task["requested"]

    async def open_tasks(self) -> list[dict[str, Any]]:
        """Tasks that nobody has answered."""
        page = await self._request("GET", "pick-tasks?limit=1000")
        tasks: list[dict[str, Any]] = page["items"]
        return tasks

    async def _put(self, path: str, body: Any) -> Any:
        return await self._request("PUT", path, json.dumps(body).encode())

    async def _post(self, path: str, body: Any, *, key: str = "") -> Any:
        return await self._request("POST", path, json.dumps(body).encode(), {"Idempotency-Key": key} if key else {})

    async def _request(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """One request, repeated while central is away or its disk is full; every write names itself, so that twice is once. Raises: OfficeError: refused."""
        request = urllib.request.Request(  # our own loopback address
            f"{self.url}/api/v1/{path}", body, {"Content-Type": "application/json", **(headers or {})}, method=method
        )
        said = ""
        for _ in range(_TRIES):
            try:
                return json.loads(await asyncio.to_thread(_exchange, request))
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")
                if error.code < 500 and error.code not in _LATER:
                    raise OfficeError(f"{method} {path}: {error.code} {said}") from error
            except (OSError, ValueError) as error:  # away, or ended in the middle of its answer
                said = str(error)
            await asyncio.sleep(_RETRY_S)
        raise OfficeError(f"{method} {path}: no good answer from central at {self.url}: {said}")


def _exchange(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # our own loopback address
        data: bytes = response.read()
        return data

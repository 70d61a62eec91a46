# SPDX-License-Identifier: Apache-2.0
"""A yard of dock doors for tests of pages: doors in every state, and passes with the reads that decided them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, update

from central.fleet.service import enrol
from central.fleet.tables import device, gateway
from central.inbound import service as inbound
from central.inbound.documents import ShipNotice
from central.inbound.tables import passage
from central.outbound.tables import customer_order
from central.shipping.tables import dock_door, door_appointment, load, load_package, package
from contracts.events import PalletPassed, PassCaptured, PassEvidence
from contracts.identifiers import Sgtin, check_digit, parse_uri, sgtin_uri
from contracts.topics import GatewayAddress
from tests.integration.warehouse import MILK_GTIN, SITE, Warehouse

SIDES = {"1": "inner", "2": "inner", "3": "outer", "4": "outer"}
_CASES = 12


def pallet_code(n: int) -> str:
    """The SSCC of a pallet."""
    digits = f"00614141{n:09d}"
    return digits + check_digit(digits)


def pallet_uri(n: int) -> str:
    """The same as an EPC URI."""
    return f"urn:epc:id:sscc:0614141.0{n:09d}"


def case_hex(serial: int) -> str:
    """The tag of a milk case."""
    identity = parse_uri(sgtin_uri(MILK_GTIN, str(serial), 7))
    assert isinstance(identity, Sgtin)
    return identity.hex(1)


def capture_of_a_walk(
    pass_id: str, station: str, at: datetime, serials: Sequence[int], *, direction: Any = "in", strays: int = 0, reads_per_tag: int = 60, seed: int = 1
) -> PassCaptured:
    """Tags that go through a portal in six seconds, read most strongly by each side when they are before it, and tags that stand beside."""
    chance = random.Random(seed)
    epcs = [case_hex(serial) for serial in serials] + [case_hex(90_000 + n) for n in range(strays)]
    peaks = {"outer": 2000, "inner": 3800} if direction != "out" else {"outer": 3800, "inner": 2000}
    reads = []
    for tag in range(len(epcs)):
        stays = tag >= len(serials)
        late = chance.uniform(-250, 250)
        for _ in range(reads_per_tag):
            antenna = chance.randint(1, 4)
            ms = chance.uniform(100, 5900)
            away_s = (ms - peaks[SIDES[str(antenna)]] - late) / 1000
            rssi = -68.0 + chance.gauss(0, 2) if stays else -48.0 - 7.0 * away_s * away_s + chance.gauss(0, 2)
            if rssi > -82:
                reads.append((int(ms), tag, antenna, round(rssi, 1)))
    reads.sort()
    moved = {"in": "moved_in", "out": "moved_out"}.get(direction, "unknown")
    first, second = ("outer", "inner") if direction != "out" else ("inner", "outer")
    edges = [(1300, first, True), (2900, second, True), (3100, first, False), (4600, second, False)]
    return PassCaptured(
        event_time=at,
        station=station,
        pass_id=pass_id,
        started_at=at,
        direction=direction,
        confidence=0.983 if direction != "unknown" else 0.55,
        sides=SIDES,
        epcs=epcs,
        results=[moved] * len(serials) + ["stayed"] * strays,
        confidences=[round(chance.uniform(0.93, 0.999), 3) for _ in epcs],
        read_ms=[each[0] for each in reads],
        read_tags=[each[1] for each in reads],
        read_antennas=[each[2] for each in reads],
        read_rssi_dbm=[each[3] for each in reads],
        edge_ms=[each[0] for each in edges],
        edge_eyes=[each[1] for each in edges],
        edge_levels=[each[2] for each in edges],
    )


class Yard(Warehouse):
    """Site s1 with doors: door-1 receives, door-2 loads, door-3 waits for a person, door-4 is away, door-5 is closed until the next vehicle, door-6 is free."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._serials = 0

    def announce(self, number: str, door: str, pallets: Sequence[int], *, hours: float = 0) -> list[list[int]]:
        """A notice for a door, twelve tagged cases a pallet; returns the serials of each pallet."""
        serials = [[self._serial() for _ in range(_CASES)] for _ in pallets]
        lines = [[{"gtin": MILK_GTIN, "lot": "L1", "expiry": "2026-12-24", "quantity": 48, "serials": [str(each) for each in mine]}] for mine in serials]
        start = self.now + timedelta(hours=hours)
        document = {"number": number, "site": SITE, "supplier": "dairy", "door": door, "expected_from": start, "expected_until": start + timedelta(hours=2)}
        document["pallets"] = [{"sscc": pallet_code(n), "tare_g": 20_000, "lines": mine} for n, mine in zip(pallets, lines, strict=True)]
        notice = ShipNotice.model_validate(document)
        self.do(lambda c: inbound.announce(c, self.fact("ShipNotice", notice, number), notice, self.now))
        return serials

    def _serial(self) -> int:
        self._serials += 1
        return self._serials

    def walk(self, station: str, pallet: int | None, serials: Sequence[int], *, direction: Any = "in", capture: bool = True, **said: Any) -> str:
        """A pallet goes through a door; returns the id of the pass."""
        pass_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{station}/{pallet}/{self.now}"))
        count = len(serials)
        fields: dict[str, Any] = {
            "event_time": self.now,
            "station": station,
            "read_point": station,
            "direction": direction,
            "confidence": 0.983 if direction != "unknown" else 0.55,
            "parent_id": pallet_uri(pallet) if pallet is not None else None,
            "child_epcs": [sgtin_uri(MILK_GTIN, str(each), 7) for each in serials],
            "pass_id": pass_id,
            "evidence": PassEvidence(
                reads=60 * count,
                eyes="outer-inner" if direction == "in" else "inner-outer" if direction == "out" else "outer",
                antennas=direction,
                antennas_confidence=0.97,
                closed_by="eyes",
                peaks_s={"outer": 2.0, "inner": 3.8} if direction != "out" else {"outer": 3.8, "inner": 2.0},
                tags_in=count if direction == "in" else count // 2 if direction == "unknown" else 0,
                tags_out=count if direction == "out" else 0,
                tags_unknown=count - count // 2 if direction == "unknown" else 0,
                duration_s=6.0,
                reason="the antennas do not agree" if direction == "unknown" else "",
            ),
        }
        self.happen(PalletPassed(**(fields | said)))
        if capture:
            strays = said.get("stray_epcs", [])
            self.happen(capture_of_a_walk(pass_id, station, self.now, serials, direction=direction, strays=len(strays)))
        return pass_id

    def links(self) -> None:
        """Gateways gate-1 and gate-2; gate-2, of door-4, does not answer. A reader at gate-1 is down."""
        self.do(lambda c: enrol(c, GatewayAddress(1, SITE, "gate-2"), self.now))
        self.do(lambda c: c.execute(update(gateway).where(gateway.c.id == "gate-1").values(online=True)))
        self.do(lambda c: c.execute(insert(device).values(gateway="gate-1", device="reader-6", state="lost", changed_at=self.now)))

    def timetable(self, station: str, state: str, **values: Any) -> None:
        """What stands at a door now."""
        row = {"site": SITE, "station": station, "gateway": "gate-1", "state": state, "changed_at": self.now, "changed_by": "li"} | values
        self.do(lambda c: c.execute(insert(dock_door).values(**row)))

    def load(self, number: str, station: str, planned: int, loaded: int, vehicle: str) -> str:
        """An open load of packages, some of them on the vehicle."""
        load_id = str(uuid.uuid5(uuid.NAMESPACE_URL, number))
        row = {"id": load_id, "site": SITE, "number": number, "door": station, "vehicle": vehicle, "carrier": "sf", "created_at": self.now}
        self.do(lambda c: c.execute(insert(load).values(**row)))
        order = {"id": str(uuid.uuid4()), "channel": "shop", "number": number, "site": SITE, "partner": "shop", "state": "picked", "ship_when": "asked"}
        self.do(lambda c: c.execute(insert(customer_order).values(**order, created_at=self.now)))
        packed = {"order_id": order["id"], "site": SITE, "kind": "pallet", "opened_at": self.now}
        packages = [{"sscc": pallet_code(7000 + n), "opened_by": str(uuid.uuid4()), "state": "loaded" if n < loaded else "closed"} for n in range(planned)]
        self.do(lambda c: c.execute(insert(package), [packed | each for each in packages]))
        boxes = [{"load_id": load_id, "sscc": pallet_code(7000 + n), "loaded_at": self.now if n < loaded else None} for n in range(planned)]
        self.do(lambda c: c.execute(insert(load_package), boxes))
        return load_id

    def appointment(self, station: str, vehicle: str, *, hours: float) -> None:
        """A vehicle that is to come."""
        start = self.now + timedelta(hours=hours)
        row = {"site": SITE, "number": f"SLOT-{vehicle}", "station": station, "notices": [], "vehicle": vehicle, "from_at": start}
        row |= {"until_at": start + timedelta(hours=1), "created_at": self.now, "created_by": "li"}
        self.do(lambda c: c.execute(insert(door_appointment).values(**row)))

    def fill_doors(self) -> dict[str, str]:
        """Every state of a door; returns the passes by what is special about them."""
        self.links()
        serials = self.announce("ASN-1182", "door-1", range(1, 7))
        passes = {}
        for n in (1, 2, 3):
            self.later(40)
            passes["in"] = self.walk("door-1", n, serials[n - 1], stray_epcs=[sgtin_uri(MILK_GTIN, "90000", 7), sgtin_uri(MILK_GTIN, "90001", 7)])
        self.timetable("door-1", "receiving", vehicle="A·88123", from_at=self.now, until_at=self.now + timedelta(hours=1))
        load_id = self.load("L-88", "door-2", 24, 15, "B·20517")
        self.timetable("door-2", "loading", load_id=load_id, from_at=self.now, until_at=self.now + timedelta(minutes=50))
        passes["out"] = self.walk("door-2", 500, [400, 401], direction="out", biz_step="shipping")
        serials = self.announce("ASN-1183", "door-3", range(11, 14))
        self.later(20)
        passes["missing"] = self.walk("door-3", 11, serials[0][:-2])
        self.later(20)
        passes["unknown"] = self.walk("door-3", 12, serials[1], direction="unknown")
        passes["away"] = self.walk("door-4", 600, [500], direction="out", capture=False, biz_step="shipping")
        self.do(lambda c: c.execute(_of_gateway("door-4", "gate-2")))
        self.timetable("door-5", "closed")
        self.appointment("door-5", "C·31002", hours=1.5)
        self.announce("ASN-1190", "door-6", range(21, 33), hours=2)
        self.later(5)
        return passes


def _of_gateway(station: str, gateway_id: str) -> Any:
    return update(passage).where(passage.c.station == station).values(gateway=gateway_id)

# SPDX-License-Identifier: Apache-2.0
"""What central has applied, read from its database while it runs: every event once, under which number, and what it says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from central.database import reading
from central.exceptions.tables import work_order
from central.ingest.tables import mark, quarantine
from central.ledger.tables import balance
from central.ledger.tables import event as event_table
from contracts.events import ItemScanned, PickConfirmed, SensorMeasured, WeightRecorded
from contracts.wire import WireError, decode_event

_ROWS = 20_000
_KINDS_OF_LOSS = ("events_missing", "identity_reused", "event_quarantined", "message_quarantined")


@dataclass
class Lane:
    """The numbers of one (gateway, epoch, lane): those taken, and for each the gateway's monotonic second."""

    at_s: dict[int, float] = field(default_factory=dict)

    def holes(self) -> list[int]:
        """Numbers below the highest that are not there."""
        return [number for number in range(1, max(self.at_s, default=0) + 1) if number not in self.at_s]


@dataclass
class Books:
    """All that was read so far; `read_on` adds what came since."""

    engine: Engine
    lanes: dict[tuple[str, str, str], Lane] = field(default_factory=lambda: defaultdict(Lane))
    scans: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    samples: dict[str, Counter[tuple[int, float]]] = field(default_factory=lambda: defaultdict(Counter))
    weights: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Records by gateway and weight in grams."""
    picks: Counter[str] = field(default_factory=Counter)
    taken: dict[str, int] = field(default_factory=dict)
    """Pieces by pick task, as its first answer said."""
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unreadable: list[str] = field(default_factory=list)
    _position: int = 0

    def read_on(self) -> None:
        """Read what was recorded since the last time. Nothing may be under way, since positions are not given in order of commits."""
        while True:
            with reading(self.engine) as connection:
                rows = self._rows(connection)
            for row in rows:
                self._add(row.source, row.source_seq, row.body)
            if len(rows) < _ROWS:
                return

    def _rows(self, connection: Connection) -> Sequence[Any]:
        columns = (event_table.c.position, event_table.c.source, event_table.c.source_seq, event_table.c.body)
        rows = connection.execute(select(*columns).where(event_table.c.position > self._position).order_by(event_table.c.position).limit(_ROWS)).all()
        if rows:
            self._position = rows[-1].position
        return rows

    def _add(self, source: str, seq: int | None, body: bytes) -> None:
        parts = source.split("/")
        if seq is None or len(parts) != 3:
            return
        gateway, epoch, lane = parts
        try:
            event = decode_event(body)
        except WireError as error:
            self.unreadable.append(f"{source}/{seq}: {error}")
            return
        at_s = event.monotonic_s or 0.0
        self.lanes[gateway, epoch, lane].at_s[seq] = at_s
        self.times[gateway].append(at_s)
        match event:
            case ItemScanned():
                self.scans[gateway][event.text] += 1
            case WeightRecorded():
                self.weights[gateway][round(event.weight_mg / 1000)] += 1
            case PickConfirmed():
                self.picks[event.task_id] += 1
                self.taken.setdefault(event.task_id, event.quantity.value)
            case SensorMeasured(quantity="temperature_c"):
                self.samples[gateway][round(event.value * 10), at_s] += 1
            case _:
                pass

    def marks(self) -> dict[tuple[str, str, str], int]:
        """Up to which number each lane is taken."""
        with reading(self.engine) as connection:
            return {(row.gateway, row.epoch, row.lane): row.upto for row in connection.execute(select(mark.c.gateway, mark.c.epoch, mark.c.lane, mark.c.upto))}

    def on_hand(self, site: str, places: Sequence[str]) -> int:
        """Pieces at these places."""
        with reading(self.engine) as connection:
            query = select(func.coalesce(func.sum(balance.c.on_hand), 0)).where(balance.c.place.in_([f"{site}/{code}" for code in places]))
            return int(connection.execute(query).scalar_one())

    def complaints(self) -> list[str]:
        """What central itself says went wrong on the way: quarantined, missing, used twice."""
        with reading(self.engine) as connection:
            kept = [f"quarantine: {row.topic} {row.seq}: {row.reason}" for row in connection.execute(select(quarantine).limit(20))]
            query = select(work_order.c.kind, work_order.c.message).where(work_order.c.kind.in_(_KINDS_OF_LOSS)).limit(20)
            return [*kept, *(f"work order {row.kind}: {row.message}" for row in connection.execute(query))]

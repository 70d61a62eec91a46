# SPDX-License-Identifier: Apache-2.0
"""One seeded world: gateways, brokers and central, the faults that befall them, and what must be true when all is well again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from contracts import wire
from contracts.events import ItemScanned, SensorMeasured
from tests.simulation.central import Central
from tests.simulation.gateways import Gateway
from tests.simulation.network import Broker, Line

_TROUBLE_S = 40.0
_FAULTS = (3, 9)
_REPORTS_S = 10.0
"""A gateway says something at least twice a minute, its report; here more often. A central that was set back is noticed by that."""
_HEALED_WITHIN_S = 180.0


@dataclass
class Report:
    """What became of a seed. `findings` empty: all is as it must be."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    applied: int = 0
    findings: list[str] = field(default_factory=list)


class World:
    """Everything of one seed. `memory`: which memory may be lost in this world; two losses at once would leave nobody who knows the truth."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.report = Report(seed)
        self._random = random = Random(seed)
        self._folder = folder
        self._brokers = [Broker(Random(random.random())) for _ in range(random.choice((1, 1, 2)))]
        self._lines: list[Line] = []
        self._central = Central(self._brokers, [self._line() for _ in self._brokers], random)
        self._gateways = [
            Gateway(f"gate-{n}", folder / f"card-{n}", [(broker, self._line()) for broker in self._brokers], Random(random.random()))
            for n in range(random.choice((1, 2)))
        ]
        self._memory = random.choice(("", "", "card image", "empty card", "central's backup"))
        self._excused: dict[str, set[int]] = {gateway.name: set() for gateway in self._gateways}
        self._told_again: dict[str, set[int]] = {gateway.name: set() for gateway in self._gateways}

    def _line(self) -> Line:
        line = Line(Random(self._random.random()))
        self._lines.append(line)
        return line

    async def live(self) -> Report:
        """The whole life of the world."""
        self._central.start()
        for gateway in self._gateways:
            gateway.start()
        troubles = [asyncio.create_task(self._after(self._random.uniform(0.5, _TROUBLE_S), self._trouble())) for _ in range(self._random.randint(*_FAULTS))]
        if self._memory:
            troubles.append(asyncio.create_task(self._after(self._random.uniform(2.0, _TROUBLE_S / 2), self._forget())))
        for trouble in troubles:
            await trouble
        await self._heal()
        self._judge()
        await self._end()
        self.report.findings += self._central.broken
        return self.report

    async def _after(self, delay_s: float, trouble: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(delay_s)
        await trouble()

    def _trouble(self) -> Callable[[], Awaitable[None]]:
        kind = self._random.choice(
            (self._kill_gateway, self._kill_gateway, self._kill_central, self._kill_broker, self._hole, self._cut, self._slow, self._mess, self._fill_card)
        )
        kind = self._random.choice((kind, kind, kind, kind, kind, kind, kind, self._set_clock))
        self.report.faults[kind.__name__.strip("_").replace("_", " ")] += 1
        return kind

    async def _kill_gateway(self) -> None:
        gateway = self._random.choice(self._gateways)
        await gateway.kill()
        for _ in range(self._random.choice((0, 0, 1))):  # once more while it begins
            gateway.start()
            await asyncio.sleep(self._random.uniform(0.0, 0.5))
            await gateway.kill()
        await asyncio.sleep(self._random.choice((0.0, 0.5, 8.0)))
        gateway.start()

    async def _kill_central(self) -> None:
        await self._central.kill()
        await asyncio.sleep(self._random.choice((0.0, 0.5, 8.0)))
        self._central.start()

    async def _kill_broker(self) -> None:
        broker = self._random.choice(self._brokers)
        broker.die()
        await asyncio.sleep(self._random.choice((0.1, 3.0, 10.0)))
        broker.up = True

    async def _hole(self) -> None:
        line = self._random.choice(self._lines)
        line.hole = True
        await asyncio.sleep(self._random.choice((1.0, 4.0, 20.0)))
        line.hole = False

    async def _cut(self) -> None:
        line = self._random.choice(self._lines)
        line.break_off()
        await asyncio.sleep(self._random.choice((0.1, 2.0, 10.0)))
        line.cut = False

    async def _slow(self) -> None:
        line = self._random.choice(self._lines)
        line.delay_s, line.loss = self._random.choice((0.05, 0.3)), self._random.choice((0.0, 0.05, 0.2))
        await asyncio.sleep(self._random.uniform(1.0, 15.0))
        line.delay_s, line.loss = 0.001, 0.0

    async def _mess(self) -> None:
        broker = self._random.choice(self._brokers)
        broker.doubles, broker.swaps = self._random.choice(((0.2, 0.0), (0.0, 0.2), (0.2, 0.2)))
        await asyncio.sleep(self._random.uniform(1.0, 15.0))
        broker.doubles = broker.swaps = 0.0

    async def _fill_card(self) -> None:
        gateway = self._random.choice(self._gateways)
        gateway.is_full = True
        await asyncio.sleep(self._random.choice((0.5, 4.0, 12.0)))
        gateway.is_full = False

    async def _set_clock(self) -> None:
        self._random.choice(self._gateways).ahead += timedelta(hours=self._random.choice((-24, -3, 3, 24)))

    def _forget(self) -> Callable[[], Awaitable[None]]:
        self.report.faults[self._memory] += 1
        return self._restore_central if self._memory == "central's backup" else self._change_card

    async def _restore_central(self) -> None:
        """Telemetry that was acknowledged is gone at the gateways; movements they still keep."""
        backup = self._central.books.copy()
        await asyncio.sleep(self._random.uniform(1.0, 12.0))
        await self._central.kill()
        forgotten = list(_numbers(self._central.books.applied, "telemetry"))
        self._central.books = backup
        for name, number in set(forgotten) - set(_numbers(backup.applied, "telemetry")):
            self._excused[name].add(number)
        self._central.start()

    async def _change_card(self) -> None:
        """What the machine has accepted and central does not have is gone with the old card: no program can bring it back, but nothing else may be lost."""
        gateway = self._random.choice(self._gateways)
        await self._open(gateway)
        image = self._folder / "image"
        if self._memory == "card image":
            gateway.image(image)
            # What the image holds and central had not when it was taken: the original may say it, and the image says it again (docs/decisions/0011).
            known = {number for name, number in _numbers(self._central.books.applied) if name == gateway.name}
            self._told_again[gateway.name] = gateway.doubtful - known
            gateway.is_open = False
            gateway.start()
            await asyncio.sleep(self._random.uniform(0.5, 15.0))
            await self._open(gateway)
        has = {number for name, number in _numbers(self._central.books.applied) if name == gateway.name}
        self._excused[gateway.name] |= set.union(*gateway.accepted.values(), gateway.doubtful) - has
        gateway.put_card(image if self._memory == "card image" else None)
        gateway.is_open = False
        gateway.start()

    async def _open(self, gateway: Gateway) -> None:
        """Nobody else starts it meanwhile."""
        while gateway.is_open:  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.01)
        gateway.is_open = True
        await gateway.kill()

    async def _heal(self) -> None:
        for line in self._lines:
            line.hole = line.cut = False
            line.delay_s, line.loss = 0.001, 0.0
        for broker in self._brokers:
            broker.up, broker.doubles, broker.swaps = True, 0.0, 0.0
        self._central.start()
        for gateway in self._gateways:
            gateway.is_full = False
            gateway.start()
        await asyncio.sleep(_REPORTS_S)
        for gateway in self._gateways:
            gateway.rest()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _HEALED_WITHIN_S
        while loop.time() < until_s and not all(gateway.is_drained() for gateway in self._gateways):  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.25)
        self.report.findings += [f"{each.name}: not drained {_HEALED_WITHIN_S:g} s after all was well" for each in self._gateways if not each.is_drained()]

    def _judge(self) -> None:
        for gateway in self._gateways:
            applied = Counter(number for name, number in _numbers(self._central.books.applied) if name == gateway.name)
            accepted = gateway.accepted["movements"]
            self.report.accepted += len(accepted)
            self.report.applied += len(applied)
            twice = sorted(number for number, times in applied.items() if times > 1 and number not in self._told_again[gateway.name])
            lost = sorted(accepted - set(applied) - self._excused[gateway.name])
            invented = sorted(set(applied) - gateway.doubtful)
            for what, numbers in (("applied twice", twice), ("lost", lost), ("invented", invented)):
                if numbers:
                    self.report.findings.append(f"{gateway.name}: {what}: {numbers[:10]} ({len(numbers)})")
            self.report.findings += self._positions(gateway)
        if self._memory != "central's backup":
            missing = {key: sorted(numbers) for key, numbers in self._central.books.missing.items() if numbers}
            self.report.findings += [f"central was told that it misses {numbers[:10]} of {key}" for key, numbers in missing.items()]

    def _positions(self, gateway: Gateway) -> Iterator[str]:
        """Both ends agree: the mark of the present epoch is the last number given."""
        store = gateway.store
        assert store is not None
        for lane in ("movements", "telemetry"):
            mark = self._central.books.marks.get((gateway.name, store.epoch, lane), 0)
            if mark != store.level(lane).last_seq:
                yield f"{gateway.name}: {lane} stand at {store.level(lane).last_seq} here and at {mark} in central"

    async def _end(self) -> None:
        await self._central.kill()
        for gateway in self._gateways:
            await gateway.kill()


def _numbers(applied: dict[tuple[str, str, str], dict[int, bytes]], *lanes: str) -> Iterator[tuple[str, int]]:
    """The gateway and the number that it gave an event, of all events that were applied."""
    for (gateway, _, lane), events in applied.items():
        for body in events.values() if not lanes or lane in lanes else ():
            event = wire.decode_event(body)
            if isinstance(event, ItemScanned):
                yield gateway, int(event.text)
            elif isinstance(event, SensorMeasured):
                yield gateway, int(event.value)

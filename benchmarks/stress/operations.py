# SPDX-License-Identifier: Apache-2.0
"""Operations as messages, and what each does through the real use cases. The same message again does nothing; what the rules refuse is kept as refused."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from central.catalog.tables import item, kit_component, location, lot
from central.database import savepoint
from central.errors import BusyError, DomainError
from central.inbound import service as inbound
from central.inbound.arrival import Spot
from central.inbound.tables import ship_notice_pallet
from central.ledger import claims, units
from central.ledger import service as ledger
from central.ledger.rules import CUSTOMER, VENDOR, Account, Fact
from central.ledger.tables import event
from central.stock import handling, kits, losses, moves, recalls, transfers

START: Final = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
_IDS: Final = uuid.UUID("6a7c2c2e-7a0a-4c53-9f41-3b6f0f6f5d11")
SITES: Final = ("s1", "s2")
KIT: Final = "kit"


class NotReadyError(Exception):
    """A message came before the one that it follows; it must come again later."""


@dataclass(frozen=True)
class Operation:
    """One message: `number` makes its id, `what` says what happens with `params`."""

    number: int
    what: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of its fact."""
        return str(uuid.uuid5(_IDS, str(self.number)))

    @property
    def at(self) -> datetime:
        """When it happened: a millisecond after the one before."""
        return START + timedelta(milliseconds=self.number)

    def fact(self, step: str = "") -> Fact:
        """Its fact, or that of one of its steps."""
        body = json.dumps({"number": self.number, "what": self.what, "step": step, **self.params}, sort_keys=True).encode()
        fact_id = str(uuid.uuid5(uuid.UUID(self.id), step)) if step else self.id
        return Fact(fact_id, "stress", None, f"Stress{self.what}{step}", body, "stress", self.at, "s1")

    def to_json(self) -> str:
        """As it goes over the wire."""
        return json.dumps([self.number, self.what, self.params])

    @classmethod
    def from_json(cls, text: str) -> Operation:
        """The reverse of `to_json`."""
        return cls(*json.loads(text))


@dataclass(frozen=True)
class World:
    """Items, lots and places of the run. Lots of an item expire on different days, so that first expiry names exactly one order."""

    items: int = 20
    lots: int = 6
    bins: int = 8

    @property
    def codes(self) -> list[str]:
        """Item codes."""
        return [f"item-{n}" for n in range(self.items)]

    @property
    def places(self) -> list[str]:
        """Bins of the first site."""
        return [f"s1/A-{n}" for n in range(self.bins)]

    def furnish(self, connection: Connection) -> None:
        """Catalog, and one pallet in each bin."""
        connection.execute(insert(item), [{"code": code, "name": code} for code in [*self.codes, KIT]])
        days = [(code, f"L{n}", date(2027, 1, 1) + timedelta(days=10 * n)) for code in self.codes for n in range(self.lots)]
        connection.execute(insert(lot), [{"item": code, "lot": name, "expiry": day} for code, name, day in days])
        rows = [{"place": place, "site": "s1", "code": place[3:], "kind": "bin", "pick_rank": n} for n, place in enumerate(self.places)]
        rows += [{"place": f"{site}/store", "site": site, "code": "store", "kind": "storage", "pick_rank": 100} for site in SITES]
        rows += [{"place": f"{site}/out", "site": site, "code": "out", "kind": "stage", "pick_rank": 101} for site in SITES]
        connection.execute(insert(location), rows)
        connection.execute(insert(kit_component), [{"kit": KIT, "component": code, "quantity": n + 1} for n, code in enumerate(self.codes[:2])])
        fact = Operation(0, "furnish").fact()
        ledger.record(connection, fact, START)
        for n, place in enumerate(self.places):
            units.make(connection, fact.id, f"pallet-{n}", "pallet", place, START)

    def operations(self, count: int, seed: int) -> Iterator[Operation]:
        """`count` operations, the same for the same seed."""
        chance = random.Random(seed)
        kinds = ("receive", "order", "pick", "cancel", "move", "status", "lose", "load", "drive", "transfer", "arrive", "assemble", "recall", "release")
        weights = (24, 20, 14, 4, 14, 6, 3, 5, 4, 2, 2, 2, 0.1, 0.1)
        past: dict[str, list[int]] = {"order": [], "transfer": [], "recall": []}
        for number in range(1, count + 1):
            what = chance.choices(kinds, weights)[0]
            follows = {"pick": "order", "cancel": "order", "arrive": "transfer", "release": "recall"}.get(what)
            if follows and not past[follows]:
                what, follows = "receive", None
            params = {"follows": past[follows].pop(chance.randrange(len(past[follows])))} if follows else self._params(chance, what)
            if what in past:
                past[what] += [number] * (2 if what == "order" else 1)
            yield Operation(number, what, params)

    def _params(self, chance: random.Random, what: str) -> dict[str, Any]:
        code, name = chance.choice(self.codes), f"L{chance.randrange(self.lots)}"
        params = {"item": code, "lot": name, "place": chance.choice(self.places), "quantity": chance.randint(1, 20)}
        match what:
            case "receive":
                return params | {"quantity": chance.randint(20, 60)}
            case "order":
                wanted = chance.sample(self.codes, min(3, self.items))
                return {"lines": [[each, chance.randint(1, 12)] for each in wanted]}
            case "move" | "drive":
                return params | {"to": chance.choice(self.places), "unit": f"pallet-{chance.randrange(self.bins)}", "along": chance.random() < 0.5}
            case "load":
                return params | {"unit": f"pallet-{chance.randrange(self.bins)}"}
            case "status":
                return params | {"to": chance.choice(("hold", "available", "damaged")), "from": chance.choice(("available", "hold"))}
            case "transfer":
                return {"lines": [[each, chance.randint(1, 10)] for each in chance.sample(self.codes, 2)]}
            case "assemble":
                return {"quantity": chance.randint(1, 3)}
        return params


def apply(connection: Connection, operation: Operation) -> str:
    """Do an operation; returns `applied`, `refused CODE` or `repeated`. Raises: NotReadyError: what it follows is not there yet. BusyError."""
    fact = operation.fact()
    try:
        with savepoint(connection):
            new = _USE_CASES[operation.what](connection, operation, fact)
    except BusyError:
        raise
    except DomainError as error:
        if ledger.record(connection, fact, operation.at).already:
            return "repeated"
        ledger.keep_answer(connection, fact.id, json.dumps({"refused": error.code}).encode())
        return f"refused {error.code}"
    if not new:
        return "repeated"
    # The turns of the fences that it held give its place in the only order in which all operations can have happened.
    turns = [[site, name, turn] for (site, name), turn in connection.info["dockline_fences"].items()]
    ledger.keep_answer(connection, fact.id, json.dumps({"turns": turns}).encode())
    return "applied"


def _account(params: Mapping[str, Any], **changes: Any) -> Account:
    return Account(**({"place": params["place"], "item": params["item"], "lot": params["lot"]} | changes))


def _receive(connection: Connection, operation: Operation, fact: Fact) -> bool:
    if ledger.record(connection, fact, operation.at).already:
        return False
    account, quantity = _account(operation.params), int(operation.params["quantity"])
    ledger.lock(connection, [(account.site, account.item)])
    ledger.post(connection, fact.id, [ledger.Leg(account.at(VENDOR), -quantity), ledger.Leg(account, quantity)])
    return True


def line_of(operation_number: int, n: int) -> str:
    """The line of an order."""
    return f"order-{operation_number}/{n}"


def _order(connection: Connection, operation: Operation, fact: Fact) -> bool:
    if ledger.record(connection, fact, operation.at).already:
        return False
    lines = [ledger.Demand(line_of(operation.number, n), "s1", code, quantity) for n, (code, quantity) in enumerate(operation.params["lines"])]
    ledger.reserve(connection, fact.id, lines, operation.at)
    return True


def _followed(connection: Connection, operation: Operation, what: str) -> Operation:
    """The operation that this one follows. Raises: NotReadyError: it did not happen yet."""
    before = Operation(int(operation.params["follows"]), what)
    if connection.execute(select(event.c.position).where(event.c.id == before.id)).scalar() is None:
        raise NotReadyError
    return before


def _claims_of(connection: Connection, order: Operation) -> list[claims.Claim]:
    """What an order still has reserved, with the fences held."""
    lines = [line_of(order.number, n) for n in range(3)]
    body = connection.execute(select(event.c.body).where(event.c.id == order.id)).scalar_one()
    ledger.lock(connection, {("s1", code) for code, _ in json.loads(body)["lines"]})
    return claims.of_line(connection, lines)


def _pick(connection: Connection, operation: Operation, fact: Fact) -> bool:
    order = _followed(connection, operation, "order")
    if ledger.record(connection, fact, operation.at).already:
        return False
    for n, claim in enumerate(_claims_of(connection, order)):
        # Now and then a little less is found than was reserved.
        found = claim.left if (operation.number + n) % 7 else claim.left - 1
        ledger.take(connection, claim.id, found, CUSTOMER, fact.id)
    return True


def _cancel(connection: Connection, operation: Operation, fact: Fact) -> bool:
    order = _followed(connection, operation, "order")
    if ledger.record(connection, fact, operation.at).already:
        return False
    for claim in _claims_of(connection, order):
        ledger.release(connection, claim.id, fact.id)
    return True


def _move(connection: Connection, operation: Operation, fact: Fact) -> bool:
    params, source = operation.params, _account(operation.params)
    return moves.move_stock(connection, fact, source, source.at(params["to"]), int(params["quantity"]), operation.at, with_reservations=bool(params["along"]))


def _status(connection: Connection, operation: Operation, fact: Fact) -> bool:
    params = operation.params
    account = _account(params, status=params["from"])
    return losses.change_status(connection, fact, account, params["to"], int(params["quantity"]), "quality", operation.at)


def _lose(connection: Connection, operation: Operation, fact: Fact) -> bool:
    if ledger.record(connection, fact, operation.at).already:
        return False
    loss = losses.Loss(_account(operation.params), int(operation.params["quantity"]), "missing")
    losses.report_loss(connection, operation.fact("loss"), loss, operation.at)
    return True


def _load(connection: Connection, operation: Operation, fact: Fact) -> bool:
    params = operation.params
    return handling.put_in(connection, fact, params["unit"], [handling.Goods(params["item"], int(params["quantity"]), params["lot"])], operation.at)


def _drive(connection: Connection, operation: Operation, fact: Fact) -> bool:
    params = operation.params
    return handling.move_unit(connection, fact, params["unit"], params["to"], operation.at, with_reservations=bool(params["along"]))


def _transfer(connection: Connection, operation: Operation, fact: Fact) -> bool:
    number = f"T-{operation.number}"
    wanted = tuple(transfers.Wanted(code, quantity) for code, quantity in operation.params["lines"])
    if not transfers.request_transfer(connection, fact, transfers.Request(number, "s1", "s2", wanted), operation.at):
        return False
    units.lock(connection, SITES, {(site, line.item) for site in SITES for line in wanted})
    transfers.reserve(connection, operation.fact("reserve"), number, operation.at)
    transfers.ship(connection, operation.fact("ship"), number, transfers.Load(f"truck-{operation.number}"), operation.at)
    return True


def _arrive(connection: Connection, operation: Operation, fact: Fact) -> bool:
    before = _followed(connection, operation, "transfer")
    if ledger.record(connection, fact, operation.at).already:
        return False
    notice = ship_notice_pallet.c.notice == f"T-{before.number}-1"
    for sscc in connection.execute(select(ship_notice_pallet.c.sscc).where(notice).order_by(ship_notice_pallet.c.sscc)).scalars().all():
        inbound.receive_pallet(connection, Spot(fact.id, "s2", "dock", operation.at), sscc, None)
    return True


def _assemble(connection: Connection, operation: Operation, fact: Fact) -> bool:
    if ledger.record(connection, fact, operation.at).already:
        return False
    build = kits.Build(KIT, "s1/store", int(operation.params["quantity"]), f"K{operation.number}")
    kits.assemble(connection, operation.fact("build"), build, operation.at)
    return True


def _recall(connection: Connection, operation: Operation, fact: Fact) -> bool:
    params = operation.params
    return recalls.recall_lot(connection, fact, recalls.Recall(f"R-{operation.number}", params["item"], params["lot"]), operation.at)


def _release(connection: Connection, operation: Operation, fact: Fact) -> bool:
    before = _followed(connection, operation, "recall")
    if ledger.record(connection, fact, operation.at).already:
        return False
    recalls.release_recall(connection, operation.fact("released"), f"R-{before.number}", operation.at)
    return True


_USE_CASES: Final[Mapping[str, Callable[[Connection, Operation, Fact], bool]]] = {
    "receive": _receive,
    "order": _order,
    "pick": _pick,
    "cancel": _cancel,
    "move": _move,
    "status": _status,
    "lose": _lose,
    "load": _load,
    "drive": _drive,
    "transfer": _transfer,
    "arrive": _arrive,
    "assemble": _assemble,
    "recall": _recall,
    "release": _release,
}

# SPDX-License-Identifier: Apache-2.0
"""A worker in a process of its own that stops itself (SIGSTOP) while it takes a backlog, and says what became of it when it is woken.

    python -m tests.integration.paused_worker DATABASE inside|before

`inside`: in the middle of its transaction; `before`: with its leases read and its messages at hand, but before the database knows of it. SQLite has one writer:
a process that stops inside would stop everybody.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from central.database import open_engine
from central.errors import BusyError
from central.exceptions.service import raise_work_order
from central.ingest.groups import Grip, Group, take_group
from central.ingest.leases import LeaseLostError, Leases
from central.ingest.registry import EventContext
from central.ingest.service import Door, Message, read_message
from central.ledger.service import Account, Leg, lock, post
from contracts import wire
from contracts.events import ItemScanned
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TERM_S = 0.5
BATCHES, EVENTS = 10, 20
ADDRESS = GatewayAddress(partition_of("s1"), "s1", "g1")


def backlog() -> list[Message]:
    """What a gateway sends after an outage: `BATCHES` batches of `EVENTS` scans."""
    messages = []
    for n in range(BATCHES):
        first = 1 + n * EVENTS
        scans = [ItemScanned(seq=seq, event_time=NOW, station="scan-1", text="one") for seq in range(first, first + EVENTS)]
        batch = Batch(gateway="g1", epoch="e1", lane="movements", first_seq=first, events=[msgspec.Raw(wire.encode(each)) for each in scans])
        messages.append(read_message(ADDRESS.topic("up/movements"), ADDRESS, "movements", wire.encode(batch)))
    return messages


def one_more(connection: Connection, context: EventContext, said: Any) -> None:
    """Each scan brings one milk."""
    lock(connection, [("s1", "milk")])
    account = Account("s1/a", "milk")
    post(connection, context.fact_id, [Leg(account.at("@vendor"), -1), Leg(account, 1)])


def main(url: str, where: str) -> None:
    engine = open_engine(url)
    leases = Leases(engine, lambda: NOW, term_s=TERM_S)
    leases.keep()
    grip = Grip(leases.worker, leases.held, TERM_S)

    def stop_inside(connection: Connection, context: EventContext, said: Any) -> None:
        one_more(connection, context, said)
        if context.seq == BATCHES * EVENTS:
            os.kill(os.getpid(), signal.SIGSTOP)

    if where == "before":
        os.kill(os.getpid(), signal.SIGSTOP)
    handler = stop_inside if where == "inside" else one_more
    for _ in range(5):
        try:
            take_group(engine, Group(messages=backlog()), Door({ItemScanned: (handler,)}, raise_work_order), lambda: NOW, grip)
        except LeaseLostError:
            print("lease lost", flush=True)
            break
        except (DBAPIError, BusyError) as error:
            print(f"refused: {type(error).__name__}", flush=True)
            handler = one_more
        else:
            print("committed", flush=True)
            break
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""A process of writers: `python -m benchmarks.stress.writer DATABASE PORT THREADS`. Each thread takes messages and does them, until there are no more."""

from __future__ import annotations

import socket
import sys
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.stress.operations import NotReadyError, Operation, apply
from central.database import in_transaction, open_engine
from central.errors import BusyError


def main(arguments: list[str]) -> int:
    """Write until the courier says `end`; returns the exit status."""
    database, port, threads = arguments[0], int(arguments[1]), int(arguments[2])
    engine = open_engine(database)
    workers = [threading.Thread(target=_write, args=(engine, port), daemon=True) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    engine.dispose()
    return 0


def _write(engine: Engine, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("rw", encoding="utf-8", newline="\n") as lines:
        say = "next"
        while True:
            lines.write(say + "\n")
            lines.flush()
            heard = lines.readline().strip()
            if heard in ("", "end"):
                return
            say = "next" if heard == "wait" else _do(engine, Operation.from_json(heard))
            if heard == "wait":
                time.sleep(0.02)  # all that is left is with other writers, or waits for what they do


def _do(engine: Engine, operation: Operation) -> str:
    try:
        answer = in_transaction(engine, lambda connection: apply(connection, operation), attempts=20)
    except NotReadyError:
        return f"later {operation.number}"
    except (BusyError, SQLAlchemyError) as error:
        # A database that is busy or gone is no fault of the message: it comes again.
        print(f"operation {operation.number} comes again: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)
        return f"later {operation.number}"
    return f"done {operation.number} {answer}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

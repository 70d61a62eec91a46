# SPDX-License-Identifier: Apache-2.0
"""At-least-once delivery, unkindly: messages come out of order and some twice; what was not acknowledged when a reader died comes again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections import Counter, deque
from collections.abc import Sequence

from benchmarks.stress.operations import Operation


def shuffled(operations: Sequence[Operation], seed: int, twice: float = 0.3, reach: int = 40) -> list[Operation]:
    """The operations as they are sent: `twice` of them two times, and each up to `reach` places from where it belongs."""
    chance = random.Random(seed)
    sent = [*operations, *(each for each in operations if chance.random() < twice)]
    return sorted(sent, key=lambda each: each.number + chance.uniform(-reach, reach))


class Courier:
    """A queue behind a loopback socket, in a thread of its own. Readers say `next`, `done NUMBER ANSWER` or `later NUMBER`, a line each."""

    def __init__(self, messages: Sequence[Operation]) -> None:
        self.first_answers: dict[int, str] = {}
        self.counts: Counter[str] = Counter()
        self.finished = threading.Event()
        self._waiting = deque(messages)
        self._out: dict[asyncio.StreamWriter, Operation] = {}
        self._left = self._all = len(messages)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="courier", daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    async def _open(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write((self._answer(line.decode().strip(), writer) + "\n").encode())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            lost = self._out.pop(writer, None)
            if lost is not None:
                self.counts["redelivered"] += 1
                self._waiting.appendleft(lost)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, line: str, writer: asyncio.StreamWriter) -> str:
        said, _, rest = line.partition(" ")
        if said == "done":
            number, _, answer = rest.partition(" ")
            self._settle(int(number), answer, writer)
        elif said == "later":
            # Not to the very end: what it waits for may be close behind it.
            self.counts["early"] += 1
            self._waiting.insert(min(len(self._waiting), 50), self._out.pop(writer))
        if not self._waiting:
            return "wait" if self._left else "end"
        self._out[writer] = self._waiting.popleft()
        return self._out[writer].to_json()

    def _settle(self, number: int, answer: str, writer: asyncio.StreamWriter) -> None:
        assert self._out.pop(writer).number == number
        self._left -= 1
        self.counts[answer.partition(" ")[0]] += 1
        if answer != "repeated" or number not in self.first_answers:
            self.first_answers.setdefault(number, answer)
        if not self._left:
            self.finished.set()

    @property
    def answered(self) -> int:
        """How many messages are done."""
        return self._all - self._left

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

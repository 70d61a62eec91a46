# SPDX-License-Identifier: Apache-2.0
"""The board as it lives: read while somebody looks, after each change but at most every POLL_S; only what changed is sent, as server-sent events.

Memory does not grow with slow readers: a reader is a number (the last version it has), not a queue. One that does not take what it is sent
within SEND_TIMEOUT_S is dropped; its browser connects again by itself and gets what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any, Generic, Protocol, TypeVar

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Send

from central.changes import Changes
from central.web.board import REGIONS, Board, Region
from central.web.languages import Language
from central.web.render import View, clock_text, render_region

POLL_S = 0.5
BEAT_S = 2.0
"""A beat says that what the page shows is as of now; after three of them missing the page says that it is old."""
KEEPALIVE_S = 15.0
"""Comment lines keep proxies from closing an idle stream (HTML standard, 9.2.7)."""
SEND_TIMEOUT_S = 20.0
RETRY_MS = 2000

log = logging.getLogger(__name__)


class Shown(Protocol):
    """What a live page shows: regions by name."""

    def region(self, name: str) -> Region[Any]:
        """The region of that name."""
        ...


B = TypeVar("B", bound=Shown)


class Live(Generic[B]):
    """The newest board, its version by region, and those who wait for the next.

    `read` gives the board as of now, with regions that it could not read marked so; it may raise SQLAlchemyError when there is no database at all.
    For one event loop.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[B]],
        now: Callable[[], datetime],
        changes: Changes,
        empty: B,
        regions: Sequence[str],
        draw: Callable[[str, B, View], str],
    ) -> None:
        self._read = read
        self._regions = regions
        self._draw = draw
        self._changes = changes
        self._seen_changes = -1
        self.now = now
        self.board = empty
        self.as_of: datetime | None = None
        self.boot = secrets.token_hex(4)
        self._version = 0
        self._changed = dict.fromkeys(regions, 0)
        self._drawn: dict[tuple[str, Language], tuple[int, str]] = {}
        self._news = asyncio.Condition()
        self._reading = asyncio.Lock()
        self._listeners = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def version(self) -> str:
        """The id of what stands now: a browser that has it needs nothing older."""
        return f"{self.boot}-{self._version}"

    @property
    def listeners(self) -> int:
        """How many browsers look."""
        return self._listeners

    async def fresh(self) -> B:
        """The board, read now unless it was read within the last POLL_S and nothing changed since."""
        async with self._reading:
            if self.as_of is None or self._changes.count != self._seen_changes or (self.now() - self.as_of).total_seconds() >= POLL_S:
                await self._refresh()
        return self.board

    def changed_since(self, version: int) -> list[str]:
        """The regions that changed after that version, in the order of the page."""
        return [name for name in self._regions if self._changed[name] > version]

    def drawn(self, name: str, language: Language, zone: tzinfo | None) -> str:
        """A region as HTML, drawn once for all who look in that language; browsers count its ages on by themselves."""
        version, html = self._drawn.get((name, language), (-1, ""))
        if version != self._changed[name]:
            html = self._draw(name, self.board, View(language, self.now(), zone))
            self._drawn[name, language] = self._changed[name], html
        return html

    def version_of(self, event_id: str) -> int:
        """The version in an event id of this run; -1 (everything is news) for any other."""
        boot, _, number = event_id.rpartition("-")
        return int(number) if boot == self.boot and number.isascii() and number.isdigit() else -1

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While at least one is inside, the board is polled."""
        self._listeners += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="board poller")
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                await self._stop_polling()

    async def wait_for_news(self, version: int, timeout_s: float) -> None:
        """Return when something newer than `version` stands, after `timeout_s`, or when the board closes."""
        async with self._news:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait_for(lambda: self._closed or bool(self.changed_since(version)))

    @property
    def closed(self) -> bool:
        """Whether the program is ending; streams end then."""
        return self._closed

    async def close(self) -> None:
        """End all streams and the poller."""
        self._closed = True
        async with self._news:
            self._news.notify_all()
        await self._stop_polling()

    async def _stop_polling(self) -> None:
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poller

    async def _poll(self) -> None:
        while not self._closed:
            async with self._reading:
                await self._refresh()
            await asyncio.sleep(POLL_S)
            await self._changes.wait(self._seen_changes, BEAT_S - POLL_S)

    async def _refresh(self) -> None:
        # What changes while the board is read may or may not be in it: the count of before makes the next reading look again.
        self._seen_changes = self._changes.count
        try:
            board = await self._read()
        except SQLAlchemyError:
            log.exception("the board could not be read; the page shows its age and it is tried again")
            return
        self.as_of = self.now()
        changed = [name for name in self._regions if board.region(name) != self.board.region(name)]
        self.board = board
        if changed:
            self._version += 1
            self._changed.update(dict.fromkeys(changed, self._version))
            async with self._news:
                self._news.notify_all()


class LiveBoard(Live[Board]):
    """The live board of all areas."""

    def __init__(self, read: Callable[[], Awaitable[Board]], now: Callable[[], datetime], changes: Changes) -> None:
        super().__init__(read, now, changes, Board(), REGIONS, render_region)


async def events(live: Live[Any], language: Language, zone: tzinfo | None, last_event_id: str) -> AsyncIterator[bytes]:
    """The stream of one browser: changed regions, a beat while what stands is fresh, comments to keep the way open."""
    loop = asyncio.get_running_loop()
    seen, beaten_at, sent_s = live.version_of(last_event_id), None, loop.time()
    yield format_sse_event(comment="live board", retry=RETRY_MS)
    async with live.listening():
        while not live.closed:
            names, version = live.changed_since(seen), live.version
            for name in names:
                yield format_sse_event(event=name, data_str=live.drawn(name, language, zone), id=version)
            seen = live.version_of(version)
            if live.as_of is not None and (beaten_at is None or (live.as_of - beaten_at).total_seconds() >= BEAT_S):
                beaten_at = live.as_of
                yield _beat(live.as_of, zone)
                names.append("beat")
            if names:
                sent_s = loop.time()
            elif loop.time() - sent_s >= KEEPALIVE_S:
                sent_s = loop.time()
                yield KEEPALIVE_COMMENT
            await live.wait_for_news(seen, POLL_S)


def _beat(as_of: datetime, zone: tzinfo | None) -> bytes:
    return format_sse_event(event="beat", data_str=json.dumps({"at": as_of.isoformat(), "clock": clock_text(as_of, zone)}))


class LiveResponse(EventSourceResponse):
    """A stream that gives up a browser which takes nothing for SEND_TIMEOUT_S."""

    async def stream_response(self, send: Send) -> None:
        """Send piece by piece. A reader that is too slow ends its own stream only."""

        async def send_in_time(message: object) -> None:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send(message)  # type: ignore[arg-type]  # passed on as it came

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            log.info("a browser took nothing for too long and was dropped", extra={"timeout_s": SEND_TIMEOUT_S})


def stream(live: Live[Any], language: Language, zone: tzinfo | None, last_event_id: str) -> LiveResponse:
    """The response that keeps a page live; never cached, never buffered by nginx."""
    return LiveResponse(events(live, language, zone, last_event_id), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from central.changes import Changes
from central.web import live as live_module
from central.web.board import REGIONS, Board, ready, with_headline
from central.web.live import LiveBoard, LiveResponse, events
from tests.browser.sample_boards import NOW, alarm, busy_board, calm_board


class Desk:
    """A live board whose board is whatever the test puts there, and whose clock the test winds."""

    def __init__(self, board: Board) -> None:
        self.board: Board | Exception = board
        self.now = NOW
        self.changes = Changes()
        self.live = LiveBoard(self._read, lambda: self.now, self.changes)

    async def _read(self) -> Board:
        if isinstance(self.board, Exception):
            raise self.board
        return self.board

    def show(self, board: Board | Exception) -> None:
        self.board = board
        self.now += timedelta(seconds=1)
        self.changes.tell()


@pytest.fixture(autouse=True)
def _quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "POLL_S", 0.01)


async def until(stream: AsyncIterator[bytes], wanted: Callable[[bytes], bool], deadline_s: float = 10) -> list[bytes]:
    """What the stream says up to and including the first piece that is wanted."""
    said: list[bytes] = []
    async with asyncio.timeout(deadline_s):
        async for piece in stream:
            said.append(piece)
            if wanted(piece):
                return said
    raise AssertionError(f"the stream ended after {said!r}")


def is_event(name: str) -> Callable[[bytes], bool]:
    return lambda piece: piece.startswith(f"event: {name}\n".encode())


def event_names(pieces: list[bytes]) -> list[str]:
    return [piece.split(b"\n")[0].removeprefix(b"event: ").decode() for piece in pieces if piece.startswith(b"event: ")]


async def test_new_reader_gets_every_region_and_a_beat() -> None:
    desk = Desk(busy_board())

    async with aclosing(events(desk.live, "en", UTC, "")) as stream:
        said = await until(stream, is_event("beat"))

    assert said[0].startswith(b": live board\n")
    assert set(event_names(said)) == {*REGIONS, "beat"}


async def test_reader_who_has_the_newest_version_gets_only_a_beat() -> None:
    desk = Desk(busy_board())
    await desk.live.fresh()

    async with aclosing(events(desk.live, "en", UTC, desk.live.version)) as stream:
        said = await until(stream, is_event("beat"))

    assert event_names(said) == ["beat"]


async def test_only_the_regions_that_changed_are_sent() -> None:
    desk = Desk(calm_board())
    await desk.live.fresh()

    async with aclosing(events(desk.live, "en", UTC, desk.live.version)) as stream:
        await until(stream, is_event("beat"))
        desk.show(with_headline(replace(calm_board(), alarms=ready((alarm(),)))))
        said = await until(stream, is_event("alarms"))

    assert [name for name in event_names(said) if name != "beat"] == ["headline", "alarms"]
    assert b"temperature too high" in said[-1]


async def test_reader_who_comes_back_gets_what_changed_meanwhile() -> None:
    desk = Desk(calm_board())
    await desk.live.fresh()
    before = desk.live.version
    desk.show(with_headline(replace(calm_board(), alarms=ready((alarm(),)))))
    await desk.live.fresh()

    async with aclosing(events(desk.live, "zh", UTC, before)) as stream:
        said = await until(stream, is_event("beat"))

    assert event_names(said) == ["headline", "alarms", "beat"]
    assert "温度过高".encode() in said[-2]


@pytest.mark.parametrize("event_id", ["", "nonsense", "0badf00d-7", "-", "x-\u0665"])
def test_event_id_of_another_run_counts_as_none(event_id: str) -> None:
    assert Desk(calm_board()).live.version_of(event_id) == -1


async def test_no_beat_is_sent_while_the_database_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(calm_board())
    async with aclosing(events(desk.live, "en", UTC, "")) as stream:
        await until(stream, is_event("beat"))
        desk.show(OperationalError("select", {}, OSError("disk gone")))
        reads_failed = asyncio.create_task(until(stream, lambda _: False, deadline_s=0.5))
        with pytest.raises(TimeoutError):
            await reads_failed

    assert "could not be read" in caplog.text


async def test_board_is_read_only_while_somebody_looks() -> None:
    desk = Desk(calm_board())
    async with aclosing(events(desk.live, "en", UTC, "")) as stream:
        await until(stream, is_event("beat"))
        assert desk.live.listeners == 1
        assert [task for task in asyncio.all_tasks() if task.get_name() == "board poller"]

    assert desk.live.listeners == 0
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "board poller"]


async def test_two_readers_share_one_poller() -> None:
    desk = Desk(calm_board())
    async with aclosing(events(desk.live, "en", UTC, "")) as first, aclosing(events(desk.live, "zh", UTC, "")) as second:
        await until(first, is_event("beat"))
        await until(second, is_event("beat"))

        assert len([task for task in asyncio.all_tasks() if task.get_name() == "board poller"]) == 1


async def test_streams_end_when_the_service_closes() -> None:
    desk = Desk(calm_board())
    async with aclosing(events(desk.live, "en", UTC, "")) as stream:
        await until(stream, is_event("beat"))
        await desk.live.close()
        async with asyncio.timeout(20):
            assert [piece async for piece in stream] == []


async def test_idle_stream_is_kept_open_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "KEEPALIVE_S", 0.0)
    desk = Desk(calm_board())

    async with aclosing(events(desk.live, "en", UTC, "")) as stream:
        await until(stream, is_event("beat"))
        assert (await until(stream, lambda piece: piece.startswith(b":")))[-1].startswith(b": ")


async def test_reader_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(live_module, "SEND_TIMEOUT_S", 0.05)
    caplog.set_level("INFO")
    desk = Desk(busy_board())
    taken: list[Any] = []

    async def send(message: Any) -> None:
        if len(taken) >= 2:
            await asyncio.get_running_loop().create_future()
        taken.append(message)

    response = LiveResponse(events(desk.live, "en", UTC, ""))
    async with asyncio.timeout(20):
        await response.stream_response(send)

    assert "was dropped" in caplog.text


async def test_page_reads_the_board_once_for_many_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "POLL_S", 60.0)
    reads: list[datetime] = []

    async def read() -> Board:
        reads.append(NOW)
        return calm_board()

    live = LiveBoard(read, lambda: NOW, Changes())
    pages: list[Awaitable[Board]] = [live.fresh() for _ in range(20)]
    await asyncio.gather(*pages)

    assert len(reads) == 1

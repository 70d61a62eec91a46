# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a simulated device's line: the same seed hits the same bytes, and each fault does what its name says."""

import asyncio
import contextlib
import os
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.weighing import Weighed
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.session import ContinuousSession
from firmware_sims.engine.faults import HAPPENINGS, SETTINGS, FaultError, Faults, FaultyLine, read_faults
from firmware_sims.engine.servers import PipeTwinServer, PtyTwinServer, TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.scale_continuous.twin import ToledoContinuousTwin

STREAM = bytes(range(256)) * 40


class Echo(Twin):
    """Says what it hears, in upper case, and counts what happens to it."""

    def __init__(self):
        self.reboots = self.connects = self.partings = 0
        self.clock_us = 0

    def connected(self, now_s):
        self.connects += 1
        return b""

    def disconnected(self, now_s):
        self.partings += 1

    def receive_bytes(self, data, now_s):
        return data.upper()

    def on_say(self, *, text: str, now_s: float) -> bytes:
        return text.encode()

    def on_reboot(self, *, now_s: float) -> bytes:
        self.reboots += 1
        return b"*hello*"


def _line(seed=1, way="to_client", **faults):
    return FaultyLine(Faults(**faults), seed, way)


def _through(line, data, sizes):
    """Bytes that arrive when the stream is cut into pieces of these sizes, over and over."""
    arrived, at = b"", 0
    while at < len(data):
        for size in sizes:
            arrived += line.bytes_through(data[at : at + size])
            at += size
    return arrived


@pytest.mark.requirement("E15")
@given(seed=st.integers(0, 2**31), sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5), drop=st.sampled_from([0.0005, 0.01, 0.3, 1.0]))
def test_same_seed_hits_the_same_bytes_however_the_stream_is_cut(seed, sizes, drop):
    whole, cut = _line(seed, drop=drop, corrupt=0.01), _line(seed, drop=drop, corrupt=0.01)

    arrived = whole.bytes_through(STREAM)

    assert _through(cut, STREAM, sizes) == arrived
    assert (whole.lost_at, whole.changed_at) == (cut.lost_at, cut.changed_at)
    assert len(arrived) <= len(STREAM)


def test_other_seed_and_other_direction_hit_other_bytes():
    hit = []
    for line in (_line(1, drop=0.01), _line(2, drop=0.01), _line(1, "to_device", drop=0.01)):
        line.bytes_through(STREAM)
        hit.append(tuple(line.lost_at))

    assert len(set(hit)) == 3


@pytest.mark.parametrize("probability", [0.001, 0.01, 0.2])
def test_as_many_bytes_are_hit_as_asked_for(probability):
    line = _line(drop=probability)
    lost = 0
    for _ in range(100):
        lost += len(STREAM) - len(line.bytes_through(STREAM))

    total = 100 * len(STREAM)
    assert abs(lost - probability * total) < 6 * (probability * (1 - probability) * total) ** 0.5


def test_changed_bytes_differ_in_one_bit_and_lost_ones_are_gone():
    line = _line(corrupt=0.05)
    arrived = line.bytes_through(STREAM)
    assert {(one ^ other).bit_count() for one, other in zip(arrived, STREAM, strict=True)} == {0, 1}
    assert [at for at, byte in enumerate(arrived) if byte != STREAM[at]] == line.changed_at

    line = _line(drop=0.05)
    arrived = line.bytes_through(STREAM)
    assert arrived == bytes(byte for at, byte in enumerate(STREAM) if at not in set(line.lost_at))


def test_pieces_are_cut_doubled_and_put_out_of_order_by_seed():
    assert [piece for _, piece in _line(chunk_bytes=3).pieces_through(b"abcdefgh")] == [b"abc", b"def", b"gh"]
    assert [piece for _, piece in _line(duplicate=1.0).pieces_through(b"abc")] == [b"abc", b"abc"]
    out_of_order = [piece for _, piece in _line(reorder=1.0, chunk_bytes=1).pieces_through(b"abcd")]
    assert (b"".join(out_of_order) != b"abcd", sorted(out_of_order)) == (True, [b"a", b"b", b"c", b"d"])
    halves = [piece for _, piece in _line(reorder=1.0).pieces_through(b"abcd")]
    assert (len(halves), b"".join(reversed(halves))) == (2, b"abcd")
    assert _line(seed=4, hang_up=1.0).pieces_through(b"abc") == [(0.0, None)]
    late = [delay_s for delay_s, _ in _line(chunk_bytes=1, delay_s=0.2, jitter_s=0.1).pieces_through(b"abcdefgh")]
    assert 0.2 <= min(late) < max(late) < 0.3


def test_faults_are_read_as_people_write_them_and_shown_the_same():
    settings, happenings = read_faults({"drop": "1%", "delay": "50ms", "mute": "on", "chunk": "1", "hang_up": "now", "brown_out": "2s", "clock": "2000"})
    faults = Faults(**settings)

    assert faults == Faults(mute=True, chunk_bytes=1, drop=0.01, delay_s=0.05)
    assert happenings == {"hang_up": 0.0, "brown_out": 2.0, "clock": 2000.0}
    assert faults.shown() == {"mute": "on", "chunk": "1", "drop": "0.01", "delay": "50ms"}
    faults.clear()
    assert (faults, faults.shown()) == (Faults(), {})
    with pytest.raises(FaultError) as wrong:
        read_faults({"drop": "2", "flicker": "on", "clock": "soon", "half_open": "1", "chunk": "x", "delay": "-1s"})
    assert len(wrong.value.problems) == 6


def test_every_fault_is_named_once_and_has_an_attribute():
    assert {attribute for attribute, _, _ in SETTINGS.values()} == set(vars(Faults()))
    assert set(HAPPENINGS) - set(SETTINGS) == {"half_open", "brown_out", "clock"}


@pytest.mark.requirement("E15")
@pytest.mark.parametrize("seed", range(5))
def test_driver_of_a_scale_that_sends_by_itself_goes_on_when_bytes_are_lost(seed):
    """A minute in virtual time, with a checksum: every weight that is told is the one on the scale, and hardly a frame more is lost than was hit."""
    twin, session = ToledoContinuousTwin(checksum=True), ContinuousSession(ScaleContinuousConfig(path="/dev/null", checksum="on"))
    line = FaultyLine(Faults(drop=0.01), seed, "to_client")
    told = []

    def take(events, now_s):
        told.extend((now_s, event) for event in events if isinstance(event, Weighed))

    now_s = 0.0
    line.bytes_through(twin.connected(now_s))
    take(session.advance_to(now_s), now_s)
    twin.stimulate("place", {"weight_g": 125_000}, now_s)
    while now_s < 60.0:
        now_s = twin.next_deadline_s()
        take(session.advance_to(now_s), now_s)
        if arrived := line.bytes_through(twin.advance_to(now_s)):
            take(session.receive_bytes(arrived, now_s), now_s)

    later = [event for at_s, event in told if at_s > 5.0]
    assert len(line.lost_at) > 60
    assert {(event.state, event.value, event.unit) for event in later} == {("stable", Decimal("125.0"), "kg")}
    assert len(later) > 0.7 * 55 * 10, "10 frames a second, of which each has 18 bytes that can be lost"


# On the servers


@pytest.fixture
async def echo():
    server = TcpTwinServer(Echo(), seed=5)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect():
    """Connects to a server; all connections are closed after the test."""
    writers = []

    async def connected(server, *, is_let_in=True):
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writers.append(writer)
        async with asyncio.timeout(5):
            while is_let_in and not server.has_client:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return reader, writer

    yield connected
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _is_cut(reader):
    async with asyncio.timeout(5):
        try:
            return await reader.read(1) == b""
        except ConnectionError:
            return True


@pytest.mark.requirement("E15")
@pytest.mark.parametrize(
    ("faults", "arrives"),
    [
        ({"chunk": "1"}, lambda said, got: got == said),
        ({"delay": "5ms", "jitter": "5ms"}, lambda said, got: got == said),
        ({"drop": "5%"}, lambda said, got: len(got) < len(said)),
        ({"corrupt": "5%"}, lambda said, got: len(got) == len(said) and got != said),
        ({"duplicate": "1"}, lambda said, got: got == said * 2),
        ({"reorder": "1"}, lambda said, got: sorted(got) == sorted(said) and got != said),
        ({"mute": "on"}, lambda said, got: got == b""),
        ({"hang_up": "1"}, lambda said, got: got == b""),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, dict) else "",
)
async def test_each_fault_does_to_the_bytes_on_the_wire_what_its_name_says(echo, connect, faults, arrives):
    reader, _ = await connect(echo)
    for name, value in read_faults(faults)[0].items():
        setattr(echo.faults, name, value)
    said = b"abcdefghijklmnopqrstuvwxyz" * 20

    echo.stimulate("say", text=said.decode())
    echo.faults.clear()
    echo.stimulate("say", text="*end*")

    assert arrives(said, await _before_the_end(reader))


async def _before_the_end(reader):
    """What came before the mark, or before the connection was cut."""
    try:
        return (await asyncio.wait_for(reader.readuntil(b"*end*"), 5)).removesuffix(b"*end*")
    except asyncio.IncompleteReadError as cut:
        return cut.partial
    except ConnectionError:
        return b""


async def test_who_is_refused_is_cut_and_who_comes_later_is_served(echo, connect):
    echo.faults.refuse = True
    reader, _ = await connect(echo, is_let_in=False)
    assert await _is_cut(reader)
    assert echo.twin.connects == 0
    echo.faults.clear()

    again, writer = await connect(echo)
    writer.write(b"abc")

    assert await again.readexactly(3) == b"ABC"


async def test_late_answers_keep_their_order(echo, connect):
    reader, writer = await connect(echo)
    echo.faults.delay_s, echo.faults.jitter_s, echo.faults.chunk_bytes = 0.01, 0.03, 1
    began_s = time.monotonic()

    writer.write(b"abcdef")

    assert await reader.readexactly(6) == b"ABCDEF"
    assert time.monotonic() - began_s >= 0.01


async def test_faults_that_were_cleared_do_not_let_new_answers_overtake(echo, connect):
    reader, _ = await connect(echo)
    echo.faults.delay_s = 0.05
    echo.stimulate("say", text="first")
    echo.faults.clear()
    echo.stimulate("say", text="second")

    assert await reader.readexactly(11) == b"firstsecond"


async def test_hang_up_cuts_the_connection_and_the_next_one_works(echo, connect):
    reader, writer = await connect(echo)
    echo.faults.hang_up = 1.0
    writer.write(b"abc")
    assert await _is_cut(reader)
    echo.faults.clear()

    again, writer_2 = await connect(echo)
    writer_2.write(b"abc")

    assert await again.readexactly(3) == b"ABC"


async def test_half_open_connection_is_silent_and_a_new_one_works(echo, connect):
    reader, writer = await connect(echo)
    echo.forget_client()
    writer.write(b"anybody there?")
    again, writer_2 = await connect(echo)
    writer_2.write(b"abc")

    assert await again.readexactly(3) == b"ABC"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.read(1)
    assert echo.twin.partings == 1


async def test_server_with_a_forgotten_client_still_stops(connect):
    server = TcpTwinServer(Echo())
    await server.start()
    await connect(server)
    server.forget_client()

    async with asyncio.timeout(5):
        await server.stop()


async def test_brown_out_lets_nobody_in_and_then_the_device_starts_anew(echo, connect):
    await connect(echo)
    echo.brown_out(0.08)
    assert echo.is_dark
    refused, _ = await connect(echo, is_let_in=False)
    assert await _is_cut(refused)
    async with asyncio.timeout(5):
        while echo.is_dark:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    again, writer_2 = await connect(echo)
    writer_2.write(b"abc")

    assert await again.readexactly(3) == b"ABC"
    assert echo.twin.reboots == 1


async def test_line_of_a_device_without_power_says_nothing():
    twin = Echo()
    twin.connected = lambda now_s: b"hello"
    server = PtyTwinServer(twin)
    await server.start()
    server.brown_out(30.0)
    descriptor = os.open(server.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)

    with pytest.raises(BlockingIOError):
        os.read(descriptor, 100)

    os.close(descriptor)
    await server.stop()


async def test_bytes_on_the_way_to_the_device_are_hit_too(echo, connect):
    reader, writer = await connect(echo)
    echo.faults.drop = 0.2
    writer.write(STREAM)
    await asyncio.wait_for(reader.read(1), 5)

    assert echo.heard.lost_at


async def test_pipe_and_pty_suffer_the_same_and_come_back_under_the_same_name(tmp_path):
    for kind in (PipeTwinServer, PtyTwinServer):
        link = tmp_path / kind.__name__
        server = kind(Echo(), link=str(link), seed=9)
        await server.start()
        descriptor = os.open(server.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        async with asyncio.timeout(5):
            while not server.has_client:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        server.faults.drop = 0.3
        server.stimulate("say", text="a" * 100)
        arrived = os.read(descriptor, 4096)
        assert len(arrived) == 100 - len(server.said.lost_at) < 100
        server.drop_client()
        os.close(descriptor)
        assert link.exists()
        await server.stop()
        assert not link.is_symlink()

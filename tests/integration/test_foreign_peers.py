# SPDX-License-Identifier: Apache-2.0
"""`dockline device` against peers that behave as foreign hardware was seen to, written from the makers' documents and not from our twins."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from drivers.base.errors import TransportError
from drivers.base.transports import open_transport
from drivers.base.weighing_session import WAIT_S_MAX
from drivers.scale_sics.config import ScaleSicsConfig
from gateway import device_command

pytestmark = pytest.mark.slow

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SLOW_NAMES = """
import socket, threading
found = socket.getaddrinfo
def slow(host, *more, **named):
    if host == "slow.example":
        threading.Event().wait(30)
    return found(host, *more, **named)
socket.getaddrinfo = slow
"""


@asynccontextmanager
async def peer(conversation: Conversation) -> AsyncIterator[int]:
    """A TCP server that holds this conversation with each client; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await conversation(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def dockline(*words: str, **environment: str) -> tuple[int, list[dict[str, object]], str]:
    """Exit status, JSON lines, and what was said to people."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dockline", "device", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in out.splitlines()] if "--json" in words else [], err.decode()


def says(*pieces: bytes) -> Conversation:
    """A scanner: says this and is silent then."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        await reader.read()

    return conversation


async def gateway_without_numbers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A Modbus gateway that answers every request with transaction 0; registers 1 and 2 hold 30.5 and 54.6."""
    while request := await reader.readexactly(12):
        assert request[6:] == bytes.fromhex("01 04 00 01 00 02")
        writer.write(bytes.fromhex("00 00 00 00 00 07 01 04 04 01 31 02 22"))


def controller(complaint: bytes, times: int, heard: list[bytes]) -> Conversation:
    """An ABLEPick controller with all tags connected, that answers SHOW to node 5 so many times with a complaint."""
    left = times

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        while head := await reader.readexactly(2):
            block = head + await reader.readexactly(int.from_bytes(head, "little") - 2)
            heard.append(block)
            if block[6] == 0x09:
                writer.write(bytes.fromhex("2b 00 60 00 00 00 09 00 00 00 00") + bytes(32))
            elif block[6] == 0x00 and left:
                left -= 1
                writer.write(complaint)

    return conversation


SHOW_12 = bytes.fromhex("0f 00 60 00 00 00 00 05 20 20 20 20 31 32 00")
BUSY = bytes.fromhex("09 00 60 00 00 00 64 05 01")
NOT_ACKNOWLEDGED = bytes.fromhex("08 00 60 00 00 00 0a 05")


async def test_modbus_gateway_that_answers_transaction_0_is_read() -> None:
    async with peer(gateway_without_numbers) as port:
        status, lines, err = await dockline("try", "sensor_modbus", "host=127.0.0.1", f"port={port}", "map=xy_md02", "--for", "1s", "--json")

    assert status == 0, err
    assert [(line["quantity"], line["value"]) for line in lines if line["type"] == "Measured"] == [("temperature_c", 30.5), ("humidity_pct", 54.6)]


@pytest.mark.parametrize(("suffix", "sent"), [("etx", b"\x02]C100106141412345678908\x03"), ("line", b"\x02]C100106141412345678908\x03\r\n")])
async def test_code_between_stx_and_etx_is_a_scan(suffix: str, sent: bytes) -> None:
    async with peer(says(sent[:9], sent[9:])) as port:
        status, lines, err = await dockline("try", "scanner_serial", "host=127.0.0.1", f"port={port}", f"suffix={suffix}", "--for", "1s", "--json")

    assert status == 0, err
    assert [line["identifiers"] for line in lines if line["type"] == "Scan"] == [{"sscc": "106141412345678908"}]


async def test_scanner_with_another_suffix_than_told_shows_what_was_thrown_away() -> None:
    async with peer(says(b"]E06901234567892\r")) as port:
        status, lines, err = await dockline("try", "scanner_serial", "host=127.0.0.1", f"port={port}", "suffix=tab", "--for", "1500ms", "--json")

    assert (status, [line["type"] for line in lines]) == (0, ["LinkChanged"])
    assert r"thrown away as torn: 1; the last was 5d 45 30" in err
    assert r"]E06901234567892\r" in err


async def test_fields_within_a_reading_are_named_like_all_others() -> None:
    async with peer(says(b"]d20109506000134352310300025510L1\x1d\r\n")) as port:
        _, lines, _ = await dockline("try", "scanner_serial", "host=127.0.0.1", f"port={port}", "--for", "1s", "--json")

    assert lines[-1]["identifiers"] == {"gtin": "09506000134352", "lot": "L1", "weight_g": 255}


async def test_busy_tag_is_told_again_before_send_ends() -> None:
    heard: list[bytes] = []
    async with peer(controller(BUSY, 1, heard)) as port:
        status, _, err = await dockline("send", "light_ablepick", "host=127.0.0.1", f"port={port}", "--", "show", "5", "12")

    assert status == 0, err
    assert heard.count(SHOW_12) == 2


async def test_tag_that_never_takes_the_message_fails_the_command() -> None:
    async with peer(controller(NOT_ACKNOWLEDGED, 99, [])) as port:
        status, _, err = await dockline("send", "light_ablepick", "host=127.0.0.1", f"port={port}", "--", "show", "5", "12")

    assert status == 1
    assert "not done: pick tag does not acknowledge; check its cable and address (code 0A)" in err


async def test_link_lost_again_for_the_same_reason_is_said_again() -> None:
    async def talks_rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(7)
        writer.write(bytes.fromhex("2b 00 60 00 00 00 09 00 00 00 00") + bytes(32) + b"HELLO\r\n")
        await reader.read()

    async with peer(talks_rubbish) as port:
        _, lines, _ = await dockline("try", "light_ablepick", "host=127.0.0.1", f"port={port}", "--for", "3s", "--json")

    states = [line["state"] for line in lines]
    assert len(states) >= 4
    assert states == [("connected", "lost")[index % 2] for index in range(len(states))]


async def test_try_ends_in_time_while_a_name_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_NAMES)
    began_s = time.monotonic()

    status, _, err = await dockline("try", "scale_sics", "host=slow.example", "port=4001", "--for", "300ms", PYTHONPATH=str(tmp_path))

    assert time.monotonic() - began_s < 10
    assert (status, "never connected" in err) == (1, True)


async def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_addresses(*_arguments: object, **_named: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]

    async with peer(says(b"here")) as port:
        monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
        transport = await open_transport(ScaleSicsConfig(host="scale.example", port=port))
        said = await transport.read()
        await transport.close()

    assert said == b"here"


@pytest.mark.parametrize(("path", "why"), [("/dev/null", "it is no serial line"), ("/dev", "it is no serial line"), ("/dev/ttyUSB99", "it is not there")])
async def test_path_that_is_no_serial_line_says_what_to_do(path: str, why: str) -> None:
    with pytest.raises(TransportError, match=f"cannot open {path}: {why}"):
        await open_transport(ScaleSicsConfig(path=path))


async def test_refused_connection_is_said_in_plain_words() -> None:
    with pytest.raises(TransportError, match=r"cannot connect to 127\.0\.0\.1:1: Connection refused; check host"):
        await open_transport(ScaleSicsConfig(host="127.0.0.1", port=1))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["try", "scale_sics", "host=x", "prt=1"], "unknown field `prt`; did you mean `port`?"),
        (["try", "scale_sics", "host=x", "port=1", "--for", "0"], "no time at all"),
        (["try", "sensor_modbus", "path=/dev/ttyUSB0", "map=xy_md02"], "set `framing` to rtu"),
        (["send", "scale_sics", "host=x", "port=1", "--", "zero", "--json"], "--json stands before the --"),
        (["send", "light_ablepick", "host=x", "--", "show", "1"], "needs quantity="),
    ],
)
def test_mistake_of_the_caller_ends_with_status_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert device_command.main(words) == 2
    assert said in capsys.readouterr().err


def test_fields_may_stand_behind_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert device_command.main(["try", "scale_sics", "host=127.0.0.1", "--for", "50ms", "port=1"]) == 1
    assert "never connected; cannot connect to 127.0.0.1:1" in capsys.readouterr().err


def test_send_waits_as_long_as_any_command_may_take() -> None:
    assert device_command._RESULT_TIMEOUT_S > WAIT_S_MAX

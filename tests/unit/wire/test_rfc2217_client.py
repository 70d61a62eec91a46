# SPDX-License-Identifier: Apache-2.0
"""The client of a serial server against the bytes of RFC 2217, RFC 854, and what servers were seen to send."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.base.rfc2217 import ComPortClient
from drivers.light_ablepick.config import LightAblepickConfig

OPENING = bytes.fromhex("ff fb 2c  ff fb 00  ff fb 03  ff fd 00  ff fd 03")
AGREED = bytes.fromhex("ff fd 2c")


def client(**fields: object) -> ComPortClient:
    settings = {"host": "server", "port": 2217, "serial_server": "rfc2217"} | fields
    made = ComPortClient(LightAblepickConfig(**settings))  # type: ignore[arg-type]
    assert made.bytes_to_send() == OPENING
    return made


def agreed(**fields: object) -> ComPortClient:
    made = client(**fields)
    made.receive_bytes(AGREED)
    made.bytes_to_send()
    return made


@pytest.mark.requirement("R98")
def test_settings_are_stated_as_the_rfc_has_them_when_the_server_agrees() -> None:
    made = client(baud_rate=19200, parity="E", data_bits=7, flow_control="rtscts")

    assert made.receive_bytes(AGREED) == b""

    assert made.accepted
    assert made.bytes_to_send() == b"".join(
        bytes.fromhex(part)
        for part in (
            "ff fa 2c 01 00 00 4b 00 ff f0",  # SET-BAUDRATE 19200
            "ff fa 2c 02 07 ff f0",  # SET-DATASIZE 7
            "ff fa 2c 03 03 ff f0",  # SET-PARITY even
            "ff fa 2c 04 01 ff f0",  # SET-STOPSIZE 1
            "ff fa 2c 05 03 ff f0",  # SET-CONTROL hardware flow control
            "ff fa 2c 0a 00 ff f0",  # SET-LINESTATE-MASK
            "ff fa 2c 0b 00 ff f0",  # SET-MODEMSTATE-MASK
            "ff fa 2c 0c 03 ff f0",  # PURGE-DATA both
        )
    )


def test_byte_ff_of_a_speed_is_doubled() -> None:
    made = client(baud_rate=0xFF00)

    made.receive_bytes(AGREED)

    assert bytes.fromhex("ff fa 2c 01 00 00 ff ff 00 ff f0") in made.bytes_to_send()


def test_server_that_offers_the_option_itself_is_taken_at_its_word() -> None:
    made = client()

    made.receive_bytes(bytes.fromhex("ff fb 2c"))

    assert made.accepted
    assert made.bytes_to_send().startswith(bytes.fromhex("ff fd 2c ff fa 2c 01"))


def test_server_that_refuses_is_told_from_one_that_is_silent() -> None:
    made = client()

    made.receive_bytes(bytes.fromhex("ff fe 2c"))

    assert made.accepted is False


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        ("ff fb 01", "ff fe 01"),  # WILL ECHO: nobody shall echo
        ("ff fd 18", "ff fc 18"),  # DO TERMINAL-TYPE
        ("ff fb 00", ""),  # WILL BINARY: what was asked for
        ("ff fd 03", ""),  # DO SUPPRESS-GO-AHEAD: what was offered
        ("ff fc 00", "ff fe 00"),  # WONT BINARY
        ("ff fc 00 ff fc 00", "ff fe 00"),
        ("ff f1", ""),  # NOP
    ],
)
def test_options_are_answered_once_and_only_when_something_changes(heard: str, answer: str) -> None:
    made = agreed()

    assert made.receive_bytes(bytes.fromhex(heard)) == b""
    assert made.bytes_to_send() == bytes.fromhex(answer)


def test_speed_and_framing_that_differ_are_named() -> None:
    made = agreed(baud_rate=19200, parity="E", data_bits=7)
    before = made.is_settled

    made.receive_bytes(bytes.fromhex("fffa2c6500002580fff0 fffa2c6607fff0 fffa2c6703fff0 fffa2c6801fff0"))

    assert (before, made.is_settled) == (False, True)
    assert made.differences() == ["speed: 9600 instead of 19200"]


def test_states_of_modem_and_line_are_counted_and_no_data() -> None:
    made = agreed()

    assert made.receive_bytes(bytes.fromhex("41 fffa2c6bb0fff0 42 fffa2c6a60fff0 fffa2c6b00fff0 fffa18 01 fff0 43")) == b"ABC"

    assert made.counted == {"modem_state": 2, "line_state": 1, "other_subnegotiation": 1}


def test_data_waits_while_the_server_has_no_room_and_settings_do_not() -> None:
    made = agreed()
    made.receive_bytes(bytes.fromhex("fffa2c6cfff0"))  # FLOWCONTROL-SUSPEND has no value
    made.receive_bytes(bytes.fromhex("fffa2c6c00fff0"))
    made.send(b"S\r\n")
    made.send_break(on=True)

    assert made.bytes_to_send() == bytes.fromhex("fffa2c0505fff0")
    made.receive_bytes(bytes.fromhex("fffa2c6dfff0"))

    assert made.bytes_to_send() == b"S\r\n"


def test_subnegotiation_without_end_is_no_serial_server() -> None:
    made = agreed()

    with pytest.raises(RemoteProtocolError, match="without end"):
        made.receive_bytes(b"\xff\xfa" + bytes(2000))


def _escaped(data: bytes) -> bytes:
    return data.replace(b"\xff", b"\xff\xff")


@given(st.lists(st.one_of(st.binary(max_size=8), st.just(b"\xff\xff")), max_size=8), st.integers(1, 7))
def test_every_byte_passes_both_ways_however_it_is_cut(pieces: list[bytes], size: int) -> None:
    made = agreed()
    data = b"".join(pieces)
    noise = bytes.fromhex("fffa2c6bb0fff0")

    heard = noise.join(_escaped(piece) for piece in pieces)
    said = b"".join(made.receive_bytes(heard[at : at + size]) for at in range(0, len(heard), size))
    made.send(data)

    assert said == data
    assert made.bytes_to_send() == _escaped(data)


@given(st.binary(max_size=200))
def test_garbage_never_costs_more_than_the_connection(data: bytes) -> None:
    made = client()
    with contextlib.suppress(RemoteProtocolError):
        made.receive_bytes(data)

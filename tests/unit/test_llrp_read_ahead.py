# SPDX-License-Identifier: Apache-2.0
"""Reports of single tags are read without being cut into messages; that must never say anything else than cutting them does."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.session import FrameRejected, SessionEvent
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import TagsSeen
from drivers.rfid_llrp.frames import Message, MessageSplitter, MessageType
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.tag_reports import SeenTag, TagReportReader


def tag(number: int, kind: str) -> bytes:
    """A TagReportData: plain; by uptime; Impinj; with an access result; with an unknown TV parameter at its end; or without an EPC."""
    parts = {
        "plain": struct.pack(
            "!B12sBHBbBQBQBH", 0x8D, number.to_bytes(12, "big"), 0x81, 1 + number % 4, 0x86, -40 - number % 30, 0x82, number, 0x84, number, 0x88, 1
        ),
        "uptime": struct.pack("!B12sBHBQ", 0x8D, number.to_bytes(12, "big"), 0x81, 2, 0x85, number),
        "impinj": struct.pack("!B12sBHHHIIhHHIIh", 0x8D, number.to_bytes(12, "big"), 0x81, 3, 1023, 14, 25882, 57, -4500 - number, 1023, 14, 25882, 56, 7),
        "result": struct.pack("!B12sBHHHBH", 0x8D, number.to_bytes(12, "big"), 0x81, 1, 350, 7, 0, 9),
        "strange": struct.pack("!B12sBHB", 0x8D, number.to_bytes(12, "big"), 0x81, 1, 0xFF),
        "nothing": struct.pack("!BH", 0x81, 1),
    }
    body = parts[kind]
    return struct.pack("!HH", 240, 4 + len(body)) + body


def frame(number: int, kinds: Sequence[str]) -> bytes:
    if not kinds:
        return Message(MessageType.KEEPALIVE, number).encode()
    body = b"".join(tag(number * 10 + place, kind) for place, kind in enumerate(kinds))
    return Message(MessageType.RO_ACCESS_REPORT, number, body, version=1 + number % 7 // 6).encode()


def cut(stream: bytes) -> tuple[list[SeenTag], list[str]]:
    """The tags and what was rejected, message by message."""
    reader = TagReportReader()
    tags: list[SeenTag] = []
    rejected: list[str] = []
    for message in MessageSplitter().messages(stream):
        if message.type == MessageType.RO_ACCESS_REPORT:
            found, refused = reader.read(message.body)
            tags += found
            rejected += [one.reason for one in refused]
    return tags, rejected


KINDS = st.sampled_from(["plain", "plain", "plain", "uptime", "impinj", "result", "strange", "nothing"])


@given(st.lists(st.one_of(KINDS.map(lambda kind: [kind]), st.lists(KINDS, max_size=4)), max_size=40), st.lists(st.integers(1, 300), max_size=40))
def test_reading_ahead_says_the_same_as_cutting_into_messages_however_the_stream_is_cut(given_kinds: list[list[str]], cuts: list[int]) -> None:
    stream = b"".join(frame(number, kinds) for number, kinds in enumerate(given_kinds))
    session, at = LlrpSession(RfidLlrpConfig(host="reader")), 0
    events: list[SessionEvent] = []
    for size in [*cuts, len(stream) + 1]:
        events += session.receive_bytes(stream[at : at + size], 1.0) if stream[at : at + size] else ()
        at += size

    tags = [one for event in events if isinstance(event, TagsSeen) for one in event.tags]
    rejected = [event.reason for event in events if isinstance(event, FrameRejected)]
    assert (tags, rejected) == cut(stream)
    assert session.bytes_to_send().count(struct.pack("!HI", 1 << 10 | MessageType.KEEPALIVE_ACK, 10)) == given_kinds.count([])


@pytest.mark.requirement("E5")
def test_single_tags_of_two_readers_layouts_in_one_piece_are_all_right() -> None:
    kinds = ["plain", "impinj"] * 200
    session = LlrpSession(RfidLlrpConfig(host="reader"))

    events = session.receive_bytes(b"".join(frame(number, [kind]) for number, kind in enumerate(kinds)), 1.0)

    tags = [one for event in events if isinstance(event, TagsSeen) for one in event.tags]
    assert [one.epc for one in tags] == [(number * 10).to_bytes(12, "big") for number in range(400)]
    assert [one.peak_rssi_dbm for one in tags[:4]] == [-40, -45.1, -60, -45.3]


def test_message_whose_inner_bytes_were_changed_is_not_read_by_its_length_alone() -> None:
    session = LlrpSession(RfidLlrpConfig(host="reader"))
    good = frame(1, ["plain"])
    session.receive_bytes(good, 1.0)
    broken = bytearray(good)
    broken[14] = 0x8E  # the EPC's parameter became another one

    events = session.receive_bytes(bytes(broken), 1.0)

    assert not any(isinstance(event, TagsSeen) for event in events)
    assert [event.reason for event in events if isinstance(event, FrameRejected)] != []

# SPDX-License-Identifier: Apache-2.0
"""Every message of our captures, of both sides, as two decoders that we did not write understand it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from llrpkit.protocol import decode_message
from sllurp.llrp import LLRPMessage

from tests.conformance.transcripts import CAPTURES, read_transcript

pytestmark = pytest.mark.requirement("E1")
FILES = sorted((CAPTURES / "rfid_llrp").glob("*.hex"))


def messages(path: Path) -> Iterator[bytes]:
    for step in read_transcript(path):
        data = step.data
        while data:
            length = struct.unpack_from("!HI", data)[1]
            yield data[:length]
            data = data[length:]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_llrpkit_reads_every_message_and_writes_the_same_bytes(path: Path) -> None:
    found = list(messages(path))
    assert found

    for raw in found:
        assert decode_message(raw).to_bytes(message_id=struct.unpack_from("!I", raw, 6)[0]) == raw


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sllurp_reads_what_the_reader_says(path: Path) -> None:
    said = [raw for raw in messages(path) if struct.unpack_from("!H", raw)[0] & 0x3FF in (11, 12, 13, 30, 31, 32, 34, 61, 62, 63)]
    assert said

    for raw in said:
        decoded = LLRPMessage(msgbytes=raw)
        assert "DecodeError" not in str(decoded.msgdict)

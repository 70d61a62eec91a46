# SPDX-License-Identifier: Apache-2.0
"""What the LLRP session reports beside what all sessions do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.base.session import SessionEvent
from drivers.rfid_llrp.tag_reports import SeenTag


@dataclass(frozen=True)
class TagsSeen(SessionEvent):
    """One report of the reader, in its order."""

    tags: Sequence[SeenTag]


@dataclass(frozen=True)
class InputLevel(SessionEvent):
    """An input changed, or (`reader_time_us` None) its level was asked for when the connection was made."""

    input: int
    level: bool
    reader_time_us: int | None = None


@dataclass(frozen=True)
class ReaderFault(SessionEvent):
    """The reader says that something is wrong: `part` is antenna, report_buffer or reader, `text` for people."""

    part: str
    text: str

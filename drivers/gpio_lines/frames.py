# SPDX-License-Identifier: Apache-2.0
"""Lines of text between the session and whoever has the pins. Words, single spaces, LF; names are percent-encoded.

    hello                             -> chip NAME LINES CLOCK     CLOCK monotonic: times of edges are this computer's CLOCK_MONOTONIC; own: not comparable
    input 1 GPIO17 low up 50          -> input 1                   number, line, active level, pull (as_is none up down), debounce in ms
    output 2 27 high push_pull 0      -> output 2                  number, line, active level, drive, level to begin with
    start                             -> started                   the lines are taken; levels follow at `get`
    set 2 1                           -> set 2 1                   switch an output
    get                               -> level 1 0 ... levels      a line for each input, then the end
    (by itself)                          edge 1 1 123456789012 7   input, level (after `active`), time in ns, number of the edge of that input
    any of them                       -> error SUBJECT CODE TEXT   number or -, a name of errno, for people (percent-encoded)

Source: Linux, Documentation/userspace-api/gpio (chardev v2: edge events with line sequence numbers, debounce, bias, drive); the lines are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

LINE_BYTES_MAX = 512
_WORDS = re.compile(rb"[!-~]+(?: [!-~]+)*\n")


@dataclass(frozen=True)
class Line:
    """One line as words, decoded."""

    words: tuple[str, ...]

    @property
    def verb(self) -> str:
        """Its first word."""
        return self.words[0]

    def encode(self) -> bytes:
        """Raises: LocalProtocolError: no words, or an empty one."""
        if not self.words or not all(self.words):
            raise LocalProtocolError(f"no line can be made of {self.words!r}")
        return " ".join(quote(word, safe="/:.,+-_()", errors="replace") for word in self.words).encode("ascii") + b"\n"


def line(*words: object) -> Line:
    """A line of words and numbers."""
    return Line(tuple(str(int(word)) if isinstance(word, bool) else str(word) for word in words))


def decode(data: bytes) -> Line:
    """One whole line with its LF. Raises: RemoteProtocolError: it is none."""
    if not _WORDS.fullmatch(data):
        raise RemoteProtocolError("not a line of digital inputs and outputs", data)
    return Line(tuple(unquote(word) or "?" for word in data[:-1].decode("ascii").split(" ")))


def number(text: str) -> int:
    """A whole number of a line. Raises: RemoteProtocolError."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise RemoteProtocolError(f"{text[:20]!r} is no number")
    return int(text)

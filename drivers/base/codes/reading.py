# SPDX-License-Identifier: Apache-2.0
"""From the bytes of one code to a scan: prefix, no-read, duplicates, the AIM identifier, separators, and what the code means."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.gs1.elements import GS, Elements, load_applications
from contracts.readings import Scan
from drivers.base.codes.codes import ELEMENT_STRINGS, understand
from drivers.base.codes.config import CodeSettings
from drivers.base.codes.frames import FRAME_BYTES_MAX, CodeFrame
from drivers.base.codes.identifiers import identifiers_of
from drivers.base.session import FrameRejected, SessionEvent

_SHOWN_BYTES = 64
_SEEN_MAX = 1000
"""Different codes that are remembered, to know them again: in a window of a minute, 16 a second. Together at most 4 MiB."""
_BYTE = re.compile(r"0x([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Scanned(SessionEvent):
    """A code was read. `elements` by GS1 application identifier; empty for opaque text and where `error` says what is wrong with a GS1 code."""

    text: str
    symbology: str | None
    elements: Elements
    error: str | None = None


def scan_of(scanned: Scanned, device: str, at_s: float, this_year: int) -> Scan:
    """The reading. The year is needed only to find the century of a two-digit expiry."""
    identifiers = identifiers_of(scanned.elements, this_year)
    return Scan(device=device, at_s=at_s, text=scanned.text, symbology=scanned.symbology, identifiers=identifiers, error=scanned.error)


def rejected(reason: str, data: bytes) -> FrameRejected:
    """Bytes thrown away; no more of them than somebody will look at."""
    return FrameRejected(reason, data[:_SHOWN_BYTES])


def bytes_of(text: str, encoding: str) -> bytes:
    """What people wrote in the configuration as the bytes that come: `<GS>` in the scanner's encoding, `0xE8` as that byte."""
    start, found = 0, b""
    for byte in _BYTE.finditer(text):
        found += text[start : byte.start()].encode(encoding) + bytes.fromhex(byte[1])
        start = byte.end()
    return found + text[start:].encode(encoding)


def _any_of(settings: CodeSettings) -> re.Pattern[bytes] | None:
    """The substitutes of GS; a letter beyond ASCII also as the one byte that it is in Latin-1, which is what scanners have in mind."""
    texts = {bytes_of(text, settings.encoding) for text in settings.separators}
    texts |= {bytes_of(text, "latin-1") for text in settings.separators if max(text) <= "\xff"}
    return re.compile(b"|".join(map(re.escape, sorted(texts, key=len, reverse=True)))) if texts else None


class CodeReader:
    """One scanner's codes. Reasons of rejection: too_long, no_read, duplicate."""

    def __init__(self, settings: CodeSettings, *, no_read: str | None = None) -> None:
        """`no_read` where it is not that of the settings."""
        load_applications()  # now, so that the first scan need not wait for it
        self._settings = settings
        self._takes_aim = settings.aim_identifier != "off"
        self._prefix = bytes_of(settings.prefix, settings.encoding)
        self._no_read = {bytes_of(text, settings.encoding) for text in (settings.no_read if no_read is None else no_read).split("|") if text}
        self._substitutes = _any_of(settings)
        self._seen_at_s: OrderedDict[bytes, float] = OrderedDict()  # the oldest first

    def read(self, frame: bytes, now_s: float, symbology: str = "") -> Sequence[SessionEvent]:
        """What one code's bytes mean, without their suffix. `symbology` where the scanner tells it beside the bytes."""
        frame = frame.removeprefix(self._prefix)
        if not frame:
            return ()
        if len(frame) > FRAME_BYTES_MAX:
            return (rejected("too_long", frame),)
        if frame in self._no_read:
            return (rejected("no_read", frame),)
        if self._is_duplicate(symbology.encode() + frame, now_s):
            return (rejected("duplicate", frame),)
        code = CodeFrame.decode(frame, takes_aim=self._takes_aim)
        if not code.symbology and symbology:
            code = CodeFrame(symbology, frame)
        return (self._understood(code),)

    def _is_duplicate(self, frame: bytes, now_s: float) -> bool:
        """Each repetition prolongs the window: a scanner that stares at one label reads it once."""
        window_s, seen = self._settings.duplicate_window_s, self._seen_at_s
        is_duplicate = now_s - seen.pop(frame, -math.inf) < window_s
        while seen and (len(seen) >= _SEEN_MAX or now_s - next(iter(seen.values())) >= window_s):
            seen.popitem(last=False)
        if window_s:
            seen[frame] = now_s
        return is_duplicate

    def _understood(self, frame: CodeFrame) -> Scanned:
        """Separators are put in only where a GS1 code is meant, or where it turns out to be one."""
        text = frame.text(self._settings.encoding)
        if self._substitutes is None or not (not frame.symbology or frame.symbology in ELEMENT_STRINGS):
            code = understand(frame.symbology, text, self._settings)
            return Scanned(code.text, frame.symbology or None, code.elements, code.error)
        substituted = CodeFrame(frame.symbology, self._substitutes.sub(GS.encode(), frame.data)).text(self._settings.encoding)
        code = understand(frame.symbology, substituted, self._settings)
        if not code.elements and not frame.symbology:
            code = understand(frame.symbology, text, self._settings)
        return Scanned(code.text, frame.symbology or None, code.elements, code.error)

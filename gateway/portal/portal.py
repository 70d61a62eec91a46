# SPDX-License-Identifier: Apache-2.0
"""One portal's judgement: windows of reads go in, passes come out; what stands beside the portal is learnt on the way."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.portal.reads import Judged, Side, Window
from gateway.portal.settings import Settings


class Portal:
    """Judges the windows of one portal in order of time. `sides` says which way each antenna looks."""

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None) -> None:
        self._sides = dict(sides)
        self._settings = settings or Settings()

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        """The passes in a window. `ended` false: more reads follow without a pause; what is still under way is left to the next window."""
        return Judged([], window.end_s)

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        """Whether a read is what this portal is used to of a tag that stands there: it neither opens a session nor keeps one open."""
        return False

    def learn_standing(self, epc: str, antenna: int, rssi_dbm: float | None, t_s: float) -> None:
        """Take note of a read outside sessions."""

    def snapshot(self) -> bytes:
        """What stands beside the portal, to be kept over a restart."""
        return b""

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""

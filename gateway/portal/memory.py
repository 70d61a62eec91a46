# SPDX-License-Identifier: Apache-2.0
"""What a portal remembers of tags that stand beside it: how sure that is, and how strong they usually are."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

_TAGS_MAX = 20_000
"""The least recent is forgotten."""
_SURE, _FORGIVING = -6.0, 3.0
"""Bounds of the log odds: what stood for days may still be driven away, and what moved once may stand here tomorrow."""
_FADING = 0.8
"""Of what earlier passes said, so much counts at the next."""
_TRUST = 0.6
"""Evidence of different passes is not independent: a tag in a dead spot looks as if it stood each time (chosen on captures grouped by run)."""
_READ_STEP = 0.2
"""A read while nothing passes says so much for standing."""
_STANDS = -1.0
_STRONGER_DB = 6.0
"""A read so much stronger than usual is no longer what the portal is used to."""
_UP, _DOWN = 0.3, 0.01
"""The usual strength is that of the best reads: it rises quickly and sinks slowly."""


@dataclass(slots=True)
class _Known:
    log_odds: float
    usual_dbm: float | None


class _Row(msgspec.Struct, array_like=True):
    epc: str
    log_odds: float
    usual_dbm: float | None


class Memory:
    """Log odds that a tag moves when something passes, by EPC; below zero: it stands."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def prior(self, epc: str) -> float:
        """What is known from before, as log odds to add; never in favour of moving: goods that passed once may be parked here now."""
        known = self._known.get(epc)
        return 0.0 if known is None else _TRUST * min(0.0, known.log_odds)

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        """Whether a read is the usual one of a tag that stands here."""
        known = self._known.get(epc)
        if known is None or known.log_odds > _STANDS:
            return False
        return rssi_dbm is None or known.usual_dbm is None or rssi_dbm < known.usual_dbm + _STRONGER_DB

    def passed(self, epc: str, log_odds: float, strongest_dbm: float | None) -> None:
        """Take note of what a pass said of a tag."""
        known = self._take(epc)
        known.log_odds = max(_SURE, min(_FORGIVING, _FADING * known.log_odds + log_odds))
        if known.log_odds < 0:
            self._used_to(known, strongest_dbm)
        else:
            known.usual_dbm = None

    def read(self, epc: str, rssi_dbm: float | None) -> None:
        """Take note of a read while nothing passes."""
        known = self._take(epc)
        known.log_odds = max(_SURE, known.log_odds - _READ_STEP)
        self._used_to(known, rssi_dbm)

    def _used_to(self, known: _Known, rssi_dbm: float | None) -> None:
        if rssi_dbm is None:
            return
        usual_dbm = rssi_dbm if known.usual_dbm is None else known.usual_dbm
        known.usual_dbm = usual_dbm + (rssi_dbm - usual_dbm) * (_UP if rssi_dbm > usual_dbm else _DOWN)

    def _take(self, epc: str) -> _Known:
        known = self._known.pop(epc, None) or _Known(0.0, None)
        self._known[epc] = known
        if len(self._known) > _TAGS_MAX:
            del self._known[next(iter(self._known))]
        return known

    def snapshot(self) -> bytes:
        """The tags that stand, to be kept over a restart."""
        rows = [_Row(epc, round(known.log_odds, 2), known.usual_dbm) for epc, known in self._known.items() if known.log_odds <= _STANDS]
        return msgspec.json.encode(rows)

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""
        rows = msgspec.json.decode(data, type=list[_Row])
        self._known = {row.epc: _Known(row.log_odds, row.usual_dbm) for row in rows}

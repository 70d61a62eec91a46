# SPDX-License-Identifier: Apache-2.0
"""Rules of the way to the customer, pure: is an address complete, when is a failed try repeated, what do a carrier's steps make of an order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

_NEEDED = ("name", "phone", "street")
_BACK_OFF_S = (5, 3600)
TRACK_EVERY = timedelta(minutes=30)
"""How often a carrier is asked where a package is, beside what it pushes by itself (guessed; SF allows 3,000 calls a day in its sandbox)."""
COMPLAIN_AFTER = 5
"""Failed tries after which a person is told (guessed: about three minutes)."""


def missing_of(address: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What an address lacks for a carrier: names of its fields, empty when it is complete. City or province will do (Beijing is both)."""
    given = address or {}
    missing = [name for name in _NEEDED if not str(given.get(name) or "").strip()]
    if not (str(given.get("city") or "").strip() or str(given.get("province") or "").strip()):
        missing.append("city")
    return tuple(missing)


def try_again_in(attempts: int) -> timedelta:
    """How long to wait after so many failed tries: 5 s, doubled each time, an hour at most."""
    return timedelta(seconds=min(_BACK_OFF_S[0] * 2 ** min(attempts - 1, 20), _BACK_OFF_S[1]))


def state_after(state: str, steps: Collection[str]) -> str:
    """The state of a carrier's order after steps of these states; delivered stays delivered."""
    if state in ("cancelled", "delivered"):
        return state
    if "delivered" in steps:
        return "delivered"
    return "in_transit" if steps else state


def reference_of(sscc: str, revision: int) -> str:
    """Our order id at the carrier: the SSCC, and a count once an order for it was cancelled."""
    return sscc if revision == 0 else f"{sscc}-{revision}"

# SPDX-License-Identifier: Apache-2.0
"""What balances copy from the catalog follows it."""

from __future__ import annotations

from central.ledger.service import lots_changed, places_changed

__all__ = ["lots_changed", "places_changed"]

# SPDX-License-Identifier: Apache-2.0
"""Which driver need not keep which rule, and why. These lists may only shrink."""

from __future__ import annotations

EXEMPT: dict[str, dict[str, str]] = {
    "test_device_fault_maps_to_documented_code": {
        "scanner_evdev": "a keyboard only types; it has no reply with a fault in it",
        "scanner_serial": "a scanner only sends what it reads; it has no reply with a fault in it",
        "sllurp": "through sllurp a reader takes no commands, so it refuses none",
    },
}
"""Rule (the test's name) -> driver -> reason."""

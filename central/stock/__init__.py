# SPDX-License-Identifier: Apache-2.0
"""Stock as people handle it: units, moves, damage and loss, expiry, transfers, kits, serials, recalls, and one view of all of it."""

# SPDX-License-Identifier: Apache-2.0
"""Updates of a gateway: signed bundles, versions side by side, a trial, and the way back (docs/decisions/0033)."""

# SPDX-License-Identifier: Apache-2.0
"""Pick-to-light: ATOP ABLEPick controllers (AT400, AT500) over TCP."""

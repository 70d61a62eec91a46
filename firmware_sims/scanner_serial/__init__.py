# SPDX-License-Identifier: Apache-2.0
"""A barcode scanner on a serial line or TCP."""

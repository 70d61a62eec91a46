# SPDX-License-Identifier: Apache-2.0
"""Barcode scanners that send what they read as text, over a serial line, USB-CDC or TCP."""

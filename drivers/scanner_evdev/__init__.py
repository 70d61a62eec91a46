# SPDX-License-Identifier: Apache-2.0
"""Barcode scanners that type what they read as a USB or Bluetooth keyboard, taken from the kernel before anybody else sees the keys."""

# SPDX-License-Identifier: Apache-2.0
"""Firmware simulators: twins of warehouse hardware that speak the same bytes, written from the makers' documents and never from our drivers."""

# SPDX-License-Identifier: Apache-2.0
"""Twins of pick tags on a Modbus line."""

# SPDX-License-Identifier: Apache-2.0
"""Twins of Modbus sensors and relays, over Modbus TCP and RTU."""

# SPDX-License-Identifier: Apache-2.0
"""Temperature and humidity sensors and relays over Modbus TCP and RTU, described by map files."""

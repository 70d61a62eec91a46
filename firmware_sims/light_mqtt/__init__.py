# SPDX-License-Identifier: Apache-2.0
"""Twins of pick lights that speak MQTT: as messages, and with a small broker before them."""

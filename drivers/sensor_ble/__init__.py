# SPDX-License-Identifier: Apache-2.0
"""Sensors that tell their values in Bluetooth advertisements: RuuviTag, BTHome, and thermometers with the firmware of ATC and pvvx."""

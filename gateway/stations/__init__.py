# SPDX-License-Identifier: Apache-2.0
"""Stations: work places that turn readings of their devices into events. Pure state machines; time is an argument."""

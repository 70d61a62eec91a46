# SPDX-License-Identifier: Apache-2.0
"""Measurements, beside peers in the same run. Each module has `run(repeats) -> dict`."""

# SPDX-License-Identifier: Apache-2.0
"""Replenishment proposals by minimum and maximum."""

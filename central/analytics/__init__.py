# SPDX-License-Identifier: Apache-2.0
"""Figures over all areas."""

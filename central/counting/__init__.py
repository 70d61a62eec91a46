# SPDX-License-Identifier: Apache-2.0
"""Counting: what is really there, place by place, by whom, and what becomes of the difference."""

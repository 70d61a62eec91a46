# SPDX-License-Identifier: Apache-2.0
"""Scales of several makes that send a line of text."""

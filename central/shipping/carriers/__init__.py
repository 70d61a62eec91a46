# SPDX-License-Identifier: Apache-2.0
"""Carriers: one protocol, one adapter for each carrier's public interface."""

# SPDX-License-Identifier: Apache-2.0
"""Pytest plugin: simulated devices as fixtures for other people's tests."""

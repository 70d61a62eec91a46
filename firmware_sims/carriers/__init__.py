# SPDX-License-Identifier: Apache-2.0
"""Simulators of carriers' public interfaces: real HTTP servers on loopback with faults. They know nothing of the adapters."""

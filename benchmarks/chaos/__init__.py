# SPDX-License-Identifier: Apache-2.0
"""Real programs under random faults, and whether anything that was accepted is lost or applied twice: `make chaos`."""

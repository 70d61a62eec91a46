# SPDX-License-Identifier: Apache-2.0
"""The twins of fixed scanners, each by its maker's document."""

from __future__ import annotations

from firmware_sims.scanner_tcp.cognex import CognexTwin
from firmware_sims.scanner_tcp.datalogic import DatalogicTwin
from firmware_sims.scanner_tcp.keyence import KeyenceTwin

__all__ = ["CognexTwin", "DatalogicTwin", "KeyenceTwin"]

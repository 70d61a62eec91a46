# SPDX-License-Identifier: Apache-2.0
"""Listens to a scanner: cuts its bytes into codes, drops what is too long or torn, and takes the same code twice in a moment for one scan."""

from __future__ import annotations

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.listening import ListeningSession
from drivers.base.codes.reading import CodeReader
from drivers.scanner_serial.config import ScannerSerialConfig


class ScannerSession(ListeningSession):
    """See `drivers.base.session.Session`. Reasons of rejection are those of codes."""

    def __init__(self, config: ScannerSerialConfig) -> None:
        super().__init__(CodeLines(config.suffix, config.gap_s), CodeReader(config))

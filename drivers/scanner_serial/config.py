# SPDX-License-Identifier: Apache-2.0
"""Configuration of a barcode scanner."""

from __future__ import annotations

from drivers.base.codes.config import CodeStreamConfig
from drivers.base.codes.lines import Gap, Suffix


class ScannerSerialConfig(CodeStreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scanner_serial"):
    """A scanner; its own settings (suffix, AIM identifier) are made with the maker's setting barcodes, and told here."""

    suffix: Suffix = "line"
    gap_s: Gap = 0.05

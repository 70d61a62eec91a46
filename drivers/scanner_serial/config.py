# SPDX-License-Identifier: Apache-2.0
"""Configuration of a barcode scanner."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class ScannerSerialConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scanner_serial"):
    """A scanner; its own settings (suffix, AIM identifier) are made with the maker's setting barcodes, and told here."""

    suffix: Annotated[
        Literal["line", "cr", "lf", "crlf", "tab", "etx", "none"],
        described("What the scanner sends after each code; `line` takes CR, LF or both, `etx` is for STX code ETX, `none` ends a code by silence", "choice"),
    ] = "line"
    gap_s: Annotated[float, described("Silence that ends a code when suffix is none", "s", ge=0.005, le=2)] = 0.05
    aim_identifier: Annotated[
        Literal["auto", "required", "off"],
        described("Whether codes begin with an AIM identifier like ]C1: taken when there, missed when not there, or never taken for one", "choice"),
    ] = "auto"
    without_symbology: Annotated[
        Literal["gs1", "opaque"],
        described("A code without AIM identifier: gs1 reads it as GS1 elements if it is that from end to end and a check digit is right", "choice"),
    ] = "gs1"
    gtin_lengths: Annotated[
        tuple[Literal[8, 12, 13, 14], ...], described("Lengths at which bare digits without AIM identifier are a GTIN (EAN-13: 13)", "count")
    ] = ()
    separators: Annotated[
        tuple[Annotated[str, described("Text that stands for GS", "text", min_length=1, max_length=8)], ...],
        described("What the scanner sends in place of the GS1 separator (GS, 1D hex), like <GS> or ^", "text"),
    ] = ()
    encoding: Annotated[Literal["utf-8", "gb18030", "latin-1"], described("How the scanner encodes text beyond ASCII", "choice")] = "utf-8"
    duplicate_window_s: Annotated[float, described("The same code again within this time is the same scan; 0 for never", "s", ge=0, le=60)] = 0.5
    no_read: Annotated[str, described("Text that a fixed scanner sends when it saw no code, like ERROR; empty for none", "text", max_length=40)] = ""

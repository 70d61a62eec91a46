# SPDX-License-Identifier: Apache-2.0
"""Configuration of a keyboard scanner."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.codes.config import AimIdentifier, DuplicateWindow, GtinLengths, NoRead, Pairing, Prefix, Separators, WithoutSymbology
from drivers.base.codes.lines import Gap, Suffix
from drivers.base.config import KernelFileConfig, described


class ScannerEvdevConfig(KernelFileConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scanner_evdev"):
    """`path` is a link like /dev/input/by-id/usb-...-event-kbd, or the folder /dev/input when `name` says which of its devices it is."""

    name: Annotated[str, described("Name of the device as the kernel tells it (`evtest`); another one is not used. Empty: any", "text", max_length=128)] = ""
    grab: Annotated[bool, described("Keep the keys from everybody else; off only where the console is to see them too", "flag")] = True
    layout: Annotated[Literal["us", "uk", "de", "fr", "es", "it"], described("Keyboard layout set in the scanner, not that of this computer", "choice")] = "us"
    caps_lock: Annotated[bool, described("Whether caps lock is on when the scanner is plugged in", "flag")] = False
    gs_key: Annotated[
        Literal["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "none"],
        described("Function key that the scanner types for the GS1 separator, beside Ctrl-] and Alt 0 2 9", "choice"),
    ] = "F8"
    record_format: Annotated[
        Literal["native", "64-bit", "32-bit"], described("Records of 24 or 16 bytes; native is what the kernel gives a program on this computer", "choice")
    ] = "native"
    suffix: Suffix = "line"
    gap_s: Gap = 0.05
    aim_identifier: AimIdentifier = "auto"
    without_symbology: WithoutSymbology = "gs1"
    pairing: Pairing = "label"
    gtin_lengths: GtinLengths = ()
    separators: Separators = ()
    prefix: Prefix = ""
    duplicate_window_s: DuplicateWindow = 0.5
    no_read: NoRead = ""

    @property
    def encoding(self) -> str:
        """Keys are turned into text here, so that nothing is left to say about it."""
        return "utf-8"

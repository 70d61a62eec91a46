# SPDX-License-Identifier: Apache-2.0
"""The settings that all scanners share, whichever way they are reached."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from drivers.base.config import StreamConfig, described

AimIdentifier = Annotated[
    Literal["auto", "required", "off"],
    described("Whether codes begin with an AIM identifier like ]C1: taken when there, missed when not there, or never taken for one", "choice"),
]
WithoutSymbology = Annotated[
    Literal["gs1", "opaque"],
    described("A code without AIM identifier: gs1 reads it as GS1 elements if it is that from end to end and a check digit is right", "choice"),
]
Pairing = Annotated[
    Literal["label", "code", "off"],
    described(
        "Which GS1 elements must stand together: code asks for all companions in the same barcode, label lets them be in another barcode of the label and "
        "only refuses what can never be on one item, off asks nothing",
        "choice",
    ),
]
GtinLengths = Annotated[tuple[Literal[8, 12, 13, 14], ...], described("Lengths at which bare digits without AIM identifier are a GTIN (EAN-13: 13)", "count")]
Separators = Annotated[
    tuple[Annotated[str, described("Text that stands for GS", "text", min_length=1, max_length=8)], ...],
    described("What the scanner sends in place of the GS1 separator (GS, 1D hex): text like <GS>, {GS}, ^, | or ~, or a byte like 0xE8", "text"),
]
Prefix = Annotated[
    str, described("Text that the scanner puts before each code, taken off where it is there; a byte as 0x02; empty for none", "text", max_length=40)
]
Encoding = Annotated[Literal["utf-8", "gb18030", "latin-1"], described("How the scanner encodes text beyond ASCII", "choice")]
DuplicateWindow = Annotated[float, described("The same code again within this time is the same scan; 0 for never", "s", ge=0, le=60)]
NoRead = Annotated[
    str, described("Text that a fixed scanner sends when it saw no code, like ERROR or NOREAD; several with | between; empty for none", "text", max_length=80)
]


class CodeSettings(Protocol):
    """What the understanding of codes wants to know of a scanner's configuration."""

    @property
    def aim_identifier(self) -> Literal["auto", "required", "off"]: ...  # noqa: D102  # described above
    @property
    def without_symbology(self) -> Literal["gs1", "opaque"]: ...  # noqa: D102
    @property
    def pairing(self) -> Literal["label", "code", "off"]: ...  # noqa: D102
    @property
    def gtin_lengths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def separators(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def prefix(self) -> str: ...  # noqa: D102
    @property
    def encoding(self) -> str: ...  # noqa: D102
    @property
    def duplicate_window_s(self) -> float: ...  # noqa: D102
    @property
    def no_read(self) -> str: ...  # noqa: D102


class CodeStreamConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scanner reached over TCP or a serial line."""

    aim_identifier: AimIdentifier = "auto"
    without_symbology: WithoutSymbology = "gs1"
    pairing: Pairing = "label"
    gtin_lengths: GtinLengths = ()
    separators: Separators = ()
    prefix: Prefix = ""
    encoding: Encoding = "utf-8"
    duplicate_window_s: DuplicateWindow = 0.5
    no_read: NoRead = ""

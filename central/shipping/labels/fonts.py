# SPDX-License-Identifier: Apache-2.0
"""Fonts of the system, found when something is drawn. Chinese needs one that has its characters; without it nothing is printed wrong, it is said."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from central.errors import DomainError

if TYPE_CHECKING:
    import typst

FONTS_VARIABLE = "DOCKLINE_FONTS"
"""Environment variable that names one more folder with fonts."""
_PREFERRED = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "Droid Sans Fallback",
    "Noto Serif CJK SC",
)
_REGULAR = 400
_CJK = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))
"""Blocks of Unicode whose characters a Latin font does not have: radicals to ideographs, Hangul, compatibility forms, full width, supplements."""


class NoFontError(DomainError):
    """The text has Chinese characters and this machine has no font for them."""

    status = 501

    def __init__(self, text: str) -> None:
        super().__init__(
            "no_cjk_font",
            f"{text!r} needs a font with Chinese characters and there is none; install one (Debian: fonts-noto-cjk), or name its folder in {FONTS_VARIABLE}",
        )


@dataclass(frozen=True)
class Font:
    """A font with Chinese characters: its family for typesetting, its file and the number of the font in it for drawing."""

    family: str
    path: str
    index: int


@cache
def all_fonts() -> typst.Fonts:
    """Fonts of the system and of the named folder, looked for once."""
    import typst  # the typesetter is loaded with the first paper: most processes print none, and it costs 7 MiB

    folder = os.environ.get(FONTS_VARIABLE)
    return typst.Fonts(font_paths=[folder] if folder else [])


@cache
def chinese_font() -> Font | None:
    """The best font for Chinese that there is; None without any."""
    by_family: dict[str, Font] = {}
    for each in all_fonts().fonts():
        if each.path and each.style == "normal" and (each.family not in by_family or each.weight == _REGULAR):
            by_family[each.family] = Font(each.family, str(each.path), each.index)
    chosen = [family for family in _PREFERRED if family in by_family] or sorted(family for family in by_family if "CJK" in family)
    return by_family[chosen[0]] if chosen else None


def is_chinese(text: str) -> bool:
    """Whether a text has characters that a Latin font does not have."""
    return any(low <= ord(character) <= high for character in text for low, high in _CJK)


def font_for(text: str) -> Font:
    """The font for a text with Chinese. Raises: NoFontError."""
    font = chinese_font()
    if font is None:
        raise NoFontError(text)
    return font

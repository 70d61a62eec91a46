# SPDX-License-Identifier: Apache-2.0
"""Templates made into PDF, PNG and SVG. Data go in as JSON and come out as text: nothing in them is ever a command of the typesetter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

from central.errors import DomainError
from central.shipping.labels.fonts import all_fonts, chinese_font, font_for, is_chinese

Format = Literal["pdf", "png", "svg"]
MEDIA_TYPES: dict[Format, str] = {"pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml"}
_LATIN = "Libertinus Serif"
"""Comes with the typesetter."""
_PPI_PNG = 406.0
"""Two pixels for each dot of the commonest label printer."""


def typeset(template: str, data: Mapping[str, Any], form: Format) -> bytes:
    """A template with its data. Raises: NoFontError: it has Chinese and this machine has no font for it. DomainError: more than a page as PNG or SVG."""
    import typst  # as in `fonts`: loaded with the first paper

    text = json.dumps(data, ensure_ascii=False)
    if is_chinese(text):
        font_for(next(value for value in _texts(data) if is_chinese(value)))
    chinese = chinese_font()
    fonts = [chinese.family, _LATIN] if chinese else [_LATIN]
    source = (files("central.shipping.labels") / "templates" / f"{template}.typ").read_bytes()
    inputs = {"data": json.dumps({**data, "fonts": fonts}, ensure_ascii=False)}
    made = typst.compile(source, format=form, ppi=_PPI_PNG, sys_inputs=inputs, font_paths=all_fonts())
    if not isinstance(made, bytes):
        raise DomainError("many_pages", f"this paper has {len(made or [])} pages and {form} holds one; ask for it as pdf")
    return made


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, (list, tuple)) else []

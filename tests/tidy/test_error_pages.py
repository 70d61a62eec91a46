# SPDX-License-Identifier: Apache-2.0
"""Every error code that the source raises has a page in both languages, and no page is left of a code that is gone."""

from __future__ import annotations

import pytest

from central.error_pages import texts
from tools.source_scan import error_codes

pytestmark = pytest.mark.slow

OF_HTTP = {"bad_request", "internal_error", "invalid_request", "unstorable_value"}
"""Codes that central.problems gives by itself."""


@pytest.mark.requirement("X9", "R106")
def test_every_error_code_has_a_page() -> None:
    missing = sorted(({error.code for error in error_codes()} | OF_HTTP) - texts().keys())

    assert missing == [], f"write these into central/errors.toml: {', '.join(missing)}"


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    gone = sorted(texts().keys() - {error.code for error in error_codes()} - OF_HTTP)

    assert gone == [], f"take these out of central/errors.toml: {', '.join(gone)}"


def test_every_page_says_what_why_and_what_to_do_in_both_languages() -> None:
    for code, languages in texts().items():
        assert set(languages) == {"en", "zh"}, code
        for language, text in languages.items():
            for line in (text.means, text.why, text.do):
                assert line.endswith("." if language == "en" else "。"), f"{code} {language}: {line}"

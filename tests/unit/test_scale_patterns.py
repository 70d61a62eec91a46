# SPDX-License-Identifier: Apache-2.0
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.scale_lines.maps import SHIPPED, load_map
from drivers.scale_lines.patterns import Pattern, PatternError

SHIPPED_PATTERNS = [form.match for path in sorted(SHIPPED.glob("*.toml")) for form in load_map(path.stem).patterns]
_ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\d", r"\s", "1", " ", r"\.", "[0-9.]", "(?:ab|a)", "(?:a|)"])


def _named(number: int, inner: str) -> str:
    return f"(?P<g{number}>{inner})"


@st.composite
def _patterns(draw: Any) -> str:
    """Patterns of the subset whose groups stand outside repetitions, where Python's own engine has ways of its own."""
    pieces = []
    for number in range(draw(st.integers(1, 5))):
        piece = draw(_ATOMS) + draw(st.sampled_from(["", "?", "*", "+", "{2}", "{1,2}", "{0,3}", "*?", "+?", "??"]))
        if draw(st.booleans()):
            piece = _named(number, piece)
        pieces.append(piece)
    if draw(st.booleans()):
        pieces.append(f"(?:{draw(_ATOMS)}|{draw(_ATOMS)}{draw(_ATOMS)})")
    return "".join(pieces)


def _groups_of_python(pattern: str, line: str) -> dict[str, str] | None:
    found = re.fullmatch(pattern, line)
    return None if found is None else {name: text for name, text in found.groupdict().items() if text is not None}


@given(pattern=_patterns(), line=st.text("ab1. ", max_size=12))
def test_pattern_matches_as_python_does(pattern: str, line: str) -> None:
    assert Pattern(pattern).match(line) == _groups_of_python(pattern, line)


@given(line=st.text("STUOLGN,+-0123456789.kgKG PTE\x1b[]?=", max_size=30))
def test_shipped_patterns_match_as_python_does(line: str) -> None:
    for pattern in SHIPPED_PATTERNS:
        assert Pattern(pattern).match(line) == _groups_of_python(pattern, line), pattern


@pytest.mark.parametrize("pattern", ["(?:a+)+b", "(?:a*)*b", "(?:a|a)*b", "(?:a|aa)+b", r"(?:\s*)*x", "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaa", "(?:(?:a*)*)*b"])
def test_pattern_that_blows_up_elsewhere_looks_at_each_place_once(pattern: str) -> None:
    compiled = Pattern(pattern)
    looked = 0

    class Program(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            nonlocal looked
            looked += 1
            return super().__getitem__(index)

    compiled._program = Program(compiled._program)
    line = "a" * 256

    assert compiled.match(line) is None

    assert looked <= len(compiled._program) * (len(line) + 1)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "closing bracket is missing"),
        ("a)", "without an opening one"),
        ("[ab", "ends too early"),
        ("*a", "nothing to repeat"),
        ("a**", "repetition of a repetition"),
        ("a{3,1}", "counts that rise"),
        ("a{x}", r"expected \{n\}"),
        ("a{101}", "up to 100"),
        (r"(a)\1", "not known here"),
        ("(?=a)", "only"),
        ("(?<!a)b", "only"),
        ("^a$", "not needed"),
        ("(?P<a>x)(?P<a>y)", "given twice"),
        ("(?P<1>x)", "no word"),
        ("(?:(?:a{100}){100})", "too large"),
        ("(" * 30 + "a" + ")" * 30, "in each other"),
        (r"\xg0", "hex digits"),
        ("[z-a]", "range"),
        ("重", "no character that a scale sends"),
    ],
)
def test_pattern_that_is_not_understood_says_what_and_where(pattern: str, said: str) -> None:
    with pytest.raises(PatternError, match=said):
        Pattern(pattern)


@given(text=st.text("()[]{}|*+?.\\ab1,-^$PdsxP<>:=!", max_size=20), line=st.text(max_size=10))
def test_any_text_is_a_pattern_or_refused(text: str, line: str) -> None:
    try:
        pattern = Pattern(text)
    except PatternError:
        return
    pattern.match(line)

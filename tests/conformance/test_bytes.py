# SPDX-License-Identifier: Apache-2.0
"""What every driver does with bytes; the rules stand in gateway/conformance/bytes_rules.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.conformance.bytes_rules import (
    test_captures_decode_to_golden,
    test_decode_encode_round_trip,
    test_device_fault_maps_to_documented_code,
    test_every_chunking_gives_the_same_events,
    test_garbage_raises_only_protocol_error,
    test_sim_and_driver_agree_on_captures,
)
from tests.conformance.entries import captures
from tests.conformance.entries import of_built_in as pytest_generate_tests

__all__ = [
    "pytest_generate_tests",
    "test_captures_decode_to_golden",
    "test_decode_encode_round_trip",
    "test_device_fault_maps_to_documented_code",
    "test_every_chunking_gives_the_same_events",
    "test_garbage_raises_only_protocol_error",
    "test_sim_and_driver_agree_on_captures",
]


@pytest.mark.parametrize("capture", captures(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_capture_says_where_it_comes_from(capture: Path) -> None:
    note = capture.with_suffix(".md")

    assert note.is_file(), f"{note} is missing: who recorded it, when, which page of which manual"
    assert len(note.read_text(encoding="utf-8")) > 80, f"{note} says next to nothing"

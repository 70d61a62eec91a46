# SPDX-License-Identifier: Apache-2.0
"""How every driver comes, goes and comes back; the rules stand in gateway/conformance/life_rules.py."""

from __future__ import annotations

import pytest

from gateway.conformance.life_rules import (
    Readings,
    test_cancel_during_read_is_clean,
    test_close_is_idempotent_and_leaves_no_task,
    test_logs_once_when_lost_and_once_when_back,
    test_reconnects_after_peer_vanishes,
    test_refused_connection_says_where,
)
from tests.conformance.entries import of_built_in as pytest_generate_tests

__all__ = [
    "Readings",
    "pytest_generate_tests",
    "test_cancel_during_read_is_clean",
    "test_close_is_idempotent_and_leaves_no_task",
    "test_logs_once_when_lost_and_once_when_back",
    "test_reconnects_after_peer_vanishes",
    "test_refused_connection_says_where",
]

pytest.mark.slow(test_logs_once_when_lost_and_once_when_back)
pytest.mark.slow(test_cancel_during_read_is_clean)

# SPDX-License-Identifier: Apache-2.0
"""All rules, to be imported into a test module by `*`; each is a test that takes the name of a driver."""

from __future__ import annotations

from gateway.conformance.bytes_rules import (
    test_captures_decode_to_golden,
    test_decode_encode_round_trip,
    test_device_fault_maps_to_documented_code,
    test_every_chunking_gives_the_same_events,
    test_garbage_raises_only_protocol_error,
    test_sim_and_driver_agree_on_captures,
)
from gateway.conformance.declaration_rules import (
    test_config_rejects_unknown_field,
    test_every_command_argument_has_description_and_unit,
    test_every_field_has_description_and_unit,
    test_no_clock_or_random_in_session,
    test_quality_file_tells_the_truth,
    test_spec_names_twin_and_source,
)
from gateway.conformance.life_rules import (
    test_cancel_during_read_is_clean,
    test_close_is_idempotent_and_leaves_no_task,
    test_logs_once_when_lost_and_once_when_back,
    test_reconnects_after_peer_vanishes,
    test_refused_connection_says_where,
)

__all__ = [
    "test_cancel_during_read_is_clean",
    "test_captures_decode_to_golden",
    "test_close_is_idempotent_and_leaves_no_task",
    "test_config_rejects_unknown_field",
    "test_decode_encode_round_trip",
    "test_device_fault_maps_to_documented_code",
    "test_every_chunking_gives_the_same_events",
    "test_every_command_argument_has_description_and_unit",
    "test_every_field_has_description_and_unit",
    "test_garbage_raises_only_protocol_error",
    "test_logs_once_when_lost_and_once_when_back",
    "test_no_clock_or_random_in_session",
    "test_quality_file_tells_the_truth",
    "test_reconnects_after_peer_vanishes",
    "test_refused_connection_says_where",
    "test_sim_and_driver_agree_on_captures",
    "test_spec_names_twin_and_source",
]

RULES = tuple(__all__)
"""The names that quality.toml uses."""

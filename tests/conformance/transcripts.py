# SPDX-License-Identifier: Apache-2.0
"""Where the captures of the built-in drivers lie; how they are read and played stands in gateway/conformance/transcripts.py."""

from __future__ import annotations

from pathlib import Path

from gateway.conformance.transcripts import Settings, Step, event_as_json, play_to_session, play_to_twin, read_settings, read_transcript

__all__ = ["CAPTURES", "Settings", "Step", "event_as_json", "play_to_session", "play_to_twin", "read_settings", "read_transcript"]

CAPTURES = Path(__file__).parents[1] / "captures"

# SPDX-License-Identifier: Apache-2.0
"""A rule that cannot fail proves nothing: drivers with planted faults, and transcripts that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.base.session import SessionEvent
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.session import LightAblepickSession
from drivers.light_ablepick.tags import Wishes
from firmware_sims.light_ablepick.twin import AblePickTwin
from gateway.conformance.bytes_rules import _feed
from tests.conformance.transcripts import CAPTURES, play_to_session, play_to_twin, read_settings, read_transcript

CAPTURE = CAPTURES / "light_ablepick" / "at500_show_and_confirm.hex"


class Forgetful(LightAblepickSession):
    """Loses what is left over of a piece."""

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        self._stream._incoming.clear()
        return super().receive_bytes(data, now_s)


class Crashing(LightAblepickSession):
    """Falls over a byte of the device."""

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        assert 0x62 not in data
        return super().receive_bytes(data, now_s)


class Chatty(LightAblepickSession):
    """Says goodbye where nothing is to be said."""

    def bytes_to_send(self) -> bytes:
        return super().bytes_to_send() + b"!"


def _session(kind: type[LightAblepickSession]) -> LightAblepickSession:
    return kind(LightAblepickConfig(host="controller"), Wishes())


def test_lost_remainder_is_found_by_a_cut() -> None:
    steps = read_transcript(CAPTURE)
    whole = play_to_session(_session(Forgetful), steps)

    with pytest.raises(AssertionError, match=r">> but sent b''\n\s*matched until here"):
        play_to_session(_session(Forgetful), steps, cuts=[43])  # 43 falls on the end of the status and two bytes before the end of the press
    assert len(whole) == 3


def test_other_exception_than_protocol_error_is_not_swallowed() -> None:
    with pytest.raises(AssertionError):
        _feed(_session(Crashing), [(b"\x08\x00\x62", 0.0)])


def test_bytes_beyond_the_transcript_are_found() -> None:
    with pytest.raises(AssertionError, match=r"expected|beyond the transcript"):
        play_to_session(_session(Chatty), read_transcript(CAPTURE))


def test_twin_that_says_something_else_is_found() -> None:
    with pytest.raises(AssertionError, match="<< but said"):
        play_to_twin(AblePickTwin(nodes=range(1, 3)), read_transcript(CAPTURE))


def test_transcript_with_a_wrong_line_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.hex"
    path.write_text("# good\n<< 00\n?? 00\n")

    with pytest.raises(ValueError, match=r"wrong\.hex:3: a line begins with"):
        read_transcript(path)


def test_settings_lines_say_how_both_sides_are_set_up(tmp_path: Path) -> None:
    path = tmp_path / "some.hex"
    path.write_text("# words\n#: config map=xy_md02 unit_id=3 interval_s=1.5\n#: twin ModbusSensorTwin framing=rtu\n@1.0\n")

    settings = read_settings(path)

    assert settings.config == {"map": "xy_md02", "unit_id": 3, "interval_s": 1.5}
    assert (settings.twin, settings.twin_arguments) == ("ModbusSensorTwin", {"framing": "rtu"})
    path.write_text("#: confg map=xy_md02\n")
    with pytest.raises(ValueError, match=r"some\.hex: after '#:' comes config or twin"):
        read_settings(path)

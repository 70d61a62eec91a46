# SPDX-License-Identifier: Apache-2.0
"""What is said of a gateway, and in which order."""

from __future__ import annotations

import gettext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from central.ingest.gaps import EXPLANATIONS
from central.web import gateway_words as words
from central.web.gateway_findings import URGENT, Finding, Heard, Lost, Pushed, findings_of, is_urgent
from central.web.gateway_shown import mistakes

pytestmark = pytest.mark.requirement("E14", "E16")

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ENGLISH = gettext.NullTranslations()


def heard(**said: Any) -> Heard:
    well: dict[str, Any] = {"online": True, "away_since": None, "revoked_at": None, "birth_at": NOW, "restarted": "clean", "safe_mode": False}
    well |= {"clock": "synced", "pending": 0, "oldest_pending_s": 0, "certificate_until": NOW + timedelta(days=60), "card_life_days": 3000.0}
    return Heard(**(well | {"disk_free_bytes": 10**10, "in_force": 7, "digest": "8f14", "fault": ""} | said))


def pushed(state: str = "applied", version: int = 7, *, ago: timedelta = timedelta(0), wanted: int | None = 7, reason: str = "") -> Pushed:
    return Pushed(version, state, reason, NOW - ago, wanted, "8f14")


def codes(gateway: Heard, *lost: Lost, configuration: Pushed | None = None, missing: Any = ()) -> list[str]:
    return [finding.code for finding in findings_of(gateway, lost, configuration, missing, NOW)]


def lost(device: str, state: str) -> Lost:
    return Lost(device, state, NOW, "connection refused", "2", "1")


def test_nothing_is_said_of_a_gateway_that_is_well() -> None:
    assert codes(heard(), configuration=pushed()) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"online": False}, "away"),
        ({"safe_mode": True}, "safe_mode"),
        ({"fault": "no such file"}, "config_fault"),
        ({"clock": "unsynced"}, "clock_unsynced"),
        ({"certificate_until": NOW + timedelta(days=11)}, "certificate_ends"),
        ({"certificate_until": NOW - timedelta(seconds=1)}, "certificate_ended"),
        ({"card_life_days": 90.0}, "card"),
        ({"disk_free_bytes": 5}, "disk"),
        ({"pending": 9, "oldest_pending_s": 600}, "backlog"),
        ({"digest": "other"}, "own_changed"),
    ],
)
def test_each_trouble_wants_a_person(said: dict[str, Any], code: str) -> None:
    found = findings_of(heard(**said), (), pushed(), (), NOW)

    assert [finding.code for finding in found] == [code]
    assert is_urgent(found[0])


def test_clock_in_holdover_a_crash_and_old_gaps_are_good_to_know_only() -> None:
    missing = [("movements", 14, "outbox_lost", NOW - timedelta(days=1)), ("movements", 3, "outbox_lost", NOW - timedelta(days=30))]

    found = findings_of(heard(clock="holdover", restarted="crash: out of memory", outbox="began anew"), (), None, missing, NOW)

    assert [finding.code for finding in found] == ["clock_holdover", "gap", "outbox", "restarted"]
    assert not any(map(is_urgent, found))
    assert words.finding_text(found[1], ENGLISH) == "14 events (movements of goods) never came: its card was replaced, lost or wiped before they were sent."
    assert found[3].detail == "out of memory"


def test_devices_of_a_gateway_that_is_away_or_in_safe_mode_are_not_called_down() -> None:
    assert codes(heard(online=False), lost("scale", "down")) == ["away"]
    assert codes(heard(safe_mode=True), lost("scale", "down")) == ["safe_mode"]


def test_other_hardware_comes_before_what_is_given_up_and_what_is_down() -> None:
    found = codes(heard(), lost("a", "down"), lost("b", "given_up"), lost("c", "another"))

    assert found == ["device_another", "device_given_up", "device_down"]


def test_of_a_revoked_gateway_only_that_is_said() -> None:
    assert codes(heard(revoked_at=NOW, online=False, safe_mode=True), lost("a", "down")) == ["revoked"]


def test_configuration_is_late_only_when_it_was_sent_a_while_ago_to_a_gateway_that_is_there() -> None:
    waits = timedelta(minutes=11)

    assert codes(heard(), configuration=pushed("sent", 8, wanted=8)) == ["on_its_way"]
    assert codes(heard(), configuration=pushed("sent", 8, wanted=8, ago=waits)) == ["drift"]
    assert codes(heard(online=False), configuration=pushed("sent", 8, wanted=8, ago=waits)) == ["away", "on_its_way"]


@pytest.mark.parametrize(("state", "start"), [("refused", "It refused configuration 8; version 7"), ("returned", "Configuration 8 did not work there")])
def test_configuration_that_is_not_in_force_says_why(state: str, start: str) -> None:
    (found,) = findings_of(heard(fault="scale lost"), (), pushed(state, 8, reason="scale lost"), (), NOW)

    assert words.finding_text(found, ENGLISH).startswith(start)
    assert found.detail == "scale lost"


def test_configuration_that_nobody_mends_for_days_is_good_to_know_only() -> None:
    (fresh,), (old,) = (findings_of(heard(), (), pushed("refused", 8, ago=timedelta(days=days)), (), NOW) for days in (1, 4))

    assert (is_urgent(fresh), is_urgent(old)) == (True, False)


def test_mistakes_stand_one_a_line_without_the_gateway_s_own_file_name() -> None:
    assert mistakes("/data/candidate.toml: device[2].port: unknown key\n/data/candidate.toml: gateway: missing") == (
        "device[2].port: unknown key",
        "gateway: missing",
    )
    assert mistakes("scale-1 is away: refused; there is no way to central any more") == ("scale-1 is away: refused", "there is no way to central any more")
    assert mistakes("") == ()


def test_every_code_has_words() -> None:
    assert set(words.FINDINGS) >= URGENT
    assert set(words.GAPS) == set(EXPLANATIONS)
    assert words.finding_text(Finding("drift", (("version", 8), ("in_force", 0))), ENGLISH).endswith("its own file is still in force.")


def test_reason_of_a_restart_that_is_not_known_stands_as_it_came() -> None:
    assert words.restart_text("crash: out of memory", ENGLISH) == "its program broke"
    assert words.restart_text("moved by hand", ENGLISH) == "moved by hand"


def test_device_without_paper_is_a_finding_that_says_what_to_do_and_a_worn_head_is_good_to_know() -> None:
    held = [("printer-1", "paper_out", "x", NOW, True), ("printer-1", "clean_printhead", "x", NOW, False), ("tower-1", "lamp_broken", "a new lamp", NOW, True)]

    found = findings_of(heard(), (), None, (), NOW, held)

    assert [words.finding_text(each, ENGLISH) for each in found] == [
        "printer-1: out of labels: put in a roll and close the head.",
        "tower-1: a new lamp.",
        "printer-1: the print head wants to be cleaned.",
    ]
    assert [is_urgent(each) for each in found] == [True, True, False]
    assert findings_of(heard(online=False), (), None, (), NOW, held)[0].code == "away"

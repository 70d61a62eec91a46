# SPDX-License-Identifier: Apache-2.0
"""The fire finds what it is to find: parsers with a planted fault are caught, sound ones are not, and a seed does the same again."""

from __future__ import annotations

import pytest

from drivers import registry
from drivers.base.errors import RemoteProtocolError
from firmware_sims.registry import TWINS
from tests.fuzz import run
from tests.fuzz.in_step import story_of
from tests.fuzz.mutation import Mutator
from tests.fuzz.run import Run
from tests.fuzz.targets import Feed, Target, names

INPUTS = 3000


def _aim(feed: Feed) -> Target:
    return Target("planted", lambda: feed, lambda: [b"S S     100.00 g\r\n", b"S D      99.87 g\r\n"], (RemoteProtocolError,))


def _sound(data: bytes) -> None:
    if not data.endswith(b"\r\n"):
        raise RemoteProtocolError("no end")


def _falls_over_a_sign(data: bytes) -> None:
    if b"-" in data:
        raise IndexError("planted")


def _is_quadratic(data: bytes) -> None:
    while data:
        data = data[1:]


@pytest.mark.slow
@pytest.mark.parametrize(("feed", "kind"), [(_falls_over_a_sign, "exception"), (_is_quadratic, "slow")], ids=["exception", "slow"])
def test_planted_fault_is_found_and_told_with_its_inputs(feed: Feed, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.mutation._LARGE_ONE_IN", 500)
    monkeypatch.setattr(run, "SLOW_S_PER_64_KIB", 0.01)

    found = Run(_aim(feed), 1).go(60.0, INPUTS).findings

    assert [finding.kind for finding in found] == [kind]
    assert found[0].inputs


@pytest.mark.slow
def test_parser_that_keeps_what_it_gets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rss = iter(range(0, 1_000_000_000, 50_000_000))
    monkeypatch.setattr(run, "_rss", lambda: next(rss) + 1)

    assert [finding.kind for finding in Run(_aim(_sound), 1).go(60.0, INPUTS).findings] == ["memory"]


@pytest.mark.slow
def test_parser_that_does_not_come_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_HUNG_S", 1.0)
    monkeypatch.setattr(run.gc, "collect", lambda: 0)  # of a large process it takes longer than that

    def hangs(data: bytes) -> None:
        while b"-" in data:
            pass

    assert "hang" in {finding.kind for finding in Run(_aim(hangs), 1).go(60.0, 300).findings}


def test_parser_that_is_slow_in_many_ways_is_told_once() -> None:
    fire = Run(_aim(_sound), 1)

    for took_s in (0.1, 0.2):
        fire._find("slow", f"{took_s} s of CPU", "")

    assert len(fire.outcome.findings) == 1


@pytest.mark.slow
def test_sound_parser_is_not_accused() -> None:
    outcome = Run(_aim(_sound), 1).go(60.0, INPUTS)

    assert outcome.findings == []
    assert outcome.ends > 0


def test_same_seed_makes_the_same_inputs() -> None:
    def first(seed: int) -> list[bytes]:
        mutator = Mutator([b"abc", b"defgh"], seed)
        return [mutator.next() for _ in range(200)]

    assert first(7) == first(7)
    assert first(7) != first(8)


def test_every_driver_and_twin_is_fired_at() -> None:
    under_fire = names()

    assert {f"session {name}" for name in registry.BUILT_IN} <= set(under_fire)
    assert {f"twin {name}" for name in TWINS} <= set(under_fire)


@pytest.mark.requirement("E15")
@pytest.mark.parametrize("name", list(registry.BUILT_IN))
def test_damaged_conversation_is_back_in_step(name: str) -> None:
    story = story_of(name, 1, 40)

    assert story.lost == [], f"python -m tests.fuzz --only {name!r}; outcomes {dict(story.outcomes)}"

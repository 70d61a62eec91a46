# SPDX-License-Identifier: Apache-2.0
"""The signal tower's session against its twin, in virtual time."""

from __future__ import annotations

from typing import Literal

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, CommandFailed, SessionEvent, SessionReady
from drivers.tower_patlite.config import TowerPatliteConfig
from drivers.tower_patlite.session import InputSeen, TowerFault, TowerPatliteSession, Wish
from firmware_sims.tower_patlite.twin import PatliteTwin


class Talk:
    """A session and a tower on an ideal line."""

    def __init__(self, model: str = "la6", **fields: object) -> None:
        self.config = parse_config(TowerPatliteConfig, {"driver": "tower_patlite", "host": "tower", "model": model, **fields})
        self.wish, self.twin, self.now_s = Wish(), PatliteTwin(model), 0.0  # type: ignore[arg-type]
        self.events: list[SessionEvent] = []
        self.connect()

    def connect(self) -> None:
        self.session = TowerPatliteSession(self.config, self.wish)
        self.twin.connected(self.now_s)
        self.at(self.now_s)

    def at(self, now_s: float) -> None:
        """Both sides come to this second, deadline by deadline."""
        while (due_s := self.session.next_deadline_s()) is not None and due_s <= now_s:
            self.now_s = max(self.now_s, due_s)
            self.events += self.session.advance_to(self.now_s)
            self.exchange()
        self.now_s = now_s

    def exchange(self) -> None:
        while said := self.session.bytes_to_send():
            self.events += self.session.receive_bytes(self.twin.receive_bytes(said, self.now_s), self.now_s)

    def command(self, name: str, **arguments: object) -> list[SessionEvent]:
        before = len(self.events)
        self.session.start_command(name, arguments, self.now_s)  # type: ignore[arg-type]
        self.events += self.session.advance_to(self.now_s)
        self.exchange()
        return self.events[before:]


@pytest.mark.parametrize("model", ["la6", "lr5", "nh"])
def test_lamp_and_buzzer_follow_the_command(model: str) -> None:
    talk = Talk(model)

    talk.command("switch_output", output=1, on=True)
    done = talk.command("switch_output", output=6, on=True)

    assert isinstance(talk.events[0], SessionReady)
    assert isinstance(done[0], CommandDone)
    assert (talk.twin.tower.lamps, talk.twin.tower.buzzer) == ([1, 0, 0, 0, 0], 1)
    talk.command("clear")
    assert (talk.twin.tower.lamps, talk.twin.tower.buzzer) == ([0] * 5, 0)


def test_tower_whose_manual_knows_no_clear_is_put_out_by_the_plain_command() -> None:
    talk = Talk("nh")
    talk.command("switch_output", output=2, on=True)

    talk.session.start_command("clear", {}, talk.now_s)
    talk.session.advance_to(talk.now_s)

    assert talk.session.bytes_to_send() == bytes.fromhex("585853000006000000000000")


def test_switching_one_lamp_leaves_what_somebody_else_lit() -> None:
    talk = Talk()
    talk.twin.tower.show([0, 0, 1, 0, 0], 9)

    talk.command("switch_output", output=1, on=True)

    assert talk.twin.tower.lamps == [1, 0, 1, 0, 0]


def test_lamp_flashes_where_the_configuration_says_so() -> None:
    talk = Talk(flashing=[2])

    talk.command("switch_output", output=2, on=True)
    bright = [talk.twin.tower.is_bright(2)]
    talk.twin.tower.advance(0.6)
    bright.append(talk.twin.tower.is_bright(2))

    assert talk.twin.tower.lamps[1] == 2
    assert bright == [True, False]


def test_tower_is_lit_again_when_it_comes_back_dark() -> None:
    talk = Talk()
    talk.command("switch_output", output=1, on=True)
    talk.command("switch_output", output=6, on=True)

    talk.twin.on_power_cut()
    talk.connect()

    assert (talk.twin.tower.lamps[0], talk.twin.tower.buzzer) == (1, 1)


def test_change_by_somebody_else_is_put_right_at_the_next_look() -> None:
    talk = Talk(watchdog_s=2.0)
    talk.command("switch_output", output=1, on=True)

    talk.twin.tower.show([0] * 5, 0)
    talk.at(2.0)

    assert talk.twin.tower.lamps[0] == 1
    assert not [event for event in talk.events if isinstance(event, TowerFault)]


def test_lamp_that_stays_dark_is_reported_once_and_told_no_more() -> None:
    talk = Talk(watchdog_s=1.0, restate_max=2)
    talk.twin.on_stick(1)
    talk.command("switch_output", output=1, on=True)

    talk.at(20.0)

    faults = [event for event in talk.events if isinstance(event, TowerFault)]
    assert [(fault.output, fault.code) for fault in faults] == [(1, "G")]


def test_buzzer_pattern_beyond_the_plain_command_is_said_in_the_detailed_one() -> None:
    talk = Talk(buzzer_pattern=7, flashing=[1])

    talk.command("switch_output", output=1, on=True)
    talk.command("switch_output", output=6, on=True)
    talk.at(20.0)

    assert (talk.twin.tower.buzzer, talk.twin.tower.lamps[0]) == (7, 2)
    assert not [event for event in talk.events if isinstance(event, TowerFault)]


def test_smart_mode_and_colours_are_kept_over_a_power_cut() -> None:
    talk = Talk()
    talk.command("colours", colours="green,blue,off,white,red", buzzer=11)
    talk.twin.on_power_cut()
    talk.connect()
    colours = list(talk.twin.tower.colours)

    talk.command("smart", group=10)
    talk.twin.on_power_cut()
    talk.connect()

    assert colours == ["green", "blue", "off", "white", "red"]
    assert talk.twin.tower.group == 10


def test_refusal_fails_the_command_and_keeps_the_link() -> None:
    talk = Talk()
    talk.twin.on_refuse()

    said = talk.command("mute", on=True)

    assert isinstance(said[0], CommandFailed)
    assert isinstance(said[0].error, DeviceFault)
    assert said[0].error.code == "15"
    assert isinstance(talk.command("mute", on=True)[0], CommandDone)


def test_signal_wire_becomes_an_input_once_each_way() -> None:
    talk = Talk(watchdog_s=1.0)

    talk.twin.on_input(4, level=True)
    talk.at(3.0)
    talk.twin.on_input(4, level=False)
    talk.at(5.0)

    assert [event for event in talk.events if isinstance(event, InputSeen)] == [InputSeen(4, True), InputSeen(4, False)]


@pytest.mark.parametrize(("given", "there"), [("la6", "lr5"), ("lr5", "la6"), ("nh", "la6")])
def test_tower_of_another_model_says_which_to_give(given: str, there: Literal["la6", "lr5", "nh"]) -> None:
    session = TowerPatliteSession(parse_config(TowerPatliteConfig, {"driver": "tower_patlite", "host": "tower", "model": given}), Wish())
    session.advance_to(0.0)
    asked = session.bytes_to_send().replace(b"XX", b"AB")

    def hear() -> None:
        session.receive_bytes(PatliteTwin(there).receive_bytes(asked, 0.0), 0.1)
        session.advance_to(3.0)

    with pytest.raises(RemoteProtocolError, match=f"give `model` {there}"):
        hear()


def test_silent_tower_is_given_up() -> None:
    session = TowerPatliteSession(TowerPatliteConfig(host="tower", reply_timeout_s=3.0), Wish())
    session.advance_to(0.0)

    with pytest.raises(ReplyTimeout, match="answer to PNS command G within 3 s"):
        session.advance_to(3.0)


@pytest.mark.parametrize("said", [b"\x15", b"A"])
def test_what_is_no_tower_is_told_with_what_to_look_at(said: bytes) -> None:
    session = TowerPatliteSession(TowerPatliteConfig(host="tower"), Wish())
    session.advance_to(0.0)
    if said == b"A":
        session.receive_bytes(bytes(15), 0.1)
        session.start_command("clear", {}, 0.1)
        session.advance_to(0.1)

    with pytest.raises(RemoteProtocolError, match="model"):
        session.receive_bytes(said, 0.2)


@pytest.mark.parametrize(
    ("model", "name", "arguments", "wanted"),
    [
        ("la6", "switch_output", {"output": 7, "on": True}, "within 1 to 6"),
        ("nh", "set_output", {"output": 1, "pattern": 4}, "within 0 to 3"),
        ("nh", "smart", {"group": 1}, "only la6"),
        ("la6", "smart", {"group": 32}, "within 1 to 31"),
        ("la6", "colours", {"colours": "red,green"}, "five tiers"),
        ("la6", "dance", {}, "no command"),
    ],
)
def test_impossible_command_says_what_is_possible(model: str, name: str, arguments: dict[str, object], wanted: str) -> None:
    with pytest.raises(LocalProtocolError, match=wanted):
        Talk(model).command(name, **arguments)


@pytest.mark.parametrize(("fields", "wanted"), [({"flashing": [6]}, "1 to 5"), ({"model": "lr5", "buzzer_pattern": 2}, "1 to 1")])
def test_configuration_beyond_the_model_is_refused(fields: dict[str, object], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        parse_config(TowerPatliteConfig, {"driver": "tower_patlite", "host": "tower", **fields})


def test_twin_answers_strange_bytes_with_nak_and_goes_on() -> None:
    twin = PatliteTwin()

    answers = [
        twin.receive_bytes(data, 0.0) for data in (b"GET / HTTP/1.1\r\n", b"ABQ\x00\x00\x00", b"ABS\x00\x00\x06\x03\x00\x00\x00\x00\x00", b"ABC\x00\x00\x00")
    ]

    assert answers == [b"\x15", b"\x15", b"\x15", b"\x06"]


def test_status_in_smart_mode_without_a_group_is_taken() -> None:
    session = TowerPatliteSession(TowerPatliteConfig(host="tower"), Wish({1: 1}))
    session.advance_to(0.0)

    events = session.receive_bytes(bytes([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), 0.1)

    assert events == [SessionReady("Patlite LA6, shows smart mode group 0")]
    assert session.bytes_to_send()[-12:] == b"ABS\x00\x00\x06\x01\x09\x09\x09\x09\x09"

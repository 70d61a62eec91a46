# SPDX-License-Identifier: Apache-2.0
"""Pick tags on a line of 115200 baud, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.errors import LocalProtocolError, ReplyTimeout
from drivers.base.lights import ButtonsStuck, TagAnswered, TagFault, TagsTested
from drivers.base.line import Priority
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionReady
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.maps import load_map
from drivers.light_modbus.session import LightModbusSession
from drivers.light_modbus.states import Memory
from firmware_sims.light_modbus.twin import LitTag, ModbusLightPointsTwin, ModbusTagsTwin
from tests.modbus_line import VirtualLine

BAUD = 115_200


def _line(
    nodes: int = 10, memory: Memory | None = None, twin: Any = None, name: str = "generic_tag", now_s: float = 0.0, **fields: Any
) -> tuple[VirtualLine, LightModbusSession]:
    config = LightModbusConfig(path="/dev/null", map=name, nodes=nodes, baud_rate=BAUD, **fields)
    session = LightModbusSession(config, load_map(name), memory if memory is not None else Memory())
    return VirtualLine([session], twin if twin is not None else ModbusTagsTwin(nodes, baud_rate=BAUD), now_s=now_s), session


def _lit(line: VirtualLine, session: LightModbusSession, *nodes: int, quantity: int = 12, colour: str = "green") -> None:
    for node in nodes:
        line.command(session, "show", node=node, quantity=quantity, colour=colour)
    line.run(line.now_s + 0.5)


@pytest.mark.requirement("E7")
def test_tag_shows_quantity_and_colour_and_goes_dark_again() -> None:
    line, session = _line()

    _lit(line, session, 5, colour="blue")
    assert line.twin.lit == {5: LitTag(12, "blue")}
    line.command(session, "clear", node=5)
    line.run(1.5)

    assert line.twin.lit == {}
    assert len(line.events(SessionReady)) == 1


def test_command_is_done_when_the_tag_has_it_and_fails_when_it_does_not_answer() -> None:
    line, session = _line(3)
    line.run(1.0)
    line.do("unplug", node=2)

    done, failed = (line.command(session, "show", node=node, quantity=1) for node in (1, 2))
    line.run(3.0)

    assert line.when(CommandDone, token=done) - 1.0 < 0.1
    assert line.when(CommandFailed, token=failed) < 2.0


@pytest.mark.requirement("E7")
def test_press_tells_the_corrected_quantity_and_puts_the_light_out() -> None:
    line, session = _line()
    _lit(line, session, 5, 6)

    line.do("press", node=5, quantity=11)
    line.do("shortage", node=6, quantity=3)
    line.run(1.5)

    assert sorted(line.events(TagAnswered), key=lambda press: press.node) == [TagAnswered(5, "confirm", 11), TagAnswered(6, "shortage", 3)]
    assert line.twin.lit == {}
    assert session._memory.lit == {}


def test_latch_is_put_back_so_that_the_next_press_counts_too() -> None:
    line, session = _line()
    for _ in range(3):
        _lit(line, session, 5)
        line.do("press", node=5)
        line.run(line.now_s + 1.0)

    assert len(line.events(TagAnswered)) == 3


def test_press_of_a_dark_tag_is_told_within_a_scan() -> None:
    line, _ = _line(100)
    line.run(11.0)

    line.do("press", node=77)
    line.run(22.0)

    assert line.events(TagAnswered) == [TagAnswered(77, "confirm", None)]


def test_press_from_before_we_came_is_put_back_and_not_counted() -> None:
    twin = ModbusTagsTwin(3, baud_rate=BAUD)
    twin.stimulate("press", {"node": 2}, 0.0)
    line, _ = _line(3, twin=twin)

    line.run(15.0)
    assert line.events(TagAnswered) == []
    line.do("press", node=2)
    line.run(30.0)

    assert line.events(TagAnswered) == [TagAnswered(2, "confirm", None)]


@pytest.mark.requirement("E7")
def test_press_while_the_line_was_away_is_counted_once() -> None:
    memory, twin = Memory(), ModbusTagsTwin(3, baud_rate=BAUD)
    line, session = _line(3, memory, twin)
    _lit(line, session, 2)
    twin.stimulate("press", {"node": 2, "quantity": 7}, 0.0)

    again, _ = _line(3, memory, twin, now_s=10.0)
    again.run(11.0)
    once_more, _ = _line(3, memory, twin, now_s=20.0)
    once_more.run(32.0)

    assert again.events(TagAnswered) == [TagAnswered(2, "confirm", 7)]
    assert once_more.events(TagAnswered) == []


def test_second_press_at_once_is_a_double_press() -> None:
    line, session = _line()
    _lit(line, session, 5)

    line.do("press", node=5)
    line.run(line.now_s + 0.3)
    line.do("press", node=5)
    line.run(line.now_s + 0.3)

    assert len(line.events(TagAnswered)) == 1
    assert FrameRejected("double_press", b"\x05") in line.events(FrameRejected)


def test_double_press_does_not_answer_the_next_light() -> None:
    line, session = _line()
    _lit(line, session, 5)

    line.do("press", node=5)
    line.run(line.now_s + 0.2)
    line.do("press", node=5)
    line.run(line.now_s + 0.6)
    _lit(line, session, 5, quantity=3)
    line.run(line.now_s + 15.0)

    assert line.events(TagAnswered) == [TagAnswered(5, "confirm", 12)]
    assert line.twin.lit == {5: LitTag(3, "green")}


@pytest.mark.requirement("E7")
def test_press_of_a_dark_tag_does_not_answer_the_light_that_comes_after_it() -> None:
    line, session = _line(100)
    line.run(12.0)

    line.do("press", node=77)
    _lit(line, session, 77)
    line.run(line.now_s + 15.0)

    assert line.events(TagAnswered) == []
    assert line.twin.lit == {77: LitTag(12, "green")}


@pytest.mark.requirement("E7")
def test_tag_that_lost_its_state_is_found_by_reading_back_and_lit_again() -> None:
    line, session = _line(100)
    _lit(line, session, *range(1, 11))

    line.do("reboot_tag", node=5)
    assert 5 not in line.twin.lit
    line.run(line.now_s + 0.5)

    assert line.twin.lit[5] == LitTag(12, "green")


def test_tag_that_burns_without_a_wish_is_put_out() -> None:
    twin = ModbusTagsTwin(10, baud_rate=BAUD)
    twin.tags[4].write_word(2, 1)
    line, _ = _line(10, twin=twin)

    line.run(11.0)

    assert twin.lit == {}


@pytest.mark.requirement("E7")
def test_lit_tag_without_power_is_reported_and_lit_two_seconds_after_its_return() -> None:
    line, session = _line(100)
    _lit(line, session, *range(1, 11))

    line.do("unplug", node=5)
    line.run(line.now_s + 8.0)
    assert [(fault.node, fault.code) for fault in line.events(TagFault)] == [(5, "silent")]
    line.do("plug", node=5)
    line.run(line.now_s + 2.0)

    assert line.twin.lit[5] == LitTag(12, "green")


def test_light_that_is_wished_of_a_dead_tag_is_reported_at_once() -> None:
    line, session = _line(3)
    line.run(11.0)
    line.do("unplug", node=2)
    line.run(60.0)

    line.command(session, "show", node=2, quantity=1)

    assert [fault.node for fault in line.events(TagFault)] == [2]


def _cycle_s(line: VirtualLine, for_s: float) -> float:
    """How often each of tags 1 to 10 is asked, on the average."""
    asked: list[int] = []
    line.on_request = lambda at_s, request: asked.append(request[0]) if request[0] <= 10 else None
    line.run(line.now_s + for_s)
    return 10 * for_s / len(asked)


@pytest.mark.requirement("E9")
def test_ten_lit_tags_are_asked_every_80_ms_and_a_dead_one_costs_the_line_two_percent() -> None:
    line, session = _line(100)
    _lit(line, session, *range(1, 11))
    line.run(12.0)
    before_s = _cycle_s(line, 20.0)

    line.do("unplug", node=60)
    _lit(line, session, 60)
    line.run(line.now_s + 12.0)
    after_s = _cycle_s(line, 20.0)

    assert before_s <= 0.080
    assert after_s <= before_s * 1.02
    assert line.twin.crowded == 0


@pytest.mark.requirement("E9")
def test_all_hundred_tags_are_asked_within_ten_seconds_while_ten_are_lit() -> None:
    line, session = _line(100)
    _lit(line, session, *range(1, 11))
    line.run(15.0)
    last: dict[int, float] = dict.fromkeys(range(1, 101), line.now_s)
    longest: dict[int, float] = dict.fromkeys(range(1, 101), 0.0)

    def asked(at_s: float, request: bytes) -> None:
        longest[request[0]] = max(longest[request[0]], at_s - last[request[0]])
        last[request[0]] = at_s

    line.on_request = asked
    line.run(line.now_s + 21.0)

    assert max(longest.values()) <= 10.2


def test_key_that_is_held_is_told_and_told_again_when_it_is_free() -> None:
    line, session = _line()
    _lit(line, session, 5)

    line.do("hold", node=5)
    line.run(line.now_s + 4.9)
    assert line.events(ButtonsStuck) == []
    line.run(line.now_s + 0.4)
    assert line.events(ButtonsStuck) == [ButtonsStuck((5,))]
    line.do("release", node=5)
    line.run(line.now_s + 1.0)

    assert line.events(ButtonsStuck)[-1] == ButtonsStuck(())
    assert len(line.events(TagAnswered)) == 1


@pytest.mark.requirement("E8")
def test_lamp_test_lights_all_tells_the_dead_and_shows_again_what_was_lit() -> None:
    line, session = _line(20)
    line.do("unplug", node=13)
    line.run(11.0)
    _lit(line, session, 5)

    line.command(session, "test")
    line.run(line.now_s + 1.5)
    seen = {node: tag.quantity for node, tag in line.twin.lit.items()}
    line.run(line.now_s + 3.0)

    assert seen == {node: 88_888 for node in range(1, 21) if node != 13}
    assert line.events(TagsTested) == [TagsTested((13,))]
    assert line.twin.lit == {5: LitTag(12, "green")}


def test_buzzer_sounds_until_the_press() -> None:
    line, session = _line()
    _lit(line, session, 5)

    line.command(session, "buzz", node=5, on=True)
    line.run(1.0)
    assert line.twin.tags[5].buzzes
    line.do("press", node=5)
    line.run(2.0)

    assert not line.twin.tags[5].buzzes


def test_session_is_lost_when_the_whole_line_is_silent() -> None:
    line, session = _line(10)
    _lit(line, session, 5)
    for node in range(1, 11):
        line.do("unplug", node=node)

    with pytest.raises(ReplyTimeout, match="valid reply of any tag"):
        line.run(60.0)
    assert line.now_s < 20.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"node": 11, "quantity": 1}, "node 11 is not within 1 to 10"),
        ({"node": 1, "quantity": 100_000}, "shows 0 to 99999"),
        ({"node": 1, "quantity": 1, "colour": "violet"}, "colour 'violet' is none of"),
    ],
)
def test_light_that_cannot_be_shown_is_refused(arguments: dict[str, Any], message: str) -> None:
    _, session = _line()

    with pytest.raises(LocalProtocolError, match=message):
        session.start_command("show", arguments, 0.0)


@pytest.mark.parametrize("name", ["dm56_waveshare", "dm36_waveshare"])
def test_light_points_of_displays_and_boards_show_and_answer(name: str) -> None:
    twin = ModbusLightPointsTwin(10)
    line, session = _line(10, twin=twin, name=name, worst_reply_s=0.05)
    line.run(1.0)

    _lit(line, session, 2, 9, quantity=42)
    assert twin.lit == {2: LitTag(42, "on"), 9: LitTag(42, "on")}
    line.do("press", node=9)
    line.run(line.now_s + 1.0)
    assert line.events(TagAnswered) == [TagAnswered(9, "confirm", 42)]
    assert twin.lit == {2: LitTag(42, "on")}
    line.do("reboot_tag", node=2)
    line.run(line.now_s + 2.0)

    assert twin.lit == {2: LitTag(42, "on")}


def test_press_of_a_dark_light_point_is_told() -> None:
    line, _ = _line(10, twin=ModbusLightPointsTwin(10), name="dm56_waveshare", worst_reply_s=0.05)
    line.run(1.0)

    line.do("press", node=4)
    line.run(2.0)

    assert line.events(TagAnswered) == [TagAnswered(4, "confirm", None)]


@pytest.mark.parametrize(("code", "reported"), [(6, False), (11, True), (4, True)])
def test_tag_that_is_busy_for_a_moment_is_asked_again_at_once(code: int, reported: bool) -> None:
    line, session = _line(3)
    _lit(line, session, 2)
    line.twin.tags[2].on_refuse(code)
    line.run(line.now_s + 0.1)  # one question or two
    line.twin.tags[2].on_refuse(0)
    line.do("press", node=2)
    line.run(line.now_s + 0.2)

    assert bool(line.events(TagFault)) is reported
    assert bool(line.events(TagAnswered)) is not reported, "whoever is at fault is asked later"


@pytest.mark.parametrize("baud_rate", [2400, 9600, 19200])
def test_tags_are_lit_on_slow_lines_too(baud_rate: int) -> None:
    config = LightModbusConfig(path="/dev/null", map="generic_tag", nodes=3, baud_rate=baud_rate)
    session = LightModbusSession(config, load_map("generic_tag"), Memory())
    line = VirtualLine([session], ModbusTagsTwin(3, reply_delay_s=0.02, baud_rate=baud_rate))

    line.command(session, "show", node=2, quantity=5, colour="red")
    line.run(5.0)

    assert line.twin.lit == {2: LitTag(5, "red")}
    assert line.events(TagFault) == []


@pytest.mark.requirement("E9")
def test_lit_tag_goes_before_sensors_although_a_dark_one_was_due_first() -> None:
    session = LightModbusSession(LightModbusConfig(path="/dev/null", map="generic_tag", nodes=3, baud_rate=BAUD), load_map("generic_tag"), Memory())
    line = VirtualLine([session], ModbusTagsTwin(3, baud_rate=BAUD))
    _lit(line, session, 2)
    dark, lit = session._poll_of[1], session._poll_of[2]
    session.shares_with(1)
    session._agenda.set(dark, line.now_s)
    session._agenda.set(lit, line.now_s + 0.02)

    session.advance_to(line.now_s)
    before = session.wants_line
    due_s = session.next_deadline_s()
    session.advance_to(line.now_s + 0.02)

    assert (before, session.wants_line) == (Priority.SCAN, Priority.BUTTON)
    assert due_s == line.now_s + 0.02

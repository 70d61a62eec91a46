# SPDX-License-Identifier: Apache-2.0
"""Digital inputs and outputs against the twin, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, SessionEvent, SessionReady
from drivers.gpio_lines.config import GpioLinesConfig
from drivers.gpio_lines.session import GpioLinesSession, InputSeen
from firmware_sims.gpio_lines.twin import GpioBoxTwin

INPUTS = [{"input": 1, "line": "GPIO17", "active_low": True, "pull": "up", "debounce_ms": 50}]
OUTPUTS = [{"output": 1, "line": 27, "active_low": True}, {"output": 2, "line": 24, "safe": "on"}, {"output": 3, "line": 25, "safe": "keep"}]


def _config(**fields: Any) -> GpioLinesConfig:
    return parse_config(GpioLinesConfig, {"driver": "gpio_lines", "host": "box", "inputs": INPUTS, "outputs": OUTPUTS, **fields})


class Talk:
    """A session and a box on an ideal line."""

    def __init__(self, twin: GpioBoxTwin | None = None, outputs: dict[int, bool] | None = None, **fields: Any) -> None:
        self.twin = twin or GpioBoxTwin()
        self.session = GpioLinesSession(_config(**fields), {} if outputs is None else outputs)
        self.events: list[SessionEvent] = []
        self.twin.connected(0.0)
        self.at(0.0)

    def at(self, now_s: float, said: bytes = b"") -> None:
        for data in (said, self.twin.advance_to(now_s)):
            if data:
                self.events += self.session.receive_bytes(data, now_s)
        self.events += self.session.advance_to(now_s)
        while asked := self.session.bytes_to_send():
            self.events += self.session.receive_bytes(self.twin.receive_bytes(asked, now_s), now_s)

    def command(self, name: str, now_s: float, **arguments: Any) -> None:
        self.session.start_command(name, arguments, now_s)
        self.at(now_s)


@pytest.mark.requirement("E8")
def test_contact_that_bounces_changes_once() -> None:
    talk = Talk()

    for at_s, high in ((1.0, False), (1.02, True), (1.03, False)):
        talk.at(at_s, talk.twin.on_pin(17, high, now_s=at_s))
    talk.at(2.0)

    assert isinstance(talk.events[0], SessionReady)
    assert [event.level for event in talk.events if isinstance(event, InputSeen)] == [False, True]


def test_output_of_an_inverting_relay_is_off_at_first_and_safe_at_the_end() -> None:
    talk = Talk()
    assert (talk.twin.outputs, talk.twin.voltages["27"]) == ({1: False, 2: False, 3: False}, True)

    for output in (1, 3):
        talk.command("switch_output", 1.0, output=output, on=True)
    assert talk.twin.voltages["27"] is False
    talk.twin.receive_bytes(talk.session.farewell(), 2.0)

    assert talk.twin.outputs == {1: False, 2: True, 3: True}


def test_outputs_come_back_as_they_were_after_a_lost_link() -> None:
    outputs: dict[int, bool] = {}
    Talk(outputs=outputs).command("switch_output", 1.0, output=1, on=True)

    again = Talk(GpioBoxTwin(), outputs)

    assert again.twin.outputs[1] is True


def test_time_of_an_edge_is_the_kernels_where_it_is_our_clock() -> None:
    ours, other = Talk(GpioBoxTwin("monotonic")), Talk(GpioBoxTwin("own"))

    for talk in (ours, other):
        talk.at(5.0, talk.twin.on_pin(17, False, now_s=5.0))
        talk.at(5.2)
        talk.twin.on_pin(17, True, now_s=5.3)
        talk.at(60.0)

    assert [event.at_s for event in ours.events if isinstance(event, InputSeen)] == [None, 5.05, None]
    assert [event.at_s for event in other.events if isinstance(event, InputSeen)] == [None, None, None]


def test_read_tells_all_levels() -> None:
    talk = Talk()

    talk.command("read", 1.0)

    done = [event for event in talk.events if isinstance(event, CommandDone)]
    assert dict(done[0].result) == {"input_1": False, "output_1": False, "output_2": False, "output_3": False}


@pytest.mark.parametrize(("pin", "wanted"), [(17, "input 1 GPIO17: another program"), (24, "output 2 24: another program")])
def test_line_that_cannot_be_had_says_which_and_why(pin: int, wanted: str) -> None:
    twin = GpioBoxTwin()
    twin.on_busy(pin)

    with pytest.raises(RemoteProtocolError, match=wanted):
        Talk(twin)


def test_silent_box_is_given_up() -> None:
    session = GpioLinesSession(_config(), {})
    session.advance_to(0.0)

    with pytest.raises(ReplyTimeout, match="answer to `hello`"):
        session.advance_to(3.0)


@pytest.mark.parametrize(("name", "arguments"), [("switch_output", {"output": 9, "on": True}), ("dance", {})])
def test_impossible_command_says_what_is_possible(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError, match=r"there are: 1, 2, 3|switch_output, read"):
        Talk().command(name, 1.0, **arguments)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"chip": "/dev/gpiochip0"}, "give one of"),
        ({"inputs": [], "outputs": []}, "or both"),
        ({"inputs": [*INPUTS, {"input": 1, "line": 3}]}, "input 1 is given twice"),
        ({"outputs": [{"output": 1, "line": "GPIO17"}]}, "line GPIO17 is given twice"),
    ],
)
def test_wrong_configuration_is_refused(fields: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        _config(**fields)

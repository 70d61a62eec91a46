# SPDX-License-Identifier: Apache-2.0
"""Templates and the session of MQTT lights, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.lights import TagAnswered, TagFault, TagsTested
from drivers.base.session import FrameRejected, SessionEvent, SessionReady
from drivers.light_mqtt.config import LightMqttConfig
from drivers.light_mqtt.frames import Frame, Kind, decode, size_of
from drivers.light_mqtt.session import LightMqttSession, Memory
from drivers.light_mqtt.templates import Nodes, TopicPattern, filled, found_at, quantity_of

TASMOTA = {
    "show_topic": "cmnd/{node}/Backlog",
    "show_payload": "Color {colour}; DisplayText {quantity}; Power on",
    "clear_topic": "cmnd/{node}/Power",
    "clear_payload": "off",
    "buzz_topic": "",
    "colours": {"green": "00FF00", "red": "FF0000"},
    "confirm_topic": "stat/{node}/RESULT",
    "press_path": "Button1.Action",
    "press_values": ["SINGLE"],
    "shortage_values": ["HOLD"],
    "quantity_path": "",
    "id_path": "",
    "availability_topic": "tele/{node}/LWT",
    "online_payload": "Online",
    "offline_payload": "Offline",
    "names": {"tasmota_A1B2C3": 5},
}
ESPHOME = {
    "show_topic": "bin-{node:02}/light/lamp/command",
    "show_payload": '{"state": "ON", "color": {colour}}',
    "clear_topic": "bin-{node:02}/light/lamp/command",
    "clear_payload": '{"state": "OFF"}',
    "colours": {"green": '{"r": 0, "g": 255, "b": 0}'},
    "confirm_topic": "bin-{node:02}/binary_sensor/key/state",
    "press_path": ".",
    "press_values": ["ON"],
    "quantity_path": "",
    "id_path": "",
    "availability_topic": "bin-{node:02}/status",
}


class Talk:
    """A session whose broker is the test."""

    def __init__(self, memory: Memory | None = None, **fields: Any) -> None:
        self.memory = memory or Memory()
        self.session = LightMqttSession(parse_config(LightMqttConfig, {"driver": "light_mqtt", "nodes": "1-9", **fields}), self.memory)
        self.session.advance_to(0.0)
        self.subscribed = [frame.topic for frame in self.said()]
        self.events: list[SessionEvent] = []
        for topic in self.subscribed:
            self.hear(Frame(Kind.SUBSCRIBED, topic), 0.0)

    def hear(self, frame: Frame, now_s: float) -> list[SessionEvent]:
        events = list(self.session.receive_bytes(frame.encode(), now_s))
        self.events += events
        return events

    def message(self, topic: str, payload: str, now_s: float = 1.0, *, retained: bool = False) -> list[SessionEvent]:
        return self.hear(Frame(Kind.MESSAGE, topic, payload.encode(), is_retained=retained), now_s)

    def said(self) -> list[Frame]:
        data, frames = self.session.bytes_to_send(), []
        while size := size_of(data):
            frames.append(decode(data[:size]))
            data = data[size:]
        return frames

    def command(self, name: str, **arguments: Any) -> list[tuple[str, str]]:
        self.session.start_command(name, arguments, 1.0)
        self.session.advance_to(1.0)
        return [(frame.topic, frame.payload.decode()) for frame in self.said()]


@pytest.mark.requirement("E8")
def test_tasmota_lights_are_lit_and_answered_by_template() -> None:
    talk = Talk(**TASMOTA)

    assert talk.subscribed == ["stat/+/RESULT", "tele/+/LWT"]
    assert talk.command("show", node=5, quantity=12, colour="red") == [("cmnd/tasmota_A1B2C3/Backlog", "Color FF0000; DisplayText 12; Power on")]
    assert talk.message("stat/tasmota_A1B2C3/RESULT", '{"POWER":"ON"}') == [
        FrameRejected("no_press", Frame(Kind.MESSAGE, "stat/tasmota_A1B2C3/RESULT", b'{"POWER":"ON"}').encode())
    ]
    assert talk.message("stat/tasmota_A1B2C3/RESULT", '{"Button1":{"Action":"SINGLE"}}') == [TagAnswered(5, "confirm", None)]
    assert [(frame.topic, frame.payload) for frame in talk.said()] == [("cmnd/tasmota_A1B2C3/Power", b"off")]
    assert talk.message("stat/3/RESULT", '{"Button1":{"Action":"HOLD"}}') == [TagAnswered(3, "shortage", None)]


@pytest.mark.requirement("E8")
def test_esphome_lights_have_numbers_with_zeros_and_text_as_payload() -> None:
    talk = Talk(**ESPHOME)

    assert talk.subscribed == ["+/binary_sensor/key/state", "+/status"]
    assert talk.command("show", node=7, quantity=1) == [("bin-07/light/lamp/command", '{"state": "ON", "color": {"r": 0, "g": 255, "b": 0}}')]
    assert talk.message("bin-07/binary_sensor/key/state", "ON") == [TagAnswered(7, "confirm", None)]
    assert not [event for event in talk.message("bin-07/binary_sensor/key/state", "OFF") if isinstance(event, TagAnswered)]
    assert [event.reason for event in talk.message("other-07/status", "online") if isinstance(event, FrameRejected)] == ["other_topic"]


def test_light_is_lit_again_at_its_birth_and_not_by_what_the_broker_remembers() -> None:
    talk = Talk()
    talk.command("show", node=2, quantity=4)

    talk.message("pick/2/status", "online", retained=True)
    assert talk.said() == []
    talk.message("pick/2/status", "online")
    assert [frame.topic for frame in talk.said()] == ["pick/2/show"]
    assert talk.message("pick/2/status", "offline") == [TagFault(2, "offline", "light is not there; check its power and its network")]
    assert talk.message("pick/2/status", "offline") == []
    talk.message("pick/2/status", "online", retained=True)
    assert [frame.topic for frame in talk.said()] == ["pick/2/show"]


def test_what_was_lit_is_lit_again_on_a_new_connection_and_presses_stay_told() -> None:
    first = Talk()
    first.command("show", node=2, quantity=4)
    first.command("buzz", node=2, on=True)
    first.message("pick/3/pressed", '{"key": "confirm", "id": 7}')

    second = Talk(first.memory)

    assert isinstance(second.events[0], SessionReady)
    assert [(frame.topic, frame.payload) for frame in second.said()] == [("pick/2/show", b'{"quantity": 4, "colour": "green"}'), ("pick/2/buzz", b"on")]
    assert [event.reason for event in second.message("pick/3/pressed", '{"key": "confirm", "id": 7}', 9.0) if isinstance(event, FrameRejected)] == [
        "repeated_press"
    ]
    assert second.message("pick/3/pressed", '{"key": "confirm", "id": 8, "quantity": 3}', 9.0) == [TagAnswered(3, "confirm", 3)]


def test_double_press_without_ids_is_dropped_and_the_light_put_right() -> None:
    talk = Talk(id_path="")
    talk.message("pick/3/pressed", '{"key": "confirm"}', 1.0)
    talk.command("show", node=3, quantity=2)

    events = talk.message("pick/3/pressed", '{"key": "confirm"}', 1.3)

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["double_press"]
    assert [frame.topic for frame in talk.said()] == ["pick/3/show"]
    assert talk.message("pick/3/pressed", '{"key": "confirm"}', 2.0) == [TagAnswered(3, "confirm", None)]


def test_press_that_the_broker_kept_is_old() -> None:
    events = Talk().message("pick/3/pressed", '{"key": "confirm"}', retained=True)

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["old_press"]


def test_shown_is_kept_by_the_broker_and_forgotten_when_put_out() -> None:
    talk = Talk(retain=True)

    talk.session.start_command("show", {"node": 1, "quantity": 2}, 1.0)
    talk.session.start_command("clear", {"node": 1}, 1.0)

    assert [(frame.topic, frame.payload != b"", frame.is_retained, frame.qos) for frame in talk.said()] == [
        ("pick/1/show", True, True, 1),
        ("pick/1/show", False, True, 1),
        ("pick/1/clear", True, False, 1),
    ]


def test_node_and_shortage_may_stand_in_payload_and_topic_of_their_own() -> None:
    talk = Talk(confirm_topic="line/keys", shortage_topic="line/+/short", node_path="light[0].no", press_path="", quantity_path="q", availability_topic="")

    assert talk.message("line/keys", '{"light": [{"no": 4}], "q": "7"}') == [TagAnswered(4, "confirm", 7)]
    assert talk.message("line/a/short", '{"light": [{"no": 5}], "q": 2.0}') == [TagAnswered(5, "shortage", 2)]
    assert [event.reason for event in talk.message("line/keys", '{"light": []}') if isinstance(event, FrameRejected)] == ["unknown_node"]


def test_lamp_test_names_who_is_not_there() -> None:
    talk = Talk(nodes="1-3", lamp_test_s=2.0)
    talk.message("pick/1/status", "online", retained=True)
    talk.message("pick/2/status", "offline", retained=True)

    assert len(talk.command("test")) == 3
    events = talk.session.advance_to(3.0)

    assert TagsTested((2, 3)) in events
    assert [frame.topic for frame in talk.said()] == ["pick/1/clear", "pick/2/clear", "pick/3/clear"]


def test_broker_that_does_not_answer_a_subscription_is_given_up() -> None:
    session = LightMqttSession(LightMqttConfig(), Memory())
    session.advance_to(0.0)

    with pytest.raises(ReplyTimeout, match="subscription of pick"):
        session.advance_to(5.0)


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("show", {"node": 10, "quantity": 1}, "no light 10"),
        ("show", {"node": 1, "quantity": -1}, "within 0"),
        ("show", {"node": 1, "quantity": 1, "colour": "mauve"}, "none of red"),
        ("dance", {"node": 1}, "no command"),
    ],
)
def test_impossible_command_says_what_is_possible(name: str, arguments: dict[str, Any], wanted: str) -> None:
    with pytest.raises(LocalProtocolError, match=wanted):
        Talk().command(name, **arguments)


def test_light_without_buzzer_says_so() -> None:
    with pytest.raises(LocalProtocolError, match="no buzzer"):
        Talk(**TASMOTA).command("buzz", node=5, on=True)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"broker": "http://x"}, "not understood"),
        ({"broker": "", "broker_username": "lights"}, "broker of the lights' own"),
        ({"nodes": "5-1"}, "lower one first"),
        ({"nodes": "some"}, "1-40,51"),
        ({"names": {"a": 700}}, "not in `nodes`"),
        ({"confirm_topic": "keys"}, "node_path"),
        ({"confirm_topic": "a/#/{node}"}, "at the end"),
        ({"show_topic": "pick/+/show"}, "cannot be sent"),
    ],
)
def test_wrong_configuration_is_refused(fields: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        parse_config(LightMqttConfig, {"driver": "light_mqtt", **fields})


def test_other_braces_of_a_template_stay() -> None:
    nodes = Nodes("1-100", {})

    assert filled('{"n": {node:03}, "q": {quantity:4}, "c": {"x": "{colour}"}}', nodes, 7, 12, "red") == '{"n": 007, "q": 0012, "c": {"x": "red"}}'
    assert (nodes.number("007"), nodes.number("0"), nodes.number("x"), nodes.number("9" * 30)) == (7, None, None, None)


@pytest.mark.parametrize(
    ("template", "topic", "wanted"),
    [
        ("pick/{node}/pressed", "pick/5/pressed", "5"),
        ("pick/{node}/pressed", "pick/5/6/pressed", None),
        ("bin-{node:02}.x/+/s", "bin-07.x/any/s", "07"),
        ("bin-{node:02}.x/+/s", "bin-07yx/any/s", None),
        ("a/{node}/#", "a/5/b/c", "5"),
        ("keys", "keys", ""),
    ],
)
def test_topic_is_taken_apart(template: str, topic: str, wanted: str | None) -> None:
    assert TopicPattern(template).match(topic) == wanted


@pytest.mark.parametrize(
    ("path", "payload", "wanted"),
    [
        (".", b" 12 \n", "12"),
        ("a.b[1]", b'{"a": {"b": [1, true]}}', "true"),
        ("a", b'{"a": {}}', None),
        ("a", b"[" * 5000, None),
        ("a", b"\xff", None),
        ("[0]", b'["x"]', "x"),
        ("a", b'{"a": null}', None),
    ],
)
def test_value_is_found_in_a_payload(path: str, payload: bytes, wanted: str | None) -> None:
    assert found_at(path, payload) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("12", 12), ("12.0", 12), ("+3", 3), ("12.5", None), ("-1", None), (None, None), ("1e9", None), ("\u0663", None)])
def test_quantity_is_a_whole_number_or_none(text: str | None, wanted: int | None) -> None:
    assert quantity_of(text) == wanted


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x03", b"\x7f\x00\x00\x00"])
def test_frame_of_an_impossible_length_ends_the_conversation(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        LightMqttSession(LightMqttConfig(), Memory()).receive_bytes(data, 0.0)


def test_half_a_frame_ends_the_conversation_after_a_second() -> None:
    talk = Talk()
    talk.session.receive_bytes(Frame(Kind.MESSAGE, "pick/1/status", b"online").encode()[:-1], 10.0)

    assert talk.session.next_deadline_s() == 11.0
    assert talk.session.advance_to(10.9) == []
    with pytest.raises(RemoteProtocolError, match="did not come to its end"):
        talk.session.advance_to(11.0)

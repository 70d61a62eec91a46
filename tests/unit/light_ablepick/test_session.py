# SPDX-License-Identifier: Apache-2.0
import pytest

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.lights import TagAnswered, TagFault, TagsTested
from drivers.base.session import CommandDone, FrameRejected, SessionReady
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.events import LitTag
from drivers.light_ablepick.session import LightAblepickSession
from drivers.light_ablepick.tags import Wishes
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.light_ablepick.twin import LitTag as Seen


class Talk:
    """A session and a twin that hear each other at once, in virtual time."""

    def __init__(self, lit=None, twin=None, wishes=None, **fields):
        self.config = LightAblepickConfig(host="controller", **fields)
        self.wishes = wishes or Wishes({} if lit is None else lit)
        self.lit = self.wishes.lit
        self.twin = twin or AblePickTwin()
        self.session = LightAblepickSession(self.config, self.wishes)
        self.now_s = 0.0
        self.events = []
        self.at(0.0)

    def _exchange(self, heard=b""):
        while heard or (said := self.session.bytes_to_send()):
            if heard:
                self.events += self.session.receive_bytes(heard, self.now_s)
                heard = b""
            else:
                heard = self.twin.receive_bytes(said, self.now_s)

    def at(self, now_s):
        self.now_s = now_s
        self.events += self.session.advance_to(now_s)
        self._exchange()

    def run_until(self, end_s):
        while (deadline_s := self.session.next_deadline_s()) <= end_s:
            self.at(max(deadline_s, self.now_s))
        self.at(end_s)

    def command(self, name, **arguments):
        token = self.session.start_command(name, arguments, self.now_s)
        self.at(self.now_s)
        return token

    def world(self, name, **arguments):
        self._exchange(self.twin.stimulate(name, arguments, self.now_s))

    def seen(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.mark.requirement("E8")
def test_tag_shows_quantity_and_colour_when_commanded():
    talk = Talk()

    token = talk.command("show", node=5, quantity=12, colour="blue")

    assert talk.twin.lit == {5: Seen(12, "blue")}
    assert CommandDone(token, {"node": 5}) in talk.events


def test_colour_is_never_written_to_the_eeprom():
    talk = Talk()

    for quantity in range(100):
        talk.command("show", node=5, quantity=quantity, colour="cyan")

    assert talk.twin.eeprom_writes == 0


def test_confirm_key_reports_quantity_and_puts_the_tag_out():
    talk = Talk()
    talk.command("show", node=5, quantity=12)

    talk.world("press", node=5)

    assert talk.seen(TagAnswered) == [TagAnswered(5, "confirm", 12)]
    assert talk.twin.lit == {}
    assert talk.lit == {}


@pytest.mark.parametrize(("stimulus", "press"), [("shortage", "shortage"), ("press", "confirm")])
def test_key_reports_the_quantity_that_the_picker_counted_to(stimulus, press):
    talk = Talk()
    talk.command("show", node=5, quantity=12)

    talk.world(stimulus, node=5, quantity=7)

    assert talk.seen(TagAnswered) == [TagAnswered(5, press, 7)]


def test_press_of_a_dark_tag_is_reported_without_quantity():
    talk = Talk()

    talk.world("press", node=9)

    assert talk.seen(TagAnswered) == [TagAnswered(9, "confirm", None)]


@pytest.mark.parametrize(("pause_s", "answers"), [(0.3, 1), (0.7, 2)])
def test_second_press_within_the_filter_is_dropped(pause_s, answers):
    talk = Talk(press_filter_s=0.6)
    talk.world("press", node=5)

    talk.run_until(pause_s)
    talk.world("press", node=5)

    assert len(talk.seen(TagAnswered)) == answers
    assert [event.reason for event in talk.seen(FrameRejected)] == ["double_press"] * (2 - answers)


def test_what_was_lit_after_a_press_burns_again_after_its_double_press():
    talk = Talk(press_filter_s=0.6)
    talk.command("show", node=5, quantity=1, colour="red")
    talk.world("press", node=5)
    talk.command("show", node=5, quantity=2, colour="red")

    talk.world("press", node=5)

    assert [answer.quantity for answer in talk.seen(TagAnswered)] == [1]
    assert talk.twin.lit[5].quantity == 2


@pytest.mark.parametrize("stimulus", ["busy", "hold"])
def test_dropped_messages_are_said_again(stimulus):
    talk = Talk(resend_delay_s=0.2)
    talk.world(stimulus, node=5, messages=4)
    talk.command("show", node=5, quantity=12, colour="red")
    assert talk.twin.lit == {}

    talk.run_until(0.3)

    assert talk.twin.lit == {5: Seen(12, "red")}
    assert not talk.seen(TagFault)


@pytest.mark.parametrize(("stimulus", "arguments", "code"), [("busy", {"messages": 10**6}, "64-01"), ("hold", {"messages": 10**6}, "0D"), ("unplug", {}, "0A")])
def test_tag_that_does_not_listen_is_reported_once(stimulus, arguments, code):
    talk = Talk(resend_delay_s=0.2, resend_max=3, watchdog_s=600)
    talk.world(stimulus, node=5, **arguments)

    talk.command("show", node=5, quantity=12)
    talk.run_until(30.0)

    assert [(fault.node, fault.code) for fault in talk.seen(TagFault)] == [(5, code)]


def test_all_lit_tags_are_relit_after_the_power_came_back():
    talk = Talk(twin=AblePickTwin(range(1, 201)))
    for node in range(1, 201):
        talk.command("show", node=node, quantity=node, colour="orange")

    talk.world("reset")
    assert talk.twin.lit == {}
    talk.run_until(0.2)

    assert talk.twin.lit == {node: Seen(node, "orange") for node in range(1, 201)}


@pytest.mark.requirement("E8")
@pytest.mark.parametrize("clears", [True, False])
def test_lit_tags_are_relit_on_a_new_connection(clears):
    first = Talk()
    first.command("show", node=1, quantity=10, colour="red")
    first.command("show", node=2, quantity=20, colour="green")
    first.world("reset")  # nobody hears of it: the connection is gone
    first.twin.tags[7].lamp = True  # left lit by somebody before us

    second = Talk(lit=first.lit, twin=first.twin, clear_on_connect=clears)

    assert second.seen(SessionReady) == [SessionReady("ABLEPick controller with 30 tags connected")]
    assert second.twin.lit == {1: Seen(10, "red"), 2: Seen(20, "green")} | ({} if clears else {7: Seen(None, "red")})


def test_tag_plugged_in_again_is_relit_by_the_watchdog():
    talk = Talk(watchdog_s=10, reply_timeout_s=3)
    talk.command("show", node=3, quantity=4)
    talk.world("unplug", node=3)
    talk.run_until(11.0)
    assert [(fault.node, fault.code) for fault in talk.seen(TagFault)] == [(3, "09")]

    talk.twin.tags[3].connected = True  # and its start report is lost
    talk.run_until(21.0)

    assert talk.twin.lit == {3: Seen(4, "green")}


def test_mute_controller_is_noticed():
    talk = Talk(watchdog_s=10, reply_timeout_s=3)
    talk.session.advance_to(10.0)
    assert talk.session.bytes_to_send() == bytes.fromhex("07006000000009")

    assert talk.session.next_deadline_s() == 13.0
    with pytest.raises(ReplyTimeout, match="status query 09 within 3 s"):
        talk.session.advance_to(13.0)


def test_lamp_test_ends_with_what_was_lit():
    talk = Talk(lamp_test_s=2.0)
    talk.command("show", node=3, quantity=4)

    token = talk.command("test")
    assert {tag.quantity for tag in talk.twin.lit.values()} == {888_888}
    talk.run_until(2.0)

    assert talk.twin.lit == {3: Seen(4, "green")}
    assert CommandDone(token, {}) in talk.events


@pytest.mark.requirement("E8")
def test_lamp_test_says_which_tags_are_gone_or_faulty():
    talk = Talk(lamp_test_s=2.0)
    talk.world("malfunction", node=4)
    talk.world("unplug", node=7)

    talk.command("test")
    talk.run_until(2.0)

    (ended,) = talk.seen(TagsTested)
    assert [node for node in ended.dead if node <= 30] == [4, 7]  # the twin has tags 1 to 30
    assert len(ended.dead) == 172


@pytest.mark.parametrize("end", ["buzz", "clear", "press"])
def test_buzzer_sounds_until_the_tag_is_answered_or_put_out(end):
    talk = Talk()
    talk.command("show", node=3, quantity=4)
    talk.command("buzz", node=3, on=True)
    assert talk.twin.tags[3].buzzer

    if end == "press":
        talk.world("press", node=3)
    else:
        talk.command(end, node=3, **({"on": False} if end == "buzz" else {}))

    assert not talk.twin.tags[3].buzzer


def test_second_port_has_nodes_from_201():
    session = LightAblepickSession(LightAblepickConfig(host="controller", ports=2), Wishes())

    session.start_command("show", {"node": 201, "quantity": 1, "colour": "red"}, 0.0)

    assert session.bytes_to_send().startswith(bytes.fromhex("08 00 61 00 00 00 01 01"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"node": 0, "quantity": 1}, "node 0 is not within 1 to 200"),
        ({"node": 201, "quantity": 1}, "node 201 .*see `ports`"),
        ({"node": 1, "quantity": -1}, "does not fit a pick tag"),
        ({"node": 1, "quantity": 1_000_000}, "does not fit a pick tag"),
        ({"node": 1, "quantity": 1, "colour": "mauve"}, "colour 'mauve' is none of red"),
    ],
)
def test_impossible_show_is_refused_and_changes_nothing(arguments, words):
    lit = {4: LitTag(1, "red")}
    session = LightAblepickSession(LightAblepickConfig(host="controller"), Wishes(lit))

    with pytest.raises(LocalProtocolError, match=words):
        session.start_command("show", arguments, 0.0)

    assert lit == {4: LitTag(1, "red")}
    assert session.bytes_to_send() == b""


def test_stream_out_of_step_ends_the_conversation():
    talk = Talk()

    with pytest.raises(RemoteProtocolError):
        talk.session.receive_bytes(b"\x00\x00\x60", 1.0)


def test_unknown_and_short_blocks_are_counted_not_obeyed():
    talk = Talk()

    events = talk.session.receive_bytes(bytes.fromhex("08 00 60 00 00 00 77 05  07 00 60 00 00 00 06  0a 00 60 00 00 00 09 00 00 00"), 1.0)

    assert [event.reason for event in events] == ["unknown_sub_command", "no_node", "short_status"]


def _hears(talk, *data):
    for each in data:
        talk.events += talk.session.receive_bytes(bytes.fromhex(each), talk.now_s)


@pytest.mark.parametrize("cut", [1, 14, 15, 16, 17, 18, 29])
def test_press_with_length_14_and_15_bytes_does_not_cost_the_link(cut):
    talk = Talk()
    head = "0e 00 60 00 00 00"  # the dots (last byte) are not counted
    stream = f"{head} 06 05 20 20 20 20 31 32 00 {head} 07 06 20 20 20 20 20 33 00 0f 00 60 00 00 00 06 07 20 20 20 20 20 34 00".replace(" ", "")

    _hears(talk, stream[: 2 * cut], stream[2 * cut :])

    assert [(event.node, event.quantity) for event in talk.seen(TagAnswered)] == [(5, 12), (6, 3), (7, 4)]
    assert [event.reason for event in talk.seen(FrameRejected)] == ["dots_beyond_length"] * 2


def test_reset_of_no_tag_in_particular_lights_all_again():
    talk = Talk()
    talk.command("show", node=5, quantity=12)

    _hears(talk, "07006000 0000fc")
    talk.twin.lit.clear()
    talk.run_until(1.0)

    assert talk.twin.lit == {5: Seen(12, "green")}


def test_press_before_damaged_bytes_is_told_before_the_link_ends():
    talk = Talk()

    _hears(talk, "0f 00 60 00 00 00 06 05 20 20 20 20 31 32 00" + b"HELLO".hex())

    assert [event.node for event in talk.seen(TagAnswered)] == [5]
    assert talk.session.next_deadline_s() < 0
    with pytest.raises(RemoteProtocolError, match="message type is not 60 or 61"):
        talk.session.advance_to(0.0)

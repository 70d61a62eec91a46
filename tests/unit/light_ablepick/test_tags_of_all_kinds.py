# SPDX-License-Identifier: Apache-2.0
"""What tags do beside being lit and confirmed: stuck keys, stock mode, restarts, their EEPROM, their numbers, and the AT400's power supply."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.readings import ConditionChanged
from drivers.base.errors import LocalProtocolError
from drivers.base.lights import ButtonsStuck, TagAnswered, TagFault
from drivers.base.session import CommandDone, CommandFailed, FrameRejected
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from drivers.light_ablepick.events import LitTag, SupplyChanged
from drivers.light_ablepick.session import LightAblepickSession
from firmware_sims.light_ablepick.tag import PickTag
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.light_ablepick.twin import LitTag as Seen
from tests.unit.light_ablepick.test_session import Talk

pytestmark = pytest.mark.requirement("E8")


def hears(talk: Talk, block: str) -> None:
    talk.events += talk.session.receive_bytes(bytes.fromhex(block), talk.now_s)


def results(talk: Talk) -> list[dict[str, Any]]:
    return [dict(event.result) for event in talk.seen(CommandDone)]


# -- keys that stay down ------------------------------------------------------------------------------------------------------------------


def test_key_that_is_held_for_five_seconds_is_stuck_until_it_is_released() -> None:
    talk = Talk(watchdog_s=600)
    talk.world("hold", node=5)
    talk.command("show", node=5, quantity=12, colour="red")

    talk.run_until(4.9)
    assert not talk.seen(ButtonsStuck)
    talk.run_until(5.5)
    assert talk.seen(ButtonsStuck) == [ButtonsStuck((5,))]
    assert [(fault.node, fault.code) for fault in talk.seen(TagFault)] == [(5, "0D")]
    talk.world("release", node=5)
    talk.run_until(12.0)

    assert talk.seen(ButtonsStuck) == [ButtonsStuck((5,)), ButtonsStuck(())]
    assert talk.twin.lit == {5: Seen(12, "red")}


def test_two_stuck_keys_are_told_together() -> None:
    talk = Talk(watchdog_s=600, stuck_after_s=1.0)
    for node in (5, 7):
        talk.world("hold", node=node)
        talk.command("show", node=node, quantity=1)
    talk.run_until(2.0)

    talk.world("press", node=5)  # who presses again has let go before

    assert [stuck.nodes for stuck in talk.seen(ButtonsStuck)] == [(5,), (5, 7), (7,)]


def test_what_ended_while_nobody_was_connected_is_told_as_ended() -> None:
    first = Talk(twin=AblePickTwin(is_at400=True), controller="at400", stuck_after_s=1.0)
    first.events += first.session.receive_bytes(first.twin.change("supply", "low", 0.0), 0.0)
    first.world("hold", node=5)
    first.command("show", node=5, quantity=1)
    first.run_until(2.0)
    first.twin.change("supply", "ok", 2.0)
    first.world("release", node=5)

    second = Talk(twin=first.twin, wishes=first.wishes, controller="at400")
    second.run_until(1.0)

    assert [first.seen(kind)[-1] for kind in (ButtonsStuck, SupplyChanged)] == [ButtonsStuck((5,)), SupplyChanged("voltage_low", True)]
    assert [second.seen(kind) for kind in (ButtonsStuck, SupplyChanged)] == [[ButtonsStuck(())], [SupplyChanged("voltage_low", False)]]
    assert second.twin.lit[5].quantity == 1


def test_key_that_repeats_itself_is_one_press_and_then_stuck() -> None:
    talk = Talk(watchdog_s=600)
    talk.command("show", node=5, quantity=1)
    for tenth in range(60):
        talk.run_until(tenth / 10)
        talk.world("press", node=5)
        if tenth == 10:
            talk.command("show", node=5, quantity=2)  # the next task at the same place must not be confirmed by it

    assert [answer.quantity for answer in talk.seen(TagAnswered)] == [1]
    assert talk.seen(ButtonsStuck) == [ButtonsStuck((5,))]
    assert talk.twin.lit[5].quantity == 2
    talk.run_until(10.0)

    assert talk.seen(ButtonsStuck)[-1] == ButtonsStuck(())


def test_key_that_is_told_as_held_now_and_then_by_itself_is_stuck_too() -> None:
    talk = Talk(watchdog_s=600)
    for second in range(0, 8, 2):
        talk.run_until(float(second))
        hears(talk, "0800600000000d05")

    assert talk.seen(ButtonsStuck) == [ButtonsStuck((5,))]


def test_picker_who_leans_on_a_key_for_a_moment_is_no_fault() -> None:
    talk = Talk(resend_max=1, watchdog_s=600)
    talk.world("hold", node=5, messages=30)  # three seconds of being told again

    talk.command("show", node=5, quantity=12)
    talk.run_until(4.0)

    assert talk.twin.lit == {5: Seen(12, "green")}
    assert not talk.seen(TagFault)


def test_stuck_key_is_a_condition_that_names_the_tags() -> None:
    driver = LightAblepickDriver("lights-1", LightAblepickConfig(host="lights"))

    (began,) = driver.readings(ButtonsStuck((5, 7)), 3.0)
    (ended,) = driver.readings(ButtonsStuck(()), 9.0)

    assert began == ConditionChanged(
        device="lights-1", at_s=3.0, condition="button_stuck", active=True, reason="key held down on pick tag 5, 7; check that nothing leans on it"
    )
    assert isinstance(ended, ConditionChanged)
    assert (ended.condition, ended.active) == ("button_stuck", False)


# -- restarts ------------------------------------------------------------------------------------------------------------------------------


def test_only_the_tag_that_restarted_is_told_again_so_that_no_other_display_changes_under_a_hand() -> None:
    talk = Talk()
    for node in (4, 5):
        talk.command("show", node=node, quantity=10)
    talk.twin.tags[4].count_to(7)  # somebody is counting there

    talk.world("power_cut", node=5)
    assert 5 not in talk.twin.lit
    talk.world("power_back", node=5)
    talk.run_until(0.5)

    assert (talk.twin.lit[4].quantity, talk.twin.lit[5].quantity) == (7, 10)


def test_tag_that_restarted_is_in_stock_mode_again() -> None:
    talk = Talk()
    talk.command("mode", node=3, mode="stock")
    talk.command("show", node=3, quantity=40)

    talk.world("reboot_tag", node=3)
    talk.run_until(0.5)
    talk.world("press", node=3, quantity=37)

    assert talk.seen(TagAnswered) == [TagAnswered(3, "confirm", 37)]
    assert talk.twin.tags[3].stock_mode
    talk.command("mode", node=3, mode="pick")
    assert not talk.twin.tags[3].stock_mode


# -- what a tag is set to ------------------------------------------------------------------------------------------------------------------


def test_eeprom_is_written_only_when_told_and_once_for_each_value() -> None:
    talk = Talk(editable_digits=3)
    for quantity in range(50):
        talk.command("show", node=6, quantity=quantity, colour="cyan", flash=True)
    assert talk.twin.eeprom_writes == 0

    for permanent, value in ((False, 1), (True, 1), (True, 1), (True, 3), (True, 3)):
        talk.command("configure", node=6, item=1, value=value, permanent=permanent)

    assert talk.twin.tags[6].eeprom_writes == 2
    assert [result["written"] for result in results(talk)[50:]] == [False, True, False, True, False]


def test_only_the_digits_that_may_be_changed_are_counted() -> None:
    talk = Talk(editable_digits=1)
    talk.command("show", node=6, quantity=12)

    talk.world("press", node=6, quantity=7)

    assert talk.seen(TagAnswered) == [TagAnswered(6, "confirm", 17)]


def test_setting_without_55_is_forgotten_with_the_power_and_one_with_it_is_not() -> None:
    talk = Talk()
    talk.command("configure", node=6, item=1, value=1, permanent=True)
    talk.command("configure", node=6, item=1, value=3)

    talk.world("power_cut", node=6)
    talk.world("power_back", node=6)

    assert talk.twin.tags[6].digits_mask == 1


@pytest.mark.parametrize(("key", "stimulus", "other"), [("confirm", "press", "shortage"), ("shortage", "shortage", "press")])
def test_key_that_is_switched_off_does_nothing_and_the_other_one_works(key: str, stimulus: str, other: str) -> None:
    talk = Talk()
    talk.command("keys", node=6, key=key, on=False)
    talk.command("show", node=6, quantity=12)

    talk.world(stimulus, node=6)
    assert not talk.seen(TagAnswered)
    talk.world(other, node=6)

    assert len(talk.seen(TagAnswered)) == 1


@pytest.mark.parametrize(("colour", "seen", "blinks"), [("blue", "red", True), ("pink", "green", True), ("cyan", "orange", True), ("green", "green", False)])
def test_tags_of_three_colours_blink_for_the_others(colour: str, seen: str, blinks: bool) -> None:
    talk = Talk(tag_series="at5xx", flash_interval="slow")

    talk.command("show", node=6, quantity=12, colour=colour)

    tag = talk.twin.tags[6]
    assert (talk.twin.lit[6].colour, tag.lamp, tag.lamp_blinks, tag.display_blinks) == (seen, True, blinks, False)
    assert tag.blink_interval_s == (1.0 if blinks else 0.25)


def test_flashing_tag_stops_when_it_is_shown_anew() -> None:
    talk = Talk()
    talk.command("show", node=6, quantity=12, flash=True)
    assert (talk.twin.tags[6].lamp_blinks, talk.twin.tags[6].display_blinks, talk.twin.tags[6].blink_interval_s) == (True, True, 0.5)

    talk.command("show", node=6, quantity=12)

    assert (talk.twin.tags[6].lamp_blinks, talk.twin.tags[6].display_blinks) == (False, False)


def test_tag_tells_what_it_is_and_stays_as_it_is() -> None:
    talk = Talk()
    talk.command("show", node=6, quantity=12, colour="pink")
    talk.twin.tags[6].count_to(9)

    talk.command("info", node=6)
    talk.run_until(1.0)

    assert results(talk)[-1] == {"node": 6, "model": "AT705", "product": 2, "firmware": 0x10, "mode": 0x73, "functions": 2, "key_delay": 8, "colour": 4}
    assert talk.twin.lit[6].quantity == 9


def test_older_tag_that_does_not_know_the_question_is_not_faulty() -> None:
    talk = Talk(twin=AblePickTwin(()))
    talk.session.start_command("info", {"node": 6}, 0.0)

    hears(talk, "0800600000000c06 0d0060000000fc060110730208")

    assert not talk.seen(TagFault)
    assert results(talk) == [{"node": 6, "product": 1, "firmware": 0x10, "mode": 0x73, "functions": 2, "key_delay": 8}]


def test_tag_that_says_nothing_of_itself_is_not_waited_for_in_vain() -> None:
    talk = Talk(resend_max=100)
    talk.world("unplug", node=6)
    talk.command("info", node=6)
    with pytest.raises(LocalProtocolError, match="pick tag 6 is being asked just now"):
        talk.command("info", node=6)

    talk.run_until(4.0)

    (failed,) = talk.seen(CommandFailed)
    assert "details of pick tag 6" in str(failed.error)


def test_identified_tag_shows_its_number_until_everything_is_shown_again() -> None:
    talk = Talk()
    talk.command("show", node=6, quantity=12)
    talk.command("identify", node=6)
    talk.command("identify", node=8)
    assert (talk.twin.lit[6].quantity, talk.twin.lit[8].quantity) == (6, 8)

    talk.command("refresh")

    assert talk.twin.lit == {6: Seen(12, "green")}


@pytest.mark.parametrize("key", ["confirm", "shortage"])
def test_pressed_by_command_is_as_pressed_by_hand(key: str) -> None:
    talk = Talk()
    talk.command("show", node=6, quantity=12)

    talk.command("press", node=6, key=key)

    assert [(answer.press, answer.quantity) for answer in talk.seen(TagAnswered)] == [(key, 12)]


def test_restart_by_command_lights_the_tag_again() -> None:
    talk = Talk()
    talk.command("show", node=6, quantity=12)

    talk.command("reset", node=6)
    assert talk.twin.lit == {}
    talk.run_until(0.5)

    assert talk.twin.lit == {6: Seen(12, "green")}


def test_controller_asks_no_further_than_told() -> None:
    talk = Talk(last_node=20)

    assert talk.twin.last_polled == 20


# -- numbers --------------------------------------------------------------------------------------------------------------------------------


def test_number_is_given_to_the_tag_whose_key_is_pressed_and_what_was_lit_is_lit_again() -> None:
    talk = Talk()
    talk.command("show", node=2, quantity=5, colour="blue")
    talk.command("address", number=77, sure=True)
    assert len(talk.twin.lit) == 30
    with pytest.raises(LocalProtocolError, match="number 77 waits for its tag"):
        talk.command("address", number=78, sure=True)

    talk.world("press", node=9)

    assert results(talk)[-1] == {"node": 9, "number": 77}
    assert not talk.seen(TagAnswered)
    assert talk.twin.lit == {2: Seen(5, "blue")}
    assert 77 in talk.twin.tags
    assert 9 not in talk.twin.tags


@pytest.mark.parametrize(("arguments", "words"), [({"number": 5}, "stops all picking.*sure=true"), ({"number": 0, "sure": True}, "not within 1 to 200")])
def test_number_is_not_given_by_mistake(arguments: dict[str, Any], words: str) -> None:
    talk = Talk()

    with pytest.raises(LocalProtocolError, match=words):
        talk.command("address", **arguments)

    assert talk.twin.lit == {}


def test_number_that_nobody_takes_is_taken_back() -> None:
    talk = Talk(watchdog_s=600)
    talk.command("show", node=2, quantity=5)
    talk.command("address", number=77, sure=True)

    talk.run_until(121.0)

    assert len(talk.seen(CommandFailed)) == 1
    assert talk.twin.lit == {2: Seen(5, "green")}


# -- special messages and the AT400 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "answers", "rejected"),
    [
        ("0a00600000006409 0016", [("confirm", None)], []),  # key code of a dark tag
        ("0a00600000006409 0043", [("shortage", None)], []),
        ("0a00600000006409 0025", [], ["function_key"]),
        ("0a00600000006405 0016", [], ["function_key"]),  # of a lit one: it also comes as 06, with its quantity
        ("0a00600000006409 0300", [], []),  # nothing is left in its buffer
        ("0a00600000006409 0400", [], ["function_key"]),
        ("0a00600000006409 0502", [], ["function_key"]),
        ("0a00600000006409 7700", [], ["unknown_special"]),
        ("0800600000006409", [], ["function_key"]),
    ],
)
def test_special_messages_of_all_kinds(block: str, answers: list[tuple[str, None]], rejected: list[str]) -> None:
    talk = Talk()
    talk.command("show", node=5, quantity=1)

    hears(talk, block)

    assert [(answer.press, answer.quantity) for answer in talk.seen(TagAnswered)] == answers
    assert [event.reason for event in talk.seen(FrameRejected)] == rejected


def test_message_that_fell_out_of_a_full_buffer_is_said_again() -> None:
    talk = Talk()
    talk.command("show", node=5, quantity=12)
    talk.twin.tags[5].clear()

    hears(talk, "0a00600000006405 0200")
    talk.run_until(0.5)

    assert talk.twin.lit == {5: Seen(12, "green")}


@pytest.mark.parametrize("state", ["low", "high", "abnormal"])
def test_power_supply_of_an_at400_is_told_when_it_fails_and_when_it_is_back(state: str) -> None:
    talk = Talk(twin=AblePickTwin(is_at400=True), controller="at400")

    for text in (state, state, "ok"):
        said = talk.twin.change("supply", text, talk.now_s)
        talk.events += talk.session.receive_bytes(said, talk.now_s)

    condition = {"low": "voltage_low", "high": "voltage_high", "abnormal": "system_abnormal"}[state]
    assert talk.seen(SupplyChanged) == [SupplyChanged(condition, True), SupplyChanged(condition, False)]


def test_power_supply_that_was_low_before_is_told_on_connecting() -> None:
    twin = AblePickTwin(is_at400=True)
    twin.change("supply", "low", 0.0)

    talk = Talk(twin=twin, controller="at400")

    assert talk.seen(SupplyChanged) == [SupplyChanged("voltage_low", True)]


def test_what_comes_from_a_port_that_is_not_used_is_nobodys_press() -> None:
    talk = Talk(controller="at400", twin=AblePickTwin(is_at400=True))

    hears(talk, "0f00610000000605 20202020313200")

    assert [event.reason for event in talk.seen(FrameRejected)] == ["other_port"]
    assert not talk.seen(TagAnswered)


def test_at400_has_thirty_tags_on_one_port() -> None:
    with pytest.raises(ValueError, match="one port with up to 30 tags"):
        LightAblepickConfig(host="lights", controller="at400", ports=2)
    talk = Talk(controller="at400", twin=AblePickTwin(is_at400=True))

    with pytest.raises(LocalProtocolError, match="node 31 is not within 1 to 30"):
        talk.command("show", node=31, quantity=1)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dance", {"node": 1}, "has no command 'dance'"),
        ("mode", {"node": 1, "mode": "party"}, "'party' is none of pick, stock"),
        ("keys", {"node": 1, "key": "any", "on": True}, "'any' is none of confirm, shortage"),
        ("configure", {"node": 1, "item": 256, "value": 0}, "item 256 is not within 0 to 255"),
    ],
)
def test_impossible_commands_are_refused_and_send_nothing(name: str, arguments: dict[str, Any], words: str) -> None:
    talk = Talk()

    with pytest.raises(LocalProtocolError, match=words):
        talk.session.start_command(name, arguments, 1.0)

    assert talk.session.bytes_to_send() == b""


def test_confirmation_with_cycle_edit_counts_as_any_other() -> None:
    talk = Talk()
    talk.command("show", node=5, quantity=3)
    talk.command("configure", node=5, item=0x0A, value=0x01)

    talk.world("press", node=5)

    assert talk.seen(TagAnswered) == [TagAnswered(5, "confirm", 3)]


# -- the twin alone -------------------------------------------------------------------------------------------------------------------------


def test_twin_takes_both_ways_to_allow_digits() -> None:
    tag = PickTag()

    tag.obey(0x1E, b"\x03")
    by_number = tag.digits_mask
    tag.obey(0x1F, b"\x01\x05")

    assert (by_number, tag.digits_mask) == (0b111, 0b101)


def test_at500_knows_no_power_supply() -> None:
    assert AblePickTwin().receive_bytes(bytes.fromhex("09006000 0000f70000"), 0.0) == bytes.fromhex("08006000 00000c00")


def test_session_survives_what_only_an_at400_says() -> None:
    session = LightAblepickSession(LightAblepickConfig(host="lights"), LightAblepickDriver("d", LightAblepickConfig(host="lights")).wishes)

    events = session.receive_bytes(bytes.fromhex("0800600000000c00 0a006000 0000f7000101"), 0.0)

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["no_node"]
    assert LitTag(1, "red") == LitTag(1, "red", flash=False)

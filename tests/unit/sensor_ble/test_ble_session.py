# SPDX-License-Identifier: Apache-2.0
"""Tags that are heard, repeated, lost and found, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.readings import ConditionChanged, ReadingFailed
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError
from drivers.base.session import FrameRejected, SessionEvent
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.driver import SensorBleDriver
from drivers.sensor_ble.frames import Report, decode
from drivers.sensor_ble.session import InputSeen, SensorBleSession, TagFailed, TagMeasured, TagsChanged
from firmware_sims.sensor_ble.twin import BleTagsTwin

RUUVI = "cb:b8:33:4c:88:4f"


def _config(**fields: Any) -> SensorBleConfig:
    return parse_config(SensorBleConfig, {"driver": "sensor_ble", **({} if "adapter" in fields else {"host": "receiver"}), **fields})


class Air:
    """A session that hears a twin, second by second."""

    def __init__(self, twin: BleTagsTwin, **fields: Any) -> None:
        self.twin, self.session = twin, SensorBleSession(_config(**fields), {}, {})
        self.events: list[SessionEvent] = [*self.session.advance_to(0.0), *self.session.receive_bytes(twin.connected(0.0), 0.0)]
        self.now_s = 0.0

    def until(self, end_s: float) -> list[SessionEvent]:
        before = len(self.events)
        while self.now_s < end_s:
            self.now_s = round(self.now_s + 0.1, 3)
            self.events += self.session.receive_bytes(self.twin.advance_to(self.now_s), self.now_s)
            self.events += self.session.advance_to(self.now_s)
        return self.events[before:]


def _values(events: list[SessionEvent], quantity: str) -> list[float]:
    return [event.value for event in events if isinstance(event, TagMeasured) and event.quantity == quantity]


@pytest.mark.requirement("E8")
def test_tag_is_named_by_the_configuration_and_others_are_nobodys_business() -> None:
    air = Air(BleTagsTwin("ruuvi,atc"), tags={"shelf": {"mac": RUUVI.upper()}})

    events = air.until(5.0)

    assert len(_values(events, "shelf_temperature_c")) == 5
    assert all(event.quantity.startswith("shelf_") for event in events if isinstance(event, TagMeasured))
    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["unknown_tag"] * 5


def test_what_a_stranger_says_is_not_judged() -> None:
    session = SensorBleSession(_config(tags={"shelf": {"mac": RUUVI}}), {}, {})
    strange = Report("00:11:22:33:44:55", bytes.fromhex("05161a18ffff")).encode()

    events = session.receive_bytes(strange + Report(RUUVI, bytes.fromhex("05161a18ffff")).encode(), 1.0)

    assert [event.reason for event in events if isinstance(event, FrameRejected)] == ["unknown_tag", "not_atc"]


def test_tag_that_passed_by_is_told_silent_once_and_is_no_condition() -> None:
    air = Air(BleTagsTwin("ruuvi"))
    air.until(5.0)

    air.twin.on_silence("ruuvi")
    events = air.until(60.0)

    assert {event.code for event in events if isinstance(event, TagFailed)} == {"SILENT"}
    assert not [event for event in events if isinstance(event, TagsChanged)]


def test_tags_that_passed_by_make_place_for_others() -> None:
    session = SensorBleSession(_config(), {}, {})
    plain = bytes.fromhex("0616d2fc400125")

    def heard(numbers: range, now_s: float) -> int:
        reports = b"".join(Report(f"c0:00:00:00:{number >> 8:02x}:{number & 255:02x}", plain).encode() for number in numbers)
        return len([event for event in session.receive_bytes(reports, now_s) if isinstance(event, TagMeasured) and event.quantity.endswith("battery_pct")])

    assert heard(range(300), 1.0) == 200
    session.advance_to(500.0)
    assert heard(range(200, 350), 501.0) == 150


def test_battery_that_was_changed_while_nobody_listened_is_told() -> None:
    told: dict[str, tuple[str, ...]] = {}
    twin = BleTagsTwin("bthome,pvvx")
    config = _config(tags={"door": {"mac": "a4:c1:38:3e:b3:93"}, "freezer": {"mac": "a4:c1:38:56:53:84"}})
    for kind in ("bthome", "pvvx"):
        twin.on_set(kind, battery_pct=5)
    before = SensorBleSession(config, {}, told)
    before.receive_bytes(twin.on_advertise("bthome") + twin.on_advertise("pvvx"), 1.0)

    after = SensorBleSession(config, {}, told)
    twin.on_set("bthome", battery_pct=97)
    events = after.receive_bytes(twin.on_advertise("bthome"), 2.0)

    assert [event for event in events if isinstance(event, TagsChanged)] == [TagsChanged("battery_low", ("freezer",))]


def test_advertisement_that_is_heard_three_times_is_told_once() -> None:
    air = Air(BleTagsTwin("bthome", interval_s=100.0), sample_interval_s=0)

    events = air.session.receive_bytes(air.twin.on_advertise(times=3), 1.0)

    assert len(_values(list(events), "a4c1383eb393_temperature_c")) == 1


def test_samples_are_thinned_and_contacts_are_not() -> None:
    air = Air(BleTagsTwin("bthome"), sample_interval_s=10.0, tags={"door": {"mac": "a4:c1:38:3e:b3:93", "contact_input": 3, "button_input": 4}})

    air.until(5.0)
    for is_open in (True, False):
        air.events += air.session.receive_bytes(air.twin.on_door(is_open=is_open), 5.0)
    air.events += air.session.receive_bytes(air.twin.on_press(), 5.0)

    assert len(_values(air.events, "door_temperature_c")) == 1
    inputs = [(event.input, event.level) for event in air.events if isinstance(event, InputSeen)]
    assert inputs == [(3, False), (3, True), (3, False), (4, True), (4, False)]


def test_silent_tag_is_missed_by_its_own_interval_and_found_again() -> None:
    air = Air(BleTagsTwin("ruuvi", interval_s=20.0), tags={"shelf": {"mac": RUUVI}}, first_heard_s=60.0)

    assert not [event for event in air.until(130.0) if isinstance(event, TagFailed)]
    air.twin.on_silence()
    missed = air.until(215.0)
    assert {event.code for event in missed if isinstance(event, TagFailed)} == {"SILENT"}
    assert [event for event in missed if isinstance(event, TagsChanged)] == [TagsChanged("tag_silent", ("shelf",))]
    assert not [event for event in air.until(400.0) if isinstance(event, TagFailed)]
    air.twin.on_speak()
    assert TagsChanged("tag_silent", ()) in air.until(430.0)


def test_slow_tag_is_missed_until_its_interval_is_known() -> None:
    air = Air(BleTagsTwin("ruuvi", interval_s=90.0), interval_s=10.0, tags={"shelf": {"mac": RUUVI}})

    missed = [event for event in air.until(400.0) if isinstance(event, TagsChanged) and event.tags]
    later = [event for event in air.until(1500.0) if isinstance(event, TagsChanged)]

    assert 1 <= len(missed) <= 4
    assert [event.tags for event in later] in ([], [()])


def test_lost_advertisements_are_no_loss() -> None:
    air = Air(BleTagsTwin("ruuvi", interval_s=1.0))

    for second in range(1, 60):
        (air.twin.on_speak if second % 3 == 0 else air.twin.on_silence)()
        air.until(float(second))

    assert not [event for event in air.events if isinstance(event, TagFailed)]


def test_tag_that_was_never_heard_is_told_once() -> None:
    air = Air(BleTagsTwin("atc"), tags={"shelf": {"mac": RUUVI}}, first_heard_s=30.0)

    events = air.until(100.0)

    assert [(event.quantity, event.code) for event in events if isinstance(event, TagFailed)] == [("shelf_temperature_c", "SILENT")]


def test_battery_is_told_when_it_becomes_low_and_when_it_was_changed() -> None:
    air = Air(BleTagsTwin("ruuvi,pvvx"), tags={"shelf": {"mac": RUUVI}, "room": {"mac": "a4:c1:38:56:53:84"}})

    air.until(3.0)
    for kind, mv, pct in (("ruuvi", 2450, 97), ("pvvx", 2500, 10), ("pvvx", 2500, 12), ("ruuvi", 2977, 97), ("pvvx", 3000, 100)):
        air.twin.on_set(kind, battery_mv=mv, battery_pct=pct)
        air.until(air.now_s + 2.0)

    told = [event.tags for event in air.events if isinstance(event, TagsChanged)]
    assert told == [("shelf",), ("room", "shelf"), ("room",), ()]


def test_cold_battery_may_give_less() -> None:
    air = Air(BleTagsTwin("ruuvi"))

    air.twin.on_set("ruuvi", temperature_c=-18.0, battery_mv=2400)

    assert not [event for event in air.until(3.0) if isinstance(event, TagsChanged)]


def test_encrypted_tag_is_believed_once_and_never_in_the_clear() -> None:
    key = "231d39c1d7cc1ab1aee224cd096db932"
    twin = BleTagsTwin("bthome_locked", interval_s=1000.0)
    air = Air(twin, sample_interval_s=0, tags={"safe": {"mac": "54:48:e6:8f:80:a5", "bindkey": key}})
    first, second = twin.on_advertise(), twin.on_advertise()
    twin.tags["bthome_locked"].kind = "bthome"

    said = [[type(event).__name__ for event in air.session.receive_bytes(data, at_s)] for at_s, data in ((1.0, first), (2.0, second), (3.0, first))]
    clear = air.session.receive_bytes(twin.on_advertise(), 4.0)

    assert "TagMeasured" in said[0]
    assert "TagMeasured" in said[1]
    assert said[2] == ["FrameRejected"]
    assert [getattr(event, "reason", "") for event in clear] == ["not_encrypted"]


def test_extended_report_and_several_reports_in_one_event_are_read() -> None:
    data = Report(RUUVI, bytes.fromhex("020106"), -60).data
    extended = bytes.fromhex("043e1d0d01130001") + bytes.fromhex("4f884c33b8cb") + bytes.fromhex("0100ff7fc4000000000000000000") + bytes([3]) + data
    extended = extended[:2] + bytes([len(extended) - 3]) + extended[3:]
    two = Report(RUUVI, data, None).encode()
    two = bytes([4, 0x3E, len(two) - 3 + 10 + len(data), 2, 2]) + two[5:] * 2

    assert decode(extended) == (Report(RUUVI, data, -60),)
    assert decode(two) == (Report(RUUVI, data, None),) * 2
    assert decode(bytes.fromhex("040e0401030c00")) == ()


def test_tags_take_no_commands() -> None:
    with pytest.raises(LocalProtocolError, match="only listened to"):
        Air(BleTagsTwin()).session.start_command("show", {}, 0.0)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"host": "", "adapter": ""}, "give one of"),
        ({"adapter": "hci0", "host": "receiver"}, "give one of"),
        ({"host": "r", "tags": {"Shelf": {"mac": RUUVI}}}, "tag name"),
        ({"tags": {"shelf": {"mac": "cbb8334c884f"}}}, "no address"),
        ({"tags": {"shelf": {"mac": RUUVI, "bindkey": "12"}}}, "32 hexadecimal"),
        ({"host": "r", "tags": {"shelf": {"mac": RUUVI}, "room": {"mac": RUUVI.upper()}}}, "two tags"),
    ],
)
def test_wrong_configuration_is_refused(fields: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        parse_config(SensorBleConfig, {"driver": "sensor_ble", **fields})


def test_key_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("231d39c1d7cc1ab1aee224cd096db932\n")
    (tmp_path / "wrong").write_text("secret")
    tags = {"safe": {"mac": "54:48:e6:8f:80:a5", "bindkey_file": str(tmp_path / "key")}}
    session = SensorBleDriver("tags-1", _config(tags=tags)).new_session()
    twin = BleTagsTwin("bthome_locked")

    assert _values(list(session.receive_bytes(twin.on_advertise(), 1.0)), "safe_temperature_c") == [24.3]
    for name in ("wrong", "missing"):
        with pytest.raises(ConfigError, match="bindkey_file"):
            SensorBleDriver("tags-1", _config(tags={"safe": {"mac": RUUVI, "bindkey_file": str(tmp_path / name)}}))


def test_readings_name_the_tags_of_a_condition() -> None:
    driver = SensorBleDriver("tags-1", _config())

    (low,) = driver.readings(TagsChanged("battery_low", ("room", "shelf")), 1.0)
    (missed,) = driver.readings(TagFailed("shelf_temperature_c", "SILENT", "not heard"), 1.0)

    assert isinstance(low, ConditionChanged)
    assert (low.condition, low.active, low.reason) == ("battery_low", True, "change the battery of room, shelf")
    assert isinstance(missed, ReadingFailed)

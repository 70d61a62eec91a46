# SPDX-License-Identifier: Apache-2.0
"""What Home Assistant is told, against the keys that its documentation of MQTT discovery names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import GatewayReported
from contracts.readings import Scan, Weight
from gateway.config import HomeAssistantNorth
from gateway.north.discovery import joined, parted
from gateway.north.home_assistant import HomeAssistant
from gateway.north.side import Message
from tests.unit.gateway.north import Site

NODE = "dockline_hall__7_gw-1"
BASE = "dockline-home/hall_7/gw-1"
TEMPERATURE = f"homeassistant/sensor/{NODE}/dev_sensor-1_temperature__c/config"
ALARM = f"homeassistant/binary_sensor/{NODE}/alarm_room-1_high/config"
TOPIC = re.compile(r"homeassistant/(sensor|binary_sensor)/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
COMMON = {"name", "unique_id", "state_topic", "device", "origin", "availability", "availability_mode", "entity_category", "device_class", "expire_after"}
KEYS = {"sensor": COMMON | {"state_class", "unit_of_measurement"}, "binary_sensor": COMMON}
DEVICE_KEYS = {"identifiers", "name", "manufacturer", "model", "sw_version", "via_device"}
CLASS_UNITS = {"temperature": {"°C"}, "humidity": {"%"}, "weight": {"g"}, "data_size": {"B"}, "pressure": {"hPa"}}


class Home:
    """The side with its site; what was published stays in `retained` as in a broker."""

    def __init__(self, *, connected: bool = True, **table: Any) -> None:
        self.site = Site()
        self.side = HomeAssistant(HomeAssistantNorth(id="home", **table), self.site.around)
        self.retained: dict[str, bytes] = {}
        if connected:
            self.connect()

    def connect(self) -> Message:
        will = self.side.connecting(self.site.now())
        self.side.connected(self.site.now())
        return will

    def said(self, after_s: float = 1.0) -> list[Message]:
        self.site.now_s += after_s
        messages = self.site.said(self.side)
        self.retained |= {message.topic: message.payload for message in messages if message.retain}
        return messages

    def values(self, after_s: float = 1.0) -> dict[str, bytes]:
        """What was said of values, by the end of their topic."""
        return {message.topic.removeprefix(f"{BASE}/dev/"): message.payload for message in self.said(after_s) if not message.retain}

    def announced(self) -> dict[str, dict[str, Any]]:
        return {topic: json.loads(payload) for topic, payload in self.retained.items() if topic.endswith("/config") and payload}

    def measured(self) -> None:
        self.site.link("sensor-1")
        self.site.measure(4.25)
        self.said()


def faults_of(topic: str, entity: Mapping[str, Any]) -> list[str]:
    """What Home Assistant would not take of an announcement."""
    component = topic.split("/")[1]
    faults = [f"unknown key {key}" for key in entity.keys() - KEYS[component]]
    faults += [f"{key} is missing" for key in ("unique_id", "state_topic", "device", "origin", "availability", "name") if key not in entity]
    faults += [f"unknown device key {key}" for key in entity["device"].keys() - DEVICE_KEYS]
    faults += [] if entity["device"].get("identifiers") else ["a device without identifiers"]
    faults += [] if all(set(place) == {"topic"} for place in entity["availability"]) else ["availability"]
    faults += [] if isinstance(entity.get("expire_after", 1), int) and entity.get("expire_after", 1) > 0 else ["expire_after"]
    if component == "sensor" and "device_class" in entity and entity.get("unit_of_measurement") not in CLASS_UNITS[entity["device_class"]]:
        faults.append(f"{entity['device_class']} in {entity.get('unit_of_measurement')}")
    return faults if TOPIC.fullmatch(topic) else [*faults, f"topic {topic}"]


def test_every_announcement_has_only_keys_that_home_assistant_knows() -> None:
    home = Home()
    home.measured()
    home.site.measure(51.0, quantity="humidity_pct")
    home.site.hear(Weight(device="scale-1", at_s=home.site.now_s, state="stable", value=Decimal("1.2"), unit="kg"))
    home.said()

    announced = home.announced()

    assert {topic: faults for topic, entity in announced.items() if (faults := faults_of(topic, entity))} == {}
    assert len(announced) == len({entity["unique_id"] for entity in announced.values()}) == 8


def test_temperature_of_a_cold_room_is_announced_with_the_rooms_stale_time() -> None:
    home = Home()
    home.measured()

    entity = home.announced()[TEMPERATURE]

    assert entity == {
        "unique_id": f"{NODE}_dev_sensor-1_temperature__c",
        "state_topic": f"{BASE}/dev/sensor-1/temperature_c",
        "origin": {"name": "Dockline", "sw_version": "1.2.3"},
        "name": "Temperature",
        "state_class": "measurement",
        "expire_after": 30,
        "unit_of_measurement": "°C",
        "device_class": "temperature",
        "device": {"identifiers": [f"{NODE}_dev_sensor-1"], "name": "sensor-1 (hall_7, gw-1)", "via_device": NODE, "model": "sensor_modbus"},
        "availability": [{"topic": f"{BASE}/state"}, {"topic": f"{BASE}/dev/sensor-1/state"}],
        "availability_mode": "all",
    }


def test_availability_is_the_gateways_will_and_said_after_everything_else() -> None:
    home = Home(connected=False)

    will = home.connect()
    said = home.said()

    assert will == Message(f"{BASE}/state", b"offline", qos=1, retain=True)
    assert said[-1] == Message(f"{BASE}/state", b"online", qos=1, retain=True)
    assert home.side.farewell(home.site.now()) == will


def test_value_is_told_when_it_changes_and_before_it_would_expire() -> None:
    home = Home()
    home.measured()
    told = []
    for _ in range(25):
        home.site.measure(4.25)
        told.append(home.values())
    home.site.measure(4.5)

    assert [told.index(each) for each in told if each][:1] == [9]
    assert [each for each in told if each] == [{"sensor-1/temperature_c": b"4.25"}] * 2
    assert home.values() == {"sensor-1/temperature_c": b"4.5"}


def test_silent_sensor_is_not_told_again_so_that_it_expires() -> None:
    home = Home()
    home.measured()

    assert [home.values(5.0) for _ in range(20)] == [{}] * 20


def test_failed_sensor_is_unknown() -> None:
    home = Home()
    home.measured()
    home.site.fail()

    assert home.values() == {"sensor-1/temperature_c": b"None"}


def test_scale_tells_grams_and_overload_is_unknown() -> None:
    home = Home()
    home.site.hear(Weight(device="scale-1", at_s=home.site.now_s, state="dynamic", value=Decimal("1.25"), unit="kg"))
    assert home.values() == {"scale-1/weight_g": b"1250"}
    home.site.hear(Weight(device="scale-1", at_s=home.site.now_s, state="overload"))

    assert home.values() == {"scale-1/weight_g": b"None"}


def test_what_is_no_telemetry_is_never_told() -> None:
    home = Home()
    home.said()

    home.site.hear(Scan(device="scale-1", at_s=home.site.now_s, text="(00)340123450000000005"))

    assert home.said() == []


def test_alarm_is_a_problem_while_its_condition_is_there() -> None:
    home = Home()
    home.said()
    states = []
    for state in ("unacknowledged", "acknowledged", "normal", "rtn_unacknowledged", "unacknowledged"):
        home.site.alarms = {"room-1.high": state}  # type: ignore[dict-item]
        states.append([(message.topic, message.payload) for message in home.said()])

    assert states == [[(f"{BASE}/alarm/room-1.high", b"ON")], [], [(f"{BASE}/alarm/room-1.high", b"OFF")], [], [(f"{BASE}/alarm/room-1.high", b"ON")]]
    assert home.announced()[ALARM]["device_class"] == "problem"


def test_health_of_the_gateway_is_diagnostic() -> None:
    home = Home()
    home.site.picture.report = GatewayReported(
        **home.site.now().stamp(), pending_events=3, oldest_pending_s=1.0, rss_bytes=30_000_000, disk_free_bytes=1, devices_up=1, devices_down=2
    )
    home.site.has_uplink = False

    said = {message.topic.removeprefix(f"{BASE}/gw/"): message.payload for message in home.said() if "/gw/" in message.topic}

    assert said == {"uplink": b"OFF", "pending": b"3", "rss": b"30000000", "down": b"2"}
    assert {entity.get("entity_category") for topic, entity in home.announced().items() if "/gw_" in topic} == {"diagnostic"}


def test_device_that_is_lost_is_unavailable() -> None:
    home = Home()
    home.measured()

    home.site.link("sensor-1", up=False)

    assert home.said() == [Message(f"{BASE}/dev/sensor-1/state", b"offline", qos=1, retain=True)]


def test_home_assistant_that_begins_anew_is_told_everything_again() -> None:
    home = Home()
    home.measured()
    before = dict(home.retained)
    home.retained.clear()
    home.site.measure(4.25)

    home.side.heard("homeassistant/status", b"online", retained=False)

    assert home.values() == {"sensor-1/temperature_c": b"4.25"}
    assert home.retained == before


@pytest.mark.parametrize(("payload", "retained"), [(b"offline", False), (b"online", True), (b"", False)])
def test_other_words_of_home_assistant_change_nothing(payload: bytes, retained: bool) -> None:
    home = Home()
    home.measured()

    home.side.heard("homeassistant/status", payload, retained=retained)

    assert home.said() == []


def test_home_assistant_that_begins_anew_all_the_time_is_told_once_a_second() -> None:
    home = Home()
    home.measured()
    told = 0
    for _ in range(50):
        home.side.heard("homeassistant/status", b"online", retained=False)
        told += sum(message.topic == TEMPERATURE for message in home.said(0.1))

    assert 4 <= told <= 6


def test_entities_gone_from_the_configuration_are_removed() -> None:
    home = Home()
    home.measured()

    home.site.without("sensor-1")
    home.said()

    assert home.retained[TEMPERATURE] == b""


def test_entities_announced_by_an_earlier_run_are_kept_or_removed() -> None:
    home = Home()
    gone = f"homeassistant/sensor/{NODE}/dev_sensor-9_temperature__c/config"
    for topic in (TEMPERATURE, gone, f"homeassistant/sensor/{NODE}/something/config", "homeassistant/sensor/other_node/dev_x_y/config"):
        home.side.heard(topic, b"{}", retained=True)

    home.said()

    assert TEMPERATURE in home.announced()  # although the device has not spoken yet
    assert [topic for topic, payload in home.retained.items() if not payload] == sorted([gone, f"homeassistant/sensor/{NODE}/something/config"])


def test_everything_is_taken_back_on_request() -> None:
    home = Home(withdraw=True)
    home.side.heard(TEMPERATURE, b"{}", retained=True)
    home.side.heard(ALARM, b"{}", retained=True)
    home.measured()

    assert home.retained == {TEMPERATURE: b"", ALARM: b""}


def test_our_own_announcements_change_nothing_when_they_come_back() -> None:
    home = Home()
    home.measured()

    for topic, payload in list(home.retained.items()):
        home.side.heard(topic, payload, retained=False)

    assert home.said() == []


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,6}[a-z0-9])?", fullmatch=True)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_names_joined_to_an_id_can_be_told_apart_again(names: list[str]) -> None:
    assert parted(joined(*names)) == names

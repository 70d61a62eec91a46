# SPDX-License-Identifier: Apache-2.0
"""Tags that are heard, repeated, lost and found, in virtual time; and bleak at its edge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from contracts.readings import ConditionChanged, LinkChanged, Measured, ReadingFailed
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError, TransportError
from drivers.base.session import SessionEvent
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.driver import SensorBleDriver, packet_of
from drivers.sensor_ble.frames import Report, decode, manufacturer, services
from drivers.sensor_ble.session import InputSeen, SensorBleSession, TagFailed, TagMeasured, TagsChanged
from firmware_sims.sensor_ble.twin import BleTagsTwin
from tests.conformance.test_life import Readings

RUUVI = "cb:b8:33:4c:88:4f"


def _config(**fields: Any) -> SensorBleConfig:
    return parse_config(SensorBleConfig, {"driver": "sensor_ble", **({} if "adapter" in fields else {"host": "receiver"}), **fields})


class Air:
    """A session that hears a twin, second by second."""

    def __init__(self, twin: BleTagsTwin, **fields: Any) -> None:
        self.twin, self.session = twin, SensorBleSession(_config(**fields), {})
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
    air = Air(BleTagsTwin("ruuvi", interval_s=90.0), interval_s=10.0)

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


# -- bleak ------------------------------------------------------------------------------------------------------------------------------------


def _advertisement(manufacturers: dict[int, bytes], service_data: dict[str, bytes]) -> AdvertisementData:
    return AdvertisementData(None, manufacturers, service_data, [], None, -60, ())


def test_packet_is_rebuilt_of_what_the_system_took_apart() -> None:
    packet = packet_of(RUUVI.upper(), _advertisement({0x0499: b"\x05abc"}, {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40x", "1234-long": b"y"}))

    (report,) = decode(packet)
    assert (report.address, report.rssi_dbm) == (RUUVI, -60)
    assert list(manufacturer(report.data)) == [(0x0499, b"\x05abc")]
    assert list(services(report.data)) == [(0xFCD2, b"\x40x")]
    assert packet_of(RUUVI, _advertisement({}, {})) == b""
    assert packet_of("A1B2-UUID-OF-ANOTHER-SYSTEM", _advertisement({0x0499: b"\x05"}, {})) == b""


class FakeScanner:
    """bleak's scanner as far as its documentation tells: a callback, start, stop; `broken` start raises BleakError."""

    made: ClassVar[list[FakeScanner]] = []
    broken: ClassVar[bool] = False

    def __init__(self, detection_callback: Callable[[BLEDevice, AdvertisementData], None], *, scanning_mode: str, bluez: dict[str, Any]) -> None:
        self.callback, self.mode, self.bluez, self.running = detection_callback, scanning_mode, bluez, False
        self.made.append(self)

    async def start(self) -> None:
        if self.broken:
            raise BleakError("passive scanning on Linux requires BlueZ >= 5.56")
        self.running = True

    async def stop(self) -> None:
        self.running = False


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> type[FakeScanner]:
    monkeypatch.setattr(FakeScanner, "made", [])
    monkeypatch.setattr(FakeScanner, "broken", False)
    monkeypatch.setattr(bleak, "BleakScanner", FakeScanner)
    return FakeScanner


async def test_adapter_of_this_computer_listens_passively_and_stops(scanner: type[FakeScanner]) -> None:
    readings = Readings()
    running = asyncio.create_task(SensorBleDriver("tags-1", _config(adapter="hci0", tags={"shelf": {"mac": RUUVI}})).run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    (listening,) = scanner.made

    data = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")
    listening.callback(BLEDevice(RUUVI.upper(), "Ruuvi", None), _advertisement({0x0499: data}, {}))
    await readings.until(lambda reading: isinstance(reading, Measured) and (reading.quantity, reading.value) == ("shelf_temperature_c", 24.3))

    assert (listening.mode, listening.bluez["adapter"], len(listening.bluez["or_patterns"])) == ("passive", "hci0", 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not listening.running


async def test_adapter_that_cannot_listen_says_what_to_try(scanner: type[FakeScanner]) -> None:
    scanner.broken = True

    with pytest.raises(TransportError, match=r'hci0 does not listen.*scanning = "active"'):
        await SensorBleDriver("tags-1", _config(adapter="hci0")).run(lambda reading: None)


def test_readings_name_the_tags_of_a_condition() -> None:
    driver = SensorBleDriver("tags-1", _config())

    (low,) = driver.readings(TagsChanged("battery_low", ("room", "shelf")), 1.0)
    (missed,) = driver.readings(TagFailed("shelf_temperature_c", "SILENT", "not heard"), 1.0)

    assert isinstance(low, ConditionChanged)
    assert (low.condition, low.active, low.reason) == ("battery_low", True, "change the battery of room, shelf")
    assert isinstance(missed, ReadingFailed)

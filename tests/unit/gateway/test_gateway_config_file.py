# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.command import main
from gateway.config import STATIONS, GatewayTable
from gateway.config_file import ConfigFileError, load_config, parse_listen

GOOD = """
[gateway]
id = "dock-1"
site = "shanghai-1"
[[device]]
id = "reader-3"
driver = "rfid_llrp"
host = "reader-3.site.lan"
[[device]]
id = "lights-1"
driver = "light_ablepick"
host = "10.0.0.9"
[[device]]
id = "scale-1"
driver = "scale_sics"
host = "10.0.0.10"
port = 4305
[[device]]
id = "sensor-1"
driver = "sensor_modbus"
host = "10.0.0.11"
map = "xy_md02"
[[station]]
id = "door-3"
kind = "dock_door"
reader = "reader-3"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = { device = "reader-3", input = 1 }
stack_light = { device = "reader-3", output = 1 }
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
bins = { "A-01" = 1, "A-02" = 2 }
[[station]]
id = "weigh-1"
kind = "weigh_point"
scale = "scale-1"
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "sensor-1"
high_c = 8.0
"""


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """The command sets up logging for its process; the handler must not stay with the tests after it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def mistakes(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load_config(file)
    return [f"{mistake.key}: {mistake.reason}" for mistake in caught.value.mistakes]


def test_good_file_is_read_with_defaults_and_a_hash(file: Path) -> None:
    file.write_text(GOOD)

    config = load_config(file)

    assert set(config.devices) == {"reader-3", "lights-1", "scale-1", "sensor-1"}
    assert set(config.stations) == {"door-3", "zone-1", "weigh-1", "cold-1"}
    assert len(config.config_hash) == 12


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('site = "shanghai-1"', 'site = "Shanghai 1"', "gateway.site: name 'Shanghai 1' is not allowed"),
        ('site = "shanghai-1"', "", "gateway: Object missing required field `site`"),
        ('site = "shanghai-1"', 'site = "s"\nlistn = "x"', "gateway.listn: unknown key (did you mean 'listen'?)"),
        ('site = "shanghai-1"', 'site = "s"\nbroker = "mqtts://broker.lan"', "gateway.broker: broker.lan is another machine; set `broker_password_file`"),
        ('site = "shanghai-1"', 'site = "s"\nbroker = "http://x"', "gateway.broker: broker 'http://x' is not understood"),
        ('site = "shanghai-1"', 'site = "s"\nbroker_ca_file = "/none"', "gateway.broker_ca_file: there is no file /none"),
        ('site = "shanghai-1"', 'site = "s"\nbroker = "mqtt://li:secret@127.0.0.1"', "gateway.broker: user and password have keys of their own"),
        ('site = "shanghai-1"', 'site = "s"\nbrokers_more = ["http://x"]', "gateway.brokers_more[0]: broker 'http://x' is not understood"),
        ('site = "shanghai-1"', 'site = "s"\nbrokers_more = ["mqtts://b.lan"]', "gateway.brokers_more[0]: b.lan is another machine; set"),
        ('site = "shanghai-1"', 'site = "s"\nbrokers_more = ["mqtt://127.0.0.1:1883"]', "gateway.brokers_more[0]: mqtt://127.0.0.1:1883 is named twice"),
        ('site = "shanghai-1"', 'site = "s"\nbroker_certificate_file = "/etc/hostname"', "gateway.broker: a certificate needs TLS; write mqtts://"),
        ('site = "shanghai-1"', 'site = "s"\nbroker_key_file = "/etc/hostname"', "gateway.broker_key_file: belongs to a certificate; set"),
        ('site = "shanghai-1"', 'site = "s"\nmqtt_version = "4"', "gateway.mqtt_version: Invalid enum value '4'"),
        ("port = 4305", "port = 4305\nreply_timout_s = 1", "device[2] \"scale-1\".reply_timout_s: unknown key (did you mean 'reply_timeout_s'?)"),
        ("port = 4305", "port = 4305\nreply_timeout_s = -1", 'device[2] "scale-1".reply_timeout_s: Expected `float`'),
        ("port = 4305", "", 'device[2] "scale-1": `host` needs a `port`'),
        ('driver = "scale_sics"', 'driver = "scale_sicks"', "device[2] \"scale-1\".driver: no driver 'scale_sicks'"),
        ('map = "xy_md02"', 'map = "xy"', "device[3] \"sensor-1\": no register map 'xy'"),
        ('id = "lights-1"', 'id = "reader-3"', 'device[1] "reader-3".id: is used twice'),
        ('id = "zone-1"', 'id = "door-3"', 'station[1] "door-3".id: is used twice'),
        ('kind = "pick_zone"', 'kind = "pick_zonne"', "station[1] \"zone-1\".kind: 'pick_zonne' is no kind of station (did you mean 'pick_zone'?)"),
        ('reader = "reader-3"', 'reader = "reader-4"', "station \"door-3\".reader: there is no device 'reader-4' (did you mean 'reader-3'?)"),
        ('reader = "reader-3"', 'reader = "scale-1"', "station \"door-3\".reader: device 'scale-1' is a scale_sics, which does not read tags"),
        ("output = 1 }", 'output = 1 }\nstack_light_red = { device = "lights-1", output = 2 }', "which does not switch outputs"),
        ("[3, 4]", "[2, 3]", "antenna 2 is on both sides"),
        ('"A-02" = 2', '"A-02" = 1', "node 1 is used for more than one bin"),
        ("high_c = 8.0", "", "set `high_c`, `low_c` or both"),
        ("high_c = 8.0", "high_c = 8.0\nlow_c = 7.9", "is not below high_c 8"),
        ("[gateway]", "[gatway]", "gatway: unknown table (did you mean 'gateway'?)"),
        ("[gateway]", "[gateway", "is not TOML"),
    ],
)
def test_mistake_is_named_with_key_and_what_to_do(file: Path, old: str, new: str, expected: str) -> None:
    found = mistakes(file, GOOD.replace(old, new, 1))

    assert any(expected in line for line in found), found


def test_all_mistakes_are_listed_at_once(file: Path) -> None:
    text = GOOD.replace("port = 4305", "prt = 4305").replace("[3, 4]", "[1, 3]").replace('lights = "lights-1"', 'lights = "lamp"')

    assert len(mistakes(file, text)) == 4


@pytest.mark.requirement("E17")
def test_check_prints_a_summary_or_every_mistake_with_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert main(["check", str(file)]) == 0
    assert "ok: gateway dock-1 at site shanghai-1" in capsys.readouterr().out

    file.write_text(GOOD.replace("[3, 4]", "[1, 3]"))
    assert main(["check", str(file)]) == 1
    assert f'{file}: station "door-3".outer_antennas: antenna 1 is on both sides' in capsys.readouterr().err


def test_missing_file_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.toml")]) == 1
    assert "cannot read it: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("table", [GatewayTable, *STATIONS], ids=lambda table: table.__name__)
def test_every_field_has_a_description_and_a_unit(table: type[msgspec.Struct]) -> None:
    schema: dict[str, Any] = msgspec.json.schema(table)
    properties = schema["$defs"][table.__name__]["properties"]

    for name, field in properties.items():
        assert name == "kind" or (field.get("description") and field.get("unit")), f"{table.__name__}.{name}"


@pytest.mark.parametrize("listen", ["127.0.0.1", "host:", ":80", "host:x", "host:99999"])
def test_listen_without_host_and_port_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        parse_listen(listen)


ANSWERING = """
[gateway]
id = "g"
site = "s"
[[device]]
id = "reader"
driver = "rfid_llrp"
host = "10.0.0.1"
[[device]]
id = "gun"
driver = "scanner_serial"
port = "socket://10.0.0.2:9100"
[[device]]
id = "probe"
driver = "sensor_modbus"
host = "10.0.0.3"
map = "xy_md02"
[[station]]
id = "pack-1"
kind = "scan_point"
scanner = "gun"
ok_light = { device = "reader", output = 1 }
wrong_light = { device = "gun", output = 2 }
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "probe"
high_c = 8.0
acknowledge = { device = "gun", node = 3, input = 3 }
[[station]]
id = "cold-2"
kind = "cold_room"
sensor = "probe"
high_c = 8.0
acknowledge = { device = "reader", input = 1 }
"""


@pytest.mark.requirement("E13")
def test_lamps_of_a_scan_point_and_the_button_of_a_cold_room_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text(ANSWERING)

    with pytest.raises(ConfigFileError) as found:
        load_config(file)

    told = str(found.value)
    assert "station \"pack-1\".wrong_light: device 'gun' is a scanner_serial, which does not switch outputs" in told
    assert 'station "cold-1".acknowledge: give either `input` or `node`' in told
    assert "station \"cold-1\".acknowledge: device 'gun' is a scanner_serial, which does not sense inputs" in told
    assert "ok_light" not in told
    assert "cold-2" not in told


def with_devices(folder: Path, *devices: str) -> Path:
    file = folder / "gateway.toml"
    tables = "".join(f'[[device]]\nid = "d-{number}"\n{device}\n' for number, device in enumerate(devices))
    file.write_text(f'[gateway]\nid = "dock-1"\nsite = "s-1"\n{tables}')
    return file


@pytest.mark.requirement("E17")
def test_two_devices_on_one_line_are_refused_by_whatever_name_it_goes(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    line = 'driver = "scale_sics"\npath = "{}"\nserial_number = "{}"'
    server = 'driver = "scale_sics"\nhost = "{}"\nport = 4305'
    file = with_devices(
        tmp_path, line.format(tmp_path / "ttyUSB0", 1), line.format(tmp_path / "by-id", 2), server.format("Moxa-1.lan"), server.format("moxa-1.lan")
    )

    with pytest.raises(ConfigFileError) as found:
        load_config(file)

    assert [mistake.key for mistake in found.value.mistakes] == ['device "d-1".path', 'device "d-3".host']
    assert "is that of 'd-0' already; a line carries one device" in found.value.mistakes[0].reason


@pytest.mark.requirement("E9")
def test_units_on_one_line_are_taken_when_they_set_it_up_alike(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    unit = 'driver = "sensor_modbus"\nframing = "rtu"\nmap = "xy_md02"\npath = "{}"\nunit_id = {}'
    far = 'driver = "sensor_modbus"\nframing = "rtu"\nmap = "xy_md02"\nhost = "moxa-1"\nport = 4001\nunit_id = {}'
    file = with_devices(tmp_path, unit.format(tmp_path / "ttyUSB0", 1), unit.format(tmp_path / "by-id", 2), far.format(1), far.format(2))

    assert len(load_config(file).devices) == 4


@pytest.mark.requirement("E9")
def test_units_on_one_line_with_other_speeds_or_other_framing_are_a_mistake(tmp_path: Path) -> None:
    unit = 'driver = "sensor_modbus"\nframing = "rtu"\nmap = "xy_md02"\npath = "/dev/ttyUSB7"\nunit_id = {}\nbaud_rate = {}'
    scale = 'driver = "scale_sics"\npath = "/dev/ttyUSB7"'
    file = with_devices(tmp_path, unit.format(1, 9600), unit.format(2, 19200), scale)

    with pytest.raises(ConfigFileError) as found:
        load_config(file)

    speed, scales = found.value.mistakes
    assert speed.key == 'device "d-1".path'
    assert "is that of 'd-0' too, which talks otherwise there; all devices on a line need the same `baud_rate`" in speed.reason
    assert "a line carries one device" in scales.reason


@pytest.mark.requirement("E17")
def test_units_behind_one_modbus_tcp_gateway_are_taken(tmp_path: Path) -> None:
    unit = 'driver = "sensor_modbus"\nmap = "xy_md02"\nhost = "10.0.0.9"\nunit_id = {}'

    assert len(load_config(with_devices(tmp_path, unit.format(1), unit.format(2))).devices) == 2


def test_lights_without_a_broker_use_the_gateways_with_its_user_and_files(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    table = '[gateway]\nid = "dock-1"\nsite = "s1"\nbroker = "mqtts://hub:8883"\nbroker_password_file = "{}"\n'
    (secret := tmp_path / "secret").write_text("x")
    lights = '[[device]]\nid = "{}"\ndriver = "light_mqtt"\nbroker = "{}"\n'
    file.write_text(table.format(secret) + lights.format("own", "") + lights.format("other", "mqtt://10.0.0.5:1883"))

    devices = load_config(file).devices

    own, other = (msgspec.structs.asdict(devices[name]) for name in ("own", "other"))
    assert [own[key] for key in ("broker", "broker_username", "broker_password_file")] == ["mqtts://hub:8883", "dock-1", str(secret)]
    assert [other[key] for key in ("broker", "broker_username", "broker_password_file")] == ["mqtt://10.0.0.5:1883", "", ""]
    assert devices["own"].endpoint == "hub:8883"

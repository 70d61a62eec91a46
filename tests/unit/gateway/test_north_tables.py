# SPDX-License-Identifier: Apache-2.0
"""The tables [[north]] of a gateway's file: examples, mistakes, and what a change of them means."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from gateway.config import HomeAssistantNorth, SparkplugNorth
from gateway.config_file import ConfigFileError, load_config
from gateway.configuration_rules import compare
from gateway.north.quantities import class_of, unit_of, words_for
from gateway.north.sides import as_seen_from

ROOT = Path(__file__).resolve().parents[3]
DEVICES = """
[gateway]
id = "dock-1"
site = "s1"
[[device]]
id = "sensor-1"
driver = "sensor_modbus"
host = "10.0.0.11"
map = "xy_md02"
[[device]]
id = "reader-1"
driver = "rfid_llrp"
host = "10.0.0.12"
"""
HOME = '[[north]]\nid = "home"\nkind = "home_assistant"\n'
SCADA = '[[north]]\nid = "scada"\nkind = "sparkplug_b"\ngroup_id = "g"\n'


def mistakes(file: Path, text: str) -> list[str]:
    file.write_text(DEVICES + text)
    with pytest.raises(ConfigFileError) as caught:
        load_config(file)
    return [f"{mistake.key}: {mistake.reason}" for mistake in caught.value.mistakes]


@pytest.mark.parametrize("example", sorted((ROOT / "deploy/north").glob("*.toml")), ids=lambda path: path.name)
def test_example_is_a_good_file(tmp_path: Path, example: Path) -> None:
    password, file = tmp_path / "password", tmp_path / "gateway.toml"
    password.write_text("secret")
    file.write_text(re.sub(r'"/etc/dockline/\w+-password"', f'"{password}"', example.read_text()))

    assert len(load_config(file).north) == 1


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[[north]]\nid = "x"\nkind = "home_assistent"\n',
            "'home_assistent' is no kind of north side (did you mean 'home_assistant'?); there are: home_assistant, sparkplug_b",
        ),
        (HOME + HOME, "is used twice; give every north side its own id"),
        (HOME + HOME.replace('"home"', '"home-2"', 1), "tells the same broker the same as north side 'home'; leave one out"),
        (HOME + 'devices = ["sensor-2"]\n', "there is no device 'sensor-2' (did you mean 'sensor-1'?); add a [[device]] with that id"),
        (HOME + 'devices = ["reader-1"]\n', "device 'reader-1' is a rfid_llrp, which neither measures nor weighs"),
        (HOME + 'base_topic = "dockline/v1/0/s1/dock-1"\n', "belongs to the way to central; use another topic"),
        (HOME + 'discovery_prefix = "a/+"\n', "'+' cannot stand in it: it parts topics or means many of them"),
        (SCADA + 'edge_node_id = "a/b"\n', "'/' cannot stand in it: it parts topics or means many of them"),
        (SCADA.replace('group_id = "g"\n', ""), "Object missing required field `group_id`"),
        (SCADA + 'broker_username = "x"\n', "user and files belong to a broker of its own; set `broker`, or leave them out to use the gateway's"),
        (SCADA + 'broker = "mqtts://scada.lan:8883"\nbroker_password_file = "nowhere"\n', "there is no file nowhere"),
        (SCADA + "interval_s = 0\n", "Expected `float` >= 0.1"),
    ],
)
def test_mistake_is_told_with_what_to_do(tmp_path: Path, text: str, mistake: str) -> None:
    assert any(mistake in found for found in mistakes(tmp_path / "gateway.toml", text)), mistakes(tmp_path / "gateway.toml", text)


def test_broker_of_another_machine_needs_a_secret(tmp_path: Path) -> None:
    found = mistakes(tmp_path / "gateway.toml", SCADA + 'broker = "mqtt://scada.lan:1883"\n')

    assert found[0].startswith('north "scada".broker: scada.lan is another machine; set `broker_password_file`')


def test_side_without_a_broker_uses_the_gateways_and_its_user(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(DEVICES.replace('site = "s1"', 'site = "s1"\nbroker = "mqtt://127.0.0.1:1884"\nbroker_username = "dock"') + HOME)
    config = load_config(file)

    own = as_seen_from(config.north["home"], config.gateway)
    other = as_seen_from(HomeAssistantNorth(id="home", broker="mqtt://127.0.0.1:1885"), config.gateway)

    assert (own.broker, own.broker_username) == ("mqtt://127.0.0.1:1884", "dock")
    assert (other.broker, other.broker_username, other.id) == ("mqtt://127.0.0.1:1885", "", "dock-1")


def test_changed_north_side_needs_a_new_process(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(DEVICES + HOME)
    before = load_config(file)
    after = msgspec.structs.replace(before, north={"scada": SparkplugNorth(id="scada", group_id="g")})

    assert (compare(before, before).restart, compare(before, after).restart) == ((), ("north",))


@pytest.mark.parametrize(
    ("quantity", "unit", "device_class", "words"),
    [
        ("temperature_c", "°C", "temperature", "Temperature"),
        ("dew_point_c", "°C", "temperature", "Dew point"),
        ("humidity_pct", "%", "humidity", "Humidity"),
        ("net_weight_g", "g", "weight", "Net weight"),
        ("pressure_hpa", "hPa", "pressure", "Pressure"),
        ("co2_ppm", "ppm", "carbon_dioxide", "Co2"),
        ("temperature_pct", "%", "", "Temperature"),
        ("door_open", "", "", "Door open"),
        ("c", "", "", "C"),
    ],
)
def test_quantity_is_known_by_its_name(quantity: str, unit: str, device_class: str, words: str) -> None:
    assert (unit_of(quantity), class_of(quantity), words_for(quantity)) == (unit, device_class, words)


def test_every_test_that_the_how_to_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/how-to/north.md").read_text()))
    written = "".join((ROOT / file).read_text() for file in ("tests/unit/gateway/test_north_sparkplug.py", "tests/integration/test_north_sides.py"))

    assert named
    assert sorted(name for name in named if f"def {name}(" not in written) == []

# SPDX-License-Identifier: Apache-2.0
import pytest

from drivers import registry
from drivers.base.config import StreamConfig, parse_config
from drivers.base.errors import ConfigError, LocalProtocolError, ReplyTimeout, shown
from drivers.base.spec import ArgumentSpec, CommandSpec

SHOW = CommandSpec(
    "show",
    "show a quantity",
    (
        ArgumentSpec("node", int, "address of the tag", "count"),
        ArgumentSpec("on", bool, "lit or dark", "flag", default=True, required=False),
    ),
)


def test_command_arguments_become_their_kinds():
    assert SHOW.parse({"node": "5", "on": "off"}) == {"node": 5, "on": False}
    assert SHOW.parse({"node": 5}) == {"node": 5, "on": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs node"),
        ({"node": "five"}, "node expects int, got 'five'"),
        ({"node": 1, "on": "perhaps"}, "on expects on or off"),
        ({"node": 1, "colour": "red"}, "no argument 'colour'; it takes: node, on"),
    ],
)
def test_wrong_command_arguments_are_named(given, words):
    with pytest.raises(LocalProtocolError, match=words):
        SHOW.parse(given)


@pytest.mark.requirement("E18")
def test_unknown_driver_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no driver 'scale_stics'; there are: .*scale_sics"):
        registry.load("scale_stics")


@pytest.mark.requirement("E18")
def test_driver_of_another_package_is_found_by_its_entry_point(mocker):
    foreign = registry.load("scale_sics")
    entry = mocker.Mock(**{"load.return_value": foreign})
    entry.name = "scale_foreign"
    mocker.patch("importlib.metadata.entry_points", return_value=[entry])

    assert "scale_foreign" in registry.names()
    assert registry.load("scale_foreign") is foreign


class LineConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="line"):
    """A device for this test."""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "either `host`"),
        ({"host": "a", "port": 1, "path": "/dev/ttyUSB0"}, "not both"),
        ({"host": "a"}, "`host` needs a `port`"),
        ({"path": "/dev/ttyUSB0", "connect_timeout_s": 0}, r"Expected `float` > 0.0 - at `\$.connect_timeout_s`"),
        ({"path": "/dev/ttyUSB0", "baud": 9600}, "unknown field `baud`"),
    ],
)
def test_wrong_device_fields_are_named(fields, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(LineConfig, fields)


def test_errors_say_device_operation_and_remedy():
    error = ReplyTimeout("reply to SI", 1.5, device_id="scale-1", operation="weigh")

    assert str(error) == "scale-1: weigh: no reply to SI within 1.5 s; check cable, power and address"
    assert shown(bytes(100)).endswith("... (100 bytes)")

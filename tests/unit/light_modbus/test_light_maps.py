# SPDX-License-Identifier: Apache-2.0
"""Maps of pick tags: what they write, what they read, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError
from drivers.base.modbus.frames import Request
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.maps import SHIPPED, Display, LightMap, load_map
from drivers.light_modbus.tags import LitTag, Tags

KEYS = {"function": 2, "address": 0, "count": 8, "buttons": [{"kind": "level"}]}


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_shipped_map_is_read(name: str) -> None:
    assert load_map(name).source


@pytest.mark.parametrize(
    ("fields", "words", "quantity"),
    [
        ({"format": "uint16", "blank": (0xFFFF,)}, (1234,), 1234),
        ({"format": "uint32", "blank": (0xFFFF, 0xFFFF), "digits": 5}, (1, 4464), 70_000),
        ({"format": "uint32", "blank": (0xFFFF, 0xFFFF), "digits": 5, "word_order": "little"}, (4464, 1), 70_000),
        ({"format": "bcd16", "blank": (0xFFFF,)}, (0x1234,), 1234),
        ({"format": "bcd32", "blank": (0xFFFF, 0xFFFF), "digits": 6}, (0x12, 0x3456), 123_456),
        ({"format": "ascii", "blank": (0x20,) * 4, "digits": 4}, (0x20, 0x20, 0x34, 0x32), 42),
    ],
)
def test_quantity_is_written_and_read_back(fields: dict[str, Any], words: tuple[int, ...], quantity: int) -> None:
    display = Display(function=16, address=0, **fields)

    assert display.encode(quantity) == words
    assert display.decode(words) == quantity
    assert display.decode(display.blank) is None


def test_what_lies_side_by_side_goes_in_one_request() -> None:
    tags = Tags(load_map("generic_tag"))

    assert tags.writes(7, LitTag(12, "green"), buzzing=False, cleared=1) == [Request(7, 16, 0, values=(0, 12, 2, 0, 1))]
    assert tags.writes(7, None, buzzing=False, cleared=0) == [Request(7, 16, 0, values=(0xFFFF, 0xFFFF, 0, 0))]


def test_light_point_is_at_two_units() -> None:
    tags = Tags(load_map("dm36_waveshare"))

    assert tags.units(10) == {10, 102}
    assert tags.poll(9) == tags.poll(10) == Request(102, 2, 0, 8)
    assert tags.writes(10, LitTag(42, "blue"), buzzing=False, cleared=0) == [
        Request(10, 16, 0, values=(0x20, 0x20, 0x20, 0x20, 0x34, 0x32)),
        Request(102, 5, 1, on=True),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "nothing to light"),
        ({"lamp": {"function": 2, "address": 0, "colours": {"any": [1]}, "off": [0]}}, "are written: by function 5"),
        ({"lamp": {"function": 5, "address": 0, "colours": {"violet": [1]}, "off": [0]}}, "colour 'violet' is none of red"),
        ({"display": {"function": 6, "address": 0, "format": "uint32", "blank": [0, 0]}}, "by function 16, or 6 where it is one register"),
        ({"display": {"function": 16, "address": 0, "blank": [0, 0]}}, "`blank` of the display has 2 registers, the display takes 1"),
        ({"keys": {**KEYS, "function": 5}, "lamp": {"function": 5, "address": 0, "colours": {}, "off": [0]}}, "`keys` are read"),
        ({"keys": {**KEYS, "buttons": [{}]}, "lamp": {"function": 5, "address": 0, "colours": {}, "off": [0]}}, "cannot be cleared is no latch"),
    ],
)
def test_map_that_cannot_be_right_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"title": "t", "source": "s", "worst_reply_s": 1.0, "keys": KEYS, **changes}, LightMap)


def test_map_that_is_not_there_or_wrong_is_told_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('title = "t"\nsource = "s"\nworst_reply_s = 0')

    with pytest.raises(ConfigError, match=r"no map of pick tags 'luca' .* shipped are dm36_waveshare, dm56_waveshare, generic_tag"):
        load_map("luca")
    with pytest.raises(ConfigError, match=r"own\.toml: Expected `float` > 0"):
        load_map(str(file))


def test_pick_iq_is_not_offered_as_a_light() -> None:
    with pytest.raises(ConfigError, match="not those by which it is lit and answered"):
        load_map("pick-iq")


def test_serial_line_with_framing_of_tcp_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="set `framing` to rtu"):
        parse_config(LightModbusConfig, {"driver": "light_modbus", "path": "/dev/ttyUSB0", "map": "generic_tag", "nodes": 1, "framing": "tcp"})

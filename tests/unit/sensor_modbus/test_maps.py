# SPDX-License-Identifier: Apache-2.0
import struct

import pytest

from drivers.base.errors import ConfigError
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from drivers.sensor_modbus.maps import SHIPPED, MappedValue, ValueRefused, load_map

GOOD = """
title = "test"
source = "nobody's table"
worst_reply_s = 0.5
[[blocks]]
function = 3
address = 0
count = 2
[[blocks.values]]
quantity = "temperature_c"
low = -40
high = 80
"""


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_shipped_map_loads(name):
    assert load_map(name).title


@pytest.mark.parametrize("raw", [0x7FFF, 0x8000, 0xD8F1, 0xFFFF])
@pytest.mark.requirement("E9")
def test_xy_md02_sentinel_is_refused(raw):
    temperature = load_map("xy_md02").blocks[0].values[0]

    with pytest.raises(ValueRefused, match=f"raw {raw:04x}"):
        temperature.decode([raw, 600])


@pytest.mark.parametrize("raw", [-11000, -11001, -11090, 6001])
def test_comet_error_code_is_refused(raw):
    temperature = load_map("comet_tx5xx").blocks[0].values[0]

    with pytest.raises(ValueRefused, match="outside what the sensor can measure"):
        temperature.decode([raw & 0xFFFF, 600])


def _words(layout, value):
    return list(struct.unpack(">2H", struct.pack(layout, value)))


@pytest.mark.parametrize(
    ("kind", "order", "words", "value"),
    [
        ("int16", "big", [0xFF33], -205.0),
        ("uint16", "big", [0xFF33], 65331.0),
        ("int32", "big", _words(">i", -70000), -70000.0),
        ("uint32", "little", _words(">I", 70000)[::-1], 70000.0),
        ("float32", "big", _words(">f", 21.5), 21.5),
        ("float32", "little", _words(">f", -21.5)[::-1], -21.5),
    ],
)
def test_value_is_read_by_type_and_word_order(kind, order, words, value):
    mapped = MappedValue(quantity="temperature_c", type=kind, word_order=order, low=-1e6, high=1e6)

    assert mapped.decode(words) == value


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_float_that_is_no_number_is_refused(words):
    mapped = MappedValue(quantity="temperature_c", type="float32", low=-1e6, high=1e6)

    with pytest.raises(ValueRefused):
        mapped.decode(words)


def test_own_map_file_is_taken_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)

    assert load_map(str(path)).quantities == ("temperature_c",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("count = 2", "cuont = 2", r"mine.toml: .*unknown field `cuont`.*blocks"),
        ("function = 3", "function = 16", r"mine.toml: Invalid enum value 16.*function"),
        ("count = 2", "count = 0", r"mine.toml: .*>= 1.*count"),
        ("low = -40", "offset = 2\nlow = -40", r"mine.toml: `temperature_c` does not lie within"),
        ("title =", "title", r"mine.toml: .*line 2"),
        ("[[blocks]]", "[[blocks]]\nfunction = 3\naddress = 8\ncount = 2\n[[blocks]]", r"a late reply to one would pass for the other"),
    ],
)
def test_wrong_map_file_is_refused_with_file_and_reason(tmp_path, old, new, words):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))

    with pytest.raises(ConfigError, match=words):
        load_map(str(path))


@pytest.mark.parametrize("name", ["xy_md03", "/nowhere/map.toml"])
def test_missing_map_is_refused_before_anything_connects(name):
    with pytest.raises(ConfigError, match=f"no register map {name!r}.*shipped are comet_tx5xx, controlbox_th332, .*xy_md02"):
        SensorModbusDriver("s1", SensorModbusConfig(host="sensor", map=name))

# SPDX-License-Identifier: Apache-2.0
"""Which answers of a probe are believed."""

from __future__ import annotations

import pytest

from drivers.base.errors import RemoteProtocolError
from drivers.sensor_onewire.frames import crc8, decode, decode_scratchpad
from drivers.sensor_onewire.judging import Fault, judge
from firmware_sims.sensor_onewire.probes import Probe
from firmware_sims.sensor_onewire.probes import crc8 as crc8_of_the_twin


def _file(data: str, crc: str, verdict: str, millidegrees: int) -> str:
    return f"{data} : crc={crc} {verdict}\n{data} t={millidegrees}\n"


POR = _file("50 05 4b 46 7f ff 0c 10 1c", "1c", "YES", 85000)
REAL_85 = _file("50 05 4b 46 7f ff 10 10 bd", "bd", "YES", 85000)


def _judged(text: str, last_good_c: float | None = None, family: str = "28") -> float | str:
    found = judge(family, text, last_good_c, -55.0, 125.0)
    return found.code if isinstance(found, Fault) else found


@pytest.mark.requirement("E8")
@pytest.mark.parametrize(
    ("text", "last_good_c", "wanted"),
    [
        (_file("91 01 4b 46 7f ff 0f 10 25", "25", "YES", 25062), None, 25.062),
        (_file("5e fe 4b 46 7f ff 02 10 8b", "8b", "YES", -26125), None, -26.125),
        (POR, None, "POR85"),
        (POR, 4.0, "POR85"),
        (REAL_85, 4.0, "POR85"),
        (REAL_85, 79.9, "POR85"),
        (REAL_85, 80.0, 85.0),
        (POR, 90.0, 85.0),
        (_file("00 00 00 00 00 00 00 00 00", "00", "YES", 0), 0.5, "ZERO"),
        (_file("ff ff ff ff ff ff ff ff ff", "c9", "NO", 4000), 4.0, "ONES"),
        (_file("91 01 4b 46 7f ff 0f 10 26", "25", "YES", 25062), None, "CRC"),
        (_file("91 01 4b 46 7f ff 0f 10 25", "25", "YES", 4000), None, "MISFIT"),
        (_file("91 01 4b 46 7f ff 0f 10 25", "25", "YES", -127000), None, "MISFIT"),
        ("", 4.0, "EMPTY"),
        ("\n", 4.0, "EMPTY"),
        ("91 01 4b", 4.0, "TEXT"),
        ("t=25062\n", 4.0, "TEXT"),
    ],
)
def test_answer_is_believed_or_named(text: str, last_good_c: float | None, wanted: float | str) -> None:
    assert _judged(text, last_good_c) == wanted


def test_arduino_value_and_impossible_values_are_refused_where_bytes_cannot_tell() -> None:
    other = "aa 00 4b 46 ff ff 0c 10 87"
    assert crc8(bytes.fromhex(other)[:-1]) == 0x87

    assert _judged(_file(other, "87", "YES", -127000), family="10") == "M127"
    assert _judged(_file(other, "87", "YES", 126000), family="10") == "RANGE"
    assert _judged(_file(other, "87", "YES", -55000), family="10") == -55.0


def test_both_checksums_agree_on_the_data_sheet_and_on_chance() -> None:
    assert crc8(bytes.fromhex("02 1c b8 01 00 00 00")) == 0xA2  # Maxim application note 27, example of a ROM id
    for length in range(1, 9):
        data = bytes(range(7 * length, 7 * length + length))
        assert crc8(data) == crc8_of_the_twin(data)


def test_every_sixteenth_of_the_range_comes_through_as_the_kernel_writes_it() -> None:
    for raw in range(-55 * 16, 125 * 16 + 1):
        probe = Probe(raw / 16)
        probe.measure()

        found = judge("28", probe.kernel_file(), raw / 16, -55.0, 125.0)

        assert isinstance(found, float)
        assert abs(found - raw / 16) < 0.001


@pytest.mark.parametrize("data", [b"", b"\n", b"slave\n", b"slave 28-0 x", b"Slave 28-0 x\n", b"slave 28-0 \xff\n"])
def test_what_is_no_line_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(data)


def test_file_with_carriage_returns_and_capitals_is_read() -> None:
    pad = decode_scratchpad("91 01 4B 46 7F FF 0F 10 25 : crc=25 YES\r\n91 01 4B 46 7F FF 0F 10 25 t=25062\r\n")

    assert pad.temperature_c == 25.062
    assert pad.is_intact

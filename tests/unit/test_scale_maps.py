# SPDX-License-Identifier: Apache-2.0
import re
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, LocalProtocolError, RemoteProtocolError, TransportError
from drivers.base.transports import Transport
from drivers.base.weighing import Weighed
from drivers.scale_lines.config import ScaleLinesConfig
from drivers.scale_lines.driver import SPEC
from drivers.scale_lines.frames import read_line
from drivers.scale_lines.maps import SHIPPED, load_map
from drivers.scale_lines.session import LinesSession
from firmware_sims.scale_lines.formats import FORMATS
from firmware_sims.scale_lines.twin import LineScaleTwin
from tests.conformance.transcripts import CAPTURES, read_settings

GOOD = r"""
title = "Ours"
source = "the manual of our own scale, page 3"
[states]
"" = "stable"
M = "dynamic"
[[patterns]]
match = '(?P<value>[0-9.]+)(?P<unit>kg)(?P<state>M?)'
"""


@pytest.mark.requirement("E5")
@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("and_18", "ST,+00012.78  g", Weighed("stable", Decimal("12.78"), "g")),
        ("and_18", "QT,+00012345 PC", Weighed("stable", Decimal(12345), "pcs")),
        ("and_18", "ST,OK,+0001.234 kg", Weighed("stable", Decimal("1.234"), "kg")),
        ("and_18", "US,-00000.02 kg", Weighed("dynamic", Decimal("-0.02"), "kg")),
        ("and_18", "OL,+9999999E+19", Weighed("overload", code="OL")),
        ("and_18", "OL,-99999999 PC", Weighed("underload", code="OL")),
        ("and_18", "ST,GS,+0001.25kg", Weighed("stable", Decimal("1.25"), "kg")),
        ("cas_10", "  13.500", Weighed("dynamic", Decimal("13.500"))),
        ("cas_10", "-  0.5  ", Weighed("dynamic", Decimal("-0.5"))),
        ("dini_ext", "01ST,GS,     0.0,kg", Weighed("stable", Decimal("0.0"), "kg")),
        ("dini_ext", "1,ST,      12.3,PT      20.8,         0,kg", Weighed("stable", Decimal("12.3"), "kg", "", True, Decimal("20.8"), None, "preset")),
        (
            "dini_ext",
            "011ST,1,      0.0,PT    20.8,       0,kg,01/02/19 11:12:13",
            Weighed("stable", Decimal("0.0"), "kg", "", True, Decimal("20.8"), None, "preset"),
        ),
        ("kern_gs", "ST,GS   1.000KG", Weighed("stable", Decimal("1.000"), "kg")),
        ("kern_gs", "US,N ,-  1.342,lb", Weighed("dynamic", Decimal("-1.342"), "lb", "", True)),
        ("kern_gs", "OL,GS,+            ", Weighed("overload", code="OL")),
        ("kern_fkb", "        12.5 g  ", Weighed("stable", Decimal("12.5"), "g")),
        ("kern_fkb", "M -      0.5    ", Weighed("dynamic", Decimal("-0.5"))),
        ("ohaus_ranger", "     192.21 g", Weighed("stable", Decimal("192.21"), "g")),
        ("ohaus_ranger", "       0.01 g ?", Weighed("dynamic", Decimal("0.01"), "g")),
        ("ohaus_ranger", "-    2.500 kg ? NET", Weighed("dynamic", Decimal("-2.500"), "kg", "", True)),
        ("ohaus_ranger", "      12.73 g    ?", Weighed("dynamic", Decimal("12.73"), "g")),
        ("sartorius_sbi", "+  123.5[6] g  ", Weighed("stable", Decimal("123.56"), "g")),
        ("sartorius_sbi", "N     +   123.56 g  ", Weighed("stable", Decimal("123.56"), "g", "", True)),
        ("sartorius_sbi", "+   111.255    ", Weighed("dynamic", Decimal("111.255"))),
        ("sartorius_sbi", "Stat       OFF      ", Weighed("error", code="Stat       OFF")),
        ("sartorius_sbi", "Stat       E 054    ", Weighed("error", code="Stat       E 054")),
        ("sartorius_sbi", "  H           ", Weighed("overload", code="H")),
        ("sartorius_sbi", "      High    ", Weighed("overload", code="High")),
    ],
)
def test_line_of_a_makers_manual_is_understood(name: str, line: str, expected: Weighed) -> None:
    read = read_line(load_map(name), line)

    assert read == Weighed(expected.state, expected.value, expected.unit, line, expected.net, expected.tare, None, expected.tare_kind, expected.code)


@pytest.mark.parametrize(("name", "line"), [("kern_gs", "ST,TR,+012.3456  kg"), ("ohaus_ranger", "SCALE: 1"), ("sartorius_sbi", "nRef  +      100    ")])
def test_line_that_is_no_weight_is_passed_over(name: str, line: str) -> None:
    assert read_line(load_map(name), line) is None


@pytest.mark.parametrize("line", ["ST,GS   1.0x0KG", "ST,NT,+1.23.456tl.g", "XX,GS   1.000KG", ""])
def test_line_that_no_pattern_takes_is_refused(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_line(load_map("kern_gs"), line)


def test_unknown_word_of_state_is_an_error_and_no_weight(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("M?", "[MX]?"))

    assert read_line(load_map(str(path)), "1.5kgX") == Weighed("error", text="1.5kgX", code="X")


def test_each_shipped_map_has_a_source_and_a_capture() -> None:
    captured = {read_settings(path).config["map"] for path in (CAPTURES / "scale_lines").glob("*.hex")}

    assert captured == {path.stem for path in SHIPPED.glob("*.toml")}


def test_configuration_names_all_shipped_maps() -> None:
    described = str(ScaleLinesConfig.__annotations__["map"])

    assert all(re.search(rf"\b{path.stem}\b", described) for path in SHIPPED.glob("*.toml"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("title =", "titel ="), "unknown field `titel`"),
        (('"dynamic"', '"dynamical"'), r"Invalid enum value 'dynamical' - at `\$.states"),
        (("<state>M?", "<steady>M?"), "no group may be named 'steady'"),
        (("(?P<unit>kg)", "(?P<unit>kg"), "pattern 1: a closing bracket is missing"),
        (("(?P<state>M?)", ""), "does not say whether the load rests"),
        (('[states]\n"" = "stable"\nM = "dynamic"\n', ""), "there is no table `states`"),
        (('source = "the manual of our own scale, page 3"', 'source = "?"'), "at `\\$.source`"),
        (("[[patterns]]", "line_end = 'crlf'\n[[patterns]]"), "Invalid enum value"),
        (('title = "Ours"', 'title = "Ours'), "line 2"),
    ],
)
def test_mistake_in_a_map_of_ones_own_is_told_when_the_configuration_is_checked(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "mine.toml"
    assert change[0] in GOOD
    path.write_text(GOOD.replace(*change))
    config = parse_config(SPEC.config, {"driver": "scale_lines", "path": "/dev/ttyUSB0", "map": str(path)})

    with pytest.raises(ConfigError, match=r"`map`: .*mine\.toml.*") as raised:
        SPEC.factory("scale-1", config)

    assert re.search(said, str(raised.value)), str(raised.value)


def test_comma_is_decimal_only_where_the_map_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("[0-9.]+", "[0-9,]+"))
    assert read_line(load_map(str(path)), "1,250kg") == Weighed("error", text="1,250kg", code="1,250kg")

    path.write_text("decimal_comma = true\n" + GOOD.replace("[0-9.]+", "[0-9,]+"))

    assert read_line(load_map(str(path)), "1,250kg") == Weighed("stable", Decimal("1.250"), "kg", "1,250kg")


def test_missing_map_lists_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="shipped are and_18, cas_10"):
        load_map("kern_gb")


def test_map_of_ones_own_weighs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)

    assert read_line(load_map(str(path)), "1.5kg") == Weighed("stable", Decimal("1.5"), "kg", "1.5kg")
    assert read_line(load_map(str(path)), "1.5kgM") == Weighed("dynamic", Decimal("1.5"), "kg", "1.5kgM")


async def test_settings_of_the_line_are_those_of_the_map_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ScaleLinesConfig] = []

    async def nowhere(config: ScaleLinesConfig) -> Transport:
        opened.append(config)
        raise TransportError("nothing there")

    monkeypatch.setattr("drivers.scale_lines.driver.open_transport", nowhere)
    device = SPEC.factory("scale-1", ScaleLinesConfig(path="/dev/nothing-there", map="sartorius_sbi", baud_rate=9600))

    with pytest.raises(TransportError):
        await device.run(lambda reading: None)

    (config,) = opened
    assert (config.baud_rate, config.parity, config.data_bits, config.stop_bits) == (9600, "O", 7, 1)


def test_key_that_a_map_does_not_know_is_refused_with_advice() -> None:
    session = LinesSession(ScaleLinesConfig(path="/dev/null", map="cas_10"), load_map("cas_10"))

    with pytest.raises(LocalProtocolError, match="press the key"):
        session.start_command("tare", {}, 0.0)


def test_seven_bits_of_a_line_are_enough_for_a_map_of_seven() -> None:
    session = LinesSession(ScaleLinesConfig(path="/dev/null", map="and_18", request="none"), load_map("and_18"))
    session.advance_to(0.0)

    *_, weighed = session.receive_bytes(bytes(byte | 0x80 for byte in b"ST,+0001.234 kg\r\n"), 0.1)

    assert isinstance(weighed, Weighed)
    assert weighed.value == Decimal("1.234")


@pytest.mark.parametrize("make", sorted(FORMATS))
def test_line_of_a_twin_has_the_length_of_its_manual(make: str) -> None:
    length = {"and_standard": 15, "and_18": 16, "cas_10": 8, "dini_ext": 42, "kern_gs": 16, "kern_gab": 17, "kern_fkb": 16, "ohaus_ranger": 19,
              "sartorius_sbi": 14, "sartorius_sbi_22": 20}[make]  # fmt: skip
    twin = LineScaleTwin(make=make, division=0.01)
    twin.receive_bytes(b"", 0.0)

    assert len(FORMATS[make].line(twin.body)) == length


def test_map_of_the_how_to_page_weighs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "scales.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```toml\n(title.*?)```", page, re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(written)
    line_map = load_map(str(path))

    read = [read_line(line_map, line) for line in ("   1.250 kg", "-  0.5 g * NET", " OVER", "SCALE: 1")]

    assert [event and (event.state, str(event.value), event.net) for event in read] == [
        ("stable", "1.250", False), ("dynamic", "-0.5", True), ("overload", "None", False), None,
    ]  # fmt: skip

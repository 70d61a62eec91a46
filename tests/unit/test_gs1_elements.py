# SPDX-License-Identifier: Apache-2.0
import contextlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import biip
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.epc.characters import SET_39, SET_82
from contracts.gs1.applications import Component, application, identifiers
from contracts.gs1.elements import GS, ElementError, Elements, parse_digital_link, parse_elements
from contracts.identifiers import check_digit
from contracts.readings import Identifiers
from drivers.base.codes.codes import understand
from drivers.base.codes.identifiers import identifiers_of
from drivers.base.codes.reading import CodeReader, Scanned
from drivers.scanner_serial.config import ScannerSerialConfig

CONFIG = ScannerSerialConfig(path="/dev/null")

# Codes on which GS1's reference engine (gs1-syntax-engine) was asked for its opinion.
GOOD: list[tuple[str, Elements]] = [
    ("]C100106141412345678908", {"00": "106141412345678908"}),
    ("]C100395011015310000018", {"00": "395011015310000018"}),
    ("]d20109506000134352\x1d10ABC", {"01": "09506000134352", "10": "ABC"}),
    ("]C1010950600013435210ABC123\x1d17141120", {"01": "09506000134352", "10": "ABC123", "17": "141120"}),
    ("]e001906141410000153202000150", {"01": "90614141000015", "3202": "000150"}),
    ("]e00198898765432106320201234515991231", {"01": "98898765432106", "3202": "012345", "15": "991231"}),
    ("]Q3010950600013435217250100310300019510LOT\x1d21S1", {"01": "09506000134352", "17": "250100", "3103": "000195", "10": "LOT", "21": "S1"}),
    ("]C10010614141234567890802095060001343523710", {"00": "106141412345678908", "02": "09506000134352", "37": "10"}),
    ("]C14109501101020016", {"410": "9501101020016"}),
    ("]d20109506000134352310300025510L1\x1d", {"01": "09506000134352", "3103": "000255", "10": "L1"}),
    ("]d2010950600013435221ABC/-_\x1d70032512311430", {"01": "09506000134352", "21": "ABC/-_", "7003": "2512311430"}),
    ("]E06901234567892", {"01": "06901234567892"}),
    ("]E402345673", {"01": "00000002345673"}),
    ("]I110614141000415", {"01": "10614141000415"}),
    ("]Q1https://id.gs1.org/01/09506000134352/10/ABC?17=141120", {"01": "09506000134352", "10": "ABC", "17": "141120"}),
    ("]d1https://example.com/some/where/01/09506000134352/21/a%2Fb?utm=x", {"01": "09506000134352", "21": "a/b"}),
    ("]Q1https://example.com/01/09506000134352/about/us", {"01": "09506000134352"}),
    ("]Q1https://example.com/01/09506000134352/22/A/10/B/21/C/", {"01": "09506000134352", "22": "A", "10": "B", "21": "C"}),
    ("]Q1https://example.com/414/9506000134352/254/1%2F2", {"414": "9506000134352", "254": "1/2"}),
    ("]Q3HTTPS://ID.GS1.ORG/00/106141412345678908?37=5", {"00": "106141412345678908", "37": "5"}),
    (
        "]Q1https://shop.example/cn/01/09506000134352/10/L%2F1?linkType=gs1:pip&17=271231&utm_source=box&3103=000195&lang=zh#top",
        {"01": "09506000134352", "10": "L/1", "17": "271231", "3103": "000195"},
    ),
    ("]d1https://id.gs1.org/01/06901234567892/21/A%2B1?17=280200&a&b=&=c&9=x", {"01": "06901234567892", "21": "A+1", "17": "280200"}),
]
BAD = [
    "]C100395011015310000012",  # check digit
    "]C1010950600013435117251231",  # check digit
    "]C117251332",  # month 13
    "]d2010950600013435211240230",  # 30 February
    "]C10109506000134352310300",  # too short
    "]d2010950600013435221",  # empty
    "]C101095060001343529ABC",  # no such identifier
    "]C10109506000134352(10)X",  # brackets are for people
    "]Q1https://example.com/01/9506000134352",  # 13 digits
    "]Q1https://example.com/01/09506000134352/21/C/10/B",  # qualifiers out of order
    "]Q1https://example.com/00/106141412345678908/10/B",  # qualifier of another key
    "]Q1https://example.com/01/09506000134352/21/",  # empty
    "]C101095060001343527003251231143010L",  # separator missing
    "]C1010950600013435210A\x1d\x1d21B",  # separator doubled
    "]C1010950600013435210A\x1d10B",  # two lots
    "]E06901234567893",
    "]C1\u0660\u0661095060001343521",  # digits of another script
]


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(("scan", "elements"), GOOD)
def test_code_gives_the_elements_that_gs1s_engine_finds(scan: str, elements: Elements) -> None:
    code = understand(scan[:3], scan[3:], CONFIG)

    assert (code.elements, code.error) == (elements, None)


@pytest.mark.parametrize(("ai", "allowed"), [("10", SET_82), ("8010", SET_39)], ids=["set 82", "set 39"])
def test_value_holds_the_characters_of_its_set_and_no_others(ai: str, allowed: frozenset[str]) -> None:
    read = set()
    for character in map(chr, range(1, 256)):
        with contextlib.suppress(ElementError):
            read |= set(parse_elements(f"{ai}A{character}A").get(ai, ""))

    assert read == allowed


@pytest.mark.requirement("R31")
@pytest.mark.parametrize("scan", BAD)
def test_code_that_gs1s_engine_refuses_has_an_error_and_keeps_its_text(scan: str) -> None:
    code = understand(scan[:3], scan[3:], CONFIG)

    assert code.error
    assert code.elements == {}
    assert code.text == scan[3:]


@pytest.mark.parametrize(
    ("symbology", "text"),
    [
        ("]C0", "SF1234567890123"),
        ("]A0", "0109506000134352"),  # Code 39 says nothing about GS1
        ("]Q1", "https://example.com/shop?id=5"),
        ("]Q1", "https://[broken"),
        ("]Q1", "WIFI:S:hall;;"),
        ("]E0", "690123456789"),
        ("]I1", "123456"),
        ("", "6901234567892"),  # a bare EAN-13 is one only if the configuration says so
        ("", "04252614"),  # a UPC-E as eight digits: only a scanner that says so knows it from any other eight digits
        ("", "425261"),
        ("]C0", "81234567890123456789"),  # drug trace codes of the NMPA: 20 digits, 81 to 84, Code 128 or Data Matrix without FNC1
        ("]d1", "84123456789012345678"),
        ("", "81234567890123456789"),
        ("", "83000010106141412345"),
        ("", "10ABC"),
        ("", "MA.156.M0.100123.AB"),  # UDI of ZIIOT
        ("]d1", "MA.156.M0.100123.AB.S1234567.L20260101.D20260101.E20281231.C5"),
        ("]Q1", "MA.156.M0.100123.AB.E20281231"),
        ("]d1", "=A9999XYZ100T0944=,000025"),  # UDI of ICCBBA (ISBT 128)
        ("", "SF1234567890123"),  # couriers: SF Express, JD Logistics, ZTO, YTO, EMS
        ("]C0", "JDVA01234567890-1-1-"),
        ("]C0", "75812345678901"),
        ("", "YT1234567890123"),
        ("", "EB123456789CN"),
        ("", ""),
    ],
)
def test_code_that_is_nothing_of_gs1_stays_text(symbology: str, text: str) -> None:
    code = understand(symbology, text, CONFIG)

    assert (code.text, code.elements, code.error) == (text, {}, None)


def test_bare_digits_are_a_gtin_where_the_configuration_says_so() -> None:
    config = ScannerSerialConfig(path="/dev/null", gtin_lengths=(13, 8))

    assert understand("", "6901234567892", config).elements == {"01": "06901234567892"}
    assert understand("", "02345673", config).elements == {"01": "00000002345673"}
    assert "check digit" in (understand("", "6901234567893", config).error or "")


def test_bare_elements_are_read_only_when_a_check_digit_vouches_for_them() -> None:
    opaque = ScannerSerialConfig(path="/dev/null", without_symbology="opaque")

    assert understand("", "00106141412345678908", CONFIG).elements == {"00": "106141412345678908"}
    assert understand("", GS + "010950600013435210A", CONFIG).elements == {"01": "09506000134352", "10": "A"}
    assert understand("", "00106141412345678907", CONFIG).elements == {}
    assert understand("", "00106141412345678908", opaque).elements == {}


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(("sent", "gtin"), [("]E00042100005264", "00042100005264"), ("]E0042100005264", "00042100005264"), ("04252614", None)])
def test_upc_e_is_a_gtin_where_the_scanner_says_so(sent: str, gtin: str | None) -> None:
    """GenSpecs 5.2.2.4: behind ]E0 the scanner has made thirteen digits of the six (some twelve); eight without an identifier may be anything."""
    assert _read(sent.encode()).elements == ({"01": gtin} if gtin else {})


def test_missing_aim_identifier_is_an_error_where_one_is_required() -> None:
    config = ScannerSerialConfig(path="/dev/null", aim_identifier="required")

    assert "AIM" in (understand("", "00106141412345678908", config).error or "")


def _read(sent: bytes, **fields: Any) -> Scanned:
    (event,) = CodeReader(ScannerSerialConfig(path="/dev/null", **fields)).read(sent, 1.0)
    assert isinstance(event, Scanned)
    return event


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(
    ("separator", "sent"),
    [
        ("<GS>", b"<GS>"),
        ("{GS}", b"{GS}"),
        ("^", b"^"),
        ("|", b"|"),
        ("~", b"~"),
        ("\xe8", b"\xe8"),
        ("0xE8", b"\xe8"),
        ("0xF1", b"\xf1"),
        ("0x5B0x1D", b"[\x1d"),
    ],
)
@pytest.mark.parametrize("prefix", [b"]C1", b""])
def test_separator_habits_of_a_scanner_become_gs(separator: str, sent: bytes, prefix: bytes) -> None:
    scanned = _read(prefix + b"010950600013435210ABC123" + sent + b"17141120", separators=(separator, "<FNC1>"))

    assert scanned.text == "010950600013435210ABC123\x1d17141120"
    assert scanned.elements["17"] == "141120"


def test_what_stands_for_a_separator_stays_what_it_is_in_other_codes() -> None:
    assert _read(b"]Q1see ^ and |", separators=("^", "|")).text == "see ^ and |"
    assert _read(b"A|B", separators=("^", "|")).text == "A|B"


@pytest.mark.parametrize(("prefix", "sent"), [("SCAN:", b"SCAN:]E06901234567892"), ("0x020x31", b"\x021]E06901234567892"), ("SCAN:", b"]E06901234567892")])
def test_prefix_is_taken_off_where_it_is(prefix: str, sent: bytes) -> None:
    assert _read(sent, prefix=prefix).elements == {"01": "06901234567892"}


@pytest.mark.requirement("E6")
@pytest.mark.parametrize(
    ("symbology", "text", "gtin"),
    [
        ("]E0", "614141000012", "00614141000012"),
        ("]E0", "614141000013", None),
        ("]E3", "690123456789212", "06901234567892"),
        ("]E3", "690123456789251999", "06901234567892"),
        ("]E3", "69012345678925", None),
        ("]E0", "04252614", "00042100005264"),  # UPC-E as it is printed, as scanners send it that do not expand it
        ("]E0", "01234531", "00012300000451"),
        ("]E0", "01234543", "00012340000053"),
        ("]E0", "01234565", "00012345000065"),
        ("]E0", "01234562", None),  # check digit
        ("]E0", "24252614", None),  # number systems are 0 and 1
        ("]E4", "02345673", "00000002345673"),
    ],
)
def test_retail_code_is_a_gtin_only_if_its_length_and_check_digit_say_so(symbology: str, text: str, gtin: str | None) -> None:
    code = understand(symbology, text, CONFIG)

    assert (code.text, code.elements, code.error) == (text, {"01": gtin} if gtin else {}, None)


PAIRS = [
    ("]C1172502003103000255", "", "(17) needs (01) or (02)"),  # the engine refuses it: what expires and weighs?
    ("]C13710\x1d10L1", "", "(37) needs (00)"),  # contents of a logistic unit, whose SSCC stands in another barcode of its label
    ("]C1010950600013435237" + "10", "(01) and (37) must not", "(01) and (37) must not"),
    ("]C1010950600013435231030002553101000255", "(3103) and (3101) must not", "(3103) and (3101) must not"),
    ("]C10109506000134352250A\x1d21B", "", ""),
    ("]C10109506000134352250A", "", "(250) needs (21)"),
    ("]C1010950600013435239221234", "", "(3922) needs (30) or (31nn)"),
    ("]C101095060001343523922" + "1234\x1d3103000255", "", ""),
    ("]d2" + "010950600013435221A\x1d235B", "(21) and (235) must not", "(21) and (235) must not"),
    ("]C18030" + "A" * 20, "", "(8030) needs (00) or (01) with (21) or"),
    ("]Q1https://id.gs1.org/01/09506000134352?37=3", "(01) and (37) must not", "(01) and (37) must not"),
]


@pytest.mark.parametrize(("scan", "on_a_label", "in_one_code"), PAIRS)
def test_elements_that_do_not_go_together_are_read_and_told(scan: str, on_a_label: str, in_one_code: str) -> None:
    for pairing, told in (("label", on_a_label), ("code", in_one_code), ("off", "")):
        code = understand(scan[:3], scan[3:], ScannerSerialConfig(path="/dev/null", pairing=pairing))  # type: ignore[arg-type]

        assert (code.error or "").startswith(told), pairing
        assert bool(code.error) == bool(told)
        assert code.elements


@pytest.mark.parametrize(
    ("elements", "identifiers"),
    [
        (
            {"01": "09506000134352", "17": "250100", "3103": "000195", "21": "S1"},
            {"gtin": "09506000134352", "expiry": "2025-01-31", "weight_g": 195, "serial": "S1"},
        ),
        ({"00": "106141412345678908", "02": "09506000134352", "37": "10"}, {"sscc": "106141412345678908", "gtin": "09506000134352", "count": 10}),
        ({"17": "761231"}, {"expiry": "2076-12-31"}),
        ({"17": "771231"}, {"expiry": "1977-12-31"}),
        ({"17": "280200"}, {"expiry": "2028-02-29"}),
        ({"3100": "000012", "10": "L"}, {"weight_g": 12_000, "lot": "L"}),
        ({"3105": "123456"}, {"weight_g": 1235}),
        ({"410": "9501101020016"}, {}),
        ({"7003": "2512311430"}, {"expiry": "2025-12-31"}),
        ({"17": "260101", "7003": "2512311430"}, {"expiry": "2026-01-01"}),
    ],
)
def test_elements_become_what_the_warehouse_wants(elements: Elements, identifiers: dict[str, object]) -> None:
    assert identifiers_of(elements, 2026) == Identifiers(**identifiers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("yy", "this_year", "year"), [("49", 1999, "2049"), ("50", 1999, "1950"), ("20", 2080, "2120"), ("40", 2080, "2040"), ("30", 2080, "2130")]
)
def test_century_is_the_nearest_one(yy: str, this_year: int, year: str) -> None:
    expiry = identifiers_of({"17": f"{yy}0615"}, this_year).expiry

    assert expiry == f"{year}-06-15"


def _with_check_digit(payload: str) -> str:
    return payload + check_digit(payload)


set_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
digits = "0123456789"
values = {
    "01": st.text(digits, min_size=13, max_size=13).map(_with_check_digit),
    "00": st.text(digits, min_size=17, max_size=17).map(_with_check_digit),
    "10": st.text(set_82, min_size=1, max_size=20),
    "21": st.text(set_82, min_size=1, max_size=20),
    "17": st.dates().map(lambda day: f"{day:%y%m%d}"),
    "37": st.text(digits, min_size=1, max_size=8),
    "3103": st.text(digits, min_size=6, max_size=6),
    "410": st.text(digits, min_size=12, max_size=12).map(_with_check_digit),
}
VARIABLE = ("10", "21", "37")
some_elements = st.lists(st.sampled_from(sorted(values)), min_size=1, unique=True).flatmap(lambda ais: st.fixed_dictionaries({ai: values[ai] for ai in ais}))


def _written(elements: Elements) -> str:
    return "".join(ai + value + (GS if ai in VARIABLE else "") for ai, value in elements.items()).removesuffix(GS)


@given(some_elements)
def test_written_elements_are_read_back(elements: Elements) -> None:
    assert parse_elements(_written(elements)) == elements


@given(
    some_elements.map(_written) | st.text(digits + "ABC/\x1d", max_size=40) | st.text(max_size=20), st.integers(0, 60), st.text(digits + GS + "A(", max_size=3)
)
@example("01095060001343527003251231143010L", 0, "")
def test_whatever_is_accepted_is_read_as_biip_reads_it(text: str, at: int, patch: str) -> None:
    text = text[:at] + patch + text[at + len(patch) :]
    try:
        elements = parse_elements(text)
    except ElementError:  # refusing more than biip does is the point
        return
    if not text:
        return

    message = biip.parse("]C1" + text).gs1_message

    assert message is not None
    assert {element.ai.ai: element.value for element in message.element_strings} == elements


def _their_table() -> dict[str, dict[str, Any]]:
    found = importlib.util.find_spec("biip")
    assert found is not None
    assert found.submodule_search_locations
    text = (Path(found.submodule_search_locations[0]) / "gs1_application_identifiers" / "_application_identifiers.json").read_text(encoding="utf-8")
    return {entry["ai"]: entry for entry in json.loads(text)}


def test_table_has_the_identifiers_separators_and_lengths_that_biip_has() -> None:
    theirs = _their_table()

    assert set(identifiers()) == set(theirs)
    for ai, entry in theirs.items():
        ours = application(ai)
        assert ours.needs_separator == entry["separator_required"], ai
        shortest = sum(part.length_min for part in ours.components if not part.is_optional)
        longest = sum(part.length_max for part in ours.components)
        pattern = re.compile(entry["pattern"].removeprefix("^" + ai).removesuffix("$"))
        for length in {1, shortest - 1, shortest, longest, longest + 1} - {0}:
            fits = shortest <= length <= longest
            tried = [filler * length for filler in ("0", "1", "A")] + ["250101" * 9, "2501011200", "1/2", "000000-", "20250101", "202501011200"]
            may = any(pattern.fullmatch(text[:length]) for text in tried if len(text[:length]) == length)
            assert fits or not may, f"({ai}) of {length} characters"


def _value(component: Component) -> st.SearchStrategy[str]:
    """Mostly right values of a component."""
    size = component.length_max
    if component.check in ("d", "z"):
        return st.dates().map(lambda day: f"{day:%y%m%d}")
    if component.check == "h":
        return st.times().map(lambda time: f"{time:%H%M}")
    if component.check == "k":
        return st.text(digits, min_size=size - 1, max_size=size - 1).map(_with_check_digit)
    if component.check == "C":
        return st.sampled_from(["CN", "DE", "cn"])
    return st.text(digits if component.kind == "N" else set_82 if component.kind == "X" else "ABC123-", min_size=component.length_min, max_size=size)


def _element(ai: str) -> st.SearchStrategy[str]:
    form = application(ai)
    value = st.tuples(*(_value(part) if not part.is_optional else st.just("") | _value(part) for part in form.components)).map("".join)
    return value.map(lambda text: ai + text + (GS if form.needs_separator else ""))


any_code = st.lists(st.sampled_from(identifiers()).flatmap(_element), min_size=1, max_size=3).map(lambda parts: "".join(parts).removesuffix(GS))

ONLY_WE_CHECK = re.compile(
    r"has check (digit|characters)|is both|piece \d\d of|is none of \d|must not begin with 0|is nothing|is no position|is no country"
    r"|is no (hour|minute)|\(725[01]\) \d+ is no date"
)
"""What GS1's engine refuses too. biip refuses days of a harvest (7007) in the wrong order and parts (8010) of fewer than five characters, the engine does not.
Check digits and the like: biip lists such elements all the same, with an error beside them or none."""


@given(any_code, st.none() | st.integers(0, 120), st.sampled_from(["", "0", "9", "A", "(", GS]))
@example("10A\x1d\x1d21B", None, "")
@example("01095060001343527003251231143010L", None, "")
@example("7007260101250101", None, "")
def test_every_disagreement_with_biip_has_its_reason(text: str, at: int | None, patch: str) -> None:
    if at is not None:
        text = text[:at] + patch + text[at + 1 :]
    message = biip.parse("]C1" + text).gs1_message
    theirs = None if message is None else {element.ai.ai: element.value for element in message.element_strings}
    try:
        ours, error = parse_elements(text), ""
    except ElementError as refused:
        ours, error = None, str(refused)

    if ours is not None:
        assert theirs == ours or (theirs is None and (ours.keys() & {"7007", "8010"} or not text)), "what we read, biip reads so"
    elif theirs is not None and not ONLY_WE_CHECK.search(error):  # then a separator is missing or there is one too many: put right, both agree
        assert _reading(GS.join(ai + value for ai, value in theirs.items())) in (theirs, None), error


def _reading(text: str) -> Elements | None:
    """None: refused for what only we check."""
    try:
        return parse_elements(text)
    except ElementError as error:
        refused = str(error)
    assert ONLY_WE_CHECK.search(refused), refused
    return None


@given(st.text(max_size=60) | st.text("htps:/.01?=%[]@#&", max_size=40).map("https://".__add__))
def test_any_link_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ElementError):
        parse_digital_link(text)


@pytest.mark.slow
def test_reading_gs1_codes_takes_less_than_three_mebibytes() -> None:
    """The gateway has 60 MiB; importing biip alone would take 21 of them."""
    program = (
        "import sys, msgspec, asyncio, drivers.base.driver, contracts.readings\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "before = rss()\n"
        "from drivers.scanner_serial.driver import SPEC\n"
        "SPEC.factory('s', SPEC.config(path='/dev/null')).new_session()\n"
        "print(rss() - before, 'biip' in sys.modules)\n"
    )

    grown, imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert imported == "False"
    assert int(grown) < 3 * 2**20

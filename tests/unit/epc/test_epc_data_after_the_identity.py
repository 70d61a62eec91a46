# SPDX-License-Identifier: Apache-2.0
import pytest

from contracts.epc.applications import FORMATS
from contracts.epc.bits import BitReader, BitWriter
from contracts.epc.digits import IdentifierError
from contracts.epc.forms import write
from contracts.epc.tags import decode
from contracts.epc.values import read_value, write_value

pytestmark = pytest.mark.requirement("E5")

SSCC_PLUS = "F98" + "095201234567891235"
"""An SSCC+ whose toggle bit says that data follow; filter 0."""

VALUES = {
    "00": "095201234567891235",
    "01": "09506000134352",
    "10": "ABC-123",
    "11": "270131",
    "13": "240229",
    "17": "270200",
    "20": "07",
    "21": "32a/b",
    "235": "x_Y",
    "242": "001",
    "253": "9521141123454X1",
    "255": "95211411234540012",
    "30": "12",
    "3103": "000750",
    "37": "48",
    "3922": "1099",
    "3932": "9780012345",
    "3941": "0050",
    "400": "PO/4711",
    "402": "95211411234567890",
    "413": "9521141123454",
    "421": "276AB12",
    "422": "276",
    "427": "CN",
    "4300": "DOCK+3",
    "4307": "CN",
    "4309": "02790858483015297971",
    "4321": "1",
    "4324": "2701312400",
    "4330": "002500-",
    "4333": "001800",
    "7003": "2701312359",
    "7004": "9999",
    "7005": "27.VII",
    "7007": "270131270201",
    "7011": "270131",
    "7023": "952114132a/b",
    "7030": "276ABC",
    "7040": "1ABC",
    "7241": "03",
    "7251": "202701312359",
    "7252": "1",
    "7258": "1/3",
    "8001": "01234567890123",
    "8003": "0952114112345432a/b",
    "8004": "95211415678",
    "8005": "000199",
    "8006": "095211411234540102",
    "8008": "270131235959",
    "8010": "95211415PQ7/Z43",
    "8011": "12345",
    "8020": "A:B",
    "8030": "abcDEF012-_",
    "8111": "0100",
    "90": "%",
    "99": "A" * 90,
}


@pytest.mark.parametrize(("ai", "value"), VALUES.items())
def test_value_survives_the_bits(ai: str, value: str) -> None:
    writer = BitWriter()
    write_value(writer, ai, value)
    reader = BitReader(writer.value, writer.length)

    assert read_value(reader, ai) == value
    assert reader.left == 0


def test_every_format_of_the_table_is_tried() -> None:
    tried = {component.letter for ai in VALUES for component in FORMATS[ai]}

    assert tried == {component.letter for components in FORMATS.values() for component in components}


@pytest.mark.parametrize(
    ("ai", "value"),
    [
        ("11", "271301"),
        ("11", "270230"),
        ("11", "2701"),
        ("7003", "2701312401"),
        ("7003", "2701312360"),
        ("7007", "2701"),
        ("8008", "27013199"),
        ("3103", "00075"),
        ("37", "123456789"),
        ("37", "1a"),
        ("4307", "cn"),
        ("4321", "2"),
        ("4330", "002500+"),
        ("7258", "0/3"),
        ("10", ""),
        ("10", "a b"),
        ("10", "x" * 21),
        ("427", "ABCD"),
        ("9999", "1"),
    ],
)
def test_value_that_is_none_is_refused(ai: str, value: str) -> None:
    with pytest.raises(IdentifierError, match=f"\\({ai}\\)"):
        write_value(BitWriter(), ai, value)


def test_lot_expiry_and_weight_after_the_identity_are_read() -> None:
    epc = write("(00)095201234567891235(10)L-7(17)270131(3103)012500(400)PO1", "sscc+", 0)

    assert decode(epc.hex) == epc
    assert epc.aidc == (("10", "L-7"), ("17", "270131"), ("3103", "012500"), ("400", "PO1"))
    assert epc.identity.uri == "https://id.gs1.org/00/095201234567891235"
    assert int(epc.hex, 16) >> 4 * len(epc.hex) - 9 & 1 == 1  # the toggle bit


@pytest.mark.parametrize(
    ("data", "elements", "unknown"),
    [
        ("", (), ""),
        ("000", (), ""),
        ("A5C", (), "101001011100"),  # A-F is reserved for headers of other kinds
        ("14123", (), "00010100000100100011"),  # no application identifier begins with 14
        ("17FFFFF", (), "0001011111111111111111111111"),  # no date
        ("1027C", (), "00010000001001111100"),  # ends in the middle of the lot
        ("00" + "106141412345678908", (("00", "106141412345678908"),), ""),
        ("1136" + "3F", (("11", "270131"),), ""),
    ],
)
def test_data_that_nobody_knows_are_kept_as_bits_and_the_identity_is_read(data: str, elements: tuple[tuple[str, str], ...], unknown: str) -> None:
    epc = decode(SSCC_PLUS + data)

    assert epc.identity.sscc == "095201234567891235"
    assert epc.aidc == elements
    assert epc.aidc_raw.rstrip("0") == unknown.rstrip("0")

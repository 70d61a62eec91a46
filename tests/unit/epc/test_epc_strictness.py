# SPDX-License-Identifier: Apache-2.0
import pytest

from contracts.epc.digits import IdentifierError
from contracts.epc.forms import identity_of_uri, read, sgtin_of, sscc_of, write
from contracts.epc.pure import epc_uri
from contracts.epc.tags import decode, identity_of_epc
from contracts.identifiers import sgtin_from_uri, sscc_from_uri

pytestmark = pytest.mark.requirement("E5")

WRONG_TAGS = {
    "307C257BF7194E4000001A85": "partition 7",
    "3D1C451FD75411DEF6B4CC00000003039000": "partition 7",
    "3077FFFFFF194E4000001A85": "too great",
    "3074257BF7194E4000001A": "88 bits are too few",
    "3074257BF7194E4000001A850": "no whole 16-bit words",
    "3074257BF7194E4000001A8500": "no whole 16-bit words",
    "3074257BF7194E4000001A850001": "after the 96 of SGTIN-96 are not zero",
    "3174257BF4499602D2000001": "must be zero",
    "2D76451FD4499602D2000100": "must be zero",
    "3666C4409047E159B2C2BF100000000000000000000000000001": "not zero",
    "3666C4409047E159B2C2BF100000000000000000000000010400": "goes on after a zero",
    "3666C4409047E0000000000000000000000000000000000000000": "no whole",
    "3666C4409047E000000000000000000000000000000000000000": "0 characters",
    "3F76451FD612640000000007": "begin with the 1",
    "F73795211411234538566CB0AFC4FF": "not zero",
    "F73795211411234638566CB0AFC4": "check digit",
    "F73795211411234539F66CB0AFC4": "31 characters are announced",
    "F73795211411234538FD6CB0AFC4": "6 bits before the value",
    "F73795211411A34538566CB0AFC4": "decimal digits",
    "F737952114112345B8566CB0AFC4": "decimal digits",
    "FB3F2CDE795211411234538566CB0AFC4": "date type 15",
    "FB343FDE795211411234538566CB0AFC4": "no date",
    "F90095201234567891234": "check digit",
    "2F320434947455900000162E": "CAGE",
    "E28011606000020000000000": "TID",
    "000000000000000000000000": "has not been written",
    "": "no hex",
    "3": "hex digits",
    "3074257BF7194E4000001A8G": "no hex",
    "3074257BF7194E400000_A85": "no hex",
    "0x74257BF7194E4000001A85": "header 00|no hex",
    "-074257BF7194E4000001A85": "no hex",
    "307425٣BF7194E4000001A85": "no hex",
    "30" * 100: "hex digits",
}


@pytest.mark.parametrize(("epc_hex", "because"), WRONG_TAGS.items())
def test_tag_that_breaks_the_standard_is_refused_with_the_reason(epc_hex: str, because: str) -> None:
    with pytest.raises(IdentifierError, match=because):
        decode(epc_hex)

    assert epc_uri(epc_hex) is None
    assert identity_of_epc(epc_hex) is None


def test_whole_words_of_zeros_after_a_tag_are_the_reader_and_not_the_tag() -> None:
    assert decode("3074257BF7194E4000001A8500000000").identity == decode("3074257BF7194E4000001A85").identity
    assert epc_uri("3074257BF7194E4000001A8500000000") == "urn:epc:id:sgtin:0614141.812345.6789"


@pytest.mark.parametrize(
    ("text", "scheme", "prefix_digits", "because"),
    [
        ("(01)80614141123458(21)6789", "sgtin-96", None, "length of the company prefix"),
        ("(01)80614141123458(21)06789", "sgtin-96", 7, "leading zeros"),
        ("(01)80614141123458(21)274877906944", "sgtin-96", 7, "below 2\\^38"),
        ("(01)80614141123458(21)6789", "sgtin-96", 5, "6 to 12 digits, not 5"),
        ("(01)80614141123457(21)6789", None, 7, "check digit 7, expected 8"),
        ("(01)80614141123458", None, 7, "without \\(21\\)"),
        ("(01)80614141123458(21)a b", None, 7, "not in GS1's sets"),
        ("(01)80614141123458(21)" + "1" * 21, None, 7, "21 characters"),
        ("(01)80614141123458(21)1(17)270231", "sgtin+", None, "no date"),
        ("(01)80614141123458(21)1(10)A", "sgtin-96", 7, "no place for \\(10\\)"),
        ("(01)80614141123458(21)1", "sscc-96", 7, "carries an identity of sscc"),
        ("(01)80614141123458(21)1", "dsgtin+", None, "has a date"),
        ("(01)80614141123458(21)1", "sgtin-97", None, "there is no scheme"),
        ("(10)ABC", None, None, "is a key that a tag carries"),
        ("(8003)0952114112345", None, None, "not 14 digits"),
        ("(8003)09521141123454", None, None, "has no serial"),
        ("(00)1061414123456789081", None, None, "not 18 digits|instead of 18"),
        ("(01)80614141123458(21)1(21)2", None, None, "is both"),
        ("urn:epc:id:sgtin:0614141.812345.6789", "sgtin-96", 8, "has 7 digits, not 8"),
        ("urn:epc:id:sgtin:0614141.81234.6789", None, None, "not 6 digits"),
        ("urn:epc:tag:sgtin-96:8.0614141.812345.6789", None, None, "0 to 7"),
        ("urn:epc:tag:sgtin+:1.0614141.812345.6789", None, None, "has such a URI"),
        ("urn:epc:raw:96.x3074257BF7194E4000001A85FF", None, None, "96 bits, which its payload"),
        ("urn:epc:raw:96.xC1.x3074257BF7194E4000001A85", None, None, "ISO's"),
        ("https://example.com/shop", None, None, "no key"),
        ("https://example.com/01/80614141123458/21/a%ZZ", None, None, "begins no escape"),
        ("urn:epc:id:adi:35962..x", None, None, "'x'"),
        ("urn:epc:id:usdod:CAGIY.1", None, None, "CAGE"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(text: str, scheme: str | None, prefix_digits: int | None, because: str) -> None:
    with pytest.raises(IdentifierError, match=because):
        write(text, scheme, None, prefix_digits)


@pytest.mark.parametrize(("scheme", "greatest"), [("sgtin-96", 7), ("adi-var", 63), ("usdod-96", 15), ("gid-96", 0), ("sgtin+", 7)])
def test_filter_value_fits_the_scheme(scheme: str, greatest: int) -> None:
    uri = {"adi-var": "urn:epc:id:adi:35962.PQ7VZ4.M37GXB92", "usdod-96": "urn:epc:id:usdod:CAGEY.5678", "gid-96": "urn:epc:id:gid:1.2.3"}
    text = uri.get(scheme, "urn:epc:id:sgtin:0614141.812345.6789")

    assert decode(write(text, scheme, greatest).hex).filter_value == (greatest or None)
    with pytest.raises(IdentifierError, match="filter value"):
        write(text, scheme, greatest + 1)


def test_links_and_urns_name_the_same_pallet_and_the_same_item() -> None:
    assert sscc_of("urn:epc:id:sscc:952012.03456789123") == sscc_of("https://id.gs1.org/00/095201234567891235") == "095201234567891235"
    assert sgtin_of("urn:epc:id:sgtin:9521141.712345.32a%2Fb") == sgtin_of("https://shop.example/x/01/79521141123453/10/L/21/32a%2Fb?17=220630")
    assert sscc_from_uri(epc_uri("F90095201234567891235") or "") == "095201234567891235"
    assert sgtin_from_uri(epc_uri("F73795211411234538566CB0AFC4") or "") == ("79521141123453", "32a/b")


@pytest.mark.parametrize(
    "uri", ["", "https://id.gs1.org/01/79521141123453", "urn:epc:id:sscc:1.2", "https://id.gs1.org/00/095201234567891234", "http://[", "x"]
)
def test_what_names_no_single_object_is_none_and_no_error(uri: str) -> None:
    assert (identity_of_uri(uri), sscc_of(uri), sgtin_of(uri)) == (None, None, None)


def test_place_is_neither_pallet_nor_item() -> None:
    uri = "https://id.gs1.org/414/9521141123454/254/5678"

    assert (sscc_of(uri), sgtin_of(uri)) == (None, None)
    assert read(uri).identity.gln == "9521141123454"

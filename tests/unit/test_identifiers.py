# SPDX-License-Identifier: Apache-2.0
import contextlib

import llrpkit.epc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identifiers import (
    IdentifierError,
    Sgln,
    Sgtin,
    Sscc,
    check_digit,
    check_gln,
    check_sscc,
    decode_epc,
    epc_uri,
    normalise_gtin,
    parse_uri,
    sgln_uri,
    sgtin_from_uri,
    sgtin_uri,
    sscc_from_uri,
    sscc_uri,
)

# GS1 TDS annex E.3, and four of an independent decoder (epcpy 0.1.8).
VECTORS = [
    ("3074257BF7194E4000001A85", "urn:epc:tag:sgtin-96:3.0614141.812345.6789", "(01)80614141123458(21)6789"),
    ("3066C4409047E140075BCD15", "urn:epc:tag:sgtin-96:3.95060001343.05.123456789", "(01)09506000134352(21)123456789"),
    ("30340242201D8840009EFDF7", "urn:epc:tag:sgtin-96:1.0037000.030241.10419703", "(01)00037000302414(21)10419703"),
    ("3174257BF4499602D2000000", "urn:epc:tag:sscc-96:3.0614141.1234567890", "(00)106141412345678908"),
    ("311BA1B300CE0A6A83000000", "urn:epc:tag:sscc-96:0.952012.03456789123", "(00)095201234567891235"),
    ("3274257BF46072000000162E", "urn:epc:tag:sgln-96:3.0614141.12345.5678", "(414)0614141123452(254)5678"),
]

prefix_lengths = st.integers(6, 12)
digit_texts = st.text("0123456789", min_size=17, max_size=17)
serial_characters = "!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz"


@pytest.mark.parametrize(("epc_hex", "tag_uri", "elements"), VECTORS)
def test_epc_decodes_to_uri_and_elements(epc_hex: str, tag_uri: str, elements: str) -> None:
    tag = decode_epc(epc_hex)

    assert tag.tag_uri == tag_uri
    assert tag.identity.element_string == elements
    assert tag.identity.hex(tag.filter_value) == epc_hex
    assert parse_uri(tag.identity.uri) == tag.identity
    assert epc_uri(epc_hex.lower()) == tag.identity.uri


@pytest.mark.parametrize(
    "epc_hex",
    [
        "307C257BF7194E4000001A85",  # partition 7
        "3074257BF7194E4000001A",  # 11 bytes
        "3074257BF7194E4000001A8500",
        "",
        "E28011606000020000000000",  # a TID
        "3174257BF4499602D2000001",  # SSCC-96 padding not zero
        "3077FFFFFF194E4000001A85",  # company prefix of 8 digits under partition 5
        "3063FFFFFFFFFFFFFFFFFFFF",
        "3074257BF7194E4000001A8G",
        "3074257BF7194E400000_A85",
        " 074257BF7194E4000001A85",
        "307425٣BF7194E4000001A85",
        "F7014000000000000000000A",  # SGTIN+
    ],
)
def test_epc_that_is_none_of_ours_is_refused(epc_hex: str) -> None:
    with pytest.raises(IdentifierError):
        decode_epc(epc_hex)

    assert epc_uri(epc_hex) is None


@pytest.mark.parametrize(
    ("payload", "digit"),
    [("0950600013435", "2"), ("10614141234567890", "8"), ("61414112345", "2"), ("0234567", "3"), ("690123456789", "2"), ("950110102001", "6")],
)
def test_check_digit_is_gs1s(payload: str, digit: str) -> None:
    assert check_digit(payload) == digit


@pytest.mark.parametrize(
    ("text", "gtin"),
    [("02345673", "00000002345673"), ("614141123452", "00614141123452"), ("6901234567892", "06901234567892"), ("80614141123458", "80614141123458")],
)
def test_gtin_of_any_length_becomes_fourteen_digits(text: str, gtin: str) -> None:
    assert normalise_gtin(text) == gtin


@pytest.mark.parametrize("text", ["", "1", "6901234567893", "690123456789", "06901234567892x", "٦901234567892", "123456789"])
def test_gtin_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError, match="GTIN"):
        normalise_gtin(text)


def test_sscc_and_gln_are_checked() -> None:
    assert check_sscc("106141412345678908") == "106141412345678908"
    assert check_gln("9501101020016") == "9501101020016"

    with pytest.raises(IdentifierError, match="expected 8"):
        check_sscc("106141412345678907")
    with pytest.raises(IdentifierError, match="13 digits"):
        check_gln("950110102001")


def test_sscc_becomes_uri_and_back() -> None:
    uri = sscc_uri("106141412345678908", 7)

    assert uri == "urn:epc:id:sscc:0614141.1234567890"
    assert sscc_from_uri(uri) == "106141412345678908"


def test_sgtin_uri_escapes_what_a_uri_does_not_allow() -> None:
    uri = sgtin_uri("80614141123458", '32a/b"%', 7)

    assert uri == "urn:epc:id:sgtin:0614141.812345.32a%2Fb%22%25"
    assert sgtin_from_uri(uri) == ("80614141123458", '32a/b"%')


def test_gln_becomes_uri_with_and_without_extension() -> None:
    assert sgln_uri("0614141123452", 7) == "urn:epc:id:sgln:0614141.12345.0"
    assert sgln_uri("0614141123452", 12, "5678") == "urn:epc:id:sgln:061414112345..5678"
    assert decode_epc(Sgln("061414112345", "", "5678").hex()).identity == Sgln("061414112345", "", "5678")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "urn:epc:id:sgtin:0614141.81234.6789",
        "urn:epc:id:sgtin:0614141.812345",
        "urn:epc:id:sgtin:0614141.812345.",
        "urn:epc:id:sgtin:0614141.812345.a%41",
        "urn:epc:id:sgtin:0614141.812345.a/b",
        "urn:epc:id:sgtin:0614141.812345." + "1" * 21,
        "urn:epc:id:sscc:0614141.1234567890.1",
        "urn:epc:id:sscc:06141.123456789012",
        "urn:epc:id:giai:0614141.12345",
        "urn:epc:id:sgtin:0614141.812345.6\n",
    ],
)
def test_uri_that_is_wrong_is_refused(uri: str) -> None:
    with pytest.raises(IdentifierError):
        parse_uri(uri)


def test_uri_of_another_scheme_is_refused_by_kind() -> None:
    with pytest.raises(IdentifierError, match="sscc"):
        sscc_from_uri("urn:epc:id:sgtin:0614141.812345.6789")
    with pytest.raises(IdentifierError, match="sgtin"):
        sgtin_from_uri("urn:epc:id:sscc:0614141.1234567890")


@pytest.mark.parametrize(
    ("identity", "filter_value"),
    [
        (Sgtin("0614141", "812345", "06789"), 0),  # a leading zero would be lost
        (Sgtin("0614141", "812345", str(2**38)), 0),
        (Sgtin("0614141", "812345", "A1"), 0),
        (Sgtin("0614141", "81234", "1"), 0),
        (Sgtin("06141", "8123456", "1"), 0),
        (Sscc("0614141", "1234567890"), 8),
        (Sgln("0614141", "12345", "00"), 0),
    ],
)
def test_identity_that_does_not_fit_96_bits_is_refused(identity: Sgtin | Sscc | Sgln, filter_value: int) -> None:
    with pytest.raises(IdentifierError):
        identity.hex(filter_value)


@given(digits=digit_texts, length=prefix_lengths, serial=st.integers(0, 2**38 - 1), filter_value=st.integers(0, 7))
def test_every_identity_survives_hex_and_uri(digits: str, length: int, serial: int, filter_value: int) -> None:
    for identity in (
        Sgtin(digits[:length], digits[length:13], str(serial)),
        Sscc(digits[:length], digits[length:17]),
        Sgln(digits[:length], digits[length:12], str(serial)),
    ):
        tag = decode_epc(identity.hex(filter_value))

        assert (tag.identity, tag.filter_value) == (identity, filter_value)
        assert parse_uri(identity.uri) == identity


@given(digits=digit_texts, length=prefix_lengths, serial=st.integers(0, 2**38 - 1), filter_value=st.integers(0, 7))
def test_every_tag_is_read_as_somebody_elses_decoder_reads_it(digits: str, length: int, serial: int, filter_value: int) -> None:
    identities = (
        Sgtin(digits[:length], digits[length:13], str(serial)),
        Sscc(digits[:length], digits[length:17]),
        Sgln(digits[:length], digits[length:12], str(serial)),
    )
    for identity in identities:
        epc_hex = identity.hex(filter_value)

        theirs = llrpkit.epc.decode_epc(epc_hex)

        assert theirs is not None
        assert (theirs.tag_uri, theirs.pure_identity_uri) == (decode_epc(epc_hex).tag_uri, identity.uri)
        assert theirs.fields.get("gtin", theirs.fields.get("sscc", theirs.fields.get("gln"))) == getattr(
            identity, {"sgtin-96": "gtin", "sscc-96": "sscc", "sgln-96": "gln"}[theirs.scheme]
        )


@given(serial=st.text(serial_characters, min_size=1, max_size=20), length=prefix_lengths)
def test_every_serial_survives_the_uri(serial: str, length: int) -> None:
    assert sgtin_from_uri(sgtin_uri("80614141123458", serial, length)) == ("80614141123458", serial)


@given(
    st.integers(0, 2**96 - 1).map(lambda bits: f"{bits:024X}")
    | st.sampled_from(["30", "31", "32"]).flatmap(lambda header: st.text("0123456789ABCDEF", min_size=22, max_size=22).map(header.__add__))
)
def test_epc_bits_are_refused_or_come_back_the_same(epc_hex: str) -> None:
    try:
        tag = decode_epc(epc_hex)
    except IdentifierError:
        return

    assert tag.identity.hex(tag.filter_value) == epc_hex


@given(st.text(max_size=60))
def test_any_text_is_never_more_than_refused(text: str) -> None:
    assert epc_uri(text) is None or len(text) == 24
    for parse in (parse_uri, normalise_gtin, check_sscc, check_gln):
        with contextlib.suppress(IdentifierError):
            parse(text)

# SPDX-License-Identifier: Apache-2.0
import pytest

from contracts.epc.digits import IdentifierError
from contracts.epc.forms import described, parse, read, write
from contracts.epc.identities import of_uri
from contracts.epc.pure import epc_uri, pure_uri
from contracts.epc.tags import SCHEMES, decode, encode
from gateway.portal.pallets import sscc_of
from tests.unit.epc.vectors import PLUS, WITH_PREFIX

pytestmark = pytest.mark.requirement("E5")


@pytest.mark.parametrize(("scheme", "epc_hex", "tag_uri", "elements"), WITH_PREFIX, ids=[row[0] for row in WITH_PREFIX])
def test_tag_with_a_company_prefix_is_read_as_the_standard_reads_it(scheme: str, epc_hex: str, tag_uri: str, elements: str | None) -> None:
    epc = decode(epc_hex)

    assert (epc.scheme, epc.tag_uri, epc.element_string) == (scheme, tag_uri, elements)
    assert pure_uri(epc_hex) == epc_uri(epc_hex.lower()) == epc.identity.uri == epc.identity.urn
    assert of_uri(epc.identity.uri) == epc.identity


@pytest.mark.parametrize(("scheme", "epc_hex", "tag_uri", "elements"), WITH_PREFIX, ids=[row[0] for row in WITH_PREFIX])
def test_every_form_of_it_leads_back_to_the_same_tag(scheme: str, epc_hex: str, tag_uri: str, elements: str | None) -> None:
    epc = decode(epc_hex)
    prefix_digits = described(epc)["company_prefix_length"]
    forms = [epc.hex, epc.raw_uri, tag_uri, epc.identity.urn, elements, epc.machine_string, epc.digital_link]

    for form in filter(None, forms):
        assert write(form, scheme, epc.filter_value, prefix_digits) == epc, form


@pytest.mark.parametrize(("scheme", "epc_hex", "filter_value", "link", "elements"), PLUS, ids=[row[0] for row in PLUS])
def test_plus_tag_is_read_and_written_as_the_standard_does(scheme: str, epc_hex: str, filter_value: int, link: str, elements: str) -> None:
    epc = decode(epc_hex)

    assert (epc.scheme, epc.filter_value, epc.digital_link, epc.element_string, epc.tag_uri) == (scheme, filter_value, link, elements, None)
    assert epc.hex.startswith(epc_hex)
    assert len(epc.hex) % 4 == 0
    assert epc_uri(epc_hex) == epc.identity.digital_link
    for form in (epc.hex, epc.raw_uri, elements, epc.machine_string, link):
        assert form is not None
        assert write(form, scheme, filter_value, host=epc.host) == epc, form


def test_every_scheme_of_the_standard_has_its_example() -> None:
    shown = {row[0] for row in (*WITH_PREFIX, *PLUS)}

    assert set(SCHEMES) - shown == {"gdti-113"}  # deprecated; the annex shows it no more


def test_gdti_113_is_still_read() -> None:
    epc = encode(of_uri("urn:epc:id:gdti:0614141.12345.006847"), "gdti-113", 3)

    assert decode(epc.hex) == epc
    assert epc.element_string == "(253)0614141123452006847"


def test_tag_with_a_date_keeps_it_out_of_the_identity() -> None:
    epc = decode("FB342CDE795211411234538566CB0AFC4")

    assert epc.date == (("17", "220630"),)
    assert epc.identity == decode("F73795211411234538566CB0AFC4").identity


def test_plus_tag_has_a_urn_once_the_length_of_the_prefix_is_said() -> None:
    epc = read("F73795211411234538566CB0AFC4", 7)

    assert epc.identity.urn == "urn:epc:id:sgtin:9521141.712345.32a%2Fb"
    assert epc.identity.elements == decode("F73795211411234538566CB0AFC4").identity.elements


def test_shortest_scheme_is_chosen_that_holds_it() -> None:
    def chosen(text: str, prefix_digits: int | None = None) -> str:
        return read(text, prefix_digits).scheme

    assert chosen("(01)80614141123458(21)6789", 7) == "sgtin-96"
    assert chosen("(01)80614141123458(21)06789", 7) == "sgtin-198"
    assert chosen("(01)80614141123458(21)6789") == "sgtin+"
    assert chosen("(01)80614141123458(21)6789(10)LOT", 7) == "sgtin+"
    assert chosen("urn:epc:id:cpi:0614141.5PQ7.1") == "cpi-var"
    assert chosen("urn:epc:id:gdti:0614141.12345.A") == "gdti-174"


def test_scanner_string_with_symbology_and_separators_is_read() -> None:
    given = parse("]C1010950600013435221ABC\x1d17270131")

    assert given.identity.elements == (("01", "09506000134352"), ("21", "ABC"))
    assert given.attributes == (("17", "270131"),)


def test_tag_uri_with_control_fields_is_read_without_them() -> None:
    assert read("urn:epc:tag:[att=x01][umi=1]:sgtin-96:3.0614141.812345.6789").hex == "3074257BF7194E4000001A85"


def test_place_as_a_whole_has_no_extension_in_its_elements() -> None:
    epc = read("urn:epc:id:sgln:9521141.12345.0")
    plus = write("(414)9521141123454", "sgln+", 0)

    assert epc.element_string == plus.element_string == "(414)9521141123454"
    assert decode(plus.hex).identity.elements == epc.identity.elements


@pytest.mark.parametrize("uri", ["urn:epc:id:pgln:0614141.12345", "urn:epc:class:lgtin:0614141.812345.A", "urn:epc:id:what:1.2", "urn:epc:idpat:sgtin:*.*.*"])
def test_uri_that_no_tag_carries_is_refused(uri: str) -> None:
    with pytest.raises(IdentifierError):
        read(uri)


def test_dock_door_knows_a_pallet_by_either_scheme_of_its_label() -> None:
    assert sscc_of("F90095201234567891235000") == sscc_of("311BA1B300CE0A6A83000000") == "095201234567891235"
    assert sscc_of("F73795211411234538566CB0AFC4") is None

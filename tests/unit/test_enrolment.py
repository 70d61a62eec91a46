# SPDX-License-Identifier: Apache-2.0
"""One-time codes and sealed answers: what a listener, a man in the middle or a guesser can do with them, which is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from central.fleet.authority import Authority, AuthorityError, load_authority, make_authority, read_request, serial_of, to_pem
from central.fleet.enrolment_rules import FAILURES_MAX, KnownCode, Tries, check_code_terms, fault_of_code
from contracts.enrolment import Code, Enrolled, EnrolmentError, make_code, open_sealed, read_code, request_hash, request_mac
from gateway.trust import Enrolment, is_renewal_due, renewal_pause_s
from gateway.trust_keys import _checked, _new_key, keep

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), "Test", NOW)


def enrolled(authority: Authority, request: str, issued_at: datetime = NOW, gateway: str = "g") -> Enrolled:
    certificate = to_pem(authority.certify_client(read_request(request), gateway, "s", issued_at))
    words = {"gateway": gateway, "site": "s", "certificate": certificate, "authority": authority.pem, "signing_key": authority.signing_public}
    return Enrolled(**words, request_hash=request_hash(request), issued_at=issued_at)


@pytest.mark.requirement("E14")
def test_code_is_read_however_it_is_typed_and_tells_nothing_by_its_id(authority: Authority) -> None:
    code = make_code(authority.fingerprint)

    assert read_code(f"  {str(code).lower().replace('-', ' ')}\n") == code
    assert len({code.id, code.key.hex()[:16], code.secret.hex()[:16]}) == 3
    for wrong in ("", "ABCD", str(code)[:-1], "0" * 32):
        with pytest.raises(EnrolmentError, match="no enrolment code"):
            read_code(wrong)


@pytest.mark.requirement("E14")
def test_code_is_for_one_request_within_its_time() -> None:
    code, request = Code(b"0123456789", b"x" * 10), "request"
    known = KnownCode(code.key, NOW + timedelta(hours=1), 0, "")
    mac = request_mac(code.key, request)

    assert fault_of_code(known, request, mac, NOW) == ""
    assert fault_of_code(known, "another request", mac, NOW) == "wrong"
    assert fault_of_code(known, request, mac, NOW + timedelta(hours=1)) == "expired"
    locked = KnownCode(code.key, known.expires_at, FAILURES_MAX, "")
    assert fault_of_code(locked, request, mac, NOW) == "locked"
    used = KnownCode(code.key, known.expires_at, 0, request_hash(request))
    assert fault_of_code(used, request, mac, NOW + timedelta(days=9)) == "", "the same request may have lost its answer"
    assert fault_of_code(used, "another", request_mac(code.key, "another"), NOW) == "used"
    assert fault_of_code(KnownCode(b"", known.expires_at, 0, ""), request, mac, NOW) == "used"


def test_callers_who_fail_too_often_must_wait_and_others_need_not() -> None:
    tries = Tries()
    for second in range(10):
        assert tries.wait_s("a", second) == 0
        tries.failed("a", second)

    assert tries.wait_s("a", 10) == 50
    assert tries.wait_s("b", 10) == 0
    assert tries.wait_s("a", 61) == 0


def test_code_names_brokers_with_tls_and_names_that_topics_take() -> None:
    check_code_terms("g", "s", ["mqtts://b:8883"])
    for gateway, brokers in (("G 1", ["mqtts://b:8883"]), ("@central", ["mqtts://b:8883"]), ("g", []), ("g", ["mqtt://b:1883"]), ("g", ["mqtts://u:p@b:1"])):
        with pytest.raises(ValueError, match=r"."):
            check_code_terms(gateway, "s", brokers)


@pytest.mark.requirement("E14")
def test_answer_of_another_authority_or_a_changed_one_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    _, request = _new_key(tmp_path)
    sealed = authority.seal(enrolled(authority, request))
    foreign = make_authority(tmp_path / "foreign", "Test", NOW)

    assert open_sealed(sealed, fingerprint=authority.fingerprint) == open_sealed(sealed, authority=authority.pem)
    with pytest.raises(EnrolmentError, match="another authority"):
        open_sealed(foreign.seal(enrolled(foreign, request)), fingerprint=authority.fingerprint)
    changed = msgspec.structs.replace(sealed, document=sealed.document.replace('"gateway":"g"', '"gateway":"h"'))
    with pytest.raises(EnrolmentError, match="does not hold"):
        open_sealed(changed, fingerprint=authority.fingerprint)


@pytest.mark.requirement("E14")
def test_certificate_for_another_key_gateway_or_request_is_not_kept(authority: Authority, tmp_path: Path) -> None:
    key, request = _new_key(tmp_path)
    good = enrolled(authority, request)
    other = enrolled(authority, _new_key(tmp_path / "other" if not (tmp_path / "other").mkdir() else tmp_path)[1])

    for wrong in (
        msgspec.structs.replace(good, request_hash=other.request_hash),
        msgspec.structs.replace(good, certificate=other.certificate),
        msgspec.structs.replace(good, gateway="h"),
        enrolled(authority, request, NOW - timedelta(days=4000)),
    ):
        with pytest.raises(EnrolmentError):
            keep(tmp_path, "http://c", key, request, wrong)
    assert not (tmp_path / "identity.pem").exists()


@pytest.mark.requirement("E14")
def test_machine_whose_clock_is_behind_believes_central_s_clock(authority: Authority, tmp_path: Path) -> None:
    """What is issued in the year 2126 is taken by a machine of today, as one of 1970 takes what is issued today."""
    key, request = _new_key(tmp_path)
    later = enrolled(authority, request, NOW + timedelta(days=3650))

    assert _checked(key, request, later).not_valid_after_utc == later.issued_at + timedelta(days=90)
    assert authority.certificate.not_valid_before_utc.year == 1970
    server = x509.load_pem_x509_certificate(authority.make_server(["b"], NOW, for_gateways=True).certificate.encode())
    assert (server.not_valid_before_utc.year, server.not_valid_after_utc > NOW) == (1970, True)


def test_key_and_request_stay_until_the_certificate_is_there(authority: Authority, tmp_path: Path) -> None:
    key, request = _new_key(tmp_path)
    again, same = _new_key(tmp_path)
    assert (again.public_key(), same) == (key.public_key(), request)

    keep(tmp_path, "http://c", key, request, enrolled(authority, request, datetime.now(UTC)))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["authority.pem", "enrolment.json", "identity.pem"]
    assert (tmp_path / "identity.pem").stat().st_mode & 0o077 == 0
    assert _new_key(tmp_path)[1] != request


@pytest.mark.requirement("E14")
def test_certificate_is_renewed_at_two_thirds_of_its_life() -> None:
    enrolment = Enrolment(gateway="g", site="s", central="http://c", signing_key="", certified_at=NOW, certificate_until=NOW + timedelta(days=90))

    assert not is_renewal_due(enrolment, NOW + timedelta(days=59))
    assert is_renewal_due(enrolment, NOW + timedelta(days=60))
    assert renewal_pause_s(enrolment, NOW + timedelta(days=59, hours=12), 0) == 43_200
    assert renewal_pause_s(enrolment, datetime(1970, 1, 1, tzinfo=UTC), 0) == 86_400
    assert [renewal_pause_s(enrolment, NOW, failures) for failures in (1, 2, 9)] == [240, 960, 21_600]


def test_authority_whose_key_others_can_read_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    make_authority(folder, "Test", NOW, b"pass")

    assert load_authority(folder, b"pass").signing_public
    with pytest.raises(AuthorityError, match="passphrase"):
        load_authority(folder, b"")
    with pytest.raises(AuthorityError, match="already"):
        make_authority(folder, "Test", NOW)
    (folder / "signing-key.pem").chmod(0o644)
    with pytest.raises(AuthorityError, match="read by others"):
        load_authority(folder, b"pass")
    with pytest.raises(AuthorityError, match="no authority"):
        load_authority(tmp_path / "none")


def test_only_requests_of_the_curve_p256_are_certified(authority: Authority) -> None:
    from cryptography.hazmat.primitives import hashes, serialization

    key = ec.generate_private_key(ec.SECP384R1())
    other = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    for wrong in (
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
        other.public_bytes(serialization.Encoding.PEM).decode(),
    ):
        with pytest.raises(EnrolmentError):
            read_request(wrong)


def test_revocation_list_names_what_was_revoked_and_does_not_run_out(authority: Authority, tmp_path: Path) -> None:
    _, request = _new_key(tmp_path)
    certificate = authority.certify_client(read_request(request), "g", "s", NOW)
    revoked = x509.load_pem_x509_crl(authority.revocation_list([(int(serial_of(certificate), 16), NOW)], NOW))

    assert revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    assert revoked.next_update_utc == authority.certificate.not_valid_after_utc
    assert revoked.is_signature_valid(authority.key.public_key())

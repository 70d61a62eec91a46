# SPDX-License-Identifier: Apache-2.0
"""Use cases of trust: one-time codes, certificates for keys that never leave their gateway, renewal, revocation (docs/decisions/0030)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, insert, select, update

from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, ForbiddenError
from central.fleet.authority import Authority, read_request, serial_of, to_pem
from central.fleet.enrolment_rules import CODE_LIFE, KnownCode, check_code_terms, fault_of_code
from central.fleet.service import UnknownGatewayError, check_site, enrol
from central.fleet.tables import enrolment_code, gateway_certificate
from central.fleet.tables import gateway as gateway_table
from contracts.enrolment import (
    Code,
    Enrolled,
    EnrolmentError,
    EnrolmentRequest,
    RenewalRequest,
    Sealed,
    check_signature,
    make_code,
    renewal_payload,
    request_hash,
)
from contracts.topics import GatewayAddress, partition_of

_WHY = {
    "wrong": "this code is not known; look at it once more, or have a new one made",
    "used": "this code was used already; if not by you, revoke the gateway. Have a new code made",
    "expired": "this code has run out; have a new one made",
    "locked": "this code was tried too often with a wrong secret; have a new one made",
}


class EnrolmentRefusedError(ForbiddenError):
    """A code or a certificate that does not allow what is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__("enrolment_refused", reason)


class BadRequestForCertificateError(DomainError):
    """What shall be certified cannot be."""

    def __init__(self, reason: str) -> None:
        super().__init__("bad_certificate_request", reason)


class CodeTermsError(DomainError):
    """A code cannot be made like this."""

    def __init__(self, reason: str) -> None:
        super().__init__("bad_enrolment_code", reason)


@dataclass(frozen=True, slots=True)
class MadeCode:
    """A new code: shown once, and until when it holds."""

    code: Code
    expires_at: datetime
    brokers: tuple[str, ...]


def offer_code(
    connection: Connection, authority: Authority, gateway: str, site: str, brokers: Sequence[str], now: datetime, actor: str = "", life: timedelta = CODE_LIFE
) -> MadeCode:
    """A one-time code for a gateway; an older one that was not used is worth nothing from now on. Without `brokers` those of the site's last code are told.

    Raises: CodeTermsError: names or brokers that will not do. GatewaySiteError: the gateway is enrolled at another site.
    """
    told = tuple(brokers) or _brokers_of(connection, site)
    try:
        check_code_terms(gateway, site, told)
    except ValueError as error:
        raise CodeTermsError(str(error)) from error
    check_site(connection, gateway, site)
    code, expires_at = make_code(authority.fingerprint), now + life
    waiting = (enrolment_code.c.gateway == gateway) & enrolment_code.c.used_at.is_(None)
    connection.execute(update(enrolment_code).where(waiting).values(mac_key=b"", expires_at=now))
    row = {"id": code.id, "gateway": gateway, "site": site, "mac_key": code.key, "brokers": "\n".join(told)}
    connection.execute(insert(enrolment_code).values(**row, made_at=now, made_by=actor, expires_at=expires_at))
    return MadeCode(code, expires_at, told)


def _brokers_of(connection: Connection, site: str) -> tuple[str, ...]:
    query = select(enrolment_code.c.brokers).where(enrolment_code.c.site == site).order_by(enrolment_code.c.made_at.desc()).limit(1)
    return tuple((connection.execute(query).scalar() or "").split())


def redeem(connection: Connection, authority: Authority, asked: EnrolmentRequest, now: datetime) -> Sealed | None:
    """The certificate for a request that knows a code; the same request again gets the same. A gateway that was revoked counts again from now on.

    None: the secret is wrong, which is counted; say `wrong_code` after the commit. Raises: EnrolmentRefusedError. BadRequestForCertificateError.
    """
    row = connection.execute(select(enrolment_code).where(enrolment_code.c.id == asked.code).with_for_update()).one_or_none()
    if row is None:
        return None
    fault = fault_of_code(KnownCode(row.mac_key, row.expires_at, row.failures, row.request_hash), asked.request, asked.mac, now)
    if fault == "wrong":
        connection.execute(update(enrolment_code).where(enrolment_code.c.id == asked.code).values(failures=enrolment_code.c.failures + 1))
        return None
    if fault:
        raise EnrolmentRefusedError(_WHY[fault])
    brokers = row.brokers.split()
    if row.request_hash:
        return _sealed(connection, authority, row.gateway, row.site, _certificate_for(connection, row.gateway, asked.request), asked.request, brokers, now)
    enrol(connection, GatewayAddress(partition_of(row.site), row.site, row.gateway), now, is_anew=True)
    connection.execute(update(gateway_table).where(gateway_table.c.id == row.gateway).values(revoked_at=None))
    used = {"used_at": now, "request_hash": request_hash(asked.request)}
    connection.execute(update(enrolment_code).where(enrolment_code.c.id == asked.code).values(**used))
    made = _certify(connection, authority, row.gateway, row.site, asked.request, "code", now)
    return _sealed(connection, authority, row.gateway, row.site, made, asked.request, brokers, now)


def wrong_code() -> EnrolmentRefusedError:
    """What is said to whoever does not know a code."""
    return EnrolmentRefusedError(_WHY["wrong"])


def renew(connection: Connection, authority: Authority, gateway: str, asked: RenewalRequest, now: datetime) -> Sealed:
    """Another certificate for a gateway whose present one is in force, and whose key signed for it. The same request again gets the same.

    Raises: UnknownGatewayError. EnrolmentRefusedError: not in force, revoked, or not signed by its key. BadRequestForCertificateError.
    """
    row = connection.execute(select(gateway_table.c.site, gateway_table.c.revoked_at).where(gateway_table.c.id == gateway)).one_or_none()
    if row is None:
        raise UnknownGatewayError(gateway)
    if row.revoked_at is not None:
        raise EnrolmentRefusedError(f"gateway {gateway} was revoked; have a new code made if that was a mistake")
    _check_in_force(connection, gateway, asked.certificate, now)
    try:
        check_signature(asked.certificate, renewal_payload(gateway, asked.request), asked.signature)
    except EnrolmentError as error:
        raise EnrolmentRefusedError(str(error)) from error
    pem = _certificate_for(connection, gateway, asked.request) or _certify(connection, authority, gateway, row.site, asked.request, "renewal", now)
    return _sealed(connection, authority, gateway, row.site, pem, asked.request, _brokers_of(connection, row.site), now)


def _check_in_force(connection: Connection, gateway: str, pem: str, now: datetime) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise BadRequestForCertificateError(f"the present certificate cannot be read: {error}") from error
    known = connection.execute(select(gateway_certificate).where(gateway_certificate.c.serial == serial_of(certificate))).one_or_none()
    if known is None or known.gateway != gateway or _der(known.certificate) != certificate.public_bytes(Encoding.DER):
        raise EnrolmentRefusedError(f"this certificate was not made here for gateway {gateway}; enrol it with a new code")
    if known.revoked_at is not None:
        raise EnrolmentRefusedError(f"this certificate of gateway {gateway} was revoked; enrol it with a new code")
    if now >= known.valid_until:
        raise EnrolmentRefusedError(f"the certificate of gateway {gateway} ended at {known.valid_until:%Y-%m-%d %H:%M} UTC; enrol it with a new code")


def _der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def _certify(connection: Connection, authority: Authority, gateway: str, site: str, request: str, how: str, now: datetime) -> str:
    try:
        certificate = authority.certify_client(read_request(request), gateway, site, now)
    except EnrolmentError as error:
        raise BadRequestForCertificateError(str(error)) from error
    pem = to_pem(certificate)
    row = {"serial": serial_of(certificate), "gateway": gateway, "certificate": pem, "request_hash": request_hash(request), "how": how}
    connection.execute(insert_or_leave(connection, gateway_certificate).values(**row, made_at=now, valid_until=certificate.not_valid_after_utc))
    return pem


def _certificate_for(connection: Connection, gateway: str, request: str) -> str:
    mine = (
        (gateway_certificate.c.gateway == gateway) & (gateway_certificate.c.request_hash == request_hash(request)) & gateway_certificate.c.revoked_at.is_(None)
    )
    return connection.execute(select(gateway_certificate.c.certificate).where(mine)).scalar() or ""


def _sealed(
    connection: Connection, authority: Authority, gateway: str, site: str, certificate: str, request: str, brokers: Sequence[str], now: datetime
) -> Sealed:
    if not certificate:
        raise EnrolmentRefusedError(_WHY["used"])
    return authority.seal(
        Enrolled(
            gateway=gateway,
            site=site,
            certificate=certificate,
            authority=authority.pem,
            signing_key=authority.signing_public,
            request_hash=request_hash(request),
            issued_at=now,
            brokers=list(brokers),
        )
    )


def revoke(connection: Connection, gateway: str, reason: str, now: datetime) -> int:
    """Take back all trust in a gateway: its certificates, its codes, and whatever it still says. Returns how many certificates that were.

    Raises: UnknownGatewayError. ConflictError: it was revoked before.
    """
    row = connection.execute(select(gateway_table.c.revoked_at).where(gateway_table.c.id == gateway)).one_or_none()
    if row is None:
        raise UnknownGatewayError(gateway)
    if row.revoked_at is not None:
        raise ConflictError("gateway_revoked", f"gateway {gateway} was revoked at {row.revoked_at:%Y-%m-%d %H:%M} UTC already")
    connection.execute(update(gateway_table).where(gateway_table.c.id == gateway).values(revoked_at=now))
    waiting = (enrolment_code.c.gateway == gateway) & enrolment_code.c.used_at.is_(None)
    connection.execute(update(enrolment_code).where(waiting).values(mac_key=b"", expires_at=now))
    in_force = (gateway_certificate.c.gateway == gateway) & gateway_certificate.c.revoked_at.is_(None)
    return connection.execute(update(gateway_certificate).where(in_force).values(revoked_at=now, reason=reason)).rowcount


def revocation_list(connection: Connection, authority: Authority, now: datetime) -> bytes:
    """The list of revoked certificates for a broker, PEM; those that have ended by themselves are left out."""
    query = select(gateway_certificate.c.serial, gateway_certificate.c.revoked_at)
    query = query.where(gateway_certificate.c.revoked_at.is_not(None), gateway_certificate.c.valid_until > now).order_by(gateway_certificate.c.serial)
    return authority.revocation_list([(int(row.serial, 16), row.revoked_at) for row in connection.execute(query)], now)


class NoAuthorityError(ForbiddenError):
    """This central was started without an authority."""

    def __init__(self) -> None:
        super().__init__("no_authority", "this central signs nothing; make an authority with 'dockline central authority init', then start it with --authority")

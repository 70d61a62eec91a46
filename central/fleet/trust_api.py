# SPDX-License-Identifier: Apache-2.0
"""Routes of trust: gateways get and renew certificates, people see and revoke them. Enrolling needs no API key: a code or a certificate proves itself."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from central.database import in_transaction, reading
from central.errors import DomainError
from central.examples import answer, body
from central.fleet import broker_files, enrolment, queries
from central.fleet.authority import Authority
from central.fleet.enrolment import NoAuthorityError
from central.fleet.enrolment_rules import Tries
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from contracts.enrolment import EnrolmentRequest, RenewalRequest, Sealed

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", tags=["fleet"])

_PEM_MAX = 8000
_REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nMIHKMHICAQAwADBZ...\n-----END CERTIFICATE REQUEST-----\n"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB0jCCAXmgAwIB...\n-----END CERTIFICATE-----\n"
GatewayName = Annotated[str, Path(min_length=1, max_length=64, description="id of the gateway", examples=["gate-1"])]


class TooManyTriesError(DomainError):
    """A caller was wrong too often."""

    status = 429

    def __init__(self, wait_s: float) -> None:
        super().__init__("too_many_tries", f"too many wrong codes came from there; try again in {wait_s:.0f} s")


class EnrolmentIn(BaseModel):
    """A request for a certificate by whoever knows a one-time code; see contracts/enrolment.py for how to make it."""

    model_config = body({"code": "6b1fd1f0a9c3e24d", "request": _REQUEST, "mac": "0" * 64})

    code: str = Field(pattern=r"^[0-9a-f]{16}$", description="id of the code, derived from it; never the code itself")
    request: str = Field(min_length=1, max_length=_PEM_MAX, description="certificate signing request (PKCS#10, PEM) of a key of the curve P-256")
    mac: str = Field(pattern=r"^[0-9a-f]{64}$", description="HMAC with SHA-256 over the request by a key derived from the code, hex")


class RenewalIn(BaseModel):
    """A request for another certificate, signed with the key of the present one."""

    model_config = body({"gateway": "gate-1", "request": _REQUEST, "certificate": _CERTIFICATE, "signature": "MEUCIQDk"})

    gateway: str = Field(min_length=1, max_length=64, description="id of the gateway")
    request: str = Field(min_length=1, max_length=_PEM_MAX, description="certificate signing request (PKCS#10, PEM) of a key of the curve P-256")
    certificate: str = Field(min_length=1, max_length=_PEM_MAX, description="the present certificate (PEM), in force and not revoked")
    signature: str = Field(min_length=1, max_length=500, description="ECDSA with SHA-256 by its key over the renewal of contracts/enrolment.py, base64")


class SealedOut(BaseModel):
    """Certificate, authority, brokers and the key that signs configurations, signed as a whole by the authority."""

    model_config = answer({"document": '{"gateway":"gate-1","site":"shanghai-1"}', "signature": "MEQCIB0h"})

    document: str = Field(description="JSON text, signed as it stands")
    signature: str = Field(description="ECDSA with SHA-256 by the authority's key, base64")


class CertificateOut(BaseModel):
    """A certificate of a gateway."""

    model_config = answer(
        {
            "serial": "9f3c2a7be1",
            "gateway": "gate-1",
            "made_at": "2026-11-21T08:00:00Z",
            "valid_until": "2027-02-19T08:00:00Z",
            "how": "code",
            "revoked_at": None,
            "reason": "",
        }
    )

    serial: str
    gateway: str
    made_at: datetime
    valid_until: datetime
    how: str = Field(description="code or renewal")
    revoked_at: datetime | None
    reason: str


class RevocationIn(BaseModel):
    """Why a gateway is not trusted any more."""

    model_config = body({"reason": "stolen from dock 3"})

    reason: str = Field("", max_length=500, description="for people")


class RevocationOut(BaseModel):
    """What was revoked."""

    model_config = answer({"gateway": "gate-1", "revoked_at": "2026-11-21T08:00:00Z", "certificates": 1})

    gateway: str
    revoked_at: datetime
    certificates: int = Field(description="how many certificates that were in force")


class AuthorityOut(BaseModel):
    """What everybody may know of the site's authority."""

    model_config = answer({"certificate": _CERTIFICATE, "signing_key": "4pHTz1aOP8s=", "revoked": "-----BEGIN X509 CRL-----\nMIH...\n-----END X509 CRL-----\n"})

    certificate: str = Field(description="PEM")
    signing_key: str = Field(description="Ed25519, base64: checks configurations and updates")
    revoked: str = Field(description="list of the gateways' revoked certificates (CRL, PEM), for the broker")


def authority_of(request: Request) -> Authority:
    """The authority that central was started with. Raises: NoAuthorityError."""
    authority: Authority | None = request.app.state.settings.authority
    if authority is None:
        raise NoAuthorityError
    return authority


_WAIT: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "too many wrong codes came from there; wait a minute",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


@router.post("/enrolments", responses=_WAIT)
def enrol_gateway(request: Request, engine: Database, now: Now, news: News, given: EnrolmentIn) -> SealedOut:
    """Certify the key of a gateway that knows a one-time code. The same request again gets the same certificate."""
    authority, tries, caller = authority_of(request), _tries(request), request.client.host if request.client else ""
    if (wait_s := tries.wait_s(caller, time.monotonic())) > 0:
        raise TooManyTriesError(wait_s)
    asked = EnrolmentRequest(code=given.code, request=given.request, mac=given.mac)
    sealed = in_transaction(engine, lambda connection: enrolment.redeem(connection, authority, asked, now))
    if sealed is None:
        tries.failed(caller, time.monotonic())
        raise enrolment.wrong_code()
    news.tell()
    return _out(sealed)


def _tries(request: Request) -> Tries:
    tries: Tries = request.app.state.enrolment_tries
    return tries


def _out(sealed: Sealed) -> SealedOut:
    return SealedOut(document=sealed.document, signature=sealed.signature)


@router.post("/enrolments/renewals")
def renew_certificate(request: Request, engine: Database, now: Now, given: RenewalIn) -> SealedOut:
    """Certify another key of a gateway that signs for it with its present one. The same request again gets the same certificate."""
    authority = authority_of(request)
    asked = RenewalRequest(request=given.request, certificate=given.certificate, signature=given.signature)
    return _out(in_transaction(engine, lambda connection: enrolment.renew(connection, authority, given.gateway, asked, now)))


@router.get("/gateway-certificates")
def list_certificates(engine: Database, gateway: Filter = None, after: After = None, limit: Limit = 100) -> Page[CertificateOut]:
    """Certificates of gateways, newest first."""
    with reading(engine) as connection:
        return queries.certificates(connection, gateway, after, limit).of(CertificateOut)


@router.post("/gateways/{gateway}/revocation")
def revoke_gateway(request: Request, engine: Database, now: Now, news: News, gateway: GatewayName, given: RevocationIn) -> RevocationOut:
    """Take back all trust in a gateway: its certificates end, and nothing that it still says is applied. A new code enrols it again."""
    count = in_transaction(engine, lambda connection: enrolment.revoke(connection, gateway, given.reason, now))
    authority: Authority | None = request.app.state.settings.authority
    if authority is not None:
        try:
            broker_files.write_revoked(engine, authority, (), now)
        except OSError as error:  # it is revoked all the same, and GET /authority has the list
            log.warning("list of revoked certificates not written", extra={"reason": str(error)})
    news.tell()
    return RevocationOut(gateway=gateway, revoked_at=now, certificates=count)


@router.get("/authority")
def showauthority_of(request: Request, engine: Database, now: Now) -> AuthorityOut:
    """The certificate of the site's authority, the key that checks configurations, and what was revoked."""
    authority = authority_of(request)
    with reading(engine) as connection:
        revoked = enrolment.revocation_list(connection, authority, now)
    return AuthorityOut(certificate=authority.pem, signing_key=authority.signing_public, revoked=revoked.decode())

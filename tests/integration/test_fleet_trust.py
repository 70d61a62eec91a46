# SPDX-License-Identifier: Apache-2.0
"""Use cases of trust and configuration on both databases: codes, certificates, revocation, versions that only grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from central.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from central.fleet import configurations, enrolment, queries
from central.fleet import service as fleet
from central.fleet.authority import Authority, make_authority
from central.fleet.tables import command, configuration, enrolment_code, gateway, gateway_certificate
from central.settings import Settings
from contracts.commands import GATEWAY, ConfigureGateway
from contracts.enrolment import Code, EnrolmentRequest, open_sealed, request_mac
from contracts.events import CommandAnswered, ConfigurationChanged
from contracts.signatures import configuration_payload, verify
from contracts.topics import GatewayAddress
from contracts.wire import GatewayState, decode_command
from gateway.trust_keys import _new_key
from tests.integration.applications import app_over
from tests.integration.warehouse import NOW, SITE, Warehouse

BROKER = ("mqtts://broker.example:8883",)
DAY = timedelta(days=1)


@pytest.fixture
def house(engine: Engine) -> Warehouse:
    return Warehouse(engine)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    return make_authority(tmp_path_factory.mktemp("authority"), "Test", NOW)


def offer(house: Warehouse, authority: Authority, name: str = "gate-7", brokers: tuple[str, ...] = BROKER) -> Code:
    return house.do(lambda c: enrolment.offer_code(c, authority, name, SITE, brokers, house.now)).code


def asked(code: Code, folder: Path) -> EnrolmentRequest:
    folder.mkdir(exist_ok=True)
    _, request = _new_key(folder)
    return EnrolmentRequest(code=code.id, request=request, mac=request_mac(code.key, request))


@pytest.mark.requirement("E14")
def test_code_certifies_one_key_once_and_the_same_request_again(house: Warehouse, authority: Authority, tmp_path: Path) -> None:
    code = offer(house, authority)
    request = asked(code, tmp_path / "a")

    first, again = (house.do(lambda c: enrolment.redeem(c, authority, request, house.now)) for _ in range(2))

    assert first is not None
    assert again is not None
    enrolled = open_sealed(first, fingerprint=code.fingerprint)
    assert (enrolled.gateway, enrolled.site, enrolled.brokers) == ("gate-7", SITE, list(BROKER))
    assert open_sealed(again, fingerprint=code.fingerprint).certificate == enrolled.certificate
    assert [row.gateway for row in house.rows(gateway_certificate)] == ["gate-7"]
    other = asked(code, tmp_path / "b")
    with pytest.raises(ForbiddenError, match="used already"):
        house.do(lambda c: enrolment.redeem(c, authority, other, house.now))
    stored = repr(house.rows(enrolment_code))
    assert str(code) not in stored
    assert repr(code.secret) not in stored


@pytest.mark.requirement("E14")
def test_wrong_secret_counts_and_locks_and_time_runs_out(house: Warehouse, authority: Authority, tmp_path: Path) -> None:
    code = offer(house, authority)
    right = asked(code, tmp_path)
    wrong = EnrolmentRequest(code=code.id, request=right.request, mac="0" * 64)
    for _ in range(5):
        assert house.do(lambda c: enrolment.redeem(c, authority, wrong, house.now)) is None
    with pytest.raises(ForbiddenError, match="too often"):
        house.do(lambda c: enrolment.redeem(c, authority, right, house.now))

    late = asked(offer(house, authority), tmp_path)
    with pytest.raises(ForbiddenError, match="run out"):
        house.do(lambda c: enrolment.redeem(c, authority, late, house.now + DAY))
    # A newer code makes the one before worthless, and is told the site's brokers without being given any.
    offer(house, authority, brokers=())
    with pytest.raises(ForbiddenError, match="used already"):
        house.do(lambda c: enrolment.redeem(c, authority, late, house.now))
    with pytest.raises(ConflictError, match="enrolled at site"):
        house.do(lambda c: enrolment.offer_code(c, authority, "gate-1", "elsewhere", BROKER, house.now))


@pytest.mark.requirement("E14")
def test_revoked_gateway_renews_nothing_and_says_nothing_until_it_is_enrolled_again(house: Warehouse, authority: Authority, tmp_path: Path) -> None:
    first = asked(offer(house, authority), tmp_path / "a")
    house.do(lambda c: enrolment.redeem(c, authority, first, house.now))
    address = GatewayAddress(1, SITE, "gate-7")

    assert house.do(lambda c: enrolment.revoke(c, "gate-7", "stolen", house.now)) == 1

    for speaks in (lambda c: fleet.enrol(c, address, house.now), lambda c: fleet.gateway_state_changed(c, address, _birth(), house.now)):
        with pytest.raises(ForbiddenError, match="was revoked"):
            house.do(speaks)
    with pytest.raises(ConflictError, match="already"):
        house.do(lambda c: enrolment.revoke(c, "gate-7", "", house.now))
    with pytest.raises(NotFoundError):
        house.do(lambda c: enrolment.revoke(c, "gate-99", "", house.now))
    assert b"BEGIN X509 CRL" in house.do(lambda c: enrolment.revocation_list(c, authority, house.now))
    second = asked(offer(house, authority), tmp_path / "b")
    house.do(lambda c: enrolment.redeem(c, authority, second, house.now))
    assert house.do(lambda c: fleet.gateway_state_changed(c, address, _birth(), house.now))


def _birth(version: int = 0) -> GatewayState:
    return GatewayState(online=True, boot_id="b", session_id=f"s{version}", config_hash="f", config_version=version)


@pytest.mark.requirement("E14")
async def test_enrolling_needs_no_key_but_a_code_and_guessing_is_slowed_down(engine: Engine, authority: Authority, tmp_path: Path) -> None:
    house = Warehouse(engine)
    settings = Settings(engine.url.render_as_string(hide_password=False), keys_required=True, authority=authority)
    app = app_over(engine, lambda: house.now, settings)
    right = asked(offer(house, authority), tmp_path)
    body = {"code": right.code, "request": right.request, "mac": right.mac}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("10.0.0.9", 1)), base_url="http://central.example/api/v1") as client:
        assert (await client.post("/enrolments", json=body)).status_code == 200
        assert (await client.get("/gateway-certificates")).status_code == 401
        answers = [(await client.post("/enrolments", json={**body, "code": f"{n:016x}"})).json()["code"] for n in range(11)]
        assert answers == ["enrolment_refused"] * 10 + ["too_many_tries"]
        renewal = {"gateway": "gate-7", "request": right.request, "certificate": "no", "signature": "no"}
        assert (await client.post("/enrolments/renewals", json=renewal)).json()["code"] == "bad_certificate_request"


def push(house: Warehouse, authority: Authority, note: str, **words: int) -> int:
    document = f'[gateway]\nid = "gate-1"\nsite = "{SITE}"\n# {note}\n'
    return house.do(lambda c: configurations.push(c, authority, "gate-1", document, house.now, actor="li", **words))


def sent(house: Warehouse) -> list[ConfigureGateway]:
    commands = [decode_command(row.body) for row in house.rows(command) if row.kind == "ConfigureGateway" and row.state == "pending"]
    return [each for each in commands if isinstance(each, ConfigureGateway)]


def tell(house: Warehouse, version: int, outcome: str, in_force: int, reason: str = "") -> None:
    event = ConfigurationChanged(
        event_time=house.now,
        station=GATEWAY,
        version=version,
        outcome=outcome,
        in_force=in_force,
        reason=reason,  # type: ignore[arg-type]
    )
    house.happen(event)


def states(house: Warehouse) -> dict[int, str]:
    return {row.version: row.state for row in house.rows(configuration)}


def drift(house: Warehouse) -> str:
    (row,) = house.do(lambda c: queries.gateway_page(c, None, 10)).items
    return str(row["drift"])


@pytest.mark.requirement("E14")
def test_version_is_signed_for_its_gateway_and_only_the_newest_is_sent(house: Warehouse, authority: Authority) -> None:
    assert [push(house, authority, note) for note in ("a", "b", "b")] == [1, 2, 2]

    (told,) = sent(house)
    assert (told.version, told.station, states(house)) == (2, GATEWAY, {1: "superseded", 2: "sent"})
    verify(authority.signing_public, "configuration", configuration_payload("gate-1", SITE, 2, told.document), told.signature)
    assert "version 2 is wanted, its own file" in drift(house)
    for wrong in ("no toml", '[gateway]\nid = "gate-2"\n', f'[gateway]\nid = "gate-1"\nsite = "{SITE}"\n' + "#" * 300_000):
        with pytest.raises(DomainError, match="no configuration of gateway gate-1"):
            house.do(lambda c, wrong=wrong: configurations.push(c, authority, "gate-1", wrong, house.now))
    with pytest.raises(NotFoundError):
        house.do(lambda c: configurations.push(c, authority, "gate-99", "", house.now))


@pytest.mark.requirement("E14")
def test_what_became_of_a_version_decides_what_is_wanted(house: Warehouse, authority: Authority) -> None:
    push(house, authority, "a")
    tell(house, 1, "applied", 1)
    push(house, authority, "b")
    tell(house, 2, "returned", 1, "reader away")

    assert (states(house), drift(house)) == ({1: "applied", 2: "returned"}, "")
    again = house.do(lambda c: configurations.push_again(c, authority, "gate-1", 2, house.now))
    row = house.do(lambda c: configurations.one(c, "gate-1", again))
    assert (again, row.again_of, "+# b" in house.do(lambda c: configurations.difference_to_last(c, row))) == (3, 2, True)
    with pytest.raises(NotFoundError, match="never had"):
        house.do(lambda c: configurations.push_again(c, authority, "gate-1", 9, house.now))
    assert push(house, authority, "d", above=700) == 701


@pytest.mark.requirement("E14")
def test_gateway_that_was_away_or_has_another_card_gets_its_version_at_its_birth(house: Warehouse, authority: Authority) -> None:
    push(house, authority, "a")
    (first,) = sent(house)
    house.do(lambda c: fleet.commands_published(c, [first.command_id], house.now + timedelta(hours=1)))
    assert not sent(house)

    house.now += timedelta(hours=2)
    house.do(lambda c: fleet.gateway_state_changed(c, GatewayAddress(1, SITE, "gate-1"), _birth(), house.now))
    (second,) = sent(house)
    assert (second.version, second.command_id) == (1, "configure:gate-1:1:2")
    house.do(lambda c: fleet.gateway_state_changed(c, GatewayAddress(1, SITE, "gate-1"), _birth(1), house.now))
    assert sent(house) == [second]


def test_gateway_that_takes_no_configurations_says_so(house: Warehouse, authority: Authority) -> None:
    push(house, authority, "a")

    house.happen(CommandAnswered(event_time=house.now, station=GATEWAY, command_id="configure:gate-1:1:1", outcome="refused", reason="takes none"))

    (row,) = house.rows(configuration)
    assert (row.state, row.reason) == ("refused", "takes none")
    assert house.rows(gateway)[0].revoked_at is None

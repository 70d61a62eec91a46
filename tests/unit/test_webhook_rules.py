# SPDX-License-Identifier: Apache-2.0
"""Rules of webhooks, against the library of the standard's authors where it has an answer."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from central.webhooks import rules
from central.webhooks.api import TypeName
from central.webhooks.event_types import EVENT_TYPES, KNOWN
from central.webhooks.rules import RETRY_DELAYS_S, Subscription, check_url, delay_s, forbidden_address, judge, key_of, payload, secret_of, signature, targets
from tools.source_scan import trees

KEY = bytes(range(32))


def _said_now(data: dict[str, str]) -> tuple[str, int]:
    """A body and its second; the standard's library takes none that is five minutes old."""
    now = datetime.now(UTC)
    return payload("order.shipped", now, data), int(now.timestamp())


@pytest.mark.requirement("X9")
@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=24, max_size=64))
def test_signature_verifies_with_the_standard_library_of_webhooks(text: str, key: bytes) -> None:
    body, at = _said_now({"subject": text})
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature([secret_of(key)], "msg_1", at, body)}

    assert Webhook(secret_of(key)).verify(body, headers) == json.loads(body)


def test_signature_is_the_one_of_the_specification() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"test": 2432232314}'

    assert signature([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.requirement("X9")
def test_both_secrets_verify_while_a_secret_is_changed() -> None:
    old, new, other = secret_of(KEY), secret_of(KEY[::-1]), secret_of(b"x" * 32)
    body, at = _said_now({})
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature([new, old], "msg_1", at, body)}

    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_%%%%", secret_of(b"x" * 65)])
def test_secret_of_another_form_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)


@pytest.mark.requirement("X9")
@pytest.mark.parametrize(
    ("status", "attempts", "verdict"),
    [
        (200, 1, "delivered"),
        (204, 10, "delivered"),
        (301, 1, "again"),
        (400, 1, "again"),
        (410, 1, "gone"),
        (500, 9, "again"),
        (500, 10, "dead"),
        (None, 10, "dead"),
    ],
)
def test_answer_decides_what_becomes_of_a_message(status: int | None, attempts: int, verdict: str) -> None:
    assert judge(status, attempts) == verdict


@given(st.integers(1, 20), st.floats(0, 1), st.none() | st.integers(0, 10**9))
def test_delay_stays_near_the_schedule_and_within_a_day_of_what_is_asked(attempts: int, luck: float, retry_after_s: int | None) -> None:
    planned = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1]

    assert planned * 0.8 <= delay_s(attempts, luck, retry_after_s) <= max(planned * 1.2, 86_400)


def test_attempts_go_on_for_about_three_days() -> None:
    assert timedelta(days=3) < timedelta(seconds=sum(RETRY_DELAYS_S)) < timedelta(days=4)


def test_messages_go_to_subscribers_of_the_type_and_site() -> None:
    subscriptions = [Subscription("all", "order.shipped", ""), Subscription("one", "order.shipped", "s1"), Subscription("other", "order.picked", "")]

    assert targets(subscriptions, "order.shipped", "s1") == ("all", "one")
    assert targets(subscriptions, "order.shipped", "s2") == ("all",)
    assert targets(subscriptions, "order.shipped", "") == ("all", "one")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "100.100.100.200",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
    ],
)
def test_address_of_a_cloud_or_of_nobody_is_never_called(address: str) -> None:
    assert forbidden_address(address, private_allowed=True)


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.1", "127.0.0.1", "::1", "fd12::1", "::ffff:10.0.0.1"])
def test_private_address_is_called_only_if_that_is_allowed(address: str) -> None:
    assert forbidden_address(address, private_allowed=True) is None
    assert forbidden_address(address, private_allowed=False)


def test_public_address_is_called() -> None:
    assert forbidden_address("1.1.1.1", private_allowed=False) is None
    assert forbidden_address("2606:4700::1111", private_allowed=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a/",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://u:p@a/",
        "http://a/#x",
        "http://a b/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://a:0/",
        "http://a:99999/",
        "http://[/",
        "gopher://a",
    ],
)
def test_url_to_which_nothing_can_be_sent_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each has its own words
        check_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "https://erp.example.com/hooks?a=1", "http://[::1]:80/", "http://erp/hook"])
def test_url_of_a_machine_of_our_own_is_taken(url: str) -> None:
    check_url(url)


def test_event_types_are_told_apart_and_described() -> None:
    assert len(KNOWN) == len(EVENT_TYPES)
    assert set(get_args(TypeName)) == KNOWN
    assert all(each.description and each.subject and each.example for each in EVENT_TYPES)
    assert rules.SECRET_PREFIX == "whsec_"


@pytest.mark.slow
def test_every_type_of_message_is_told_by_some_use_case() -> None:
    said = {
        node.value
        for path, tree in trees("central")
        if path.parts[1] != "webhooks"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert sorted(KNOWN - said) == []

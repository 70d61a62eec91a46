# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from contracts.addresses import BrokerAddress, is_loopback, parse_broker


def test_broker_urls_are_read() -> None:
    assert parse_broker("mqtt://127.0.0.1:1999") == BrokerAddress("127.0.0.1", 1999)
    assert parse_broker("mqtt://[::1]:99") == BrokerAddress("::1", 99)
    assert parse_broker("mqtts://li:p%40ss@broker") == BrokerAddress("broker", 8883, True, "li", "p@ss")


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://x", "mqtt://", "mqtt://host/topic"])
def test_url_that_is_no_brokers_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write mqtt://HOST:PORT"):
        parse_broker(url)


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("warehouse", False)]
)
def test_only_loopback_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected

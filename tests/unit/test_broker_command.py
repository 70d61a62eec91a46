# SPDX-License-Identifier: Apache-2.0
"""`dockline broker run`: what is done to the sockets of the embedded broker, which has no settings for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from central.broker_command import _announce

HERE = "127.0.0.1"


@pytest.mark.parametrize(("family", "here"), [(socket.AF_INET, HERE), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def test_broker_holds_no_small_message_back_once_it_is_announced(
    family: socket.AddressFamily, here: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configured = tmp_path / "broker.toml"
    configured.touch()
    with socket.create_server((here, 0), family=family) as broker:
        port = broker.getsockname()[1]
        assert broker.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0

        _announce(here, port, configured)

        with socket.create_connection((here, port), 5), broker.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert f"listening on mqtt://{here}:{port}" in capsys.readouterr().out
    assert not configured.exists()


def test_other_sockets_of_the_process_are_left_as_they_are(tmp_path: Path) -> None:
    with socket.create_server((HERE, 0)) as broker, socket.create_server((HERE, 0)) as other:
        _announce(HERE, broker.getsockname()[1], tmp_path / "broker.toml")

        assert other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0

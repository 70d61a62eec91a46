# SPDX-License-Identifier: Apache-2.0
"""How a device is sought that is there again at any moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.base import transports
from drivers.base.errors import TransportError
from drivers.base.transports import open_transport
from drivers.light_ablepick.config import LightAblepickConfig

pytestmark = pytest.mark.requirement("R98")


async def test_device_that_comes_back_while_it_is_sought_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "_ASK_ANEW_S", 0.05)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    connect, asked = asyncio.open_connection, []

    async def unheard_at_first(address: str, port: int) -> Any:
        asked.append(address)
        if len(asked) < 3:
            await asyncio.Event().wait()
        return await connect(address, port)

    monkeypatch.setattr(asyncio, "open_connection", unheard_at_first)
    transport = await open_transport(LightAblepickConfig(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))

    await transport.close()
    server.close()
    assert len(asked) == 3


async def test_device_that_never_answers_is_given_up_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "_ASK_ANEW_S", 0.02)

    async def unheard(address: str, port: int) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "open_connection", unheard)

    with pytest.raises(TransportError, match=r"did not answer within 0\.1 s"):
        await open_transport(LightAblepickConfig(host="127.0.0.1", port=1, connect_timeout_s=0.1))

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.browser.board_service import desk_with, make_engine
from tests.browser.sample_boards import NOW, busy_board


@pytest.mark.slow
def test_service_stops_at_once_although_pages_are_open(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = make_engine(tmp_path)
    with httpx.Client() as client, desk_with(busy_board(), engine, lambda: NOW) as desk:
        stream = client.send(client.build_request("GET", f"{desk.url}/stream"), stream=True)
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert any("event: headline" in line for line in stream.iter_lines())

    assert "timeout graceful shutdown exceeded" not in caplog.text  # what uvicorn says when it cuts off those who still listen
    assert "Exception in ASGI" not in caplog.text
    engine.dispose()

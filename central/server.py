# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of central: uvicorn that ends the live streams before it waits for connections to close."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from central.web.pages import end_streams


class CentralServer(uvicorn.Server):
    """Serves `app`. Without the early end of streams every open page would hold up a stop until the graceful time is over."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in order: streams first, then what uvicorn does."""
        await end_streams(self._app)
        await super().shutdown(sockets)

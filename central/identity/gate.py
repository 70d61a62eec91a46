# SPDX-License-Identifier: Apache-2.0
"""The gate before all routes: known hosts only, keys where they are required, writes from our own pages only, headers that close the page.

Pure ASGI, so that streams pass through untouched.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy import Engine
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.database import reading
from central.errors import DomainError, ForbiddenError
from central.identity.service import name_of_key
from central.problems import problem

_OPEN_PATHS = frozenset({"/livez", "/readyz"})
_OPEN_PREFIX = "/errors/"
"""Pages about error codes: they say nothing of this warehouse, and whoever has no key is sent to one of them."""
_PROVES_ITSELF = re.compile(r"/api/v1/carriers/[^/]+/push|/api/v1/enrolments(/renewals)?")
"""Carriers and new gateways have no key of ours: what they send is signed, or carries a word that was agreed, and the route checks that."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no inline script; a page that needs another policy sets its own header."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with `no-referrer` browsers name the origin of a plain form as "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class UnauthorizedError(DomainError):
    """No key, or one that is not in use."""

    status = 401


class Gate:
    """Wraps the application. `hosts`: names under which it may be called (DNS rebinding brings others)."""

    def __init__(self, app: ASGIApp, engine: Engine, hosts: Collection[str], keys_required: bool) -> None:
        self._app = app
        self._engine = engine
        self._hosts = frozenset(host.lower() for host in hosts)
        self._keys_required = keys_required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("content-security-policy", POLICY)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._check(scope)
        except DomainError as error:
            await problem(error, scope["path"])(scope, receive, send_closed)
            return
        await self._app(scope, receive, send_closed)

    async def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._hosts and host not in self._hosts:
            raise ForbiddenError(
                "unknown_host", f"this service is not called {host!r}; add it with --host-name, or use one of {', '.join(sorted(self._hosts))}"
            )
        if scope["method"] not in _SAFE_METHODS:
            self._check_origin(headers, scope["path"])
        open_to_all = scope["path"] in _OPEN_PATHS or scope["path"].startswith(_OPEN_PREFIX) or _PROVES_ITSELF.fullmatch(scope["path"])
        if self._keys_required and not open_to_all:
            scope.setdefault("state", {})["actor"] = await self._actor(headers)

    def _check_origin(self, headers: Headers, path: str) -> None:
        """A browser names the origin of every write; programs name none."""
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and urlsplit(origin).netloc != headers.get("host")) or site not in ("same-origin", "none"):
            raise ForbiddenError("cross_origin", f"{path} was called from a page of {origin or site}; only Dockline's own pages may do that")

    async def _actor(self, headers: Headers) -> str:
        key = key_in(headers.get("authorization", ""))
        name = await asyncio.to_thread(self._name_of, key) if key else None
        if name is None:
            raise UnauthorizedError("key_required", "this address needs an API key: send 'Authorization: Bearer KEY', or give the key as the password")
        return name

    def _name_of(self, key: str) -> str | None:
        with reading(self._engine) as connection:
            return name_of_key(connection, key)


def key_in(authorization: str) -> str:
    """The key in an Authorization header: a Bearer token, or the password of Basic (so that a browser can ask for it); empty if there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""

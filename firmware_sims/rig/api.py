# SPDX-License-Identifier: Apache-2.0
"""The control of a running rig over HTTP: what can be asked, what it answers, and the document (OpenAPI 3.1) that says so.

It is no web server for the world: loopback by itself, with a key where it is reached from elsewhere, and nothing for pages of other origins.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from firmware_sims import registry
from firmware_sims.rig.openapi import DOCUMENT
from firmware_sims.rig.rig import Rig, UnknownPartError
from firmware_sims.rig.thread import do_within

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BODY_BYTES_MAX = 65_536
_READ_S = 10.0


class ControlError(Exception):
    """A request is refused; becomes a problem document (RFC 9457)."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class _Route:
    method: str
    path: re.Pattern[str]
    answer: Callable[[Rig, dict[str, str], Mapping[str, Any]], Any]


def _devices(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    return [kind_shown(name) for name in registry.names()]


def kind_shown(name: str) -> dict[str, Any]:
    """One simulator there is: what it can be made with, what can be changed and what can happen."""
    twin = registry.twin_class(name)
    about = (twin.__doc__ or "").strip().partition("\n")[0]
    options = {option.name: option.takes() for option in registry.options(name).values()}
    conditions = {condition: ", ".join(twin.examples(condition)) for condition in twin.conditions()}
    return {"device": name, "about": about, "options": options, "conditions": conditions, "stimuli": twin.stimuli()}


def _list(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    return rig.shown()


def _show(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    return rig.part(names["id"]).shown()


def _set(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    part = rig.part(names["id"])
    part.set(body)
    return part.shown()


def _do(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    part = rig.part(names["id"])
    part.do(names["stimulus"], body)
    return part.shown()


def _fault(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    part = rig.part(names["id"])
    part.fault(body)
    return part.shown()


def _no_fault(rig: Rig, names: dict[str, str], body: Mapping[str, Any]) -> Any:
    part = rig.part(names["id"])
    part.fault({"none": "on"})
    return part.shown()


_ID, _STIMULUS = r"(?P<id>[^/]+)", r"(?P<stimulus>[^/]+)"
ROUTES = (
    _Route("GET", re.compile("/openapi.json"), lambda rig, names, body: DOCUMENT),
    _Route("GET", re.compile("/v1/devices"), _devices),
    _Route("GET", re.compile("/v1/sims"), _list),
    _Route("GET", re.compile(f"/v1/sims/{_ID}"), _show),
    _Route("PATCH", re.compile(f"/v1/sims/{_ID}/conditions"), _set),
    _Route("POST", re.compile(f"/v1/sims/{_ID}/stimuli/{_STIMULUS}"), _do),
    _Route("PATCH", re.compile(f"/v1/sims/{_ID}/faults"), _fault),
    _Route("DELETE", re.compile(f"/v1/sims/{_ID}/faults"), _no_fault),
)


class Control:
    """Serves a rig's control in threads of its own; the rig's loop does what is asked. `key` empty: none is needed.

    Raises: OSError: the port is taken. ValueError: beyond loopback without a key.
    """

    def __init__(self, rig: Rig, loop: asyncio.AbstractEventLoop, *, host: str = "127.0.0.1", port: int = 0, key: str = "") -> None:
        if host not in LOOPBACK and not key:
            raise ValueError(f"the control on {host} could be reached by others: give a key with --key-file FILE, or stay on 127.0.0.1")
        self._rig, self._loop, self._key = rig, loop, key
        self._is_local = host in LOOPBACK
        control = self

        class Handler(BaseHTTPRequestHandler):
            """One connection."""

            protocol_version = "HTTP/1.1"
            server_version = "dockline-sims"
            sys_version = ""
            timeout = _READ_S

            def _serve(self) -> None:
                control.serve(self)

            do_GET = do_PATCH = do_POST = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = _serve  # noqa: N815  # names of the standard library

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # signature of the standard library
                """Nothing: requests are no news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.host, self.port = host, self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sims-control", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop serving; not to be called from one of its requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        try:
            body = self._body(request)
            self._admit(request)
            status, answer = HTTPStatus.OK, self._answer(request.command, urlsplit(request.path).path, body)
        except ControlError as error:
            status, answer = error.status, {"type": "about:blank", "title": error.status.phrase, "status": error.status.value, "detail": str(error)}
        raw = json.dumps(answer).encode() + b"\n"
        request.send_response(status)
        request.send_header("Content-Type", "application/json" if status is HTTPStatus.OK else "application/problem+json")
        request.send_header("Content-Length", str(len(raw)))
        request.send_header("Cache-Control", "no-store")
        if status is HTTPStatus.UNAUTHORIZED:
            request.send_header("WWW-Authenticate", "Bearer")
        if request.close_connection:
            request.send_header("Connection", "close")
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(raw)

    def _body(self, request: BaseHTTPRequestHandler) -> Mapping[str, Any]:
        """Raises: ControlError: too long, or no JSON object."""
        length = request.headers.get("Content-Length") or "0"
        if not re.fullmatch(r"\d{1,9}", length) or int(length) > _BODY_BYTES_MAX or request.headers.get("Transfer-Encoding"):
            request.close_connection = True  # what follows cannot be told apart from the next request
            raise ControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has a Content-Length of at most {_BODY_BYTES_MAX} bytes")
        raw = request.rfile.read(int(length))
        try:
            found = json.loads(raw) if raw.strip() else {}
        except (ValueError, RecursionError) as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
        if not isinstance(found, dict) or not all(isinstance(value, str | int | float | bool | list) for value in found.values()):
            raise ControlError(HTTPStatus.UNPROCESSABLE_ENTITY, 'the body is an object of names and values, such as {"load": "12.5kg"}')
        return found

    def _admit(self, request: BaseHTTPRequestHandler) -> None:
        """Who may ask. Raises: ControlError."""
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        if request.headers.get("Origin") or (self._is_local and host not in LOOPBACK):
            raise ControlError(HTTPStatus.FORBIDDEN, "pages of the web may not change simulated devices")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if self._key and not (scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._key.encode())):
            raise ControlError(HTTPStatus.UNAUTHORIZED, "send the key as 'Authorization: Bearer KEY'")

    def _answer(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Raises: ControlError."""
        matches = [(route, match) for route in ROUTES if (match := route.path.fullmatch(path))]
        if not matches:
            raise ControlError(HTTPStatus.NOT_FOUND, f"there is no {path}; see /openapi.json")
        for route, match in matches:
            if route.method == ("GET" if method == "HEAD" else method):
                names = {name: unquote(value) for name, value in match.groupdict().items()}
                return self._done(partial(route.answer, self._rig, names, body))
        raise ControlError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {', '.join(route.method for route, _ in matches)}, not {method}")

    def _done(self, act: Callable[[], Any]) -> Any:
        try:
            return do_within(self._loop, act)
        except UnknownPartError as error:
            raise ControlError(HTTPStatus.NOT_FOUND, str(error)) from error
        except ValueError as error:
            raise ControlError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        except TimeoutError as error:
            raise ControlError(HTTPStatus.SERVICE_UNAVAILABLE, "the rig is busy or being switched off") from error

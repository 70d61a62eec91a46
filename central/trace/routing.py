# SPDX-License-Identifier: Apache-2.0
"""What all routes of EPCIS have alike: refusals by the standard's names, its headers on every answer, versions and formats that fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from importlib.metadata import version
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from central.trace.capturing import BYTES_MAX, EVENTS_MAX
from central.trace.faults import CaptureLimitError, EpcisError, QueryParameterError, UnsupportedError, ValidationError
from central.trace.queries import Format
from central.trace.vocabulary import CBV_VERSION, EPCIS_VERSION

BASE = "/api/v1/epcis"
FORMATS: tuple[Format, ...] = ("No_Preference", "Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates")
_JSON = frozenset({"application/json", "application/ld+json"})
_TARGET_MAX = 16_000
_VERSIONS = {"gs1-epcis-version": EPCIS_VERSION, "gs1-cbv-version": CBV_VERSION}
_BOUNDS = {"gs1-epcis": EPCIS_VERSION, "gs1-cbv": CBV_VERSION}


class EpcisRoute(APIRoute):
    """A route whose refusals are problems of EPCIS."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with what is alike around it."""
        handle = super().get_route_handler()

        async def handle_alike(request: Request) -> Response:
            try:
                _check(request)
                response = await handle(request)
            except EpcisError as error:
                response = _problem(error, request.url.path)
            except RequestValidationError as error:
                response = _problem(_refusal(error), request.url.path)
            for name, value in headers().items():
                response.headers.setdefault(name, value)
            return response

        return handle_alike


def _refusal(error: RequestValidationError) -> EpcisError:
    """What is wrong with a parameter of a query, or with a header."""
    text = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return QueryParameterError(text) if any(each["loc"][0] == "query" for each in error.errors()) else ValidationError(text)


def _problem(error: EpcisError, path: str) -> JSONResponse:
    more = limits() if isinstance(error, CaptureLimitError) else {}
    return JSONResponse(error.body(path), error.status, more, media_type="application/problem+json")


def headers() -> dict[str, str]:
    """What every answer says of itself."""
    return {"GS1-EPCIS-Version": EPCIS_VERSION, "GS1-CBV-Version": CBV_VERSION}


def limits() -> dict[str, str]:
    """How much one capture may have."""
    return {"GS1-EPCIS-Capture-Limit": str(EVENTS_MAX), "GS1-EPCIS-Capture-File-Size-Limit": str(BYTES_MAX)}


def discovery(allow: str, *, capture: bool = False) -> Response:
    """The answer to OPTIONS."""
    made = {
        "Allow": allow,
        "GS1-EPCIS-Min": EPCIS_VERSION,
        "GS1-EPCIS-Max": EPCIS_VERSION,
        "GS1-CBV-Min": CBV_VERSION,
        "GS1-CBV-Max": CBV_VERSION,
        "GS1-EPC-Format": "Never_Translates",
        "GS1-CBV-XML-Format": "Never_Translates",
        "GS1-Vendor-Version": version("dockline"),
        **({**limits(), "GS1-Capture-Error-Behaviour": "rollback"} if capture else {}),
    }
    return Response(status_code=204, headers=made)


def _check(request: Request) -> None:
    if len(request.url.query) + len(request.url.path) > _TARGET_MAX:
        raise UnsupportedError(414, f"the address is longer than {_TARGET_MAX} characters; store the query and ask by its name")
    for name, ours in _VERSIONS.items():
        wanted = request.headers.get(name)
        if wanted is not None and re.sub(r"(\.0)+$", "", wanted.strip()) != re.sub(r"(\.0)+$", "", ours):
            raise UnsupportedError(406, f"{name}: {wanted!r} is not spoken here; {ours} is")
    for name, ours in _BOUNDS.items():
        least, most = (_as_version(request.headers.get(f"{name}-{end}")) for end in ("min", "max"))
        if (least is not None and least > _as_version(ours)) or (most is not None and most < _as_version(ours)):  # type: ignore[operator]
            raise UnsupportedError(406, f"{name}: {ours} is spoken here, which is outside the versions that are asked for")
    if not _accepts(request.headers.get("accept", "*/*")):
        raise UnsupportedError(406, "answers are application/json or application/ld+json")


def _as_version(text: str | None) -> tuple[int, ...] | None:
    if text is None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})*", text.strip(), re.ASCII):
        return None
    numbers = [int(part) for part in text.strip().split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _accepts(accept: str) -> bool:
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(offered & (_JSON | {"*/*", "application/*", "application/problem+json", ""}))


def media_type(request: Request) -> str:
    """The kind of JSON that the caller prefers."""
    return "application/ld+json" if request.headers.get("accept", "").strip().lower().startswith("application/ld+json") else "application/json"


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in _JSON:
        raise UnsupportedError(415, f"{kind or 'the body'} is not taken here; send application/json or application/ld+json")
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
"""The body of a request as it came."""


async def _form(request: Request) -> Format:
    wanted = request.headers.get("gs1-epc-format", "No_Preference")
    for each in FORMATS:
        if each == wanted:
            return each
    raise UnsupportedError(406, f"GS1-EPC-Format: {wanted!r} is none of {', '.join(FORMATS)}")


EpcFormat = Annotated[Format, Depends(_form)]
"""Header GS1-EPC-Format: how identifiers are written in the answer."""


async def _extensions(request: Request) -> Mapping[str, str]:
    """Header GS1-Extensions: prefixes and their namespaces, as `example=http://ns.example.com/epcis/` with commas between, or as a JSON object."""
    text = request.headers.get("gs1-extensions", "")
    try:
        said = json.loads(text) if text.lstrip().startswith("{") else dict(part.strip().split("=", 1) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise QueryParameterError("GS1-Extensions: give prefix=namespace, with commas between") from error
    return {str(name): str(value) for name, value in said.items()}


Extensions = Annotated[Mapping[str, str], Depends(_extensions)]
"""Header GS1-Extensions: namespaces of prefixes in the names of parameters."""

PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {
        "description": "what was sent is no event, document or query (epcisException:ValidationException, epcisException:QueryParameterException)",
        **PROBLEM,
    },
    404: {"description": "not known (epcisException:NoSuchNameException)", **PROBLEM},
    406: {"description": "a version or a format that is not spoken here (epcisException:NotAcceptableException)", **PROBLEM},
    413: {"description": "more than may be taken or given at once (epcisException:CaptureLimitExceededException, QueryTooLargeException)", **PROBLEM},
    414: {"description": "the address is too long (epcisException:URITooLongException)", **PROBLEM},
    501: {"description": "not supported (epcisException:ImplementationException)", **PROBLEM},
}
WRITTEN: dict[int | str, dict[str, Any]] = {
    400: REFUSED[400],
    406: REFUSED[406],
    413: REFUSED[413],
    414: REFUSED[414],
    415: {"description": "neither application/json nor application/ld+json (epcisException:UnsupportedMediaTypeException)", **PROBLEM},
}


def body_of(example: Mapping[str, Any], description: str) -> dict[str, Any]:
    """The documentation of a body that the route reads itself."""
    content = {"schema": {"type": "object", "description": description}, "examples": {"one": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content, "application/ld+json": content}}}


PerPage = Annotated[str | None, Query(alias="perPage", description="so many at most on a page: 30 where it is left out, never more than 1000", examples=["30"])]
NextPageToken = Annotated[str | None, Query(alias="nextPageToken", description="of the `Link` of the page before")]


def answer(request: Request, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """JSON of the kind that the caller prefers."""
    return JSONResponse(body, status, dict(headers or {}), media_type=media_type(request))


def link(request: Request, token: str | None) -> dict[str, str]:
    """The header that leads to the next page; nothing on the last one."""
    if token is None:
        return {}
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "nextPageToken"]
    return {"Link": f'<{request.url.replace(query=urlencode([*pairs, ("nextPageToken", token)]))}>; rel="next"'}

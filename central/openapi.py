# SPDX-License-Identifier: Apache-2.0
"""The API's documentation (OpenAPI 3.1) as it is served: what FastAPI knows from the routes, and what is alike on all of them, said once here.

That is: who may call, Idempotency-Key on every write, problems for every refusal, entity tags, areas in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from central.idempotency import KEY_LENGTH_MAX
from central.sheets import files

PREFIX = "/api/"
WRITES = frozenset({"post", "put", "patch", "delete"})
AREAS = {
    "catalog": "Items, lots, places, zones, stock levels, partners; import and export; opening stock and corrections.",
    "ledger": "Balances, the history of every account, and the verifier that rebuilds them.",
    "stock": "Handling units, moves, transfers between sites, status, kits, recalls.",
    "exceptions": "Work orders: what the floor needs a person for.",
    "fleet": "Gateways, their devices, and commands down to them.",
    "ingest": "How far the events of each gateway are taken, and what could not be read.",
    "inbound": "Ship notices, what passed the dock doors, and where both differ.",
    "imports": "Spreadsheets: templates, dry runs, imports, undo, exports.",
    "picking": "Lists, lights, carts, walls, and what was picked.",
    "carriers": "Quotes, labels and tracking with carriers.",
    "outbound": "Orders from promise to shipment, waves, picking.",
    "waves": "Waves: what goes to the floor together, by window, carrier and zone.",
    "labels": "Labels and papers, and the printers that print them.",
    "returns": "Customers' returns: announced, received, inspected, decided on.",
    "shipping": "Packing, labels, carriers, loads.",
    "doors": "Dock doors: what stands there, what is expected, what passed, and what their lamps know.",
    "scan points": "Scan points: what is expected there, and whether their lamps know it.",
    "counting": "Counts of stock, their differences and approval.",
    "planning": "Replenishment proposals with their reasons.",
    "coldchain": "Temperatures, alarms, goods on hold.",
    "analytics": "Figures over all areas.",
    "epcis": "GS1 EPCIS 2.0: capture and query of events, Dockline's own among them.",
    "webhooks": "Messages to other systems by Standard Webhooks: endpoints, the outbox, dead letters.",
    "status": "Versions and counts of the service itself.",
}
"""What each tag is about."""

_INTRODUCTION = """\
The API of a warehouse that runs on its own hardware.

* **Writes** take a header `Idempotency-Key`: the same key with the same request is done once and answered alike (header `Idempotent-Replayed`), with another
  request it is refused (409). Documents that name themselves (an order by channel and number) need none.
* **Lists** come in pages: `{"items": [...], "next": cursor}`; give `next` as `after` for the next page. Rows that are added meanwhile neither shift nor repeat.
  `format=csv` or `format=xlsx` gives the whole list as a file.
* **Errors** are `application/problem+json` (RFC 9457) with a stable `code`; `type` leads to a page that says what it means and what to do.
* **Quantities** are whole numbers of the item's smallest unit; **instants** are UTC with a time zone; names of sizes and weights end in their unit.
* **ETag** and `If-Match`: write only what you have seen (412 otherwise). `If-None-Match`: read only what changed (304 otherwise).
"""
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "page about this code"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "detail": {"type": "string", "description": "what, where, what to do; for people"},
        "instance": {"type": "string", "description": "path of the request"},
        "errors": {
            "type": "array",
            "description": "of a request that does not fit: each field with its fault",
            "items": {
                "type": "object",
                "required": ["at", "message", "kind"],
                "properties": {
                    "at": {"type": "string", "description": "where: body, query, path or header, then the field"},
                    "message": {"type": "string"},
                    "kind": {"type": "string", "description": "`value_error`: the form fits, a rule of the trade does not; all else: the form does not fit"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "/errors/unknown_order",
            "title": "Not Found",
            "status": 404,
            "code": "unknown_order",
            "detail": "order 7f0c is not known",
            "instance": "/api/v1/orders/7f0c",
        }
    ],
}
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a name of this request, chosen by you: sent again with it, the request is done once and answered alike",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": r"^[\x21-\x7e]+$"},
    "examples": {"uuid": {"value": "0f8b2c6d-4e1a-4f0b-9c3d-5e7f1a2b3c4d"}},
}
_REFUSALS = {
    400: "the body cannot be read at all",
    401: "no key, or one that is not in use",
    403: "the caller may not do this",
    404: "what the address names is not there",
    409: "it contradicts what is stored, or the key came with another request",
    412: "the resource is not as the caller saw it",
    413: "the body is too large",
    422: "the request does not fit",
    503: "the service is busy; send the same request again",
}


def operation_id(route: APIRoute) -> str:
    """The name of an operation: its area and its function, so that generated clients read well and stay the same."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def install(app: FastAPI, *, keys_required: bool) -> None:
    """Serve `document` as the application's documentation."""

    def served() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app, keys_required=keys_required)
        return app.openapi_schema

    app.openapi = served  # type: ignore[method-assign]


def document(app: FastAPI, *, keys_required: bool) -> dict[str, Any]:
    """The whole documentation."""
    made = get_openapi(title=app.title, version=app.version, description=_INTRODUCTION, routes=app.routes)
    made["servers"] = [{"url": "/"}]
    made["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    made["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "an API key, made by 'dockline central key make NAME'"},
        "password": {"type": "http", "scheme": "basic", "description": "any user name, the API key as the password; for browsers"},
    }
    made["security"] = [{"key": []}, {"password": []}, *([] if keys_required else [{}])]
    _close_maps(schemas)
    used = set()
    for path, method, operation in operations(made):
        used |= set(operation.get("tags", ()))
        _complete(path, method, operation)
    made["tags"] = [{"name": name, "description": text} for name, text in AREAS.items() if name in used]
    return made


def _close_maps(schema: Any) -> None:
    """A map whose keys have a pattern has no other keys: pydantic refuses them and does not say so."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _close_maps(each)
    elif isinstance(schema, list):
        for each in schema:
            _close_maps(each)


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of everything below /api/."""
    for path, item in made["paths"].items():
        if path.startswith(PREFIX):
            yield from ((path, method, operation) for method, operation in item.items())


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    names = {parameter["name"].lower() for parameter in parameters}
    if method in WRITES and "idempotency-key" not in names:
        parameters.append(_IDEMPOTENCY_KEY)
    statuses = {401, 403, 422, 503}
    statuses |= {409, 413, 404} if method in WRITES else set()
    statuses |= {400} if "requestBody" in operation else set()
    statuses |= {404} if "{" in path or names - {"after", "limit"} else set()
    statuses |= {412} if "if-match" in names else set()
    for status in sorted(statuses):
        operation["responses"][str(status)] = _refusal(status, method)
    if method == "get" and "if-none-match" in names:
        operation["responses"]["304"] = {"description": "the caller has it", "headers": _ETAG}
        operation["responses"]["200"]["headers"] = _ETAG
    if method == "get":
        files.document(operation)
    if not parameters:
        del operation["parameters"]


_ETAG = {"ETag": {"description": "the tag of what is now", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "string"}}}


def _refusal(status: int, method: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 503 or (status == 409 and method in WRITES):
        made["headers"] = _RETRY_AFTER
    return made

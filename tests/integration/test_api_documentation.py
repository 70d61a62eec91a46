# SPDX-License-Identifier: Apache-2.0
"""The documentation of the API: valid, whole, with an example for everything, and pages about every error."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from central.app import create_app
from central.migrations import upgrade
from central.openapi import AREAS, WRITES, operations
from central.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.requirement("X9", "R106")]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    made = create_app(Settings(f"sqlite:///{tmp_path_factory.mktemp('api')}/api.db", keys_required=True))
    upgrade(made.state.engine)
    return made


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warehouse.example") as client:
        yield client


def named(path: str, method: str) -> str:
    return f"{method.upper()} {path}"


def test_documentation_is_valid_openapi(app: FastAPI) -> None:
    document = app.openapi()

    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_write_takes_an_idempotency_key(app: FastAPI) -> None:
    missing = [
        named(path, method)
        for path, method, operation in operations(app.openapi())
        if method in WRITES and "idempotency-key" not in {each["name"].lower() for each in operation.get("parameters", ())}
    ]

    assert missing == []


def has_example(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether a schema or what it refers to shows an example; of a list its items, of a page what it is a page of."""
    if "$ref" in schema:
        return has_example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "examples" in schema or "example" in schema or schema.get("enum") or schema.get("const") is not None:
        return True
    if schema.get("type") == "array":
        return has_example(document, schema.get("items", {}))
    if set(schema.get("properties", ())) == {"items", "next"}:
        return has_example(document, schema["properties"]["items"])
    return any(has_example(document, each) for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ()))


def test_every_json_body_has_an_example(app: FastAPI) -> None:
    document = app.openapi()
    missing = [
        named(path, method)
        for path, method, operation in operations(document)
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json" and "examples" not in content and not has_example(document, content.get("schema", {}))
    ]

    assert missing == []


def test_every_json_answer_has_an_example(app: FastAPI) -> None:
    document = app.openapi()
    missing = [
        named(path, method)
        for path, method, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for content in [answer.get("content", {}).get("application/json")]
        if content is not None and "examples" not in content and not has_example(document, content.get("schema", {}))
    ]

    assert missing == []


def test_every_refusal_is_documented_as_a_problem(app: FastAPI) -> None:
    for path, method, operation in operations(app.openapi()):
        for status in ("401", "403", "422", "503", *(("409", "413") if method in WRITES else ())):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"], named(path, method)


def test_every_operation_has_a_name_of_its_own_an_area_in_words_and_a_description(app: FastAPI) -> None:
    document = app.openapi()
    found = list(operations(document))

    assert [name for name, number in Counter(operation["operationId"] for _, _, operation in found).items() if number > 1] == []
    assert {tag for _, _, operation in found for tag in operation.get("tags", ["none"])} <= AREAS.keys()
    assert [named(path, method) for path, method, operation in found if not operation.get("description")] == []
    assert {each["name"] for each in document["tags"]} <= AREAS.keys()


def test_every_address_is_known_to_the_layer_of_writes(app: FastAPI) -> None:
    documented = {(method.upper(), path) for path, method, _ in operations(app.openapi())}
    known = {(method, each.path) for each in app.state.addresses for method in each.methods if each.route.include_in_schema}

    assert documented == known


async def test_problem_leads_to_a_page_that_needs_no_key(http: httpx.AsyncClient) -> None:
    refused = await http.get("/api/v1/orders")
    english = await http.get(refused.json()["type"])
    chinese = await http.get(refused.json()["type"], headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert (refused.status_code, refused.json()["type"]) == (401, "/errors/key_required")
    assert english.status_code == 200
    assert "needs an API key" in english.text
    assert chinese.text.index("需要 API 密钥") < chinese.text.index("needs an API key")
    assert (await http.get("/errors/none_such")).status_code == 404


def test_texts_of_errors_are_part_of_the_package() -> None:
    assert (Path(__file__).parents[2] / "central" / "errors.toml").is_file()

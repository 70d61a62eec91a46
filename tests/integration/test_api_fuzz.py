# SPDX-License-Identifier: Apache-2.0
"""Schemathesis over the whole API: whatever is sent, the answer is the documented one; area by area with a fixed seed.

On SQLite the examples, all edges of all schemas and some random requests; on PostgreSQL, whose types are stricter, the examples and more random ones.
`python -m tests.integration.api_fuzz AREA` runs one area alone and prints each failure with the request that shows it.
"""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from central.openapi import AREAS
from tests.integration.api_fuzz import fuzz, seeded_app

pytestmark = [pytest.mark.requirement("X9", "R106"), pytest.mark.slow, pytest.mark.minutes, pytest.mark.timeout(600)]


@pytest.mark.parametrize("area", sorted(AREAS))
def test_fuzzed_area_answers_as_documented(engine: Engine, area: str) -> None:
    edges = engine.dialect.name == "sqlite"

    found = fuzz(seeded_app(engine), [area], examples=3 if edges else 10, edges=edges)

    assert found.operations, f"no operation of area {area} was tried"
    assert found.text() == ""

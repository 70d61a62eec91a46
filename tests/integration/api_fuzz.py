# SPDX-License-Identifier: Apache-2.0
"""Schemathesis over the whole API: a seeded warehouse, the engine with a fixed seed, and what it found in words.

`python -m tests.integration.api_fuzz [TAG ...]` runs it on some areas only, deeper if asked (DOCKLINE_FUZZ_EXAMPLES=100).
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, get_args

import schemathesis
from fastapi import FastAPI
from pydantic_core.core_schema import ErrorType
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import Status, events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData
from sqlalchemy import Engine

from central.app import create_app
from central.catalog import rules as catalog
from central.database import open_engine
from central.fleet.authority import make_authority
from central.migrations import upgrade
from central.settings import Settings
from central.webhooks import endpoints
from tests.integration.warehouse import SITE, Warehouse

_OF_FORM = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error", "string_too_short", "too_short"}
"""Faults that a schema can name. Those of our own rules have names of their own; texts lose outer blanks before they are measured, which no schema says."""
_numbers = itertools.count(1)
SEED = 20261121
EXAMPLES = int(os.environ.get("DOCKLINE_FUZZ_EXAMPLES", "8"))
"""Random cases an operation, beside those of its examples and of its schema's edges."""


@dataclass
class Findings:
    """`failures`: by operation and kind, one of each with the request that shows it. `checked`: requests by phase."""

    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    checked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """What was found, for people."""
        return "\n\n".join([*(f"{label}: {kind}\n{more}" for (label, kind), more in sorted(self.failures.items())), *self.errors])


def seeded_app(engine: Engine) -> FastAPI:
    """The application over a small warehouse in which the examples of the documentation name things that are there."""
    house = Warehouse(engine)
    house.put("A-01", "milk", 500, "L1", date(2027, 12, 1))
    house.put("A-02", "milk", 100, "L2", date(2027, 11, 1))
    house.put("B-01", "peas", 500)
    for place in ("A-01", "B-01"):
        house.keep(catalog.StockLevel(site=SITE, location=place, item="milk" if place == "A-01" else "peas", minimum=5, maximum=50))
    wish = endpoints.Wish("http://127.0.0.1:9/", frozenset({"order.shipped", "work_order.opened"}))
    house.do(lambda c: endpoints.keep(c, "erp", wish, house.now))
    with tempfile.TemporaryDirectory() as folder:
        authority = make_authority(Path(folder), "Fuzz", house.now)
    settings = Settings(engine.url.render_as_string(hide_password=False), allowed_hosts=("testserver",), authority=authority)
    app = create_app(settings, lambda: house.now, engine)
    app.openapi_schema = _documentation(app)
    return app


_made: list[dict[str, Any]] = []


def _documentation(app: FastAPI) -> dict[str, Any]:
    """Made once, for it is the same for all areas and takes more than a second."""
    if not _made:
        _made.append(app.openapi())
    return _made[0]


def fuzz(app: FastAPI, tags: Sequence[str] = (), examples: int = EXAMPLES, *, edges: bool = True) -> Findings:
    """Run all checks over all operations (or those of some areas). `edges`: also every edge of every schema, some fifty requests an operation."""
    config = SchemathesisConfig(seed=SEED)
    config.output.truncation.max_recorded_payload_size = 10_000_000
    project = config.projects.default
    project.generation.max_examples = examples
    project.generation.deterministic = True
    project.generation.no_shrink = True
    project.phases.stateful.enabled = False
    project.phases.coverage.enabled = edges
    project.continue_on_failure = True
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=config)
    if tags:
        schema = schema.include(tag=list(tags))  # type: ignore[assignment]  # typed as its base
    found = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(found, event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.errors.append(f"{getattr(event, 'label', '')}: {getattr(event, 'value', None) or getattr(event, 'exception', event)!r}")
    return found


@schemathesis.hook
def before_call(_context: Any, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Every request is one of its own: the documentation has one example of a key, and the second request with it would be refused."""
    if case.headers and (key := case.headers.get("Idempotency-Key")) and len(key) < 150:
        case.headers["Idempotency-Key"] = f"{key}-{next(_numbers)}"


def _is_a_rule(failure: Failure, response: Response | None) -> bool:
    """Whether valid data was refused by a rule of the trade, with a code of its own; a schema cannot say that an order must exist or a check digit fit.

    What stays a failure: data that fits the documented form and is refused for its form.
    """
    if not isinstance(failure, RejectedPositiveData) or response is None or response.status_code not in (400, 406, 412, 422):
        return False
    problem = response.json()
    if str(problem["type"]).startswith(
        "epcisException:"
    ):  # EPCIS refuses with 400 what its own forms and query language do not allow; they are tested on their own
        return True
    if response.status_code in (400, 406):
        return False
    return problem["code"] != "invalid_request" or not any(each["kind"] in _OF_FORM for each in problem["errors"])


def _note(found: Findings, event: events.ScenarioFinished) -> None:
    found.operations.add(event.recorder.label)
    found.checked[event.phase.value] += len(event.recorder.interactions)
    for interaction in event.recorder.interactions.values():
        if interaction.response is not None:
            found.statuses[str(interaction.response.status_code)] += 1
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                key = (event.recorder.label, f"{check.name}: {failure.title}")
                response = event.recorder.find_response(case_id=case_id)
                if _is_a_rule(failure, response):
                    continue
                answer = "" if response is None else f"\nanswer {response.status_code}: {response.content[:500].decode(errors='replace')}"
                found.failures.setdefault(key, f"{failure.message[:600]}\n{check.failure_info.code_sample[:1200]}{answer}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        engine = open_engine(f"sqlite:///{folder}/fuzz.db")
        upgrade(engine)
        made = fuzz(seeded_app(engine), sys.argv[1:])
        print(made.text())
        print(len(made.operations), "operations", dict(made.checked), dict(made.statuses), len(made.failures), "failures")
        engine.dispose()

# SPDX-License-Identifier: Apache-2.0
"""The built-in drivers as the conformance suite wants them; each has its sample in `samples/`."""

from __future__ import annotations

import importlib
from pathlib import Path

from drivers import registry
from gateway.conformance import kit
from gateway.conformance.kit import driver, entry, session, settings_of, twin
from gateway.conformance.sample import Entry
from tests.conformance.exemptions import EXEMPT
from tests.conformance.transcripts import CAPTURES

__all__ = ["captures", "driver", "entry", "session", "settings_of", "twin"]


def _sample(name: str) -> Entry:
    made = importlib.import_module(f"tests.conformance.samples.{name}").sample()
    assert isinstance(made, Entry)
    return made


kit.register(registry.BUILT_IN, _sample, CAPTURES, EXEMPT)
of_built_in = kit.parametrizer(sorted(registry.BUILT_IN))
"""To be called `pytest_generate_tests` where the rules are run."""


def captures(name: str | None = None) -> list[Path]:
    """The transcripts of one driver, or of all."""
    return sorted(CAPTURES.glob(f"{name or '*'}/*.hex"))

# SPDX-License-Identifier: Apache-2.0
"""The two logistic regressions by which a portal judges: which tags moved, and whether anything passed. Made by `python -m tools.portal_fit`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from gateway.portal import evidence, passed
from gateway.portal.logistic import Model, load


class Models(NamedTuple):
    """`moved`: log likelihood ratio of a tag by `evidence.NAMES`; `passed`: log odds of a pass by `passed.NAMES`."""

    moved: Model
    passed: Model


@cache
def models_in(folder: Path) -> Models:
    """Of the files moved.json and passed.json in a folder. Raises: OSError, ValueError."""
    return Models(load(folder / "moved.json", evidence.NAMES), load(folder / "passed.json", passed.NAMES))


def shipped() -> Models:
    """Those that come with the gateway."""
    return models_in(Path(__file__).parent)

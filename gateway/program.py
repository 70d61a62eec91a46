# SPDX-License-Identifier: Apache-2.0
"""Which version of this program runs."""

from __future__ import annotations

import sys
from pathlib import Path


def program_version() -> str:
    """As installed; from the name of the folder that says so, since importlib.metadata costs 3 MiB of memory for parsers of mail."""
    for place in sys.path:
        for found in Path(place).glob("dockline-*.dist-info"):
            return found.name.split("-")[1].removesuffix(".dist")
    from importlib.metadata import version

    return version("dockline")

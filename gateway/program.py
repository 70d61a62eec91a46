# SPDX-License-Identifier: Apache-2.0
"""Which version of this program runs, and how it begins anew."""

from __future__ import annotations

import os
import sys
from pathlib import Path

LAUNCHER = "DOCKLINE_LAUNCHER"
"""Environment: what chose this version and started it (`gateway.updates.launcher`); absent where there is only one."""


def program_version() -> str:
    """As installed; from the name of the folder that says so, since importlib.metadata costs 3 MiB of memory for parsers of mail."""
    for place in sys.path:
        for found in Path(place).glob("dockline-*.dist-info"):
            return found.name.split("-")[1].removesuffix(".dist")
    from importlib.metadata import version

    return version("dockline")


def words_to_begin_anew() -> list[str]:
    """The command that starts this program again as it was started; the launcher, if there is one, chooses the version anew."""
    launcher = os.environ.get(LAUNCHER)
    return [launcher, *sys.argv[1:]] if launcher else [sys.executable, *sys.orig_argv[1:]]

# SPDX-License-Identifier: Apache-2.0
"""Modules of the standard library that a library imports and a gateway does not use: loaded when somebody does.

importlib.util.LazyLoader is of no use here: the second `import` of such a module already loads it (Python 3.11).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

SELDOM_USED = ("urllib.request",)
"""paho asks it for the proxies of websockets. With http.client and the parsers of mail behind it, it takes 2 MiB and 50 ms of a small machine's start."""


class _LateModule(ModuleType):
    """Stands for a module until something of it is wanted; then the real one takes its place."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # asked by the import system, which needs none of it
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def load_late(name: str) -> None:
    """Have a module of a package loaded when something of it is used for the first time; one that is loaded already stays."""
    if name in sys.modules:
        return
    parent, _, leaf = name.rpartition(".")
    sys.modules[name] = module = _LateModule(name)
    setattr(importlib.import_module(parent), leaf, module)

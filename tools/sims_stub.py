# SPDX-License-Identifier: Apache-2.0
"""What type checkers know of `firmware_sims.sims`: one function for each simulator, with the options and conditions that its twin declares."""

from __future__ import annotations

import inspect

from firmware_sims import registry, sims
from firmware_sims.engine.arguments import Argument

_HEAD = '''\
# SPDX-License-Identifier: Apache-2.0
"""The simulators as functions, for type checkers; `firmware_sims.sims` makes them when the program runs. Written by `make docs`."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from firmware_sims.rig.plan import Over
from firmware_sims.sims import SimulatedDevice

Written = str | float | bool
"""A condition as people write it: "12.5 kg", "open", 0."""

class Line(TypedDict, total=False):
    """What `device` takes of every simulator."""

'''
_LINE = {name: each.annotation for name, each in inspect.signature(sims.device).parameters.items() if each.kind is each.KEYWORD_ONLY}


def _type_of(argument: Argument) -> str:
    if argument.choices:
        return f"Literal[{', '.join(_literal(choice) for choice in argument.choices)}]"
    kinds = [kind.__name__ for kind in argument.kinds]
    return f"Sequence[{' | '.join(kinds)}] | str" if argument.is_list else " | ".join(kinds)


def _literal(choice: object) -> str:
    return f'"{choice}"' if isinstance(choice, str) else repr(choice)


def _function(name: str) -> str:
    options = registry.options(name)
    takes = {option: _type_of(argument) for option, argument in options.items() if option not in _LINE}
    takes |= {condition: "Written" for condition in registry.twin_class(name).conditions() if condition not in options}
    if not takes:
        return f"def {name}(**line: Unpack[Line]) -> SimulatedDevice: ...\n"
    lines = "".join(f"    {argument}: {type_name} = ...,\n" for argument, type_name in takes.items())
    return f"def {name}(\n    *,\n{lines}    **line: Unpack[Line],\n) -> SimulatedDevice: ...\n"


def text() -> str:
    """The stub of all simulators that come with Dockline."""
    line = "".join(f"    {name}: {type_name}\n" for name, type_name in _LINE.items())
    return _HEAD + line + "\n" + "".join(_function(name) for name in sorted(registry.TWINS))

# SPDX-License-Identifier: Apache-2.0
"""Map files: how the lines of a make of scale look, what its words mean, and how it is asked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.base.errors import ConfigError
from drivers.scale_lines.patterns import Pattern, PatternError

SHIPPED = Path(__file__).parent / "maps"
State = Literal["stable", "zero", "dynamic", "overload", "underload", "error"]
GROUPS = ("value", "sign", "unit", "state", "net", "tare", "tare_kind", "gross")


class LinePattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form that a line may have. `match`: see `patterns`, with the groups of GROUPS. `state`: what such a line means when no group says it.

    `ignore`: a line that says nothing of the load (a heading).
    """

    match: str
    state: State | None = None
    ignore: bool = False


class LineMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A make of scale. Patterns are tried in order; the first that takes the whole line counts.

    `states`, what the group `state` may say, blanks around it taken off; `net` and `preset`: words of the groups `net` and `tare_kind`.
    `stable_is_told` false: the line does not say whether the load rests, so no weight of it is ever recorded.
    `decimal_comma`: numbers are written 1,250; without it a comma makes a number none, since it may stand for thousands.
    """

    title: str
    source: Annotated[str, msgspec.Meta(min_length=20)]
    baud_rate: Annotated[int, msgspec.Meta(ge=300, le=4_000_000)] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    request: Annotated[str, msgspec.Meta(max_length=32)] = ""
    line_end: Literal["line", "etx"] = "line"
    line_bytes_max: Annotated[int, msgspec.Meta(ge=8, le=256)] = 80
    patterns: Annotated[tuple[LinePattern, ...], msgspec.Meta(min_length=1, max_length=20)]
    states: dict[str, State] = {}
    net: tuple[str, ...] = ("N", "NT", "NET")
    preset: tuple[str, ...] = ("PT",)
    units: dict[str, str] = {}
    default_unit: str = ""
    stable_is_told: bool = True
    decimal_comma: bool = False
    zero: Annotated[str, msgspec.Meta(max_length=32)] = ""
    tare: Annotated[str, msgspec.Meta(max_length=32)] = ""

    def __post_init__(self) -> None:
        for name in ("request", "zero", "tare"):
            if not getattr(self, name).isascii():
                raise ValueError(f"`{name}` must be plain ASCII")
        for index, (line, pattern) in enumerate(zip(self.patterns, self.compiled, strict=True), 1):
            if unknown := sorted(set(pattern.names) - set(GROUPS)):
                raise ValueError(f"pattern {index}: no group may be named {unknown[0]!r}; there are: {', '.join(GROUPS)}")
            if not line.ignore and not line.state and "value" not in pattern.names and "state" not in pattern.names:
                raise ValueError(f"pattern {index}: has no group `value`, no group `state` and no `state`; what does such a line say?")
            tells = line.state or "state" in pattern.names or line.ignore
            if not tells and self.stable_is_told:
                raise ValueError(f"pattern {index}: does not say whether the load rests; give a group `state`, or `state`, or set `stable_is_told` to false")
            if "state" in pattern.names and not self.states:
                raise ValueError(f"pattern {index}: has a group `state`, but there is no table `states` of what its words mean")

    @cached_property
    def compiled(self) -> tuple[Pattern, ...]:
        """The patterns, ready. Raises: ValueError: names the pattern and what is wrong with it."""
        compiled = []
        for index, line in enumerate(self.patterns, 1):
            try:
                compiled.append(Pattern(line.match))
            except PatternError as error:
                raise ValueError(f"pattern {index}: {error}") from error
        return tuple(compiled)


def load_map(name: str) -> LineMap:
    """A shipped map by its name, or a map file by its path.

    Raises: ConfigError: no such map, or the file is wrong; names the file, the field and the reason.
    """
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=LineMap)
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
        reason = f"`map`: no map of scale lines {name!r} ({error.strerror}); shipped are {shipped}, or give the path of a .toml file"
        raise ConfigError(reason, operation="configuration") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"`map`: {path}: {error}", operation="configuration") from error

# SPDX-License-Identifier: Apache-2.0
"""Drivers, sessions and twins as the rules want them, by the name of the driver; and how the rules are told which drivers there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.driver import StreamDriver
from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from gateway.conformance.sample import AnyTwin, Entry, Way
from gateway.conformance.transcripts import Settings, read_settings

if TYPE_CHECKING:
    import pytest

Exemptions = Mapping[str, Mapping[str, str]]
"""Rule (the test's name) -> driver -> reason, as a sentence."""


@dataclass(frozen=True)
class _Drivers:
    """Drivers that are shown to conform together."""

    sample_of: Callable[[str], Entry]
    captures: Path
    exempt: Exemptions = field(default_factory=dict)


_known: dict[str, _Drivers] = {}


def register(names: Iterable[str], sample_of: Callable[[str], Entry], captures: Path, exempt: Exemptions | None = None) -> None:
    """Tell the rules of drivers: what to know of each, and the folder whose folders, named like them, hold their captures."""
    drivers = _Drivers(sample_of, captures, exempt or {})
    _known.update(dict.fromkeys(names, drivers))


def for_drivers(samples: Mapping[str, Callable[[], Entry]], *, captures: Path, exempt: Exemptions | None = None) -> Callable[[pytest.Metafunc], None]:
    """To be called `pytest_generate_tests` in a test module: its rules then run for these drivers. `captures` has a folder for each of them."""
    register(samples, lambda name: samples[name](), captures, exempt)
    return parametrizer(list(samples))


def parametrizer(names: list[str]) -> Callable[[pytest.Metafunc], None]:
    """Runs each rule for all of these drivers that are not exempt from it."""
    from gateway.conformance.rules import RULES

    def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
        if metafunc.function.__name__ in RULES:
            metafunc.parametrize("name", [name for name in names if metafunc.function.__name__ not in exempt_of(name)])

    return pytest_generate_tests


def exempt_of(name: str) -> dict[str, str]:
    """The rules that a driver need not keep, with the reason."""
    return {rule: drivers[name] for rule, drivers in _known[name].exempt.items() if name in drivers}


def entry(name: str) -> Entry:
    """Raises: ModuleNotFoundError: a registered driver without a sample; it has not been shown to conform."""
    made = _known[name].sample_of(name)
    assert isinstance(made, Entry)
    return made


def way(name: str) -> Way:
    """How the driver reaches its twin."""
    found = entry(name).way
    assert found is not None, f"the sample of {name} does not say which way it is reached"
    return found


def driver(spec: DriverSpec, fields: Mapping[str, Any], where: Mapping[str, Any] | None = None) -> StreamDriver[Any]:
    """A driver of that configuration; without `where` it leads to nothing."""
    address = way(spec.name).nowhere(9) if where is None else where
    config = parse_config(spec.config, {"driver": spec.name, **({} if "path" in fields else address), **fields})
    made = spec.factory("device-1", config)
    assert isinstance(made, StreamDriver)
    return made


def session(name: str, settings: Settings | None = None) -> Session:
    """A new session of that driver as the sample, or else the capture, configures it."""
    fields = entry(name).fields if settings is None or not settings.config else settings.config
    return driver(registry.load(name), fields).new_session()


def twin(name: str, settings: Settings | None = None) -> AnyTwin:
    """A new twin of that driver as the sample, or else the capture, wants it."""
    module, _, kind = registry.load(name).twin.partition(":")
    arguments: Mapping[str, Any] = entry(name).twin_arguments
    if settings is not None and settings.twin:
        kind, arguments = settings.twin, settings.twin_arguments
    made: AnyTwin = getattr(importlib.import_module(module), kind)(**arguments)
    return made


def capture_folder(name: str) -> Path:
    """Where a driver's captures lie."""
    return _known[name].captures / name


def captures(name: str) -> list[Path]:
    """The transcripts of one driver."""
    return sorted(capture_folder(name).glob("*.hex"))


def settings_of(capture: Path) -> Settings:
    """How the capture wants driver and twin to be set up."""
    return read_settings(capture)


def package_of(name: str) -> Path:
    """The folder of a driver's code."""
    target = registry.BUILT_IN.get(name) or registry.load(name).config.__module__
    module = importlib.import_module(target.partition(":")[0])
    assert module.__file__
    return Path(module.__file__).parent

# SPDX-License-Identifier: Apache-2.0
"""Drivers, sessions and twins as the conformance suite wants them, by the name of the driver."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivers import registry
from drivers.base.config import parse_config
from drivers.base.driver import StreamDriver
from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from firmware_sims.engine.twin import Twin
from tests.conformance.sample import Entry
from tests.conformance.transcripts import CAPTURES, Settings, read_settings


def entry(name: str) -> Entry:
    """Raises: ModuleNotFoundError: a registered driver without a file in `samples`; it has not been shown to conform."""
    made = importlib.import_module(f"tests.conformance.samples.{name}").sample()
    assert isinstance(made, Entry)
    return made


def driver(spec: DriverSpec, fields: Mapping[str, Any], where: Mapping[str, Any] | None = None) -> StreamDriver[Any]:
    """A driver of that configuration; without `where` it leads to nothing."""
    address = entry(spec.name).way.nowhere(9) if where is None else where
    config = parse_config(spec.config, {"driver": spec.name, **({} if "path" in fields else address), **fields})
    made = spec.factory("device-1", config)
    assert isinstance(made, StreamDriver)
    return made


def session(name: str, settings: Settings | None = None) -> Session:
    """A new session of that driver as the sample, or else the capture, configures it."""
    fields = entry(name).fields if settings is None or not settings.config else settings.config
    return driver(registry.load(name), fields).new_session()


def twin(name: str, settings: Settings | None = None) -> Twin:
    """A new twin of that driver as the sample, or else the capture, wants it."""
    module, _, kind = registry.load(name).twin.partition(":")
    arguments: Mapping[str, Any] = entry(name).twin_arguments
    if settings is not None and settings.twin:
        kind, arguments = settings.twin, settings.twin_arguments
    made = getattr(importlib.import_module(module), kind)(**arguments)
    assert isinstance(made, Twin)
    return made


def captures(name: str | None = None) -> list[Path]:
    """The transcripts of one driver, or of all."""
    return sorted(CAPTURES.glob(f"{name or '*'}/*.hex"))


def settings_of(capture: Path) -> Settings:
    """How the capture wants driver and twin to be set up."""
    return read_settings(capture)

# SPDX-License-Identifier: Apache-2.0
"""Configurations of the API's models with the examples that its documentation shows; every body and every answer has one."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict


def answer(*examples: dict[str, Any]) -> ConfigDict:
    """For a model that is answered: `model_config = answer({...})`."""
    return ConfigDict(from_attributes=True, json_schema_extra={"examples": list(examples)})


def body(*examples: dict[str, Any]) -> ConfigDict:
    """For a model that is taken in: unknown fields are refused."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})

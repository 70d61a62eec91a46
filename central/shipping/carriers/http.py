# SPDX-License-Identifier: Apache-2.0
"""What adapters share of HTTP: a request whose every failure is one of the carrier's errors."""

from __future__ import annotations

import json
from typing import Any

import httpx

from central.shipping.carriers.faults import CarrierBusyError, CarrierUnreachableError

_TOO_MANY = 429
_ANSWERED = 200
TIMEOUT_S = 15.0


def send(client: httpx.Client, carrier: str, request: httpx.Request) -> httpx.Response:
    """Send, and give the answer if it is a 200. Raises: CarrierUnreachableError, CarrierBusyError."""
    try:
        answer = client.send(request)
    except httpx.HTTPError as error:
        raise CarrierUnreachableError(f"{carrier} does not answer ({type(error).__name__})") from error
    if answer.status_code == _TOO_MANY:
        raise CarrierBusyError(f"{carrier} asks to come again later (HTTP 429)")
    if answer.status_code != _ANSWERED:
        raise CarrierUnreachableError(f"{carrier} answers HTTP {answer.status_code}")
    return answer


def as_object(carrier: str, text: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises: CarrierUnreachableError: something else."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CarrierUnreachableError(f"{carrier} answers what is no JSON") from error
    if not isinstance(value, dict):
        raise CarrierUnreachableError(f"{carrier} answers JSON that is no object")
    return value

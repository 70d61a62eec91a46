# SPDX-License-Identifier: Apache-2.0
"""Which adapter speaks for which account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Row

from central.shipping.carriers import jd, sf
from central.shipping.carriers.protocol import Account, Carrier, Push, Pushed, ReadPush

_ADAPTERS: dict[str, Callable[[Account, httpx.Client, Callable[[], datetime]], Carrier]] = {"sf": sf.SfExpress, "jd": jd.JdLogistics}
_PUSHES: dict[str, ReadPush] = {"sf": sf.read_push, "jd": jd.read_push}


def carrier_of(row: Row[Any], client: httpx.Client, now: Callable[[], datetime]) -> Carrier:
    """The adapter of a row of `carrier_account`."""
    return _ADAPTERS[row.adapter](_account(row), client, now)


def read_push(row: Row[Any], push: Push) -> Pushed:
    """What the carrier of a row of `carrier_account` sent by itself. Raises: PushRefusedError."""
    return _PUSHES[row.adapter](_account(row), push)


def _account(row: Row[Any]) -> Account:
    return Account(row.base_url.rstrip("/"), row.client, row.secret, row.token, row.account, row.push_token)

# SPDX-License-Identifier: Apache-2.0
"""Which adapter speaks for which account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Row

from central.shipping.carriers.jd import JdLogistics
from central.shipping.carriers.protocol import Account, Carrier
from central.shipping.carriers.sf import SfExpress

_ADAPTERS: dict[str, Callable[[Account, httpx.Client, Callable[[], datetime]], Carrier]] = {"sf": SfExpress, "jd": JdLogistics}


def carrier_of(row: Row[Any], client: httpx.Client, now: Callable[[], datetime]) -> Carrier:
    """The adapter of a row of `carrier_account`."""
    account = Account(row.base_url.rstrip("/"), row.client, row.secret, row.token, row.account, row.push_token)
    return _ADAPTERS[row.adapter](account, client, now)

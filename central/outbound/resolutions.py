# SPDX-License-Identifier: Apache-2.0
"""What can be done at one touch about work orders of outbound."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from central.exceptions.resolutions import Action, Case
from central.outbound import service


def _ship_again(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    service.ship_again(connection, fact_id, case.about["order"], now)
    return "shipped"


ACTIONS = (Action("ship_again", "Try to ship it again", ("ship_refused",), _ship_again),)

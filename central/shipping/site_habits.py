# SPDX-License-Identifier: Apache-2.0
"""What sends orders of sites that pack, where the order does not say it itself."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from central.shipping.tables import shipping_site


def _ship_when(connection: Connection, sites: Collection[str]) -> dict[str, str]:
    query = select(shipping_site.c.site, shipping_site.c.ship_when).where(shipping_site.c.site.in_(sorted(sites)))
    return {row.site: row.ship_when for row in connection.execute(query)}


SHIP_WHEN = _ship_when

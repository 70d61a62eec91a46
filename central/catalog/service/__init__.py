# SPDX-License-Identifier: Apache-2.0
"""Use cases of the catalog, and what other areas look up in it. Each runs inside the caller's transaction."""

from __future__ import annotations

from central.catalog.service.goods import (
    Named,
    PackagingOf,
    Part,
    UnknownItemError,
    all_named,
    components_of,
    item_by_code,
    item_by_gtin,
    min_remaining_days,
    named,
    packagings_of,
    reason_of,
    removal_of,
    resolve,
    substitutes_of,
)
from central.catalog.service.keeping import Plan, carry_out, keep, plan
from central.catalog.service.lots import change_expiry, held_lot, learn_lot
from central.catalog.service.places import (
    AisleAt,
    CrossAisleAt,
    Layout,
    PlaceAt,
    layout_of,
    location_by_place,
    place_for_goods,
    site_of,
    sites,
    stage_of,
    zone_of,
)
from central.catalog.service.removing import remove, remove_all

__all__ = [
    "AisleAt",
    "CrossAisleAt",
    "Layout",
    "Named",
    "PackagingOf",
    "Part",
    "PlaceAt",
    "Plan",
    "UnknownItemError",
    "all_named",
    "carry_out",
    "change_expiry",
    "components_of",
    "held_lot",
    "item_by_code",
    "item_by_gtin",
    "keep",
    "layout_of",
    "learn_lot",
    "location_by_place",
    "min_remaining_days",
    "named",
    "packagings_of",
    "place_for_goods",
    "plan",
    "reason_of",
    "removal_of",
    "remove",
    "remove_all",
    "resolve",
    "site_of",
    "sites",
    "stage_of",
    "substitutes_of",
    "zone_of",
]

# SPDX-License-Identifier: Apache-2.0
"""Use cases of the catalog, and what other areas look up in it. Each runs inside the caller's transaction."""

from __future__ import annotations

from central.catalog.service.fitting import Goods, check_place_takes
from central.catalog.service.goods import (
    Named,
    PackagingOf,
    Part,
    UnknownItemError,
    all_named,
    check_partner,
    components_of,
    item_by_code,
    item_by_gtin,
    items_by_code,
    items_by_gtin,
    min_remaining_days,
    named,
    packagings_of,
    reason_of,
    removal_of,
    resolve,
    substitutes_of,
)
from central.catalog.service.keeping import Plan, carry_out, keep, plan
from central.catalog.service.lots import change_expiry, held_lot, learn_lot, learn_lots
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
from central.catalog.service.quantities import quantity_said, sizes_of
from central.catalog.service.ranking import Ranking, rank_places
from central.catalog.service.removing import forget_lots, remove, remove_all
from central.catalog.service.weights import Weighing, Weight, record_weight, weight_of

__all__ = [
    "AisleAt",
    "CrossAisleAt",
    "Goods",
    "Layout",
    "Named",
    "PackagingOf",
    "Part",
    "PlaceAt",
    "Plan",
    "Ranking",
    "UnknownItemError",
    "Weighing",
    "Weight",
    "all_named",
    "carry_out",
    "change_expiry",
    "check_partner",
    "check_place_takes",
    "components_of",
    "forget_lots",
    "held_lot",
    "item_by_code",
    "item_by_gtin",
    "items_by_code",
    "items_by_gtin",
    "keep",
    "layout_of",
    "learn_lot",
    "learn_lots",
    "location_by_place",
    "min_remaining_days",
    "named",
    "packagings_of",
    "place_for_goods",
    "plan",
    "quantity_said",
    "rank_places",
    "reason_of",
    "record_weight",
    "removal_of",
    "remove",
    "remove_all",
    "resolve",
    "site_of",
    "sites",
    "sizes_of",
    "stage_of",
    "substitutes_of",
    "weight_of",
    "zone_of",
]

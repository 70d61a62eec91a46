# SPDX-License-Identifier: Apache-2.0
"""Tables of the catalog. Codes, not numbers, are the keys: they are what stands on labels and in other systems."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Date, Float, ForeignKey, Index, Integer, String, Table, Uuid, text

from central.database import Instant, metadata

item = Table(
    "item",
    metadata,
    Column("code", String, primary_key=True),
    Column("gtin", String, comment="14 digits, leading zeros kept"),
    Column("name", String, nullable=False),
    Column("name_zh", String, nullable=False, server_default=""),
    Column("uom", String, nullable=False, server_default="C62", comment="UN/CEFACT Recommendation 20"),
    Column("unit_weight_g", Integer, comment="gross weight of one unit in grams"),
    Column("shelf_life_days", Integer),
    Column("condition", String, nullable=False, server_default="ambient"),
    Column("supplier", String, comment="partner who delivers it"),
    Column("category", String, nullable=False, server_default=""),
    Column("tracking", String, nullable=False, server_default="lot", comment="none, lot (lots where they are said) or serial (every unit has its number)"),
    Column("removal", String, nullable=False, server_default="fefo", comment="which stock leaves first: fefo, fifo, lifo, closest, least_packages"),
    Column("catch_weight", Boolean, nullable=False, server_default=text("false"), comment="each unit weighs differently and is invoiced by weight"),
    Column("hazard_class", String, nullable=False, server_default="", comment="UN class of dangerous goods, e.g. 3 or 8; empty: none"),
    Column("handling", String, nullable=False, server_default="", comment="words, comma between: fragile, upright, no_stack, heavy, liquid"),
    Column("length_mm", Integer),
    Column("width_mm", Integer),
    Column("height_mm", Integer),
    Column("search", String, nullable=False, server_default="", comment="code, names, pinyin and its initials in lower case, for typing a few letters of"),
    CheckConstraint("condition IN ('ambient', 'chilled', 'frozen')", name="condition_known"),
    CheckConstraint("tracking IN ('none', 'lot', 'serial')", name="tracking_known"),
    CheckConstraint("removal IN ('fefo', 'fifo', 'lifo', 'closest', 'least_packages')", name="removal_known"),
    # Not unique: `barcode` decides that one GTIN is one item, in one statement for all that change hands together.
    Index("ix_item_gtin", "gtin"),
)

lot = Table(
    "lot",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("lot", String, primary_key=True, comment="GS1 AI 10, up to 20 characters; '' for goods without lots has no row"),
    Column("expiry", Date, comment="GS1 AI 17: the last day of use"),
    Column("produced_on", Date, comment="GS1 AI 11"),
    Column("best_before", Date, comment="GS1 AI 15"),
    Column("held", Boolean, nullable=False, server_default=text("false"), comment="recalled: whatever comes in of it goes on hold"),
)

packaging = Table(
    "packaging",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("code", String, primary_key=True, comment="each, inner, case, layer, pallet or a word of the house"),
    Column("quantity", BigInteger, nullable=False, comment="smallest units of the item in one"),
    Column("gtin", String, comment="14 digits"),
    Column("weight_g", Integer, comment="gross"),
    Column("length_mm", Integer),
    Column("width_mm", Integer),
    Column("height_mm", Integer),
    CheckConstraint("quantity > 0", name="holds_something"),
)
"""How an item is packed: one case is so many of its smallest unit."""

barcode = Table(
    "barcode",
    metadata,
    Column("code", String, primary_key=True, comment="what is scanned or typed: an item code, a GTIN of 14 digits, or another name"),
    Column("item", String, ForeignKey("item.code"), nullable=False, index=True),
    Column("quantity", BigInteger, nullable=False, comment="smallest units that one such code stands for"),
    Column("kind", String, nullable=False, comment="item, gtin, packaging or alias: which row says so"),
    CheckConstraint("quantity > 0", name="holds_something"),
    CheckConstraint("kind IN ('item', 'gtin', 'packaging', 'alias')", name="kind_known"),
)
"""Everything that names an item, once: no code with two meanings."""

item_substitute = Table(
    "item_substitute",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("substitute", String, ForeignKey("item.code"), primary_key=True),
    Column("priority", Integer, nullable=False, server_default="1", comment="lower is offered first"),
)

kit_component = Table(
    "kit_component",
    metadata,
    Column("kit", String, ForeignKey("item.code"), primary_key=True),
    Column("component", String, ForeignKey("item.code"), primary_key=True),
    Column("quantity", BigInteger, nullable=False, comment="smallest units of the component in one smallest unit of the kit"),
    CheckConstraint("quantity > 0", name="holds_something"),
)
"""Bill of material of a kit."""

item_weight = Table(
    "item_weight",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True, comment="of the record; saying it twice is saying it once"),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False, server_default=""),
    Column("unit", String, nullable=False, server_default="", comment="handling unit or serial that was weighed; empty: loose goods"),
    Column("quantity", BigInteger, nullable=False, comment="smallest units on the scale"),
    Column("weight_g", BigInteger, nullable=False, comment="net, of all of them together"),
    Column("actor", String, nullable=False, server_default=""),
    Column("weighed_at", Instant, nullable=False),
    CheckConstraint("quantity > 0 AND weight_g > 0", name="something_weighed"),
    Index("ix_item_weight_goods", "item", "lot", "unit"),
)
"""What goods of a catch-weight item really weighed when they came in."""

reason = Table(
    "reason",
    metadata,
    Column("code", String, primary_key=True),
    Column("kind", String, nullable=False, comment="loss, damage, adjustment, return, hold, short"),
    Column("name", String, nullable=False),
    Column("name_zh", String, nullable=False, server_default=""),
    CheckConstraint("kind IN ('loss', 'damage', 'adjustment', 'return', 'hold', 'short')", name="kind_known"),
)
"""Why stock was lost, damaged, corrected, returned or held."""

site = Table(
    "site",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False, server_default=""),
    Column("name_zh", String, nullable=False, server_default=""),
    Column("kind", String, nullable=False, server_default="warehouse"),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("time_zone", String, nullable=False, server_default="UTC", comment="IANA name, for cut-offs and days"),
    Column("lines_per_day", Integer, comment="what it can pick in a day; empty: not limited"),
    Column("cutoff", String, nullable=False, server_default="", comment="HH:MM local: orders after it leave the next day; empty: none"),
    Column("ships_orders", Boolean, nullable=False, server_default=text("true")),
    Column("gln", String, comment="13 digits: as what partners' events and notices name the site"),
    CheckConstraint("kind IN ('warehouse', 'store', 'hub')", name="kind_known"),
)
"""What is known of a site beyond its name. A site that has locations and no row here is a warehouse without a position."""

aisle = Table(
    "aisle",
    metadata,
    Column("site", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("zone", String, nullable=False, server_default=""),
    Column("x_m", Float, nullable=False, comment="of its middle line"),
    Column("y_from_m", Float, nullable=False),
    Column("y_to_m", Float, nullable=False),
    Column("direction", String, nullable=False, server_default="both", comment="both, up (towards higher y) or down"),
    CheckConstraint("direction IN ('both', 'up', 'down')", name="direction_known"),
    CheckConstraint("y_from_m < y_to_m", name="has_a_length"),
)

cross_aisle = Table(
    "cross_aisle",
    metadata,
    Column("site", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("y_m", Float, nullable=False),
)

location = Table(
    "location",
    metadata,
    Column("place", String, primary_key=True, comment="site/code"),
    Column("site", String, nullable=False),
    Column("code", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("condition", String, nullable=False, server_default="ambient", comment="storage condition that the place offers"),
    Column("zone", String, nullable=False, server_default=""),
    Column("pick_rank", Integer, nullable=False, server_default="0", comment="lower is visited first"),
    Column("cold_room", String, nullable=False, server_default="", comment="station id of the cold room it lies in"),
    Column("x_m", Float),
    Column("y_m", Float),
    Column("z_m", Float, comment="height of its floor: the level"),
    Column("aisle", String, nullable=False, server_default=""),
    Column("capacity_units", BigInteger, comment="smallest units of whatever lies there; empty: not limited"),
    Column("capacity_g", BigInteger),
    Column("capacity_cm3", BigInteger),
    Column("mixed_items", Boolean, nullable=False, server_default=text("true")),
    Column("mixed_lots", Boolean, nullable=False, server_default=text("true")),
    Column("locked", String, nullable=False, server_default="", comment="in, out or both: nothing is put there, taken there"),
    Column("hazard_classes", String, nullable=False, server_default="", comment="UN classes that may lie there, comma between; * for all; empty: none"),
    CheckConstraint("kind IN ('bin', 'storage', 'stage', 'dock', 'shipped', 'transit', 'pack', 'start')", name="kind_known"),
    CheckConstraint("locked IN ('', 'in', 'out', 'both')", name="locked_known"),
    CheckConstraint("condition IN ('ambient', 'chilled', 'frozen')", name="condition_known"),
    Index("uq_location_site_code", "site", "code", unique=True),
    Index("ix_location_cold_room", "site", "cold_room"),
)

zone = Table(
    "zone",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("gateway", String, nullable=False, server_default=""),
    Column("station", String, nullable=False, server_default=""),
)

stock_level = Table(
    "stock_level",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("place", String, primary_key=True, comment="site/location for a bin, the site alone for the whole site"),
    Column("minimum", Integer, nullable=False),
    Column("maximum", Integer, nullable=False),
    CheckConstraint("0 <= minimum AND minimum <= maximum", name="minimum_below_maximum"),
)

partner = Table(
    "partner",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("gln", String),
    Column("grp", String, nullable=False, server_default="", comment="customer group, for waves and rules"),
    Column("min_remaining_days", Integer, nullable=False, server_default="0", comment="what is sent to it keeps at least so long"),
    Column("priority", Integer, nullable=False, server_default="5", comment="1 is served first, 9 last"),
    Column("carrier", String, nullable=False, server_default="", comment="who carries its orders"),
    Column("backorders", String, nullable=False, server_default="backorder", comment="what becomes of what is not there: backorder, drop, or wait for all"),
    Column("address", JSON, comment="name, phone, province, city, district, street, postcode, country"),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("search", String, nullable=False, server_default="", comment="as of an item"),
    CheckConstraint("kind IN ('supplier', 'customer', 'carrier', 'owner')", name="kind_known"),
    CheckConstraint("backorders IN ('backorder', 'drop', 'wait')", name="backorders_known"),
)

partner_item = Table(
    "partner_item",
    metadata,
    Column("partner", String, ForeignKey("partner.code"), primary_key=True),
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("min_remaining_days", Integer, nullable=False),
)
"""A customer's own rule for an item; it goes before the customer's general one."""

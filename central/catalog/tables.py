# SPDX-License-Identifier: Apache-2.0
"""Tables of the catalog. Codes, not numbers, are the keys: they are what stands on labels and in other systems."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Float, ForeignKey, Index, Integer, String, Table, text

from central.database import metadata

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
    CheckConstraint("condition IN ('ambient', 'chilled', 'frozen')", name="condition_known"),
    Index("uq_item_gtin", "gtin", unique=True, sqlite_where=text("gtin IS NOT NULL"), postgresql_where=text("gtin IS NOT NULL")),
)

lot = Table(
    "lot",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("lot", String, primary_key=True, comment="GS1 AI 10, up to 20 characters; '' for goods without lots has no row"),
    Column("expiry", Date, comment="GS1 AI 17: the last day of use"),
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
    CheckConstraint("kind IN ('bin', 'storage', 'stage', 'dock', 'shipped')", name="kind_known"),
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
    CheckConstraint("kind IN ('supplier', 'customer', 'carrier')", name="kind_known"),
)

# SPDX-License-Identifier: Apache-2.0
"""Where things are: sites, aisles, cross aisles, locations, zones, and how much shall lie there."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from central.catalog.rules.words import (
    Amount,
    Code,
    Condition,
    Count,
    Direction,
    Gln,
    Hazards,
    Hour,
    Latitude,
    LocationKind,
    Locked,
    Longitude,
    Metres,
    Name,
    Rank,
    Row,
    Short,
    Site,
    SiteKind,
    Small,
    TimeZone,
    example,
    wrong,
)


class SiteRow(Row):
    """What is known of a site beyond its name. A site with locations and no row is a warehouse that ships orders, without a position."""

    model_config = example(code="shanghai-1", name="Shanghai", name_zh="上海一号仓", latitude_deg=31.23, longitude_deg=121.47, time_zone="Asia/Shanghai")

    code: Site
    name: Name = ""
    name_zh: Name = ""
    kind: SiteKind = "warehouse"
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    time_zone: TimeZone = Field("UTC", description="IANA name, for cut-offs and days")
    lines_per_day: Small | None = Field(None, description="what it can pick in a day; empty: not limited")
    cutoff: Hour = Field("", description="HH:MM local: orders after it leave the next day; empty: none")
    ships_orders: bool = True
    gln: Gln | None = Field(None, description="13 digits: as what partners' events and notices name the site")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude_deg is None) != (self.longitude_deg is None):
            raise wrong("position_incomplete", "give latitude and longitude together, or neither")
        return self


class Aisle(Row):
    """An aisle: a straight way along y, at x of its middle line, from y to y."""

    model_config = example(site="shanghai-1", code="A", zone="A", x_m=2.5, y_from_m=0.0, y_to_m=24.0, direction="both")
    KEY: ClassVar[tuple[str, ...]] = ("site", "code")

    site: Site
    code: Code
    zone: Short = ""
    x_m: Metres
    y_from_m: Metres
    y_to_m: Metres
    direction: Direction = Field("both", description="both, up (towards higher y) or down")

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.y_from_m >= self.y_to_m:
            raise wrong("no_length", f"y_from_m {self.y_from_m} is not below y_to_m {self.y_to_m}")
        return self


class CrossAisle(Row):
    """A way across all aisles at y."""

    model_config = example(site="shanghai-1", code="front", y_m=0.0)
    KEY: ClassVar[tuple[str, ...]] = ("site", "code")

    site: Site
    code: Code
    y_m: Metres


class Location(Row):
    """A place in a site. `cold_room` is the id of the gateway's cold-room station that watches it."""

    model_config = example(
        site="shanghai-1", code="A-01-2", kind="bin", condition="chilled", zone="A", pick_rank=12, aisle="A", x_m=1.5, y_m=3.2, z_m=1.6, capacity_units=96
    )
    KEY: ClassVar[tuple[str, ...]] = ("site", "code")

    site: Site
    code: Code
    kind: LocationKind
    condition: Condition = "ambient"
    zone: Short = ""
    pick_rank: Rank = Field(0, description="lower is visited first")
    cold_room: Short = ""
    x_m: Metres | None = None
    y_m: Metres | None = None
    z_m: Metres | None = Field(None, description="height of its floor: the level")
    aisle: Short = Field("", description="the aisle from which it is reached")
    capacity_units: Amount | None = Field(None, description="smallest units of whatever lies there; empty: not limited")
    capacity_g: Amount | None = None
    capacity_cm3: Amount | None = None
    mixed_items: bool = Field(True, description="whether several items may lie there together")
    mixed_lots: bool = Field(True, description="whether several lots of an item may lie there together")
    locked: Locked = Field("", description="in, out or both: nothing is put there, taken there")
    hazard_classes: Hazards = Field("", description="classes of dangerous goods that may lie there, comma between; * for all; empty: none")

    @property
    def place(self) -> str:
        """The place as the ledger names it."""
        return f"{self.site}/{self.code}"

    @model_validator(mode="after")
    def _whole_position(self) -> Self:
        if (self.x_m is None) != (self.y_m is None):
            raise wrong("position_incomplete", "give x_m and y_m together, or neither")
        return self


def fault_of_position(row: Location, aisles: dict[tuple[str, str], tuple[float, float]]) -> tuple[str, str, str] | None:
    """What is wrong with a location's aisle, as (column, code, text); `aisles` are y from and to in metres by site and code."""
    if not row.aisle:
        return None
    ends = aisles.get((row.site, row.aisle))
    if ends is None:
        return ("aisle", "unknown_aisle", f"aisle {row.aisle} of {row.site} is not in the catalog; import the aisles first")
    if row.y_m is not None and not ends[0] <= row.y_m <= ends[1]:
        return ("y_m", "outside_aisle", f"{row.place} at y {row.y_m:g} m is outside aisle {row.aisle}, which goes from {ends[0]:g} m to {ends[1]:g} m")
    return None


class Zone(Row):
    """A pick zone and the gateway's station that lights it; without a gateway it is picked from the list."""

    model_config = example(site="shanghai-1", id="A", gateway="dock-1", station="zone-a")
    KEY: ClassVar[tuple[str, ...]] = ("site", "id")

    site: Site
    id: Code
    gateway: Short = ""
    station: Short = ""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.gateway) != bool(self.station):
            raise wrong("pair_incomplete", "give gateway and station together, or neither")
        return self


class StockLevel(Row):
    """Minimum and maximum of an item at a bin, or at the whole site when `location` is empty."""

    model_config = example(site="shanghai-1", location="A-01-2", item="milk", minimum=8, maximum=24)
    KEY: ClassVar[tuple[str, ...]] = ("site", "location", "item")

    site: Site
    location: Short = ""
    item: Code
    minimum: Count
    maximum: Count

    @property
    def place(self) -> str:
        """The bin's place, or the site's name."""
        return f"{self.site}/{self.location}" if self.location else self.site

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise wrong("minimum_above_maximum", f"minimum {self.minimum} is above maximum {self.maximum}", minimum=self.minimum, maximum=self.maximum)
        return self

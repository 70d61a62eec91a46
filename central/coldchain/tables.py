# SPDX-License-Identifier: Apache-2.0
"""Tables of the cold chain: measurements, last values, alarms by occurrence, holds."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint, Uuid, text

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

measurement = Table(
    "measurement",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("device", String, nullable=False),
    Column("quantity", String, nullable=False, comment="what and its unit, as in temperature_c"),
    Column("value", Float, nullable=False),
    Column("measured_at", Instant, nullable=False),
    Column("historical", Boolean, nullable=False, comment="came by backfill"),
)
Index("ix_measurement_series", measurement.c.site, measurement.c.station, measurement.c.quantity, measurement.c.measured_at)

sensor_value = Table(
    "sensor_value",
    metadata,
    Column("site", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("quantity", String, primary_key=True),
    Column("station", String, nullable=False),
    Column("value", Float, comment="NULL: never had one"),
    Column("low_limit", Float, comment="in force when it was measured; NULL: none"),
    Column("high_limit", Float),
    Column("measured_at", Instant),
    Column("failed_at", Instant, comment="NULL: the last answer was good"),
    Column("failure", String, nullable=False, server_default=""),
)
"""The last live value of each sensor; backfill never touches it."""

sensor_array = Table(
    "sensor_array",
    metadata,
    Column("site", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("quantity", String, primary_key=True),
    Column("station", String, nullable=False),
    Column("first", Integer, nullable=False, comment="number of the first value"),
    Column("values", JSON, nullable=False, comment="one after the other; null: refused by the gateway"),
    Column("measured_at", Instant, nullable=False),
)
"""The last live array of each device and quantity; backfill never touches it."""

alarm = Table(
    "alarm",
    metadata,
    Column("id", Id, primary_key=True, comment="id of the event that raised this occurrence"),
    Column("site", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("alarm_id", String, nullable=False),
    Column("condition", String, nullable=False),
    Column("quantity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("value", Float, comment="when the state changed last"),
    Column("limit", Float),
    Column("raised_at", Instant, nullable=False),
    Column("since", Instant, nullable=False, comment="when the state changed last"),
    Column("cleared_at", Instant, comment="when the condition went away, while it is away"),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", String, nullable=False, server_default=""),
    Column("asked_at", Instant, comment="when somebody asked the gateway to acknowledge it"),
    Column("asked_by", String, nullable=False, server_default=""),
    Column("held", Boolean, nullable=False, server_default=text("false"), comment="goods of the room were put on hold for this occurrence"),
    CheckConstraint("state IN ('normal', 'unacknowledged', 'acknowledged', 'rtn_unacknowledged')", name="state_known"),
)
_STANDING = text("state <> 'normal'")
Index("uq_alarm_standing", alarm.c.site, alarm.c.gateway, alarm.c.alarm_id, unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING)
Index("ix_alarm_raised", alarm.c.raised_at)

hold = Table(
    "hold",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("alarm", Id, ForeignKey("alarm.id"), nullable=False, index=True),
    Column("place", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("state", String, nullable=False, server_default="held"),
    Column("held_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("released_by", String, nullable=False, server_default=""),
    UniqueConstraint("alarm", "place", "item", "lot", "owner", "unit"),
    CheckConstraint("state IN ('held', 'released')", name="state_known"),
)

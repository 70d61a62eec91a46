# SPDX-License-Identifier: Apache-2.0
"""Tables of the fleet: gateways, their certificates and configurations, and the commands sent to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, Uuid, false, text

from central.database import Instant, metadata

gateway = Table(
    "gateway",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("boot_id", String, nullable=False, server_default=""),
    Column("session_id", String, nullable=False, server_default=""),
    Column("epoch", String, nullable=False, server_default=""),
    Column("version", String, nullable=False, server_default=""),
    Column("config_hash", String, nullable=False, server_default=""),
    Column("last_birth_at", Instant),
    Column("last_death_at", Instant),
    Column("last_seen_at", Instant),
    Column("pending_events", BigInteger),
    Column("oldest_pending_s", Integer),
    Column("rss_bytes", BigInteger),
    Column("disk_free_bytes", BigInteger),
    Column("devices_up", Integer),
    Column("devices_down", Integer),
    Column("devices_given_up", Integer),
    Column("payload_bytes", BigInteger, comment="of the events that it accepted since it was started"),
    Column("written_bytes", BigInteger, comment="handed to its disk for them"),
    Column("card_life_days", Float),
    Column("config_version", Integer, nullable=False, server_default=text("0"), comment="in force, as its birth says; 0: its own file"),
    Column("config_fault", Text, nullable=False, server_default="", comment="why the newest configuration is not in force, as it says itself"),
    Column("safe_mode", Boolean, nullable=False, server_default=false()),
    Column("restarted", String, nullable=False, server_default="", comment="why its program began"),
    Column("outbox", Text, nullable=False, server_default="", comment="what had happened to its outbox then, in its own words; empty: nothing"),
    Column("certificate_until", Instant, comment="as it says itself"),
    Column("clock", String, nullable=False, server_default="", comment="synced, holdover or unsynced, when it last reported"),
    Column("revoked_at", Instant, comment="nothing that it says is applied any more"),
)

device = Table(
    "device",
    metadata,
    Column("gateway", String(64), ForeignKey("gateway.id"), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("changed_at", Instant, nullable=False),
    Column("serial", String, nullable=False, server_default="", comment="of the hardware at this place since it was swapped; empty: it never was"),
    Column("serial_before", String, nullable=False, server_default=""),
    Column("swapped_at", Instant),
    Column("swapped_by", String, nullable=False, server_default=""),
)

device_condition = Table(
    "device_condition",
    metadata,
    Column("gateway", String(64), ForeignKey("gateway.id"), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("condition", String(64), primary_key=True),
    Column("active", Boolean, nullable=False),
    Column("reason", Text, nullable=False, server_default="", comment="what a person does, in the words of the gateway"),
    Column("changed_at", Instant, nullable=False),
)
"""What a device said that a person must or may see to: out of paper, head open, battery low. `active` false: it ended then."""

command = Table(
    "command",
    metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String(64), ForeignKey("gateway.id"), nullable=False),
    Column("station", String(64), nullable=False),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("made_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("published_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('pending', 'done', 'refused', 'expired', 'unanswered')", name="ck_command_state"),
)
"""Commands down. `unanswered`: the deadline passed and nothing came back."""
LIGHTS_UNANSWERED = "command.state = 'unanswered' AND command.kind IN ('LightTasks', 'CancelTasks')"
"""Commands about lights that a gateway, being away, never answered."""
_LIGHTS_UNANSWERED = text("state = 'unanswered' AND kind IN ('LightTasks', 'CancelTasks')")
Index("ix_command_lights_unanswered", command.c.made_at, sqlite_where=_LIGHTS_UNANSWERED, postgresql_where=_LIGHTS_UNANSWERED)
Index("ix_command_pending", command.c.made_at, sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"))

clock_setting = Table(
    "clock_setting",
    metadata,
    Column("event_id", Uuid(as_uuid=False), primary_key=True),
    Column("gateway", String(64), nullable=False),
    Column("boot_id", String, nullable=False),
    Column("monotonic_s", Float, nullable=False),
    Column("set_at", Instant, nullable=False, comment="what the clock said then"),
    Column("offset_s", Float, nullable=False, comment="how much later it says so than it was reckoned to"),
    Column("clock", String, nullable=False),
    Column("reason", String, nullable=False),
)
"""When clocks of gateways were set, or became synchronised."""
Index("ix_clock_setting_boot", clock_setting.c.gateway, clock_setting.c.boot_id)

dated_event = Table(
    "dated_event",
    metadata,
    Column("event_id", Uuid(as_uuid=False), primary_key=True),
    Column("setting", Uuid(as_uuid=False), nullable=False, comment="the `clock_setting` that told"),
    Column("said_at", Instant, nullable=False, comment="what the event said, as it stands in the ledger's body"),
    Column("dated_at", Instant, nullable=False, comment="when it happened"),
)
"""Events of a clock that nobody had set, dated once it was synchronised."""
Index("ix_dated_event_setting", dated_event.c.setting, dated_event.c.said_at)

enrolment_code = Table(
    "enrolment_code",
    metadata,
    Column("id", String(16), primary_key=True, comment="derived from the code; the code itself is nowhere"),
    Column("gateway", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("mac_key", LargeBinary, nullable=False, comment="derived from the code; emptied when it was used"),
    Column("brokers", Text, nullable=False, server_default="", comment="URLs that the gateway is told, one a line"),
    Column("made_at", Instant, nullable=False),
    Column("made_by", String, nullable=False, server_default=""),
    Column("expires_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("used_at", Instant),
    Column("request_hash", String(64), nullable=False, server_default="", comment="of the request that it was used for: the same may come again"),
)
Index("ix_enrolment_code_gateway", enrolment_code.c.gateway, enrolment_code.c.made_at)

gateway_certificate = Table(
    "gateway_certificate",
    metadata,
    Column("serial", String(40), primary_key=True, comment="hex"),
    Column("gateway", String(64), ForeignKey("gateway.id"), nullable=False),
    Column("certificate", Text, nullable=False, comment="PEM"),
    Column("request_hash", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("how", String, nullable=False, comment="code or renewal"),
    Column("revoked_at", Instant),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("how IN ('code', 'renewal')", name="ck_gateway_certificate_how"),
)
Index("ix_gateway_certificate_gateway", gateway_certificate.c.gateway, gateway_certificate.c.made_at)

configuration = Table(
    "configuration",
    metadata,
    Column("gateway", String(64), ForeignKey("gateway.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False, comment="TOML"),
    Column("digest", String(12), nullable=False, comment="the first 12 hex digits of its SHA-256, as births say"),
    Column("signature", String, nullable=False),
    Column("actor", String, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("again_of", Integer, comment="the version whose content it has once more"),
    Column("made_at", Instant, nullable=False),
    Column("sent_at", Instant, comment="last"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, server_default="", comment="of the gateway, for people"),
    Column("ended_at", Instant, comment="the gateway said what became of it"),
    CheckConstraint("state IN ('sent', 'applied', 'refused', 'returned', 'superseded')", name="ck_configuration_state"),
)
"""Configurations pushed to gateways, signed; a version is never used twice."""

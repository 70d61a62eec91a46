# SPDX-License-Identifier: Apache-2.0
"""Tables of EPCIS: events as they were captured, what they can be found by, capture jobs, master data, named queries, and how far Dockline's own events are.

Identifiers to search by are kept in their canonical form (`central.trace.naming`), words of the vocabulary bare; the event itself stays as it came.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, Uuid, text

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

epcis_event = Table(
    "epcis_event",
    metadata,
    Column("n", BigId, primary_key=True, autoincrement=True),
    Column("event_id", String, nullable=False),
    Column("declaration", String, nullable=False, server_default="", comment="SHA-256 of what an error declaration says; empty: the event itself"),
    Column("hash", String, nullable=False, comment="of its content (CBV 2.0, section 8.9); the same id with another one is refused"),
    Column("type", String, nullable=False),
    Column("event_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("action", String, nullable=False, server_default=""),
    Column("biz_step", String, nullable=False, server_default=""),
    Column("disposition", String, nullable=False, server_default=""),
    Column("read_point", String, nullable=False, server_default=""),
    Column("biz_location", String, nullable=False, server_default=""),
    Column("transformation", String, nullable=False, server_default=""),
    Column("declared_at", Instant, comment="of an error declaration"),
    Column("body", Text, nullable=False, comment="the event as it was captured (JSON)"),
    Column("context", Text, nullable=False, server_default="", comment="what its @context declares beside the standard's (JSON); empty: nothing"),
    Column("job", Id, comment="capture that brought it; empty: Dockline's own"),
    Column("fact", Id, comment="fact of the ledger of which it tells; empty: captured"),
    UniqueConstraint("event_id", "declaration"),
)
Index("ix_epcis_event_event_at", epcis_event.c.event_at, epcis_event.c.n)
Index("ix_epcis_event_recorded_at", epcis_event.c.recorded_at, epcis_event.c.n)
Index("ix_epcis_event_type", epcis_event.c.type, epcis_event.c.n)
Index("ix_epcis_event_biz_step", epcis_event.c.biz_step, epcis_event.c.n)
Index("ix_epcis_event_disposition", epcis_event.c.disposition, epcis_event.c.n)
Index("ix_epcis_event_read_point", epcis_event.c.read_point, epcis_event.c.n)
Index("ix_epcis_event_biz_location", epcis_event.c.biz_location, epcis_event.c.n)
_OWN = text("fact IS NOT NULL")
Index("ix_epcis_event_fact", epcis_event.c.fact, sqlite_where=_OWN, postgresql_where=_OWN)

epcis_term = Table(
    "epcis_term",
    metadata,
    Column(
        "kind", String, primary_key=True, comment="epc, parent, child, input, output, class, in_class, out_class, bt:TYPE, src:TYPE, dst:TYPE, field:NAME, ..."
    ),
    Column("value", String, primary_key=True),
    Column("event", BigId, ForeignKey("epcis_event.n"), primary_key=True),
)
"""Everything of an event that is text, may stand in it more than once, and is searched by."""
Index("ix_epcis_term_event", epcis_term.c.event)

epcis_number = Table(
    "epcis_number",
    metadata,
    Column("event", BigId, ForeignKey("epcis_event.n"), primary_key=True),
    Column("k", Integer, primary_key=True),
    Column("kind", String, nullable=False, comment="quantity:KGM, value:CEL, minValue:CEL, percRank, time (microseconds since 1970), field:NAME, ..."),
    Column("value", Float, nullable=False),
)
"""Everything of an event that is a number or an instant, and is searched by."""
Index("ix_epcis_number_kind", epcis_number.c.kind, epcis_number.c.value, epcis_number.c.event)

epcis_capture = Table(
    "epcis_capture",
    metadata,
    Column("n", BigId, primary_key=True, autoincrement=True, comment="in the order in which they came"),
    Column("id", Id, nullable=False, unique=True),
    Column("behaviour", String, nullable=False, comment="rollback or proceed"),
    Column("success", Boolean, nullable=False),
    Column("captured", Integer, nullable=False, comment="events that are new with it"),
    Column("errors", Text, nullable=False, comment="problems (JSON list)"),
    Column("actor", String, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    CheckConstraint("behaviour IN ('rollback', 'proceed')", name="behaviour_known"),
)

epcis_master = Table(
    "epcis_master",
    metadata,
    Column("id", String, primary_key=True, comment="canonical"),
    Column("vocabulary", String, primary_key=True, comment="type of the vocabulary, a URI"),
    Column("body", Text, nullable=False, comment="the element as it was captured (JSON)"),
    Column("captured_at", Instant, nullable=False),
)
"""Master data: what an id means. The last capture counts."""

epcis_attribute = Table(
    "epcis_attribute",
    metadata,
    Column("id", String, primary_key=True, comment="as in epcis_master"),
    Column("vocabulary", String, primary_key=True),
    Column("k", Integer, primary_key=True),
    Column("name", String, nullable=False, comment="as it is written, and once more as a whole URI"),
    Column("value", String, nullable=False, comment="empty: an object"),
)
"""Attributes of master data, by which events are searched."""
Index("ix_epcis_attribute_name", epcis_attribute.c.name, epcis_attribute.c.value, epcis_attribute.c.id)

epcis_within = Table(
    "epcis_within",
    metadata,
    Column("child", String, primary_key=True),
    Column("parent", String, primary_key=True),
)
"""Places within places, as master data tell it; both canonical."""
Index("ix_epcis_within_parent", epcis_within.c.parent)

epcis_query = Table(
    "epcis_query",
    metadata,
    Column("name", String, primary_key=True),
    Column("query", Text, nullable=False, comment="parameters (JSON)"),
    Column("created_at", Instant, nullable=False),
)

epcis_subscription = Table(
    "epcis_subscription",
    metadata,
    Column("id", Id, primary_key=True),
    Column("query", String, ForeignKey("epcis_query.name"), nullable=False),
    Column("dest", String, nullable=False),
    Column("token", String, nullable=False, server_default="", comment="signs what is sent; known to the subscriber and us"),
    Column("schedule", String, nullable=False, server_default="", comment="JSON; empty: at once"),
    Column("report_if_empty", Boolean, nullable=False),
    Column("since", Instant, comment="events recorded from then on were told at first"),
    Column("next_at", Instant, comment="of the schedule"),
    Column("created_at", Instant, nullable=False),
)
Index("ix_epcis_subscription_query", epcis_subscription.c.query, epcis_subscription.c.created_at)
epcis_waiting = Table(
    "epcis_waiting",
    metadata,
    Column("subscription", Id, primary_key=True, comment="no foreign key: a capture does not fail because a subscription ends meanwhile"),
    Column("event", BigId, primary_key=True, autoincrement=False),
)
"""Events that a subscription is still to be told of."""

epcis_progress = Table(
    "epcis_progress",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", BigInteger, nullable=False, comment="facts of the ledger up to here were looked at"),
    Column("changed_at", Instant, nullable=False),
)
epcis_hole = Table(
    "epcis_hole",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("seen_at", Instant, nullable=False),
)
"""Positions below the progress that were not there: their transactions may still commit, and are looked for until none can."""

# SPDX-License-Identifier: Apache-2.0
"""Tables of counting: counts, their places, what each counter said, and the differences."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, Uuid, text

from central.database import Instant, metadata

Id = Uuid(as_uuid=False)

count_job = Table(
    "count_job",
    metadata,
    Column("id", Id, primary_key=True, comment="the fact that planned it"),
    Column("site", String, nullable=False),
    Column("name", String, nullable=False, server_default=""),
    Column("kind", String, nullable=False),
    Column("blind", Boolean, nullable=False, comment="counters do not see what the books say"),
    Column("frozen", Boolean, nullable=False, comment="its places are locked until they are settled"),
    Column("scope", JSON, nullable=False, comment="as it was asked: zone, aisle, items, sample size, seed, limit"),
    Column("tolerance_units", BigInteger, nullable=False, server_default="0"),
    Column("tolerance_permille", Integer, nullable=False, server_default="0"),
    Column("approval_units", BigInteger, nullable=False, server_default="0", comment="a difference up to this, said by two counters, needs no third person"),
    Column("state", String, nullable=False, server_default="open"),
    Column("created_by", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    CheckConstraint("kind IN ('cycle', 'periodic', 'random', 'dynamic', 'asked')", name="kind_known"),
    CheckConstraint("state IN ('open', 'done', 'cancelled')", name="state_known"),
)
Index("ix_count_job_state", count_job.c.site, count_job.c.state)

count_place = Table(
    "count_place",
    metadata,
    Column("count_id", Id, ForeignKey("count_job.id"), primary_key=True),
    Column("place", String, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="order of the walk"),
    Column("risk", Float, nullable=False, server_default="0", comment="probability that the books are wrong there, when it was chosen"),
    Column("state", String, nullable=False, server_default="open"),
    Column("rounds", Integer, nullable=False, server_default="0", comment="how often it was counted"),
    Column("lock_before", String, nullable=False, server_default="", comment="the place's lock, to be put back"),
    Column("right", Boolean, comment="settled without a difference: the books were right"),
    Column("counted_at", Instant),
    Column("settled_at", Instant),
    CheckConstraint("state IN ('open', 'recount', 'review', 'settled', 'skipped')", name="state_known"),
)
Index("ix_count_place_place", count_place.c.place, count_place.c.settled_at)

count_sheet = Table(
    "count_sheet",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("count_id", Id, nullable=False),
    Column("place", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("counter", String, nullable=False),
    Column("by", String, nullable=False, server_default="hand", comment="hand or rfid"),
    Column("counted_at", Instant, nullable=False),
)
"""One person's count of one place."""
Index("uq_count_sheet_round", count_sheet.c.count_id, count_sheet.c.place, count_sheet.c.round, unique=True)

count_line = Table(
    "count_line",
    metadata,
    Column("id", String, primary_key=True, comment="count/place/item/lot/owner, hashed"),
    Column("count_id", Id, ForeignKey("count_job.id"), nullable=False),
    Column("place", String, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("book", BigInteger, nullable=False, comment="on hand when it was last counted"),
    Column("counted", BigInteger, nullable=False, comment="by the last counter"),
    Column("difference", BigInteger, nullable=False, comment="counted less book, of the last counter"),
    Column("earlier", JSON, nullable=False, comment="differences of the counters before"),
    Column("serials", JSON, nullable=False, server_default=text("'{}'"), comment="of numbered pieces: missing, found, and [missing, found] of those before"),
    Column("state", String, nullable=False),
    Column("cause", String, nullable=False, server_default="", comment="reason code"),
    Column("decided_by", String, nullable=False, server_default=""),
    Column("decided_at", Instant),
    Column("adjusted", BigInteger, nullable=False, server_default="0", comment="what was booked"),
    Column("event_id", Id, comment="the fact that booked it"),
    CheckConstraint("state IN ('agreed', 'recount', 'review', 'adjusted', 'rejected')", name="state_known"),
)
Index("ix_count_line_place", count_line.c.count_id, count_line.c.place)
Index("ix_count_line_review", count_line.c.state, sqlite_where=text("state = 'review'"), postgresql_where=text("state = 'review'"))
Index("ix_count_line_decided", count_line.c.decided_at)

count_tag = Table(
    "count_tag",
    metadata,
    Column("count_id", Id, ForeignKey("count_job.id"), primary_key=True),
    Column("epc", String, primary_key=True, comment="EPC URI"),
)
"""Tags that readers saw in a count, over all its sweeps."""

# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger. `event` and `entry` are append-only (triggers refuse changes); the others follow from them or serve concurrency."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

event = Table(
    "event",
    metadata,
    Column("position", BigId, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    Column("site", String, nullable=False),
    Column("source", String, nullable=False),
    Column("source_seq", BigInteger),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("actor", String, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("source", "source_seq"),
)
Index("ix_event_kind_position", event.c.kind, event.c.position)

answer = Table(
    "answer",
    metadata,
    Column("event_id", Id, ForeignKey("event.id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""What was answered to the request that made an event, given again when the same request comes again."""

entry = Table(
    "entry",
    metadata,
    Column("event_id", Id, ForeignKey("event.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("place", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    Column("occurred_at", Instant, nullable=False, comment="the event's, here for reading by time"),
    Column("recorded_at", Instant, nullable=False, comment="the event's, here for reading by time"),
    Column("turn", BigInteger, nullable=False, server_default=text("0"), comment="of the fence of (site, item); 0 at virtual places"),
    PrimaryKeyConstraint("event_id", "n"),
    CheckConstraint("quantity <> 0 OR value_minor <> 0", name="ck_entry_says_something"),
)
Index("ix_entry_item_place", entry.c.item, entry.c.place)
Index("ix_entry_lot", entry.c.lot, entry.c.item)
_BLOCK_RANGES = {"pages_per_range": 64, "autosummarize": True}
Index(
    "ix_entry_recorded",
    entry.c.recorded_at,
    postgresql_using="brin",
    postgresql_with=_BLOCK_RANGES,
    postgresql_ops={"recorded_at": "int8_minmax_multi_ops"},
)
Index(
    "ix_entry_occurred",
    entry.c.occurred_at,
    postgresql_using="brin",
    postgresql_with=_BLOCK_RANGES,
    postgresql_ops={"occurred_at": "int8_minmax_multi_ops"},
)
LATE_US = 86_400_000_000
"""An entry that was recorded a day (in microseconds) or more after it occurred is late; late ones are few and have an index of their own."""
LATE = f"recorded_at - occurred_at > {LATE_US}"
Index("ix_entry_late", entry.c.recorded_at, sqlite_where=text(LATE), postgresql_where=text(LATE))

balance = Table(
    "balance",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("place", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    Column("expiry", Date, nullable=False),
    Column("in_date", Instant, nullable=False),
    Column("pick_rank", Integer, nullable=False),
    Column("pickable", Boolean, nullable=False),
    Column("storage", Boolean, nullable=False, server_default=text("false"), comment="a handling unit may leave it whole, pieces may not"),
    Column("locked", Boolean, nullable=False, server_default=text("false"), comment="nothing is taken from the place for now"),
    Column("held", Boolean, nullable=False, server_default=text("false"), comment="the lot is recalled"),
    Column("turn", BigInteger, nullable=False),
    UniqueConstraint("place", "item", "lot", "owner", "status", "unit"),
    CheckConstraint("0 <= reserved AND reserved <= on_hand", name="ck_balance_reserved_within_on_hand"),
)
"""A projection of `entry`, one row for each account at a real place that holds something. `turn` is the turn of its fence that last changed it."""
Index("ix_balance_fefo", balance.c.site, balance.c.item, balance.c.status, balance.c.expiry, balance.c.in_date, balance.c.pick_rank, balance.c.id)
Index("ix_balance_unit", balance.c.unit)

fence = Table(
    "fence",
    metadata,
    Column("site", String, nullable=False),
    Column("item", String, nullable=False),
    Column("turn", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "item"),
)
"""One row per (site, item). Whoever changes stock of it takes the row first; `turn` counts them and so gives their true order."""

reservation = Table(
    "reservation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, ForeignKey("event.id"), nullable=False),
    Column("n", Integer, nullable=False, server_default=text("0"), comment="in the order in which its transaction made them"),
    Column("line_id", String, nullable=False),
    Column("site", String, nullable=False),
    Column("place", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False, server_default=text("0")),
    Column("state", String, nullable=False),
    Column("rule", String, nullable=False, server_default="fefo", comment="which stock had to leave first"),
    Column("expiry", Date, nullable=False),
    Column("in_date", Instant, nullable=False),
    Column("pick_rank", Integer, nullable=False),
    Column("free", BigInteger, nullable=False, server_default=text("0"), comment="what the balance had free when its transaction looked"),
    Column("min_expiry", Date),
    Column("made_at", Instant, nullable=False),
    Column("deadline_at", Instant),
    Column("closed_at", Instant),
    Column("closed_by", Id),
    Column("closed_turn", BigInteger),
    Column("turn", BigInteger, nullable=False),
    UniqueConstraint("event_id", "line_id", "place", "lot", "owner", "unit"),
    CheckConstraint("0 <= taken AND taken <= quantity AND quantity > 0", name="ck_reservation_taken_within_quantity"),
    CheckConstraint("state IN ('pending', 'posted', 'void', 'timed_out')", name="ck_reservation_state"),
)
"""A two-phase transfer out of one available account: pending, then posted (perhaps partly), void or timed out."""
Index("ix_reservation_line", reservation.c.line_id)
Index(
    "ix_reservation_deadline",
    reservation.c.deadline_at,
    sqlite_where=text("state = 'pending' AND deadline_at IS NOT NULL"),
    postgresql_where=text("state = 'pending' AND deadline_at IS NOT NULL"),
)
Index("ix_reservation_pending", reservation.c.site, reservation.c.item, sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"))

block = Table(
    "block",
    metadata,
    Column("site", String, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("last_position", BigInteger, nullable=False, index=True),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed_at", Instant, nullable=False),
    PrimaryKeyConstraint("site", "n"),
)
"""A seal over committed events of a site: `members` are their positions as big-endian 64-bit numbers, `last_position` the
highest of them, `root` the Merkle root of their leaves."""

handling_unit = Table(
    "handling_unit",
    metadata,
    Column("sscc", String, primary_key=True, comment="18 digits, or a name of the house"),
    Column("kind", String, nullable=False, comment="pallet, case, tote, carton"),
    Column("parent", String, ForeignKey("handling_unit.sscc"), index=True, comment="what it stands on or in"),
    Column("site", String, nullable=False, server_default=""),
    Column("place", String, nullable=False, server_default="", comment="where it stands; empty when it left"),
    Column("state", String, nullable=False, server_default="open"),
    Column("made_at", Instant, nullable=False),
    Column("changed_by", Id, comment="event"),
    CheckConstraint("kind IN ('pallet', 'case', 'tote', 'carton')", name="kind_known"),
    CheckConstraint("state IN ('open', 'closed', 'in_transit', 'shipped', 'dissolved')", name="state_known"),
    CheckConstraint("parent IS NULL OR parent <> sscc", name="not_in_itself"),
)
"""What carries goods: the account's `unit` is the innermost one; a pallet's cases name it as their parent."""
Index("ix_handling_unit_place", handling_unit.c.place)

serial = Table(
    "serial",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("serial", String, primary_key=True, comment="GS1 AI 21"),
    Column("place", String, nullable=False, comment="where it is, or the virtual place to which it went"),
    Column("lot", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("status", String, nullable=False),
    Column("unit", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, comment="in_stock, or where it went: returned, shipped, lost, built_in"),
    Column("changed_by", Id, nullable=False),
    CheckConstraint("state IN ('in_stock', 'returned', 'shipped', 'lost', 'built_in')", name="state_known"),
)
Index("ix_serial_account", serial.c.item, serial.c.place)

serial_move = Table(
    "serial_move",
    metadata,
    Column("item", String, nullable=False),
    Column("serial", String, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("n", Integer, nullable=False, comment="a serial may move more than once in one event"),
    Column("from_place", String, nullable=False),
    Column("to_place", String, nullable=False),
    Column("status", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("moved_at", Instant, nullable=False),
    PrimaryKeyConstraint("item", "serial", "event_id", "n"),
)
"""The path of each serial."""
Index("ix_serial_move_event", serial_move.c.event_id)

stock_snapshot = Table(
    "stock_snapshot",
    metadata,
    Column("basis", String, nullable=False, comment="recorded: what had been recorded then; occurred: what had occurred then and was recorded within a day"),
    Column("at", Instant, nullable=False, comment="the last microsecond of a month, UTC"),
    Column("place", String, nullable=False),
    Column("item", String, nullable=False),
    Column("lot", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("basis", "at", "place", "item", "lot", "owner", "status", "unit"),
    CheckConstraint("basis IN ('recorded', 'occurred')", name="basis_known"),
)
"""What stood at real places at the end of a month, summed from the entries once, so that no past moment is further from a known one than two weeks."""
Index("ix_stock_snapshot_at", stock_snapshot.c.basis, stock_snapshot.c.at)

snapshot_taken = Table(
    "snapshot_taken",
    metadata,
    Column("basis", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("taken_at", Instant, nullable=False),
    PrimaryKeyConstraint("basis", "at"),
)
"""Which snapshots there are; one of an empty warehouse has no rows."""

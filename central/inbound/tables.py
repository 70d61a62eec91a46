# SPDX-License-Identifier: Apache-2.0
"""Tables of inbound: purchase lines, ship notices, passages through doors, receipts, discrepancies."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    text,
)

from central.database import BigId, Instant, metadata

Id = Uuid(as_uuid=False)

purchase_line = Table(
    "purchase_line",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("supplier", String, nullable=False),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("site", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("noticed", BigInteger, nullable=False, server_default="0", comment="of it, what ship notices announce by now"),
    Column("expected_on", Date, comment="when the supplier delivers; empty: not said, so nothing is promised from it"),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("quantity > 0 AND 0 <= noticed AND noticed <= quantity", name="noticed_within_quantity"),
)
Index("ix_purchase_line_item", purchase_line.c.site, purchase_line.c.item)

ship_notice = Table(
    "ship_notice",
    metadata,
    Column("number", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("supplier", String, nullable=False),
    Column("state", String, nullable=False, server_default="open"),
    Column("source_place", String, nullable=False, server_default="", comment="place in transit that the goods come from; empty: from the supplier"),
    Column("expected_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("announced_as", String, nullable=False, server_default="announced", comment="how far the supplier says it is: preparing, announced, in_transit"),
    Column("door", String, nullable=False, server_default="", comment="station of the dock door where it is expected; empty: any"),
    Column("expected_from", Instant, comment="the window at the door begins"),
    Column("expected_until", Instant, comment="the window at the door ends"),
    CheckConstraint("state IN ('open', 'received', 'closed')", name="state_known"),
)

purchase_notice = Table(
    "purchase_notice",
    metadata,
    Column("purchase_line", BigId, ForeignKey("purchase_line.id"), primary_key=True),
    Column("notice", String, ForeignKey("ship_notice.number"), primary_key=True, index=True),
    Column("quantity", BigInteger, nullable=False, comment="of the purchase line, what the notice announces"),
)
"""Which notices announce what was bought."""

ship_notice_pallet = Table(
    "ship_notice_pallet",
    metadata,
    Column("sscc", String, primary_key=True, comment="18 digits; on a later notice again when the pallet travels on"),
    Column("notice", String, ForeignKey("ship_notice.number"), primary_key=True, index=True),
    Column("tare_g", Integer, comment="pallet and wrapping without goods, for the weigh check"),
)

ship_notice_line = Table(
    "ship_notice_line",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("notice", String, ForeignKey("ship_notice.number"), nullable=False, index=True),
    Column("sscc", String, index=True, comment="NULL: loose goods"),
    Column("item", String, ForeignKey("item.code"), nullable=False),
    Column("lot", String, nullable=False),
    Column("expiry", Date),
    Column("quantity", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("unit", String, nullable=False, server_default="", comment="innermost announced unit that holds it (`ship_notice_nest.code`); empty: the pallet"),
    ForeignKeyConstraint(["sscc", "notice"], ["ship_notice_pallet.sscc", "ship_notice_pallet.notice"]),
    CheckConstraint("quantity > 0 AND 0 <= received AND received <= quantity", name="received_within_quantity"),
)

ship_notice_case = Table(
    "ship_notice_case",
    metadata,
    Column("gtin", String, primary_key=True),
    Column("serial", String, primary_key=True),
    Column("line", BigId, ForeignKey("ship_notice_line.id"), primary_key=True),
    Column("seen", Boolean, nullable=False, server_default=text("false")),
)
Index("ix_ship_notice_case_line", ship_notice_case.c.line)

ship_notice_unit = Table(
    "ship_notice_unit",
    metadata,
    Column("line", BigId, ForeignKey("ship_notice_line.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("sscc", String, nullable=False, comment="of a case on the pallet; all cases of a line hold its quantity in equal parts"),
    Column("serial", String, nullable=False, server_default="", comment="the same case as a tagged one, where the line lists both"),
)
"""Cases that are handling units of their own."""

ship_notice_nest = Table(
    "ship_notice_nest",
    metadata,
    Column("notice", String, ForeignKey("ship_notice.number"), primary_key=True),
    Column("code", String, primary_key=True, comment="SSCC, or GTIN.serial of a unit with an SGTIN tag"),
    Column("sscc", String, nullable=False, comment="the pallet that it comes on"),
    Column("parent", String, nullable=False, comment="what it stands in: the pallet's SSCC or another `code`"),
    Column("depth", Integer, nullable=False, comment="1: directly on the pallet"),
    Column("tagged", Boolean, nullable=False, comment="its label is an RFID tag, so a door should read it"),
)
Index("ix_ship_notice_nest_code", ship_notice_nest.c.code)
"""Units announced inside pallets, to any sensible depth: pallet > case > inner > each."""

passage = Table(
    "passage",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("site", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("passed_at", Instant, nullable=False),
    Column("direction", String, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("sscc", String, nullable=False, server_default=""),
    Column("notice", String, nullable=False, server_default=""),
    Column("outcome", String, nullable=False, comment="received, differences, already_received, not_received, left, seen"),
    Column("cases_seen", Integer, nullable=False, server_default="0"),
    Column("cases_expected", Integer, comment="NULL without a ship notice"),
    Column("strays", Integer, nullable=False, server_default="0"),
    Column("reason", String, nullable=False, server_default="", comment="code of the message that says why it was not simply received"),
    Column("params", JSON, nullable=False),
    Column("pass_id", String, nullable=False, server_default="", index=True, comment="stays the same when the same reads are sent again; empty: not said"),
    Column("rival", Id, comment="passage at another door that read the same tags"),
)
Index("ix_passage_sscc", passage.c.sscc)
Index("ix_passage_time", passage.c.site, passage.c.passed_at)
Index("ix_passage_station", passage.c.site, passage.c.station, passage.c.passed_at)

pass_capture = Table(
    "pass_capture",
    metadata,
    Column("pass_id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("station", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("direction", String, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("tags", Integer, nullable=False),
    Column("reads", Integer, nullable=False),
    Column("left_out", Integer, nullable=False, server_default="0", comment="reads that the gateway did not keep"),
    Column("body", LargeBinary, nullable=False, comment="the columns of PassCaptured as JSON, deflated (RFC 1950)"),
    Column("kept_at", Instant, nullable=False, comment="by our clock: what is oldest by it is forgotten first"),
)
"""The reads of the newest passes of each door, for people to look at."""
Index("ix_pass_capture_station", pass_capture.c.site, pass_capture.c.station, pass_capture.c.kept_at)
Index("ix_pass_capture_kept_at", pass_capture.c.kept_at)

pass_known = Table(
    "pass_known",
    metadata,
    Column("pass_id", String, primary_key=True),
    Column("event_id", Id, nullable=False, comment="the event that said it first"),
)
"""Every pass once, whoever sends it how often: of two who say it at the same time one is second."""

receipt = Table(
    "receipt",
    metadata,
    Column("sscc", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("event_id", Id, nullable=False),
    Column("place", String, nullable=False),
    Column("by_hand", Boolean, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("station", String, nullable=False, server_default="", comment="door or scanner at which it came"),
)
"""One row for each pallet received on a notice: what makes a second passage of it change nothing."""

discrepancy = Table(
    "discrepancy",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("site", String, nullable=False),
    Column("notice", String, nullable=False, server_default=""),
    Column("sscc", String, nullable=False, server_default="", index=True),
    Column("line", BigId, ForeignKey("ship_notice_line.id")),
    Column("item", String, nullable=False, server_default=""),
    Column("lot", String, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False, comment="in the item's unit; 0 when the item is not known"),
    Column("cases", JSON, nullable=False, comment="list of [gtin, serial]"),
    Column("place", String, nullable=False, server_default="", comment="where the rest of the pallet was put"),
    Column("work_order", BigId),
    Column("state", String, nullable=False, server_default="open"),
    Column("created_at", Instant, nullable=False),
    Column("station", String, nullable=False, server_default=""),
    Column("evidence", JSON, nullable=False, server_default=text("'{}'"), comment="what the door saw: pass, tags, strengths, confidence, read rates"),
    CheckConstraint("state IN ('open', 'accepted', 'found')", name="state_known"),
)
Index("ix_discrepancy_notice", discrepancy.c.notice)

receiving_setting = Table(
    "receiving_setting",
    metadata,
    Column("site", String, primary_key=True),
    Column("wrong_door", String, nullable=False, comment="a pallet at another door than announced: receive or ask"),
    Column("late_notice", String, nullable=False, comment="a notice that comes after its pallet: receive or ask"),
    CheckConstraint("wrong_door IN ('receive', 'ask') AND late_notice IN ('receive', 'ask')", name="words_known"),
)
"""How a site receives; without a row: received at the wrong door, asked about a late notice."""

tag_statistic = Table(
    "tag_statistic",
    metadata,
    Column("item", String, ForeignKey("item.code"), primary_key=True),
    Column("site", String, primary_key=True),
    Column("station", String, primary_key=True),
    Column("there", Float, nullable=False, comment="tagged cases that were certainly there, faded by age"),
    Column("seen", Float, nullable=False, comment="of them, those that the door read"),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("0 <= seen AND seen <= there", name="seen_within_there"),
)
"""How often the tags of an item are read at a door."""

short_ship_statistic = Table(
    "short_ship_statistic",
    metadata,
    Column("supplier", String, primary_key=True),
    Column("announced", Float, nullable=False, comment="tagged cases announced of which it is known whether they came, faded by age"),
    Column("short", Float, nullable=False, comment="of them, those that did not come"),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("0 <= short AND short <= announced", name="short_within_announced"),
)
"""How often a supplier's announced cases do not come."""

# SPDX-License-Identifier: Apache-2.0
"""What a door said of a pass, in the words of receiving: labels, cases, cases in doubt, how strong each tag was, and the evidence for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from central.inbound.rules import Case
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import PalletPassed
from contracts.identifiers import IdentifierError, sgtin_from_uri, sscc_from_uri

RECEIVING: Final = "receiving"
_TAGS_SHOWN: Final = 100
"""So many tags stand in the evidence of a difference; the capture of the pass has all of them."""


def sscc_of(uri: str | None) -> str:
    """The SSCC (18 digits) of a tag; empty when it is none."""
    try:
        return sscc_from_uri(uri) if uri else ""
    except IdentifierError:
        return ""


def case_of(uri: str) -> Case:
    """A tag as a case: an SGTIN; an SSCC, without a GTIN; anything else keeps its URI as its serial, so that it is told as unexpected and not lost."""
    try:
        return Case(*sgtin_from_uri(uri))
    except IdentifierError:
        return Case("", sscc_of(uri) or uri)


def may_come_in(event: PalletPassed) -> bool:
    """Whether goods came in through a receiving door, or nobody knows that they did not."""
    return event.direction != "out" and event.biz_step == RECEIVING


@dataclass(frozen=True, slots=True)
class Seen:
    """Cases that went with the goods, those in doubt, the strongest read of each tag (an SSCC is a case without GTIN), and the evidence."""

    cases: frozenset[Case]
    doubtful: frozenset[Case] = frozenset()
    strengths_dbm: Mapping[Case, float] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def with_units(self, pallets: Collection[str], insides: Collection[str]) -> Seen:
        """The same where of the labels `pallets` are no cases, and `insides` are: units announced on one of them."""
        return replace(self, cases=(self.cases | {Case("", sscc) for sscc in insides}) - {Case("", sscc) for sscc in pallets})


def seen_of(event: PalletPassed, event_id: str) -> Seen:
    """What a pass says of its cases. Labels of pallets are not among them."""
    return Seen(
        cases_of(event),
        frozenset(case_of(uri) for uri in event.doubtful_epcs),
        {case_of(uri): dbm for uri, dbm in event.strengths_dbm.items()},
        evidence_of(event, event_id),
    )


def cases_of(event: PalletPassed) -> frozenset[Case]:
    """The cases that went with the goods. Labels of pallets are not among them."""
    labels = {event.parent_id, *event.other_parents}
    return frozenset(case_of(uri) for uri in event.child_epcs if uri not in labels)


def labels_of(event: PalletPassed) -> list[str]:
    """The SSCCs that went with the goods, in the order of the event, each once."""
    uris = [event.parent_id, *event.other_parents, *event.child_epcs]
    return list(dict.fromkeys(sscc for sscc in map(sscc_of, uris) if sscc))


def evidence_of(event: PalletPassed, event_id: str) -> dict[str, Any]:
    """Why a door decided as it did, as JSON: `pass_id` names the capture of its reads."""
    why = event.evidence
    tags = [event.parent_id, *event.other_parents, *event.child_epcs, *event.doubtful_epcs]
    shown = [uri for uri in dict.fromkeys(tags) if uri][:_TAGS_SHOWN]
    return {
        "event_id": event_id,
        "pass_id": event.pass_id,
        "station": event.station,
        "passed_at": event.event_time.isoformat(),
        "direction": event.direction,
        "confidence": event.confidence,
        "antennas": why.antennas,
        "antennas_confidence": why.antennas_confidence,
        "eyes": why.eyes,
        "reason": why.reason,
        "reads": why.reads,
        "tags": [{"epc": uri, "dbm": event.strengths_dbm.get(uri), "doubtful": uri in event.doubtful_epcs} for uri in shown],
        "strays": len(event.stray_epcs),
        "neighbours": list(event.neighbour_epcs[:_TAGS_SHOWN]),
    }


def event_of(connection: Connection, event_id: str) -> PalletPassed | None:
    """The pass that a fact said; None when the fact is something else."""
    row = connection.execute(select(event_table.c.kind, event_table.c.body).where(event_table.c.id == event_id)).one_or_none()
    if row is None or row.kind != PalletPassed.__name__:
        return None
    return decoded(bytes(row.body))


def decoded(body: bytes) -> PalletPassed | None:
    """A stored pass; None for a body that is none."""
    try:
        event = wire.decode_event(body)
    except wire.WireError:
        return None
    return event if isinstance(event, PalletPassed) else None

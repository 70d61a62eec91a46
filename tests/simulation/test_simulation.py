# SPDX-License-Identifier: Apache-2.0
"""A share of the seeds, and proof that the simulation sees what it is there to see. More: make simulate ARGS="--seeds 5000 --first 1"."""

from __future__ import annotations

from functools import partial

import pytest

from central.ingest.rules import Piece, Split, split_at_mark
from contracts.wire import Ack, Batch
from gateway.delivery import Delivery
from gateway.outbox import Outbox
from tests.simulation import central as simulated_central
from tests.simulation import gateways as simulated_gateways
from tests.simulation.__main__ import again, reports

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12"), pytest.mark.filterwarnings("ignore::ResourceWarning")]
WORLDS = 60
ENOUGH_TO_SEE = 12


def findings(first: int, count: int) -> list[str]:
    return [f"{'; '.join(report.findings)}; again: {again(report.seed)}" for report in reports(first, count, 1) if report.findings]


def test_nothing_is_lost_or_applied_twice_in_any_world() -> None:
    assert findings(1, WORLDS) == []


def test_same_seed_lives_the_same_life() -> None:
    one, other = (next(iter(reports(7, 1, 1))) for _ in range(2))

    assert (one.faults, one.accepted, one.applied) == (other.faults, other.accepted, other.applied)
    assert one.accepted > 20


def test_gateway_that_forgets_what_the_broker_took_is_seen_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the popular gateway does: a batch that was handed over counts as delivered, and is deleted."""
    honest = Delivery.next_batch

    async def trusting(self: Delivery) -> object:
        batch = await honest(self)
        if batch is not None and batch.events:
            await self.on_ack(Ack(epoch=batch.epoch, lane=batch.lane, upto=batch.last_seq))
        return batch

    monkeypatch.setattr(Delivery, "next_batch", trusting)
    trim = Outbox.trim
    monkeypatch.setattr(Outbox, "trim", lambda self, **_: trim(self, everything=True))
    monkeypatch.setattr(simulated_gateways, "Outbox", partial(Outbox, kept_s=0.0, kept_share=0.0))

    assert "lost" in " ".join(findings(1, ENOUGH_TO_SEE))


def test_central_that_takes_what_lies_beyond_a_gap_is_seen_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(batch: Batch, upto: int) -> Split:
        split = split_at_mark(batch, upto)
        return Split((), tuple(Piece(batch.first_seq + n, bytes(raw)) for n, raw in enumerate(batch.events)), gap=False) if split.gap else split

    monkeypatch.setattr(simulated_central, "split_at_mark", hasty)

    assert "lost" in " ".join(findings(1, WORLDS))


def test_central_without_marks_is_seen_to_apply_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_central, "split_at_mark", lambda batch, _: split_at_mark(batch, batch.first_seq - 1))

    assert "second time" in " ".join(findings(1, ENOUGH_TO_SEE))

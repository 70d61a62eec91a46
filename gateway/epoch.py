# SPDX-License-Identifier: Apache-2.0
"""Whether the numbers of this outbox are still the ones that central counts, and from where on they are not; pure.

An outbox that was restored from an image counts on from an old number, while central has more from the original. Identity is (gateway, epoch, lane, seq): what
the original numbered up to the image is the same event here and there, what was numbered here since is another event under a number that is taken.

So nothing is sent before central was asked: an empty batch for each lane, once after each start, which central answers with its mark. Up to that answer
nothing of this process has gone out, nor anything of an earlier process that got no answer; central can therefore have no more than `known`: the last number
before the first of the processes that got no answer (the outbox keeps it). An answer beyond `known` proves that another copy of this outbox went on. Then
what is numbered up to `known` belongs to the image: central has it if its answer says so, and it is forgotten. All the rest moves into a new epoch. The other
lane is asked as well before it moves, since only the old epoch's mark tells which of its events central has.

The same question finds a central that lost its memory (a new database, a restored backup): it wants numbers again that it once acknowledged. Those that are
still kept here are sent again, and the numbers go on. Where some are deleted, a new epoch lets what is left go on, instead of a resend for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.events import LANES, Lane

RESTORED = "central has more than this outbox ever sent: an old image of the outbox was restored"
FORGOTTEN = "central asks for events that it once acknowledged: its database is new or was restored"
DAMAGED = "a part of the outbox could not be read: events are missing in its numbers"


class EpochWatch:
    """Judges what central says it has. `to_ask`: lanes whose mark is not known, while any is left no event may be sent."""

    def __init__(self, known: Mapping[Lane, int], *, is_new: bool = False, is_damaged: bool = False) -> None:
        self._known = dict(known)
        self._sent = dict(known)
        self.to_ask: list[Lane] = [] if is_new else list(LANES)
        self.asked: Lane | None = None
        self.is_in_doubt = False
        self.central_has: dict[Lane, int] = {}
        """For each lane that was asked: up to here central has what this outbox numbered."""
        self.rewinds: dict[Lane, int] = {}
        """Lanes of which central lost what comes after these numbers, and all of that is still kept."""
        self.fault = DAMAGED if is_damaged else ""
        """Why a new epoch must begin once all lanes were asked; empty: it need not."""

    @property
    def must_begin_anew(self) -> bool:
        """Whether all lanes were asked and the numbers turned out to be no longer ours."""
        return bool(self.fault) and not self.to_ask

    def reconnected(self) -> None:
        """A question of the last connection gets no answer."""
        self.asked, self.is_in_doubt = None, False

    def ask_again(self) -> None:
        """What was learnt could not be noted; what is not noted must not be relied upon. All lanes are asked anew, and until then nothing is sent."""
        self.to_ask = list(LANES)

    def on_sent(self, lane: Lane, last_seq: int) -> None:
        """Events up to `last_seq` went out."""
        self._sent[lane] = max(self._sent[lane], last_seq)

    def on_ack(self, lane: Lane, upto: int, *, resend: bool, acked: int, oldest_kept: int | None = None) -> int:
        """Central says that it has up to `upto`; `acked` is what it said before, `oldest_kept` the first number that can still be sent (None: `acked` + 1).

        Returns how much of that is ours.

        A doubt in the middle of work (`is_in_doubt`) makes `to_ask` name all lanes again: whoever sends must connect anew and ask.
        """
        is_strange = upto > self._sent[lane]
        ours = min(upto, max(self._known[lane], acked)) if is_strange else upto
        is_forgetful = resend and upto < acked
        fault = RESTORED if is_strange else FORGOTTEN if is_forgetful else ""
        if lane == self.asked:
            self.asked = None
            self.to_ask.remove(lane)
            self.central_has[lane] = ours
            if is_forgetful and oldest_kept is not None and upto >= oldest_kept - 1:
                self.rewinds[lane], fault = upto, ""
            self.fault = self.fault or fault
        elif fault and not self.to_ask:
            self.to_ask, self.is_in_doubt = list(LANES), True
        return ours

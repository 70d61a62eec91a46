# SPDX-License-Identifier: Apache-2.0
"""A whole Modbus line in virtual time: sessions of several drivers, the arbiter of their line, and the twins at its other end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drivers.base.line import Arbiter
from drivers.base.session import Session, SessionEvent

Damage = Callable[[bytes], bytes]


class VirtualLine:
    """Driven from one deadline to the next. `heard` has each session's events with their times; `damage` may change what the twins say."""

    def __init__(self, sessions: Sequence[Any], twin: Any, damage: Damage = lambda said: said, now_s: float = 0.0) -> None:
        self.sessions = list(sessions)
        self.twin = twin
        self.now_s = now_s
        self.heard: list[tuple[float, Session, SessionEvent]] = []
        self.requests = 0
        self.on_event: Callable[[float, Session, SessionEvent], None] = lambda at_s, session, event: self.heard.append((at_s, session, event))
        self.on_request: Callable[[float, bytes], None] = lambda at_s, request: None
        self._damage = damage
        self._arbiter = Arbiter(now_s)
        for session in self.sessions:
            self._arbiter.join(session)
        for session in self.sessions:
            self._step(session)
        self._settle()

    def run(self, until_s: float) -> None:
        """Let time pass."""
        while (due_s := self._next_s()) <= until_s:
            self.now_s = max(self.now_s, due_s)
            self._advance()
        self.now_s = until_s
        self._advance()

    def step(self) -> None:
        """To the next deadline of anybody."""
        self.now_s = max(self.now_s, self._next_s())
        self._advance()

    def do(self, name: str, **arguments: Any) -> None:
        """Something happens to the twins."""
        self._take(self.twin.stimulate(name, arguments, self.now_s))

    def command(self, session: Any, name: str, **arguments: Any) -> int:
        """Give a command to a session."""
        token: int = session.start_command(name, arguments, self.now_s)
        self._step(session)
        self._settle()
        return token

    def events(self, kind: type[SessionEvent], after_s: float = float("-inf")) -> list[Any]:
        """Those of a kind, in order."""
        return [event for at_s, _, event in self.heard if isinstance(event, kind) and at_s >= after_s]

    def when(self, kind: type[SessionEvent], **fields: Any) -> float:
        """When the last such event was told. Raises: AssertionError: there was none."""
        found = [at_s for at_s, _, event in self.heard if isinstance(event, kind) and _has(event, fields)]
        assert found, f"no {kind.__name__} with {fields} among {[event for _, _, event in self.heard][-20:]}"
        return found[-1]

    def _next_s(self) -> float:
        dues = [session.next_deadline_s() for session in self.sessions] + [self.twin.next_deadline_s(), self._arbiter.next_deadline_s()]
        return min((due for due in dues if due is not None), default=float("inf"))

    def _advance(self) -> None:
        self._take(self.twin.advance_to(self.now_s))
        for session in self.sessions:
            due_s = session.next_deadline_s()
            if due_s is not None and due_s <= self.now_s:
                self._step(session)
        self._settle()

    def _step(self, session: Any) -> None:
        self._tell(session, session.advance_to(self.now_s))

    def _tell(self, session: Any, events: Sequence[SessionEvent]) -> None:
        for event in events:
            self.on_event(self.now_s, session, event)
        if request := session.bytes_to_send():
            self.requests += 1
            self.on_request(self.now_s, request)
            self._take(self.twin.receive_bytes(request, self.now_s))

    def _take(self, said: bytes) -> None:
        if said and (said := self._damage(said)):
            session: Any = self._arbiter.received(self.now_s)
            if session is not None:
                self._tell(session, session.receive_bytes(said, self.now_s))

    def _settle(self) -> None:
        while (session := self._arbiter.next_grant(self.now_s)) is not None:
            self._step(session)


def _has(event: SessionEvent, fields: Mapping[str, Any]) -> bool:
    return all(getattr(event, name) == value for name, value in fields.items())

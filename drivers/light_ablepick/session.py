# SPDX-License-Identifier: Apache-2.0
"""The conversation with an ABLEPick controller, without any input or output.

What shall be lit is kept as a wish per tag. Whenever a tag may have missed something (busy, silent, rebooted, reconnected) its whole wish is
stated again; so no message has to be remembered, and stating it once too often changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, FrameRejected, SessionEvent, SessionReady
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.frames import (
    BROADCAST,
    COLOURS,
    NODES_PER_PORT,
    PORT_1,
    PORT_2,
    QUANTITY_MAX,
    SPECIAL_BUSY,
    STATUS_OFFSET,
    Frame,
    Sub,
    decode,
    digits,
    shown_quantity,
    size_of,
    unconnected_nodes,
)

RELIGHT_DELAY_S = 0.1  # after a power cut all tags report their reset at once; they are re-lit together
FORGIVEN_AFTER_S = 2.0  # a complaint so long after the last one is a new story, not a further try
LAMP_TEST_QUANTITY = 888_888
PRESSES = (Sub.CONFIRMED, Sub.CONFIRMED_CYCLE, Sub.SHORTAGE)
RESETS = (Sub.RESET_OK, Sub.RESET_OK_OLD)
SHORT_PRESS_BYTES = 14  # manual 4.4.1: LEN 0E, yet 15 bytes are drawn (six digits and the dots)

FAULTS = {  # manual 4.4.3 to 4.4.6 and 4.4.10; what to do is ours
    "0A": "pick tag does not acknowledge; check its cable and address",
    "0B": "pick tag reports a malfunction; replace it",
    "0C": "pick tag cannot execute the command; check its model",
    "0D": "button of the pick tag is held down; check that nothing leans on it",
    "64-01": "pick tag stays busy; check whether somebody is editing its display",
    "09": "pick tag is not connected; check its cable",
}


@dataclass(frozen=True)
class LitTag:
    """What a tag shall show; `colour` one of red, green, orange, blue, pink, cyan."""

    quantity: int
    colour: str


@dataclass(frozen=True)
class TagAnswered(SessionEvent):
    """A tag's confirm or shortage key was pressed; `quantity` is what its display showed then, None when it showed no number."""

    node: int
    press: Literal["confirm", "shortage"]
    quantity: int | None


@dataclass(frozen=True)
class TagFault(SessionEvent):
    """A tag does not do what it shall; `code` is the sub-command of the maker's manual."""

    node: int
    code: str
    meaning: str


@dataclass(frozen=True)
class TagsTested(SessionEvent):
    """A lamp test is over; `dead` are the tags that are not connected or were faulty, in the order of their numbers."""

    dead: tuple[int, ...]


@dataclass
class _Tag:
    """What the session remembers of one tag; times are monotonic seconds."""

    buzzing: bool = False
    pressed_at_s: float | None = None
    tries: int = 0
    complained_at_s: float | None = None
    restate_at_s: float | None = None
    is_faulty: bool = False


@dataclass
class _Timers:
    status_due_s: float = 0.0
    status_deadline_s: float | None = None
    relight_at_s: float | None = None
    test_ends_s: float | None = None
    test_tokens: list[int] = field(default_factory=list)


class LightAblepickSession:
    """One TCP connection to a controller. `lit` is shared with the driver: it outlives the connection."""

    def __init__(self, config: LightAblepickConfig, lit: dict[int, LitTag]) -> None:
        self._config = config
        self._lit = lit
        self._tags: dict[int, _Tag] = {}
        self._missing: dict[int, frozenset[int]] = {}  # by message type (port): tags that the controller does not reach
        self._unanswered: set[int] = set()  # ports that still owe the answer to the status query
        self._ready = False
        self._timers = _Timers()
        self._token = 0
        self._incoming = bytearray()
        self._dots_may_follow = False
        self._broken: RemoteProtocolError | None = None
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._handlers: dict[int, Callable[[Frame, int, float], None]] = {
            Sub.CONFIRMED: self._on_press,
            Sub.CONFIRMED_CYCLE: self._on_press,
            Sub.SHORTAGE: self._on_press,
            Sub.NOT_ACKNOWLEDGED: self._on_complaint,
            Sub.BUTTON_HELD: self._on_complaint,
            Sub.MALFUNCTION: self._on_refusal,
            Sub.ILLEGAL: self._on_refusal,
            Sub.SPECIAL: self._on_special,
            Sub.RESET_OK: self._on_reset,
            Sub.RESET_OK_OLD: self._on_reset,
            Sub.STATUS: self._on_status,
        }

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._incoming += data
        try:
            self._take_blocks(now_s)
        except RemoteProtocolError as error:
            if not self._events:
                raise
            self._broken = error  # a press that came before the damage is told first
        return self._reported()

    def _take_blocks(self, now_s: float) -> None:
        while self._skip_dots_byte() and (size_bytes := size_of(bytes(self._incoming[:7]))) is not None and len(self._incoming) >= size_bytes:
            frame = decode(bytes(self._incoming[:size_bytes]))
            del self._incoming[:size_bytes]
            self._dots_may_follow = size_bytes == SHORT_PRESS_BYTES and frame.sub in PRESSES
            self._take(frame, now_s)

    def _skip_dots_byte(self) -> bool:
        """Drop the byte that a press block of LEN 14 has too much: only where no block begins with it and one begins behind it. False: wait for more."""
        if not self._dots_may_follow:
            return True
        if len(self._incoming) < 4:
            return False
        self._dots_may_follow = False
        if self._incoming[2] not in (PORT_1, PORT_2) and self._incoming[3] in (PORT_1, PORT_2):
            self._events.append(FrameRejected("dots_beyond_length", bytes(self._incoming[:1])))
            del self._incoming[:1]
        return True

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the controller did not answer the status query. RemoteProtocolError: the stream is damaged."""
        if self._broken is not None:
            raise self._broken
        timers = self._timers
        if timers.status_deadline_s is not None and now_s >= timers.status_deadline_s:
            raise ReplyTimeout("answer to the status query 09", self._config.reply_timeout_s)
        if timers.status_deadline_s is None and now_s >= timers.status_due_s:
            self._ask_status(now_s)
        if timers.test_ends_s is not None and now_s >= timers.test_ends_s:
            self._end_lamp_test()
        if timers.relight_at_s is not None and now_s >= timers.relight_at_s:
            self._relight()
        for node, tag in self._tags.items():
            if tag.restate_at_s is not None and now_s >= tag.restate_at_s:
                tag.restate_at_s = None
                self._state(node)
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None:
            return float("-inf")
        timers = self._timers
        status_s = timers.status_due_s if timers.status_deadline_s is None else timers.status_deadline_s
        restates = [tag.restate_at_s for tag in self._tags.values()]
        return min(due_s for due_s in (status_s, timers.test_ends_s, timers.relight_at_s, *restates) if due_s is not None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: show, clear, buzz, test."""
        self._token += 1
        if name == "test":
            self._begin_lamp_test(now_s)
            return self._token
        node = self._checked_node(arguments)
        if name == "show":
            self._lit[node] = _wish(arguments)
        elif name == "clear":
            self._lit.pop(node, None)
            self._silence(node)
        elif name == "buzz":
            self._tag(node).buzzing = bool(arguments["on"])
        else:
            raise LocalProtocolError(f"ABLEPick has no command {name!r}; it takes show, clear, buzz, test")
        self._tag(node).tries = 0
        if name == "buzz":
            self._send(node, Sub.BUZZER_ON if self._tag(node).buzzing else Sub.BUZZER_OFF)
        else:
            self._state(node)
        self._events.append(CommandDone(self._token, {"node": node}))
        return self._token

    def farewell(self) -> bytes:
        """Nothing: what is lit stays lit."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    def _tag(self, node: int) -> _Tag:
        return self._tags.setdefault(node, _Tag())

    def _checked_node(self, arguments: Mapping[str, Argument]) -> int:
        node, last = int(arguments["node"]), NODES_PER_PORT * self._config.ports
        if not 1 <= node <= last:
            raise LocalProtocolError(f"node {node} is not within 1 to {last}; see `ports` in the device's configuration")
        return node

    # -- saying ---------------------------------------------------------------------------------------------------------------------------

    def _send(self, node: int, sub: Sub, data: bytes = b"") -> None:
        port, address = divmod(node - 1, NODES_PER_PORT)
        self._outgoing += Frame(sub, address + 1, data, PORT_1 + port).encode()

    def _send_all(self, *messages: tuple[Sub, bytes]) -> None:
        for port in range(self._config.ports):
            for sub, data in messages:
                self._outgoing += Frame(sub, BROADCAST, data, PORT_1 + port).encode()

    def _state(self, node: int) -> None:
        """Say the tag's whole wish; CLEAR first, since a tag keeps a buffer of messages and would show an earlier one again."""
        self._send(node, Sub.CLEAR)
        wish = self._lit.get(node)
        if wish is None:
            self._send(node, Sub.LED_OFF)
        else:
            self._send(node, Sub.CONFIGURE, bytes([0x00, COLOURS[wish.colour]]))  # without the byte 55: its EEPROM would wear out
            self._send(node, Sub.SHOW, digits(wish.quantity))
            self._send(node, Sub.LED_ON)
        if (tag := self._tags.get(node)) and tag.buzzing:
            self._send(node, Sub.BUZZER_ON)

    def _silence(self, node: int) -> None:
        tag = self._tag(node)
        if tag.buzzing:
            tag.buzzing = False
            self._send(node, Sub.BUZZER_OFF)

    def _relight(self) -> None:
        self._timers.relight_at_s = None
        for node in self._lit:
            self._state(node)

    def _ask_status(self, now_s: float) -> None:
        for port in range(self._config.ports):
            self._outgoing += Frame(Sub.STATUS, port=PORT_1 + port).encode()
        self._timers.status_deadline_s = now_s + self._config.reply_timeout_s
        self._timers.status_due_s = now_s + self._config.watchdog_s
        self._unanswered = set(range(PORT_1, PORT_1 + self._config.ports))

    def _begin_lamp_test(self, now_s: float) -> None:
        self._send_all((Sub.SHOW, digits(LAMP_TEST_QUANTITY)[:-1] + b"\x3f"), (Sub.LED_ON, b""))
        if self._timers.status_deadline_s is None:
            self._ask_status(now_s)  # its answer says at the end of the test which tags are there
        self._timers.test_ends_s = now_s + self._config.lamp_test_s
        self._timers.test_tokens.append(self._token)

    def _end_lamp_test(self) -> None:
        self._send_all((Sub.CLEAR, b""), (Sub.LED_OFF, b""))
        self._relight()
        faulty = (node for node, tag in self._tags.items() if tag.is_faulty)
        self._events.append(TagsTested(tuple(sorted({*faulty, *(node for nodes in self._missing.values() for node in nodes)}))))
        self._events += [CommandDone(token, {}) for token in self._timers.test_tokens]
        self._timers.test_ends_s = None
        self._timers.test_tokens = []

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, frame: Frame, now_s: float) -> None:
        handler = self._handlers.get(frame.sub)
        if handler is None:
            self._events.append(FrameRejected("unknown_sub_command", frame.encode()))
        elif frame.node is None and frame.sub not in RESETS:
            self._events.append(FrameRejected("no_node", frame.encode()))
        else:
            handler(frame, (frame.node or 0) + (frame.port - PORT_1) * NODES_PER_PORT, now_s)

    def _on_press(self, frame: Frame, node: int, now_s: float) -> None:
        tag = self._tag(node)
        if tag.pressed_at_s is not None and now_s - tag.pressed_at_s < self._config.press_filter_s:
            self._events.append(FrameRejected("double_press", frame.encode()))
            if node in self._lit:  # the tag went dark by this press as by any other
                self._state(node)
            return
        tag.pressed_at_s = now_s
        tag.is_faulty = False
        if self._lit.pop(node, None) is not None:
            self._silence(node)
            self._state(node)
        press: Literal["confirm", "shortage"] = "shortage" if frame.sub == Sub.SHORTAGE else "confirm"
        self._events.append(TagAnswered(node, press, shown_quantity(frame.data)))

    def _on_complaint(self, frame: Frame, node: int, now_s: float) -> None:
        self._restate_later(node, f"{frame.sub:02X}", now_s)

    def _on_special(self, frame: Frame, node: int, now_s: float) -> None:
        if frame.data[:1] == bytes([SPECIAL_BUSY]):
            self._restate_later(node, "64-01", now_s)

    def _restate_later(self, node: int, code: str, now_s: float) -> None:
        """State the tag's wish again after a pause; report the tag once when that did not help often enough."""
        tag = self._tag(node)
        if tag.restate_at_s is not None:
            return  # one busy tag complains about each of the messages that make up a wish
        if tag.complained_at_s is not None and now_s - tag.complained_at_s > FORGIVEN_AFTER_S + self._config.resend_delay_s:
            tag.tries = 0
        tag.complained_at_s = now_s
        tag.tries += 1
        if tag.tries <= self._config.resend_max:
            tag.restate_at_s = now_s + self._config.resend_delay_s
        elif tag.tries == self._config.resend_max + 1:
            tag.is_faulty = True
            self._events.append(TagFault(node, code, FAULTS[code]))

    def _on_refusal(self, frame: Frame, node: int, now_s: float) -> None:
        code = f"{frame.sub:02X}"
        self._tag(node).is_faulty = True
        self._events.append(TagFault(node, code, FAULTS[code]))

    def _on_reset(self, frame: Frame, node: int, now_s: float) -> None:
        self._tag(node).is_faulty = False
        if self._timers.relight_at_s is None:
            self._timers.relight_at_s = now_s + RELIGHT_DELAY_S

    def _on_status(self, frame: Frame, node: int, now_s: float) -> None:
        if len(frame.data) <= STATUS_OFFSET:
            self._events.append(FrameRejected("short_status", frame.encode()))
            return
        offset = (frame.port - PORT_1) * NODES_PER_PORT
        missing = frozenset(offset + address for address in unconnected_nodes(frame.data))
        before = self._missing.get(frame.port)
        self._missing[frame.port] = missing
        self._unanswered.discard(frame.port)
        if not self._unanswered:
            self._timers.status_deadline_s = None
        if self._ready and before is not None:
            self._compare(before, missing)
        elif not self._ready and not self._unanswered:
            self._become_ready()

    def _become_ready(self) -> None:
        self._ready = True
        connected = NODES_PER_PORT * self._config.ports - sum(len(nodes) for nodes in self._missing.values())
        self._events.append(SessionReady(f"ABLEPick controller with {connected} tags connected"))
        if self._config.clear_on_connect:
            self._send_all((Sub.CLEAR, b""), (Sub.LED_OFF, b""))
        self._relight()
        self._report_missing(frozenset().union(*self._missing.values()))

    def _compare(self, before: frozenset[int], missing: frozenset[int]) -> None:
        for node in sorted(before - missing):
            if node in self._lit:
                self._state(node)
        self._report_missing(missing - before)

    def _report_missing(self, nodes: Iterable[int]) -> None:
        self._events += [TagFault(node, "09", FAULTS["09"]) for node in sorted(nodes) if node in self._lit]


def _wish(arguments: Mapping[str, Argument]) -> LitTag:
    quantity, colour = int(arguments["quantity"]), str(arguments.get("colour", "green"))
    if not 0 <= quantity <= QUANTITY_MAX:
        raise LocalProtocolError(f"quantity {quantity} does not fit a pick tag; it shows 0 to {QUANTITY_MAX}")
    if colour not in COLOURS:
        raise LocalProtocolError(f"colour {colour!r} is none of {', '.join(COLOURS)}")
    return LitTag(quantity, colour)

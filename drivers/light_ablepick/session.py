# SPDX-License-Identifier: Apache-2.0
"""The conversation with an ABLEPick controller, without any input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.base.errors import LocalProtocolError, ReplyTimeout
from drivers.base.lights import TagAnswered, TagFault, TagsTested
from drivers.base.session import Argument, CommandDone, FrameRejected, SessionEvent, SessionReady
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.events import FAULTS, SupplyChanged
from drivers.light_ablepick.frames import (
    BROADCAST,
    KEY_CONFIRM,
    KEY_SHORTAGE,
    NODES_PER_PORT,
    PORT_1,
    RESETS,
    STATUS_OFFSET,
    SUPPLY_AUTO_REPORT,
    SUPPLY_BITS,
    SUPPLY_ENABLE,
    SUPPLY_READ,
    Frame,
    Special,
    Sub,
    digits,
    shown_quantity,
    unconnected_nodes,
)
from drivers.light_ablepick.integrator import Integrator
from drivers.light_ablepick.orders import plain_orders, wish_of
from drivers.light_ablepick.stream import BlockStream
from drivers.light_ablepick.tags import Tags, Wishes

RELIGHT_DELAY_S = 0.1  # after a power cut all tags report their reset at once; they are re-lit together
LAMP_TEST_QUANTITY = 888_888


@dataclass
class _Timers:
    status_due_s: float = 0.0
    status_deadline_s: float | None = None
    relight_at_s: float | None = None
    test_ends_s: float | None = None
    test_tokens: list[int] = field(default_factory=list)


class LightAblepickSession:
    """One TCP connection to a controller. `wishes` is shared with the driver: it outlives the connection."""

    def __init__(self, config: LightAblepickConfig, wishes: Wishes) -> None:
        self._config = config
        self._wishes = wishes
        self._events: list[SessionEvent] = []
        self._tags = Tags(config, wishes, self._send, self._events_append)
        self._integrator = Integrator(wishes, self._send, self._send_all, self._events_append)
        self._missing: dict[int, frozenset[int]] = {}  # by message type (port): tags that the controller does not reach
        self._unanswered: set[int] = set()  # ports that still owe the answer to the status query
        self._restarted: set[int] = set()  # tags to be lit again soon
        self._ready = False
        self._timers = _Timers()
        self._token = 0
        self._now_s = 0.0
        self._stream = BlockStream(self._take, self._reject)
        self._outgoing = bytearray()
        self._handlers: dict[int, Callable[[Frame, int], None]] = {
            Sub.CONFIRMED: self._on_press,
            Sub.CONFIRMED_CYCLE: self._on_press,
            Sub.SHORTAGE: self._on_press,
            Sub.STOCK_QUANTITY: self._on_press,
            Sub.NOT_ACKNOWLEDGED: self._on_complaint,
            Sub.BUTTON_HELD: lambda frame, node: self._tags.held(node, self._now_s),
            Sub.MALFUNCTION: self._on_refusal,
            Sub.ILLEGAL: self._on_refusal,
            Sub.SPECIAL: self._on_special,
            Sub.MODEL: lambda frame, node: self._integrator.on_model(node, frame.data),
        }

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._now_s = now_s
        self._stream.receive_bytes(data)
        if self._stream.broken is not None and not self._events:
            raise self._stream.broken
        return self._reported()  # a press that came before the damage is told first

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the controller did not answer the status query. RemoteProtocolError: the stream is damaged."""
        self._now_s = now_s
        if self._stream.broken is not None:
            raise self._stream.broken
        timers = self._timers
        if timers.status_deadline_s is not None and now_s >= timers.status_deadline_s:
            raise ReplyTimeout("answer to the status query 09", self._config.reply_timeout_s)
        if timers.status_deadline_s is None and now_s >= timers.status_due_s:
            self._ask_status()
        if timers.test_ends_s is not None and now_s >= timers.test_ends_s:
            self._end_lamp_test()
        if timers.relight_at_s is not None and now_s >= timers.relight_at_s:
            self._relight_restarted()
        self._tags.advance_to(now_s)
        if self._integrator.advance_to(now_s):
            self._restore_all()
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._stream.broken is not None:
            return float("-inf")
        timers = self._timers
        status_s = timers.status_due_s if timers.status_deadline_s is None else timers.status_deadline_s
        others = (timers.test_ends_s, timers.relight_at_s, self._integrator.next_deadline_s())
        return min(due_s for due_s in (status_s, *others, *self._tags.deadlines_s()) if due_s is not None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: those of the SPEC."""
        self._token += 1
        self._now_s = now_s
        if name == "test":
            self._begin_lamp_test()
        elif name == "refresh":
            self._restore_all()
            self._done()
        elif name == "address":
            self._integrator.begin_addressing(self._token, arguments, now_s)
        else:
            self._start_for_node(name, self._checked_node(arguments), arguments)
        return self._token

    def farewell(self) -> bytes:
        """Nothing: what is lit stays lit."""
        return b""

    def _start_for_node(self, name: str, node: int, arguments: Mapping[str, Argument]) -> None:
        if name == "info":
            self._integrator.ask_details(self._token, node, self._now_s)
            return
        if name == "configure":
            self._done(node=node, written=self._integrator.configure(node, arguments))
            return
        if name == "show":
            self._wishes.lit[node] = wish_of(arguments)
            self._tags.state(node)
        elif name == "clear":
            self._wishes.lit.pop(node, None)
            self._tags.buzz(node, on=False)
            self._tags.state(node)
        elif name == "buzz":
            self._tags.buzz(node, on=bool(arguments["on"]))
        else:
            for sub in plain_orders(name, arguments):
                self._send(node, sub)
            if name == "mode":
                (self._wishes.stock.add if arguments["mode"] == "stock" else self._wishes.stock.discard)(node)
        self._tags.tag(node).tries = 0
        self._done(node=node)

    def _done(self, **result: Argument) -> None:
        self._events.append(CommandDone(self._token, result))

    def _reported(self) -> Sequence[SessionEvent]:
        events = self._events.copy()
        self._events.clear()
        return events

    def _events_append(self, event: SessionEvent) -> None:
        self._events.append(event)

    def _reject(self, reason: str, data: bytes) -> None:
        self._events.append(FrameRejected(reason, data))

    def _checked_node(self, arguments: Mapping[str, Argument]) -> int:
        node, last = int(arguments["node"]), self._config.nodes_per_port * self._config.ports
        if not 1 <= node <= last:
            raise LocalProtocolError(f"node {node} is not within 1 to {last}; see `ports` and `controller` in the device's configuration")
        return node

    # -- saying ---------------------------------------------------------------------------------------------------------------------------

    def _send(self, node: int, sub: Sub, data: bytes = b"") -> None:
        port, address = divmod(node - 1, NODES_PER_PORT)
        self._outgoing += Frame(sub, address + 1, data, PORT_1 + port).encode()

    def _send_all(self, *messages: tuple[Sub, bytes]) -> None:
        for port in range(self._config.ports):
            for sub, data in messages:
                self._outgoing += Frame(sub, BROADCAST, data, PORT_1 + port).encode()

    def _restore_all(self) -> None:
        """Everything dark, then what shall be lit."""
        self._send_all((Sub.CLEAR, b""), (Sub.LED_OFF, b""))
        self._tags.state_all(self._lit_and_stock())

    def _lit_and_stock(self) -> list[int]:
        return list(dict.fromkeys((*self._wishes.stock, *self._wishes.lit)))

    def _relight_restarted(self) -> None:
        self._timers.relight_at_s = None
        nodes, self._restarted = self._restarted, set()
        self._tags.state_all(node for node in self._lit_and_stock() if node in nodes)

    def _ask_status(self) -> None:
        for port in range(self._config.ports):
            self._outgoing += Frame(Sub.STATUS, port=PORT_1 + port).encode()
        if self._config.controller == "at400":
            self._outgoing += Frame(Sub.SUPPLY, 0, bytes([SUPPLY_READ])).encode()
        self._timers.status_deadline_s = self._now_s + self._config.reply_timeout_s
        self._timers.status_due_s = self._now_s + self._config.watchdog_s
        self._unanswered = set(range(PORT_1, PORT_1 + self._config.ports))

    def _begin_lamp_test(self) -> None:
        self._send_all((Sub.SHOW, digits(LAMP_TEST_QUANTITY)[:-1] + b"\x3f"), (Sub.LED_ON, b""))
        if self._timers.status_deadline_s is None:
            self._ask_status()  # its answer says at the end of the test which tags are there
        self._timers.test_ends_s = self._now_s + self._config.lamp_test_s
        self._timers.test_tokens.append(self._token)

    def _end_lamp_test(self) -> None:
        self._restore_all()
        self._events.append(TagsTested(tuple(sorted({*self._tags.faulty(), *(node for nodes in self._missing.values() for node in nodes)}))))
        self._events += [CommandDone(token, {}) for token in self._timers.test_tokens]
        self._timers.test_ends_s = None
        self._timers.test_tokens = []

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        node = (frame.node or 0) + (frame.port - PORT_1) * NODES_PER_PORT
        if frame.port - PORT_1 >= self._config.ports:
            self._reject("other_port", frame.encode())  # an AT400's second port is a serial line, which is nobody's here
        elif frame.sub in RESETS:
            self._on_reset(frame, node)
        elif frame.sub == Sub.STATUS:
            self._on_status(frame)
        elif frame.sub == Sub.SUPPLY:
            self._on_supply(frame)
        elif (handler := self._handlers.get(frame.sub)) is None:
            self._reject("unknown_sub_command", frame.encode())
        elif frame.node is None or not 1 <= frame.node <= NODES_PER_PORT:
            self._reject("no_node", frame.encode())
        else:
            handler(frame, node)

    def _on_press(self, frame: Frame, node: int) -> None:
        self._answered(frame, node, shown_quantity(frame.data), is_shortage=frame.sub == Sub.SHORTAGE)

    def _answered(self, frame: Frame, node: int, quantity: int | None, *, is_shortage: bool) -> None:
        if self._tags.answered(node, self._now_s):
            self._events.append(TagAnswered(node, "shortage" if is_shortage else "confirm", quantity))
        else:
            self._reject("double_press", frame.encode())

    def _on_complaint(self, frame: Frame, node: int) -> None:
        self._tags.complained(node, f"{frame.sub:02X}", self._now_s)

    def _on_refusal(self, frame: Frame, node: int) -> None:
        if frame.sub == Sub.ILLEGAL and self._integrator.is_asked(node):
            self._reject("question_unknown", frame.encode())
            return
        self._tags.refused(node, f"{frame.sub:02X}")

    def _on_special(self, frame: Frame, node: int) -> None:
        kind, value = (*frame.data[:2], 0, 0)[:2]
        if kind in (Special.BUSY, Special.BUFFER_FULL):
            self._tags.complained(node, f"64-{kind:02X}", self._now_s)
        elif kind == Special.KEY_CODE:
            self._on_key_code(frame, node, value)
        elif kind in (Special.FUNCTION_KEY, Special.BUTTON):
            self._reject("function_key", frame.encode())  # it means what an integrator makes of it, which nobody has yet
        elif kind != Special.BUFFER_EMPTY:
            self._reject("unknown_special", frame.encode())

    def _on_key_code(self, frame: Frame, node: int, key: int) -> None:
        """Tags that return key codes tell the keys of a dark display so; those of a lit one come as presses with their quantity as well."""
        if key == KEY_CONFIRM and self._integrator.addressed(node):
            self._restore_all()
        elif key in (KEY_CONFIRM, KEY_SHORTAGE) and node not in self._wishes.lit:
            self._answered(frame, node, None, is_shortage=key == KEY_SHORTAGE)
        else:
            self._reject("function_key", frame.encode())

    def _on_reset(self, frame: Frame, node: int) -> None:
        """A tag that restarted is dark, and in pick mode. One that was only asked about itself answers the same way."""
        if frame.node is None or not 1 <= frame.node <= NODES_PER_PORT:
            self._restarted.update(self._lit_and_stock())
        elif self._integrator.on_details(node, frame.data):
            return
        else:
            self._tags.restarted(node)
            self._restarted.add(node)
        if self._timers.relight_at_s is None:
            self._timers.relight_at_s = self._now_s + RELIGHT_DELAY_S

    def _on_supply(self, frame: Frame) -> None:
        if len(frame.data) < 2 or frame.data[0] != SUPPLY_READ:
            return  # the answer to having switched reporting on
        before, now = self._wishes.supply, frame.data[1]
        self._wishes.supply = now
        self._events += [SupplyChanged(name, bool(now & bit)) for name, bit in SUPPLY_BITS.items() if (before ^ now) & bit]

    def _on_status(self, frame: Frame) -> None:
        if len(frame.data) <= STATUS_OFFSET:
            self._reject("short_status", frame.encode())
            return
        offset = (frame.port - PORT_1) * NODES_PER_PORT
        missing = frozenset(offset + address for address in unconnected_nodes(frame.data) if address <= self._config.nodes_per_port)
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
        connected = self._config.nodes_per_port * self._config.ports - sum(len(nodes) for nodes in self._missing.values())
        self._events.append(SessionReady(f"ABLEPick controller with {connected} tags connected"))
        self._tags.connected()
        if self._config.last_node:
            for port in range(self._config.ports):  # 4.3.23: DATA[0..2] may be anything
                self._outgoing += Frame(Sub.POLL_RANGE, self._config.last_node, bytes(3), PORT_1 + port).encode()
        if self._config.controller == "at400":
            self._outgoing += Frame(Sub.SUPPLY, 0, bytes([SUPPLY_AUTO_REPORT, SUPPLY_ENABLE])).encode()
        if self._config.clear_on_connect:
            self._send_all((Sub.CLEAR, b""), (Sub.LED_OFF, b""))
        self._tags.state_all(self._lit_and_stock())
        self._report_missing(frozenset().union(*self._missing.values()))

    def _compare(self, before: frozenset[int], missing: frozenset[int]) -> None:
        self._tags.state_all(sorted(before - missing))
        self._report_missing(missing - before)

    def _report_missing(self, nodes: Iterable[int]) -> None:
        self._events += [TagFault(node, "09", FAULTS["09"]) for node in sorted(nodes) if node in self._wishes.lit]

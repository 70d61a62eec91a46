# SPDX-License-Identifier: Apache-2.0
"""Pick tags on one RS-485 line: the generic tag, and light points of a DM36/DM56 display and a Waveshare IO board, from their register tables."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_sims.engine.twin import UnknownStimulusError
from firmware_sims.sensor_modbus.bus import BusTwin
from firmware_sims.sensor_modbus.device import ILLEGAL_VALUE, ModbusTwin, Refusal
from firmware_sims.sensor_modbus.twin import ModbusInputsTwin

_COLOURS = ("red", "green", "orange", "blue", "pink", "cyan")
_DARK = 0xFFFFFFFF
_CONFIRM, _SHORTAGE = 1, 2
_BOARD_FIRST, _PER_BOARD = 101, 8
_PRESS_S = 0.25  # chosen: how long a finger stays on a key
_NUMBER_HIGH, _NUMBER_LOW, _LAMP, _BUZZER, _CLEAR = range(5)  # holding registers of the generic tag
_LATCHED, _DOWN, _SHOWN_HIGH, _SHOWN_LOW, _LAMP_NOW = range(5)  # its input registers


@dataclass(frozen=True)
class LitTag:
    """What a person sees on a tag: the number on its display (None: no number) and the colour of its lamp (empty: dark)."""

    quantity: int | None
    colour: str


class PickTag(ModbusTwin):
    """A generic tag. Its latch is a flip-flop of its own: it keeps a press until it is cleared, but not without power."""

    def __init__(self, unit_id: int, reply_delay_s: float, colours: int = len(_COLOURS)) -> None:
        super().__init__("rtu", unit_id, reply_delay_s)
        self._colours = colours
        self.holding.update(dict.fromkeys(range(5), 0))
        self.input_registers.update(dict.fromkeys(range(5), 0))
        self.reboot()

    def reboot(self) -> None:
        """Power comes back: dark, silent, no key remembered."""
        for address, value in ((_NUMBER_HIGH, 0xFFFF), (_NUMBER_LOW, 0xFFFF), (_LAMP, 0), (_BUZZER, 0)):
            self.write_word(address, value)
        self.input_registers[_LATCHED] = self.input_registers[_DOWN] = 0

    def write_word(self, address: int, value: int) -> None:
        """See `ModbusTwin.write_word`."""
        if address == _LAMP and value > self._colours:
            raise Refusal(ILLEGAL_VALUE)
        if address == _CLEAR:
            self.input_registers[_LATCHED] &= ~value & 0xFFFF
            return
        super().write_word(address, value)
        shown = {_NUMBER_HIGH: _SHOWN_HIGH, _NUMBER_LOW: _SHOWN_LOW, _LAMP: _LAMP_NOW}
        if address in shown:
            self.input_registers[shown[address]] = value

    @property
    def number(self) -> int | None:
        """On the display."""
        number = self.input_registers[_SHOWN_HIGH] << 16 | self.input_registers[_SHOWN_LOW]
        return None if number == _DARK else number

    @property
    def colour(self) -> str:
        """Of the lamp; empty: it is off."""
        lamp = self.input_registers[_LAMP_NOW]
        return _COLOURS[lamp - 1] if lamp else ""

    @property
    def buzzes(self) -> bool:
        """Whether the buzzer sounds."""
        return bool(self.holding[_BUZZER])

    def count_to(self, quantity: int) -> None:
        """Somebody presses + or - until the display shows this."""
        self.input_registers[_SHOWN_HIGH], self.input_registers[_SHOWN_LOW] = divmod(quantity, 0x10000)

    def press(self, key: int) -> None:
        """A key goes down and is let go."""
        self.input_registers[_LATCHED] |= key


class ModbusTagsTwin(BusTwin):
    """Generic tags 1 to `nodes`. `lit` tells what is lit. Stimuli: press, shortage (node, quantity), hold, release, reboot_tag, unplug, plug (node).

    With `baud_rate` all takes the time that it takes on such a line. `colours`: so many of red, green, orange, blue, pink and cyan; others are refused.
    """

    def __init__(self, nodes: int = 10, reply_delay_s: float = 0.002, baud_rate: int = 0, colours: int = len(_COLOURS)) -> None:
        self.tags = {node: PickTag(node, reply_delay_s, colours) for node in range(1, nodes + 1)}
        super().__init__(self.tags.values(), baud_rate)

    @property
    def lit(self) -> dict[int, LitTag]:
        """Tags that show something or whose lamp is on."""
        return {node: LitTag(tag.number, tag.colour) for node, tag in self.tags.items() if tag.number is not None or tag.colour}

    def on_press(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the confirm key."""
        return self._key(node, quantity, _CONFIRM)

    def on_shortage(self, node: int, quantity: int | None = None, now_s: float = 0.0) -> bytes:
        """Somebody counts the display to `quantity` by the +/- keys (None: leaves it) and presses the shortage key."""
        return self._key(node, quantity, _SHORTAGE)

    def on_hold(self, node: int, now_s: float = 0.0) -> bytes:
        """Something leans on the confirm key."""
        tag = self._tag(node)
        tag.press(_CONFIRM)
        tag.input_registers[_DOWN] = _CONFIRM
        return b""

    def on_release(self, node: int, now_s: float = 0.0) -> bytes:
        """The key is free again."""
        self._tag(node).input_registers[_DOWN] = 0
        return b""

    def on_reboot_tag(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag restarts: it is dark and says nothing of it."""
        self._tag(node).reboot()
        return b""

    def on_unplug(self, node: int, now_s: float = 0.0) -> bytes:
        """A tag loses its power."""
        self._tag(node).reboot()
        return self.on_power_off(node)

    def on_plug(self, node: int, now_s: float = 0.0) -> bytes:
        """Its power is back."""
        self._tag(node).reboot()
        return self.on_power_on(node)

    def set_power(self, text: str, now_s: float) -> bytes:
        """`5 off` or `5 on`. Raises: ValueError."""
        node, word = _node_and_word(text, "on", "off")
        return self.on_plug(node) if word == "on" else self.on_unplug(node)

    def set_key(self, text: str, now_s: float) -> bytes:
        """`5 held` or `5 free`. Raises: ValueError."""
        node, word = _node_and_word(text, "held", "free")
        return self.on_hold(node) if word == "held" else self.on_release(node)

    def _tag(self, node: int) -> PickTag:
        if node not in self.tags:
            raise UnknownStimulusError(f"there is no tag {node} on this line; there are 1 to {len(self.tags)}")
        return self.tags[node]

    def _key(self, node: int, quantity: int | None, key: int) -> bytes:
        tag = self._tag(node)
        if node not in self.silent:
            if quantity is not None:
                tag.count_to(quantity)
            tag.press(key)
        return b""


def _node_and_word(text: str, *words: str) -> tuple[int, str]:
    node, _, word = text.strip().partition(" ")
    if not node.isdecimal() or word not in words:
        raise ValueError(f"{text!r} is not understood; write the tag's number and {' or '.join(words)}, for example '5 {words[0]}'")
    return int(node), word


class _Display(ModbusTwin):
    """A DM36B06 or DM56A04: registers 0 to 5 are the characters of its digits."""

    def __init__(self, unit_id: int, reply_delay_s: float) -> None:
        super().__init__("rtu", unit_id, reply_delay_s)
        self.reboot()

    def reboot(self) -> None:
        """Power comes back: it shows nothing (guessed: an initial text can be set, and none is)."""
        self.holding.update(dict.fromkeys(range(8), 0x20))

    @property
    def text(self) -> str:
        """What it shows."""
        return "".join(chr(self.holding[n] & 0x7F) for n in range(6)).strip()


class ModbusLightPointsTwin(BusTwin):
    """Displays 1 to `nodes`, and from unit 101 on an IO board for each eight of them: a key at each input, a lamp at each output.

    Stimuli: press, hold, release, reboot_tag (node). A press lasts a quarter of a second; nothing remembers it.
    """

    def __init__(self, nodes: int = 8, reply_delay_s: float = 0.004, baud_rate: int = 0) -> None:
        self.nodes = nodes
        self.displays = {node: _Display(node, reply_delay_s) for node in range(1, nodes + 1)}
        boards = range(_BOARD_FIRST, _BOARD_FIRST + (nodes + _PER_BOARD - 1) // _PER_BOARD)
        self.boards = {unit: ModbusInputsTwin("rtu", unit, reply_delay_s) for unit in boards}
        for board in self.boards.values():
            board.inputs.update(dict.fromkeys(board.inputs, 0))
        self._let_go: list[tuple[float, int]] = []
        super().__init__((*self.displays.values(), *self.boards.values()), baud_rate)

    @property
    def lit(self) -> Mapping[int, LitTag]:
        """Light points that show something or whose lamp is on."""
        seen = {node: LitTag(int(display.text) if display.text.isdecimal() else None, self._lamp(node)) for node, display in self.displays.items()}
        return {node: tag for node, tag in seen.items() if tag.quantity is not None or tag.colour}

    def on_press(self, node: int, now_s: float = 0.0) -> bytes:
        """A key is pressed and let go."""
        self.on_hold(node)
        heapq.heappush(self._let_go, (now_s + _PRESS_S, node))
        return b""

    def on_hold(self, node: int, now_s: float = 0.0) -> bytes:
        """Something leans on a key."""
        return self._board(node).on_input(self._place(node) + 1, True)

    def on_release(self, node: int, now_s: float = 0.0) -> bytes:
        """The key is free again."""
        return self._board(node).on_input(self._place(node) + 1, False)

    def on_reboot_tag(self, node: int, now_s: float = 0.0) -> bytes:
        """The display restarts; the lamp at the board burns on."""
        self._board(node)
        self.displays[node].reboot()
        return b""

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        while self._let_go and self._let_go[0][0] <= now_s:
            self.on_release(heapq.heappop(self._let_go)[1])
        return super().advance_to(now_s)

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return min((due_s for due_s in (super().next_deadline_s(), self._let_go[0][0] if self._let_go else None) if due_s is not None), default=None)

    def _board(self, node: int) -> ModbusInputsTwin:
        if node not in self.displays:
            raise UnknownStimulusError(f"there is no light point {node} on this line; there are 1 to {self.nodes}")
        return self.boards[_BOARD_FIRST + (node - 1) // _PER_BOARD]

    def _place(self, node: int) -> int:
        return (node - 1) % _PER_BOARD

    def _lamp(self, node: int) -> str:
        return "on" if self._board(node).outputs[self._place(node) + 1] else ""

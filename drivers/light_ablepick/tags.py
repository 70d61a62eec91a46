# SPDX-License-Identifier: Apache-2.0
"""What each pick tag shall show, and how it is told again until it does.

What shall be lit is kept as a wish per tag. Whenever a tag may have missed something (busy, silent, rebooted, reconnected) its whole wish is
stated again; so no message has to be remembered, and stating it once too often changes nothing. Nothing of it is written to a tag's EEPROM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from drivers.base.lights import ButtonsStuck, TagFault
from drivers.base.session import SessionEvent
from drivers.light_ablepick.config import FLASH_CODES, LightAblepickConfig
from drivers.light_ablepick.events import FAULTS, LitTag
from drivers.light_ablepick.frames import COLOUR_ITEM, COLOURS, DIGITS_ITEM, Sub, digits

FORGIVEN_AFTER_S = 2.0  # a complaint so long after the last one is a new story, not a further try
RELEASED_AFTER_S = 3.0  # chosen: a tag that says nothing of its key for so long, although it was told something, has its key up
STUCK_PROBE_S = 2.0  # chosen: how often a tag with a stuck key is tried
_THREE_COLOURS = {"blue": "red", "pink": "green", "cyan": "orange"}  # AT5xx tags have three (manual 4.3.20.1); the others are these, blinking

Say = Callable[[int, Sub, bytes], None]


@dataclass
class Tag:
    """What the session remembers of one tag; times are monotonic seconds."""

    buzzing: bool = False
    pressed_at_s: float | None = None
    pressed_since_s: float = 0.0
    tries: int = 0
    complained_at_s: float | None = None
    restate_at_s: float | None = None
    held_since_s: float | None = None
    released_at_s: float | None = None
    is_faulty: bool = False


@dataclass
class Wishes:
    """What outlives a connection. `lit`: what tags shall show. `stock`: tags in stock mode. `permanent`: what was written to EEPROMs, by tag and item.

    `stuck` and `supply`: what was told of stuck keys and of the power supply (bits of 6.2), so that its end is told too.
    """

    lit: dict[int, LitTag] = field(default_factory=dict)
    stock: set[int] = field(default_factory=set)
    permanent: dict[tuple[int, int], int] = field(default_factory=dict)
    stuck: set[int] = field(default_factory=set)
    supply: int = 0


class Tags:
    """All tags of a controller. `say` sends a message to a node; `report` is told what happens."""

    def __init__(self, config: LightAblepickConfig, wishes: Wishes, say: Say, report: Callable[[SessionEvent], None]) -> None:
        self._config = config
        self._wishes = wishes
        self._say = say
        self._report = report
        self._tags: dict[int, Tag] = {}
        self._stuck = wishes.stuck

    def tag(self, node: int) -> Tag:
        """The tag's memory; made when it is first asked for."""
        return self._tags.setdefault(node, Tag())

    def faulty(self) -> list[int]:
        """Tags that were reported as faulty and have not proven the contrary."""
        return [node for node, tag in self._tags.items() if tag.is_faulty]

    def state(self, node: int) -> None:
        """Say the tag's whole wish; CLEAR first, since a tag keeps a buffer of messages and would show an earlier one again."""
        self._say(node, Sub.CLEAR, b"")
        wish = self._wishes.lit.get(node)
        if wish is None:
            self._say(node, Sub.LED_OFF, b"")
        else:
            self._state_wish(node, wish)
        if (tag := self._tags.get(node)) and tag.buzzing:
            self._say(node, Sub.BUZZER_ON, b"")

    def state_all(self, nodes: Iterable[int]) -> None:
        """State what shall be lit among these."""
        for node in nodes:
            if node in self._wishes.stock:
                self._say(node, Sub.STOCK_MODE, b"")
            if node in self._wishes.lit:
                self.state(node)

    def connected(self) -> None:
        """A new conversation begins: keys that were stuck before count as stuck when they prove it again."""
        if self._stuck:
            self._stuck.clear()
            self._tell_stuck()

    def buzz(self, node: int, *, on: bool) -> None:
        """Switch the buzzer, if it is not so already."""
        tag = self.tag(node)
        if on or tag.buzzing:
            tag.buzzing = on
            self._say(node, Sub.BUZZER_ON if on else Sub.BUZZER_OFF, b"")

    def answered(self, node: int, now_s: float) -> bool:
        """Its key was pressed. False: that was a double press, and what shall be lit is stated again, since the tag went dark.

        A key that is pressed again and again without a pause is one that is stuck.
        """
        tag = self.tag(node)
        before_s, tag.pressed_at_s = tag.pressed_at_s, now_s
        if before_s is not None and now_s - before_s < self._config.press_filter_s:
            if now_s - tag.pressed_since_s >= self._config.stuck_after_s:
                self._stick(node)
                tag.released_at_s = now_s + RELEASED_AFTER_S
            if node in self._wishes.lit:
                self.state(node)
            return False
        self._let_go(node, tag)
        tag.pressed_since_s = now_s
        tag.is_faulty = False
        if self._wishes.lit.pop(node, None) is not None:
            self.buzz(node, on=False)
            self.state(node)
        return True

    def complained(self, node: int, code: str, now_s: float) -> None:
        """State the tag's wish again after a pause; report the tag once when that did not help often enough."""
        tag = self.tag(node)
        if tag.restate_at_s is not None:
            return  # one busy tag complains about each of the messages that make up a wish
        if tag.complained_at_s is not None and now_s - tag.complained_at_s > FORGIVEN_AFTER_S + self._config.resend_delay_s:
            tag.tries = 0
        tag.complained_at_s = now_s
        tag.tries += 1
        if tag.tries <= self._config.resend_max:
            tag.restate_at_s = now_s + self._config.resend_delay_s
        elif tag.tries == self._config.resend_max + 1:
            self.refused(node, code)

    def held(self, node: int, now_s: float) -> None:
        """Its key was down when a message came, which it dropped. It is told again as long as that lasts; too long is reported."""
        tag = self.tag(node)
        tag.released_at_s = None
        if tag.restate_at_s is not None:
            return
        tag.held_since_s = now_s if tag.held_since_s is None else tag.held_since_s
        if now_s - tag.held_since_s >= self._config.stuck_after_s:
            self._stick(node)
        tag.restate_at_s = now_s + (STUCK_PROBE_S if node in self._stuck else self._config.resend_delay_s)

    def refused(self, node: int, code: str) -> None:
        """It does not do what it shall."""
        self.tag(node).is_faulty = True
        self._report(TagFault(node, code, FAULTS[code]))

    def restarted(self, node: int) -> None:
        """It begins anew."""
        tag = self.tag(node)
        tag.is_faulty = False
        self._let_go(node, tag)

    def advance_to(self, now_s: float) -> None:
        """State again what is due."""
        for node, tag in self._tags.items():
            if tag.released_at_s is not None and now_s >= tag.released_at_s:
                self._let_go(node, tag)
            if tag.restate_at_s is not None and now_s >= tag.restate_at_s:
                tag.restate_at_s = None
                tag.released_at_s = now_s + RELEASED_AFTER_S if tag.held_since_s is not None else None
                self.state(node)

    def deadlines_s(self) -> list[float]:
        """When something is due."""
        return [due_s for tag in self._tags.values() for due_s in (tag.restate_at_s, tag.released_at_s) if due_s is not None]

    def _stick(self, node: int) -> None:
        if node not in self._stuck:
            self._stuck.add(node)
            self._tell_stuck()
            self.refused(node, "0D")

    def _let_go(self, node: int, tag: Tag) -> None:
        tag.held_since_s = tag.released_at_s = None
        if node in self._stuck:
            self._stuck.discard(node)
            tag.is_faulty = False
            self._tell_stuck()

    def _tell_stuck(self) -> None:
        self._report(ButtonsStuck(tuple(sorted(self._stuck))))

    def _state_wish(self, node: int, wish: LitTag) -> None:
        colour, flash = wish.colour, wish.flash
        if self._config.tag_series == "at5xx" and colour in _THREE_COLOURS:
            colour, flash = _THREE_COLOURS[colour], True
        self._say(node, Sub.CONFIGURE, bytes([COLOUR_ITEM, COLOURS[colour]]))  # without the byte 55: its EEPROM would wear out
        if self._config.editable_digits >= 0:
            self._say(node, Sub.CONFIGURE, bytes([DIGITS_ITEM, self._config.editable_digits]))
        self._say(node, Sub.SHOW, digits(wish.quantity))
        if wish.flash:
            self._say(node, Sub.DISPLAY_FLASH, b"")
        if flash:
            # two bytes are guessed: 4.3.9 names only DATA[1], and other pages of the manual call DATA[0] the high byte of a timer
            self._say(node, Sub.FLASH_INTERVAL, bytes([0, FLASH_CODES[self._config.flash_interval]]))
        self._say(node, Sub.LED_FLASH if flash else Sub.LED_ON, b"")

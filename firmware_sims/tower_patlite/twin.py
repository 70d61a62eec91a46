# SPDX-License-Identifier: Apache-2.0
"""A Patlite signal tower (LA6-POE, LR5-LAN, NH series), written from the LA6-POE Operation Manual, 5.1, and the NHL User Manual, 3.6.

Guessed, since no page says it: bytes that are no command of this product are answered with NAK and thrown away up to the end of what has come; a tower
that is switched off and on shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from firmware_sims.engine.twin import Twin

_ACK, _NAK = b"\x06", b"\x15"
_KEEP = 9
_TIERS = 5
_FAMILIES = {"la6": (b"AB", range(3), range(4)), "lr5": (b"AB", range(8), range(2)), "nh": (b"XX", range(4), range(5))}
_COLOURS = ("off", "red", "yellow", "lemon", "green", "sky_blue", "blue", "purple", "peach", "white")
_RGB = {  # LA6-POE 5.1.9, examples (page 43)
    "off": "000000",
    "red": "ff0000",
    "yellow": "ffcc00",
    "green": "00ff00",
    "blue": "0033ff",
    "purple": "cc00dd",
    "peach": "ff00cc",
    "white": "ffffff",
    "lemon": "ffff00",  # guessed, as is the next one: the table of page 93 was not at hand
    "sky_blue": "00ccff",
}
_MAC = "8039e5001a2f"  # LA6-POE 5.1.9, example
_FLASHES_PER_MIN = 60  # LA6-POE 9 (specification); how a lamp looks, not what is on the wire


@dataclass
class Tower:
    """The tower itself: lamps, buzzer, smart mode and signal wires; time makes its lamps flash."""

    lamps: list[int] = field(default_factory=lambda: [0] * _TIERS)
    colours: list[str] = field(default_factory=lambda: ["red", "yellow", "green", "blue", "white"])
    buzzer: int = 0
    muted: bool = False
    group: int = 0
    inputs: list[bool] = field(default_factory=lambda: [False] * 8)
    stuck: set[int] = field(default_factory=set)
    phase_s: float = 0.0

    def advance(self, dt_s: float) -> None:
        """Let the lamps flash on."""
        self.phase_s = (self.phase_s + dt_s) % (60 / _FLASHES_PER_MIN)

    def is_bright(self, tier: int) -> bool:
        """What a person sees of a tier (1-5) at this moment."""
        pattern = self.lamps[tier - 1]
        return pattern == 1 or (pattern > 1 and self.phase_s < 30 / _FLASHES_PER_MIN)

    @property
    def sounds(self) -> bool:
        """Whether one hears it."""
        return self.buzzer > 0 and not self.muted

    def show(self, lamps: list[int], buzzer: int) -> None:
        """Patterns of all tiers and the buzzer; 9 leaves one as it is."""
        self.group = 0
        self.lamps = [old if new == _KEEP or tier in self.stuck else new for tier, (old, new) in enumerate(zip(self.lamps, lamps, strict=True), 1)]
        if buzzer != _KEEP:
            self.buzzer, self.muted = buzzer, False


class PatliteTwin(Twin):
    """`tower` tells what is lit and sounds. Stimuli: input (signal wire), power_cut, stick (a tier stays as it is), mend, refuse (NAK to the next commands)."""

    def __init__(self, model: Literal["la6", "lr5", "nh"] = "la6") -> None:
        self.model = model
        self.tower = Tower()
        self._pending = b""
        self._refusals = 0
        self._at_s: float | None = None
        self._wants_close = False
        self._commands: dict[bytes, tuple[int, Callable[[bytes], bytes]]] = {b"S": (6, self._run), b"C": (0, self._clear), b"G": (0, self._status)}
        if model == "la6":
            self._commands |= {b"D": (7, self._detail), b"T": (1, self._smart), b"M": (1, self._mute), b"E": (0, self._whole_status)}

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending, self._wants_close = b"", False
        return b""

    @property
    def wants_close(self) -> bool:
        """See `Twin.wants_close`."""
        return self._wants_close

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        self.tower.advance(max(0.0, now_s - (now_s if self._at_s is None else self._at_s)))
        self._at_s = now_s
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self.advance_to(now_s)
        self._pending += data
        said = b""
        while self._pending:
            if not self._pending.startswith(_FAMILIES[self.model][0][: len(self._pending)]):
                self._pending = b""
                return said + _NAK
            size = int.from_bytes(self._pending[4:6], "big")
            if len(self._pending) < 6 or (len(self._pending) < 6 + size and size <= 16):
                return said
            frame, self._pending = self._pending[: 6 + size], self._pending[6 + size :]
            said += self._obey(frame[2:3], frame[6:])
        return said

    def _obey(self, identifier: bytes, data: bytes) -> bytes:
        if self._refusals:
            self._refusals -= 1
            return _NAK
        size, command = self._commands.get(identifier, (-1, self._clear))
        return command(data) if size == len(data) else _NAK

    def _run(self, data: bytes) -> bytes:
        _, patterns, sounds = _FAMILIES[self.model]
        *lamps, buzzer = data
        if any(lamp not in patterns and lamp != _KEEP for lamp in lamps) or (buzzer not in sounds and buzzer != _KEEP):
            return _NAK
        self.tower.show(lamps, buzzer)
        return _ACK

    def _detail(self, data: bytes) -> bytes:
        *colours, blinking, buzzer = data
        if any(colour >= len(_COLOURS) for colour in colours) or blinking > 1 or buzzer > 11:
            return _NAK
        self.tower.show([0 if colour == 0 else 1 + blinking for colour in colours], buzzer)
        self.tower.colours = [_COLOURS[colour] for colour in colours]
        return _ACK

    def _clear(self, data: bytes) -> bytes:
        self.tower.show([0] * _TIERS, 0)
        return _ACK

    def _smart(self, data: bytes) -> bytes:
        if not 1 <= data[0] <= 31:
            return _NAK
        self.tower.group = data[0]
        return _ACK

    def _mute(self, data: bytes) -> bytes:
        self.tower.muted = bool(data[0])
        return _ACK

    def _status(self, data: bytes) -> bytes:
        tower = self.tower
        lamps = bytes([*tower.lamps, tower.buzzer])
        if self.model != "la6":
            return lamps
        tail = bytes([1, tower.group, tower.muted, 0, 1, 0, 0]) if tower.group else b"\x00" + lamps
        return bytes(tower.inputs) + tail

    def _whole_status(self, data: bytes) -> bytes:
        """LA6-POE 5.1.9: address, inputs, mode, four bytes that are open, what smart mode does, status and colour of each tier, buzzer."""
        tower = self.tower
        head = bytes.fromhex(_MAC) + bytes(tower.inputs) + bytes([bool(tower.group), 0, 0, 0, 0])
        smart = bytes([tower.group, tower.muted, 0, 1, 0]) if tower.group else b""
        shown = zip(tower.lamps, tower.colours, strict=True)
        tiers = b"".join(bytes([lamp]) + bytes.fromhex(_RGB[colour if lamp else "off"]) for lamp, colour in shown)
        return head + smart + tiers + bytes([tower.buzzer])

    # -- stimuli --------------------------------------------------------------------------------------------------------------------------

    def on_input(self, number: int, level: bool = True, now_s: float = 0.0) -> bytes:
        """A signal wire (1-8) is switched."""
        self.tower.inputs[number - 1] = level
        return b""

    def on_power_cut(self, now_s: float = 0.0) -> bytes:
        """The tower starts anew and shows nothing."""
        self.tower = Tower(inputs=self.tower.inputs, stuck=self.tower.stuck)
        self._wants_close = True
        return b""

    def on_stick(self, tier: int, now_s: float = 0.0) -> bytes:
        """A tier does not change any more, whatever is told."""
        self.tower.stuck.add(tier)
        return b""

    def on_mend(self, tier: int, now_s: float = 0.0) -> bytes:
        """It does again."""
        self.tower.stuck.discard(tier)
        return b""

    def on_refuse(self, commands: int = 1, now_s: float = 0.0) -> bytes:
        """The next commands are refused."""
        self._refusals = commands
        return b""
